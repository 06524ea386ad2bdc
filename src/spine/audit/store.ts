import { inserter, type SqlTag } from '#kernel';
import type { StoredFact } from './contract.ts';

export interface NewFacts {
  id: string[]; actorKind: string[]; actor: (string | null)[]; session: (string | null)[]; action: string[]; result: string[]; subject: (string | null)[];
  resource: (string | null)[]; problem: (string | null)[]; trace: string[]; latencyUs: (number | null)[]; detail: (string | null)[]; origin: (string | null)[];
}

const insertRows = inserter('audit.fact', {
  id: 'uuid', tenant: 'uuid', at: 'timestamptz', actor_kind: 'text', actor: 'uuid', session: 'uuid', action: 'text', result: 'text', subject: 'uuid',
  resource: 'text', problem: 'text', trace: 'text', latency_us: 'int', detail: 'json', origin: 'text',
});
export const insertFacts = (sql: SqlTag, tenant: string, at: Date, f: NewFacts): Promise<unknown[]> => insertRows(sql, {
  id: f.id, tenant, at, actor_kind: f.actorKind, actor: f.actor, session: f.session, action: f.action, result: f.result, subject: f.subject,
  resource: f.resource, problem: f.problem, trace: f.trace, latency_us: f.latencyUs, detail: f.detail, origin: f.origin,
});

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

export const factsBySeq = (sql: SqlTag, seqs: readonly bigint[]): Promise<StoredFact[]> => sql<StoredFact>`
  select seq, id::text, tenant::text, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as at, actor_kind, actor::text, session::text,
    action, result,
    subject::text, resource, problem, trace, latency_us::text, detail, origin
  from audit.fact where seq = any(${seqs}::bigint[]) order by seq`;

/** True when a fact stands at this number or behind it. */
export const anyFactFrom = async (sql: SqlTag, seq: bigint): Promise<boolean> =>
  (await sql`select 1 from audit.fact where seq >= ${seq} order by seq limit 1`).length > 0;

/** Numbers and ids of the facts between two sequence numbers, the first excluded. */
export const factNumbers = (sql: SqlTag, after: bigint, upTo: bigint): Promise<{ seq: bigint; id: string }[]> => sql<{ seq: bigint; id: string }>`
  select seq, id::text from audit.fact where seq > ${after} and seq <= ${upTo} order by seq`;

/** One sequencer at a time; a second one waits for the first one's commit and then reads its last leaf. */
export const lockChain = (sql: SqlTag): Promise<unknown[]> => sql`select pg_advisory_xact_lock(4858361)`;

/**
 * Gives facts their places behind a leaf, in the order of their numbers: all up to `settled`, or as far as the numbers follow each other
 * without a gap; one row for all, since a row and a link for each cost as much as the leaves. The bytes of a leaf are those of
 * `canonicalRow`, which verification computes apart. Answers how many were placed and the highest number seen.
 */
export const placeLeaves = async (
  sql: SqlTag, last: { pos: bigint; seq: bigint; link: Buffer }, settled: bigint | null, limit: number,
): Promise<{ placed: bigint; high: bigint | null }> => (await sql<{ placed: bigint; high: bigint | null }>`
  with seen as materialized (
    select seq, id, row_number() over (order by seq) as n, sha256(decode('00', 'hex') || record_send(row(seq, id, tenant, at, actor_kind, actor,
      session, action, result, subject, resource, problem, trace, latency_us, detail, origin))) as leaf
    from (select * from audit.fact where seq > ${last.seq}::bigint and (${settled}::bigint is null or seq <= ${settled}::bigint) order by seq limit ${limit}) f
  ), step as (
    select count(*)::int as n, array_agg(seq order by seq) as seqs, array_agg(id order by seq) as ids, string_agg(leaf, ''::bytea order by seq) as leaves
    from seen where ${settled}::bigint is not null or seq = ${last.seq}::bigint + n
  ), placed as (
    insert into audit.leaf (pos, fact_seq, fact_id, leaf_hash, chain_hash, form, seqs, ids, leaves)
    select ${last.pos}::bigint + n, seqs[n], ids[n], substr(leaves, 32 * n - 31), sha256(${last.link}::bytea || leaves), 2,
      case when n > 1 then seqs[:n - 1] end, case when n > 1 then ids[:n - 1] end, case when n > 1 then substr(leaves, 1, 32 * n - 32) end
    from step where n > 0
  )
  select (select n from step)::bigint as placed, (select max(seq) from seen) as high`)[0] as { placed: bigint; high: bigint | null };

/** Facts about a person, newest first. */
export const factsAbout = (sql: SqlTag, subject: string, before: bigint, limit: number): Promise<{ seq: bigint; at: Date; action: string; result: string;
  actor_kind: string; resource: string | null }[]> =>
  sql<{ seq: bigint; at: Date; action: string; result: string; actor_kind: string; resource: string | null }>`
  select seq, at, action, result, actor_kind, resource from audit.fact where subject = ${subject} and seq < ${before} order by seq desc limit ${limit}`;

