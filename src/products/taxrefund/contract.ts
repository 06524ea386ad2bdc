import { z } from 'zod';
import { event, personal, problem, zAmount, zDate, zId, zInstant, zPurpose, type CivilDate, type Uuid } from '#kernel';
import type { Projection } from './rules/types.ts';

/** Lines that one transaction takes, and that one request may bring. */
export const LINES_PER_BATCH_MAX = 500;
export const LINE_BYTES_MAX = 16 * 1024;
export const FEED_BODY_BYTES_MAX = 4 * 1024 * 1024;
/** A status is fresh for five minutes and kept for an hour, for times when the database cannot be reached. */
export const STATUS_FRESH_MS = 5 * 60_000;
export const STATUS_KEPT_MS = 3_600_000;
export const STATUS_CACHED_MAX = 200_000;
/** Events that one return may have; one more is quarantined. */
export const EVENTS_PER_RETURN_MAX = 500;

const zCode = z.string().regex(/^[A-Z0-9_]{2,40}$/);
const zNumber = z.string().regex(/^[\x21-\x7e]{1,64}$/);
const zReason = z.string().regex(/^[a-z_]{1,40}$/);
const zFlags = z.strictObject({ verified: z.boolean(), panLinked: z.boolean(), bankValidated: z.boolean(), demandOpen: z.boolean() }).partial();

/** What an event states; amounts in minor units of the office's currency. */
export const zFacts = z
  .strictObject({
    claimed: zAmount,
    computed: zAmount,
    adjusted: zAmount,
    interest: zAmount,
    paid: zAmount,
    demandYear: z.int().min(1990).max(2100),
    respondBy: zDate,
    reasonCode: zReason,
    noticeNo: zNumber,
    trackingNo: zNumber,
    formType: z.string().regex(/^[A-Za-z0-9-]{1,20}$/),
    revisedReturnOf: z.int().min(1).max(99),
    verification: zFlags,
  })
  .partial();

/** A line of the feed about a person. */
export const zTaxpayerLine = z.strictObject({
  kind: z.literal('taxpayer'), identifier: personal('national identifier', z.string().min(4).max(40)), dateOfBirth: personal('date of birth', zDate),
  phone: personal('phone', z.string().regex(/^\+[0-9 ]{6,20}$/)), name: personal('name', z.string().min(1).max(200)),
  nameLocal: personal('name', z.string().min(1).max(200)).optional(), language: z.enum(['en', 'hi']),
});
/** A line of the feed about one return. `receivedAt` is what the sender's own log says; we stamp our own. */
export const zEventLine = z.strictObject({
  kind: z.literal('event'),
  identifier: personal('national identifier', z.string().min(4).max(40)),
  year: z.int().min(1990).max(2100),
  returnNo: z.int().min(1).max(99),
  accountTail: personal('account', z.string().regex(/^[0-9]{4}$/)).optional(),
  source: z.string().regex(/^[a-z][a-z0-9_]{1,31}$/), sourceEventId: z.string().regex(/^[\x21-\x7e]{1,80}$/), sourceVersion: z.int().min(1).max(1_000_000),
  occurredAt: zInstant, receivedAt: zInstant.optional(), code: zCode, facts: zFacts,
});
export const zFeedLine = z.discriminatedUnion('kind', [zTaxpayerLine, zEventLine]);
export type FeedLine = z.output<typeof zFeedLine>;
export type EventLine = z.output<typeof zEventLine>;
export type TaxpayerLine = z.output<typeof zTaxpayerLine>;

export const quarantineReasons = [
  'malformed', 'too_long', 'unknown_person', 'contradiction', 'unknown_code', 'before_filing', 'in_future', 'too_many_events', 'wrong_identifier', 'failed',
] as const;
export type QuarantineReason = (typeof quarantineReasons)[number];

/** What a feed did, line by line in numbers; they add up to `lines`. */
export const zCounts = z.strictObject({ lines: z.int(), taxpayers: z.int(), accepted: z.int(), duplicates: z.int(), quarantined: z.int() });
export type Counts = z.output<typeof zCounts>;
export const zFeedAnswer = z.strictObject({ counts: zCounts, quarantined: z.array(z.strictObject({ line: z.int(), reason: z.enum(quarantineReasons) })) });

export const zYear = z.strictObject({ params: z.strictObject({ year: z.string().regex(/^\d{4}$/) }) });
export const zNothing = z.strictObject({});

