import { inserter, joinedJson, type DatabaseTime, type SqlTag } from '#kernel';
import type { Job } from './contract.ts';

/** Jobs of one flush that share what is said once; the rest as columns. */
export interface NewJobs { readonly prio: number; readonly many: boolean; readonly sentAt: Date | null; name: string[]; dedupe: (string | null)[];
  data: string[];
  trace: string[]; runAt: Date[]; attemptsMax: number[]; callKey: string[]; key: string[]; blocked: boolean[] }

const insertRows = inserter('jobs.job', {
  tenant: 'uuid', name: 'text', dedupe: 'text', data: 'json', trace: 'text', run_at: 'timestamptz', created_at: 'timestamptz', attempts_max: 'smallint',
  call_key: 'text', sent_at: 'timestamptz', prio: 'smallint', many: 'boolean',
}, 'do nothing');
export const insertJobs = (sql: SqlTag, tenant: string, at: Date, j: NewJobs): Promise<unknown[]> => insertRows(sql, {
  tenant, name: j.name, dedupe: j.dedupe, data: j.data, trace: j.trace, run_at: j.runAt, created_at: at, attempts_max: j.attemptsMax, call_key: j.callKey,
  sent_at: j.sentAt, prio: j.prio, many: j.many,
});

/** Jobs with a key: one behind another of its key stands aside until that has ended. Not `exists`: that may be planned as a walk over the whole table. */
export const insertKeyed = (sql: SqlTag, tenant: string, at: Date, j: NewJobs): Promise<unknown[]> => sql`
  insert into jobs.job (tenant, name, dedupe, data, trace, run_at, created_at, attempts_max, call_key, sent_at, prio, many, key, blocked)
  select ${tenant}, n, d, da, tr, ra, ${at}, am, ck, ${j.sentAt}::timestamptz, ${j.prio}::smallint, ${j.many}::boolean, k,
    b or (select true from jobs.job e where e.tenant = ${tenant} and e.name = n and e.key = k and e.dead_at is null limit 1) is not null
  from unnest(${j.name}::text[], ${j.dedupe}::text[], string_to_array(${joinedJson(j.data)}, chr(30), ''), ${j.trace}::text[],
    ${j.runAt}::timestamptz[], ${j.attemptsMax}::smallint[], ${j.callKey}::text[], ${j.key}::text[], ${j.blocked}::boolean[])
    r (n, d, da, tr, ra, am, ck, k, b)
  on conflict do nothing`;

/** Of a section that has been told the time, or of a statement that stands alone. */
type Time = Date | DatabaseTime;
/** A job under the lease of one claim. */
export type Held = Pick<Job, 'id' | 'worker'>;
export type Claimed = Omit<Job, 'data'> & { data: string };

/**
 * Takes ready jobs, the urgent ones first, and those whose holder's lease ran out. Of each key only the oldest may run. A job that was taken
 * gives its dedupe text free: what changes while it runs may ask for another.
 */
export const claimJobs = (sql: SqlTag, worker: string, now: Time, until: Time, limit: number, others: number, many: boolean): Promise<Claimed[]> =>
  sql<Claimed>`
  with lost as materialized (
    select id from jobs.job where lease_until <= ${now} and dead_at is null and many = ${many} order by lease_until limit ${limit} for update skip locked
  ), urgent as materialized (
    select j.id from jobs.job j where j.lease_until is null and j.dead_at is null and not j.blocked and j.many = ${many} and j.prio = 0 and j.run_at <= ${now}
      and (j.key is null or not exists (select 1 from jobs.job e where e.tenant = j.tenant and e.name = j.name and e.key = j.key and e.id < j.id
        and e.dead_at is null))
    order by j.run_at, j.id limit greatest(0, ${limit} - (select count(*) from lost)) for update skip locked
  ), usual as materialized (
    select j.id from jobs.job j where j.lease_until is null and j.dead_at is null and not j.blocked and j.many = ${many} and j.prio = 1 and j.run_at <= ${now}
      and (j.key is null or not exists (select 1 from jobs.job e where e.tenant = j.tenant and e.name = j.name and e.key = j.key and e.id < j.id
        and e.dead_at is null))
    order by j.run_at, j.id limit least(${others}, greatest(0, ${limit} - (select count(*) from lost) - (select count(*) from urgent))) for update skip locked
  ), bulk as materialized (
    select j.id from jobs.job j where j.lease_until is null and j.dead_at is null and not j.blocked and j.many = ${many} and j.prio = 2 and j.run_at <= ${now}
      and (j.key is null or not exists (select 1 from jobs.job e where e.tenant = j.tenant and e.name = j.name and e.key = j.key and e.id < j.id
        and e.dead_at is null))
    order by j.run_at, j.id
    limit greatest(0, least(${others},
      ${limit} - (select count(*) from lost) - (select count(*) from urgent)) - (select count(*) from usual)) for update skip locked
  )
  update jobs.job set lease_until = ${until}, worker = ${worker}, attempts = attempts + 1, lost = lost + (lease_until is not null)::int, dedupe = null
  where id = any(array(select id from lost union all select id from urgent union all select id from usual union all select id from bulk))
  returning id, tenant, name, data, attempts, attempts_max, lost, trace, created_at, call_key, sent_at, key,
    prio = 0 as urgent, worker`;

