/**
 * United States: the three stages of the public refund tracker, the account transaction codes that filers read on transcripts,
 * and the notices that stop a refund, as data. A table from code to fact; no date is ever derived from a cycle code.
 * Sources: public IRS pages on refunds, transaction codes and notices; Internal Revenue Code §§ 6201, 6213, 6402;
 * Executive Order 14247 and the Taxpayer Advocate's 2026 pages (CP53E). Reviewed 2026-11-21 against the project's research notes;
 * section numbers marked `recheck` must not be cited to a person as certain. Modelled on public rules, not connected to any authority.
 */
import type { Checked, CountryPack, LawRef, Phase, Quantiles, StatusRow, UsCode, UsSeason } from '../rules/types.ts';

type Day = CountryPack['reviewedOn'];
const day = (text: string): Day => text as Day;
const irc = (section: string, checked: Checked = 'recheck'): readonly LawRef[] => [{ regime: 'US-IRC', section, checked }];

type Given = Pick<StatusRow, 'phase' | 'law'> & Partial<StatusRow>;
const working: readonly Phase[] = [
  'processing', 'needs_action', 'held', 'determined', 'nil', 'rectified', 'offset_applied', 'approved', 'sent', 'superseded',
];
const row = (code: UsCode, given: Given): StatusRow => ({
  code, actor: 'irs', effect: 'status', deadline: { kind: 'none' }, moneyMoved: false, final: false, reversibleDays: null, speaksOf: null,
  opens: [], next: working, ...given,
});
const note = (code: UsCode, given: Given): StatusRow => row(code, { effect: 'note', ...given });
const returned: readonly Phase[] = ['failed', 'needs_action', 'reissue_requested', 'rectified', 'sent'];

