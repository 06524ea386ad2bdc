import { inserter, type SqlTag } from '#kernel';
import { SHEET_NUMBERS, type StoredFact, type StoredLine } from './contract.ts';

/** A fact as it is written, in the order of its columns. */
export type NewFact = readonly [id: string, actorKind: string, actor: string | null, session: string | null, action: string, result: string,
  subject: string | null, resource: string | null, problem: string | null, trace: string, latencyUs: number | null,
  detail: string | null, origin: string | null];

const insertRows = inserter('audit.fact', {
  id: 'uuid', tenant: 'uuid', at: 'timestamptz', actor_kind: 'text', actor: 'uuid', session: 'uuid', action: 'text', result: 'text', subject: 'uuid',
  resource: 'text', problem: 'text', trace: 'text', latency_us: 'int', detail: 'json', origin: 'text',
});
export const insertFacts = (sql: SqlTag, tenant: string, at: Date, facts: readonly NewFact[]): Promise<unknown[]> => insertRows(sql, {
  id: facts.map((f) => f[0]), tenant, at, actor_kind: facts.map((f) => f[1]), actor: facts.map((f) => f[2]), session: facts.map((f) => f[3]),
  action: facts.map((f) => f[4]), result: facts.map((f) => f[5]), subject: facts.map((f) => f[6]), resource: facts.map((f) => f[7]),
  problem: facts.map((f) => f[8]), trace: facts.map((f) => f[9]), latency_us: facts.map((f) => f[10]), detail: facts.map((f) => f[11]),
  origin: facts.map((f) => f[12]),
});

/** Ends of a field and of a fact in a sheet, as `audit.unpack` looks for them. */
const FIELD = '\x1f', LINE = '\n';
/** Facts of one transaction in one row. None of their fields may be an empty text or hold a control character. */
export const insertSheet = (sql: SqlTag, tenant: string, at: Date, facts: readonly NewFact[]): Promise<unknown[]> => {
  const subjects = new Set<string>();
  for (const f of facts) if (f[6] !== null) subjects.add(f[6]);
  return sql`
  insert into audit.sheet (tenant, at, n, subjects, facts)
  values (${tenant}, ${at}, ${facts.length}, ${[...subjects]}::uuid[], ${facts.map((f) => f.join(FIELD)).join(LINE)})`;
};

/** What one step of the sequencer wrote: its last fact's place, number, id and leaf; those of the facts before it, if any; their link. */
export interface LeafRow { pos: bigint; fact_seq: bigint; fact_id: string; leaf_hash: Buffer; chain_hash: Buffer; form: number;
  seqs: string | null; ids: string | null; leaves: Buffer | null }

export const lastLeaf = async (sql: SqlTag): Promise<Pick<LeafRow, 'pos' | 'fact_seq' | 'fact_id' | 'chain_hash'> | undefined> =>
  (await sql<LeafRow>`select pos, fact_seq, fact_id::text, chain_hash from audit.leaf order by pos desc limit 1`)[0];

/** Rows behind a place, to `places` further, and one at least if there is any. */
export const leavesAfter = (sql: SqlTag, after: bigint, places: number): Promise<LeafRow[]> => sql<LeafRow>`
  select pos, fact_seq, fact_id::text, leaf_hash, chain_hash, form, array_to_string(seqs, ',') as seqs, array_to_string(ids, ',') as ids,
    leaves from audit.leaf where pos > ${after}::bigint
    and pos <= greatest(${after}::bigint + ${places}::bigint, (select min(pos) from audit.leaf where pos > ${after}::bigint)) order by pos`;

/** The first row that ends at a place or behind it. */
export const rowFrom = async (sql: SqlTag, pos: bigint): Promise<Pick<LeafRow, 'pos' | 'fact_id' | 'chain_hash'> | undefined> =>
  (await sql<LeafRow>`select pos, fact_id::text, chain_hash from audit.leaf where pos >= ${pos} order by pos limit 1`)[0];

/** Facts in rows of their own. */
export const factsBySeq = (sql: SqlTag, seqs: readonly bigint[]): Promise<StoredFact[]> => sql<StoredFact>`
  select seq, id::text, tenant::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor_kind, actor::text, session::text,
    action, result,
    subject::text, resource, problem, trace, latency_us::text, detail, origin
  from audit.fact where seq = any(${seqs}::bigint[]) order by seq`;

