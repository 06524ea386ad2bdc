import { joinedJson, type SqlTag, type Uuid } from '#kernel';
import type { SignatureKind } from '../contract.ts';

export interface NewMessages { readonly ids: string[]; readonly topics: string[]; readonly keys: string[]; readonly versions: number[]; readonly at: Date[];
  readonly data: string[] }

/** Writes messages and their deliveries; what stands already stays. */
export const insertDeliveries = (sql: SqlTag, tenant: Uuid, now: Date, m: NewMessages,
  d: { endpoints: string[]; messages: string[]; ordered: boolean[] }): Promise<unknown[]> =>
  sql`
  with message as (
    insert into webhooks.message (tenant, id, topic, key, version, at, data)
    select ${tenant}, i, t, k, v, a, x from unnest(${m.ids}::uuid[], ${m.topics}::text[], ${m.keys}::text[], ${m.versions}::smallint[], ${m.at}::timestamptz[],
      string_to_array(${joinedJson(m.data)}, chr(30), '')) r (i, t, k, v, a, x)
    on conflict do nothing
  )
  insert into webhooks.delivery (tenant, endpoint, message, ordered, next_at, created_at)
  select ${tenant}, e, m, o, ${now}, ${now} from unnest(${d.endpoints}::uuid[], ${d.messages}::uuid[], ${d.ordered}::boolean[]) r (e, m, o)`;

export interface Claimed {
  readonly id: bigint; readonly tenant: string; readonly endpoint: string; readonly attempts: number; readonly url: string; readonly kind: SignatureKind;
  readonly secrets: string; readonly headers: string; readonly revision: number; readonly streak: number; readonly message: string; readonly topic: string;
  readonly at: Date; readonly data: string;
}

/**
 * Takes deliveries that are due: endpoint by endpoint, in turns of the tenants, from each as many as it has room for. Of an endpoint that is resting
 * only one is taken, and of one that wants order only the oldest that is not over, while nothing of it is under way. One that takes so many a minute
 * is locked while its places are given away: those of a second, or one. Nothing here waits for an endpoint's lock.
 */
export const claimDeliveries = (sql: SqlTag, c: { worker: string; now: Date; until: Date; endpoints: number; room: number; each: number; breaker: number;
  busy: readonly string[]; left: readonly number[] }): Promise<Claimed[]> => sql<Claimed>`
  with paced as materialized (
    select id, per_minute, greatest(coalesce(paced_to, '-infinity'), ${c.now}::timestamptz - make_interval(secs => greatest(1, 60.0 / per_minute))) as from_at
    from webhooks.endpoint e where per_minute is not null and state = 'active'
      and (select true from webhooks.delivery d where d.endpoint = e.id and d.status = 'waiting' and d.next_at <= ${c.now} limit 1)
    order by claimed_at limit ${c.endpoints} for update skip locked
  ), due as materialized (
    select e.id, e.ordered, e.ordered or e.streak >= ${c.breaker} as single, r.room,
      row_number() over (partition by e.tenant order by e.claimed_at, e.id) as turn, e.claimed_at
    from webhooks.endpoint e left join unnest(${c.busy}::uuid[], ${c.left}::int[]) b (id, room) on b.id = e.id left join paced p on p.id = e.id
    cross join lateral (select least(coalesce(b.room, ${c.each}),
      floor(extract(epoch from ${c.now}::timestamptz - p.from_at) * p.per_minute / 60.0 + 0.001)::int) as room) r
    where e.state = 'active' and (e.per_minute is null or p.id is not null) and (e.open_until is null or e.open_until <= ${c.now}) and r.room > 0
      and (select true from webhooks.delivery d where d.endpoint = e.id and d.status = 'waiting' and d.next_at <= ${c.now} limit 1)
    order by turn, e.claimed_at limit ${c.endpoints}
  ), picked as materialized (
    select d.id from due cross join lateral (
      select w.id, row_number() over (order by w.id) as nth from (
        select d.id from webhooks.delivery d where d.endpoint = due.id and d.status = 'waiting' and d.next_at <= ${c.now}
          and (not due.single or not exists (select 1 from webhooks.delivery s where s.endpoint = due.id and s.status = 'sending'))
          and (not due.ordered or not exists (
            select 1 from webhooks.delivery o where o.endpoint = due.id and o.ordered and o.status in ('waiting', 'sending') and o.id < d.id))
        order by d.next_at, d.id limit case when due.single then 1 else due.room end for update skip locked) w
    ) d order by d.nth, due.turn limit ${c.room}
  ), taken as (
    update webhooks.delivery set status = 'sending', lease_until = ${c.until}, worker = ${c.worker}, attempts = attempts + 1
    where id = any(array(select id from picked)) returning id, tenant, endpoint, message, attempts
  ), counted as materialized (
    select endpoint, count(*) as n from taken group by endpoint
  ), turned as (
    update webhooks.endpoint e set claimed_at = ${c.now}, paced_to = coalesce((
      select p.from_at + make_interval(secs => c.n * 60.0 / p.per_minute) from paced p join counted c on c.endpoint = p.id where p.id = e.id), e.paced_to)
    where e.id = any(array(
      select id from webhooks.endpoint where id = any(array(select endpoint from counted)) order by id for update skip locked))
  )
  select t.id, replace(t.tenant::text, '-', '') as tenant, replace(t.endpoint::text, '-', '') as endpoint, t.attempts, e.url, e.kind, e.secrets, e.headers,
    e.revision, e.streak, replace(t.message::text, '-', '') as message, m.topic, m.at, m.data
  from taken t
    cross join lateral (select url, kind, secrets, headers, revision, streak from webhooks.endpoint e where e.id = t.endpoint limit 1) e
    cross join lateral (select topic, at, data from webhooks.message m where m.tenant = t.tenant and m.id = t.message limit 1) m
  order by t.id`;

