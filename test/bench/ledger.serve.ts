/**
 * The process of the ledger bench: the program's own batcher, ledger, event log and audit log, and beside it the baseline. A request's key is the
 * name of its transfers here: whoever sends it again is given what became of it, from the transfers' own rows.
 */
import pg from 'pg';
import { createBatcher, createLog, done, perform, systemClock, systemRandom, type Entry, type Outcome, type Uuid } from '#kernel';
import { addChart, openAccounts, post, type Posted, type TransferDraft } from '#spine/ledger';
import { modules } from '../../src/apps/modules.ts';
import { serveQuestions } from './frame.ts';
import { naivePool, naivePost, NAIVE_TABLES, type Movement } from './ledger.naive.ts';
import { asSystem, benchTenants, countOfFacts, startBench } from './program.ts';

const ACCOUNTS = 10_000;
/** One account in ten starts empty, so that some transfers are refused. */
const EMPTY_EVERY = 10;
const FUNDS = 1_000_000_000n;
const TENANTS = 100;

const tenants = benchTenants(TENANTS);
const bench = await startBench({ tenants, roles: [], tcp: true, walFiles: 300 });
const cell = bench.program.cells.get('IN');
if (!cell) throw new Error('no cell');
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
const count = async (text: string): Promise<number> => Number((await owner.query<{ n: string }>(text)).rows[0]?.n);

/** Opens and funds the accounts of a tenant. */
async function makeBooks(slug: string, accounts: number): Promise<Uuid[]> {
  const tenant = bench.program.directory.bySlug(slug);
  if (!tenant || !cell) throw new Error('no tenant');
  return perform(cell, tenant, asSystem, async (tx) => {
    await addChart(tx.section, [{ code: 'wallet', kind: 'liability', guards: { minimum: 0n } }, { code: 'bank', kind: 'asset' }]);
    const drafts = Array.from({ length: accounts }, () => ({ code: 'wallet', currency: 'INR' as const, holder: tx.uuid() }));
    const [wallets, bank] = [await openAccounts(tx.section, drafts), await openAccounts(tx.section, [{ code: 'bank', currency: 'INR' }])];
    if (!wallets.ok || !bank.ok) throw new Error('not opened');
    const funded = await post(tx.section, wallets.value.filter((_, i) => i % EMPTY_EVERY !== 0 || i === 0).map((credit) => ({
      by: tx, transfers: [{ kind: 'transfer', debit: bank.value[0] as Uuid, credit, amount: { amount: FUNDS, currency: 'INR' } }],
    })));
    if (funded.some((f) => !f.ok)) throw new Error('not funded');
    return wallets.value;
  });
}

const books = new Map<string, Uuid[]>([['t0', await makeBooks('t0', ACCOUNTS)]]);
for (let t = 1; t < TENANTS; t++) books.set(`t${t}`, await makeBooks(`t${t}`, 100));
await owner.query(NAIVE_TABLES(bench.cell));
await owner.query(`insert into naive.account (tenant, id, balance, floor) select tenant, id, posted, minimum is not null from ledger.account
  where tenant = '${bench.program.directory.bySlug('t0')?.id}'`);
await owner.query('vacuum analyze');
await owner.query('checkpoint');
const pool = naivePool(bench.cell);

/** Under a name of its own: the request's key. */
interface Named extends Movement { readonly name: string }
const NONE = Buffer.alloc(0);
type Shape = 'uniform' | 'hot' | 'linked' | 'tenants';
interface Ask { readonly what: 'run'; readonly side: 'ours' | 'naive'; readonly shape: Shape; readonly callers: number; readonly seconds: number }

function pick(shape: Shape, ids: readonly Uuid[]): [Uuid, Uuid] {
  const n = ids.length;
  const a = systemRandom.int(n);
  let b = systemRandom.int(n - 1);
  if (b >= a) b += 1;
  if (shape === 'hot' && systemRandom.int(2) === 0) return a === 0 || b === 0 ? [ids[0] as Uuid, ids[a || b] as Uuid]
    : systemRandom.int(2) ? [ids[0] as Uuid, ids[b] as Uuid] : [ids[a] as Uuid, ids[0] as Uuid];
  return [ids[a] as Uuid, ids[b] as Uuid];
}

