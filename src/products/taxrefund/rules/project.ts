/**
 * The status of a return is a pure fold over its events:
 * (a) only events move it, each known by (source, sourceEventId, sourceVersion); (b) a later version replaces an earlier, one version
 * with two contents is reported; (c) of two finals that cannot both hold, money moved wins, then acceptance, and both stay in the
 * history; (d) an unknown code reads as "processing (unmapped)"; (e) a payment is not final until the bank can no longer return it.
 */
import { addDays, civilDateIn, daysBetween } from '#kernel';
import { deadlineOf } from './deadline.ts';
import { refOf, settle } from './events.ts';
import { evidenceOf, plainWord, progressOf, unmappedRow } from './phases.ts';
import {
  type AmountName, type Blocker, type BlockerState, type Conflict, type CountryPack, type EventFacts, type Projection, type RefundEvent,
  type StatusRow, type TimelineItem, type TimelineNote, UNMAPPED, type VerificationFlags,
} from './types.ts';

type Row = StatusRow | typeof unmappedRow;
interface Step { readonly row: Row; readonly event: RefundEvent; readonly since: Date }

/** The facts as the events that count have stated them; a later statement replaces an earlier one. */
interface Known {
  amounts: Record<AmountName, bigint | null>;
  flags: VerificationFlags;
  trackingNo: string | null;
  formType: string | null;
  revisedReturnOf: number | null;
  demandYear: number | null;
}

/**
 * Projects the events of one return. `year` is the return's year key; without it deadlines that the law fixes by year are null.
 * Throws RangeError on an empty list: a return exists by its first event.
 */
export function project(pack: CountryPack, events: readonly RefundEvent[], year: number | null = null): Projection {
  const settled = settle(pack, events);
  const known: Known = {
    amounts: { claimed: null, computed: null, adjusted: null, interest: null, paid: null },
    flags: {}, trackingNo: null, formType: null, revisedReturnOf: null, demandYear: null,
  };
  const timeline: TimelineItem[] = [];
  const conflicts: Conflict[] = [];
  let step = null as Step | null;
  for (const event of settled.events) {
    const row: Row = pack.statuses[event.code] ?? unmappedRow;
    const verdict: Verdict = step === null ? (row.effect === 'note' ? 'note' : 'move') : judge(pack, step, row, event);
    if (step !== null && (verdict === 'conflict' || verdict === 'overrule')) {
      conflicts.push(verdict === 'conflict' ? { kept: refOf(step.event), other: refOf(event) } : { kept: refOf(event), other: refOf(step.event) });
    }
    timeline.push(line(row, event, verdict));
    if (verdict === 'conflict') continue;
    learn(known, row, event.facts, verdict !== 'out_of_sequence');
    if (verdict === 'move' || verdict === 'overrule') step = { row, event, since: event.occurredAt };
    else if (verdict === 'repeat' && step !== null) step = { ...step, event };
  }
  step ??= onlyNotes(pack, settled.events);
  return assemble(pack, step, known, { timeline, conflicts, contradictions: settled.contradictions, version: settled.versions }, events, year);
}

type Verdict = 'move' | 'repeat' | 'note' | 'out_of_sequence' | 'conflict' | 'overrule';

function judge(pack: CountryPack, step: Step, row: Row, event: RefundEvent): Verdict {
  if (row.effect === 'note') return 'note';
  if (row.code === step.row.code) return row.code === UNMAPPED ? 'move' : 'repeat';
  const now = step.row;
  const allowed = now.next.includes(row.phase) && (row.phase !== 'failed' || withinReversal(pack, step, event));
  if (now.final || now.moneyMoved) {
    if (allowed) return 'move';
    const [ours, theirs] = [evidenceOf(now), evidenceOf(row)];
    const outcome = row.final || row.moneyMoved || theirs > ours || row.phase === 'failed';
    if (theirs === 0 || !outcome) return 'out_of_sequence';
    // Between two equal statements the later one stands: an office corrects itself.
    return theirs >= ours ? 'overrule' : 'conflict';
  }
  if (allowed || progressOf(row.phase) >= progressOf(now.phase)) return 'move';
  return 'out_of_sequence';
}

/** A bank may return a payment for some days; what comes later contradicts it. */
function withinReversal(pack: CountryPack, step: Step, event: RefundEvent): boolean {
  const days = step.row.reversibleDays;
  return days === null || daysBetween(civilDateIn(pack.zone, step.since), civilDateIn(pack.zone, event.occurredAt)) <= days;
}

