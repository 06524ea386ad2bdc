import { LRUCache } from 'lru-cache';
import type { Clock, SectionTx } from '#kernel';
import { BUCKETS_MAX, type LimitPolicy, type Verdict } from './contract.ts';
import { take, type Bucket } from './rules.ts';
import { lockBuckets, writeBuckets } from './store.ts';

export interface Limiter { take(policy: LimitPolicy, key: string): Verdict }

/** Buckets of one process. */
export function createLimiter(clock: Clock, bucketsMax = BUCKETS_MAX): Limiter {
  const buckets = new LRUCache<string, Bucket>({ max: bucketsMax });
  return {
    take(policy, key) {
      const name = `${policy.name} ${key}`;
      let bucket = buckets.get(name);
      if (!bucket) {
        bucket = { tokens: policy.capacity, atMs: clock.monotonicMs() };
        buckets.set(name, bucket);
      }
      return take(policy, bucket, clock.monotonicMs());
    },
  };
}

export interface Want { readonly policy: LimitPolicy; readonly key: string }
const nameOf = (w: Want): string => `${w.policy.name} ${w.key}`;

/**
 * Takes a token for each want from its bucket in the database, in the order given: exact over all processes, and kept when the request is
 * refused. Asked once in a transaction, with all that it wants: what was taken is written at the flush. Two statements for any number.
 */
export async function takeShared(tx: Pick<SectionTx, 'sql' | 'tenant' | 'now' | 'write'>, wants: readonly Want[]): Promise<Verdict[]> {
  const capacities = new Map(wants.map((w) => [nameOf(w), w.policy.capacity]));
  const wanted = [...capacities].map(([key, capacity]) => ({ key, capacity })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  const rows = new Map((await lockBuckets(tx.sql, tx.tenant.id, wanted, tx.now)).map((r) => [r.key, r]));
  const verdicts = wants.map((want) => {
    const row = rows.get(nameOf(want));
    if (!row) throw new Error('a bucket that was just locked is gone');
    const bucket = { tokens: row.tokens, atMs: row.at.getTime() };
    const verdict = take(want.policy, bucket, tx.now.getTime());
    row.tokens = bucket.tokens;
    row.at = new Date(bucket.atMs);
    return verdict;
  });
  tx.write(() => writeBuckets(tx.sql, tx.tenant.id, [...rows.values()]));
  return verdicts;
}
