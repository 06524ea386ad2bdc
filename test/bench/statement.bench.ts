/**
 * Reading one account that has 500,000 rows: a page of 50 entries, the balance as recorded at a random instant, and the balance at the
 * end of a random day by effective date. The rows are posted through the ledger over a hundred days of the tenant's clock, two in a
 * hundred of them dated back, and every thirty days the books are sealed. Baseline, on the same rows: the balance as the sum of its
 * entries, which is what a ledger without running balances does. Times are those of the verb inside its transaction.
 */
import { perform, systemClock, systemRandom, addDays, type CivilDate, type Tx, type Uuid } from '#kernel';
import { addChart, balanceAt, balanceOn, openAccounts, post, sealPeriod, statement, type TransferDraft } from '#spine/ledger';
import { saveTenant } from '#spine/tenancy';
import { finish, median } from './frame.ts';
import { asSystem, benchTenants, startBench } from './program.ts';
import pg from 'pg';

const ROWS = Number(process.env.BENCH_ROWS ?? 500_000);
const READS = Number(process.env.BENCH_READS ?? 2000);
const DAYS = 100;
const BATCH = 1000;
const SEAL_EVERY = 30;
const DAY_MS = 86_400_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const bench = await startBench({ tenants: benchTenants(1), roles: ['web'] });
const home = bench.program.cells.get('IN');
const first = bench.program.directory.bySlug('t0');
if (!home || !first) throw new Error('no tenant');
const cell = home;
const run = <T>(verb: (tx: Tx) => Promise<T>): Promise<T> => perform(cell, bench.program.directory.bySlug('t0') ?? first, asSystem, verb);

const [hot, others] = await run(async (tx) => {
  await addChart(tx.section, [{ code: 'till', kind: 'asset' }, { code: 'shop', kind: 'liability' }]);
  const till = await openAccounts(tx.section, [{ code: 'till', currency: 'INR' }]);
  const shops = await openAccounts(tx.section, Array.from({ length: 1000 }, () => ({ code: 'shop', currency: 'INR' as const, holder: tx.uuid() })));
  if (!till.ok || !shops.ok) throw new Error('not opened');
  return [till.value[0] as Uuid, shops.value] as const;
});

/** One batch of movements of the hot account; the days that they are dated back to are not sealed. */
function drafts(today: CivilDate, sealed: CivilDate | undefined, open: number): TransferDraft[] {
  return Array.from({ length: BATCH }, () => {
    const other = others[systemRandom.int(others.length)] as Uuid;
    const [debit, credit] = systemRandom.int(5) < 3 ? [hot, other] : [other, hot];
    const back = addDays(today, -(1 + systemRandom.int(Math.max(1, open))));
    const dated = systemRandom.int(50) === 0 && (sealed === undefined || back > sealed);
    return { kind: 'transfer', debit, credit, amount: { amount: BigInt(1 + systemRandom.int(1000)), currency: 'INR' }, ...(dated ? { effective: back } : {}) };
  });
}

const began = systemClock.monotonicMs();
const days: CivilDate[] = [];
const starts: bigint[] = [];
let sealed: CivilDate | undefined;
for (let day = 0; day < DAYS; day++) {
  await saveTenant(cell, { ...first, clockOffsetMs: day * DAY_MS });
  await bench.program.directory.refresh();
  const { today, nowUs } = await run(async (tx) => ({ today: tx.today, nowUs: BigInt(tx.now.getTime()) * 1000n }));
  days.push(today);
  starts.push(nowUs);
  if (day > SEAL_EVERY && day % SEAL_EVERY === 1) {
    sealed = addDays(today, -2);
    const outcome = await run((tx) => sealPeriod(tx, sealed as CivilDate));
    if (!outcome.ok) throw new Error(JSON.stringify(outcome.data));
  }
  for (let n = 0; n < ROWS / DAYS / BATCH; n++) {
    const outcomes = await run((tx) => post(tx.section, drafts(today, sealed, day % SEAL_EVERY).map((d) => ({ by: tx, transfers: [d] }))));
    const bad = outcomes.find((o) => !o.ok);
    if (bad) throw new Error(JSON.stringify(bad.ok || bad.data));
  }
}
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
const count = async (text: string): Promise<number> => Number((await owner.query<{ n: string }>(text)).rows[0]?.n);
const rows = await count('select count(*) as n from ledger.transfer');
const datedRows = await count('select count(*) as n from ledger.dated where account = (select no from ledger.account where holder is null)');
say(`${rows} rows on one account, ${datedRows} of them dated back, sealed up to ${sealed ?? 'nothing'}; set up in ${((systemClock.monotonicMs() - began) / 1000).toFixed(0)} s`);
await owner.query('vacuum analyze');

