import type { SqlTag, Uuid } from '#kernel';

/** Tries the lock of each key, in the order given, and says of each whether it was had; held to the end of the transaction. */
export const tryLocks = async (sql: SqlTag, numbers: readonly bigint[]): Promise<boolean[]> => [...(await sql<{ all: string }>`
  select string_agg(pg_try_advisory_xact_lock(k)::int::text, '') as all
  from (select k from unnest(${numbers}::bigint[]) with ordinality u (k, n) order by n) u`)[0]?.all ?? ''].map((had) => had === '1');

export interface AnswerRow { key: Uuid; scope: Buffer | null; body_hash: Buffer | null; answer: string; live: boolean }

/** Runs after the locks, in a later statement: its snapshot then shows what an earlier holder committed. */
export const readAnswers = (sql: SqlTag, keys: readonly string[], now: Date): Promise<AnswerRow[]> => sql<AnswerRow>`
  select key, scope, body_hash, answer, expires_at > ${now} as live from idempotency.answer where key = any(${keys}::uuid[])`;

/** What is past its time makes room for the next answer. */
export const dropAnswers = (sql: SqlTag, keys: readonly string[]): Promise<unknown[]> => sql`
  delete from idempotency.answer where key = any(${keys}::uuid[])`;

/** Whoever writes an answer holds its lock and has found none: a second row of a key is an error. */
export const writeAnswers = (sql: SqlTag, tenant: string, rows: readonly { key: string; answer: string }[], expiresAt: Date): Promise<unknown[]> => sql`
  insert into idempotency.answer (tenant, key, answer, expires_at)
  select ${tenant}, k, a, ${expiresAt} from unnest(${rows.map((r) => r.key)}::uuid[], ${rows.map((r) => r.answer)}::text[]) r (k, a)`;

export const dropExpired = (sql: SqlTag, now: Date, limit: number): Promise<unknown[]> => sql`
  delete from idempotency.answer where key in (select key from idempotency.answer where expires_at <= ${now} limit ${limit}) returning 1`;
