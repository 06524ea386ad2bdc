import type { z } from 'zod';
import { done, idOf, Manifests, realNow, refuse, uuid, type Outcome, type Tx } from '#kernel';
import {
  BROWSE_SCAN_MAX, EVENTS_PAGE_MAX, EventSignal, keyNotParked, type StoredEvent, type zEventsOut, type zEventsQuery, type zParkedDecided, type zParkedDecision,
  type zParkedOut, type zSubscribersOut, Wakeups,
} from '../contract.ts';
import { browse, cursors, lastPos, markReleased, parkedOf, timeAt, unpark } from '../store.ts';

type Out<S extends z.ZodType> = Promise<Outcome<z.output<S>>>;

/** The log of this tenant, newest first. Looks through so many positions a page, and says how far back that was. */
export async function listed(tx: Tx, { query: q = {} }: z.output<typeof zEventsQuery>): Out<typeof zEventsOut> {
  const before = q.cursor === undefined ? await lastPos(tx.sql) + 1n : BigInt(q.cursor);
  const from = before > BigInt(BROWSE_SCAN_MAX) ? before - BigInt(BROWSE_SCAN_MAX) : 0n;
  const rows = await browse(tx.sql, tx.tenant.id, { key: q.key ?? null, topic: q.topic ?? null, trace: q.trace ?? null }, before, from, EVENTS_PAGE_MAX + 1);
  const page = rows.slice(0, EVENTS_PAGE_MAX);
  const next = rows.length > page.length ? (page.at(-1) as StoredEvent).pos : from;
  return done({
    events: page.map((e) => ({ pos: e.pos.toString(), event: idOf('evt', uuid(e.id)), topic: e.topic, key: e.key, version: e.version, at: e.at,
      trace: e.trace, data: e.data })),
    next: next > 0n ? next.toString() : null, lookedTo: next > 0n ? await timeAt(tx.sql, next) : null,
  });
}

const lag = (end: bigint, pos: bigint): number => Number(end > pos ? end - pos : 0n);

export async function subscribers(tx: Tx): Out<typeof zSubscribersOut> {
  const topics = Map.groupBy(tx.use(Manifests).flatMap((m) => m.reactions ?? []), (r) => r.subscriber);
  const now = realNow(tx);
  const [end, rows, parked] = await Promise.all([lastPos(tx.sql), cursors(tx.sql, now), parkedOf(tx.sql, tx.tenant.id)]);
  return done({
    end: end.toString(), subscribers: [...Map.groupBy(rows, (r) => r.subscriber)].map(([name, parts]) => ({
      name, topics: (topics.get(name) ?? []).map((r) => r.on.name), parked: parked.filter((p) => p.subscriber === name).reduce((sum, p) => sum + p.events, 0),
      parts: parts.map((p) => ({ part: p.part, pos: p.pos.toString(), lag: lag(end, p.pos), held: p.held, failures: p.failures, error: p.error })),
    })),
  });
}

export const parked = async (tx: Tx): Out<typeof zParkedOut> => done({
  keys: (await parkedOf(tx.sql, tx.tenant.id)).map((p) => ({ ...p, first: p.first.toString() })),
});

/** Lets the parked events of a key have their effect after all, or all but the first of them. The relay that has the part does it, in their order. */
export async function decideParked(tx: Tx, { params: p }: z.output<typeof zParkedDecision>): Out<typeof zParkedDecided> {
  const rows = await markReleased(tx.sql, p.subscriber, tx.tenant.id, p.key, realNow(tx));
  if (!rows.length) return refuse(keyNotParked);
  const [first] = rows.map((r) => r.pos).toSorted((a, b) => (a < b ? -1 : 1));
  if (p.decision === 'skip') await unpark(tx.sql, p.subscriber, [first as bigint]);
  tx.audit({ action: 'events.parked-decided', result: 'done', resource: `event ${String(first)}`,
    detail: { subscriber: p.subscriber, decision: p.decision, events: rows.length } });
  tx.afterCommit(() => {
    tx.use(EventSignal).wake();
    tx.use(Wakeups).tell('events');
  });
  return done({ events: rows.length });
}
