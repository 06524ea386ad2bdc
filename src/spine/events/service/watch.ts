import { dataOf, isUnavailable, spineStatement, uuid, type Clock, type CellContext, type EventType } from '#kernel';
import { EventSignal, RELAY_BATCH_MAX, RELAY_POLL_MS, WATCH_PAUSE_MS } from '../contract.ts';
import { lastPos, topicsAfter, type SettledRows } from '../store.ts';
import { whenInsertersEnd } from './log.ts';

/** One event as a watcher sees it. */
export interface Seen { readonly tenant: string; readonly topic: string; readonly key: string; readonly at: Date; readonly data: Record<string, unknown> }

/** What is settled behind a position (see `readSettled`), of these topics. */
async function settledRows(cell: CellContext, pos: bigint, topics: readonly string[], clock: Clock): Promise<SettledRows> {
  const read = (settled: bigint | null): Promise<SettledRows> => spineStatement(cell, (sql) => topicsAfter(sql, pos, topics, settled, RELAY_BATCH_MAX));
  const first = await read(null);
  if (first.upTo !== null || first.high === null) return first;
  await whenInsertersEnd(cell, 'events.log', clock);
  return read(first.high);
}

/**
 * Follows the log from its end in this process only: for caches and hints, which every process needs and no restart has to
 * catch up. `lost` runs each time the following begins, and when it breaks off: what was kept until then may have missed an
 * event. At the beginning it runs when every transaction that had drawn a position before the end has ended. While the database
 * is away the place in the log is kept, so that what is written next is seen however late.
 */
export async function watchEvents(o: {
  cell: CellContext; clock: Clock; signal: AbortSignal; types: readonly EventType[]; see: (event: Seen) => void; lost: () => void;
}): Promise<void> {
  const types = new Map(o.types.map((t) => [t.name, t]));
  const topics = [...types.keys()];
  const news = o.cell.use(EventSignal);
  let pos: bigint | undefined;
  while (!o.signal.aborted) {
    const waiting = news.wait(RELAY_POLL_MS, o.signal);
    try {
      if (pos === undefined) {
        const end = await spineStatement(o.cell, lastPos);
        await whenInsertersEnd(o.cell, 'events.log', o.clock);
        o.lost();
        pos = end;
      }
      const { upTo, rows } = await settledRows(o.cell, pos, topics, o.clock);
      for (const r of rows) {
        const type = types.get(r.topic);
        if (type) o.see({ tenant: uuid(r.tenant), topic: r.topic, key: r.key, at: r.at,
          data: dataOf(type, r.version, JSON.parse(r.data) as Record<string, unknown>) });
      }
      if (upTo === null) await waiting;
      else {
        pos = upTo;
        // Under load each commit wakes every watcher: what comes within a moment is read together.
        await o.clock.sleep(WATCH_PAUSE_MS, o.signal);
      }
    } catch (error) {
      o.lost();
      if (!isUnavailable(error)) throw error;
      await waiting;
    }
  }
}