/** A sheet that begins behind this may hold a number behind another. */
const sheetsFrom = (seq: bigint): bigint => (seq < SHEET_NUMBERS_LEAST ? seq : seq - BigInt(SHEET_NUMBERS));
const SHEET_NUMBERS_LEAST = BigInt(SHEET_NUMBERS) - 2n ** 63n;

/** The lines of sheets with numbers between two, the first excluded; nothing of a line is read as what it ought to be. */
export const linesBetween = (sql: SqlTag, after: bigint, upTo: bigint): Promise<StoredLine[]> => sql<StoredLine>`
  select s.seq + i - 1 as seq, split_part(line, e'\\x1f', 1) as id, s.tenant::text,
    to_char(s.at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, line
  from (select * from audit.sheet where seq > ${sheetsFrom(after)} and seq <= ${upTo}) s
  cross join lateral string_to_table(s.facts, e'\\n') with ordinality l (line, i)
  where s.seq + i - 1 > ${after} and s.seq + i - 1 <= ${upTo} order by 1`;

/** Of sheets that begin between two numbers, the first excluded, those that do not count their facts, or name whom they are about, as they are. */
export const falseSheets = (sql: SqlTag, after: bigint, upTo: bigint): Promise<{ seq: bigint }[]> => sql<{ seq: bigint }>`
  select s.seq from audit.sheet s cross join lateral (
    select count(*) as n, coalesce(string_agg(distinct split_part(line, e'\\x1f', 7), ',' order by split_part(line, e'\\x1f', 7))
      filter (where split_part(line, e'\\x1f', 7) <> ''), '') as subjects
    from string_to_table(s.facts, e'\\n') line) l
  where s.seq > ${after} and s.seq <= ${upTo} and (s.n <> l.n or l.subjects <> coalesce(
    (select string_agg(distinct replace(x::text, '-', ''), ',' order by replace(x::text, '-', '')) from unnest(s.subjects) x), '')) order by s.seq`;

/** True when a fact stands at this number or behind it. */
export const anyFactFrom = async (sql: SqlTag, seq: bigint): Promise<boolean> => (await sql`
  (select 1 from audit.fact where seq >= ${seq} order by seq limit 1) union all
  (select 1 from audit.sheet where seq > ${sheetsFrom(seq)} and seq + n > ${seq} order by seq limit 1)`).length > 0;

/** Numbers and ids of the facts in rows of their own between two numbers, the first excluded. */
export const factNumbers = (sql: SqlTag, after: bigint, upTo: bigint): Promise<{ seq: bigint; id: string }[]> => sql<{ seq: bigint; id: string }>`
  select seq, id::text from audit.fact where seq > ${after} and seq <= ${upTo} order by seq`;

/** One sequencer at a time; a second one waits for the first one's commit and then reads its last leaf. */
export const lockChain = (sql: SqlTag): Promise<unknown[]> => sql`select pg_advisory_xact_lock(4858361)`;

/**
 * Gives facts their places behind a leaf, in the order of their numbers: of all rows up to `settled`, or as far as the rows' numbers follow each
 * other without a gap; one row for all, since a row and a link for each cost as much as the leaves. Of rows of one kind no more are looked at than
 * bring `limit` facts, and then none of the other kind behind them. The bytes of a leaf are those of `leafHash`, which verification computes apart.
 * Answers how many were placed and the highest row's number that was seen.
 */
