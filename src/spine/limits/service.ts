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

/**
 * Takes a token from each key's bucket in the database: exact over all processes, and kept when the request is refused. A policy is asked
 * once in a transaction, with all of its keys: what was taken is written at the flush.
 */
export async function takeShared(tx: Pick<SectionTx, 'sql' | 'tenant' | 'now' | 'write'>, policy: LimitPolicy, keys: readonly string[]): Promise<Verdict[]> {
  const sorted = [...new Set(keys.map((k) => `${policy.name} ${k}`))].toSorted();
  const rows = new Map((await lockBuckets(tx.sql, tx.tenant.id, sorted, policy.capacity, tx.now)).map((r) => [r.key, r]));
  const verdicts = keys.map((key) => {
    const row = rows.get(`${policy.name} ${key}`);
    if (!row) throw new Error('a bucket that was just locked is gone');
    const bucket = { tokens: row.tokens, atMs: row.at.getTime() };
    const verdict = take(policy, bucket, tx.now.getTime());
    row.tokens = bucket.tokens;
    row.at = new Date(bucket.atMs);
    return verdict;
  });
  tx.write(() => writeBuckets(tx.sql, tx.tenant.id, [...rows.values()]));
  return verdicts;
}
