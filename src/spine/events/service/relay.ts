import {
  allOf, bind, dataOf, errorFields, spineStatement, spineTransact, systemRandom, transact, uuid, uuidv7, type Happened, type Item, type Module, type Reaction,
  type SectionTx, type SectionWork, type TenantRef, type Worker, type WorkerContext,
} from '#kernel';
import {
  EventSignal, HANDLER_TRIES_MAX, LEASE_MS, PARTS, RELAY_BATCH_MAX, RELAY_POLL_MS, RELAY_SCAN_MAX, RelayProbe, RELEASE_MAX, RENEW_MS, type StoredEvent,
} from '../contract.ts';
import {
  addCursors, endAfter, endRelay, eventsOf, giveBack, lastPos, lockParked, markReleased, moveCursor, moveIdle, noteFailure, park, parkedKeys, readCursor,
  relaysAlive, renewLeases, takeCursors, unpark,
} from '../store.ts';
import { makeSignal, whenInsertersEnd } from './log.ts';

type Reactions = ReadonlyMap<string, Reaction>;
/** A part of a subscriber that this process moves along. */
interface Follow {
  readonly subscriber: string; readonly part: number; readonly reactions: Reactions; readonly ending: AbortController;
  /** As it is written, and how far this process has looked and found nothing for it. */
  pos: bigint; seen: bigint; ended: Promise<void>;
  /** Work and the note of idleness move one cursor: neither begins while the other is under way. */
  busy: boolean; moving: Promise<unknown>;
}
interface Relay {
  readonly w: WorkerContext; readonly me: string; readonly news: EventSignal;
  /** Behind this nothing can appear any more. */
  settled: bigint;
}

/** Another process has the cursor: nothing of this transaction may stay. */
class CursorLost extends Error {}

const subscribersOf = (modules: readonly Module[]): ReadonlyMap<string, Reactions> =>
  new Map([...Map.groupBy(modules.flatMap((m) => m.reactions ?? []), (r) => r.subscriber)].map(([name, all]) =>
    [name, new Map(all.map((r) => [r.on.name, r]))]));

const happened = (reaction: Reaction, subscriber: string, e: StoredEvent): Item<Happened> => ({
  actor: { kind: 'system', name: subscriber }, trace: e.trace, atMs: 0,
  input: { id: e.id, key: e.key, at: e.at, data: dataOf(reaction.on, e.version, JSON.parse(e.data) as Record<string, unknown>) },
});

/** Runs the reactions to events of one tenant, in order; those that follow each other and take many, together. */
async function react(tx: SectionTx, f: Pick<Follow, 'subscriber' | 'reactions'>, events: readonly StoredEvent[]): Promise<void> {
  for (let i = 0; i < events.length;) {
    const reaction = f.reactions.get((events[i] as StoredEvent).topic) as Reaction;
    let end = i + 1;
    while (reaction.many && end < events.length && events[end]?.topic === reaction.on.name) end += 1;
    // Each effect speaks on the trace of its own event, whatever events share the transaction.
    const items = events.slice(i, end).map((e) => happened(reaction, f.subscriber, e));
    if (reaction.many) await reaction.many(tx, items);
    else await reaction.run?.(bind(tx, items[0] as Item<Happened>), (items[0] as Item<Happened>).input);
    i = end;
  }
}

/** Runs events and moves the cursor with their effects, in one transaction, a section a tenant. */
async function deliver(r: Relay, f: Follow, events: readonly StoredEvent[], to: bigint): Promise<void> {
  f.busy = true;
  await f.moving;
  try {
    await moveWith(r, f, events, to);
  } finally {
    f.busy = false;
  }
}

async function moveWith(r: Relay, f: Follow, events: readonly StoredEvent[], to: bigint): Promise<void> {
  const sections: SectionWork<void>[] = [];
  const probe = r.w.cell.use(RelayProbe);
  const move = async (tx: SectionTx): Promise<void> => {
    if (!(await moveCursor(tx.sql, f.subscriber, f.part, r.me, f.pos, to)).length) throw new CursorLost();
  };
  for (const [id, own] of [...Map.groupBy(events, (e) => e.tenant)].toSorted(([a], [b]) => (a < b ? -1 : 1))) {
    const tenant = await r.w.tenant(uuid(id));
    // A tenant that has left the directory: only the cursor moves.
    if (!tenant) continue;
    const first = sections.length === 0;
    sections.push({ tenant, run: async (tx) => {
      await (first ? allOf([move(tx), react(tx, f, own)]) : react(tx, f, own));
      await probe?.at('effect-made', f.subscriber);
    } });
  }
  if (sections.length) await transact(r.w.cell, r.w.cell.pools.batch, sections);
  else if (!(await spineStatement(r.w.cell, (sql) => moveCursor(sql, f.subscriber, f.part, r.me, f.pos, to))).length) throw new CursorLost();
  f.pos = f.seen = to;
  await probe?.at('moved', f.subscriber);
}

