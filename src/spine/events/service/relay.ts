import {
  allOf, bind, createSignal, dataOf, errorFields, spineStatement, spineTransact, systemRandom, transact, uuid, uuidv7, type Actor, type Happened, type Item,
  type Module, type Reaction, type SectionTx, type SectionWork, type Signal, type SqlTag, type TenantRef, type Worker, type WorkerContext,
} from '#kernel';
import {
  FREE_AFTER_MS, HANDLER_TRIES_MAX, IDLE_MS, LEASE_MS, PARKED_EVERY_MS, PARTS, RECENT_MAX, RELAY_BATCH_MAX, RELAY_MANY_MAX, RELAY_POLL_MS,
  RELAY_SCAN_MAX, RelayProbe, RELEASE_MAX, RENEW_MS, type StoredEvent,
} from '../contract.ts';
import {
  addCursors, endRelay, eventsOf, giveBack, lockParked, markReleased, moveCursors, noteFailure, park, parkedKeys, readCursor, relaysAlive,
  renewLeases, takeCursors, unpark, type Found, type PartEvent,
} from '../store.ts';
import { createStretches, type Stretches } from './stretches.ts';
import { Tail } from './tail.ts';

type Reactions = ReadonlyMap<string, Reaction>;
/** A part of a subscriber that this process moves along: its cursor as it is written. */
interface Part {
  readonly part: number;
  pos: bigint;
  /** How far has been looked; between `pos` and here nothing is for this subscriber. */
  seen: bigint;
  /** What is parked was read since the part was taken: whoever had it before may have parked. */
  known?: true;
  /** It goes by itself for a while, since it failed or is behind the others. */
  alone?: Promise<void> | undefined;
}
/** A subscriber of this process. Parts that stand at the same place move on together, in one transaction. */
interface Follow {
  readonly subscriber: string; readonly reactions: Reactions; readonly parts: Map<number, Part>;
  readonly topics: ReadonlySet<string>; readonly ending: AbortController;
  /** How far has been looked for the parts that move together. */
  seen: bigint; turn: Promise<unknown>; ended: Promise<void>;
  /** Keys that are parked, and when that was read: only who has the lease parks. */
  parked: readonly ParkedKey[]; parkedAtMs: number; lookedAtMs: number;
}
type ParkedKey = Awaited<ReturnType<typeof parkedKeys>>[number];
interface Relay {
  readonly w: WorkerContext; readonly me: string; readonly news: Signal; readonly stretches: Stretches;
  /** Before this nothing can appear any more; undefined until the end of the log was found. */
  settled: bigint | undefined;
  /** What was read last at the end of the log, of all subscribers, and behind which position that begins. */
  recent: readonly PartEvent[]; recentFrom: bigint;
  readonly follows: Map<string, Follow>;
}

/** Another process has the cursor: nothing of this transaction may stay. */
class CursorLost extends Error {}

const subscribersOf = (modules: readonly Module[]): ReadonlyMap<string, Reactions> =>
  new Map([...Map.groupBy(modules.flatMap((m) => m.reactions ?? []), (r) => r.subscriber)].map(([name, all]) =>
    [name, new Map(all.map((r) => [r.on.name, r]))]));

const happened = (reaction: Reaction, actor: Actor, e: StoredEvent): Item<Happened> => ({
  actor, trace: e.trace, atMs: 0,
  input: { id: e.id, key: e.key, at: e.at, data: dataOf(reaction.on, e.version, JSON.parse(e.data) as Record<string, unknown>) },
});

/** Runs the reactions to events of one tenant, in order; those that follow each other and take many, together. */
async function react(tx: SectionTx, f: Pick<Follow, 'subscriber' | 'reactions'>, events: readonly StoredEvent[]): Promise<void> {
  const actor: Actor = { kind: 'system', name: f.subscriber };
  for (let i = 0; i < events.length;) {
    const reaction = f.reactions.get((events[i] as StoredEvent).topic) as Reaction;
    let end = i + 1;
    while (reaction.many && end < events.length && events[end]?.topic === reaction.on.name) end += 1;
    // Each effect speaks on the trace of its own event, whatever events share the transaction.
    const items = events.slice(i, end).map((e) => happened(reaction, actor, e));
    if (reaction.many) await reaction.many(tx, items);
    else await reaction.run?.(bind(tx, items[0] as Item<Happened>), (items[0] as Item<Happened>).input);
    i = end;
  }
}

