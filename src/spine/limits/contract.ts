import { z } from 'zod';
import { token } from '#kernel';

/**
 * How a limit counts. `token-bucket`: bursts up to the capacity, then a steady rate. `leaky-bucket` (GCRA): the same bound, but each grant says how long
 * to hold the request so that they leave evenly. `fixed-window`: so many in each window, up to twice as many around its edge. `sliding-window`: the
 * window before counts by the part of it that still lies within one window's length.
 */
export const ALGORITHMS = ['token-bucket', 'leaky-bucket', 'fixed-window', 'sliding-window'] as const;
export type Algorithm = (typeof ALGORITHMS)[number];

/**
 * What holds while the shared store cannot be reached. `closed-local`: this process counts by itself, with its share of the limit. `closed`: nothing
 * passes. `open`: everything does.
 */
export type WhenAway = 'closed-local' | 'closed' | 'open';

/** `capacity` tokens, places or requests a window; refilled evenly at `perMinute`, so that a window lasts `capacity / perMinute` minutes. */
export interface LimitPolicy {
  readonly name: string;
  readonly capacity: number;
  readonly perMinute: number;
  /** `token-bucket` unless said. */
  readonly algorithm?: Algorithm;
  /** `closed-local` unless said. */
  readonly whenAway?: WhenAway;
  /** Tokens that a process may take ahead from the shared store for a hot key, at most; 1, which asks for each request, unless said. */
  readonly lease?: number;
}

/**
 * `granted` of what was wanted; `remaining` whole tokens; `retryAfterMs` until the next one (0 when granted); `waitMs` for which a leaky bucket
 * holds what it granted.
 */
export interface Verdict { readonly ok: boolean; readonly granted: number; readonly remaining: number; readonly retryAfterMs: number; readonly waitMs: number }

/** One question: a policy, whose bucket, and how many tokens at most (1 unless said). */
export interface Want { readonly policy: LimitPolicy; readonly key: string; readonly upTo?: number }

/** Per signed-in person and per address, for every request but those of machines. */
export const PER_PERSON: LimitPolicy = { name: 'person', capacity: 100, perMinute: 100, lease: 4 };
/** A screen of the console asks for several things at once, again and again. */
export const PER_OPERATOR: LimitPolicy = { name: 'operator', capacity: 600, perMinute: 600, lease: 10 };
/**
 * A machine is known by its signature, and sends all it has from one address: it counts by itself, and not against its address. A feed of 500 lines a
 * request brings three million a minute. The setting EXCHEQUER_MACHINE_PER_MINUTE gives another number.
 */
export const PER_MACHINE: LimitPolicy = { name: 'machine', capacity: 6000, perMinute: 6000, lease: 50 };
export const PER_ADDRESS: LimitPolicy = { name: 'address', capacity: 1000, perMinute: 1000, lease: 20 };

/** A shared bucket that nobody touched for this long is dropped: it has been full for long, and a bucket that is gone counts as full. */
export const BUCKET_KEPT_MS = 7 * 86_400_000;
export const SWEEP_EVERY_MS = 3_600_000;
/** Shared buckets that one step of the sweep looks at. */
export const SWEEP_BATCH_MAX = 2000;

/** Buckets that one process keeps for each policy; the least used go first, and a bucket that is gone counts as full. */
export const BUCKETS_MAX = 200_000;
/** Tokens of a lease that were not used by then are lost: a limit may give a little less than it says, never more. */
export const LEASE_MS = 1000;
/** A key that was refused is not asked about again for this long. */
export const REFUSED_CACHED_MS = 20;
/** A store that does not answer within this time counts as away, and is asked again after the pause. */
export const STORE_WAIT_MS = 50;
export const STORE_PAUSE_MS = 250;
/** Tokens that one question may take. */
export const LEASE_MAX = 1000;
/** Shared buckets of a tenant that one look counts. */
export const BUCKETS_COUNTED_MAX = 20_000;

/** What one policy was asked in a process. `leased` questions were answered from tokens taken ahead; `away` ones while the store was not there. */
export interface LimitCounter { readonly name: string; asked: number; refused: number; leased: number; away: number; keys: number }
/** What this process counted, and which store it shares with others. */
export interface LimitCounters { readonly store: string; readonly counters: readonly LimitCounter[] }
export const LimitsSeen = token<() => LimitCounters>('limits.seen');

const zCount = z.int().min(0);
export const zLimits = z.object({
  store: z.string(),
  counters: z.array(z.object({ name: z.string(), asked: zCount, refused: zCount, leased: zCount, away: zCount, keys: zCount })),
  shared: z.array(z.object({ name: z.string(), buckets: zCount, empty: zCount })),
});
export type Limits = z.output<typeof zLimits>;
