import { inserter, sentMs, type DatabaseTime, type SqlTag } from '#kernel';
import type { StoredEvent } from './contract.ts';

export interface NewEvents { topics: string[]; keys: string[]; ids: string[]; versions: number[]; traces: string[]; data: string[] }

const insertRows = inserter('events.log', {
  tenant: 'uuid', topic: 'text', key: 'text', id: 'uuid', version: 'smallint', at: 'timestamptz', trace: 'text', data: 'json',
});
export const appendEvents = (sql: SqlTag, tenant: string, at: Date, e: NewEvents): Promise<unknown[]> => insertRows(sql, {
  tenant, topic: e.topics, key: e.keys, id: e.ids, version: e.versions, at, trace: e.traces, data: e.data,
});

export type PartEvent = StoredEvent & { readonly part: number };
export type TailRow = PartEvent | { readonly pos: bigint; readonly topic: null };

/** Between the fields of many events that leave the database as one text: a key is refused with it, and JSON has none. */
const FIELD = '\x1f';
/**
 * The first field of an event is what has a width, in hexadecimal: position, tenant, id, instant (microseconds since 2000), version and, where it is
 * asked for, part. One of a topic or part that nobody wants is its position alone. Behind it stand trace, topic, key and data.
 */
const HEAD = { tenant: 16, id: 48, at: 80, version: 96, part: 100 };
const FIELDS = 5;
const integer = (digits: string): bigint => BigInt.asIntN(64, BigInt(`0x${digits}`));

/** A row and its fields cost both sides more than what they hold, so all leave as one. */
interface Packed { readonly all: string | null }
function unpack(rows: readonly Packed[]): TailRow[] {
  const fields = rows[0]?.all?.split(FIELD) ?? [];
  const events: TailRow[] = [];
  // Most events are of the tenant and of the instant of the one before: what is made of them is made, hashed and compared once.
  let [tenant, instant, ms] = ['none', 'none', 0];
  for (let i = 0; i < fields.length;) {
    const head = fields[i] as string;
    const pos = integer(head.slice(0, HEAD.tenant));
    if (head.length === HEAD.tenant) {
      events.push({ pos, topic: null });
      i += 1;
      continue;
    }
    if (!head.startsWith(tenant, HEAD.tenant)) tenant = head.slice(HEAD.tenant, HEAD.id);
    if (!head.startsWith(instant, HEAD.at)) {
      instant = head.slice(HEAD.at, HEAD.version);
      ms = sentMs(instant, 0);
    }
    events.push({ pos, part: head.length === HEAD.part ? -1 : Number.parseInt(head.slice(HEAD.part), 16), tenant, id: head.slice(HEAD.id, HEAD.at),
      version: Number.parseInt(head.slice(HEAD.version, HEAD.part), 16), at: new Date(ms), trace: fields[i + 1] as string,
      topic: fields[i + 2] as string, key: fields[i + 3] as string, data: fields[i + 4] as string });
    i += FIELDS;
  }
  return events;
}

const wanted = (row: TailRow): row is PartEvent => row.topic !== null;

/** Events that were found, and how far was looked: undefined is to the end. */
export interface Found { readonly events: readonly PartEvent[]; readonly end: bigint | undefined }
/**
 * Events of some topics, and of some parts of the keys or of all (whose part nobody needs then: it stands as -1), between two positions. The log is
 * walked in its order by a query of its own inside: a plan that has to guess how many rows a range, a topic or a part has (as a generic one does, or one
 * of a partition too new for statistics) reads them all and sorts them before it takes the first.
 */
export const eventsOf = async (sql: SqlTag, from: bigint, to: bigint, topics: readonly string[], own: readonly number[] | 'all', parts: number, limit: number):
  Promise<Found> => {
  const rows = unpack(await sql<Packed>`
    select string_agg(case
      when ${own === 'all'}::boolean or abs(hashtext(tenant::text || key)::bigint) % ${parts}::int = any(${own === 'all' ? [] : own}::bigint[])
      then concat_ws(e'\\x1f', encode(int8send(pos) || uuid_send(tenant) || uuid_send(id) || timestamptz_send(at) || int2send(version) ||
        case when ${own === 'all'}::boolean then '' else int2send((abs(hashtext(tenant::text || key)::bigint) % ${parts}::int)::smallint) end, 'hex'),
        trace, topic, key, data)
      else encode(int8send(pos), 'hex') end, e'\\x1f') as all
    from (select * from (select * from events.log where pos > ${from} order by pos limit ${to - from}) l
      where pos <= ${to} and topic = any(${topics}::text[]) limit ${limit}) l`);
  return { events: rows.filter(wanted), end: rows.length < limit ? undefined : rows.at(-1)?.pos };
};

