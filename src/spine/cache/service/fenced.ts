import type { Cacheable, Clock } from '#kernel';
import type { CacheBook, CacheSpec, CacheStats, FencedCache } from '../contract.ts';

/** How exact the order of use is: a hit that moves its entry costs three times as much. */
const USED_EVERY_MS = 10;
/** `usedMs`: when it was last moved behind the others. */
interface Entry<V> { value: V; atMs: number; fresh: boolean; usedMs: number }

/** An in-process cache in which a load that started before an invalidation can never store what it read. */
export function createCache<V extends object>(spec: CacheSpec & Cacheable<V>, clock: Clock, book?: CacheBook): FencedCache<V> {
  // A Map keeps the order of setting: what is used is set again, and what was used longest ago is the first.
  const entries = new Map<string, Entry<V>>();
  // Generations of keys invalidated of late. A key that has fallen out counts as invalidated at `floor`.
  const generations = new Map<string, number>();
  let generation = 0;
  let floor = 0;
  const stats: CacheStats = { hits: 0, misses: 0, fenced: 0 };
  const generationOf = (key: string): number => generations.get(key) ?? floor;
  const cache: FencedCache<V> = {
    stats,
    get size() { return entries.size; },
    get(key, now = clock.monotonicMs()) {
      const entry = entries.get(key);
      if (entry !== undefined && entry.fresh && now - entry.atMs < spec.freshMs) {
        if (now - entry.usedMs > USED_EVERY_MS) {
          entry.usedMs = now;
          entries.delete(key);
          entries.set(key, entry);
        }
        stats.hits += 1;
        return entry.value;
      }
      stats.misses += 1;
      return undefined;
    },
    kept(key) {
      const entry = entries.get(key);
      const ageMs = entry ? clock.monotonicMs() - entry.atMs : 0;
      return entry && ageMs < spec.keptMs ? { value: entry.value, ageMs, invalidated: !entry.fresh } : undefined;
    },
    fence: (keys) => ({ generation, from: new Map(keys.map((k) => [k, generationOf(k)])) }),
    fill(fence, key, value) {
      if (fence.from.get(key) !== generationOf(key)) {
        stats.fenced += 1;
        return false;
      }
      entries.delete(key);
      entries.set(key, { value, atMs: clock.monotonicMs(), fresh: true, usedMs: Number.NEGATIVE_INFINITY });
      if (entries.size > spec.entriesMax) entries.delete(entries.keys().next().value as string);
      return true;
    },
    invalidate(key) {
      generation += 1;
      generations.delete(key);
      if (generations.size >= spec.entriesMax) {
        // The oldest generation is forgotten: every key without one counts as invalidated now.
        generations.delete(generations.keys().next().value as string);
        floor = generation;
      }
      generations.set(key, generation);
      const entry = entries.get(key);
      if (entry) entry.fresh = false;
    },
    expireAll() {
      generation += 1;
      floor = generation;
      generations.clear();
      for (const entry of entries.values()) entry.fresh = false;
    },
  };
  book?.caches.set(spec.name, { stats, get size() { return entries.size; }, entriesMax: spec.entriesMax });
  return cache;
}
