import { isUnavailable, provide, spineStatement, token, type CellContext, type Clock, type Provided } from '#kernel';
import {
  BUSY_PER_MS, EventSignal, GAP_LOOK_MS, GAP_LOOKS, GATHER_BUSY_MS, GATHER_LOOKS, GATHER_MS, LOOKS_KEPT, PARTS, RELAY_BATCH_MAX, RELAY_POLL_MS,
} from '../contract.ts';
import { lastPos, tailAfter, tailEvents, type PartEvent, type TailRow } from '../store.ts';
import { whenInsertersEnd } from './log.ts';

/** Somebody in this process who is told of what is settled at the end of the log. */
export interface Follower {
  readonly topics: readonly string[];
  /** Everything behind this position will be told, and all before it has ended. */
  began(at: bigint): void;
  /** Events of its topics, in order; with them the log is settled up to a position. */
  read(events: readonly PartEvent[], upTo: bigint): void;
  /** The log cannot be read for now; what is written meanwhile is told later. */
  away(): void;
}
/** The end of the log, read once for all who follow it in this process: one statement and one proof, whatever their number. */
export interface Tail {
  /** Tells a follower until `ending`; rejects with what the follower threw, or why the log could not be read. */
  follow(follower: Follower, ending: AbortSignal): Promise<void>;
}
export const Tail = token<Tail>('events.tail');

interface Member { readonly follower: Follower; began: boolean; fail(error: unknown): void }
interface Reading { readonly cell: Pick<CellContext, 'pools' | 'use'>; readonly clock: Clock; readonly ending: AbortController; readonly members: Set<Member> }

/** Tells a follower; one that fails misses what comes, is told so, and leaves the others alone. */
function tell(r: Reading, m: Member, what: () => void): void {
  try {
    what();
  } catch (error) {
    r.members.delete(m);
    m.fail(error);
    m.follower.away();
  }
}

const wanted = (row: TailRow): row is TailRow & PartEvent => row.topic !== null;

/** What is settled behind a position: the events that are wanted, how many there are of all, and the last one's position. */
interface Settled { readonly events: readonly PartEvent[]; readonly n: number; readonly upTo: bigint }

async function settledAfter(r: Reading, pos: bigint, topics: readonly string[]): Promise<Settled | undefined> {
  const { events, n, high } = await spineStatement(r.cell, (sql) => tailEvents(sql, pos, topics, PARTS, RELAY_BATCH_MAX));
  if (high === undefined) return undefined;
  // As many as there are positions: no gap.
  if (high === pos + BigInt(n)) return { events, n, upTo: high };
  const rows = await rowsBeforeGap(r, pos, topics);
  const upTo = rows.at(-1)?.pos;
  return upTo === undefined ? undefined : { events: rows.filter(wanted), n: rows.length, upTo };
}

/** Rows that follow a position without a gap. A gap that a second look finds as well is proved to be for ever, by the end of whoever could fill it. */
async function rowsBeforeGap(r: Reading, pos: bigint, topics: readonly string[]): Promise<readonly TailRow[]> {
  const read = (): Promise<TailRow[]> => spineStatement(r.cell, (sql) => tailAfter(sql, pos, topics, PARTS, RELAY_BATCH_MAX));
  const settled = (rows: readonly TailRow[]): readonly TailRow[] => {
    const gap = rows.findIndex((row, i) => row.pos !== pos + BigInt(i) + 1n);
    return gap < 0 ? rows : rows.slice(0, gap);
  };
  let rows = await read();
  for (let look = 0; look < GAP_LOOKS && rows.length && !settled(rows).length; look++) {
    // A writer draws its position last of all, with its commit: most gaps close within a moment.
    await r.clock.sleep(GAP_LOOK_MS);
    rows = await read();
  }
  const high = rows.at(-1)?.pos;
  if (high === undefined || settled(rows).length) return settled(rows);
  await whenInsertersEnd(r.cell, 'events.log', r.clock);
  return (await read()).filter((row) => row.pos <= high);
}

/** Under load each commit wakes the reading: what comes within this is read together. */
function restMs(perMs: number, looks: readonly number[]): number {
  const middle = looks.toSorted((a, b) => a - b)[looks.length >> 1] ?? 0;
  return Math.min(GATHER_BUSY_MS, Math.max(GATHER_MS, GATHER_LOOKS * middle * Math.min(1, perMs / BUSY_PER_MS) ** 2));
}

async function reading(r: Reading): Promise<void> {
  const signal = r.cell.use(EventSignal);
  let pos: bigint | undefined;
  let lookedMs = r.clock.monotonicMs();
  // Over some ten looks, since commits come in bunches.
  let perMs = 0;
  let looks: number[] = [];
  while (!r.ending.signal.aborted) {
    const waiting = signal.wait(RELAY_POLL_MS, r.ending.signal);
    try {
      if (pos === undefined) {
        const end = await spineStatement(r.cell, lastPos);
        await whenInsertersEnd(r.cell, 'events.log', r.clock);
        pos = end;
      }
      const at = pos;
      for (const m of r.members) {
        if (m.began) continue;
        m.began = true;
        tell(r, m, () => m.follower.began(at));
      }
      const topics = [...new Set([...r.members].flatMap((m) => m.follower.topics))];
      const told = [...r.members].filter((m) => m.began);
      const began = r.clock.monotonicMs();
      const settled = await settledAfter(r, pos, topics);
      if (!settled) {
        perMs = 0;
        looks = [];
        await waiting;
        continue;
      }
      const { events, n, upTo } = settled;
      pos = upTo;
      for (const m of told) {
        if (r.members.has(m)) tell(r, m, () => m.follower.read(events.filter((e) => m.follower.topics.includes(e.topic)), upTo));
      }
      const now = r.clock.monotonicMs();
      looks = [...looks, now - began].slice(-LOOKS_KEPT);
      perMs += (n / Math.max(1, now - lookedMs) - perMs) / 10;
      lookedMs = now;
      if (n < RELAY_BATCH_MAX) await r.clock.sleep(restMs(perMs, looks), r.ending.signal);
    } catch (error) {
      for (const m of r.members) tell(r, m, () => m.follower.away());
      if (!isUnavailable(error)) throw error;
      await waiting;
    }
  }
}

function makeTail(cell: Parameters<Provided['make']>[0]): Tail {
  let now: { r: Reading; ended: Promise<void> } | undefined;
  const begin = (): { r: Reading; ended: Promise<void> } => {
    const r: Reading = { cell, clock: cell.clock, ending: new AbortController(), members: new Set() };
    const made = { r, ended: Promise.resolve() };
    made.ended = reading(r).catch((error: unknown) => {
      if (now === made) now = undefined;
      for (const m of r.members) m.fail(error);
      r.members.clear();
    });
    return made;
  };
  return {
    async follow(follower, ending) {
      const mine = (now ??= begin());
      const { members } = mine.r;
      let leave = (): void => undefined;
      try {
        await new Promise<void>((done, fail) => {
          const member: Member = { follower, began: false, fail };
          members.add(member);
          leave = () => {
            members.delete(member);
            done();
          };
          ending.addEventListener('abort', leave, { once: true });
          if (ending.aborted) leave();
          cell.use(EventSignal).wake();
        });
      } finally {
        ending.removeEventListener('abort', leave);
        // Whoever leaves last ends the reading, and waits for what it has under way.
        if (!members.size) {
          if (now === mine) now = undefined;
          mine.r.ending.abort();
          await mine.ended;
        }
      }
    },
  };
}
export const tailState: Provided = provide(Tail, makeTail);
