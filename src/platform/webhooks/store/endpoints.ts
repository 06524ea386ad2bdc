import type { SqlTag, Uuid } from '#kernel';
import type { SignatureKind } from '../contract.ts';

export type EndpointState = 'active' | 'disabled' | 'unverified';
export interface EndpointRow {
  readonly id: string; readonly url: string; readonly description: string; readonly events: string[]; readonly version: string; readonly kind: SignatureKind;
  readonly public_key: string | null; readonly secrets: string; readonly headers: string; readonly header_names: string[]; readonly ordered: boolean;
  readonly state: EndpointState; readonly disabled_reason: string | null; readonly failures: number; readonly streak: number;
  readonly first_failure_at: Date | null; readonly last_success_at: Date | null; readonly open_until: Date | null;
  readonly per_minute: number | null;
  /** The sealed token of the challenge that it owes an answer to, how many there were, and why the newest is not answered. */
  readonly challenge: string | null; readonly challenged: number; readonly unproven: string | null;
}
export interface NewEndpoint extends Pick<EndpointRow, 'id' | 'url' | 'description' | 'events' | 'version' | 'kind' | 'public_key' | 'secrets' | 'headers'
  | 'header_names' | 'ordered' | 'per_minute'> { readonly at: Date }

export const insertEndpoint = (sql: SqlTag, tenant: Uuid, e: NewEndpoint): Promise<unknown[]> => sql`
  insert into webhooks.endpoint (tenant, id, url, description, events, version, kind, public_key, secrets, headers, header_names, ordered, per_minute,
    claimed_at, created_at)
  values (${tenant}, ${e.id}, ${e.url}, ${e.description}, ${e.events}, ${e.version}, ${e.kind}, ${e.public_key}, ${e.secrets}, ${e.headers},
    ${e.header_names}, ${e.ordered}, ${e.per_minute}, ${e.at}, ${e.at})`;

export const endpointsOf = (sql: SqlTag, tenant: Uuid): Promise<EndpointRow[]> => sql<EndpointRow>`
  select * from webhooks.endpoint where tenant = ${tenant} order by id`;

export const lockEndpoint = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<EndpointRow | undefined> => (await sql<EndpointRow>`
  select * from webhooks.endpoint where tenant = ${tenant} and id = ${id} for update`)[0];

/** Counts the tenant's endpoints behind a lock, so that two who add at once see each other. */
export const countEndpoints = async (sql: SqlTag, tenant: Uuid): Promise<number> => {
  await sql`select pg_advisory_xact_lock(hashtextextended('webhooks.endpoint ' || ${tenant}::text, 0))`;
  return (await sql<{ n: number }>`select count(*)::int as n from webhooks.endpoint where tenant = ${tenant}`)[0]?.n ?? 0;
};

export const writeEndpoint = (sql: SqlTag, tenant: Uuid, e: EndpointRow): Promise<unknown[]> => sql`
  update webhooks.endpoint set url = ${e.url}, description = ${e.description}, events = ${e.events}, version = ${e.version}, secrets = ${e.secrets},
    public_key = ${e.public_key}, headers = ${e.headers}, header_names = ${e.header_names}, ordered = ${e.ordered}, per_minute = ${e.per_minute},
    revision = revision + 1
  where tenant = ${tenant} and id = ${e.id}`;

export const writeProof = (sql: SqlTag, tenant: Uuid, e: EndpointRow): Promise<unknown[]> => sql`
  update webhooks.endpoint set state = ${e.state}, challenge = ${e.challenge}, challenged = ${e.challenged}, unproven = ${e.unproven}
  where tenant = ${tenant} and id = ${e.id}`;

/** Enables or disables. The history of failures stays when somebody enables; only a success ends it. */
export const setState = (sql: SqlTag, tenant: Uuid, id: Uuid, state: EndpointState, reason: string | null): Promise<{ failures: number }[]> =>
  sql<{ failures: number }>`
  update webhooks.endpoint set state = ${state}, disabled_reason = ${reason}, open_until = null
  where tenant = ${tenant} and id = ${id} and state <> ${state} returning failures`;

export const removeEndpoint = (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<unknown[]> => sql`
  with gone as (delete from webhooks.endpoint where tenant = ${tenant} and id = ${id} returning id),
    waiting as (delete from webhooks.due d using gone where d.endpoint = gone.id returning d.delivery),
    open as (delete from webhooks.delivery where id in (select delivery from waiting) returning 1)
  select id from gone`;

/** What an endpoint has waiting and dead; counted up to a limit. */
export const countsOf = (sql: SqlTag, tenant: Uuid, limit: number): Promise<{ endpoint: string; waiting: number; dead: number }[]> =>
  sql<{ endpoint: string; waiting: number; dead: number }>`
  select e.id as endpoint,
    (select count(*)::int from (select 1 from webhooks.due d where d.endpoint = e.id limit ${limit}) w) as waiting,
    (select count(*)::int from (
      select 1 from webhooks.delivery d where d.tenant = e.tenant and d.endpoint = e.id and d.status = 'dead' limit ${limit}) x) as dead
  from webhooks.endpoint e where e.tenant = ${tenant}`;

/** Endpoints that are sent to, or will be when they have answered, with what they want. */
export const listeningTo = (sql: SqlTag, tenant: Uuid): Promise<{ id: string; events: string[]; ordered: boolean }[]> => sql`
  select id, events, ordered from webhooks.endpoint where tenant = ${tenant} and state in ('active', 'unverified')`;

/** Of the newest tries. */
export const statsOf = async (sql: SqlTag, tenant: Uuid, endpoint: Uuid, since: Date): Promise<{ attempts: number; succeeded: number; p50: number | null;
  p95: number | null }> => (await sql<{ attempts: number; succeeded: number; p50: number | null; p95: number | null }>`
  select count(*)::int as attempts, count(*) filter (where status between 200 and 299)::int as succeeded,
    percentile_disc(0.5) within group (order by ms) as p50, percentile_disc(0.95) within group (order by ms) as p95
  from (
    (select status, ms from webhooks.attempt where tenant = ${tenant} and endpoint = ${endpoint} and at >= ${since} order by at desc limit 10000)
    union all
    select code, ms from (
      select code, ms, done_at from webhooks.delivery where tenant = ${tenant} and endpoint = ${endpoint} order by id desc limit 10000) d
    where done_at >= ${since} and ms is not null
  ) a (status, ms)`)[0]
  ?? { attempts: 0, succeeded: 0, p50: null, p95: null };