export interface Results { readonly ids: bigint[]; readonly statuses: string[]; readonly nextAt: (Date | null)[]; readonly reasons: (string | null)[];
  readonly ms: number[]; readonly codes: (number | null)[]; readonly errors: (string | null)[]; readonly excerpts: (string | null)[] }

/** Writes what became of tries, with a row for each. One that this worker no longer holds leaves nothing: whoever holds it now says what became of it. */
export const finishDeliveries = (sql: SqlTag, worker: string, now: Date, r: Results): Promise<{ id: bigint }[]> => sql<{ id: bigint }>`
  with result as (
    select * from unnest(${r.ids}::bigint[], ${r.statuses}::text[], ${r.nextAt}::timestamptz[], ${r.reasons}::text[], ${r.ms}::int[], ${r.codes}::smallint[],
      ${r.errors}::text[], ${r.excerpts}::text[]) r (id, status, next_at, reason, ms, code, error, excerpt)
  ), held as (
    update webhooks.delivery d set status = r.status, next_at = r.next_at, reason = r.reason, lease_until = null, worker = null,
      done_at = case when r.status in ('done', 'dead') then ${now}::timestamptz end
    from result r where d.id = r.id and d.worker = ${worker} returning d.id, d.tenant, d.endpoint, d.attempts, r.ms, r.code, r.error, r.excerpt
  ), tried as (
    insert into webhooks.attempt (tenant, delivery, no, endpoint, at, ms, status, error, excerpt)
    select tenant, id, attempts, endpoint, ${now}, ms, code, error, excerpt from held
    on conflict do nothing
  )
  select id from held`;

/** Adds to each endpoint's history: a success ends it, failures add to it and let it rest. Endpoints are locked in order, as claims do. */
export const noteOutcomes = (sql: SqlTag, now: Date, o: { endpoints: string[]; succeeded: boolean[]; failed: number[]; openUntil: (Date | null)[] }):
  Promise<{ id: string; tenant: string; failures: number; first_failure_at: Date | null }[]> =>
  sql<{ id: string; tenant: string; failures: number; first_failure_at: Date | null }>`
  with locked as materialized (
    select id from webhooks.endpoint where id = any(${o.endpoints}::uuid[]) order by id for update
  )
  update webhooks.endpoint e set
    failures = case when o.ok then o.failed else e.failures + o.failed end, streak = case when o.ok then o.failed else e.streak + o.failed end,
    first_failure_at = case when o.failed = 0 then null when o.ok then ${now}::timestamptz else coalesce(e.first_failure_at, ${now}::timestamptz) end,
    last_success_at = case when o.ok then ${now}::timestamptz else e.last_success_at end, open_until = o.open_until
  from unnest(${o.endpoints}::uuid[], ${o.succeeded}::boolean[], ${o.failed}::int[], ${o.openUntil}::timestamptz[]) o (id, ok, failed, open_until)
  where e.id = o.id and e.id = any(array(select id from locked)) returning replace(e.id::text, '-', '') as id, replace(e.tenant::text, '-', '') as tenant,
    e.failures, e.first_failure_at`;

/** Gives back what a worker that is gone had under way; what became of the try is not known, so it is sent again. */
export const giveBack = (sql: SqlTag, now: Date): Promise<unknown[]> => sql`
  with lost as (
    update webhooks.delivery set status = 'waiting', next_at = ${now}, lease_until = null, worker = null
    where status = 'sending' and lease_until <= ${now} returning id, tenant, endpoint, attempts
  )
  insert into webhooks.attempt (tenant, delivery, no, endpoint, at, ms, error)
  select tenant, id, attempts, endpoint, ${now}, 0, 'lost' from lost on conflict do nothing returning 1`;

export interface DeliveryRow { readonly id: bigint; readonly endpoint: string; readonly message: string; readonly topic: string; readonly status:
  'waiting' | 'sending' | 'done' | 'dead'; readonly attempts: number; readonly manual: boolean; readonly created_at: Date; readonly next_at: Date | null;
  readonly done_at: Date | null; readonly reason: string | null; readonly at: Date; readonly data: string }

