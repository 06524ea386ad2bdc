import { joinedJson, type SqlTag, type Uuid } from '#kernel';

export interface NewAlerts { readonly ids: Uuid[]; readonly topics: string[]; readonly keys: string[]; readonly data: string[]; readonly traces: string[];
  readonly times: number[]; readonly at: Date[] }

/** Opens alerts, of each topic and key one; where one is open it has happened again. */
export const raise = (sql: SqlTag, tenant: Uuid, a: NewAlerts): Promise<unknown[]> => sql`
  insert into alerts.alert (tenant, id, topic, key, data, trace, times, raised_at, last_at)
  select ${tenant}, i, t, k, d, tr, n, at, at from unnest(${a.ids}::uuid[], ${a.topics}::text[], ${a.keys}::text[],
    string_to_array(${joinedJson(a.data)}, chr(30), ''), ${a.traces}::text[], ${a.times}::int[], ${a.at}::timestamptz[]) r (i, t, k, d, tr, n, at)
  order by t, k
  on conflict (tenant, topic, key) where closed_at is null
    do update set times = alert.times + excluded.times, data = excluded.data, trace = excluded.trace, last_at = excluded.last_at`;

export interface AlertRow { readonly id: Uuid; readonly topic: string; readonly key: string; readonly data: string; readonly trace: string;
  readonly times: number; readonly raised_at: Date; readonly last_at: Date; readonly closed_at: Date | null; readonly closed_by: Uuid | null }

/** Newest first. */
export const alertsOf = (sql: SqlTag, tenant: Uuid, open: boolean | null, before: Uuid | null, limit: number): Promise<AlertRow[]> => sql<AlertRow>`
  select id, topic, key, data, trace, times, raised_at, last_at, closed_at, closed_by from alerts.alert
  where tenant = ${tenant} and (${before}::uuid is null or id < ${before}::uuid) and (${open}::boolean is null or (closed_at is null) = ${open}::boolean)
  order by id desc limit ${limit}`;

export const countOpen = async (sql: SqlTag, tenant: Uuid, most: number): Promise<number> => (await sql<{ n: number }>`
  select count(*)::int as n from (select 1 from alerts.alert where tenant = ${tenant} and closed_at is null limit ${most}) a`)[0]?.n ?? 0;

export const closeAlert = (sql: SqlTag, tenant: Uuid, id: Uuid, at: Date, by: Uuid | null): Promise<AlertRow[]> => sql<AlertRow>`
  update alerts.alert set closed_at = ${at}, closed_by = ${by} where tenant = ${tenant} and id = ${id} and closed_at is null
  returning id, topic, key, data, trace, times, raised_at, last_at, closed_at, closed_by`;
