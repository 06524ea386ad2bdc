import { spineStatement, systemClock, type SqlTag, type CellContext, type Clock, type Writer } from '#kernel';
import { EventSignal, GAP_WAIT_MS_MAX, type StoredEvent } from '../contract.ts';
import { appendEvents, eventsAfter, inserters, moveCursor, type NewEvents } from '../store.ts';
import { toldSignal } from './wake.ts';

// eslint-disable-next-line no-control-regex -- what no key may hold: the log's readers part fields by one of them
const CONTROL_CHARACTER = /[\x00-\x1f]/;

/** Of whoever follows the log. */
export const signal = toldSignal(EventSignal, 'events');

/** Appends the section's events, last of all writers: a gap in the log then lasts no longer than a commit. */
export const eventWriter: Writer = {
  name: 'spine/events', rank: 90,
  write(tx, pending) {
    if (!pending.events.length) return undefined;
    const rows: NewEvents = { topics: [], keys: [], ids: [], versions: [], traces: [], data: [] };
    for (const { by, event } of pending.events) {
      if (CONTROL_CHARACTER.test(event.key)) throw new RangeError(`a key of ${event.type.name} holds a control character`);
      rows.topics.push(event.type.name);
      rows.keys.push(event.key);
      rows.ids.push(tx.uuid());
      rows.versions.push(event.type.version);
      rows.traces.push(by.trace);
      rows.data.push(JSON.stringify(event.type.data.parse(event.data)));
    }
    tx.afterCommit(() => signal.wake(tx));
    return () => appendEvents(tx.sql, tx.tenant.id, tx.now, rows);
  },
};

/**
 * Reads rows of an append-only table whose key is an identity with CACHE 1, and only those before which nothing can appear
 * any more. The contiguous part is settled as it stands. Before a gap: whoever could still fill it holds the table's insert
 * lock now, so when all of those transactions have ended, a new snapshot shows every row up to the last one seen, and what is
 * missing was rolled back for ever. No guess and no time-out decides.
 */
export async function readSettled<R extends { pos: bigint }>(
  cell: CellContext, table: string, after: bigint, read: (sql: SqlTag, after: bigint) => Promise<R[]>,
  clock: Clock = systemClock,
): Promise<R[]> {
  const rows = await spineStatement(cell, (sql) => read(sql, after));
  let run = 0;
  while (run < rows.length && (rows[run] as R).pos === after + BigInt(run) + 1n) run += 1;
  if (run > 0 || rows.length === 0) return rows.slice(0, run);
  const high = (rows.at(-1) as R).pos;
  await whenInsertersEnd(cell, table, clock);
  return (await spineStatement(cell, (sql) => read(sql, after))).filter((r) => r.pos <= high);
}

/** Resolves when every transaction that holds the table's insert lock now has ended. */
export async function whenInsertersEnd(cell: Pick<CellContext, 'pools'>, table: string, clock: Clock): Promise<void> {
  const holders = async (): Promise<Set<string>> => new Set((await spineStatement(cell, (sql) => inserters(sql, table))).map((r) => r.vtx));
  const first = await holders();
  const began = clock.monotonicMs();
  for (let open = first; open.size > 0;) {
    if (clock.monotonicMs() - began > GAP_WAIT_MS_MAX) throw new Error(`a transaction holds a gap of ${table} open for too long`);
    await clock.sleep(2);
    const now = await holders();
    open = new Set([...open].filter((vtx) => now.has(vtx)));
  }
}

/**
 * Hands settled events behind a position over to somebody outside, and then moves the cursor: what was handed over and not noted is handed over
 * again, and the other side knows it by its id. Resolves to the new position; undefined when there is nothing, or another process has the cursor.
 */
export async function readOutward(cell: CellContext, subscriber: string, me: string, at: bigint, limit: number,
  hand: (events: readonly StoredEvent[]) => Promise<void>): Promise<bigint | undefined> {
  const events = await readSettled(cell, 'events.log', at, (sql, after) => eventsAfter(sql, after, limit));
  const last = events.at(-1)?.pos;
  if (last === undefined) return undefined;
  await hand(events);
  return (await spineStatement(cell, (sql) => moveCursor(sql, subscriber, 0, me, at, last))).length ? last : undefined;
}