/** Runs events and moves the cursors of their parts with the effects, in one transaction, a section a tenant. */
async function deliver(r: Relay, f: Follow, parts: readonly Part[], events: readonly StoredEvent[], to: bigint): Promise<void> {
  const sections: SectionWork<void>[] = [];
  const probe = r.w.cell.use(RelayProbe);
  const moves = parts.map((p) => ({ subscriber: f.subscriber, part: p.part, from: p.pos, to }));
  const move = async (sql: SqlTag): Promise<void> => {
    if ((await moveCursors(sql, r.me, moves)).length !== moves.length) throw new CursorLost();
  };
  for (const [id, own] of [...Map.groupBy(events, (e) => e.tenant)].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const tenant = await r.w.tenant(uuid(id));
    // A tenant that has left the directory: only the cursor moves.
    if (!tenant) continue;
    const first = sections.length === 0;
    sections.push({ tenant, run: async (tx) => {
      await (first ? allOf([move(tx.sql), react(tx, f, own)]) : react(tx, f, own));
      await probe?.at('effect-made', f.subscriber);
    } });
  }
  if (sections.length) await transact(r.w.cell, r.w.cell.pools.batch, sections);
  else await spineStatement(r.w.cell, move);
  for (const p of parts) stand(p, to);
  await probe?.at('moved', f.subscriber);
}

const nameOf = (e: { tenant: string; key: string }): string => `${e.tenant} ${e.key}`;

/** Events are tried alone; one that keeps failing is parked with its key, and the stream goes on. */
async function deliverAlone(r: Relay, f: Follow, p: Part, events: readonly StoredEvent[]): Promise<void> {
  const parked = new Set(f.parked.map(nameOf));
  const setAside = async (e: StoredEvent, reason: string): Promise<void> => {
    await spineTransact(r.w.cell, async (tx) => {
      await park(tx.sql, f.subscriber, e, reason, tx.now);
      if (!(await moveCursors(tx.sql, r.me, [{ subscriber: f.subscriber, part: p.part, from: p.pos, to: e.pos }])).length) throw new CursorLost();
    });
    if (!parked.has(nameOf(e))) f.parked = [...f.parked, { tenant: e.tenant, key: e.key, released: false, hash: BigInt(p.part) }];
    parked.add(nameOf(e));
    stand(p, e.pos);
  };
  for (const e of events) {
    if (parked.has(nameOf(e))) {
      await setAside(e, 'an earlier event of this key is parked');
      continue;
    }
    try {
      await deliver(r, f, [p], [e], e.pos);
    } catch (error) {
      if (error instanceof CursorLost) throw error;
      const failures = await spineTransact(r.w.cell, (tx) => noteFailure(tx.sql, f.subscriber, p.part, error instanceof Error ? error.name : 'unknown'));
      const fields = { subscriber: f.subscriber, pos: e.pos.toString(), topic: e.topic, failures, ...errorFields(error) };
      if (failures < HANDLER_TRIES_MAX) {
        r.w.log.warn('events.handler-failed', fields);
        await r.w.clock.sleep(50 * 2 ** failures, f.ending.signal);
        return;
      }
      r.w.log.error('events.parked', fields);
      await setAside(e, error instanceof Error ? error.name : 'unknown');
    }
  }
}

/** Gives the parked events of a released key their effect, in their order; one that fails again stays parked, and so do those behind it. */
async function release(r: Relay, f: Follow, p: Part, tenant: TenantRef, key: string): Promise<void> {
  try {
    await transact(r.w.cell, r.w.cell.pools.app, [{ tenant, run: async (tx) => {
      const held = await moveCursors(tx.sql, r.me, [{ subscriber: f.subscriber, part: p.part, from: p.pos, to: p.pos }]);
      if (!held.length) throw new CursorLost();
      const events = await lockParked(tx.sql, f.subscriber, tenant.id, key, RELEASE_MAX);
      await react(tx, f, events.filter((e) => f.reactions.has(e.topic)));
      await unpark(tx.sql, f.subscriber, events.map((e) => e.pos));
    } }]);
  } catch (error) {
    if (error instanceof CursorLost) throw error;
    r.w.log.error('events.parked', { subscriber: f.subscriber, ...errorFields(error) });
    await transact(r.w.cell, r.w.cell.pools.app, [{ tenant, run: async (tx) => void await markReleased(tx.sql, f.subscriber, tenant.id, key, null) }]);
  }
}

