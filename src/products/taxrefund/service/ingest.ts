import { hash } from 'node:crypto';
import { allOf, strictJson, type SectionTx, type Origin, type Uuid, uuid } from '#kernel';
import { enrol, findPersons, normalizeIdentifier, type Profile } from '#spine/identity';
import { makeSubjectKeys, tenantKeys, type Sealer } from '#spine/vault';
import {
  Changed, NEWS_MS, News, EVENTS_PER_RETURN_MAX, LINE_BYTES_MAX, zFeedLine, type Counts, type EventLine, type FeedLine, type QuarantineReason,
    type TaxpayerLine,
} from '../contract.ts';
import { decideIncoming } from '../rules/events.ts';
import { project } from '../rules/project.ts';
import type { EventFacts, Projection, RefundEvent } from '../rules/types.ts';
import { eventsOf, insertEvents, insertQuarantine, insertRefunds, lockRefunds, writeRefunds, type EventRow, type LockedRefund, type ReturnKey }
  from '../store.ts';
import { canonicalEvent, eventOfRow, factsText, projectionText } from './encode.ts';
import { packOf } from './packs.ts';

/** A line as it came: its number in the feed and its text. */
export interface RawLine { readonly no: number; readonly text: string }
export interface Ingested { readonly counts: Counts; readonly quarantined: { line: number; reason: QuarantineReason }[] }

type Read = { readonly raw: RawLine; readonly line: FeedLine };
type Aside = { readonly raw: RawLine; readonly reason: QuarantineReason };

export const accountPlace = (refund: string): { table: string; column: string; row: string } => ({ table: 'taxrefund.refund', column: 'account', row: refund });
export const linePlace = (id: string): { table: string; column: string; row: string } => ({ table: 'taxrefund.quarantine', column: 'line', row: id });

const profileOf = ({ identifier, dateOfBirth, phone, name, nameLocal, language }: TaxpayerLine): Profile =>
  ({ identifier, dateOfBirth, phone, name, ...(nameLocal === undefined ? {} : { nameLocal }), language });

/** Reads the lines; what cannot be read is set aside with its reason, never dropped. */
function readLines(country: string, lines: readonly RawLine[]): { read: Read[]; aside: Aside[] } {
  const read: Read[] = [];
  const aside: Aside[] = [];
  for (const raw of lines) {
    if (Buffer.byteLength(raw.text) > LINE_BYTES_MAX) {
      aside.push({ raw, reason: 'too_long' });
      continue;
    }
    let value: unknown;
    try {
      value = strictJson(raw.text);
    } catch {
      aside.push({ raw, reason: 'malformed' });
      continue;
    }
    const parsed = zFeedLine.safeDecode(value as never);
    if (!parsed.success) aside.push({ raw, reason: 'malformed' });
    else if (normalizeIdentifier(country, parsed.data.identifier) === undefined) aside.push({ raw, reason: 'wrong_identifier' });
    else read.push({ raw, line: parsed.data });
  }
  return { read, aside };
}

interface Return { readonly row: LockedRefund; readonly known: RefundEvent[]; readonly added: (EventRow & { id: Uuid })[]; account: string | null }

const returnKey = (person: string, year: number, returnNo: number): string => `${person} ${year} ${returnNo}`;

function toEvent(line: EventLine, receivedAt: Date): RefundEvent {
  const facts = Object.fromEntries(Object.entries(line.facts).filter(([, v]) => v !== undefined)) as EventFacts;
  return {
    source: line.source,
    sourceEventId: line.sourceEventId,
    sourceVersion: line.sourceVersion,
    occurredAt: line.occurredAt,
    receivedAt,
    code: line.code,
    facts,
  };
}