/** What stands behind a position, in order; of a topic that nobody wants only the position leaves the database. */
export const tailAfter = async (sql: SqlTag, pos: bigint, topics: readonly string[], parts: number, limit: number): Promise<TailRow[]> =>
  unpack(await sql<Packed>`
    select string_agg(case when topic = any(${topics}::text[])
      then concat_ws(e'\\x1f', encode(int8send(pos) || uuid_send(tenant) || uuid_send(id) || timestamptz_send(at) || int2send(version) ||
        int2send((abs(hashtext(tenant::text || key)::bigint) % ${parts}::int)::smallint), 'hex'), trace, topic, key, data)
      else encode(int8send(pos), 'hex') end, e'\\x1f') as all
    from (select * from events.log where pos > ${pos} order by pos limit ${limit}) l`);

/** Events of some topics behind a position, how many stand there of all, and the last position; what nobody wants is only counted. */
export const tailEvents = async (sql: SqlTag, pos: bigint, topics: readonly string[], parts: number, limit: number):
  Promise<{ events: readonly PartEvent[]; n: number; high: bigint | undefined }> => {
  const [row] = await sql<Packed & { n: number; high: bigint | null }>`
    select count(*)::int as n, max(pos) as high, string_agg(
      concat_ws(e'\\x1f', encode(int8send(pos) || uuid_send(tenant) || uuid_send(id) || timestamptz_send(at) || int2send(version) ||
        int2send((abs(hashtext(tenant::text || key)::bigint) % ${parts}::int)::smallint), 'hex'), trace, topic, key, data), e'\\x1f')
      filter (where topic = any(${topics}::text[])) as all
    from (select * from events.log where pos > ${pos} order by pos limit ${limit}) l`;
  return { events: unpack(row ? [row] : []).filter(wanted), n: row?.n ?? 0, high: row?.high ?? undefined };
};

/** Topics that stand behind a position, up to another. */
export const topicsBetween = async (sql: SqlTag, from: bigint, to: bigint): Promise<string[]> => (await sql<{ topic: string }>`
  select distinct topic from events.log where pos > ${from} and pos <= ${to}`).map((r) => r.topic);

export const lastPos = async (sql: SqlTag): Promise<bigint> => (await sql<{ pos: bigint }>`select coalesce(max(pos), 0) as pos from events.log`)[0]?.pos ?? 0n;

export const addCursors = (sql: SqlTag, names: readonly string[], parts: number): Promise<unknown[]> => sql`
  insert into events.cursor (subscriber, part) select n, p from unnest(${names}::text[]) n, generate_series(0, ${parts}::int - 1) p on conflict do nothing`;

/** Says that a process is alive, and keeps what it holds. */
export interface HeldCursor { subscriber: string; part: number; pos: bigint }
export const renewLeases = (sql: SqlTag, me: string, until: Date): Promise<HeldCursor[]> => sql<HeldCursor>`
  with alive as (insert into events.relay (id, seen_until) values (${me}, ${until}) on conflict (id) do update set seen_until = excluded.seen_until)
  update events.cursor set lease_until = ${until} where owner = ${me} returning subscriber, part, pos`;

/** How many relays are alive, and the soonest instant at which another's leases run out: it renews them, or they are free from then on. */
export const relaysAlive = async (sql: SqlTag, me: string, now: Date): Promise<{ readonly n: number; readonly next: Date | null }> =>
  (await sql<{ n: number; next: Date | null }>`
    with gone as (delete from events.relay where seen_until < ${now})
    select count(*)::int as n, min(seen_until) filter (where id <> ${me}) as next from events.relay where seen_until >= ${now}`)[0] ?? { n: 1, next: null };

/** Takes cursors that nobody holds, at most so many. */
export const takeCursors = (sql: SqlTag, me: string, names: readonly string[], rooms: readonly number[], now: Date, until: Date): Promise<HeldCursor[]> =>
  sql<HeldCursor>`
  with free as materialized (
    select l.subscriber, l.part from unnest(${names}::text[], ${rooms}::int[]) n (name, room)
    cross join lateral (select subscriber, part from events.cursor where subscriber = n.name and (owner is null or lease_until < ${now}) order by part
      limit n.room for update skip locked) l
  )
  update events.cursor c set owner = ${me}, lease_until = ${until} from free f where c.subscriber = f.subscriber and c.part = f.part
  returning c.subscriber, c.part, c.pos`;

/** Gives cursors back: some, or all with an empty list and the process with them. */
export const giveBack = (sql: SqlTag, me: string, what: readonly { subscriber: string; part: number }[]): Promise<unknown[]> => sql`
  update events.cursor c set owner = null, lease_until = null from unnest(${what.map((w) => w.subscriber)}::text[],
    ${what.map((w) => w.part)}::smallint[]) r (s, p)
  where c.subscriber = r.s and c.part = r.p and c.owner = ${me}`;
