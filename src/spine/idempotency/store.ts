import type { SqlTag } from '#kernel';

/** Tries the lock of each key, in the order given; held to the end of the transaction. */
export const tryLocks = (sql: SqlTag, scopes: readonly Buffer[]): Promise<{ locked: boolean }[]> => sql<{ locked: boolean }>`
  select pg_try_advisory_xact_lock(k) as locked
  from unnest(${scopes.map((s) => s.readBigInt64BE(0))}::bigint[]) with ordinality u (k, n) order by n`;

export interface AnswerRow { scope: Buffer; body_hash: Buffer; answer: string }

/** Runs after the locks, in a later statement: its snapshot then shows what an earlier holder committed. */
export const readAnswers = (sql: SqlTag, scopes: readonly Buffer[], now: Date): Promise<AnswerRow[]> => sql<AnswerRow>`
  select scope, body_hash, answer from idempotency.answer where scope = any(${scopes}::bytea[]) and expires_at > ${now}`;

export const writeAnswers = (
  sql: SqlTag, tenant: string, rows: readonly { scope: Buffer; bodyHash: Buffer; answer: string }[], at: Date, expiresAt: Date,
): Promise<unknown[]> => sql`
  insert into idempotency.answer (tenant, scope, body_hash, answer, at, expires_at)
  select ${tenant}, s, b, a, ${at}, ${expiresAt}
  from unnest(${rows.map((r) => r.scope)}::bytea[], ${rows.map((r) => r.bodyHash)}::bytea[], ${rows.map((r) => r.answer)}::text[]) r (s, b, a)
  on conflict (tenant, scope) do update set body_hash = excluded.body_hash, answer = excluded.answer, at = excluded.at, expires_at = excluded.expires_at
  where idempotency.answer.expires_at <= ${at}`;

export const dropExpired = (sql: SqlTag, now: Date, limit: number): Promise<unknown[]> => sql`
  delete from idempotency.answer where (tenant, scope) in
    (select tenant, scope from idempotency.answer where expires_at <= ${now} limit ${limit}) returning 1`;
