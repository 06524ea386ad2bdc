import type { Quantiles } from '../rules/types.ts';
const flat: Quantiles = [[0, 0], [1000, 21]];
export const usToPayment = { processing: flat, determined: flat, approved: flat, sent: flat };
