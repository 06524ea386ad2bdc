import type { Cacheable, Clock } from '#kernel';
import type { CacheBook, CacheSpec, CacheStats, FencedCache } from '../contract.ts';

/** Entries that one that comes may pass over because they were used: the next one goes, used or not. */
const SPARED_MAX = 16;
/** `used`: since it came or was last passed over. */
interface Entry<V> { value: V; atMs: number; fresh: boolean; used: boolean }

/**
 * Takes one entry away, as the hand of a clock goes: what was used since it last came by is set again behind the others, what was not makes room. A
 * hit then only leaves a mark; to move its entry at once would cost three times as much.
 */
function roomIn<V>(entries: Map<string, Entry<V>>): () => void {
  // Nothing stands behind the hand: it goes on from where it was, since a fresh one would pass all the holes that it left again.
  let hand = entries.entries();
  return () => {
    for (let spared = 0; entries.size; spared += 1) {
      const { value } = hand.next();
      if (!value) {
        hand = entries.entries();
        continue;
      }
      const [key, entry] = value;
      entries.delete(key);
      if (!entry.used || spared >= SPARED_MAX) return;
      entry.used = false;
      entries.set(key, entry);
    }
  };
}

/** An in-process cache in which a load that started before an invalidation can never store what it read. */
export function createCache<V extends object>(spec: CacheSpec & Cacheable<V>, clock: Clock, book?: CacheBook): FencedCache<V> {
  const entries = new Map<string, Entry<V>>();
  // Generations of keys invalidated of late. A key that has fallen out counts as invalidated at `floor`.
  const generations = new Map<string, number>();
  // Goes on from where it was, as the hand of `roomIn`: a fresh look at the oldest would pass every hole that those before it left.
  const oldest = generations.keys();
  let generation = 0;
  let floor = 0;
  const stats: CacheStats = { hits: 0, misses: 0, fenced: 0 };
  const generationOf = (key: string): number => generations.get(key) ?? floor;
  const makeRoom = roomIn(entries);
  const cache: FencedCache<V> = {
    stats,
    get size() { return entries.size; },
    get(key, now = clock.monotonicMs()) {
      const entry = entries.get(key);
      if (entry !== undefined && entry.fresh && now - entry.atMs < spec.freshMs) {
        entry.used = true;
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
      if (!entries.delete(key) && entries.size >= spec.entriesMax) makeRoom();
      entries.set(key, { value, atMs: clock.monotonicMs(), fresh: true, used: false });
      return true;
    },
    invalidate(key) {
      generation += 1;
      generations.delete(key);
      if (generations.size >= spec.entriesMax) {
        // The oldest generation is forgotten: every key without one counts as invalidated now.
        generations.delete(oldest.next().value as string);
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
