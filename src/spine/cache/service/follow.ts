import { done, type CellContext, type Clock, type EventType, type Outcome, type Tx } from '#kernel';
import { watchEvents } from '#spine/events';
import { CacheBook, type Caches, type TieredCache } from '../contract.ts';
import { SecondLevel } from '../port.ts';

/** One event as it says which keys it makes old. */
export interface Changed { readonly tenant: string; readonly key: string; readonly data: Record<string, unknown> }

/**
 * Follows the event log in this process and invalidates the keys that each event names, after its commit, whatever process wrote it. When events may
 * have been missed, nothing counts as fresh any more. Runs until the signal ends it: from a worker of the role `web`.
 */
export const followCache = <V>(o: { cell: CellContext; clock: Clock; signal: AbortSignal; types: readonly EventType[]; cache: TieredCache<V>;
  keys: (event: Changed) => readonly string[] }): Promise<void> => watchEvents({
  cell: o.cell, clock: o.clock, signal: o.signal, types: o.types,
  see: (event) => {
    for (const key of o.keys(event)) void o.cache.invalidate(key);
  },
  lost: () => o.cache.expireAll(),
});

const NONE = { stale: 0, early: 0, negative: 0, loads: 0, loadsFailed: 0, second: 0, secondAway: 0 };

/** What the caches of the process that answers have done since it began. */
export async function showCaches(tx: Tx): Promise<Outcome<Caches>> {
  const { caches } = tx.use(CacheBook);
  return done({
    second: tx.use(SecondLevel)?.name ?? 'none',
    caches: [...caches].map(([name, { stats, size, entriesMax }]) => ({ name, entries: size, entriesMax, hits: 0, misses: 0, fenced: 0, ...NONE, ...stats })),
  });
}
