import {
  createSignal, errorFields, spineStatement, spineTransact, systemRandom, uuidv7, type Module, type Worker,
} from '#kernel';
import {
  FREE_AFTER_MS, IDLE_MS, LEASE_MS, PARTS, RECENT_MAX, RELAY_BATCH_MAX, RELAY_MANY_MAX, RELAY_POLL_MS, RELAY_SCAN_MAX, RelayProbe, RENEW_MS,
} from '../contract.ts';
import {
  addCursors, endRelay, eventsOf, giveBack, readCursor, relaysAlive, renewLeases, takeCursors, type Found, type PartEvent,
} from '../store.ts';
import { CursorLost, deliver, nameOf, stand, type Follow, type Part, type Reactions, type Relay } from './deliver.ts';
import { deliverAlone, lookAtParked } from './parked.ts';
import { createStretches } from './stretches.ts';
import { Tail } from './tail.ts';

const min = (a: bigint, b: bigint): bigint => (a < b ? a : b);

const subscribersOf = (modules: readonly Module[]): ReadonlyMap<string, Reactions> =>
  new Map([...Map.groupBy(modules.flatMap((m) => m.reactions ?? []), (r) => r.subscriber)].map(([name, all]) =>
    [name, new Map(all.map((r) => [r.on.name, r]))]));

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