export interface Ready { readonly id: bigint; readonly tenant: string; readonly name: string }
/** Jobs of handlers that take many, in their order; nothing is locked. Urgent ones are claimed. */
export const readyMany = (sql: SqlTag, now: Time, limit: number, skip: number): Promise<Ready[]> => sql<Ready>`
  select j.id, j.tenant, j.name from jobs.job j
  where j.lease_until is null and j.dead_at is null and not j.blocked and j.many and j.prio > 0 and j.run_at <= ${now}
    and (j.key is null or not exists (select 1 from jobs.job e where e.tenant = j.tenant and e.name = j.name and e.key = j.key and e.id < j.id
      and e.dead_at is null))
  order by j.prio, j.run_at, j.id limit ${limit} offset ${skip}`;

/** A job that ends as it is taken. */
export type Taken = Pick<Job, 'id' | 'name' | 'key' | 'trace'> & { readonly data: string };
/** Takes jobs out of the queue in the transaction of their effects: they are back when it fails. What another process is taking is left to it. */
export const takeJobs = (sql: SqlTag, ids: readonly bigint[]): Promise<Taken[]> => sql<Taken>`
  delete from jobs.job where id = any(array(
    select id from jobs.job where id = any(${ids}::bigint[]) and lease_until is null and dead_at is null and not blocked for update skip locked))
  returning id, name, key, trace, data`;

/** Claims certain jobs, as far as they are free. */
export const claimThese = (sql: SqlTag, worker: string, until: Time, ids: readonly bigint[]): Promise<Claimed[]> => sql<Claimed>`
  update jobs.job set lease_until = ${until}, worker = ${worker}, attempts = attempts + 1, dedupe = null
  where id = any(array(select id from jobs.job where id = any(${ids}::bigint[]) and lease_until is null and dead_at is null for update skip locked))
  returning id, tenant, name, data, attempts, attempts_max, lost, trace, created_at, call_key, sent_at, key,
    prio = 0 as urgent, worker`;

/** Ends jobs in the transaction of their effects; one that is not answered lost its lease, and its effect must not stay. */
export const finishJobs = (sql: SqlTag, ids: readonly bigint[], worker: string): Promise<unknown[]> => sql`
  delete from jobs.job where id = any(${ids}::bigint[]) and worker = ${worker} returning id`;

/** The same for jobs of several claims. A join would be planned from the wrong end while the table is empty. */
export const finishMixed = (sql: SqlTag, jobs: readonly Held[]): Promise<unknown[]> => sql`
  delete from jobs.job where id = any(${jobs.map((j) => j.id)}::bigint[])
    and worker = (${jobs.map((j) => j.worker)}::uuid[])[array_position(${jobs.map((j) => j.id)}::bigint[], id)] returning id`;

/**
 * Lets the next job of each ended one's key be claimed. Whether it waits is asked where it is found: asked beside its id, an id would be looked for
 * along the index of all that wait.
 */
export const releaseNext = (sql: SqlTag, tenant: string, ended: readonly Pick<Job, 'id' | 'name' | 'key'>[]): Promise<unknown[]> => sql`
  update jobs.job set blocked = false where id = any(array(
    select (select case when n.blocked then n.id end from jobs.job n
      where n.tenant = ${tenant} and n.name = r.n and n.key = r.k and n.id > r.i and n.dead_at is null order by n.id limit 1)
    from unnest(${ended.map((e) => e.id)}::bigint[], ${ended.map((e) => e.name)}::text[], ${ended.map((e) => e.key)}::text[]) r (i, n, k)))`;

/**
 * The net behind `releaseNext`: a job that came while the one before it was ending may have seen it and stood aside for ever. Goes from key to key,
 * so what it costs is the number of keys that wait, not of their jobs.
 */
export const releaseHeads = (sql: SqlTag): Promise<unknown[]> => sql`
  with recursive head as (
    (select tenant, name, key, id from jobs.job where blocked and (tenant, name, key) > ('00000000-0000-0000-0000-000000000000'::uuid, '', '')
      order by tenant, name, key, id limit 1)
    union all
    select n.* from head h, lateral (select tenant, name, key, id from jobs.job
      where blocked and (tenant, name, key) > (h.tenant, h.name, h.key) order by tenant, name, key, id limit 1) n
  )
  update jobs.job set blocked = false where id = any(array(
    select h.id from head h where h.id = (select e.id from jobs.job e
      where e.tenant = h.tenant and e.name = h.name and e.key = h.key and e.dead_at is null order by e.id limit 1))) returning id`;

