/**
 * India: the 22 refund statuses of a centrally processed income-tax return, as data.
 * Sources: Income-tax Act 1961 and Income-tax Act 2025 (section numbers by regime), CBDT Notification 5/2022 (30 days to verify),
 * CBDT Circular 03/2023 with Rule 114AAA (inoperative PAN), public help pages of the filing portal and the refund banker scheme.
 * Reviewed 2026-11-21 against the project's research notes; `checked` says how each section number was read, and one marked
 * `recheck` must not be cited to a person as certain. Modelled on public rules, not connected to any authority.
 */
import type { Checked, CountryPack, InCode, InSeason, LawRef, Phase, Quantiles, StatusRow } from '../rules/types.ts';

type Day = CountryPack['reviewedOn'];
const day = (text: string): Day => text as Day;
const law = (old: string, oldChecked: Checked, now: string, nowChecked: Checked): readonly LawRef[] => [
  { regime: 'IN-1961', section: old, checked: oldChecked },
  { regime: 'IN-2025', section: now, checked: nowChecked },
];

type Given = Pick<StatusRow, 'phase' | 'actor' | 'law' | 'next'> & Partial<StatusRow>;
const row = (code: InCode, given: Given): StatusRow => ({
  code, effect: 'status', deadline: { kind: 'none' }, moneyMoved: false, final: false, reversibleDays: null, speaksOf: null, opens: [], ...given,
});

const outcomes: readonly Phase[] = ['determined', 'nil', 'demand'];
const working: readonly Phase[] = ['processing', 'needs_action', 'held', 'transferred', ...outcomes, 'superseded', 'lapsed'];
const paying: readonly Phase[] = ['offset_proposed', 'offset_applied', 'withheld', 'sent', 'rectified', 'superseded'];