export const endRelay = (sql: SqlTag, me: string): Promise<unknown[]> => sql`
  with gone as (delete from events.relay where id = ${me}) update events.cursor set owner = null, lease_until = null where owner = ${me}`;

export const readCursor = async (sql: SqlTag, name: string, part: number): Promise<bigint> =>
  (await sql<{ pos: bigint }>`select pos from events.cursor where subscriber = ${name} and part = ${part}`)[0]?.pos ?? 0n;

export interface Moving { readonly subscriber: string; readonly part: number; readonly from: bigint; readonly to: bigint }
/** Compare-and-set by the holder of the leases; fewer rows than were asked mean that another process has one. */
export const moveCursors = (sql: SqlTag, me: string, c: readonly Moving[]): Promise<unknown[]> => sql`
  update events.cursor c set pos = r.t, failures = 0, error = null
  from unnest(${c.map((x) => x.subscriber)}::text[], ${c.map((x) => x.part)}::smallint[], ${c.map((x) => x.from)}::bigint[], ${c.map((x) => x.to)}::bigint[])
    r (s, p, f, t)
  where c.subscriber = r.s and c.part = r.p and c.pos = r.f and c.owner = ${me} returning c.pos`;
/** The same for one that has a single part. */
export const moveCursor = (sql: SqlTag, name: string, part: number, me: string, from: bigint, to: bigint): Promise<unknown[]> => sql`
  update events.cursor set pos = ${to}, failures = 0, error = null
  where subscriber = ${name} and part = ${part} and pos = ${from} and owner = ${me} returning pos`;

export const noteFailure = async (sql: SqlTag, name: string, part: number, error: string): Promise<number> =>
  (await sql<{ failures: number }>`update events.cursor set failures = failures + 1, error = ${error} where subscriber = ${name} and part = ${part}
    returning failures`)[0]?.failures ?? 0;

/** Sets a subscriber back (or ahead): everything behind that position is delivered again. */
export const replayFrom = (sql: SqlTag, name: string, pos: bigint): Promise<unknown[]> => sql`
  update events.cursor set pos = ${pos}, failures = 0, error = null where subscriber = ${name} returning part`;

/** Sets an event aside: until a person releases it, or until an instant where it waits for what is not to be had yet. */
export const park = (sql: SqlTag, subscriber: string, e: Pick<StoredEvent, 'pos' | 'tenant' | 'key'>, error: string, at: Date, until: Date | null):
  Promise<unknown[]> => sql`
  insert into events.parked (subscriber, pos, tenant, key, error, at, released_at)
  values (${subscriber}, ${e.pos}, ${e.tenant}, ${e.key}, ${error}, ${at}, ${until}) on conflict do nothing`;

/** Keys that are parked; released where the time has come of one of their events. */
export const parkedKeys = (sql: SqlTag, subscriber: string, now: DatabaseTime): Promise<{ tenant: string; key: string; released: boolean; hash: bigint }[]> =>
  sql<{ tenant: string; key: string; released: boolean; hash: bigint }>`
  select tenant, key, coalesce(bool_or(released_at <= ${now}), false) as released, abs(hashtext(tenant::text || key)::bigint) as hash
  from events.parked where subscriber = ${subscriber} group by tenant, key`;

/** Parked events of a key in their order, locked until they had their effect. */
export const lockParked = (sql: SqlTag, subscriber: string, tenant: string, key: string, limit: number): Promise<StoredEvent[]> => sql<StoredEvent>`
  select e.pos, e.tenant, e.topic, e.key, e.id, e.version, e.at, e.trace, e.data
  from events.parked p join events.log e on e.pos = p.pos where p.subscriber = ${subscriber} and p.tenant = ${tenant} and p.key = ${key}
  order by p.pos limit ${limit} for update of p`;
export const unpark = (sql: SqlTag, subscriber: string, positions: readonly bigint[]): Promise<unknown[]> => sql`
  delete from events.parked where subscriber = ${subscriber} and pos = any(${positions}::bigint[]) returning pos`;
export const markReleased = (sql: SqlTag, subscriber: string, tenant: string, key: string, at: Date | null): Promise<{ pos: bigint }[]> => sql<{ pos: bigint }>`
  update events.parked set released_at = ${at} where subscriber = ${subscriber} and tenant = ${tenant} and key = ${key} returning pos`;

