import type { SqlTag, Uuid } from '#kernel';

export interface BucketRow { key: string; tokens: number; before: number; at: Date }

/** Locks the buckets of these keys in the order given, making those that are missing full; one statement. */
export const lockBuckets = (sql: SqlTag, tenant: Uuid, wanted: readonly { key: string; capacity: number }[], now: Date): Promise<BucketRow[]> => sql<BucketRow>`
  insert into limits.bucket (tenant, key, tokens, at)
  select ${tenant}, k, c, ${now} from unnest(${wanted.map((w) => w.key)}::text[], ${wanted.map((w) => w.capacity)}::float8[]) u (k, c) order by k
  on conflict (tenant, key) do update set key = excluded.key
  returning key, tokens, before, at`;

/** The next buckets in the order of their key, of every tenant. */
export const bucketsAfter = (sql: SqlTag, tenant: string, key: string, limit: number): Promise<{ tenant: string; key: string }[]> =>
  sql<{ tenant: string; key: string }>`
  select tenant::text, key from limits.bucket where (tenant, key) > (${tenant}::uuid, ${key}) order by tenant, key limit ${limit}`;

/** Drops the buckets between two keys that were last touched before an instant; one that is being taken from is waited for and looked at again. */
export const dropBuckets = (sql: SqlTag, from: { tenant: string; key: string }, to: { tenant: string; key: string }, before: Date): Promise<unknown[]> => sql`
  delete from limits.bucket where (tenant, key) > (${from.tenant}::uuid, ${from.key}) and (tenant, key) <= (${to.tenant}::uuid, ${to.key}) and at < ${before}
  returning 1`;

/** Written as an upsert: an update joined to a list may be planned as a walk over the whole table while its statistics are young. */
export const writeBuckets = (sql: SqlTag, tenant: Uuid, rows: readonly BucketRow[]): Promise<unknown[]> => sql`
  insert into limits.bucket (tenant, key, tokens, before, at)
  select ${tenant}, k, t, b, a
  from unnest(${rows.map((r) => r.key)}::text[], ${rows.map((r) => r.tokens)}::float8[], ${rows.map((r) => r.before)}::float8[],
    ${rows.map((r) => r.at)}::timestamptz[]) u (k, t, b, a) order by k
  on conflict (tenant, key) do update set tokens = excluded.tokens, before = excluded.before, at = excluded.at`;

/** Buckets of the tenant by the name of their policy, and how many of them had no whole token when they were last touched; the first `counted` keys only. */
export const bucketsByPolicy = (sql: SqlTag, tenant: Uuid, counted: number): Promise<{ name: string; buckets: number; empty: number }[]> =>
  sql<{ name: string; buckets: number; empty: number }>`
  select split_part(key, ' ', 1) as name, count(*)::int as buckets, count(*) filter (where tokens < 1)::int as empty
  from (select key, tokens from limits.bucket where tenant = ${tenant} order by key limit ${counted}) b group by 1 order by 1`;
