/**
 * The process of the transfer bench: the wallet's own route, the same program with group commit off, the naive route of transfer.naive.ts, and a plain
 * one: Fastify, a session looked up in memory, the body read by zod, and nothing but the movement of ledger.naive.ts: no wallets, limits and payments.
 */
import type { FastifyInstance } from 'fastify';
import { hash } from 'node:crypto';
import pg from 'pg';
import { z } from 'zod';
import { createLog, newTrace, perform, provide, systemClock, uuid, type Tx, type Uuid } from '#kernel';
import { post } from '#spine/ledger';
import { enrol, type Profile } from '#spine/identity';
import { list, open } from '#products/wallet';
import { fileHeads } from '#adapters/heads';
import { HeadKeeper, SpoolFolder } from '#spine/audit/port';
import { TextMessages } from '#spine/identity/port';
import { BankRail } from '#products/wallet/port';
import { Kek } from '#spine/vault/port';
import { join } from 'node:path';
import { memoryBank } from '#adapters/bank';
import { fileKek } from '#adapters/kms';
import { modules } from '../../src/apps/modules.ts';
import { startProgram } from '../../src/apps/program.ts';
import { startWorkers } from '../../src/apps/runtime.ts';
import { serveQuestions } from './frame.ts';
import { naivePool, naivePost, NAIVE_TABLES, type Movement } from './ledger.naive.ts';
import { NAIVE_WALLET, naiveWalletRoute } from './transfer.naive.ts';
import { asSystem, benchTenants, countOfFacts, signInAll, startBench } from './program.ts';

const PEOPLE = 2500;
const ACCOUNTS_EACH = 4;
const FUNDS = 1_000_000_000n;
const ROUND = 500;

const zBody = z.strictObject({ from: z.string(), to: z.string(), amount: z.strictObject({ amount: z.string().regex(/^[1-9]\d{0,18}$/), currency: z.literal('INR') }) });
const sessions = new Map<string, Uuid>();
const ledgerOf = new Map<string, Uuid>();
const ownerOf = new Map<string, Uuid>();
let pool: pg.Pool;
let tenantId: Uuid;

function plainRoute(app: FastifyInstance): void {
  app.post('/api/plain-transfers', async (req, reply) => {
    const token = String(req.headers.authorization ?? '').slice(7);
    const person = sessions.get(token);
    if (!person) return reply.code(401).send();
    const body = zBody.safeParse(JSON.parse(String(req.body)));
    if (!body.success) return reply.code(422).send();
    const { from, to, amount } = body.data;
    const [debit, credit] = [ledgerOf.get(from), ledgerOf.get(to)];
    if (!debit || !credit || ownerOf.get(from) !== person) return reply.code(404).send();
    const movement: Movement = {
      from: debit, to: credit, amount: BigInt(amount.amount), trace: newTrace(), bodyHash: hash('sha256', JSON.stringify(body.data), 'buffer'),
      scope: hash('sha256', `${person} ${String(req.headers['idempotency-key'])}`, 'buffer'),
    };
    const result = await naivePost(pool, tenantId, [movement], systemClock.now());
    return reply.code(result === 'done' ? 200 : 402).header('content-type', 'application/json').send(JSON.stringify({ result, to, amount }));
  });
}

const bench = await startBench({ tenants: benchTenants(1), roles: ['web'], tcp: true, walFiles: 200, more: (app) => {
  plainRoute(app);
  naiveWalletRoute(app, () => ({ pool, tenant: tenantId, sessions }));
} });
const tenant = bench.program.directory.bySlug('t0');
const cell = bench.program.cells.get('IN');
if (!tenant || !cell) throw new Error('no tenant');
tenantId = tenant.id;
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
const letters = (i: number): string => Array.from({ length: 4 }, (_, k) => String.fromCharCode(65 + (Math.floor(i / 26 ** k) % 26))).join('');
const profiles = Array.from({ length: PEOPLE }, (_, i): Profile => ({
  identifier: `${letters(i).slice(0, 3)}P${letters(i).slice(3)}0000A`, dateOfBirth: '1986-03-27' as Profile['dateOfBirth'], phone: `+91 ${String(i).padStart(10, '0')}`,
  name: `Made Up ${i}`, language: 'en',
}));
const persons: Uuid[] = [];
for (let at = 0; at < PEOPLE; at += ROUND) persons.push(...(await perform(cell, tenant, asSystem, (tx) => enrol(tx.section, profiles.slice(at, at + ROUND)))).map((e) => e.person));
const as = <T>(person: Uuid, run: (tx: Tx) => Promise<T>): Promise<T> =>
  perform(cell, tenant, { actor: { kind: 'person', id: person, session: person }, trace: newTrace() }, run);
