/**
 * The baseline of the transfer bench: the wallet's route as a good team writes it first, and it is frozen. A pool of 32 connections over TCP (ours
 * too), named prepared statements, one transaction a request, each statement awaited: BEGIN, SET, key claim, both wallets with the payer's tier, what the
 * payer sent today and this month counted and held against the tier's limits, test/bench/ledger.naive.ts's movement (two locks, two entries, two
 * updates, event), payment, audit row, answer, COMMIT. It is fair: the same rows as ours but for one event and what ours seals, the same refusals, fewer
 * indexes; whose session it is stands in a Map, and no address is kept.
 */
import { hash } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import pg from 'pg';
import { z } from 'zod';
import { newTrace, systemClock, systemRandom, uuid, uuidv7, type Uuid } from '#kernel';
import { roleName, type CellConnection } from '../../src/apps/migrate.ts';
import { move, Short } from './ledger.naive.ts';

/** Beside NAIVE_TABLES. */
export const NAIVE_WALLET = (cell: CellConnection): string => `
  create table naive.holder (tenant uuid not null, person uuid primary key, tier smallint not null);
  create table naive.wallet (tenant uuid not null, id uuid primary key, person uuid not null, ledger uuid not null, currency text not null, state text not null);
  create table naive.usage (tenant uuid not null, person uuid not null, currency text not null, day date not null, day_spent bigint not null, day_count int not null,
    month date not null, month_spent bigint not null, primary key (person, currency)) with (fillfactor = 50);
  create table naive.payment (tenant uuid not null, id uuid primary key, payer uuid not null, payee uuid not null, amount bigint not null, currency text not null,
    cause text not null, transfer uuid not null, at timestamptz not null);
  ${['holder', 'wallet', 'usage', 'payment'].map((t) => `alter table naive.${t} enable row level security;
    create policy tenant on naive.${t} using (tenant = (select nullif(current_setting('app.tenant', true), '')::uuid));`).join('\n')}
  grant select, insert, update on all tables in schema naive to "${roleName(cell, 'app')}";
  insert into naive.holder select tenant, person, tier from wallet.holder;
  insert into naive.wallet select tenant, id, person, ledger, currency, state from wallet.account;`;

interface Asked { readonly person: Uuid; readonly key: string; readonly from: Uuid; readonly to: Uuid; readonly amount: bigint; readonly currency: string; readonly body: unknown }
interface Wallet { readonly id: Uuid; readonly person: Uuid; readonly ledger: Uuid; readonly currency: string; readonly state: string; readonly tier: number }
interface Limits { readonly perTransfer: bigint; readonly perDay: bigint; readonly perMonth: bigint; readonly countPerDay: number }
/** By tier. */
const LIMITS: readonly Limits[] = [
  { perTransfer: 500_000n, perDay: 1_000_000n, perMonth: 1_000_000n, countPerDay: 10 },
  { perTransfer: 2_500_000n, perDay: 5_000_000n, perMonth: 10_000_000n, countPerDay: 50 },
  { perTransfer: 20_000_000n, perDay: 50_000_000n, perMonth: 200_000_000n, countPerDay: 200 },
];

class Refused extends Error {
  readonly status: number;
  constructor(status: number) {
    super(String(status));
    this.status = status;
  }
}

type Run = (name: string, text: string, values: unknown[]) => Promise<pg.QueryResult>;

async function bothWallets(run: Run, a: Asked): Promise<[Wallet, Wallet]> {
  const { rows } = await run('wallets', `select w.id, w.person, w.ledger, w.currency, w.state, h.tier from naive.wallet w join naive.holder h on h.person = w.person
    where w.id in ($1, $2)`, [a.from, a.to]);
  const payer = (rows as Wallet[]).find((w) => uuid(w.id) === a.from);
  const payee = (rows as Wallet[]).find((w) => uuid(w.id) === a.to);
  if (!payer || uuid(payer.person) !== a.person || !payee) throw new Refused(404);
  if (payer.id === payee.id || payer.currency !== a.currency || payee.currency !== a.currency) throw new Refused(422);
  if (payer.state !== 'open' || payee.state !== 'open') throw new Refused(409);
  return [payer, payee];
}

