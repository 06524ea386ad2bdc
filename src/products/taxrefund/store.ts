import { inserter, joinedJson, sentInt, sentMs, type SqlTag, type Uuid } from '#kernel';
import type { QuarantineReason } from './contract.ts';

export interface RefundRow {
  id: string;
  person: string;
  year: number;
  return_no: number;
  version: number;
  events: number;
  projection: string;
  account: string | null;
}

export interface ReturnKey { readonly person: Uuid; readonly year: number; readonly returnNo: number }

/** A return as the feed needs it: what it is to show is computed anew. */
export type LockedRefund = Omit<RefundRow, 'projection'>;

/** Locks returns that were made before, in the order given, which is that of the index. The lateral has each looked up by its key. */
export const lockRefunds = (sql: SqlTag, tenant: Uuid, r: readonly ReturnKey[]): Promise<LockedRefund[]> => sql<LockedRefund>`
  select l.id, l.person, l.year, l.return_no, l.version, l.events, l.account
  from unnest(${r.map((x) => x.person)}::uuid[], ${r.map((x) => x.year)}::smallint[], ${r.map((x) => x.returnNo)}::smallint[]) u (p, y, n)
  cross join lateral (
    select id, person, year, return_no, version, events, account from taxrefund.refund f
    where f.tenant = ${tenant} and f.person = u.p and f.year = u.y and f.return_no = u.n offset 0 for update) l`;

export interface EventRow {
  refund: string; source: string; source_event_id: string; source_version: number; occurred_at: Date; received_at: Date; code: string; facts: string;
}

/** Between the fields of many events that leave the database as one text: the feed refuses it in its words, and JSON has none. */
const FIELD = '\x1f';
const FIELDS = 5;
/** The first field of an event is what has a width, in hexadecimal: its return's place in what was asked, version, instants. They begin here. */
const HEAD = { place: 0, version: 8, occurred: 16, received: 32 };

/**
 * The events of each of these returns. As one text, since a row and its fields cost both sides more than what they hold. The lateral has each
 * return's looked up by its key, also in a table that nobody has made statistics of yet: in a first season's.
 */
export async function eventsOf(sql: SqlTag, tenant: Uuid, refunds: readonly string[]): Promise<EventRow[][]> {
  const [row] = await sql<{ all: string | null }>`
    select string_agg(concat_ws(e'\\x1f', encode(int4send(u.n::int) || int4send(e.source_version) || timestamptz_send(e.occurred_at)
      || timestamptz_send(e.received_at), 'hex'), e.source, e.source_event_id, e.code, e.facts), e'\\x1f') as all
    from unnest(${refunds}::uuid[]) with ordinality u (r, n) cross join lateral (
      select * from taxrefund.event f where f.tenant = ${tenant} and f.refund = u.r offset 0) e`;
  const fields = row?.all?.split(FIELD) ?? [];
  const events = refunds.map((): EventRow[] => []);
  for (let i = 0; i < fields.length; i += FIELDS) {
    const [head, source, id, code, facts] = fields.slice(i, i + FIELDS) as [string, string, string, string, string];
    const place = sentInt(head, HEAD.place) - 1;
    events[place]?.push({ refund: refunds[place] as string, source, source_event_id: id, source_version: sentInt(head, HEAD.version),
      occurred_at: new Date(sentMs(head, HEAD.occurred)), received_at: new Date(sentMs(head, HEAD.received)), code, facts });
  }
  return events;
}

const insertEventRows = inserter('taxrefund.event', {
  tenant: 'uuid', id: 'uuid', refund: 'uuid', source: 'text', source_event_id: 'text', source_version: 'int', occurred_at: 'timestamptz',
  received_at: 'timestamptz', code: 'text', facts: 'json',
});
export const insertEvents = (sql: SqlTag, tenant: Uuid, e: readonly (EventRow & { id: Uuid })[]): Promise<unknown[]> => insertEventRows(sql, {
  tenant, id: e.map((x) => x.id), refund: e.map((x) => x.refund), source: e.map((x) => x.source), source_event_id: e.map((x) => x.source_event_id),
  source_version: e.map((x) => x.source_version), occurred_at: e.map((x) => x.occurred_at), received_at: e.map((x) => x.received_at),
  code: e.map((x) => x.code), facts: e.map((x) => x.facts),
});

