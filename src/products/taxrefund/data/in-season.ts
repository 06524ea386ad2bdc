/**
 * How an Indian filing season behaves, for the generator. Sources: CBDT and finance ministry figures through the press (AY 2023-24 at
 * 5 September 2023, AY 2025-26 at 25 December 2025, FY 2024-25): 2.0 % unverified, about 41 % of processed returns with a refund, mean
 * processing of 10 to 17 days after verification. No public table splits individual amounts: the log-normal of ₹9,500 median is ours.
 * Shares are per 10,000; durations are hours; amounts are whole rupees. Synthetic: never to be presented as official statistics.
 */
import type { Quantiles } from '../rules/types.ts';

/** Log-normal, median 7 days, 95 % within 40 days, as hours after verification. */
const processing: Quantiles = [
  [0, 3], [1, 6], [10, 14], [50, 29], [100, 43], [250, 82], [500, 168], [750, 343], [900, 654], [950, 961], [990, 1978], [999, 4445], [1000, 5779],
];

export const inSeason = {
  start: '2026-05-15',
  /** Days from the start at which a share of all returns has been filed: slow, then the rush to 31 July and 31 August, then belated ones. */
  arrival: [[0, 0], [40, 17], [150, 40], [300, 60], [450, 69], [600, 74], [760, 77], [810, 78], [850, 95], [950, 109], [970, 125], [1000, 200]],
  amounts: [
    [0, 120], [1, 230], [10, 580], [50, 1320], [100, 2040], [250, 4230], [500, 9500], [750, 21340], [900, 44220], [950, 68380], [990, 154920],
    [999, 387440], [1000, 503680],
  ],
  outcome: { refund: 4100, demand: 600 },
  nilClaimed: 500,
  demandClaimed: 3000,
  unverified: 200,
  verifiedSameDay: 8000,
  defective: 70,
  defectUnanswered: 1000,
  proposed: 200,
  hold: 150,
  holdLarge: 800,
  largeRupees: 100_000,
  transferred: 30,
  reduced: 800,
  setOffFull: 200,
  setOffPartial: 200,
  withheld: 20,
  bankFailure: 250,
  failureAgain: 1000,
  reissued: 8500,
  returnedAfterPaid: 20,
  expired: 5,
  nilRectified: 50,
  noInterest: 800,
  revised: 300,
  durations: {
    processing,
    hold: [[0, 480], [500, 1080], [900, 2400], [1000, 3600]],
    officer: [[0, 720], [500, 1800], [1000, 3600]],
    toBanker: [[0, 24], [500, 48], [1000, 96]],
    credit: [[0, 20], [700, 48], [1000, 96]],
    failure: [[0, 72], [500, 120], [1000, 240]],
    reissue: [[0, 48], [500, 240], [1000, 720]],
    resend: [[0, 72], [500, 120], [1000, 200]],
  },
} as const;

/**
 * Days from the beginning of a phase to the bank credit, for returns that end in one: measured on the generator (20,000 filers, seed
 * `calibration`), holds and failed payments included. A tenant replaces them with its own cohort.
 */
export const inToPayment = {
  verified: [[0, 2], [50, 5], [100, 6], [250, 8], [500, 13], [750, 23], [900, 41], [950, 64], [980, 90], [1000, 280]],
  processing: [[0, 2], [50, 4], [100, 5], [250, 7], [500, 11], [750, 22], [900, 40], [950, 62], [980, 86], [1000, 280]],
  determined: [[0, 1], [50, 2], [250, 3], [500, 4], [750, 5], [900, 6], [950, 8], [980, 32], [1000, 184]],
  offset_applied: [[0, 2], [100, 3], [500, 4], [750, 5], [900, 7], [950, 22], [980, 36], [1000, 70]],
  sent: [[0, 0], [50, 1], [500, 2], [900, 4], [960, 5], [980, 20], [1000, 76]],
  reissue_requested: [[0, 4], [100, 5], [250, 6], [500, 7], [750, 9], [900, 20], [950, 29], [980, 38], [1000, 46]],
} as const satisfies Record<string, Quantiles>;
