import { joinedJson, type SqlTag, type Uuid } from '#kernel';

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

/** A delivery to send. The first of each endpoint in a claim bears what the endpoint is sent with; the others of it know that already. */
export interface Claimed {
  readonly id: bigint; readonly endpoint: string; readonly dueMs: bigint; readonly attempts: number; readonly message: string; readonly topic: string;
  readonly version: number; readonly at: Date; readonly data: string; readonly to: ClaimedEndpoint | null;
}
export interface ClaimedEndpoint { readonly tenant: string; readonly url: string; readonly version: string; readonly secrets: string; readonly headers: string;
  readonly revision: number; readonly streak: number;
  /** More may be due than is given: it wants order, is resting, or takes so many a minute. */ readonly rationed: boolean }

/**
 * Takes endpoints that have something due, in turns of the tenants, under a lease of the endpoint, and gives what is due to each, as much as it has
 * room for. Deliveries themselves are not written until they are over: who holds the endpoint knows which of them are under way. Of an endpoint that is
 * resting only one is given, and of one that wants order only the oldest that is not over, while nothing of it is under way. One that takes so many a
 * minute is given its places of a second, or one. Nothing here waits for an endpoint's lock. Whether a busy endpoint has more is only known when it is
 * picked from: to look before would read twice past all that is under way.
 */
export const claimDeliveries = (sql: SqlTag, c: { worker: string; now: Date; until: Date; endpoints: number; room: number; each: number; breaker: number;
  busy: readonly string[]; left: readonly number[]; underway: readonly bigint[] }): Promise<Claimed[]> => {
  const nowMs = c.now.getTime();
  return sql<Claimed>`
  with underway as materialized (
    select id from unnest(${c.underway}::bigint[]) u (id)
  ), paced as materialized (
    select id, per_minute, greatest(coalesce(paced_to, '-infinity'), ${c.now}::timestamptz - make_interval(secs => greatest(1, 60.0 / per_minute))) as from_at
    from webhooks.endpoint e where per_minute is not null and state = 'active' and (worker = ${c.worker} or lease_until is null or lease_until <= ${c.now})
      and (select true from webhooks.due d where d.endpoint = e.id and d.next_ms <= ${nowMs} limit 1)
    order by claimed_at limit ${c.endpoints}
  ), due as materialized (
    select e.id, e.tenant, e.ordered, e.ordered or e.streak >= ${c.breaker} as single, r.room,
      row_number() over (partition by e.tenant order by e.claimed_at, e.id) as turn, e.claimed_at
    from webhooks.endpoint e left join unnest(${c.busy}::uuid[], ${c.left}::int[]) b (id, room) on b.id = e.id left join paced p on p.id = e.id
    cross join lateral (select least(coalesce(b.room, ${c.each}),
      floor(extract(epoch from ${c.now}::timestamptz - p.from_at) * p.per_minute / 60.0 + 0.001)::int) as room) r
    where e.state = 'active' and (e.worker = ${c.worker} or e.lease_until is null or e.lease_until <= ${c.now})
      and (e.open_until is null or e.open_until <= ${c.now}) and r.room > 0 and (b.id is null or not (e.ordered or e.streak >= ${c.breaker}))
      and (b.id is not null or (select true from webhooks.due d where d.endpoint = e.id and d.next_ms <= ${nowMs} limit 1))
    order by turn, e.claimed_at limit ${c.endpoints}
  ), picked as materialized (
    select due.id as endpoint, due.tenant, d.delivery as id, d.next_ms, d.message, d.attempts, d.nth from due cross join lateral (
      select w.*, row_number() over (order by w.delivery) as nth from (
        select d.delivery, d.next_ms, d.message, d.attempts from webhooks.due d where d.endpoint = due.id and d.next_ms <= ${nowMs}
          and d.delivery not in (select id from underway)
          and (not due.ordered or not exists (select 1 from webhooks.due o where o.endpoint = due.id and o.ordered and o.delivery < d.delivery))
        order by d.next_ms, d.delivery limit case when due.single then 1 else due.room end) w
    ) d order by d.nth, due.turn limit ${c.room}
  ), counted as materialized (
    select endpoint, count(*) as n from picked group by endpoint
  ), free as materialized (
    select id from webhooks.endpoint where id = any(array(select endpoint from counted)) and state = 'active'
      and (worker = ${c.worker} or lease_until is null or lease_until <= ${c.now}) order by id for update skip locked
  ), held as (
    update webhooks.endpoint e set worker = ${c.worker}, lease_until = ${c.until}, claimed_at = ${c.now}, paced_to = coalesce((
      select p.from_at + make_interval(secs => c.n * 60.0 / p.per_minute) from paced p join counted c on c.endpoint = p.id where p.id = e.id), e.paced_to)
    where e.id = any(array(select id from free)) returning e.id, e.tenant, e.url, e.version, e.secrets, e.headers, e.revision, e.streak,
      e.ordered or e.streak >= ${c.breaker} or e.per_minute is not null as rationed
  )
  select p.id, p.endpoint, p.next_ms as "dueMs", p.attempts, p.message, m.topic, m.version, m.at, m.data,
    case when p.nth = 1 then (select jsonb_build_object('tenant', replace(h.tenant::text, '-', ''), 'url', h.url, 'version', h.version,
      'secrets', h.secrets, 'headers', h.headers,
      'revision', h.revision, 'streak', h.streak, 'rationed', h.rationed) from held h where h.id = p.endpoint) end as to
  from picked p
  cross join lateral (select topic, version, at, data from webhooks.message m where m.tenant = p.tenant and m.id = p.message limit 1) m
  where p.endpoint = any(array(select id from held))`;
};

