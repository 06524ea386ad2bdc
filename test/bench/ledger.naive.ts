/**
 * The baseline of the ledger bench: what a good team writes first, and it is frozen. A pool of 32 connections over TCP (ours too), named prepared
 * statements, READ COMMITTED, row-level security as in the program, one transaction a transfer, each statement awaited: BEGIN, SET,
 * key claim, lock two accounts (in order, so that it cannot deadlock), two entries, two updates, event, audit row, answer, COMMIT. It
 * is fair: the same rows for key, event and fact as ours, the same guard and the same refusals; it has fewer indexes than ours and no
 * holds, seals or hashes to keep.
 */
import pg from 'pg';
import { systemRandom, uuidv7, type Uuid } from '#kernel';
import { connectAs, roleName, type CellConnection } from '../../src/apps/migrate.ts';

const POOL = 32;

export const NAIVE_TABLES = (cell: CellConnection): string => `
  create schema naive;
  create table naive.account (tenant uuid not null, id uuid primary key, balance bigint not null, floor boolean not null, check (not floor or balance >= 0));
  create table naive.entry (tenant uuid not null, id uuid primary key, transfer uuid not null, account uuid not null, amount bigint not null, balance bigint not null,
    at timestamptz not null);
  create index on naive.entry (account, id);
  create table naive.answer (tenant uuid not null, scope bytea not null, body_hash bytea not null, answer text, at timestamptz not null, primary key (tenant, scope));
  create table naive.event (pos bigint generated always as identity primary key, tenant uuid not null, topic text not null, key text not null, id uuid not null,
    at timestamptz not null, trace text not null, data text not null);
  create table naive.fact (seq bigint generated always as identity primary key, id uuid not null, tenant uuid not null, at timestamptz not null, actor_kind text not null,
    action text not null, result text not null, resource text, trace text not null, detail text);
  ${['account', 'entry', 'answer', 'event', 'fact'].map((t) => `alter table naive.${t} enable row level security;
    create policy tenant on naive.${t} using (tenant = (select nullif(current_setting('app.tenant', true), '')::uuid));`).join('\n')}
  grant usage on schema naive to "${roleName(cell, 'app')}";
  grant select, insert, update on all tables in schema naive to "${roleName(cell, 'app')}";`;

export interface Movement { readonly from: Uuid; readonly to: Uuid; readonly amount: bigint; readonly scope: Buffer; readonly bodyHash: Buffer; readonly trace: string }

export class Short extends Error {}

/** Moves an amount within the caller's transaction; resolves to the transfer's id. Throws Short. */
export async function move(client: pg.PoolClient, tenant: Uuid, m: Movement, now: Date): Promise<Uuid> {
  const run = (name: string, text: string, values: unknown[]): Promise<pg.QueryResult> => client.query({ name, text, values });
  const ids = [m.from, m.to].toSorted();
  const balances = new Map<string, bigint>();
  for (const id of ids) {
    const { rows } = await run('lock', 'select balance, floor from naive.account where id = $1 for update', [id]);
    balances.set(id, BigInt((rows[0] as { balance: string }).balance));
    if (id === m.from && (rows[0] as { floor: boolean }).floor && (balances.get(id) as bigint) < m.amount) throw new Short();
  }
  const transfer = uuidv7(now, systemRandom);
  for (const [id, amount] of [[m.from, -m.amount], [m.to, m.amount]] as const) {
    const balance = (balances.get(id) as bigint) + amount;
    await run('entry', 'insert into naive.entry (tenant, id, transfer, account, amount, balance, at) values ($1, $2, $3, $4, $5, $6, $7)',
      [tenant, uuidv7(now, systemRandom), transfer, id, amount.toString(), balance.toString(), now]);
    await run('update', 'update naive.account set balance = $2 where id = $1', [id, balance.toString()]);
  }
  await run('event', 'insert into naive.event (tenant, topic, key, id, at, trace, data) values ($1, $2, $3, $4, $5, $6, $7)', [tenant, 'transferred', transfer,
    uuidv7(now, systemRandom), now, m.trace, JSON.stringify({ id: transfer, debit: m.from, credit: m.to, amount: m.amount.toString(), currency: 'INR' })]);
  return transfer;
}

export function naivePool(cell: CellConnection): pg.Pool {
  return new pg.Pool({ ...connectAs(cell, 'app'), max: POOL });
}

/** One request: linked movements are all done or none. Resolves to what is answered. */
export async function naivePost(pool: pg.Pool, tenant: Uuid, movements: readonly Movement[], now: Date): Promise<string> {
  const client = await pool.connect();
  const first = movements[0] as Movement;
  const run = (name: string, text: string, values: unknown[]): Promise<pg.QueryResult> => client.query({ name, text, values });
  try {
    await client.query('begin');
    await run('tenant', "select set_config('app.tenant', $1, true)", [tenant]);
    const claim = await run('claim', 'insert into naive.answer (tenant, scope, body_hash, at) values ($1, $2, $3, $4) on conflict do nothing',
      [tenant, first.scope, first.bodyHash, now]);
    if (!claim.rowCount) throw new Error('the key was used');
    let result = 'done';
    if (movements.length > 1) await client.query('savepoint linked');
    try {
      for (const m of movements) await move(client, tenant, m, now);
    } catch (error) {
      if (!(error instanceof Short)) throw error;
      if (movements.length > 1) await client.query('rollback to savepoint linked');
      result = 'refused';
    }
    await run('fact', 'insert into naive.fact (id, tenant, at, actor_kind, action, result, resource, trace, detail) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      [uuidv7(now, systemRandom), tenant, now, 'system:bench', 'posted', result, null, first.trace, JSON.stringify({ n: movements.length })]);
    await run('answer', 'update naive.answer set answer = $3 where tenant = $1 and scope = $2', [tenant, first.scope, JSON.stringify({ result, amount: first.amount.toString() })]);
    await client.query('commit');
    return result;
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}