function line(row: Row, event: RefundEvent, verdict: Verdict): TimelineItem {
  const note: TimelineNote | null = row.code === UNMAPPED ? 'unmapped'
    : verdict === 'note' || verdict === 'out_of_sequence' || verdict === 'conflict' ? verdict : null;
  return { ...refOf(event), phase: row.phase, occurredAt: event.occurredAt, ...(note === null ? {} : { note }) };
}

function learn(known: Known, row: Row, facts: EventFacts, newest: boolean): void {
  for (const name of ['claimed', 'computed', 'adjusted', 'interest', 'paid'] as const) {
    const amount = facts[name];
    if (amount !== undefined && (newest || known.amounts[name] === null)) known.amounts[name] = amount;
  }
  // Money that came back is no longer paid; the event keeps the sum that was tried.
  if (newest && (row.phase === 'failed' || row.phase === 'expired')) known.amounts.paid = null;
  known.flags = newest ? { ...known.flags, ...facts.verification } : { ...facts.verification, ...known.flags };
  known.trackingNo = pick(known.trackingNo, facts.trackingNo, newest);
  known.formType = pick(known.formType, facts.formType, newest);
  known.revisedReturnOf = pick(known.revisedReturnOf, facts.revisedReturnOf, newest);
  known.demandYear = pick(known.demandYear, facts.demandYear, newest);
}

const pick = <T>(known: T | null, stated: T | undefined, newest: boolean): T | null =>
  (stated === undefined || (known !== null && !newest) ? known : stated);

/** Only notes so far: the return is being worked on, and nothing more may be said. */
function onlyNotes(pack: CountryPack, events: readonly RefundEvent[]): Step {
  const event = events[0];
  if (event === undefined) throw new RangeError('a return has at least one event');
  const row = pack.statuses[event.code] ?? unmappedRow;
  return { row: { ...row, phase: 'processing' }, event, since: event.occurredAt };
}

interface Story extends Pick<Projection, 'timeline' | 'conflicts' | 'contradictions' | 'version'> {}

function assemble(pack: CountryPack, step: Step, known: Known, story: Story, events: readonly RefundEvent[], year: number | null): Projection {
  const { row, event, since } = step;
  const deadline = deadlineOf(pack, row.deadline, event.occurredAt, event.facts, year);
  const settledOn = row.reversibleDays === null ? 0 : row.reversibleDays + 1;
  const freshness: Record<string, Date> = {};
  let lastEventAt = event.occurredAt;
  for (const one of [...events].sort((a, b) => a.receivedAt.getTime() - b.receivedAt.getTime())) {
    freshness[one.source] = one.receivedAt;
  }
  for (const item of story.timeline) if (item.occurredAt > lastEventAt) lastEventAt = item.occurredAt;
  return {
    code: row.code, phase: row.phase, plain: plainWord(row), since,
    amounts: known.amounts, deadline, owner: row.actor,
    reasonCode: event.facts.reasonCode ?? null, demandYear: known.demandYear, noticeNo: event.facts.noticeNo ?? null,
    blockers: blockersOf(pack, row, event, known.flags),
    ...story,
    unmappedCodes: [...new Set(story.timeline.filter((item) => item.note === 'unmapped').map((item) => item.code))],
    freshness: sorted(freshness),
    finalFrom: row.final ? addDays(civilDateIn(pack.zone, since), settledOn) : null,
    trackingNo: known.trackingNo, formType: known.formType, revisedReturnOf: known.revisedReturnOf, lastEventAt,
  };
}

const sorted = (freshness: Record<string, Date>): Record<string, Date> =>
  Object.fromEntries(Object.entries(freshness).sort(([a], [b]) => (a < b ? -1 : 1)));

/** The check-list beside the status. What no source has said is unknown, never "ok" by default. */
function blockersOf(pack: CountryPack, row: Row, event: RefundEvent, flags: VerificationFlags): readonly Blocker[] {
  const reason = event.facts.reasonCode;
  const byReason = reason === undefined ? undefined : pack.opensByReason[reason];
  const implied = pack.impliesVerified && progressOf(row.phase) >= progressOf('verified') && row.phase !== 'lapsed';
  const stated: Record<Blocker['kind'], BlockerState> = {
    verification: flag(flags.verified ?? (implied ? true : undefined)),
    pan_link: flag(flags.panLinked),
    bank_validated: flag(flags.bankValidated),
    demand: flag(flags.demandOpen === undefined ? undefined : !flags.demandOpen),
    response: 'ok',
  };
  return pack.blockers.map((kind) => ({ kind, state: row.opens.includes(kind) || byReason === kind ? 'open' : stated[kind] }));
}

const flag = (stated: boolean | undefined): BlockerState => (stated === undefined ? 'unknown' : stated ? 'ok' : 'open');
