import {
  allOf, spineStatement, bind, dataOf, transact, uuid, type Actor, type Happened, type Item, type Reaction, type SectionTx, type SectionWork, type Signal,
  type SqlTag, type WorkerContext,
} from '#kernel';
import { RelayProbe, type StoredEvent } from '../contract.ts';
import { moveCursors, type parkedKeys, type PartEvent } from '../store.ts';
import type { Stretches } from './stretches.ts';

export type Reactions = ReadonlyMap<string, Reaction>;
/** A part of a subscriber that this process moves along: its cursor as it is written. */
export interface Part {
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
export interface Follow {
  readonly subscriber: string; readonly reactions: Reactions; readonly parts: Map<number, Part>;
  readonly topics: ReadonlySet<string>; readonly ending: AbortController;
  /** How far has been looked for the parts that move together. */
  seen: bigint; turn: Promise<unknown>; ended: Promise<void>;
  /** Keys that are parked, and when that was read: only who has the lease parks. */
  parked: readonly ParkedKey[]; parkedAtMs: number; lookedAtMs: number;
}
type ParkedKey = Awaited<ReturnType<typeof parkedKeys>>[number];
export interface Relay {
  readonly w: WorkerContext; readonly me: string; readonly news: Signal; readonly stretches: Stretches;
  /** Before this nothing can appear any more; undefined until the end of the log was found. */
  settled: bigint | undefined;
  /** What was read last at the end of the log, of all subscribers, and behind which position that begins. */
  recent: readonly PartEvent[]; recentFrom: bigint;
  readonly follows: Map<string, Follow>;
}

/** Another process has the cursor: nothing of this transaction may stay. */
export class CursorLost extends Error {}

const happened = (reaction: Reaction, actor: Actor, e: StoredEvent): Item<Happened> => ({
  actor, trace: e.trace, atMs: 0,
  input: { id: e.id, key: e.key, at: e.at, data: dataOf(reaction.on, e.version, JSON.parse(e.data) as Record<string, unknown>) },
});

/** Runs the reactions to events of one tenant, in order; those that follow each other and take many, together. */
export async function react(tx: SectionTx, f: Pick<Follow, 'subscriber' | 'reactions'>, events: readonly StoredEvent[]): Promise<void> {
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
export async function deliver(r: Relay, f: Follow, parts: readonly Part[], events: readonly StoredEvent[], to: bigint): Promise<void> {
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

export const stand = (p: Part, pos: bigint): void => { [p.pos, p.seen] = [pos, pos]; };

export const nameOf = (e: { tenant: string; key: string }): string => `${e.tenant} ${e.key}`;
