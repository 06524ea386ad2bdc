import { inserter, joinedJson, type SqlTag } from '#kernel';
import type { SagaRow, SagaState } from './contract.ts';

export interface NewSagas { id: string[]; key: string[]; input: string[]; trace: string[] }

/** Begins sagas of one kind; a key that is known begins nothing. */
export const insertSagas = (sql: SqlTag, tenant: string, name: string, version: number, at: Date, deadline: Date, n: NewSagas): Promise<{ id: string }[]> =>
  sql<{ id: string }>`
  insert into saga.saga (tenant, id, name, version, key, state, input, next_at, deadline_at, trace, created_at)
  select ${tenant}, i, ${name}, ${version}, k, 'running', n, ${at}, ${deadline}, t, ${at}
  from unnest(${n.id}::uuid[], ${n.key}::text[], string_to_array(${joinedJson(n.input)}, chr(30), ''), ${n.trace}::text[]) r (i, k, n, t)
  on conflict (tenant, name, key) do nothing returning id`;

export const sagasOfKeys = (sql: SqlTag, tenant: string, name: string, keys: readonly string[]): Promise<{ id: string; key: string }[]> =>
  sql<{ id: string; key: string }>`
  select id, key from saga.saga where tenant = ${tenant} and name = ${name} and key = any(${keys}::text[])`;

/** Takes sagas that are due, and those whose worker's lease ran out. */
export const claimSagas = (sql: SqlTag, worker: string, now: Date, until: Date, limit: number): Promise<(SagaRow & { late: boolean })[]> =>
  sql<SagaRow & { late: boolean }>`
  update saga.saga s set next_at = ${until}, worker = ${worker}
  where id = any(array(select id from saga.saga where next_at <= ${now} order by next_at limit ${limit} for update skip locked))
  returning s.id, s.tenant, name, version, key, state, at, moves, input, vals, tries,
    problem, trace, deadline_at, s.next_at, deadline_at <= ${now} as late`;

/** Locks sagas and tells where they stand; whoever comes second finds that they have moved. */
export const lockPlaces = (sql: SqlTag, ids: readonly string[]): Promise<{ id: string; moves: number }[]> => sql<{ id: string; moves: number }>`
  select id, moves from saga.saga where id = any(${ids}::uuid[]) and ended_at is null order by id for update`;

export interface Moved { id: string; state: SagaState; at: number; vals: string; problem: string | null; nextAt: Date | null; endedAt: Date | null }

/** Moves sagas on, whose rows this transaction has locked; their tries begin anew. The lateral has each looked up by its key, with statistics or without. */
export const moveSagas = (sql: SqlTag, m: readonly Moved[]): Promise<unknown[]> => sql`
  update saga.saga s set state = r.st, at = r.a, vals = r.v, problem = coalesce(r.p, s.problem), next_at = r.n, ended_at = r.e, moves = s.moves + 1,
    tries = 0, error = null
  from unnest(${m.map((x) => x.id)}::uuid[], ${m.map((x) => x.state)}::text[], ${m.map((x) => x.at)}::smallint[],
    string_to_array(${joinedJson(m.map((x) => x.vals))}, chr(30), ''), ${m.map((x) => x.problem)}::text[], ${m.map((x) => x.nextAt)}::timestamptz[],
    ${m.map((x) => x.endedAt)}::timestamptz[]) r (i, st, a, v, p, n, e)
  cross join lateral (select ctid from saga.saga k where k.id = r.i offset 0) l
  where s.ctid = l.ctid`;

export interface NewStep { saga: string; no: number; step: string; move: string; result: string; value: string | null; problem: string | null;
  by: string | null; reason: string | null }