export interface RefundUpdate extends ReturnKey { id: Uuid; version: number; events: number; code: string; phase: string; projection: string;
  account: string | null }

const insertRefundRows = inserter('taxrefund.refund', {
  tenant: 'uuid', id: 'uuid', person: 'uuid', year: 'smallint', return_no: 'smallint', version: 'int', events: 'int', code: 'text', phase: 'text',
  projection: 'json', account: 'text', updated_at: 'timestamptz',
}, '(tenant, person, year, return_no) do nothing returning id');
/** Writes returns that did not stand, in the order given, which is that of the index; answers those that nobody else wrote meanwhile. */
export const insertRefunds = (sql: SqlTag, tenant: Uuid, now: Date, r: readonly RefundUpdate[]): Promise<unknown[]> => insertRefundRows(sql, {
  tenant, id: r.map((x) => x.id), person: r.map((x) => x.person), year: r.map((x) => x.year), return_no: r.map((x) => x.returnNo),
  version: r.map((x) => x.version), events: r.map((x) => x.events), code: r.map((x) => x.code), phase: r.map((x) => x.phase),
  projection: r.map((x) => x.projection), account: r.map((x) => x.account), updated_at: now,
});

/** Written as an upsert: an update joined to a list may be planned as a walk over the whole table while its statistics are young. */
export const writeRefunds = (sql: SqlTag, tenant: Uuid, now: Date, r: readonly RefundUpdate[]): Promise<unknown[]> => sql`
  insert into taxrefund.refund (tenant, id, person, year, return_no, version, events, code, phase, projection, account, updated_at)
  select ${tenant}, i, pe, y, n, v, e, c, p, pr, a, ${now}
  from unnest(${r.map((x) => x.id)}::uuid[], ${r.map((x) => x.person)}::uuid[], ${r.map((x) => x.year)}::smallint[], ${r.map((x) => x.returnNo)}::smallint[],
    ${r.map((x) => x.version)}::int[], ${r.map((x) => x.events)}::int[], ${r.map((x) => x.code)}::text[],
    ${r.map((x) => x.phase)}::text[],
    string_to_array(${joinedJson(r.map((x) => x.projection))}, chr(30), ''), ${r.map((x) => x.account)}::text[]) u (i, pe, y, n, v, e, c, p, pr, a)
  on conflict (tenant, id) do update set version = excluded.version, events = excluded.events, code = excluded.code, phase = excluded.phase,
    projection = excluded.projection, account = excluded.account, updated_at = excluded.updated_at`;

/** The returns of these people's years, for a whole batch of views. */
export const refundsOf = (sql: SqlTag, tenant: Uuid, persons: readonly string[], years: readonly number[]): Promise<RefundRow[]> => sql<RefundRow>`
  select r.id, r.person, r.year, r.return_no, r.version, r.events, r.projection, r.account
  from unnest(${persons}::uuid[], ${years}::smallint[]) u (p, y)
  cross join lateral (select * from taxrefund.refund f where f.tenant = ${tenant} and f.person = u.p and f.year = u.y offset 0) r`;

export const yearsOf = (
  sql: SqlTag,
  person: Uuid,
): Promise<{ year: number; return_no: number; code: string; phase: string; projection: string; updated_at: Date }[]> =>
  sql<{ year: number; return_no: number; code: string; phase: string; projection: string; updated_at: Date }>`
  select year, return_no, code, phase, projection, updated_at from taxrefund.refund where person = ${person} order by year desc, return_no desc limit 100`;

export interface QuarantineRow { id: Uuid; reason: string; line: string; lineNo: number; feed: string }