const accounts: { account: string; person: number }[] = [];
for (let at = 0; at < PEOPLE; at += 50) {
  await Promise.all(persons.slice(at, at + 50).map(async (person, k) => {
    for (let n = 0; n < ACCOUNTS_EACH; n++) {
      const opened = await as(person, (tx) => open(tx, { body: { currency: 'INR' } }));
      if (!opened.ok) throw new Error(opened.problem.code);
      accounts.push({ account: opened.value.account, person: at + k });
    }
  }));
}
const rows = (await owner.query<{ id: string; ledger: string; person: string }>('select id::text, ledger::text, person::text from wallet.account')).rows;
for (const r of rows) {
  ledgerOf.set(`wal_${uuid(r.id)}`, uuid(r.ledger));
  ownerOf.set(`wal_${uuid(r.id)}`, uuid(r.person));
}
const bank = uuid((await owner.query<{ id: string }>("select id::text from ledger.account where code = 'wallet.bank' limit 1")).rows[0]?.id ?? '');
const ledgers = [...ledgerOf.values()];
for (let at = 0; at < ledgers.length; at += ROUND) {
  const outcomes = await perform(cell, tenant, asSystem, (tx) => post(tx.section, ledgers.slice(at, at + ROUND).map((credit) => ({
    by: tx, transfers: [{ kind: 'transfer', debit: bank, credit, amount: { amount: FUNDS, currency: 'INR' } }],
  }))));
  if (outcomes.some((o) => !o.ok)) throw new Error('not funded');
}
await owner.query('update wallet.holder set tier = 2');
/** What follows commits: codes are sent by it while people sign in; afterwards it goes on only where that is what is measured. */
const following = startWorkers({ cell, modules, roles: ['relay', 'worker'], clock: systemClock, log: createLog({ level: 'error' }), tenant: async () => tenant,
  tenants: () => [tenant] });
const tokens = await signInAll(bench, 't0', profiles);
tokens.forEach((token, i) => sessions.set(token, persons[i] as Uuid));
const follows = process.argv[2] === 'followed';
if (!follows) await following.stop();
await owner.query(NAIVE_TABLES(bench.cell));
await owner.query(NAIVE_WALLET(bench.cell));
await owner.query('insert into naive.account (tenant, id, balance, floor) select tenant, id, posted, minimum is not null from ledger.account');
await owner.query('vacuum analyze');
await owner.query('checkpoint');
pool = naivePool(bench.cell);
const first = await as(persons[0] as Uuid, (tx) => list(tx));
if (!first.ok || first.value.accounts.length !== ACCOUNTS_EACH) throw new Error('the accounts are not there');

/** The same program with group commit off: each request has a transaction of its own, pipelined. */
const kek = await fileKek(join(bench.folder, 'keys', 'kek'));
const alone = await startProgram({
  modules, cells: [bench.cell], home: 'IN', directoryFile: join(bench.folder, 'directory-2.json'), assets: { url: (name) => name, find: () => undefined }, clock: systemClock, log: createLog({ level: 'error' }),
  roles: [], host: '127.0.0.1', port: 0, secure: false, pathTenants: true, limits: false, trustedProxies: 1, group: false,
  provided: () => [
    provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(join(bench.folder, 'heads'))), provide(SpoolFolder, () => join(bench.folder, 'spool-2')),
    provide(TextMessages, () => bench.messages), provide(BankRail, () => memoryBank()),
  ],
});

const number = async (text: string): Promise<number> => Number((await owner.query<{ n: string }>(text)).rows[0]?.n);
serveQuestions(async (q: { what: 'setup' | 'counts' | 'fresh' }) => {
  if (q.what === 'setup') return { port: bench.program.port, alonePort: alone.port, tokens, accounts };
  // Each round begins with a new day for everybody, who paid on the day before: limits by count are not what is measured.
  if (q.what === 'fresh') {
    await owner.query('update wallet.usage set day = day - 1; update naive.usage set day = day - 1');
    return {};
  }
  return {
    transfers: await number('select count(*) as n from ledger.transfer where result = 0'), payments: await number('select count(*) as n from wallet.payment'),
    facts: await number(`select ${countOfFacts('ledger.posted')} as n`),
    naive: await number("select count(*) as n from naive.fact where result = 'done'"), naivePayments: await number('select count(*) as n from naive.payment'),
    sum: await number('select coalesce(sum(case when flags & 1 = 1 then posted else -posted end), 0) as n from ledger.account'),
    naiveSum: await number('select coalesce(sum(balance), 0) as n from naive.account'),
    batches: bench.program.edge.runner.stats()['POST /wallet/transfers']?.batches ?? 0, items: bench.program.edge.runner.stats()['POST /wallet/transfers']?.items ?? 0,
  };
}, async () => {
  if (follows) await following.stop();
  await pool.end();
  await owner.end();
  await alone.stop();
  await bench.stop();
});
