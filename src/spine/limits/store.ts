import type { SqlTag, Uuid } from '#kernel';

export interface BucketRow { key: string; tokens: number; at: Date }

/** Locks the buckets of these keys in the order given, making those that are missing full; one statement. */
export const lockBuckets = (sql: SqlTag, tenant: Uuid, wanted: readonly { key: string; capacity: number }[], now: Date): Promise<BucketRow[]> => sql<BucketRow>`
  insert into limits.bucket (tenant, key, tokens, at)
  select ${tenant}, k, c, ${now} from unnest(${wanted.map((w) => w.key)}::text[], ${wanted.map((w) => w.capacity)}::float8[]) u (k, c) order by k
  on conflict (tenant, key) do update set key = excluded.key
  returning key, tokens, at`;

export const writeBuckets = (sql: SqlTag, tenant: Uuid, rows: readonly BucketRow[]): Promise<unknown[]> => sql`
  update limits.bucket b set tokens = r.tokens, at = r.at
  from unnest(${rows.map((r) => r.key)}::text[], ${rows.map((r) => r.tokens)}::float8[], ${rows.map((r) => r.at)}::timestamptz[]) r (key, tokens, at)
  where b.tenant = ${tenant} and b.key = r.key`;
