/**
 * How a filing season in the United States behaves, for the generator. Sources: IRS weekly filing season tables (26 April 2024: 66 % of
 * processed returns with a refund, mean $2,852, 93 % by direct deposit; February 2016: arrival in the first weeks), public statement
 * "most refunds within 21 days". Shares of holds, letters and offsets are ours. Shares are per 10,000; durations are hours; amounts are
 * whole dollars. Synthetic: never to be presented as official statistics.
 */
import type { Quantiles } from '../rules/types.ts';

export const usSeason = {
  start: '2026-01-26',
  arrival: [[0, 0], [185, 11], [330, 25], [405, 32], [620, 60], [800, 73], [960, 80], [975, 95], [985, 200], [1000, 263]],
  /** Log-normal shape, scaled so that the mean of the table is $2,852. */
  amounts: [
    [0, 46], [1, 91], [10, 189], [50, 360], [100, 509], [250, 906], [500, 1719], [750, 3262], [900, 5807], [950, 8201], [990, 15669],
    [999, 32374], [1000, 42086],
  ],
  outcome: { refund: 6600 },
  earnedIncome: 1500,
  otherCredit: 1200,
  pathReleaseDay: '02-17',
  hold: 400,
  review: 100,
  identityOnline: 120,
  identityPhone: 30,
  examination: 40,
  freeze: 20,
  mathError: 150,
  treasuryOffset: 300,
  offsetReversed: 200,
  taxOffset: 100,
  paperCheck: 730,
  depositReturned: 100,
  checkReturned: 300,
  taxRaised: 30,
  taxLowered: 30,
  durations: {
    posting: [[0, 20], [1, 39], [10, 60], [50, 87], [100, 107], [250, 149], [500, 216], [750, 313], [900, 437], [950, 534], [990, 776], [999, 1182], [1000, 1537]],
    hold: [[0, 168], [500, 500], [900, 1100], [1000, 1440]],
    identity: [[0, 72], [500, 360], [1000, 1200]],
    approve: [[0, 24], [500, 72], [1000, 168]],
    dated: [[0, 24], [500, 72], [1000, 120]],
    returned: [[0, 96], [500, 192], [1000, 400]],
    reply: [[0, 24], [500, 200], [1000, 700]],
    resend: [[0, 120], [500, 240], [1000, 480]],
  },
} as const;

/**
 * Days from the beginning of a phase to the date of the payment, measured on the generator (20,000 filers, seed `calibration`), holds and
 * letters included; from `sent` to the bank as published: about five days. A tenant replaces them with its own cohort.
 */
export const usToPayment = {
  processing: [[0, 2], [50, 8], [100, 10], [250, 13], [500, 17], [750, 22], [900, 31], [950, 42], [980, 59], [1000, 129]],
  determined: [[0, 2], [50, 3], [100, 4], [250, 5], [500, 7], [750, 8], [900, 10], [950, 21], [980, 43], [1000, 123]],
  approved: [[0, 1], [250, 2], [500, 3], [750, 4], [900, 5], [980, 6], [1000, 72]],
  sent: [[0, 0], [500, 2], [900, 5], [1000, 10]],
} as const satisfies Record<string, Quantiles>;
