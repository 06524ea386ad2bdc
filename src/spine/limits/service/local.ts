import type { Clock } from '#kernel';
import { BUCKETS_MAX, type LimitCounter, type LimitPolicy, type Verdict } from '../contract.ts';
import { freshBucket, take, type Bucket } from '../rules.ts';

/** Counts at once, in this process or from tokens that it holds; or says so later, when a shared store has to be asked. */
export interface Limiter {
  /** `nowMs` is the clock's monotonic reading, where the caller has one of this request already: to read it again costs as much as the limit. */
  take(policy: LimitPolicy, key: string, nowMs?: number): Verdict | Promise<Verdict>;
  counters(): LimitCounter[];
}
export interface LocalLimiter extends Limiter { take(policy: LimitPolicy, key: string, nowMs?: number, upTo?: number): Verdict }

/** Entries by key, of which the least used go first: two generations, since an order of all of them would cost more than the limit itself. */
export class Generations<V> {
  readonly #most: number;
  #young = new Map<string, V>();
  #old = new Map<string, V>();
  constructor(max: number) {
    this.#most = Math.max(1, Math.floor(max / 2));
  }
  get size(): number {
    return this.#young.size + this.#old.size;
  }
  get(key: string): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) {
      this.#old.delete(key);
      this.set(key, old);
    }
    return old;
  }
  set(key: string, value: V): void {
    if (this.#young.size >= this.#most) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }
}

interface OfPolicy { readonly buckets: Generations<Bucket>; readonly counter: LimitCounter }

/** Buckets of one process. */
export function createLimiter(clock: Clock, bucketsMax = BUCKETS_MAX): LocalLimiter {
  const policies = new Map<string, OfPolicy>();
  // The same few policies are asked about again and again: the last one is found without a look.
  let last: LimitPolicy | undefined;
  let known: OfPolicy | undefined;
  const of = (policy: LimitPolicy): OfPolicy => {
    let found = policies.get(policy.name);
    if (found === undefined) {
      found = { buckets: new Generations(bucketsMax), counter: { name: policy.name, asked: 0, refused: 0, leased: 0, away: 0, keys: 0 } };
      policies.set(policy.name, found);
    }
    last = policy;
    known = found;
    return found;
  };
  return {
    take(policy, key, now = clock.monotonicMs(), upTo = 1) {
      const { buckets, counter } = policy === last && known !== undefined ? known : of(policy);
      let bucket = buckets.get(key);
      if (bucket === undefined) buckets.set(key, (bucket = freshBucket(policy, now)));
      const verdict = take(policy, bucket, now, upTo);
      counter.asked += 1;
      if (!verdict.ok) counter.refused += 1;
      return verdict;
    },
    counters: () => [...policies.values()].map(({ buckets, counter }) => ({ ...counter, keys: buckets.size })),
  };
}