/** A request of one movement, or of three linked ones over four accounts. */
function movements(side: Ask['side'], shape: Shape, slug: string): Named[] {
  const ids = books.get(slug) as Uuid[];
  // Each side has its own kind of key, and is spared the other's.
  const one = (from: Uuid, to: Uuid): Named => ({
    from, to, amount: BigInt(1 + systemRandom.int(100)), trace: systemRandom.hex(32), name: side === 'ours' ? systemRandom.hex(32) : '',
    scope: side === 'naive' ? systemRandom.bytes(32) : NONE, bodyHash: side === 'naive' ? systemRandom.bytes(32) : NONE,
  });
  const [a, b] = pick(shape, ids);
  if (shape !== 'linked') return [one(a, b)];
  const chain = new Set([a, b]);
  while (chain.size < 4) chain.add(ids[systemRandom.int(ids.length)] as Uuid);
  const path = [...chain];
  return [0, 1, 2].map((i) => one(path[i] as Uuid, path[i + 1] as Uuid));
}

interface Shown { readonly replayed: boolean; readonly transfers: readonly { readonly id: string; readonly balance: string }[] }
const keepsNone = (): never => { throw new Error('answers are kept by the ledger'); };
const batcher = createBatcher<readonly Named[], Shown>(cell, {
  name: 'bench.transfer', gates: modules.flatMap((m) => m.gates ?? []), log: createLog({ level: 'error' }), toJson: keepsNone, fromJson: keepsNone,
  async plural(tx, items) {
    const outcomes = await post(tx, items.map((by) => ({
      by, transfers: by.input.map((m): TransferDraft => ({ kind: 'transfer', ref: m.name, debit: m.from, credit: m.to,
        amount: { amount: m.amount, currency: 'INR' } })),
    })));
    return outcomes.map((o: Outcome<Posted>): Outcome<Shown> => (o.ok ? done({
      replayed: o.value.replayed, transfers: o.value.transfers.map((t) => ({ id: t.id, balance: t.debitBalance.toString() })),
    }) : o));
  },
});

/** What a round answered first, to be asked again behind it. */
const AGAIN = 256;
const early: { slug: string; movements: readonly Named[]; outcome: Outcome<Shown> }[] = [];
function submit(slug: string, m: readonly Named[]): Promise<Outcome<Shown>> {
  const tenant = bench.program.directory.bySlug(slug);
  if (!tenant) throw new Error('no tenant');
  const entry: Entry<readonly Named[]> = { tenant, item: { ...asSystem, trace: (m[0] as Named).trace, input: m, atMs: systemClock.monotonicMs() } };
  return batcher.submit(entry).then(({ outcome }) => outcome);
}

/** Sends a round's first requests once more; each must be told what it was told before. Resolves to how many were. */
async function again(): Promise<{ told: number }> {
  const text = (o: Outcome<Shown>): string => (o.ok ? JSON.stringify(o.value.transfers) : `${o.problem.code} ${JSON.stringify(o.data)}`);
  const told = await Promise.all(early.map(({ slug, movements }) => submit(slug, movements)));
  told.forEach((o, i) => {
    const before = (early[i] as (typeof early)[number]).outcome;
    if (text(o) !== text(before) || (o.ok && !o.value.replayed)) throw new Error(`an answer changed: ${text(before)}, then ${text(o)}`);
  });
  return { told: told.length };
}

async function ask(side: Ask['side'], slug: string, m: readonly Named[]): Promise<'done' | 'refused'> {
  const tenant = bench.program.directory.bySlug(slug);
  if (!tenant) throw new Error('no tenant');
  if (side === 'naive') return await naivePost(pool, tenant.id, m, systemClock.now()) as 'done' | 'refused';
  const outcome = await submit(slug, m);
  if (early.length < AGAIN) early.push({ slug, movements: m, outcome });
  return outcome.ok ? 'done' : 'refused';
}

/** Callers that each wait for their answer and ask again until the time is over. */
async function run(q: Ask): Promise<{ answers: number; refused: number; seconds: number; p50Ms: number; p99Ms: number; batch: number }> {
  const began = systemClock.monotonicMs();
  const end = began + q.seconds * 1000;
  const times: number[] = [];
  let refused = 0;
  early.length = 0;
  const { batches, items } = batcher.stats;
  await Promise.all(Array.from({ length: q.callers }, async (_, i) => {
    const slug = q.shape === 'tenants' ? `t${i % TENANTS}` : 't0';
    for (;;) {
      const from = systemClock.monotonicMs();
      if (from >= end) return;
      if (await ask(q.side, slug, movements(q.side, q.shape, slug)) === 'refused') refused += 1;
      times.push(systemClock.monotonicMs() - from);
    }
  }));
  const seconds = (systemClock.monotonicMs() - began) / 1000;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
  const ran = batcher.stats.batches - batches;
  return { answers: times.length, refused, seconds, p50Ms: at(0.5), p99Ms: at(0.99), batch: ran ? (batcher.stats.items - items) / ran : 0 };
}

