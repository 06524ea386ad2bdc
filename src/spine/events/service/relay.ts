import { bind, errorFields, perform, spineStatement, spineTransact, uuid, type Module, type Reaction, type Tx, type Worker, type WorkerContext } from '#kernel';
import { EventSignal, HANDLER_TRIES_MAX, NOTIFY_CHANNEL, RELAY_BATCH_MAX, RELAY_POLL_MS, type StoredEvent } from '../contract.ts';
import { addSubscriber, eventsAfter, lastPos, moveCursor, noteFailure, park, parkedKeys, readCursor, sayNews } from '../store.ts';
import { readSettled } from './log.ts';

type Subscriber = { name: string; reactions: ReadonlyMap<string, Reaction> };

function subscribers(modules: readonly Module[]): Subscriber[] {
  const all = Map.groupBy(modules.flatMap((m) => m.reactions ?? []), (r) => r.subscriber);
  return [...all].map(([name, reactions]) => ({ name, reactions: new Map(reactions.map((r) => [r.on.name, r])) }));
}

class CursorLost extends Error {}

async function apply(tx: Tx, reaction: Reaction, e: StoredEvent): Promise<void> {
  await reaction.run(tx, { id: e.id, key: e.key, at: e.at, data: reaction.on.data.parse(e.data) });
}

/** Runs the events of one tenant and moves the cursor with their effects, in one transaction. */
async function deliver(w: WorkerContext, s: Subscriber, from: bigint, events: readonly StoredEvent[]): Promise<void> {
  const first = events[0] as StoredEvent;
  const to = (events.at(-1) as StoredEvent).pos;
  const wanted = events.filter((e) => s.reactions.has(e.topic));
  const tenant = wanted.length ? await w.tenant(first.tenant) : undefined;
  if (!tenant) {
    // Nothing here is for this subscriber (or the tenant has left the directory): only the cursor moves.
    const moved = await spineStatement(w.cell, (sql) => moveCursor(sql, s.name, from, to));
    if (!moved.length) throw new CursorLost();
    return;
  }
  await perform(w.cell, tenant, { actor: { kind: 'system', name: s.name }, trace: first.trace }, async (tx) => {
    if (!(await moveCursor(tx.sql, s.name, from, to)).length) throw new CursorLost();
    // Each effect speaks on the trace of its own event, whatever events share the transaction.
    for (const e of wanted) await apply(bind(tx.section, { actor: tx.actor, trace: e.trace }), s.reactions.get(e.topic) as Reaction, e);
  });
}

/** When a group fails, its events are tried alone; one that keeps failing is parked with its key, and the stream goes on. */
async function deliverAlone(w: WorkerContext, s: Subscriber, from: bigint, events: readonly StoredEvent[], parked: Set<string>): Promise<void> {
  let at = from;
  for (const e of events) {
    const name = `${e.tenant} ${e.key}`;
    const setAside = async (reason: string): Promise<void> => {
      parked.add(name);
      await spineTransact(w.cell, async (tx) => {
        await park(tx.sql, s.name, e, reason, tx.now);
        if (!(await moveCursor(tx.sql, s.name, at, e.pos)).length) throw new CursorLost();
      });
    };
    if (parked.has(name)) await setAside('an earlier event of this key is parked');
    else {
      try {
        await deliver(w, s, at, [e]);
      } catch (error) {
        if (error instanceof CursorLost) throw error;
        const failures = await spineTransact(w.cell, (tx) => noteFailure(tx.sql, s.name, error instanceof Error ? error.name : 'unknown'));
        w.log.warn('events.handler-failed', { subscriber: s.name, pos: e.pos.toString(), topic: e.topic, failures, ...errorFields(error) });
        if (failures < HANDLER_TRIES_MAX) {
          await w.clock.sleep(50 * 2 ** failures, w.signal);
          return;
        }
        await setAside(error instanceof Error ? error.name : 'unknown');
      }
    }
    at = e.pos;
  }
}

async function step(w: WorkerContext, s: Subscriber): Promise<boolean> {
  // The keys are read behind the cursor: whoever parked one moved the cursor in the same commit, so no relay can pass it unseen.
  const [from, keys] = await spineStatement(w.cell, (sql) => Promise.all([readCursor(sql, s.name), parkedKeys(sql, s.name)]));
  const parked = new Set(keys.map((p) => `${p.tenant} ${p.key}`));
  const topics = [...s.reactions.keys()];
  const rows = (await readSettled(w.cell, 'events.log', from, (sql, after) => eventsAfter(sql, after, topics, RELAY_BATCH_MAX), w.clock))
    .map((r): StoredEvent => ({ ...r, tenant: uuid(r.tenant), data: r.data === null ? null : JSON.parse(r.data) as Record<string, unknown> }));
  let at = from;
  for (let i = 0; i < rows.length;) {
    let end = i + 1;
    while (end < rows.length && (rows[end] as StoredEvent).tenant === (rows[i] as StoredEvent).tenant) end += 1;
    const group = rows.slice(i, end);
    try {
      if (group.some((e) => parked.has(`${e.tenant} ${e.key}`))) throw new Error('a key of this group is parked');
      await deliver(w, s, at, group);
    } catch (error) {
      if (error instanceof CursorLost) return true;
      await deliverAlone(w, s, at, group, parked);
      return true;
    }
    at = (group.at(-1) as StoredEvent).pos;
    i = end;
  }
  return rows.length > 0;
}

/** Moves every subscriber along the log, and tells other processes of news. */
export const relay: Worker = {
  name: 'events.relay', role: 'relay',
  async run(w) {
    const all = subscribers(w.modules);
    await spineTransact(w.cell, async (tx) => {
      for (const s of all) await addSubscriber(tx.sql, s.name);
    });
    const signal = w.cell.use(EventSignal);
    const follow = async (s: Subscriber): Promise<void> => {
      while (!w.signal.aborted) {
        const waiting = signal.wait(RELAY_POLL_MS, w.signal);
        if (!await step(w, s)) await waiting;
      }
    };
    await Promise.all([...all.map(follow), announce(w)]);
  },
};

/** One NOTIFY for all that is new; never inside a writer's transaction, where it would serialize commits. It only says "look", so no gap is proven. */
async function announce(w: WorkerContext): Promise<void> {
  const signal = w.cell.use(EventSignal);
  let said = await spineStatement(w.cell, lastPos);
  while (!w.signal.aborted) {
    const waiting = signal.wait(RELAY_POLL_MS, w.signal);
    const news = await spineStatement(w.cell, (sql) => sayNews(sql, NOTIFY_CHANNEL, said));
    if (news === undefined) await waiting;
    else said = news;
  }
}
