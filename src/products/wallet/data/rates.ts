/**
 * Interest and fees by currency, in the shape of a savings account's schedule of charges. Made up for the demo; [K] a tenant sets its own.
 * `ratePpm`: interest a year in millionths (25,000 = 2.5 %); `fee`: taken at each month's end in minor units, unless the balance is at least
 * `feeWaivedFrom`. Date: 2026-11-25.
 */
export const RATES = {
  INR: { ratePpm: 25_000, fee: 500n, feeWaivedFrom: 100_000n },
  USD: { ratePpm: 10_000, fee: 100n, feeWaivedFrom: 10_000n },
};