/** What stands in the tables; a side that does less work than it answers would win unfairly. */
async function counts(): Promise<Record<string, number>> {
  const [transfers, events, facts, naiveAnswers, naiveFacts, sum, naiveSum, broken] = [
    await count('select count(*) as n from ledger.transfer'), await count("select count(*) as n from events.log where topic = 'ledger.transferred'"), await count(`select ${countOfFacts('ledger.posted')} as n`),
    await count('select count(*) as n from naive.answer where answer is not null'), await count('select count(*) as n from naive.fact'),
    await count('select sum(case when flags & 1 = 1 then posted else -posted end) as n from ledger.account'),
    await count('select sum(amount) as n from naive.entry'), await count('select count(*) as n from ledger.account where posted - pending_out < minimum'),
  ];
  return { transfers, events, facts, naiveAnswers, naiveFacts, sum, naiveSum: naiveSum || 0, broken };
}

/** With all its partitions, where it has any. */
const size = async (table: string): Promise<number> =>
  count(`select coalesce((select sum(pg_total_relation_size(relid)) from pg_partition_tree('${table}')), pg_total_relation_size('${table}')) as n`);

/** Batches of the ledger alone, each transfer under a name of its own: no event, no fact; all of them posted. */
async function ledgerAlone(batches: number): Promise<void> {
  const tenant = bench.program.directory.bySlug('t0');
  if (!tenant || !cell) throw new Error('no tenant');
  const ids = (books.get('t0') as Uuid[]).filter((_, i) => i % EMPTY_EVERY !== 0);
  for (let n = 0; n < batches; n++) {
    await perform(cell, tenant, asSystem, async (tx) => {
      const alone = Object.assign(Object.create(Object.getPrototypeOf(tx.section) as object) as typeof tx.section, tx.section, { emit: () => undefined, audit: () => undefined });
      const outcomes = await post(alone, Array.from({ length: 1024 }, () => {
        const [debit, credit] = pick('uniform', ids);
        return { by: tx, transfers: [{ kind: 'transfer', ref: systemRandom.hex(32), debit, credit, amount: { amount: 1n, currency: 'INR' } }] };
      }));
      if (outcomes.some((o) => !o.ok)) throw new Error('not posted');
    });
  }
}

/**
 * Bytes a transfer of the ledger's rows with their indexes, its key among them, and in the server's log, and the bytes of what is written beside it:
 * event, fact, and nothing for the key.
 */
async function bytes(): Promise<Record<string, number>> {
  const lsn = (): Promise<number> => count("select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as n");
  const rows = (table: string): Promise<number> => count(`select count(*) as n from ${table}`);
  await owner.query('checkpoint');
  // Whole pages are logged once behind a checkpoint; these batches pay for that before it is counted.
  await ledgerAlone(100);
  const [before, from] = [await lsn(), await rows('ledger.transfer')];
  await ledgerAlone(200);
  const made = await rows('ledger.transfer');
  const wal = ((await lsn()) - before) / (made - from);
  const transfer = (await size('ledger.transfer')) / made;
  await run({ what: 'run', side: 'ours', shape: 'uniform', callers: 1024, seconds: 4 });
  const beside = { idempotency: 'idempotency.answer', event: 'events.log' };
  const sizes: Record<string, number> = { transfer, wal };
  for (const [name, table] of Object.entries(beside)) sizes[name] = (await rows(table)) ? (await size(table)) / (await rows(table)) : 0;
  const facts = await count(`select ${countOfFacts('ledger.posted')} as n`);
  sizes.audit = (await size('audit.fact') + await size('audit.sheet')) / facts;
  return sizes;
}

serveQuestions(async (q: Ask | { what: 'counts' | 'bytes' | 'again' }) => {
  if (q.what === 'again') return again();
  if (q.what === 'counts') return counts();
  if (q.what === 'bytes') return bytes();
  return run(q as Ask);
}, async () => {
  await pool.end();
  await owner.end();
  await bench.stop();
});
