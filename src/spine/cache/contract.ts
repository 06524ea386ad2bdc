import { z } from 'zod';
import { token } from '#kernel';

/** How long a value is fresh, and how long it is kept for times when the loader cannot be reached. */
export interface CacheSpec { readonly name: string; readonly entriesMax: number; readonly freshMs: number; readonly keptMs: number }

export interface CacheStats { hits: number; misses: number; fenced: number }

/** A promise that no fill can overtake an invalidation: taken before loading, checked when filling. */
export interface Fence { readonly generation: number; readonly from: ReadonlyMap<string, number> }

export interface FencedCache<V extends object> {
  /** The value when it is fresh. `nowMs` is the clock's monotonic reading, where the caller has it already. */
  get(key: string, nowMs?: number): V | undefined;
  /** The value with its age, however old within `keptMs`, and whether it was invalidated since it was filled. */
  kept(key: string): { readonly value: V; readonly ageMs: number; readonly invalidated: boolean } | undefined;
  /** Take before reading the keys from their source. */
  fence(keys: readonly string[]): Fence;
  /** Stores what was read, unless its key was invalidated since the fence. */
  fill(fence: Fence, key: string, value: V): boolean;
  /** Marks a key as no longer fresh; what is kept stays for degraded mode with its true age. */
  invalidate(key: string): void;
  /** Nothing counts as fresh any more, for a time in which invalidations may have been missed; what is kept stays with its age. */
  expireAll(): void;
  readonly stats: CacheStats;
  readonly size: number;
}

/** A cache that knows its loader: this process's memory, then a second level that processes share, where there is one, then the source. */
export interface TieredSpec<V> extends CacheSpec {
  /** After `freshMs` a value that was not invalidated is served this much longer while one load fetches the next. */
  readonly staleMs?: number;
  /** How long "there is nothing" is believed; not at all unless said. */
  readonly negativeMs?: number;
  /** From this part of freshness on, at a point drawn for each value, a read fetches the next one ahead; 0.8 unless said, 1 for never. */
  readonly earlyShare?: number;
  /** How the second level writes a value; without it a value stays in its process. Personal data must be sealed in it. */
  readonly text?: { readonly write: (value: V) => string; readonly read: (text: string) => V };
}

export interface TieredStats extends CacheStats {
  stale: number; early: number; negative: number; loads: number; loadsFailed: number; second: number; secondAway: number;
}

export interface TieredCache<V> {
  /** At once when the value is at hand, else when it is loaded; undefined when there is nothing. Callers who wait for one key share one load. */
  get(key: string, load: () => Promise<V | undefined>): V | undefined | Promise<V | undefined>;
  /** The value with its age, however old within `keptMs`, while its source cannot be reached. */
  kept(key: string): { readonly value: V; readonly ageMs: number } | undefined;
  /** No reader that begins after this sees what was read before it. Resolves when the second level knows as well; nobody has to wait for that. */
  invalidate(key: string): Promise<void>;
  /** The same for every key, when invalidations may have been missed. */
  expireAll(): void;
  readonly stats: TieredStats;
  readonly size: number;
}

/** Longest load; a fill that comes later is not taken by the second level. */
export const LOAD_MS_MAX = 30_000;
/** How long a process waits for the value that another one is loading, and how often it looks. */
export const ELSEWHERE_MS_MAX = 1000;
export const ELSEWHERE_LOOK_MS = 15;

/** Every cache of a process, for the console. */
export interface CacheBook {
  readonly caches: Map<string, { readonly stats: Readonly<Partial<TieredStats>>; readonly size: number; readonly entriesMax: number }>;
}
export const CacheBook = token<CacheBook>('cache.book');

const zCount = z.int().min(0);
export const zCaches = z.object({
  second: z.string(),
  caches: z.array(z.object({
    name: z.string(), entries: zCount, entriesMax: zCount, hits: zCount, misses: zCount, fenced: zCount, stale: zCount, early: zCount, negative: zCount,
    loads: zCount, loadsFailed: zCount, second: zCount, secondAway: zCount,
  })),
});
export type Caches = z.output<typeof zCaches>;
