/** How long a value is fresh, and how long it is kept for times when the loader cannot be reached. */
export interface CacheSpec { readonly name: string; readonly entriesMax: number; readonly freshMs: number; readonly keptMs: number }

export interface CacheStats { hits: number; misses: number; fenced: number }

/** A promise that no fill can overtake an invalidation: taken before loading, checked when filling. */
export interface Fence { readonly generation: number; readonly from: ReadonlyMap<string, number> }

export interface FencedCache<V extends object> {
  /** The value when it is fresh. */
  get(key: string): V | undefined;
  /** The value with its age, however old within `keptMs`. */
  kept(key: string): { readonly value: V; readonly ageMs: number } | undefined;
  /** Take before reading the keys from their source. */
  fence(keys: readonly string[]): Fence;
  /** Stores what was read, unless its key was invalidated since the fence. */
  fill(fence: Fence, key: string, value: V): boolean;
  /** Marks a key as no longer fresh; what is kept stays for degraded mode with its true age. */
  invalidate(key: string): void;
  /** Nothing counts as fresh any more, for a time in which invalidations may have been missed; what is kept stays with its age. */
  expireAll(): void;
  readonly stats: CacheStats;
}