const insertStepRows = inserter('saga.step', {
  tenant: 'uuid', saga: 'uuid', no: 'int', step: 'text', move: 'text', result: 'text', value: 'json', problem: 'text', by_operator: 'uuid', reason: 'text',
  at: 'timestamptz',
});
export const insertSteps = (sql: SqlTag, tenant: string, at: Date, s: readonly NewStep[]): Promise<unknown[]> => insertStepRows(sql, {
  tenant, saga: s.map((x) => x.saga), no: s.map((x) => x.no), step: s.map((x) => x.step), move: s.map((x) => x.move), result: s.map((x) => x.result),
  value: s.map((x) => x.value), problem: s.map((x) => x.problem), by_operator: s.map((x) => x.by), reason: s.map((x) => x.reason), at,
});

/** Notes a try that threw, or one that was not made; null moves mean that another worker has it by now. */
export const failSaga = (sql: SqlTag, id: string, moves: number, f: { state: SagaState; tries: number; error: string; nextAt: Date | null }):
  Promise<unknown[]> => sql`
  update saga.saga set state = ${f.state}, tries = ${f.tries}, error = ${f.error}, next_at = ${f.nextAt}
  where id = ${id} and moves = ${moves} and ended_at is null returning id`;

/** Puts a saga aside that this process cannot run: an unknown tenant or version. */
export const putOff = (sql: SqlTag, id: string, worker: string, error: string, nextAt: Date): Promise<unknown[]> => sql`
  update saga.saga set error = ${error}, next_at = ${nextAt} where id = ${id} and worker = ${worker}`;

export type KnownSaga = SagaRow & { error: string | null; created_at: Date; ended_at: Date | null };

export const readSaga = async (sql: SqlTag, id: string): Promise<KnownSaga | undefined> => (await sql<KnownSaga>`
  select id, tenant, name, version, key, state, at, moves, input, vals, tries, trace,
    deadline_at, problem, error, next_at, created_at, ended_at
  from saga.saga where id = ${id}`)[0];

export const lockSaga = async (sql: SqlTag, id: string): Promise<KnownSaga | undefined> => (await sql<KnownSaga>`
  select id, tenant, name, version, key, state, at, moves, input, vals, tries, trace,
    deadline_at, problem, error, next_at, created_at, ended_at
  from saga.saga where id = ${id} for update`)[0];

export const extendDeadline = (sql: SqlTag, id: string, deadline: Date): Promise<unknown[]> => sql`
  update saga.saga set deadline_at = ${deadline} where id = ${id}`;

const NEWEST = 'ffffffffffffffffffffffffffffffff';

/** Newest first; of one state, or only those that have not ended. */
export const listSagas = (sql: SqlTag, tenant: string, state: string | null, open: boolean, before: string | null, limit: number): Promise<KnownSaga[]> =>
  sql<KnownSaga>`
  select id, tenant, name, version, key, state, at, moves, input, vals, tries, trace,
    deadline_at, problem, error, next_at, created_at, ended_at
  from saga.saga where tenant = ${tenant} and id < ${before ?? NEWEST}::uuid and (${state}::text is null or state = ${state})
    and (not ${open} or ended_at is null)
  order by id desc limit ${limit}`;

export interface KnownStep { no: number; step: string; move: 'do' | 'undo'; result: string; problem: string | null; by_operator: string | null;
  reason: string | null; at: Date }
export const listSteps = (sql: SqlTag, saga: string): Promise<KnownStep[]> => sql<KnownStep>`
  select no, step, move, result, problem, by_operator, reason, at from saga.step
  where saga = ${saga} order by no`;

export const lastResult = async (sql: SqlTag, saga: string): Promise<string | undefined> => (await sql<{ result: string }>`
  select result from saga.step where saga = ${saga} order by no desc limit 1`)[0]?.result;

/** Forgets sagas that ended long ago; their ids tell when they began. */
export const forgetSagas = (sql: SqlTag, tenant: string, before: Date, limit: number): Promise<unknown[]> => sql`
  with old as materialized (
    select id from saga.saga where tenant = ${tenant} and id < ${`${before.getTime().toString(16).padStart(12, '0')}${'0'.repeat(20)}`}::uuid
      and ended_at <= ${before} order by id limit ${limit}
  ), steps as (delete from saga.step where saga = any(array(select id from old)))
  delete from saga.saga where id = any(array(select id from old)) returning id`;