/** Counts what is sent; a limit that it breaks ends the transaction, and with it the count. */
async function countUsage(run: Run, tenant: Uuid, payer: Wallet, a: Asked, now: Date): Promise<void> {
  const limits = LIMITS[payer.tier] as Limits;
  const day = now.toISOString().slice(0, 10);
  const { rows } = await run('usage', `insert into naive.usage as u (tenant, person, currency, day, day_spent, day_count, month, month_spent)
    values ($1, $2, $3, $4, $5, 1, date_trunc('month', $4::date), $5) on conflict (person, currency) do update set
      day_spent = case when u.day = excluded.day then u.day_spent else 0 end + excluded.day_spent,
      day_count = case when u.day = excluded.day then u.day_count else 0 end + 1, day = excluded.day,
      month_spent = case when u.month = excluded.month then u.month_spent else 0 end + excluded.month_spent, month = excluded.month
    returning day_spent, day_count, month_spent`, [tenant, payer.person, a.currency, day, a.amount.toString()]);
  const used = rows[0] as { day_spent: string; day_count: number; month_spent: string };
  if (a.amount > limits.perTransfer || BigInt(used.day_spent) > limits.perDay || BigInt(used.month_spent) > limits.perMonth || used.day_count > limits.countPerDay) {
    throw new Refused(409);
  }
}

/** One payment in one transaction. Throws Refused and Short, with nothing written. */
async function pay(pool: pg.Pool, tenant: Uuid, a: Asked, now: Date): Promise<void> {
  const client = await pool.connect();
  const run: Run = (name, text, values) => client.query({ name, text, values });
  const scope = hash('sha256', `${a.person} ${a.key}`, 'buffer');
  const bodyHash = hash('sha256', JSON.stringify(a.body), 'buffer');
  const trace = newTrace();
  try {
    await client.query('begin');
    await run('tenant', "select set_config('app.tenant', $1, true)", [tenant]);
    const claim = await run('claim', 'insert into naive.answer (tenant, scope, body_hash, at) values ($1, $2, $3, $4) on conflict do nothing', [tenant, scope, bodyHash, now]);
    if (!claim.rowCount) throw new Error('the key was used');
    const [payer, payee] = await bothWallets(run, a);
    if (payer.person !== payee.person) await countUsage(run, tenant, payer, a, now);
    const transfer = await move(client, tenant, { from: payer.ledger, to: payee.ledger, amount: a.amount, scope, bodyHash, trace }, now);
    const payment = uuidv7(now, systemRandom);
    await run('payment', 'insert into naive.payment (tenant, id, payer, payee, amount, currency, cause, transfer, at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      [tenant, payment, payer.id, payee.id, a.amount.toString(), a.currency, 'transfer', transfer, now]);
    await run('fact', 'insert into naive.fact (id, tenant, at, actor_kind, action, result, resource, trace, detail) values ($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      [uuidv7(now, systemRandom), tenant, now, 'person', 'posted', 'done', transfer, trace, JSON.stringify({ payment })]);
    await run('answer', 'update naive.answer set answer = $3 where tenant = $1 and scope = $2', [tenant, scope, JSON.stringify({ payment, amount: a.amount.toString() })]);
    await client.query('commit');
  } catch (error) {
    await client.query('rollback');
    throw error;
  } finally {
    client.release();
  }
}

const zId = z.string().regex(/^wal_[0-9a-f]{32}$/);
const zBody = z.strictObject({ from: zId, to: zId, amount: z.strictObject({ amount: z.string().regex(/^[1-9]\d{0,18}$/), currency: z.string().regex(/^[A-Z]{3}$/) }) });

/** The route; `state` is complete before the first request. */
export function naiveWalletRoute(app: FastifyInstance, state: () => { readonly pool: pg.Pool; readonly tenant: Uuid; readonly sessions: ReadonlyMap<string, Uuid> }): void {
  app.post('/api/naive-transfers', async (req, reply) => {
    const { pool, tenant, sessions } = state();
    const person = sessions.get(String(req.headers.authorization ?? '').slice(7));
    if (!person) return reply.code(401).send();
    const key = req.headers['idempotency-key'];
    if (typeof key !== 'string') return reply.code(400).send();
    const body = zBody.safeParse(JSON.parse(String(req.body)));
    if (!body.success) return reply.code(422).send();
    const { from, to, amount } = body.data;
    const asked: Asked = { person, key, from: from.slice(4) as Uuid, to: to.slice(4) as Uuid, amount: BigInt(amount.amount), currency: amount.currency, body: body.data };
    try {
      await pay(pool, tenant, asked, systemClock.now());
    } catch (error) {
      if (error instanceof Short) return reply.code(402).send();
      if (error instanceof Refused) return reply.code(error.status).send();
      throw error;
    }
    return reply.header('content-type', 'application/json').send(JSON.stringify({ result: 'done', to, amount }));
  });
}