/** Keeps endpoints that this worker sends to. One that another has taken meanwhile stays the other's. */
export const renewLeases = (sql: SqlTag, worker: string, until: Date, endpoints: readonly string[]): Promise<unknown[]> => sql`
  update webhooks.endpoint set lease_until = ${until} where id = any(array(
    select id from webhooks.endpoint where id = any(${endpoints}::uuid[]) and worker = ${worker} order by id for update)) returning 1`;

/** Gives back all that a worker holds: what it sent is written, or is sent again. */
export const releaseLeases = (sql: SqlTag, worker: string): Promise<unknown[]> => sql`
  update webhooks.endpoint set worker = null, lease_until = null where id = any(array(
    select id from webhooks.endpoint where worker = ${worker} order by id for update)) returning 1`;

/** Tries in the order of `due`: endpoint, when it was due, delivery. */
export interface Succeeded { readonly endpoints: string[]; readonly dueMs: bigint[]; readonly ids: bigint[]; readonly attempts: number[]; readonly ms: number[];
  readonly codes: (number | null)[] }
export interface Failed extends Succeeded { readonly statuses: ('waiting' | 'dead')[]; readonly nextAt: (Date | null)[]; readonly reasons: (string | null)[];
  readonly errors: (string | null)[]; readonly excerpts: (string | null)[] }

/**
 * Writes tries that succeeded, in their deliveries. Of one that another worker has sent meanwhile, because this one's lease of the endpoint had run
 * out, nothing is left: what became of that try is written already, and it is not due as it was any more.
 */
export const finishDone = (sql: SqlTag, now: Date, r: Succeeded): Promise<unknown[]> => sql`
  with result as materialized (
    select * from unnest(${r.endpoints}::uuid[], ${r.dueMs}::bigint[], ${r.ids}::bigint[], ${r.attempts}::smallint[], ${r.ms}::int[], ${r.codes}::smallint[])
      r (endpoint, due_ms, id, no, ms, code)
  ), over as (
    delete from webhooks.due d using result r where d.endpoint = r.endpoint and d.next_ms = r.due_ms and d.delivery = r.id and d.attempts = r.no - 1
    returning r.id, r.no, r.ms, r.code
  )
  update webhooks.delivery d set status = 'done', attempts = r.no, next_at = null, reason = null, ms = r.ms, code = r.code, done_at = ${now}
  from over r where d.id = r.id`;

