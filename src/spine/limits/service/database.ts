import { done, spineTransact, type CellContext, type Outcome, type SectionTx, type Tx, type Worker } from '#kernel';
import {
  BUCKET_KEPT_MS, BUCKETS_COUNTED_MAX, LEASE_MAX, LimitsSeen, SWEEP_BATCH_MAX, SWEEP_EVERY_MS, type Limits, type Verdict, type Want,
} from '../contract.ts';
import { take } from '../rules.ts';
import { bucketsAfter, bucketsByPolicy, dropBuckets, lockBuckets, writeBuckets, type BucketRow } from '../store.ts';

const nameOf = (w: Want): string => `${w.policy.name} ${w.key}`;

/** Buckets that a transaction holds locked, as they stand with what it took. */
const held = new WeakMap<object, Map<string, BucketRow>>();

/**
 * Takes tokens for each want from its bucket in the database, in the order given: exact over all processes, and kept when the request is
 * refused. Two statements for any number; asked again in one transaction, what was taken before counts. It is written at the flush.
 */
export async function takeShared(tx: Pick<SectionTx, 'sql' | 'tenant' | 'now' | 'write'>, wants: readonly Want[]): Promise<Verdict[]> {
  const slow = wants.find(({ policy }) => policy.capacity * 60_000 > policy.perMinute * BUCKET_KEPT_MS);
  if (slow) throw new RangeError(`${slow.policy.name} fills too slowly for a bucket that is swept`);
  let rows = held.get(tx);
  if (!rows) {
    const own = new Map<string, BucketRow>();
    held.set(tx, (rows = own));
    tx.write(() => writeBuckets(tx.sql, tx.tenant.id, [...own.values()]));
  }
  const known = rows;
  const capacities = new Map(wants.filter((w) => !known.has(nameOf(w))).map((w) => [nameOf(w), w.policy.capacity]));
  const wanted = [...capacities].map(([key, capacity]) => ({ key, capacity })).toSorted((a, b) => (a.key < b.key ? -1 : 1));
  // Who asks beside this in the same transaction may have locked it meanwhile: what they took stands.
  if (wanted.length) for (const r of await lockBuckets(tx.sql, tx.tenant.id, wanted, tx.now)) if (!known.has(r.key)) known.set(r.key, r);
  return wants.map((want) => {
    const row = known.get(nameOf(want));
    if (!row) throw new Error('a bucket that was just locked is gone');
    const bucket = { tokens: row.tokens, before: row.before, atMs: row.at.getTime() };
    const verdict = take(want.policy, bucket, tx.now.getTime(), Math.min(want.upTo ?? 1, LEASE_MAX));
    row.tokens = bucket.tokens;
    row.before = bucket.before;
    row.at = new Date(bucket.atMs);
    return verdict;
  });
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

/** What this process has counted since it began, and the tenant's buckets in the database. */
export async function showLimits(tx: Tx): Promise<Outcome<Limits>> {
  const { store, counters } = tx.use(LimitsSeen)();
  return done({ store, counters: counters.map((c) => ({ ...c })), shared: await bucketsByPolicy(tx.sql, tx.tenant.id, BUCKETS_COUNTED_MAX) });
}
