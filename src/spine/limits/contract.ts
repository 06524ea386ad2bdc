/** A token bucket: holds `capacity` tokens, refills evenly. A request takes one. */
export interface LimitPolicy { readonly name: string; readonly capacity: number; readonly perMinute: number }
/** `remaining` whole tokens; `retryAfterMs` until the next one (0 when taken). */
export interface Verdict { readonly ok: boolean; readonly remaining: number; readonly retryAfterMs: number }

/** Per signed-in person and per address, for every request. */
export const PER_PERSON: LimitPolicy = { name: 'person', capacity: 100, perMinute: 100 };
/** A screen of the console asks for several things at once, again and again. */
export const PER_OPERATOR: LimitPolicy = { name: 'operator', capacity: 600, perMinute: 600 };
export const PER_ADDRESS: LimitPolicy = { name: 'address', capacity: 1000, perMinute: 1000 };

/** A shared bucket that nobody touched for this long is dropped: it has been full for long, and a bucket that is gone counts as full. */
export const BUCKET_KEPT_MS = 7 * 86_400_000;
export const SWEEP_EVERY_MS = 3_600_000;
/** Shared buckets that one step of the sweep looks at. */
export const SWEEP_BATCH_MAX = 2000;

/** Buckets that one process keeps; the least used go first, and a bucket that is gone counts as full. */
export const BUCKETS_MAX = 200_000;