const statuses: Readonly<Record<UsCode, StatusRow>> = {
  US_WMR1: row('US_WMR1', { phase: 'processing', speaksOf: 'claimed', law: irc('6402(a)') }),
  US_WMR2: row('US_WMR2', {
    phase: 'approved', speaksOf: 'payable', law: irc('6402(a)'),
    next: ['sent', 'held', 'needs_action', 'offset_applied', 'rectified'],
  }),
  US_WMR3: row('US_WMR3', {
    phase: 'sent', actor: 'bank', speaksOf: 'paid', moneyMoved: true, law: irc('6402(a)'), next: returned,
  }),
  US_TC150: row('US_TC150', { phase: 'determined', speaksOf: 'computed', law: irc('6201(a)') }),
  US_TC806: note('US_TC806', { phase: 'determined', law: irc('31') }),
  US_TC766: note('US_TC766', { phase: 'determined', law: irc('6402(a)') }),
  US_TC768: note('US_TC768', { phase: 'determined', law: irc('32') }),
  US_TC570: row('US_TC570', { phase: 'held', speaksOf: 'computed', law: irc('6402(a)') }),
  US_TC571: row('US_TC571', { phase: 'processing', speaksOf: 'computed', law: irc('6402(a)') }),
  US_TC572: row('US_TC572', { phase: 'processing', speaksOf: 'computed', law: irc('6402(a)') }),
  US_TC971: note('US_TC971', { phase: 'processing', law: irc('6402(a)') }),
  US_TC810: row('US_TC810', { phase: 'held', speaksOf: 'computed', law: irc('6402(a)') }),
  US_TC811: row('US_TC811', { phase: 'processing', speaksOf: 'computed', law: irc('6402(a)') }),
  US_TC420: row('US_TC420', { phase: 'held', speaksOf: 'computed', law: irc('7602') }),
  US_TC424: note('US_TC424', { phase: 'held', law: irc('7602') }),
  US_TC290: row('US_TC290', { phase: 'rectified', law: irc('6201(a)') }),
  US_TC291: row('US_TC291', { phase: 'rectified', law: irc('6404(a)') }),
  US_TC826: row('US_TC826', {
    phase: 'offset_applied', speaksOf: 'adjusted', law: irc('6402(a)', 'secondary'), next: ['approved', 'sent', 'offset_applied', 'held', 'rectified', 'nil'],
  }),
  US_TC898: row('US_TC898', {
    phase: 'offset_applied', actor: 'treasury', speaksOf: 'adjusted', law: irc('6402(c)–(f); 31 U.S.C. 3716'),
    next: ['approved', 'sent', 'offset_applied', 'determined', 'rectified'],
  }),
  US_TC899: row('US_TC899', { phase: 'determined', actor: 'treasury', speaksOf: 'payable', law: irc('6402(c)–(f)') }),
  US_TC846: row('US_TC846', {
    phase: 'sent', actor: 'treasury', speaksOf: 'paid', moneyMoved: true, law: irc('6402(a)', 'secondary'), next: returned,
  }),
  US_TC841: row('US_TC841', {
    phase: 'failed', speaksOf: 'payable', law: irc('6402(a)'),
    next: ['needs_action', 'reissue_requested', 'sent', 'held', 'rectified'],
  }),
  US_TC740: row('US_TC740', {
    phase: 'failed', actor: 'you', speaksOf: 'payable', law: irc('6402(a)'),
    next: ['needs_action', 'reissue_requested', 'sent', 'held', 'rectified'],
  }),
  US_CP05: row('US_CP05', { phase: 'held', speaksOf: 'claimed', law: irc('6402(a)') }),
  US_CP12: row('US_CP12', { phase: 'rectified', speaksOf: 'computed', deadline: { kind: 'as_on_notice', daysMin: 60, daysMax: 60 }, law: irc('6213(b)') }),
  US_CP49: note('US_CP49', { phase: 'offset_applied', speaksOf: 'adjusted', law: irc('6402(a)', 'secondary') }),
  US_5071C: row('US_5071C', {
    phase: 'needs_action', actor: 'you', speaksOf: 'claimed', deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 },
    opens: ['verification', 'response'], law: irc('6402(a)'),
  }),
  US_4883C: row('US_4883C', {
    phase: 'needs_action', actor: 'you', speaksOf: 'claimed', deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 },
    opens: ['verification', 'response'], law: irc('6402(a)'),
  }),
  US_CP53E: row('US_CP53E', {
    phase: 'needs_action', actor: 'you', speaksOf: 'payable', deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 },
    opens: ['bank_validated', 'response'],
    law: irc('6402(a); Executive Order 14247', 'secondary'), next: ['reissue_requested', 'sent', 'held', 'failed', 'rectified'],
  }),
};

/**
 * How a filing season in the United States behaves, for the generator. Sources: IRS weekly filing season tables (26 April 2024: 66 % of
 * processed returns with a refund, mean $2,852, 93 % by direct deposit; February 2016: arrival in the first weeks), public statement
 * "most refunds within 21 days". Shares of holds, letters and offsets are ours. Shares are per 10,000; durations are hours; amounts are
 * whole dollars. Synthetic: never to be presented as official statistics.
 */
const season: UsSeason = {
  country: 'US',
  start: day('2026-01-26'),
  arrival: [[0, 0], [185, 11], [330, 25], [405, 32], [620, 60], [800, 73], [960, 80], [975, 95], [985, 200], [1000, 263]],
  /** Log-normal shape, scaled so that the mean of the table is $2,852. */
  amounts: [
    [0, 46], [1, 91], [10, 189], [50, 360], [100, 509], [250, 906], [500, 1719], [750, 3262], [900, 5807], [950, 8201], [990, 15669],
    [999, 32374], [1000, 42086],
  ],
  pathReleaseDay: '02-17',
  shares: {
    refund: 6600, earnedIncome: 1500, otherCredit: 1200, hold: 400, review: 100, identityOnline: 120, identityPhone: 30, examination: 40, freeze: 20,
    mathError: 150, treasuryOffset: 300, offsetReversed: 200, taxOffset: 100, paperCheck: 730, depositReturned: 100, checkReturned: 300,
    taxRaised: 30, taxLowered: 30, revised: 300,
  },
  durations: {
    posting: [[0, 20], [1, 39], [10, 60], [50, 87], [100, 107], [250, 149], [500, 216], [750, 313], [900, 437], [950, 534], [990, 776], [999, 1182],
      [1000, 1537]],
    hold: [[0, 168], [500, 500], [900, 1100], [1000, 1440]],
    identity: [[0, 72], [500, 360], [1000, 1200]],
    approve: [[0, 24], [500, 72], [1000, 168]],
    dated: [[0, 24], [500, 72], [1000, 120]],
    returned: [[0, 96], [500, 192], [1000, 400]],
    reply: [[0, 24], [500, 200], [1000, 700]],
    resend: [[0, 120], [500, 240], [1000, 480]],
  },
};