export const insertQuarantine = (sql: SqlTag, tenant: Uuid, now: Date, q: readonly QuarantineRow[]): Promise<unknown[]> => sql`
  insert into taxrefund.quarantine (tenant, id, at, reason, line, line_no, feed, state)
  select ${tenant}, i, ${now}, r, l, n, f, 'open'
  from unnest(${q.map((x) => x.id)}::uuid[], ${q.map((x) => x.reason)}::text[], ${q.map((x) => x.line)}::text[], ${q.map((x) => x.lineNo)}::int[],
    ${q.map((x) => x.feed)}::text[])
    u (i, r, l, n, f)`;

export interface Quarantined { id: string; at: Date; reason: string; line: string; line_no: number; feed: string; state: string }

export const listQuarantine = (sql: SqlTag, limit: number): Promise<Quarantined[]> => sql<Quarantined>`
  select id, at, reason, line, line_no, feed,
    state from taxrefund.quarantine where state = 'open' order by at, line_no limit ${limit}`;

export const lockQuarantined = async (sql: SqlTag, id: Uuid): Promise<Quarantined | undefined> => (await sql<Quarantined>`
  select id, at, reason, line, line_no, feed, state from taxrefund.quarantine where id = ${id} for update`)[0];

export const decideQuarantined = (sql: SqlTag, id: Uuid, state: 'replayed' | 'dismissed', now: Date): Promise<unknown[]> => sql`
  update taxrefund.quarantine set state = ${state}, decided_at = ${now} where id = ${id} and state = 'open' returning id`;

/** Event rows by id, for the hash that their audit facts carry. */
export const eventsById = (sql: SqlTag, ids: readonly string[]): Promise<(EventRow & { id: string })[]> => sql<EventRow & { id: string }>`
  select id, refund, source, source_event_id, source_version, occurred_at,
    received_at, code, facts
  from taxrefund.event where id = any(${ids}::uuid[])`;

/** Returns whose count of events is not the number of their rows. */
export const refundCounts = (sql: SqlTag): Promise<{ id: string; events: number; found: bigint }[]> => sql<{ id: string; events: number; found: bigint }>`
  select r.id::text, r.events, count(e.id) as found from taxrefund.refund r left join taxrefund.event e on e.tenant = r.tenant and e.refund = r.id
  group by r.id, r.events having count(e.id) <> r.events limit 10`;

export interface SourceRow { source: string; events: number; last_received: Date; last_occurred: Date; delay_s: number }

/** Sources of the newest events behind an id: ids carry the time of their making, so no index of times is needed. */
export const sourcesSince = (sql: SqlTag, tenant: Uuid, after: Uuid, limit: number): Promise<SourceRow[]> => sql<SourceRow>`
  select source, count(*)::int as events, max(received_at) as last_received, max(occurred_at) as last_occurred,
    greatest(0, percentile_cont(0.9) within group (order by extract(epoch from received_at - occurred_at)))::int as delay_s
  from (select source, received_at, occurred_at from taxrefund.event where tenant = ${tenant} and id > ${after} order by id desc limit ${limit}) e
  group by source order by source`;

export const openByReason = (sql: SqlTag): Promise<{ reason: QuarantineReason; open: number; oldest: Date }[]> =>
  sql<{ reason: QuarantineReason; open: number; oldest: Date }>`
  select reason, count(*)::int as open, min(at) as oldest from taxrefund.quarantine where state = 'open' group by reason order by reason`;

/** Open lines behind one of them, oldest first: ids sort by the time of their making. */
export const quarantineAfter = (sql: SqlTag, after: Uuid, reason: string | null, limit: number): Promise<Quarantined[]> => sql<Quarantined>`
  select id, at, reason, line, line_no, feed, state from taxrefund.quarantine
  where state = 'open' and id > ${after} and (${reason}::text is null or reason = ${reason}::text) order by id limit ${limit}`;