/** The returns that these lines are about, locked, with their events, and those that they begin: a few statements for any number of lines. */
async function loadReturns(tx: SectionTx, lines: readonly { line: EventLine; person: Uuid }[]): Promise<Map<string, Return>> {
  const wanted = new Map<string, ReturnKey>();
  for (const { line, person } of lines) {
    const key = returnKey(person, line.year, line.returnNo);
    if (!wanted.has(key)) wanted.set(key, { person, year: line.year, returnNo: line.returnNo });
  }
  if (!wanted.size) return new Map();
  tx.locks('products/taxrefund');
  const sorted = [...wanted.values()].toSorted((a, b) => (a.person === b.person ? a.year - b.year || a.returnNo - b.returnNo : a.person < b.person ? -1 : 1));
  const locked = await lockRefunds(tx.sql, tx.tenant.id, sorted);
  const stand = new Set(locked.map((r) => returnKey(r.person, r.year, r.return_no)));
  const begun = sorted.filter((k) => !stand.has(returnKey(k.person, k.year, k.returnNo))).map((k): LockedRefund =>
    ({ id: tx.uuid(), person: k.person, year: k.year, return_no: k.returnNo, version: 0, events: 0, account: null }));
  const rows = [...locked, ...begun];
  const events = locked.length ? await eventsOf(tx.sql, tx.tenant.id, locked.map((r) => r.id)) : [];
  return new Map(
    rows.map((row, i) => [
      returnKey(row.person, row.year, row.return_no),
      { row, known: (events[i] ?? []).map(eventOfRow), added: [], account: row.account },
    ]),
  );
}

type Judged = { readonly raw: RawLine; readonly verdict: 'accepted' | 'duplicate' | QuarantineReason };

/** Decides each line in the order in which it came; pure but for the ids. */
function judge(
  tx: SectionTx,
  returns: ReadonlyMap<string, Return>,
  events: readonly { raw: RawLine; line: EventLine; person: Uuid }[],
  sealers: ReadonlyMap<Uuid, Sealer>,
): Judged[] {
  const pack = packOf(tx.tenant);
  return events.map(({ raw, line, person }): Judged => {
    const target = returns.get(returnKey(person, line.year, line.returnNo));
    if (!target) throw new Error('a return that was just locked is gone');
    const event = toEvent(line, tx.now);
    const decision = decideIncoming(pack, target.known, event);
    if (decision === 'duplicate') return { raw, verdict: 'duplicate' };
    if (decision === 'contradiction' || decision === 'unknown_code' || decision === 'before_filing' || decision === 'in_future')
      return { raw, verdict: decision };
    if (target.known.length >= EVENTS_PER_RETURN_MAX) return { raw, verdict: 'too_many_events' };
    target.known.push(event);
    target.added.push({
      id: tx.uuid(),
      refund: target.row.id,
      source: event.source,
      source_event_id: event.sourceEventId,
      source_version: event.sourceVersion,
      occurred_at: event.occurredAt,
      received_at: event.receivedAt,
      code: event.code,
      facts: factsText(event.facts),
    });
    const sealer = sealers.get(person);
    if (line.accountTail !== undefined && sealer) target.account = sealer.seal(accountPlace(target.row.id), line.accountTail);
    return { raw, verdict: 'accepted' };
  });
}

async function writeChanged(tx: SectionTx, by: Origin, returns: Iterable<Return>): Promise<void> {
  const pack = packOf(tx.tenant);
  const changed = [...returns].filter((r) => r.added.length > 0);
  if (!changed.length) return;
  const updates = changed.map((r) => {
    const projection: Projection = project(pack, r.known, r.row.year);
    return {
      id: uuid(r.row.id), person: uuid(r.row.person), year: r.row.year, returnNo: r.row.return_no,
      version: r.row.version + 1,
      events: r.row.events + r.added.length,
      code: projection.code,
      phase: projection.phase,
      projection: projectionText(projection),
      account: r.account,
    };
  });
  const [stood, begun] = [updates.filter((u) => u.version > 1), updates.filter((u) => u.version === 1)];
  const none: Promise<unknown[]> = Promise.resolve([]);
  const [made] = await allOf([
    begun.length ? insertRefunds(tx.sql, tx.tenant.id, tx.now, begun) : none,
    stood.length ? writeRefunds(tx.sql, tx.tenant.id, tx.now, stood) : none,
    insertEvents(tx.sql, tx.tenant.id, changed.flatMap((r) => r.added)),
  ]);
  // Another process wrote one of these since the look: tried again, it is found.
  if ((made as unknown[]).length < begun.length) throw Object.assign(new Error('a return was begun twice at once'), { code: '40001' });
  changed.forEach((r, i) => {
    const update = updates[i] as (typeof updates)[number];
    const person = uuid(r.row.person);
    for (const e of r.added) {
      tx.audit(by, {
        action: 'taxrefund.event-appended',
        result: 'done',
        subject: person,
        resource: `tret_${r.row.id}`,
        detail: { event: e.id, code: e.code, sha256: hash('sha256', canonicalEvent(e)) },
      });
    }
    const change = { person, refund: update.id, year: r.row.year, version: update.version, code: update.code };
    tx.emit(by, Changed, update.id, change);
    if (r.added.some((e) => tx.now.getTime() - e.occurred_at.getTime() <= NEWS_MS)) tx.emit(by, News, update.id, change);
  });
}