export const placeLeaves = async (
  sql: SqlTag, last: { pos: bigint; seq: bigint; link: Buffer }, settled: bigint | null, limit: number,
): Promise<{ placed: bigint; high: bigint | null }> => (await sql<{ placed: bigint; high: bigint | null }>`
  with fact as materialized (
    select seq, id, sha256(decode('00', 'hex') || record_send(row(seq, id, tenant, at, actor_kind, actor,
      session, action, result, subject, resource, problem, trace, latency_us, detail, origin))) as leaf
    from (select * from audit.fact where seq > ${last.seq}::bigint and (${settled}::bigint is null or seq <= ${settled}::bigint) order by seq limit ${limit}) f
  ), sheet as materialized (
    select * from (select *, sum(n) over (order by seq) - n as before from (
      select * from audit.sheet where seq > ${last.seq}::bigint and (${settled}::bigint is null or seq <= ${settled}::bigint) order by seq limit ${limit}) s) s
    where before < ${limit}
  ), seen as materialized (
    select seq as row, seq, id, leaf from fact union all
    select s.seq, s.seq + i - 1, split_part(line, e'\\x1f', 1)::uuid,
      sha256(decode('00', 'hex') || int8send(s.seq + i - 1) || uuid_send(s.tenant) || timestamptz_send(s.at) || convert_to(line, 'UTF8'))
    from sheet s cross join lateral string_to_table(s.facts, e'\\n') with ordinality l (line, i)
  ), ranked as (
    select *, dense_rank() over (order by row) as nth from seen where row <= all (
      select max(seq) from fact having count(*) >= ${limit} union all select max(seq) from sheet having sum(n) >= ${limit})
  ), step as (
    select count(*)::int as n, array_agg(seq order by seq) as seqs, array_agg(id order by seq) as ids, string_agg(leaf, ''::bytea order by seq) as leaves
    from ranked where ${settled}::bigint is not null or row = (${last.seq}::bigint / ${SHEET_NUMBERS} + nth) * ${SHEET_NUMBERS}
  ), placed as (
    insert into audit.leaf (pos, fact_seq, fact_id, leaf_hash, chain_hash, form, seqs, ids, leaves)
    select ${last.pos}::bigint + n, seqs[n], ids[n], substr(leaves, 32 * n - 31), sha256(${last.link}::bytea || leaves), 3,
      case when n > 1 then seqs[:n - 1] end, case when n > 1 then ids[:n - 1] end, case when n > 1 then substr(leaves, 1, 32 * n - 32) end
    from step where n > 0
  )
  select (select n from step)::bigint as placed, (select max(row) from seen) as high`)[0] as { placed: bigint; high: bigint | null };

/** Marks a spool file as replayed; no row means that it was before. */
export const noteSpool = (sql: SqlTag, tenant: string, file: string, facts: number, now: Date): Promise<unknown[]> => sql`
  insert into audit.spool (tenant, file, facts, at) values (${tenant}, ${file}, ${facts}, ${now}) on conflict do nothing returning 1`;

/** Facts of one action in the order of their numbers. Sheets are taken apart one after another, as far as the limit needs. */
export const factsOfAction = (sql: SqlTag, action: string, after: bigint, limit: number): Promise<{ seq: bigint; id: string; resource: string | null;
  detail: string | null }[]> =>
  sql<{ seq: bigint; id: string; resource: string | null; detail: string | null }>`
  (select seq, id::text, resource, detail from audit.fact where action = ${action} and seq > ${after} order by seq limit ${limit})
  union all
  (select u.seq, u.id::text, u.resource, u.detail
    from (select * from audit.sheet where seq > ${sheetsFrom(after)} and strpos(facts, ${action}) > 0 order by seq) s
    cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u where u.action = ${action} and u.seq > ${after} limit ${limit})
  order by seq limit ${limit}`;

/** Facts of one request: what bears its trace between two instants. */
export const factsBetween = (sql: SqlTag, trace: string, from: Date, to: Date): Promise<{ seq: bigint; id: string; at: Date; action: string; result: string;
  actor_kind: string; actor: string | null; subject: string | null; resource: string | null; problem: string | null; latency_us: number | null }[]> =>
  sql<{ seq: bigint; id: string; at: Date; action: string; result: string; actor_kind: string; actor: string | null; subject: string | null;
    resource: string | null; problem: string | null; latency_us: number | null }>`
  select seq, id, at, action, result, actor_kind, actor, subject, resource, problem, latency_us from (
    select * from audit.fact where at >= ${from} and at <= ${to} and trace = ${trace} union all
    select u.* from (select * from audit.sheet where at >= ${from} and at <= ${to} and strpos(facts, ${trace}) > 0) s
      cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u where u.trace = ${trace}) f
  order by seq`;

export interface FoundRow { seq: bigint; id: string; at: Date; actor_kind: string; actor: string | null; session: string | null; action: string; result: string;
  subject: string | null; resource: string | null; problem: string | null; trace: string; latency_us: number | null; detail: string | null; matches: boolean;
  /** Read only where it may be opened. */ origin?: string | null }
export interface Sought { readonly before: bigint; readonly actor: string | null; readonly action: string | null; readonly result: string | null;
  readonly trace: string | null; readonly resource: string | null; readonly from: Date | null; readonly to: Date | null }

/**
 * The newest facts before a place that fit, at most `limit`, and the last fact looked at: a search for what is rare ends after `looked`
 * facts, and its answer says where. Of sheets no more are taken apart than bring so many.
 */