/**
 * Days from the beginning of a phase to the date of the payment, measured on the generator (20,000 filers, seed `calibration`), holds and
 * letters included; from `sent` to the bank as published: about five days. A tenant replaces them with its own cohort.
 */
const usToPayment = {
  processing: [[0, 2], [50, 8], [100, 10], [250, 13], [500, 17], [750, 22], [900, 31], [950, 42], [980, 59], [1000, 129]],
  determined: [[0, 2], [50, 3], [100, 4], [250, 5], [500, 7], [750, 8], [900, 10], [950, 21], [980, 43], [1000, 123]],
  approved: [[0, 1], [250, 2], [500, 3], [750, 4], [900, 5], [980, 6], [1000, 72]],
  sent: [[0, 0], [500, 2], [900, 5], [1000, 10]],
} as const satisfies Record<string, Quantiles>;

export const unitedStates: CountryPack = {
  country: 'US',
  currency: 'USD',
  zone: 'America/New_York',
  reviewedOn: day('2026-11-21'),
  sources: ['Internal Revenue Code', 'Public IRS pages on refunds, transaction codes and notices', 'Executive Order 14247', 'Taxpayer Advocate Service, 2026'],
  regimes: [{ regime: 'US-IRC', from: day('1986-10-22'), to: null, firstYear: 1987, lastYear: null }],
  statuses,
  precedence: ['wmr', 'efile', 'notices', 'masterfile', 'bfs'],
  blockers: ['verification', 'bank_validated', 'demand', 'response'],
  opensByReason: {
    account_closed: 'bank_validated', name_mismatch: 'bank_validated', account_frozen: 'bank_validated', routing_wrong: 'bank_validated',
    no_bank_details: 'bank_validated', identity_check: 'verification',
  },
  impliesVerified: false,
  forms: [{ code: '1040', dueBy: 'due' }, { code: '1040-SR', dueBy: 'due' }, { code: '1040-NR', dueBy: 'due' }, { code: '1040-X', dueBy: 'revised' }],
  year: {
    current: 2025, history: 7, taxYearFrom: null, taxYearOffset: 0, span: false,
    dates: { 2025: { due: day('2026-04-15'), due_extended: day('2026-10-15') } },
  },
  identifier: { kind: 'ssn', pattern: /^[0-9]{9}$/, example: '666120019', shown: [5, 9] },
  expected: {
    filed: { none: 'not_known' },
    verified: { none: 'not_known' },
    processing: { basis: 'cohort', days: usToPayment.processing },
    needs_action: { none: 'waits_for_you' },
    held: { none: 'held' },
    transferred: { none: 'held' },
    determined: { basis: 'cohort', days: usToPayment.determined },
    rectified: { none: 'not_known' },
    nil: { none: 'no_refund' },
    demand: { none: 'no_refund' },
    offset_proposed: { none: 'offset_pending' },
    offset_applied: { none: 'not_known' },
    withheld: { none: 'held' },
    approved: { basis: 'cohort', days: usToPayment.approved },
    sent: { basis: 'published_rule', days: usToPayment.sent },
    paid: { none: 'paid' },
    failed: { none: 'waits_for_you' },
    expired: { none: 'waits_for_you' },
    reissue_requested: { none: 'not_known' },
    rejected: { none: 'no_refund' },
    lapsed: { none: 'no_refund' },
    superseded: { none: 'return_replaced' },
  },
  roundTo: 100n,
  season,
};
