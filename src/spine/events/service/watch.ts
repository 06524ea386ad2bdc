import { dataOf, uuid, type CellContext, type Clock, type EventType } from '#kernel';
import { Tail } from './tail.ts';

/** One event as a watcher sees it. */
export interface Seen { readonly tenant: string; readonly topic: string; readonly key: string; readonly at: Date; readonly data: Record<string, unknown> }

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
  await o.cell.use(Tail).follow({
    topics: [...types.keys()], began: o.lost, away: o.lost,
    read(events) {
      for (const e of events) {
        const type = types.get(e.topic);
        if (type) o.see({ tenant: uuid(e.tenant), topic: e.topic, key: e.key, at: e.at, data: dataOf(type, e.version, JSON.parse(e.data) as Record<string,
          unknown>) });
      }
    },
  }, o.signal);
}