const zMoneyText = zAmount.nullable();
/** How the office names a year: 'AY 2026-27', 'Tax year 2025'. */
const zYearLabel = z.strictObject({ kind: z.enum(['assessment_year', 'tax_year']), span: z.string() });
export const zStatus = z.strictObject({
  refund: zId('tret'), year: z.int(), returnNo: z.int(), currency: z.string(), code: z.string(), phase: z.string(), plain: z.string(), since: zInstant,
  amounts: z.strictObject({ claimed: zMoneyText, computed: zMoneyText, adjusted: zMoneyText, interest: zMoneyText, paid: zMoneyText }),
  deadline: z.strictObject({ date: zDate, basis: z.string(), days: z.int().nullable() }).nullable(),
  owner: z.string(), reasonCode: z.string().nullable(), demandYear: z.int().nullable(), noticeNo: z.string().nullable(),
  blockers: z.array(z.strictObject({ kind: z.string(), state: z.string() })),
  timeline: z.array(
    z.strictObject({
      code: z.string(),
      phase: z.string(),
      occurredAt: zInstant,
      source: z.string(),
      sourceEventId: z.string(),
      sourceVersion: z.int(),
      note: z.string().optional(),
    }),
  ),
  conflict: z.boolean(),
  unmapped: z.boolean(),
  freshness: z.record(z.string(), zInstant),
  trackingNo: z.string().nullable(),
  formType: z.string().nullable(),
  revisedReturnOf: z.int().nullable(),
  version: z.int(),
  /** The rows of the sum that leads to the amount; they add up. `unexplained` is what they do not account for. */
  arithmetic: z.strictObject({ rows: z.array(z.strictObject({ name: z.string(), amount: zMoneyText, sum: z.boolean() })), unexplained: zAmount }),
  /** What the one-sentence answer may name. */
  answer: z.strictObject({ amount: zMoneyText, date: zDate, deadline: zDate.nullable() }),
  law: z.strictObject({ regime: z.string(), section: z.string(), checked: z.string() }).nullable(),
  final: z.boolean(),
  expected: z.union([z.strictObject({ from: zDate, to: zDate, percent: z.int(), basis: z.string() }), z.strictObject({ none: z.string() })]),
  account: personal('account', z.string()).nullable(),
});
/** The answer about one year: its returns, the newest first; `asOf` is the newest report, `staleSeconds` the age of a kept copy. */
export const zYearStatus = z.strictObject({ year: z.int(), label: zYearLabel, returns: z.array(zStatus), asOf: zInstant, staleSeconds: z.int().nullable() });
export type Status = z.output<typeof zStatus>;
export type YearStatus = z.output<typeof zYearStatus>;
/** Where a return has its text, all but the account's digits: two of one text show the same. No codec writes it. */
export const STATUS_TEXT = Symbol('text');
export interface ReturnStatus extends Status { readonly [STATUS_TEXT]: string }

export const zYears = z.strictObject({
  years: z.array(
    z.strictObject({
      year: z.int(),
      label: zYearLabel,
      returns: z.int(),
      code: z.string(),
      phase: z.string(),
      amount: zMoneyText,
      currency: z.string(),
      changedAt: zInstant,
    }),
  ),
});
export type Years = z.output<typeof zYears>;

/** Hours of a feed's health, events that it is read off at most, and lines of a page. */
export const HEALTH_HOURS_MAX = 168;
export const HEALTH_EVENTS_MAX = 100_000;
export const QUARANTINE_PAGE_MAX = 100;
export const zHealthQuery = z.strictObject({ query: z.strictObject({ hours: z.string().regex(/^\d{1,3}$/) }).partial() }).partial();
export const zHealth = z.strictObject({
  asOf: zInstant, hours: z.int(), /** True where only the newest of them were counted. */ cut: z.boolean(),
  sources: z.array(z.strictObject({
    source: z.string(), events: z.int(), lastReceivedAt: zInstant, lastOccurredAt: zInstant, /** Since its last event. */ silentSeconds: z.int(),
    /** Nine in ten events arrived within this time of happening. */ delaySeconds: z.int(),
  })),
  quarantine: z.array(z.strictObject({ reason: z.enum(quarantineReasons), open: z.int(), oldestAt: zInstant })),
});
const zLineId = zId('qua');
const zLineHead = { line: zLineId, at: zInstant, reason: z.string(), feed: z.string(), lineNo: z.int() };
export const zQuarantineQuery = z.strictObject({ query: z.strictObject({ reason: z.enum(quarantineReasons), cursor: zLineId }).partial() }).partial();
export const zQuarantinePage = z.strictObject({ lines: z.array(z.strictObject(zLineHead)), next: zLineId.nullable() });
export const zLookLine = z.strictObject({ params: z.strictObject({ line: zLineId }), query: z.strictObject({ purpose: zPurpose }).partial().optional() });
export const zQuarantineLine = z.strictObject({ ...zLineHead, state: z.enum(['open', 'replayed', 'dismissed']), text: personal('a line of the feed',
  z.string()) });
export const zOfLine = z.strictObject({ params: z.strictObject({ line: zLineId }) });
export const zReplayed = z.strictObject({ taken: z.boolean(), reason: z.enum(quarantineReasons).nullable() });

/** What the cache holds for one person and year: nothing readable about the person; the account stays sealed. */
export interface KeptReturn {
  readonly id: Uuid;
  readonly version: number;
  readonly projection: Projection;
  /** Sealed. */
  readonly account: string | null;
  /** The answer of one day but for the account, and its wire text; made again when the day changes. */
  readonly shown: { today: CivilDate | undefined; status: Omit<Status, 'account'>; wire: string };
}
export interface KeptYear { readonly person: Uuid; readonly year: number; readonly label: YearStatus['label']; readonly asOf: Date;
  readonly returns: readonly KeptReturn[];
  /** The wire text of the answer before and behind its returns. */
  readonly wire: { readonly head: string; readonly tail: string } }

export const noReturn = problem('no-return', {
  status: 404,
  title: 'No return is known for this year.',
  doc: 'Look at the list of years. A return filed in the last days may not have arrived yet.',
});
export const noLine = problem('quarantine-line-unknown', {
  status: 404, title: 'No such line waits in quarantine.', doc: 'It was taken or dismissed, or it is another office’s. Read the list again.',
});
export const refundProblems = [noReturn, noLine];

export const Changed = event('taxrefund.changed', {
  version: 1, doc: 'A return’s status or amounts changed, or an event was added to it.',
  data: { person: z.string(), refund: z.string(), year: z.int(), version: z.int(), code: z.string() },
});
/** What happened longer ago than this is history when it arrives: nobody is told of it as news. */
export const NEWS_MS = 48 * 3_600_000;
export const News = event('taxrefund.news', {
  version: 1, doc: 'Something about a return happened a short time ago: its person is told. History that a feed brings later is no news.',
  data: { person: z.string(), refund: z.string(), year: z.int(), version: z.int(), code: z.string() },
});