/** Events are tried alone; one that keeps failing is parked with its key, and the stream goes on. */
async function deliverAlone(r: Relay, f: Follow, events: readonly StoredEvent[], parked: Set<string>): Promise<void> {
  for (const e of events) {
    const name = `${e.tenant} ${e.key}`;
    const setAside = async (reason: string): Promise<void> => {
      parked.add(name);
      await spineTransact(r.w.cell, async (tx) => {
        await park(tx.sql, f.subscriber, e, reason, tx.now);
        if (!(await moveCursor(tx.sql, f.subscriber, f.part, r.me, f.pos, e.pos)).length) throw new CursorLost();
      });
      f.pos = f.seen = e.pos;
    };
    if (parked.has(name)) {
      await setAside('an earlier event of this key is parked');
      continue;
    }
    try {
      await deliver(r, f, [e], e.pos);
    } catch (error) {
      if (error instanceof CursorLost) throw error;
      const failures = await spineTransact(r.w.cell, (tx) => noteFailure(tx.sql, f.subscriber, f.part, error instanceof Error ? error.name : 'unknown'));
      const fields = { subscriber: f.subscriber, pos: e.pos.toString(), topic: e.topic, failures, ...errorFields(error) };
      if (failures < HANDLER_TRIES_MAX) {
        r.w.log.warn('events.handler-failed', fields);
        await r.w.clock.sleep(50 * 2 ** failures, f.ending.signal);
        return;
      }
      r.w.log.error('events.parked', fields);
      await setAside(error instanceof Error ? error.name : 'unknown');
    }
  }
}