/** Marks a spool file as replayed; no row means that it was before. */
export const noteSpool = (sql: SqlTag, tenant: string, file: string, facts: number, now: Date): Promise<unknown[]> => sql`
  insert into audit.spool (tenant, file, facts, at) values (${tenant}, ${file}, ${facts}, ${now}) on conflict do nothing returning 1`;

/** Facts of one action in the order of their numbers. */
export const factsOfAction = (sql: SqlTag, action: string, after: bigint, limit: number): Promise<{ seq: bigint; id: string; resource: string | null;
  detail: string | null }[]> =>
  sql<{ seq: bigint; id: string; resource: string | null; detail: string | null }>`
  select seq, id::text, resource, detail from audit.fact where action = ${action} and seq > ${after} order by seq limit ${limit}`;

/** Facts of one request: what bears its trace between two instants. */
export const factsBetween = (sql: SqlTag, trace: string, from: Date, to: Date): Promise<{ seq: bigint; id: string; at: Date; action: string; result: string;
  actor_kind: string; actor: string | null; subject: string | null; resource: string | null; problem: string | null; latency_us: number | null }[]> =>
  sql<{ seq: bigint; id: string; at: Date; action: string; result: string; actor_kind: string; actor: string | null; subject: string | null;
    resource: string | null; problem: string | null; latency_us: number | null }>`
  select seq, id, at, action, result, actor_kind, actor, subject, resource, problem, latency_us
  from audit.fact where at >= ${from} and at <= ${to} and trace = ${trace} order by seq`;

export interface FoundRow { seq: bigint; id: string; at: Date; actor_kind: string; actor: string | null; session: string | null; action: string; result: string;
  subject: string | null; resource: string | null; problem: string | null; trace: string; latency_us: number | null; detail: string | null; matches: boolean;
  /** Read only where it may be opened. */ origin?: string | null }
export interface Sought { readonly before: bigint; readonly actor: string | null; readonly action: string | null; readonly result: string | null;
  readonly trace: string | null; readonly resource: string | null; readonly from: Date | null; readonly to: Date | null }

/**
 * The newest facts before a place that fit, at most `limit`, and the last fact looked at: a search for what is rare ends after `looked`
 * facts, and its answer says where.
 */
export const searchFacts = (sql: SqlTag, s: Sought, looked: number, limit: number): Promise<FoundRow[]> => sql<FoundRow>`
  with seen as materialized (
    select f.*, coalesce((${s.actor}::uuid is null or actor = ${s.actor}::uuid) and (${s.action}::text is null or action = ${s.action}::text)
      and (${s.result}::text is null or result = ${s.result}::text) and (${s.trace}::text is null or trace = ${s.trace}::text)
      and (${s.resource}::text is null or resource = ${s.resource}::text)
      and (${s.to}::timestamptz is null or at <= ${s.to}::timestamptz), false) as matches
    from audit.fact f where seq < ${s.before}::bigint and (${s.from}::timestamptz is null or at >= ${s.from}::timestamptz) order by seq desc limit ${looked}
  )
  select seq, id, at, actor_kind, actor, session, action,
    result, subject, resource, problem, trace, latency_us, detail, matches
  from ((select * from seen where matches order by seq desc limit ${limit}) union all (select * from seen where not matches order by seq limit 1)) r
  order by seq desc`;

/** The same for what is about one person, by its index. */
export const searchAbout = (sql: SqlTag, tenant: string, subject: string, s: Sought, looked: number, limit: number): Promise<FoundRow[]> => sql<FoundRow>`
  with seen as materialized (
    select f.*, coalesce((${s.actor}::uuid is null or actor = ${s.actor}::uuid) and (${s.action}::text is null or action = ${s.action}::text)
      and (${s.result}::text is null or result = ${s.result}::text) and (${s.trace}::text is null or trace = ${s.trace}::text)
      and (${s.resource}::text is null or resource = ${s.resource}::text)
      and (${s.from}::timestamptz is null or at >= ${s.from}::timestamptz) and (${s.to}::timestamptz is null or at <= ${s.to}::timestamptz), false) as matches
    from audit.fact f where tenant = ${tenant} and subject = ${subject}::uuid and seq < ${s.before}::bigint order by seq desc limit ${looked}
  )
  select seq, id, at, actor_kind, actor, session, action,
    result, subject, resource, problem, trace, latency_us, detail, origin, matches
  from ((select * from seen where matches order by seq desc limit ${limit}) union all (select * from seen where not matches order by seq limit 1)) r
  order by seq desc`;

/** Facts of one action that were done between two instants, newest first, before a place in that order. */
export const factsBack = (sql: SqlTag, action: string, from: Date, before: { readonly at: Date; readonly seq: bigint }, limit: number):
  Promise<{ seq: bigint; at: Date; resource: string | null; detail: string | null }[]> =>
  sql<{ seq: bigint; at: Date; resource: string | null; detail: string | null }>`
  select seq, at, resource, detail from audit.fact
  where at >= ${from} and at <= ${before.at} and (at, seq) < (${before.at}::timestamptz, ${before.seq}::bigint) and action = ${action} and result = 'done'
  order by at desc, seq desc limit ${limit}`;
