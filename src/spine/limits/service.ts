import { LRUCache } from 'lru-cache';
import { spineTransact, type CellContext, type Clock, type SectionTx, type Worker } from '#kernel';
import { BUCKET_KEPT_MS, BUCKETS_MAX, SWEEP_BATCH_MAX, SWEEP_EVERY_MS, type LimitPolicy, type Verdict } from './contract.ts';
import { take, type Bucket } from './rules.ts';
import { bucketsAfter, dropBuckets, lockBuckets, writeBuckets } from './store.ts';

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
  const slow = wants.find(({ policy }) => policy.capacity * 60_000 > policy.perMinute * BUCKET_KEPT_MS);
  if (slow) throw new RangeError(`${slow.policy.name} fills too slowly for a bucket that is swept`);
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

/** Drops shared buckets that nobody has touched for BUCKET_KEPT_MS; resolves to how many. Walks the key, a page a transaction. */
export async function sweepBuckets(cell: CellContext): Promise<number> {
  let from: { tenant: string; key: string } | undefined = { tenant: '00000000-0000-0000-0000-000000000000', key: '' };
  let dropped = 0;
  while (from) {
    const at: { tenant: string; key: string } = from;
    from = await spineTransact(cell, async ({ sql, now }) => {
      const to = (await bucketsAfter(sql, at.tenant, at.key, SWEEP_BATCH_MAX)).at(-1);
      if (to) dropped += (await dropBuckets(sql, at, to, new Date(now.getTime() - BUCKET_KEPT_MS))).length;
      return to;
    });
  }
  return dropped;
}

export const sweeper: Worker = {
  name: 'limits.sweeper', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      await sweepBuckets(w.cell);
      await w.clock.sleep(SWEEP_EVERY_MS, w.signal);
    }
  },
};