/** The same for tries that failed: each leaves a row, and its delivery waits for the next or is dead. */
export const finishFailed = (sql: SqlTag, now: Date, r: Failed): Promise<unknown[]> => {
  const nextMs = r.nextAt.map((at) => at?.getTime() ?? null);
  return sql`
  with result as materialized (
    select * from unnest(${r.endpoints}::uuid[], ${r.dueMs}::bigint[], ${r.ids}::bigint[], ${r.attempts}::smallint[], ${r.statuses}::text[],
      ${r.nextAt}::timestamptz[], ${nextMs}::bigint[], ${r.reasons}::text[], ${r.ms}::int[], ${r.codes}::smallint[], ${r.errors}::text[], ${r.excerpts}::text[])
      r (endpoint, due_ms, id, no, status, next_at, next_ms, reason, ms, code, error, excerpt)
  ), gone as (
    delete from webhooks.due d using result r where r.status = 'dead' and d.endpoint = r.endpoint and d.next_ms = r.due_ms and d.delivery = r.id
      and d.attempts = r.no - 1 returning r.id
  ), later as (
    update webhooks.due d set next_ms = r.next_ms, attempts = r.no
    from result r where r.status = 'waiting' and d.endpoint = r.endpoint and d.next_ms = r.due_ms and d.delivery = r.id and d.attempts = r.no - 1
    returning r.id
  ), over as (
    update webhooks.delivery d set status = r.status, attempts = r.no, next_at = r.next_at, reason = r.reason,
      done_at = case when r.status = 'dead' then ${now}::timestamptz end
    from result r where d.id = r.id and d.id in (select id from gone union all select id from later)
    returning d.id, d.tenant, d.endpoint, r.no, r.ms, r.code, r.error, r.excerpt
  )
  insert into webhooks.attempt (tenant, delivery, no, endpoint, at, ms, status, error, excerpt)
  select tenant, id, no, endpoint, ${now}, ms, code, error, excerpt from over on conflict do nothing`;
};

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
  where e.id = o.id and e.id = any(array(select id from locked)) returning e.id, e.tenant,
    e.failures, e.first_failure_at`;

export interface DeliveryRow { readonly id: bigint; readonly endpoint: string; readonly message: string; readonly topic: string; readonly status:
  'waiting' | 'done' | 'dead'; readonly attempts: number; readonly manual: boolean; readonly created_at: Date; readonly next_at: Date | null;
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

interface VersionedRow extends DeliveryRow { readonly version: number; readonly wanted: string | null }
/** One, with the version that it was written in and the one that its endpoint wants, where there still is one. */
export const deliveryOf = async (sql: SqlTag, tenant: Uuid, id: string): Promise<VersionedRow | undefined> => (await sql<VersionedRow>`
  select d.id, d.endpoint, d.message, m.topic, d.status, d.attempts, d.manual, d.created_at, d.next_at, d.done_at, d.reason, m.at, m.data, m.version,
    e.version as wanted
  from webhooks.delivery d join webhooks.message m on m.tenant = d.tenant and m.id = d.message left join webhooks.endpoint e on e.id = d.endpoint
  where d.tenant = ${tenant} and d.id = ${id}::bigint`)[0];

export const attemptsOf = (sql: SqlTag, tenant: Uuid, id: string): Promise<{ no: number; at: Date; ms: number; status: number | null; error: string | null;
  excerpt: string | null }[]> => sql`
  select no, at, ms, status, error, excerpt from webhooks.attempt where tenant = ${tenant} and delivery = ${id}::bigint
  union all
  select attempts, done_at, ms, code, null, null from webhooks.delivery where tenant = ${tenant} and id = ${id}::bigint and ms is not null
  order by no`;

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
      select id from (select id, created_at from webhooks.delivery order by id limit ${limit}) oldest where created_at < ${before}))
    returning id, endpoint, status
  ), waited as (
    delete from webhooks.due where endpoint = any(array(select distinct endpoint from over where status = 'waiting'))
      and delivery = any(array(select id from over where status = 'waiting')) returning 1
  ), tries as (delete from webhooks.attempt where delivery = any(array(select id from over)) returning 1)
  select count(*)::int as n from over`)[0]?.n ?? 0;

/** Deletes a tenant's oldest messages. They are kept twice as long as deliveries, so that one replayed on its last day still has its own. */
export const sweepMessages = (sql: SqlTag, tenant: Uuid, before: Date, limit: number): Promise<unknown[]> => sql`
  delete from webhooks.message where tenant = ${tenant} and id = any(array(
    select id from webhooks.message where tenant = ${tenant} and at < ${before} order by tenant, at limit ${limit})) returning 1`;
