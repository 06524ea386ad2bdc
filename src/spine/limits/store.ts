import type { SqlTag, Uuid } from '#kernel';

export interface BucketRow { key: string; tokens: number; at: Date }

/** Locks the buckets of these keys in key order, making those that are missing; one statement. */
export const lockBuckets = (sql: SqlTag, tenant: Uuid, keys: readonly string[], capacity: number, now: Date): Promise<BucketRow[]> => sql<BucketRow>`
  insert into limits.bucket (tenant, key, tokens, at)
  select ${tenant}, k, ${capacity}, ${now} from unnest(${keys}::text[]) k order by k
  on conflict (tenant, key) do update set key = excluded.key
  returning key, tokens, at`;

export const writeBuckets = (sql: SqlTag, tenant: Uuid, rows: readonly BucketRow[]): Promise<unknown[]> => sql`
  update limits.bucket b set tokens = r.tokens, at = r.at
  from unnest(${rows.map((r) => r.key)}::text[], ${rows.map((r) => r.tokens)}::float8[], ${rows.map((r) => r.at)}::timestamptz[]) r (key, tokens, at)
  where b.tenant = ${tenant} and b.key = r.key`;