const statuses: Readonly<Record<InCode, StatusRow>> = {
  IN_FILED_UNVERIFIED: row('IN_FILED_UNVERIFIED', {
    phase: 'filed', actor: 'you', opens: ['verification'], speaksOf: 'claimed', deadline: { kind: 'days_after_event', days: 30 },
    law: law('139 with Notification 5/2022', 'secondary', '263', 'secondary'), next: ['verified', 'lapsed', 'superseded'],
  }),
  IN_VERIFIED: row('IN_VERIFIED', {
    phase: 'verified', actor: 'cpc', speaksOf: 'claimed', law: law('139', 'secondary', '263', 'secondary'), next: working,
  }),
  IN_PROCESSING: row('IN_PROCESSING', {
    phase: 'processing', actor: 'cpc', speaksOf: 'claimed', law: law('143(1)', 'official', '270(1)', 'secondary'), next: working,
  }),
  IN_DEFECTIVE: row('IN_DEFECTIVE', {
    phase: 'needs_action', actor: 'you', opens: ['response'], speaksOf: 'claimed', deadline: { kind: 'as_on_notice', daysMin: 15, daysMax: 15 },
    law: law('139(9)', 'official', '263', 'recheck'), next: working,
  }),
  IN_PROPOSED_ADJ: row('IN_PROPOSED_ADJ', {
    phase: 'needs_action', actor: 'you', opens: ['response'], speaksOf: 'claimed', deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 },
    law: law('143(1)(a)', 'official', '270(1)', 'secondary'), next: working,
  }),
  IN_RISK_HOLD: row('IN_RISK_HOLD', {
    phase: 'held', actor: 'cpc', speaksOf: 'claimed', deadline: { kind: 'year_date', which: 'revised' },
    law: law('143(1), 139(5)', 'secondary', '270(1), 263(5)', 'secondary'), next: working,
  }),
  IN_TRANSFERRED_AO: row('IN_TRANSFERRED_AO', {
    phase: 'transferred', actor: 'assessing_officer', speaksOf: 'claimed', law: law('143(2), 143(3)', 'official', '270', 'recheck'),
    next: [...working, 'withheld', 'rectified'],
  }),
  IN_REFUND_DETERMINED: row('IN_REFUND_DETERMINED', {
    phase: 'determined', actor: 'cpc', speaksOf: 'payable', law: law('143(1), 244A', 'official', '270(1), 437', 'recheck'), next: paying,
  }),
  IN_NIL: row('IN_NIL', {
    phase: 'nil', actor: 'nobody', final: true, law: law('143(1)', 'official', '270(1)', 'secondary'), next: ['rectified', 'transferred', 'superseded'],
  }),
  IN_DEMAND: row('IN_DEMAND', {
    phase: 'demand', actor: 'you', opens: ['demand'], final: true, deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 },
    law: law('143(1), 156', 'secondary', '270(1)', 'recheck'), next: ['rectified', 'transferred', 'superseded', 'nil'],
  }),
  IN_245_INTIMATED: row('IN_245_INTIMATED', {
    phase: 'offset_proposed', actor: 'you', opens: ['response', 'demand'], speaksOf: 'payable', deadline: { kind: 'as_on_notice', daysMin: 21, daysMax: 30 },
    law: law('245(1)', 'official', '438', 'secondary'), next: ['offset_applied', 'withheld', 'sent', 'determined', 'rectified', 'superseded'],
  }),
  IN_ADJ_PARTIAL: row('IN_ADJ_PARTIAL', {
    phase: 'offset_applied', actor: 'cpc', speaksOf: 'adjusted', law: law('245(1)', 'official', '438', 'secondary'),
    next: ['sent', 'withheld', 'rectified', 'superseded', 'determined'],
  }),
  IN_ADJ_FULL: row('IN_ADJ_FULL', {
    phase: 'offset_applied', actor: 'nobody', speaksOf: 'adjusted', final: true, law: law('245(1)', 'official', '438', 'secondary'),
    next: ['rectified', 'superseded', 'determined'],
  }),
  IN_WITHHELD: row('IN_WITHHELD', {
    phase: 'withheld', actor: 'assessing_officer', speaksOf: 'payable', law: law('245(2)', 'official', '438(3)', 'official'),
    next: ['determined', 'offset_proposed', 'offset_applied', 'sent', 'rectified', 'nil', 'demand'],
  }),
  IN_SENT_BANKER: row('IN_SENT_BANKER', {
    phase: 'sent', actor: 'refund_banker', speaksOf: 'payable',
    law: law('143(1), refund banker scheme', 'secondary', '270(1), refund banker scheme', 'recheck'),
    next: ['paid', 'failed', 'expired', 'rectified', 'superseded'],
  }),
  IN_PAID: row('IN_PAID', {
    phase: 'paid', actor: 'nobody', speaksOf: 'paid', moneyMoved: true, final: true, reversibleDays: 30,
    law: law('239, refund banker scheme', 'recheck', '433, refund banker scheme', 'secondary'), next: ['failed', 'rectified', 'superseded'],
  }),
  IN_FAILED: row('IN_FAILED', {
    phase: 'failed', actor: 'you', speaksOf: 'payable',
    law: law('refund banker scheme; Rule 114AAA for an inoperative PAN', 'official', 'refund banker scheme', 'recheck'),
    next: ['reissue_requested', 'sent', 'paid', 'rectified', 'superseded'],
  }),
  IN_REISSUE_REQ: row('IN_REISSUE_REQ', {
    phase: 'reissue_requested', actor: 'cpc', speaksOf: 'payable', law: law('refund banker scheme', 'secondary', 'refund banker scheme', 'recheck'),
    next: ['sent', 'failed', 'paid', 'rectified', 'superseded'],
  }),
  IN_EXPIRED: row('IN_EXPIRED', {
    phase: 'expired', actor: 'you', speaksOf: 'payable', law: law('refund banker scheme', 'official', 'refund banker scheme', 'recheck'),
    next: ['reissue_requested', 'sent', 'paid', 'rectified', 'superseded'],
  }),
  IN_SUPERSEDED: row('IN_SUPERSEDED', {
    phase: 'superseded', actor: 'nobody', final: true, law: law('139(5)', 'official', '263(5)', 'secondary'), next: [],
  }),
  IN_RECTIFIED: row('IN_RECTIFIED', {
    phase: 'rectified', actor: 'cpc', speaksOf: 'computed', law: law('154', 'official', '287', 'recheck'),
    next: [...outcomes, ...paying, 'transferred'],
  }),
  IN_LAPSED: row('IN_LAPSED', {
    phase: 'lapsed', actor: 'you', opens: ['verification'], final: true, deadline: { kind: 'year_date', which: 'belated' },
    law: law('139 with Notification 5/2022, 119(2)(b)', 'secondary', '263', 'recheck'), next: ['verified', 'superseded'],
  }),
};