/** Median and 99th percentile of the milliseconds of a read, inside its transaction. */
async function time(name: string, read: (tx: Tx) => Promise<unknown>): Promise<{ p50: number; p99: number }> {
  const times: number[] = [];
  for (let i = 0; i < READS; i++) {
    await run(async (tx) => {
      const from = systemClock.monotonicMs();
      await read(tx);
      times.push(systemClock.monotonicMs() - from);
    });
  }
  times.sort((a, b) => a - b);
  const [p50, p99] = [median(times), times[Math.floor(times.length * 0.99)] ?? 0];
  say(`${name.padEnd(28)} p50 ${p50.toFixed(2)} ms  p99 ${p99.toFixed(2)} ms`);
  return { p50, p99 };
}

const span = Number((starts.at(-1) as bigint) - (starts[0] as bigint));
const instant = (): bigint => (starts[0] as bigint) + BigInt(Math.floor(systemRandom.unit() * span));
const page = await time('page of 50', async (tx) => {
  const read = await statement(tx, { account: hot, beforeUs: instant(), limit: 50 });
  // The first day's beginning has no page before it.
  if (!read) throw new Error('no account');
});
const recorded = await time('balance as recorded', (tx) => balanceAt(tx, hot, instant()));
const effective = await time('balance by effective date', (tx) => balanceOn(tx, hot, days[systemRandom.int(days.length)] as CivilDate));

/** What everything is checked against, and the baseline in time: all entries added up. */
async function sumTo(day: CivilDate, endUs: bigint): Promise<{ sum: bigint; ms: number }> {
  const from = systemClock.monotonicMs();
  const { rows: [row] } = await owner.query<{ sum: string }>(`with a as (select no from ledger.account where holder is null)
    select sum(case when debit = a.no then amount else -amount end)::text as sum from ledger.transfer, a
    where (debit = a.no or credit = a.no) and ((effective is null and at_us < $2) or effective <= $1)`, [day, endUs.toString()]);
  return { sum: BigInt(row?.sum ?? 0), ms: systemClock.monotonicMs() - from };
}
const sums: number[] = [];
for (let i = 3; i < DAYS; i += 16) {
  const day = days[i] as CivilDate;
  const [mine, theirs] = [await run((tx) => balanceOn(tx, hot, day)), await sumTo(day, BigInt(Date.parse(`${addDays(day, 1)}T00:00:00+05:30`)) * 1000n)];
  if (mine !== theirs.sum) throw new Error(`${day}: ${mine} is read, and the entries come to ${theirs.sum}`);
  sums.push(theirs.ms);
}
await owner.end();
await bench.stop();
finish('statement', {
  p50_ms_page: page.p50, p99_ms_page: page.p99, p50_ms_recorded: recorded.p50, p99_ms_recorded: recorded.p99, p50_ms_effective: effective.p50,
  p99_ms_effective: effective.p99, ratio_ms_sum: median(sums) / effective.p50, rows, rows_dated: datedRows,
}, { p50_ms_page: { max: 1 }, p50_ms_recorded: { max: 1 }, p50_ms_effective: { max: 5 }, rows: { min: 500_000 } }, { sum_ms: median(sums) });
