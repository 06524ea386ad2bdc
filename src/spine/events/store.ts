import { joinedJson, type SqlTag } from '#kernel';
import type { StoredEvent } from './contract.ts';

export interface NewEvents { topics: string[]; keys: string[]; ids: string[]; versions: number[]; traces: string[]; data: string[] }

export const appendEvents = (sql: SqlTag, tenant: string, at: Date, e: NewEvents): Promise<unknown[]> => sql`
  insert into events.log (tenant, topic, key, id, version, at, trace, data)
  select ${tenant}, t, k, i, v, ${at}, tr, d
  from unnest(${e.topics}::text[], ${e.keys}::text[], ${e.ids}::uuid[], ${e.versions}::smallint[], ${e.traces}::text[],
    string_to_array(${joinedJson(e.data)}, chr(30), '')) r (t, k, i,
    v, tr, d)`;

type LogRow = Omit<StoredEvent, 'data'> & { data: string | null };

/** Rows after a position; the data of other topics is left out. */
export const eventsAfter = (sql: SqlTag, pos: bigint, topics: readonly string[], limit: number): Promise<LogRow[]> => sql<LogRow>`
  select pos, replace(tenant::text, '-', '') as tenant, topic, key, replace(id::text, '-', '') as id, version, at, trace,
    case when topic = any(${topics}) then data end as data
  from events.log where pos > ${pos} order by pos limit ${limit}`;

export interface SettledRows { readonly upTo: bigint | null; readonly high: bigint | null; readonly rows: LogRow[] }

/**
 * Events of some topics after a position, as far as the positions follow each other without a gap, or up to `settled` where that is
 * known. `upTo` is how far that reaches, whatever the topics; `high` the last position seen. Rows of other topics stay in the database.
 */
export async function topicsAfter(sql: SqlTag, pos: bigint, topics: readonly string[], settled: bigint | null, limit: number): Promise<SettledRows> {
  const rows = await sql<LogRow & { up_to: bigint | null; high: bigint | null }>`
    with seen as materialized (
      select pos, topic = any(${topics}::text[]) as wanted, row_number() over (order by pos) as n
      from (select pos, topic from events.log where pos > ${pos}::bigint and (${settled}::bigint is null or pos <= ${settled}::bigint) order by pos
        limit ${limit}) l
    ), ends as (
      select max(pos) filter (where ${settled}::bigint is not null or pos = ${pos}::bigint + n) as up_to, max(pos) as high from seen
    )
    select ends.up_to, ends.high, e.pos, replace(e.tenant::text, '-', '') as tenant, e.topic, e.key, replace(e.id::text, '-', '') as id, e.version, e.at,
      e.trace, e.data
    from ends left join seen on seen.wanted and seen.pos <= ends.up_to left join events.log e on e.pos = seen.pos order by seen.pos`;
  const { up_to: upTo = null, high = null } = rows[0] ?? {};
  return { upTo, high, rows: rows.filter((r) => r.pos !== null) };
}

export const lastPos = async (sql: SqlTag): Promise<bigint> => (await sql<{ pos: bigint }>`select coalesce(max(pos), 0) as pos from events.log`)[0]?.pos ?? 0n;

export const addSubscriber = (sql: SqlTag, name: string): Promise<unknown[]> => sql`
  insert into events.subscriber (name) values (${name}) on conflict do nothing`;

export const readCursor = async (sql: SqlTag, name: string): Promise<bigint> =>
  (await sql<{ pos: bigint }>`select pos from events.subscriber where name = ${name}`)[0]?.pos ?? 0n;

/** Compare-and-set; no row means that another process moved the cursor. */
export const moveCursor = (sql: SqlTag, name: string, from: bigint, to: bigint): Promise<unknown[]> => sql`
  update events.subscriber set pos = ${to}, failures = 0, error = null where name = ${name} and pos = ${from} returning pos`;

export const noteFailure = async (sql: SqlTag, name: string, error: string): Promise<number> =>
  (await sql<{ failures: number }>`update events.subscriber set failures = failures + 1, error = ${error} where name = ${
    name} returning failures`)[0]?.failures ?? 0;

export const park = (sql: SqlTag, subscriber: string, e: Pick<StoredEvent, 'pos' | 'tenant' | 'key'>, error: string, at: Date): Promise<unknown[]> => sql`
  insert into events.parked (subscriber, pos, tenant, key, error, at) values (${subscriber}, ${e.pos}, ${e.tenant}, ${e.key}, ${error}, ${at})
    on conflict do nothing`;

export const parkedKeys = (sql: SqlTag, subscriber: string): Promise<{ tenant: string; key: string }[]> => sql<{ tenant: string; key: string }>`
  select distinct replace(tenant::text, '-', '') as tenant, key from events.parked where subscriber = ${subscriber}`;

/** Transactions that may still show rows at positions already drawn: those that hold the insert lock of the table. */
export const inserters = (sql: SqlTag, table: string): Promise<{ vtx: string }[]> => sql<{ vtx: string }>`
  select distinct virtualtransaction as vtx from pg_locks
  where locktype = 'relation' and mode = 'RowExclusiveLock' and relation = ${table}::regclass
    and database = (select oid from pg_database where datname = current_database())`;

/** Notifies when the log goes on past a position; resolves to its last position, or undefined when there is nothing new. */
export const sayNews = async (sql: SqlTag, channel: string, after: bigint): Promise<bigint | undefined> => (await sql<{ pos: bigint }>`
  select pos, pg_notify(${channel}, pos::text) from (select max(pos) as pos from events.log where pos > ${after}) n where pos is not null`)[0]?.pos;