/**
 * How an Indian filing season behaves, for the generator. Sources: CBDT and finance ministry figures through the press (AY 2023-24 at
 * 5 September 2023, AY 2025-26 at 25 December 2025, FY 2024-25): 2.0 % unverified, about 41 % of processed returns with a refund, mean
 * processing of 10 to 17 days after verification. No public table splits individual amounts: the log-normal of ₹9,500 median is ours.
 * Shares are per 10,000; durations are hours; amounts are whole rupees. Synthetic: never to be presented as official statistics.
 */
const season: InSeason = {
  country: 'IN',
  start: day('2026-05-15'),
  /** Days from the start at which a share of all returns has been filed: slow, then the rush to 31 July and 31 August, then belated ones. */
  arrival: [[0, 0], [40, 17], [150, 40], [300, 60], [450, 69], [600, 74], [760, 77], [810, 78], [850, 95], [950, 109], [970, 125], [1000, 200]],
  amounts: [
    [0, 120], [1, 230], [10, 580], [50, 1320], [100, 2040], [250, 4230], [500, 9500], [750, 21340], [900, 44220], [950, 68380], [990, 154920],
    [999, 387440], [1000, 503680],
  ],
  largeRupees: 100_000,
  shares: {
    refund: 4100, demand: 600, nilClaimed: 500, demandClaimed: 3000, unverified: 200, verifiedSameDay: 8000, defective: 70, defectUnanswered: 1000,
    proposed: 200, hold: 150, holdLarge: 800, transferred: 30, reduced: 800, setOffFull: 200, setOffPartial: 200, withheld: 20, bankFailure: 250,
    failureAgain: 1000, reissued: 8500, returnedAfterPaid: 20, expired: 5, nilRectified: 50, noInterest: 800, revised: 300,
  },
  durations: {
    processing: [
      [0, 3], [1, 6], [10, 14], [50, 29], [100, 43], [250, 82], [500, 168], [750, 343], [900, 654], [950, 961], [990, 1978], [999, 4445], [1000, 5779],
    ],
    hold: [[0, 480], [500, 1080], [900, 2400], [1000, 3600]],
    officer: [[0, 720], [500, 1800], [1000, 3600]],
    toBanker: [[0, 24], [500, 48], [1000, 96]],
    credit: [[0, 20], [700, 48], [1000, 96]],
    failure: [[0, 72], [500, 120], [1000, 240]],
    reissue: [[0, 48], [500, 240], [1000, 720]],
    resend: [[0, 72], [500, 120], [1000, 200]],
  },
};

/**
 * Days from the beginning of a phase to the bank credit, for returns that end in one: measured on the generator (20,000 filers, seed
 * `calibration`), holds and failed payments included. A tenant replaces them with its own cohort.
 */
const inToPayment = {
  verified: [[0, 2], [50, 5], [100, 6], [250, 8], [500, 13], [750, 23], [900, 41], [950, 64], [980, 90], [1000, 280]],
  processing: [[0, 2], [50, 4], [100, 5], [250, 7], [500, 11], [750, 22], [900, 40], [950, 62], [980, 86], [1000, 280]],
  determined: [[0, 1], [50, 2], [250, 3], [500, 4], [750, 5], [900, 6], [950, 8], [980, 32], [1000, 184]],
  offset_applied: [[0, 2], [100, 3], [500, 4], [750, 5], [900, 7], [950, 22], [980, 36], [1000, 70]],
  sent: [[0, 0], [50, 1], [500, 2], [900, 4], [960, 5], [980, 20], [1000, 76]],
  reissue_requested: [[0, 4], [100, 5], [250, 6], [500, 7], [750, 9], [900, 20], [950, 29], [980, 38], [1000, 46]],
} as const satisfies Record<string, Quantiles>;