/** Goes with one part until it stands where the others do. */
async function alone(r: Relay, f: Follow, p: Part): Promise<void> {
  while (!f.ending.signal.aborted && f.parts.get(p.part) === p && p.pos < f.seen) {
    const to = min(f.seen, p.pos + BigInt(RELAY_SCAN_MAX));
    const found = await fromLog(r, f, p.pos, to, [p.part]);
    const [rows, end] = [found.events, found.end ?? to];
    const parked = new Set(f.parked.map(nameOf));
    try {
      if (parked.size && rows.some((e) => parked.has(nameOf(e)))) throw new Error('a key is parked');
      await deliver(r, f, [p], rows, end);
    } catch (error) {
      if (error instanceof CursorLost) throw error;
      await deliverAlone(r, f, p, rows);
    }
  }
}

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

/** What is parked is read when a part is taken and now and then, and what was released has its effect. */
async function lookAtParked(r: Relay, f: Follow): Promise<void> {
  const parts = [...f.parts.values()];
  if (parts.every((p) => p.known) && r.w.clock.monotonicMs() - f.parkedAtMs < PARKED_EVERY_MS) return;
  f.parked = await spineStatement(r.w.cell, (sql) => parkedKeys(sql, f.subscriber));
  f.parkedAtMs = r.w.clock.monotonicMs();
  for (const p of parts) p.known = true;
  for (const k of f.parked.filter((x) => x.released)) {
    const p = f.parts.get(Number(k.hash % BigInt(PARTS)));
    const tenant = p && await r.w.tenant(uuid(k.tenant));
    if (p && tenant && !p.alone) {
      await release(r, f, p, tenant, k.key);
      f.parkedAtMs = Number.NEGATIVE_INFINITY;
    }
  }
}

/** One look for the parts that move together; true when there may be more. */
async function step(r: Relay, f: Follow): Promise<boolean> {
  if (r.settled === undefined) return false;
  await lookAtParked(r, f);
  const parts = [...f.parts.values()].filter((p) => p.known && !p.alone);
  const last = parts.reduce((most, p) => (p.seen > most ? p.seen : most), f.seen);
  f.seen = last;
  // Whoever is behind the others (taken over, or set back by a replay) goes by itself until it is with them.
  for (const p of parts.filter((x) => x.seen < last - BigInt(RELAY_SCAN_MAX))) apart(r, f, p);
  const together = parts.filter((p) => !p.alone);
  const to = min(r.settled, last + BigInt(RELAY_SCAN_MAX));
  const from = together.reduce((least, p) => min(least, p.seen), last);
  if (!together.length) return false;
  if (to <= from) return noteSeen(r, f, together, last);
  const level = together.length === PARTS && together.every((p) => p.seen === from);
  const found = await eventsBetween(r, f, from, to, level ? 'all' : together.map((p) => p.part));
  // A part that is ahead of another has had some of these; which parts they are was said above, whatever is given back meanwhile.
  const own = new Map(together.map((p) => [p.part, p.seen]));
  const rows = level ? found.events : found.events.filter((e) => e.pos > (own.get(e.part) as bigint));
  await r.w.cell.use(RelayProbe)?.at('read', f.subscriber);
  f.lookedAtMs = r.w.clock.monotonicMs();
  const end = found.end ?? to;
  if (!rows.length) {
    for (const p of together) if (p.seen < end) p.seen = end;
    f.seen = end > last ? end : last;
    // One that is ahead of where this ends stays there here as well.
    if (together.some((p) => p.pos < end - BigInt(RELAY_SCAN_MAX))) await deliver(r, f, together.filter((p) => p.pos < end), [], end);
    return end < to;
  }
  const parked = new Set(f.parked.map(nameOf));
  try {
    if (parked.size && rows.some((e) => parked.has(nameOf(e)))) throw new Error('a key is parked');
    // A part that is ahead of where this ends stays there: set back, it would have its effects twice.
    await deliver(r, f, together.filter((p) => p.pos < end), rows, end);
    f.seen = end;
  } catch (error) {
    if (error instanceof CursorLost) throw error;
    // Each part goes on by itself: one that holds what fails holds up none of the others.
    f.seen = end;
    for (const p of together) apart(r, f, p);
  }
  return true;
}

/** What was looked through and was for nobody is written down when it has been quiet for a moment. */
async function noteSeen(r: Relay, f: Follow, together: readonly Part[], last: bigint): Promise<boolean> {
  const behind = together.filter((p) => p.pos < last && p.seen >= last);
  if (behind.length && r.w.clock.monotonicMs() - f.lookedAtMs >= IDLE_MS) await deliver(r, f, behind, [], last);
  return false;
}

const stand = (p: Part, pos: bigint): void => { [p.pos, p.seen] = [pos, pos]; };