export const searchFacts = (sql: SqlTag, s: Sought, looked: number, limit: number): Promise<FoundRow[]> => sql<FoundRow>`
  with seen as materialized (
    select f.*, coalesce((${s.actor}::uuid is null or actor = ${s.actor}::uuid) and (${s.action}::text is null or action = ${s.action}::text)
      and (${s.result}::text is null or result = ${s.result}::text) and (${s.trace}::text is null or trace = ${s.trace}::text)
      and (${s.resource}::text is null or resource = ${s.resource}::text)
      and (${s.to}::timestamptz is null or at <= ${s.to}::timestamptz), false) as matches
    from (
      (select * from audit.fact where seq < ${s.before}::bigint and (${s.from}::timestamptz is null or at >= ${s.from}::timestamptz)
        order by seq desc limit ${looked})
      union all
      select u.* from (select *, sum(least(n, ${s.before}::bigint - seq)) over (order by seq desc) - least(n, ${s.before}::bigint - seq) as newer from (
        select * from audit.sheet where seq < ${s.before}::bigint and (${s.from}::timestamptz is null or at >= ${s.from}::timestamptz)
        order by seq desc limit ${looked}) s) s
      cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u where s.newer < ${looked} and u.seq < ${s.before}::bigint
    ) f order by seq desc limit ${looked}
  )
  select seq, id, at, actor_kind, actor, session, action,
    result, subject, resource, problem, trace, latency_us, detail, matches
  from ((select * from seen where matches order by seq desc limit ${limit}) union all (select * from seen where not matches order by seq limit 1)) r
  order by seq desc`;

/** The same for what is about one person, by its index; a sheet is taken apart for those of its facts that are. */
export const searchAbout = (sql: SqlTag, tenant: string, subject: string, s: Sought, looked: number, limit: number): Promise<FoundRow[]> => sql<FoundRow>`
  with seen as materialized (
    select f.*, coalesce((${s.actor}::uuid is null or actor = ${s.actor}::uuid) and (${s.action}::text is null or action = ${s.action}::text)
      and (${s.result}::text is null or result = ${s.result}::text) and (${s.trace}::text is null or trace = ${s.trace}::text)
      and (${s.resource}::text is null or resource = ${s.resource}::text)
      and (${s.from}::timestamptz is null or at >= ${s.from}::timestamptz) and (${s.to}::timestamptz is null or at <= ${s.to}::timestamptz), false) as matches
    from (
      (select * from audit.fact where tenant = ${tenant} and subject = ${subject}::uuid and seq < ${s.before}::bigint order by seq desc limit ${looked})
      union all
      (select u.* from (select seq from audit.sheets_about(${subject}::uuid, ${s.before}::bigint) a (seq) order by seq desc limit ${looked}) a
        cross join lateral (select * from audit.sheet s where s.seq = a.seq offset 0) s
        cross join lateral (select * from audit.unpack(s.seq, s.tenant, s.at, s.facts) f where f.subject = ${subject}::uuid and f.seq < ${s.before}::bigint
          order by f.seq desc) u limit ${looked})
    ) f order by seq desc limit ${looked}
  )
  select seq, id, at, actor_kind, actor, session, action,
    result, subject, resource, problem, trace, latency_us, detail, origin, matches
  from ((select * from seen where matches order by seq desc limit ${limit}) union all (select * from seen where not matches order by seq limit 1)) r
  order by seq desc`;

/** Facts of one action that were done between two instants, newest first, before a place in that order. */
export const factsBack = (sql: SqlTag, action: string, from: Date, before: { readonly at: Date; readonly seq: bigint }, limit: number):
  Promise<{ seq: bigint; at: Date; resource: string | null; detail: string | null }[]> =>
  sql<{ seq: bigint; at: Date; resource: string | null; detail: string | null }>`
  select seq, at, resource, detail from (
    select * from audit.fact
    where at >= ${from} and at <= ${before.at} and (at, seq) < (${before.at}::timestamptz, ${before.seq}::bigint) and action = ${action} and result = 'done'
    union all
    select u.* from (select * from audit.sheet where at >= ${from} and at <= ${before.at} and strpos(facts, ${action}) > 0) s
      cross join lateral audit.unpack(s.seq, s.tenant, s.at, s.facts) u
      where (u.at, u.seq) < (${before.at}::timestamptz, ${before.seq}::bigint) and u.action = ${action} and u.result = 'done') f
  order by at desc, seq desc limit ${limit}`;
