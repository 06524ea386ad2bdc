import type { Currency } from '#kernel';
import type { Tier, TierLimits } from '../contract.ts';
import { TIERS } from '../data/tiers.ts';

const byCurrency: Partial<Readonly<Record<Currency, readonly TierLimits[]>>> = TIERS;

/** What a holder of a tier may send in a currency; undefined where no accounts are opened in it. */
export const limitsOf = (currency: Currency, tier: Tier): TierLimits | undefined => byCurrency[currency]?.[tier];
/** Currencies that accounts are opened in. */
export const offered = (): Currency[] => Object.keys(byCurrency) as Currency[];
