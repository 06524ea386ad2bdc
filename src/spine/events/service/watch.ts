import { dataOf, uuid, type CellContext, type Clock, type EventData, type EventType } from '#kernel';
import { Tail } from './tail.ts';

/** One event as a watcher sees it, its data as its type is today. */
export interface Seen<E extends EventType = EventType> { readonly tenant: string; readonly topic: E['name']; readonly key: string; readonly at: Date;
  readonly data: EventData<E> }
/** One of several types, told apart by `topic`. */
type SeenOf<E extends EventType> = E extends EventType ? Seen<E> : never;

/**
 * Follows the log from its end in this process only: for caches and hints, which every process needs and no restart has to
 * catch up. `lost` runs each time the following begins, and when it breaks off: what was kept until then may have missed an
 * event. At the beginning it runs when every transaction that had drawn a position before the end has ended. While the database
 * is away the place in the log is kept, so that what is written next is seen however late.
 */
export async function watchEvents<E extends EventType>(o: {
  cell: CellContext; clock: Clock; signal: AbortSignal; types: readonly E[]; see: (event: SeenOf<E>) => void; lost: () => void;
}): Promise<void> {
  const types = new Map(o.types.map((t) => [t.name, t]));
  await o.cell.use(Tail).follow({
    topics: [...types.keys()], began: o.lost, away: o.lost,
    read(events) {
      for (const e of events) {
        const type = types.get(e.topic);
        if (!type) continue;
        const data = dataOf(type, e.version, JSON.parse(e.data) as Record<string, unknown>);
        o.see({ tenant: uuid(e.tenant), topic: type.name, key: e.key, at: e.at, data } as unknown as SeenOf<E>);
      }
    },
  }, o.signal);
}