function apart(r: Relay, f: Follow, p: Part): void {
  p.alone = alone(r, f, p).catch(async (error: unknown) => {
    if (!(error instanceof CursorLost)) r.w.log.warn('events.part-failed', { subscriber: f.subscriber, part: p.part, ...errorFields(error) });
    await r.w.clock.sleep(RELAY_POLL_MS / 10, f.ending.signal);
    stand(p, await spineStatement(r.w.cell, (sql) => readCursor(sql, f.subscriber, p.part)).catch(() => p.pos));
  }).finally(() => { p.alone = undefined; r.news.wake(); });
}

/** Moves a subscriber along until it is told to stop. */
async function follow(r: Relay, f: Follow): Promise<void> {
  while (!f.ending.signal.aborted) {
    const dirty = [...f.parts.values()].some((p) => p.pos < f.seen);
    const waiting = r.news.wait(dirty ? IDLE_MS : RELAY_POLL_MS, f.ending.signal);
    try {
      const turn = step(r, f);
      f.turn = turn.catch(() => undefined);
      if (!await turn) await waiting;
    } catch (error) {
      if (!(error instanceof CursorLost)) throw error;
      // Who has the lease and finds the cursor elsewhere was set back, or ahead, by a replay.
      for (const p of f.parts.values()) if (!p.alone) stand(p, await spineStatement(r.w.cell, (sql) => readCursor(sql, f.subscriber, p.part)));
      f.seen = [...f.parts.values()].reduce((least, p) => min(least, p.pos), r.settled ?? 0n);
      await r.w.clock.sleep(RELAY_POLL_MS / 10, f.ending.signal);
    }
  }
  // What was looked through and was for nobody need not be looked through again by whoever goes on.
  const behind = [...f.parts.values()].filter((p) => p.pos < f.seen && p.seen >= f.seen && !p.alone);
  if (behind.length) await deliver(r, f, behind, [], f.seen).catch((error: unknown) => r.w.log.warn('events.not-noted', errorFields(error)));
}

/** How far all have looked that read from what is kept; who goes alone, or has just been taken, reads the log itself. */
function lowest(r: Relay, upTo: bigint): bigint {
  let least = upTo;
  for (const f of r.follows.values()) for (const p of f.parts.values()) if (!p.alone && p.seen >= r.recentFrom) least = min(least, p.seen);
  return least;
}

/** Follows the end of the log; what is new there is kept a while, so that no subscriber has to read it again. */
const settle = (r: Relay, topics: readonly string[]): Promise<void> => r.w.cell.use(Tail).follow({
  topics,
  began(at) {
    [r.settled, r.recent, r.recentFrom] = [at, [], at];
    r.news.wake();
  },
  read(events, upTo) {
    r.settled = upTo;
    const all = [...r.recent, ...events];
    // What everybody here has had goes at once: kept for longer, it outlives the young generation and is copied out of it.
    const had = lowest(r, upTo);
    let first = all.length > RECENT_MAX ? all.length - RECENT_MAX / 2 : 0;
    while (first < all.length && (all[first] as PartEvent).pos <= had) first += 1;
    if (first > 0) r.recentFrom = (all[first - 1] as PartEvent).pos;
    r.recent = first > 0 ? all.slice(first) : all;
    r.news.wake();
  },
  away: () => undefined,
}, r.w.signal);

/** Events of the log itself; what holds none of its topics is passed by without being read for it. */
async function fromLog(r: Relay, f: Follow, from: bigint, to: bigint, parts: readonly number[] | 'all'): Promise<Found> {
  const at = await r.stretches.past(from, to, r.settled ?? 0n, f.topics);
  if (at > from) return { events: [], end: at };
  const most = [...f.reactions.values()].every((x) => x.many) ? RELAY_MANY_MAX : RELAY_BATCH_MAX;
  return spineStatement(r.w.cell, (sql) => eventsOf(sql, from, to, [...f.topics], parts, PARTS, most));
}

/** The next events of some parts of a subscriber, in order, between two positions. */
async function eventsBetween(r: Relay, f: Follow, from: bigint, to: bigint, parts: readonly number[] | 'all'): Promise<Found> {
  if (from < r.recentFrom) return fromLog(r, f, from, to, parts);
  let first = r.recent.length;
  while (first > 0 && (r.recent[first - 1] as PartEvent).pos > from) first -= 1;
  const events = r.recent.slice(first).filter((e) => e.pos <= to && f.reactions.has(e.topic) && (parts === 'all' || parts.includes(e.part)))
    .slice(0, RELAY_BATCH_MAX);
  return { events, end: events.length < RELAY_BATCH_MAX ? undefined : events.at(-1)?.pos };
}

