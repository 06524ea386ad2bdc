import type { SqlTag } from '#kernel';
import type { Job } from './contract.ts';

export interface NewJobs { name: string[]; key: (string | null)[]; dedupe: (string | null)[]; data: string[]; trace: string[]; runAt: Date[];
  attemptsMax: number[]; callKey: (string | null)[] }

export const insertJobs = (sql: SqlTag, tenant: string, at: Date, sentAt: Date | null, j: NewJobs): Promise<unknown[]> => sql`
  insert into jobs.job (tenant, name, key, dedupe, data, trace, run_at, created_at, attempts_max, call_key, sent_at)
  select ${tenant}, n, k, d, da, tr, ra, ${at}, am, ck, ${sentAt}::timestamptz
  from unnest(${j.name}::text[], ${j.key}::text[], ${j.dedupe}::text[], ${j.data}::text[], ${j.trace}::text[], ${j.runAt}::timestamptz[],
    ${j.attemptsMax}::smallint[],
    ${j.callKey}::text[]) r (n, k, d, da, tr, ra, am, ck)
  on conflict do nothing`;

/**
 * Takes ready jobs, and those whose holder's lease ran out. Of each key only the oldest may run. A job that was taken gives
 * its dedupe text free: what changes while it runs may ask for another.
 */
export const claimJobs = (sql: SqlTag, worker: string, now: Date, until: Date, limit: number): Promise<Job[]> => sql<Job & { data: never }>`
  update jobs.job set lease_until = ${until}, worker = ${worker}, attempts = attempts + 1, dedupe = null
  where id = any(array(
    select j.id from jobs.job j
    where j.dead_at is null and ((j.lease_until is null and j.run_at <= ${now}) or j.lease_until <= ${now})
      and (j.key is null or not exists (select 1 from jobs.job e where e.tenant = j.tenant and e.name = j.name and e.key = j.key and e.id < j.id
        and e.dead_at is null))
    order by j.run_at, j.id limit ${limit} for update skip locked))
  returning id, replace(tenant::text, '-', '') as tenant, name, data, attempts, attempts_max, trace, created_at, call_key, sent_at`;

/** Ends jobs in the transaction of their effects; one that is not answered lost its lease, and its effect must not stay. */
export const finishJobs = (sql: SqlTag, ids: readonly bigint[], worker: string): Promise<unknown[]> => sql`
  delete from jobs.job where id = any(${ids}::bigint[]) and worker = ${worker} returning id`;

export const failJob = (sql: SqlTag, id: bigint, worker: string, error: string, runAt: Date, deadAt: Date | null): Promise<unknown[]> => sql`
  update jobs.job set lease_until = null, worker = null, last_error = ${error}, run_at = ${runAt}, dead_at = ${deadAt} where id = ${id} and worker = ${worker}`;

/** Commits that attempts are about to be sent; from now on these jobs may only inquire. */
export const noteAttempts = (sql: SqlTag, ids: readonly bigint[], worker: string, at: Date, until: Date): Promise<unknown[]> => sql`
  update jobs.job set attempt_no = attempt_no + 1, sent_at = ${at}, lease_until = ${until}
  where id = any(${ids}::bigint[]) and worker = ${worker} returning id`;

/** Proven not to have arrived: it may be sent again. */
export const clearAttempt = (sql: SqlTag, id: bigint, worker: string): Promise<unknown[]> => sql`
  update jobs.job set sent_at = null where id = ${id} and worker = ${worker}`;
