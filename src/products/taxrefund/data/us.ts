/**
 * United States: the three stages of the public refund tracker, the account transaction codes that filers read on transcripts,
 * and the notices that stop a refund, as data. A table from code to fact; no date is ever derived from a cycle code.
 * Sources: public IRS pages on refunds, transaction codes and notices; Internal Revenue Code §§ 6201, 6213, 6402;
 * Executive Order 14247 and the Taxpayer Advocate's 2026 pages (CP53E). Reviewed 2026-11-21 against the project's research notes;
 * section numbers marked `recheck` must not be cited to a person as certain. Modelled on public rules, not connected to any authority.
 */
import type { CivilDate } from '#kernel';
import type { Checked, CountryPack, LawRef, Phase, StatusRow, UsCode } from '../rules/types.ts';
import { usToPayment } from './us-season.ts';

const day = (text: string): CivilDate => text as CivilDate;
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
  US_WMR2: row('US_WMR2', { phase: 'approved', speaksOf: 'payable', law: irc('6402(a)'), next: ['sent', 'held', 'needs_action', 'offset_applied', 'rectified'] }),
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
    phase: 'offset_applied', actor: 'treasury', speaksOf: 'adjusted', law: irc('6402(c)–(f); 31 U.S.C. 3716'), next: ['approved', 'sent', 'offset_applied', 'determined', 'rectified'],
  }),
  US_TC899: row('US_TC899', { phase: 'determined', actor: 'treasury', speaksOf: 'payable', law: irc('6402(c)–(f)') }),
  US_TC846: row('US_TC846', {
    phase: 'sent', actor: 'treasury', speaksOf: 'paid', moneyMoved: true, law: irc('6402(a)', 'secondary'), next: returned,
  }),
  US_TC841: row('US_TC841', { phase: 'failed', speaksOf: 'payable', law: irc('6402(a)'), next: ['needs_action', 'reissue_requested', 'sent', 'held', 'rectified'] }),
  US_TC740: row('US_TC740', { phase: 'failed', actor: 'you', speaksOf: 'payable', law: irc('6402(a)'), next: ['needs_action', 'reissue_requested', 'sent', 'held', 'rectified'] }),
  US_CP05: row('US_CP05', { phase: 'held', speaksOf: 'claimed', law: irc('6402(a)') }),
  US_CP12: row('US_CP12', { phase: 'rectified', speaksOf: 'computed', deadline: { kind: 'as_on_notice', daysMin: 60, daysMax: 60 }, law: irc('6213(b)') }),
  US_CP49: note('US_CP49', { phase: 'offset_applied', speaksOf: 'adjusted', law: irc('6402(a)', 'secondary') }),
  US_5071C: row('US_5071C', {
    phase: 'needs_action', actor: 'you', speaksOf: 'claimed', deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 }, opens: ['verification', 'response'], law: irc('6402(a)'),
  }),
  US_4883C: row('US_4883C', {
    phase: 'needs_action', actor: 'you', speaksOf: 'claimed', deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 }, opens: ['verification', 'response'], law: irc('6402(a)'),
  }),
  US_CP53E: row('US_CP53E', {
    phase: 'needs_action', actor: 'you', speaksOf: 'payable', deadline: { kind: 'as_on_notice', daysMin: 30, daysMax: 30 }, opens: ['bank_validated', 'response'],
    law: irc('6402(a); Executive Order 14247', 'secondary'), next: ['reissue_requested', 'sent', 'held', 'failed', 'rectified'],
  }),
};

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
};
