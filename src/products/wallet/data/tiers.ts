/**
 * What a holder may send by how well they are known, in minor units. Made up for the demo in the shape of India's rules for prepaid
 * instruments (Reserve Bank of India, Master Direction on PPIs, 2021: a small instrument 10,000 a month, a full one 200,000); [K] a
 * tenant sets its own. Date: 2026-11-25.
 */

const INR = [
  { perTransfer: 500_000n, perDay: 1_000_000n, perMonth: 1_000_000n, countPerDay: 10, balance: 1_000_000n },
  { perTransfer: 2_500_000n, perDay: 5_000_000n, perMonth: 10_000_000n, countPerDay: 50, balance: 20_000_000n },
  { perTransfer: 20_000_000n, perDay: 50_000_000n, perMonth: 200_000_000n, countPerDay: 200, balance: 2_000_000_000n },
];
const USD = [
  { perTransfer: 10_000n, perDay: 20_000n, perMonth: 50_000n, countPerDay: 10, balance: 50_000n },
  { perTransfer: 100_000n, perDay: 200_000n, perMonth: 500_000n, countPerDay: 50, balance: 1_000_000n },
  { perTransfer: 1_000_000n, perDay: 2_000_000n, perMonth: 10_000_000n, countPerDay: 200, balance: 100_000_000n },
];

/** Currencies that accounts are opened in, each with its limits by tier. */
export const TIERS = { INR, USD };