async function setAside(tx: SectionTx, by: Origin, feed: string, aside: readonly Aside[]): Promise<void> {
  if (!aside.length) return;
  const keys = tenantKeys(tx);
  await insertQuarantine(tx.sql, tx.tenant.id, tx.now, aside.map(({ raw, reason }) => {
    const id = tx.uuid();
    // A line of a gigabyte is not kept whole: its head tells a person where to look in the sender's own file.
    return { id, reason, line: keys.seal(linePlace(id), raw.text.slice(0, LINE_BYTES_MAX)), lineNo: raw.no, feed };
  }));
  tx.audit(by, { action: 'taxrefund.quarantined', result: 'done', resource: feed, detail: { lines: aside.length } });
}

/**
 * Takes lines of a feed, at most 500 in one transaction: people are enrolled, events appended and projected, and what cannot be
 * taken is quarantined with its reason. The same lines again change nothing.
 */
export async function ingest(tx: SectionTx, by: Origin, feed: string, lines: readonly RawLine[]): Promise<Ingested> {
  const { read, aside } = readLines(tx.tenant.country, lines);
  const taxpayers = read.flatMap(({ line }) => (line.kind === 'taxpayer' ? [line] : []));
  if (taxpayers.length) await enrol(tx, taxpayers.map(profileOf));
  const eventLines = read.flatMap(({ raw, line }) => (line.kind === 'event' ? [{ raw, line }] : []));
  const persons = eventLines.length ? await findPersons(tx, eventLines.map((e) => e.line.identifier)) : [];
  const events = eventLines.flatMap((e, i) => {
    const person = persons[i];
    if (person) return [{ ...e, person }];
    aside.push({ raw: e.raw, reason: 'unknown_person' });
    return [];
  });
  const withAccount = events.filter((e) => e.line.accountTail !== undefined).map((e) => e.person);
  const sealers = withAccount.length ? await makeSubjectKeys(tx, withAccount) : new Map<Uuid, Sealer>();
  const returns = await loadReturns(tx, events);
  const judged = judge(tx, returns, events, sealers);
  for (const { raw, verdict } of judged) if (verdict !== 'accepted' && verdict !== 'duplicate') aside.push({ raw, reason: verdict });
  await writeChanged(tx, by, returns.values());
  await setAside(tx, by, feed, aside);
  return {
    counts: {
      lines: lines.length, taxpayers: taxpayers.length, accepted: judged.filter((j) => j.verdict === 'accepted').length,
      duplicates: judged.filter((j) => j.verdict === 'duplicate').length, quarantined: aside.length,
    },
    quarantined: aside.map(({ raw, reason }) => ({ line: raw.no, reason })),
  };
}

/** Sets one line aside that made the program fail: a bug of ours must not lose the sender's line, nor stop the file. */
export const setAsideFailed = (tx: SectionTx, by: Origin, feed: string, raw: RawLine): Promise<void> => setAside(tx, by, feed, [{ raw, reason: 'failed' }]);