/** Transactions that may still show rows at positions already drawn: those that hold the insert lock of the table. */
export const inserters = (sql: SqlTag, table: string): Promise<{ vtx: string }[]> => sql<{ vtx: string }>`
  select distinct virtualtransaction as vtx from pg_locks
  where locktype = 'relation' and mode = 'RowExclusiveLock' and relation = ${table}::regclass
    and database = (select oid from pg_database where datname = current_database())`;

/** A hint may be lost, so its commit does not wait for the disk, nor make writers wait for it. */
export const notify = (sql: SqlTag, channel: string, texts: readonly string[]): Promise<unknown[]> => sql`
  select set_config('synchronous_commit', 'off', true), pg_notify(${channel}, t) from unnest(${texts}::text[]) t`;

/** The only cursor of a subscriber whose effect is outside, for the process that has its lease; undefined while another has it. */
export const openCursor = async (sql: SqlTag, subscriber: string, me: string, now: Date,
  until: Date): Promise<bigint | undefined> => (await sql<{ pos: bigint }>`
  insert into events.cursor (subscriber, part, owner, lease_until) values (${subscriber}, 0, ${me}, ${until})
  on conflict (subscriber, part) do update set owner = ${me}, lease_until = ${until}
  where cursor.owner = ${me} or cursor.owner is null or cursor.lease_until < ${now} returning pos`)[0]?.pos;

export const eventsAfter = (sql: SqlTag, after: bigint, limit: number): Promise<StoredEvent[]> => sql<StoredEvent>`
  select pos, tenant, topic, key, id, version, at, trace, data
  from events.log where pos > ${after} order by pos limit ${limit}`;

export const serverVersion = async (sql: SqlTag): Promise<string> =>
  (await sql<{ v: string }>`select current_setting('server_version') as v`)[0]?.v ?? '';

export const makePartitions = async (sql: SqlTag, size: number, ahead: number): Promise<number> =>
  (await sql<{ n: number }>`select events.make_partitions(${size}::bigint, ${ahead}::int) as n`)[0]?.n ?? 0;
/** Drops partitions that are old and that every subscriber has read. */
export const dropPartitions = async (sql: SqlTag, before: Date): Promise<number> => (await sql<{ n: number }>`
  select events.drop_partitions(${before}, least((select coalesce(min(pos), 0) from events.cursor), (select coalesce(min(pos), 9223372036854775807)
    from events.parked))) as n`)[0]?.n ?? 0;

export interface SubscriberRow { subscriber: string; part: number; pos: bigint; held: boolean; failures: number; error: string | null }
export const cursors = (sql: SqlTag, now: Date): Promise<SubscriberRow[]> => sql<SubscriberRow>`
  select subscriber, part, pos, owner is not null and lease_until >= ${now} as held, failures, error from events.cursor order by subscriber, part`;

export interface ParkedRow { subscriber: string; key: string; events: number; first: bigint; topic: string; error: string; at: Date; released: boolean }
export const parkedOf = (sql: SqlTag, tenant: string): Promise<ParkedRow[]> => sql<ParkedRow>`
  select p.subscriber, p.key, count(*)::int as events, min(p.pos) as first, (array_agg(coalesce(e.topic, '') order by p.pos))[1] as topic,
    (array_agg(p.error order by p.pos))[1] as error, min(p.at) as at, bool_or(p.released_at is not null) as released
  from events.parked p left join events.log e on e.pos = p.pos where p.tenant = ${tenant} group by p.subscriber, p.key order by min(p.pos)`;

/** Newest first, of a key, a topic or a trace, looking through so many positions. */
export const browse = (sql: SqlTag, tenant: string, f: { key: string | null; topic: string | null; trace: string | null }, before: bigint, from: bigint,
  limit: number): Promise<StoredEvent[]> => sql<StoredEvent>`
  select pos, tenant, topic, key, id, version, at, trace, data
  from events.log where pos < ${before} and pos >= ${from} and tenant = ${tenant} and (${f.key}::text is null or key = ${f.key})
    and (${f.topic}::text is null or topic = ${f.topic}) and (${f.trace}::text is null or trace = ${f.trace})
  order by pos desc limit ${limit}`;
export const timeAt = async (sql: SqlTag, pos: bigint): Promise<Date | null> =>
  (await sql<{ at: Date }>`select at from events.log where pos >= ${pos} order by pos limit 1`)[0]?.at ?? null;

/** True the first time that a message of a source is taken; in the commit of its effect. */
export const takeMessages = (sql: SqlTag, tenant: string, source: string, messages: readonly string[], at: Date): Promise<{ message: string }[]> =>
  sql<{ message: string }>`
  insert into events.inbox (tenant, source, message, at) select ${tenant}, ${source}, m, ${at} from unnest(${messages}::text[]) m
  on conflict do nothing returning message`;