/** Keeps this process's share of the cursors: what it holds is renewed, what is free is taken, what is too much is given back. */
async function share(r: Relay, subscribers: ReadonlyMap<string, Reactions>, failed: (error: unknown) => void): Promise<void> {
  const { w, me, follows: all } = r;
  const names = [...subscribers.keys()];
  while (!w.signal.aborted) {
    const { held, taken, most, alive, now } = await spineTransact(w.cell, async (tx) => {
      const until = new Date(tx.now.getTime() + LEASE_MS);
      const mine = await renewLeases(tx.sql, me, until);
      // Of each subscriber, so that one that has much to do is shared as well.
      const alive = await relaysAlive(tx.sql, me, tx.now);
      const most = Math.ceil(PARTS / Math.max(1, alive.n));
      const rooms = names.map((name) => Math.max(0, most - mine.filter((h) => h.subscriber === name).length));
      const taken = rooms.some((room) => room > 0) ? await takeCursors(tx.sql, me, names, rooms, tx.now, until) : [];
      return { held: mine, taken, most, alive, now: tx.now };
    });
    const known = new Map(held.map((h) => [`${h.subscriber} ${h.part}`, h.pos]));
    for (const f of all.values()) {
      for (const p of f.parts.values()) {
        const pos = known.get(`${f.subscriber} ${p.part}`);
        if (pos === undefined) await leave(f, p);
        // Only a replay sets a cursor back.
        else if (pos < p.pos && !p.alone) {
          stand(p, pos);
          f.seen = min(f.seen, pos);
        }
      }
    }
    const given = [...all.values()].flatMap((f) => [...f.parts.values()].slice(most).map((p) => ({ f, p, subscriber: f.subscriber, part: p.part })));
    for (const g of given) await leave(g.f, g.p);
    if (given.length) await spineStatement(w.cell, (sql) => giveBack(sql, me, given));
    for (const t of taken) {
      const f = all.get(t.subscriber) ?? begin(r, t.subscriber, subscribers.get(t.subscriber) as Reactions, failed);
      f.parts.set(t.part, { part: t.part, pos: t.pos, seen: t.pos });
    }
    if (taken.length) r.news.wake();
    // What a dead one held is taken when it is free, and not at the next renewal: that may be three seconds later.
    await w.clock.sleep(Math.min(RENEW_MS, alive.next ? alive.next.getTime() - now.getTime() + FREE_AFTER_MS : RENEW_MS), w.signal);
  }
}

/** Lets go of a part when what is under way for it has ended. */
async function leave(f: Follow, p: Part): Promise<void> {
  f.parts.delete(p.part);
  await f.turn;
  await p.alone;
}

function begin(r: Relay, subscriber: string, reactions: Reactions, failed: (error: unknown) => void): Follow {
  const f: Follow = { subscriber, reactions, topics: new Set(reactions.keys()), parts: new Map(), ending: new AbortController(), seen: 0n,
    turn: Promise.resolve(), ended: Promise.resolve(), parked: [], parkedAtMs: Number.NEGATIVE_INFINITY, lookedAtMs: 0 };
  r.follows.set(subscriber, f);
  f.ended = follow(r, f).catch(failed);
  return f;
}

/** Moves every subscriber along the log, together with the relays of other processes. */
export const relay: Worker = {
  name: 'events.relay', role: 'relay',
  async run(w) {
    const subscribers = subscribersOf(w.modules);
    await spineTransact(w.cell, (tx) => addCursors(tx.sql, [...subscribers.keys()], PARTS));
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    w.signal.addEventListener('abort', stop, { once: true });
    if (w.signal.aborted) stop();
    const r: Relay = { w: { ...w, signal: ending.signal }, me: uuidv7(w.clock.now(), systemRandom), news: createSignal(w.clock), settled: undefined,
      stretches: createStretches(w.cell), recent: [], recentFrom: 0n, follows: new Map() };
    let broken: unknown;
    const failed = (error: unknown): void => {
      broken ??= error;
      stop();
    };
    try {
      await Promise.all([settle(r, [...new Set([...subscribers.values()].flatMap((each) => [...each.keys()]))]), share(r, subscribers,
        failed)].map((p) => p.catch(failed)));
    } finally {
      w.signal.removeEventListener('abort', stop);
      for (const f of r.follows.values()) f.ending.abort();
      await Promise.all([...r.follows.values()].flatMap((f) => [f.ended, ...[...f.parts.values()].flatMap((p) => p.alone ?? [])]));
      // What is not given back is free when its lease runs out.
      await spineStatement(w.cell, (sql) => endRelay(sql, r.me)).catch((error: unknown) => w.log.warn('events.not-given-back', errorFields(error)));
    }
    if (broken !== undefined) throw broken;
  },
};