export const india: CountryPack = {
  country: 'IN',
  currency: 'INR',
  zone: 'Asia/Kolkata',
  reviewedOn: day('2026-11-21'),
  sources: [
    'Income-tax Act, 1961', 'Income-tax Act, 2025', 'CBDT Notification 5/2022', 'CBDT Circular 03/2023', 'Income-tax Rules, 1962: 114AAA, 119A',
    'Public help pages of the filing portal and of the refund banker scheme',
  ],
  regimes: [
    { regime: 'IN-1961', from: day('1962-04-01'), to: day('2026-03-31'), firstYear: 1962, lastYear: 2026 },
    { regime: 'IN-2025', from: day('2026-04-01'), to: null, firstYear: 2027, lastYear: null },
  ],
  statuses,
  precedence: ['efiling', 'cpc', 'ao', 'banker'],
  blockers: ['verification', 'pan_link', 'bank_validated', 'demand', 'response'],
  opensByReason: {
    account_closed: 'bank_validated', ifsc_wrong: 'bank_validated', name_mismatch: 'bank_validated', not_validated: 'bank_validated',
    account_frozen: 'bank_validated', no_bank_details: 'bank_validated', pan_inoperative: 'pan_link', earlier_demand: 'demand',
  },
  impliesVerified: true,
  forms: [
    { code: 'ITR-1', dueBy: 'due' }, { code: 'ITR-2', dueBy: 'due' }, { code: 'ITR-3', dueBy: 'due_no_audit' }, { code: 'ITR-4', dueBy: 'due_no_audit' },
    { code: 'ITR-5', dueBy: 'due_no_audit' }, { code: 'ITR-6', dueBy: 'due_audit' }, { code: 'ITR-7', dueBy: 'due_audit' },
  ],
  year: {
    current: 2026, history: 7, taxYearFrom: 2027, taxYearOffset: -1, span: true,
    dates: {
      2026: {
        due: day('2026-07-31'), due_no_audit: day('2026-08-31'), due_audit: day('2026-10-31'), due_transfer_pricing: day('2026-11-30'),
        belated: day('2026-12-31'), revised: day('2027-03-31'), updated: day('2031-03-31'),
      },
    },
  },
  identifier: { kind: 'pan', pattern: /^[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]$/, example: 'AAAPA0000A', shown: [5, 9] },
  expected: {
    filed: { none: 'waits_for_you' },
    verified: { basis: 'cohort', days: inToPayment.verified },
    processing: { basis: 'cohort', days: inToPayment.processing },
    needs_action: { none: 'waits_for_you' },
    held: { none: 'held' },
    transferred: { none: 'held' },
    determined: { basis: 'cohort', days: inToPayment.determined },
    rectified: { none: 'not_known' },
    nil: { none: 'no_refund' },
    demand: { none: 'no_refund' },
    offset_proposed: { none: 'offset_pending' },
    offset_applied: { basis: 'cohort', days: inToPayment.offset_applied },
    withheld: { none: 'held' },
    approved: { none: 'not_known' },
    sent: { basis: 'cohort', days: inToPayment.sent },
    paid: { none: 'paid' },
    failed: { none: 'waits_for_you' },
    expired: { none: 'waits_for_you' },
    reissue_requested: { basis: 'cohort', days: inToPayment.reissue_requested },
    rejected: { none: 'no_refund' },
    lapsed: { none: 'no_refund' },
    superseded: { none: 'return_replaced' },
  },
  roundTo: 1000n,
  season,
};