export const failJob = (sql: SqlTag, { id, worker }: Held, error: string, runAt: Time, deadAt: Date | null): Promise<unknown[]> => sql`
  update jobs.job set lease_until = null, worker = null, last_error = ${error}, run_at = ${runAt}, dead_at = ${deadAt}
  where id = ${id} and worker = ${worker} returning id`;

/** Puts a job back as it was before it was claimed: what a breaker kept back was no try, and what was about to be sent was not sent. */
export const putBack = (sql: SqlTag, job: Held & Pick<Job, 'sent_at'>, error: string, runAt: Time): Promise<unknown[]> => sql`
  update jobs.job set lease_until = null, worker = null, last_error = ${error}, run_at = ${runAt}, attempts = attempts - 1,
    attempt_no = attempt_no - (sent_at is distinct from ${job.sent_at}::timestamptz)::int, sent_at = ${job.sent_at}::timestamptz
  where id = ${job.id} and worker = ${job.worker}`;

/** Commits that attempts are about to be sent; from now on these jobs may only inquire. */
export const noteAttempts = (sql: SqlTag, jobs: readonly Held[], at: Date, until: Date): Promise<unknown[]> => sql`
  update jobs.job set attempt_no = attempt_no + 1, sent_at = ${at}, lease_until = ${until} where id = any(${jobs.map((j) => j.id)}::bigint[])
    and worker = (${jobs.map((j) => j.worker)}::uuid[])[array_position(${jobs.map((j) => j.id)}::bigint[], id)] returning id`;

/** Proven not to have arrived: it may be sent again. */
export const clearAttempt = (sql: SqlTag, { id, worker }: Held): Promise<unknown[]> => sql`
  update jobs.job set sent_at = null where id = ${id} and worker = ${worker}`;

export interface QueueRow { name: string; waiting: number; running: number; later: number; dead: number; oldest_at: Date | null }
/** How much of each kind of job there is. */
export const queues = (sql: SqlTag, tenant: string, now: Date): Promise<QueueRow[]> => sql<QueueRow>`
  select name, count(*) filter (where lease_until is null and dead_at is null and run_at <= ${now})::int as waiting,
    count(*) filter (where lease_until is not null and dead_at is null)::int as running,
    count(*) filter (where lease_until is null and dead_at is null and run_at > ${now})::int as later, count(*) filter (where dead_at is not null)::int as dead,
    min(run_at) filter (where lease_until is null and dead_at is null and run_at <= ${now}) as oldest_at
  from jobs.job where tenant = ${tenant} group by name order by name`;

export interface DeadRow { id: bigint; name: string; key: string | null; data: string; attempts: number; last_error: string | null; trace: string;
  created_at: Date;
  dead_at: Date }
export const deadJobs = (sql: SqlTag, tenant: string, before: bigint | null, limit: number): Promise<DeadRow[]> => sql<DeadRow>`
  select id, name, key, data, attempts, last_error, trace, created_at, dead_at from jobs.job
  where tenant = ${tenant} and dead_at is not null and (${before}::bigint is null or id < ${before}) order by id desc limit ${limit}`;

/** A person's second chance: it begins its tries anew. A call stays one that may have been sent. */
export const reviveJob = (sql: SqlTag, tenant: string, id: bigint, now: Date): Promise<{ name: string }[]> => sql<{ name: string }>`
  update jobs.job set dead_at = null, attempts = 0, run_at = ${now}, created_at = ${now}, blocked = false
  where id = ${id} and tenant = ${tenant} and dead_at is not null returning name`;
export const dropJob = (sql: SqlTag, tenant: string, id: bigint): Promise<{ name: string }[]> => sql<{ name: string }>`
  delete from jobs.job where id = ${id} and tenant = ${tenant} and dead_at is not null returning name`;

export interface ScheduleRow { name: string; cron: string; zone: string; next_at: Date; last_at: Date | null }
export const schedulesOf = (sql: SqlTag, tenant: string): Promise<ScheduleRow[]> => sql<ScheduleRow>`
  select name, cron, zone, next_at, last_at from jobs.schedule where tenant = ${tenant} order by name`;
/** Makes a schedule, or gives it another pattern; one that stands as it is keeps its next time. */
export const saveSchedule = (sql: SqlTag, tenant: string, s: Omit<ScheduleRow, 'last_at'>): Promise<unknown[]> => sql`
  insert into jobs.schedule (tenant, name, cron, zone, next_at) values (${tenant}, ${s.name}, ${s.cron}, ${s.zone}, ${s.next_at})
  on conflict (tenant, name) do update set cron = excluded.cron, zone = excluded.zone, next_at = excluded.next_at
  where schedule.cron <> excluded.cron or schedule.zone <> excluded.zone`;
/** Compare-and-set; no row means that another process fired it. */
export const moveSchedule = (sql: SqlTag, tenant: string, name: string, from: Date, to: Date): Promise<unknown[]> => sql`
  update jobs.schedule set last_at = next_at, next_at = ${to} where tenant = ${tenant} and name = ${name} and next_at = ${from} returning name`;