export const deliveriesOf = (sql: SqlTag, tenant: Uuid, endpoint: Uuid, before: string | null, status: string | null, limit: number): Promise<DeliveryRow[]> =>
  sql<DeliveryRow>`
  select d.id, d.endpoint, d.message, m.topic, d.status, d.attempts, d.manual, d.created_at, d.next_at, d.done_at, d.reason, m.at, '' as data
  from webhooks.delivery d join webhooks.message m on m.tenant = d.tenant and m.id = d.message
  where d.tenant = ${tenant} and d.endpoint = ${endpoint} and (${before}::bigint is null or d.id < ${before}::bigint)
    and (${status}::text is null or d.status = ${status}::text)
  order by d.id desc limit ${limit}`;

/** Where these events were sent, the oldest first. */
export const deliveriesOfEvents = (sql: SqlTag, tenant: Uuid, events: readonly string[], limit: number): Promise<DeliveryRow[]> => sql<DeliveryRow>`
  select d.id, d.endpoint, d.message, m.topic, d.status, d.attempts, d.manual, d.created_at, d.next_at, d.done_at, d.reason, m.at, '' as data
  from webhooks.delivery d join webhooks.message m on m.tenant = d.tenant and m.id = d.message
  where d.tenant = ${tenant} and d.message = any(${events}::uuid[]) order by d.id limit ${limit}`;

export const deliveryOf = async (sql: SqlTag, tenant: Uuid, id: string): Promise<DeliveryRow | undefined> => (await sql<DeliveryRow>`
  select d.id, d.endpoint, d.message, m.topic, d.status, d.attempts, d.manual, d.created_at, d.next_at, d.done_at, d.reason, m.at, m.data
  from webhooks.delivery d join webhooks.message m on m.tenant = d.tenant and m.id = d.message where d.tenant = ${tenant} and d.id = ${id}::bigint`)[0];

export const attemptsOf = (sql: SqlTag, tenant: Uuid, id: string): Promise<{ no: number; at: Date; ms: number; status: number | null; error: string | null;
  excerpt: string | null }[]> => sql`
  select no, at, ms, status, error, excerpt from webhooks.attempt where tenant = ${tenant} and delivery = ${id}::bigint order by no`;

export const replayOne = (sql: SqlTag, tenant: Uuid, now: Date, id: string): Promise<{ id: bigint }[]> => sql<{ id: bigint }>`
  insert into webhooks.delivery (tenant, endpoint, message, next_at, created_at, manual, ordered)
  select tenant, endpoint, message, ${now}, ${now}, true, ordered from webhooks.delivery where tenant = ${tenant} and id = ${id}::bigint returning id`;

/** Sends what happened between two instants again, or for the first time, to an endpoint that wants it. */
export const replayRange = (sql: SqlTag, tenant: Uuid, now: Date, r: { endpoint: string; from: Date; to: Date; limit: number }): Promise<unknown[]> => sql`
  insert into webhooks.delivery (tenant, endpoint, message, next_at, created_at, manual, ordered)
  select m.tenant, e.id, m.id, ${now}, ${now}, true, e.ordered
  from webhooks.message m join webhooks.endpoint e on e.tenant = m.tenant and e.id = ${r.endpoint}
  where m.tenant = ${tenant} and m.at >= ${r.from} and m.at < ${r.to} and e.events && array['*', split_part(m.topic, '.', 1) || '.*', m.topic]
  order by m.at, m.id limit ${r.limit} returning 1`;

export const insertManual = (sql: SqlTag, tenant: Uuid, now: Date, endpoint: string, m: { id: string; topic: string; data: string }):
  Promise<{ id: bigint }[]> => sql<{ id: bigint }>`
  with message as (
    insert into webhooks.message (tenant, id, topic, key, version, at, data) values (${tenant}, ${m.id}, ${m.topic}, ${endpoint}::text, 1, ${now}, ${m.data})
  )
  insert into webhooks.delivery (tenant, endpoint, message, next_at, created_at, manual) values (${tenant}, ${endpoint}, ${m.id}, ${now}, ${now}, true)
  returning id`;

/** Deletes the oldest deliveries that are older than an instant, with their attempts; what still waits after that time waits for nobody. */
export const sweepDeliveries = async (sql: SqlTag, before: Date, limit: number): Promise<number> => (await sql<{ n: number }>`
  with over as materialized (
    delete from webhooks.delivery where id = any(array(
      select id from (select id, created_at from webhooks.delivery order by id limit ${limit}) oldest where created_at < ${before})) returning id
  ), tries as (delete from webhooks.attempt where delivery = any(array(select id from over)) returning 1)
  select count(*)::int as n from over`)[0]?.n ?? 0;

/** Deletes a tenant's oldest messages. They are kept twice as long as deliveries, so that one replayed on its last day still has its own. */
export const sweepMessages = (sql: SqlTag, tenant: Uuid, before: Date, limit: number): Promise<unknown[]> => sql`
  delete from webhooks.message where tenant = ${tenant} and id = any(array(
    select id from webhooks.message where tenant = ${tenant} and at < ${before} order by tenant, at limit ${limit})) returning 1`;