/** Gives the parked events of a released key their effect, in their order; one that fails again stays parked, and so do those behind it. */
async function release(r: Relay, f: Follow, tenant: TenantRef, key: string): Promise<void> {
  try {
    await transact(r.w.cell, r.w.cell.pools.app, [{ tenant, run: async (tx) => {
      if (!(await moveCursor(tx.sql, f.subscriber, f.part, r.me, f.pos, f.pos)).length) throw new CursorLost();
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

/** One look; true when there may be more. */
async function step(r: Relay, f: Follow): Promise<boolean> {
  const to = r.settled < f.seen + BigInt(RELAY_SCAN_MAX) ? r.settled : f.seen + BigInt(RELAY_SCAN_MAX);
  const topics = [...f.reactions.keys()];
  const [keys, rows] = await spineStatement(r.w.cell, (sql) => Promise.all([
    parkedKeys(sql, f.subscriber), to > f.seen ? eventsOf(sql, f.seen, to, topics, f.part, PARTS, RELAY_BATCH_MAX) : [],
  ]));
  await r.w.cell.use(RelayProbe)?.at('read', f.subscriber);
  for (const k of keys.filter((x) => x.released && Number(x.hash % BigInt(PARTS)) === f.part)) {
    const tenant = await r.w.tenant(uuid(k.tenant));
    if (tenant) await release(r, f, tenant, k.key);
  }
  if (!rows.length) {
    f.seen = to > f.seen ? to : f.seen;
    return f.seen < r.settled;
  }
  const parked = new Set(keys.map((p) => `${p.tenant} ${p.key}`));
  const end = rows.length < RELAY_BATCH_MAX ? to : (rows.at(-1) as StoredEvent).pos;
  if (rows.some((e) => parked.has(`${e.tenant} ${e.key}`))) await deliverAlone(r, f, rows, parked);
  else {
    try {
      await deliver(r, f, rows, end);
    } catch (error) {
      if (error instanceof CursorLost) throw error;
      await deliverAlone(r, f, rows, parked);
    }
  }
  return true;
}

/** Moves one part of a subscriber along until it is told to stop, or another process has it. */
async function follow(r: Relay, f: Follow): Promise<void> {
  f.pos = f.seen = await spineStatement(r.w.cell, (sql) => readCursor(sql, f.subscriber, f.part));
  while (!f.ending.signal.aborted) {
    const waiting = r.news.wait(RELAY_POLL_MS, f.ending.signal);
    try {
      if (!await step(r, f)) await waiting;
    } catch (error) {
      if (!(error instanceof CursorLost)) throw error;
      // Who has the lease and finds the cursor elsewhere was set back, or ahead, by a replay.
      f.pos = f.seen = await spineStatement(r.w.cell, (sql) => readCursor(sql, f.subscriber, f.part));
      await r.w.clock.sleep(RELAY_POLL_MS / 10, f.ending.signal);
    }
  }
}

/** Follows the end of the log: one look and one proof for all subscribers of the process. */
async function settle(r: Relay): Promise<void> {
  const signal = r.w.cell.use(EventSignal);
  const { cell } = r.w;
  while (!r.w.signal.aborted) {
    const waiting = signal.wait(RELAY_POLL_MS, r.w.signal);
    const { upTo, high } = await spineStatement(cell, (sql) => endAfter(sql, r.settled, RELAY_SCAN_MAX));
    if (upTo === null && high === null) {
      await waiting;
      continue;
    }
    if (upTo === null) await whenInsertersEnd(cell, 'events.log', r.w.clock);
    r.settled = (upTo ?? high) as bigint;
    r.news.wake();
  }
}

const IDLE_MS = 100;
/** Writes down how far those have come who found nothing for them; one statement for all. */
async function idle(r: Relay, all: ReadonlySet<Follow>): Promise<void> {
  while (!r.w.signal.aborted) {
    await r.w.clock.sleep(IDLE_MS, r.w.signal);
    const behind = [...all].filter((f) => f.seen > f.pos && !f.busy).map((f) => ({ f, subscriber: f.subscriber, part: f.part, from: f.pos, to: f.seen }));
    if (!behind.length) continue;
    const moving = spineStatement(r.w.cell, (sql) => moveIdle(sql, r.me, behind)).then((moved) => {
      const done = new Set(moved.map((m) => `${m.subscriber} ${m.part}`));
      for (const b of behind) if (done.has(`${b.subscriber} ${b.part}`)) b.f.pos = b.to;
    });
    for (const { f } of behind) f.moving = moving.catch(() => undefined);
    await moving;
  }
}

/** Keeps this process's share of the cursors: what it holds is renewed, what is free is taken, what is too much is given back. */
async function share(r: Relay, subscribers: ReadonlyMap<string, Reactions>, all: Set<Follow>, failed: (error: unknown) => void): Promise<void> {
  const { w, me } = r;
  const names = [...subscribers.keys()];
  const stop = async (f: Follow): Promise<void> => {
    f.ending.abort();
    await f.ended;
    all.delete(f);
  };
  while (!w.signal.aborted) {
    const { held, free } = await spineTransact(w.cell, async (tx) => {
      const until = new Date(tx.now.getTime() + LEASE_MS);
      const mine = await renewLeases(tx.sql, me, until) as { subscriber: string; part: number }[];
      const most = Math.ceil((names.length * PARTS) / Math.max(1, await relaysAlive(tx.sql, tx.now)));
      return { held: mine, free: mine.length < most ? await takeCursors(tx.sql, me, names, tx.now, until, most - mine.length) : most - mine.length };
    });
    const has = new Set(held.map((h) => `${h.subscriber} ${h.part}`));
    for (const f of all) if (!has.has(`${f.subscriber} ${f.part}`)) await stop(f);
    if (typeof free === 'number') {
      const extra = [...all].slice(0, -free);
      for (const f of extra) await stop(f);
      if (extra.length) await spineStatement(w.cell, (sql) => giveBack(sql, me, extra));
    } else {
      for (const { subscriber, part } of free) {
        const f: Follow = { subscriber, part, reactions: subscribers.get(subscriber) as Reactions, ending: new AbortController(), pos: 0n, seen: 0n,
          ended: Promise.resolve(), busy: false, moving: Promise.resolve() };
        f.ended = follow(r, f).catch(failed);
        all.add(f);
      }
    }
    await w.clock.sleep(RENEW_MS, w.signal);
  }
}

/** Moves every subscriber along the log, together with the relays of other processes. */
export const relay: Worker = {
  name: 'events.relay', role: 'relay',
  async run(w) {
    const subscribers = subscribersOf(w.modules);
    const end = await spineTransact(w.cell, async (tx) => {
      await addCursors(tx.sql, [...subscribers.keys()], PARTS);
      return lastPos(tx.sql);
    });
    await whenInsertersEnd(w.cell, 'events.log', w.clock);
    const ending = new AbortController();
    const stop = (): void => ending.abort();
    w.signal.addEventListener('abort', stop, { once: true });
    if (w.signal.aborted) stop();
    const r: Relay = { w: { ...w, signal: ending.signal }, me: uuidv7(w.clock.now(), systemRandom), news: makeSignal(w.clock), settled: end };
    const all = new Set<Follow>();
    let broken: unknown;
    const failed = (error: unknown): void => {
      broken ??= error;
      stop();
    };
    try {
      await Promise.all([settle(r), idle(r, all), share(r, subscribers, all, failed)].map((p) => p.catch(failed)));
    } finally {
      w.signal.removeEventListener('abort', stop);
      for (const f of all) f.ending.abort();
      await Promise.all([...all].map((f) => f.ended));
      // What is not given back is free when its lease runs out.
      await spineStatement(w.cell, (sql) => endRelay(sql, r.me)).catch((error: unknown) => w.log.warn('events.not-given-back', errorFields(error)));
    }
    if (broken !== undefined) throw broken;
  },
};
