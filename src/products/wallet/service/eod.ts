import { z } from 'zod';
import {
  addDays, done, instantOfUs, money, perform, refuse, type CivilDate, type Currency, type Origin, type Outcome, type SectionTx, type Tx, type Uuid, type Worker,
} from '#kernel';
import { balancesOn, dayStartUs, post, type Posting, type TransferDraft } from '#spine/ledger';
import {
  Booked, CODE, dayNotOver, dayOutOfOrder, EOD_BATCH_MAX, EOD_EVERY_MS, EOD_RUNS_SHOWN_MAX, unknownRun, zEodOf, zEodRuns, zEodStart, type EodRun,
} from '../contract.ts';
import { RATES } from '../data/rates.ts';
import { dailyInterest, isMonthEnd, payable } from '../rules.ts';
import {
  accountsAfter, addTotals, countAccounts, insertAccruals, insertRun, lockOwed, lockRun, lockRuns, moveRun, readRun, readRuns, totalsOf, writeOwed,
    type EodAccount,
  type RunRow, type TotalRow,
} from '../store/eod.ts';
import { houseAccounts } from './accounts.ts';

interface Rates { readonly ratePpm: number; readonly fee: bigint; readonly feeWaivedFrom: bigint }
const byCurrency: Partial<Readonly<Record<Currency, Rates>>> = RATES;
/** Interest and fees of a currency; undefined where there are none. */
export const ratesOf = (currency: Currency): Rates | undefined => byCurrency[currency];
const NOBODY = '0'.repeat(32) as Uuid;
const ORIGIN: Origin = { actor: { kind: 'system', name: 'wallet.eod' }, trace: NOBODY };

function viewOf(run: RunRow, totals: readonly TotalRow[]): EodRun {
  const seconds = Math.max(0.001, (run.batch_at.getTime() - run.started_at.getTime()) / 1000);
  const rate = Math.round(run.done / seconds);
  return {
    day: run.day, state: run.state, total: run.total, done: run.done, accountsPerSecond: run.done ? rate : 0,
    secondsLeft: run.state === 'done' ? 0 : run.done && rate ? Math.ceil(Math.max(0, run.total - run.done) / rate) : null,
    startedAt: run.started_at, finishedAt: run.finished_at,
    totals: totals.filter((t) => t.day === run.day).map((t) => ({
      currency: t.currency, accruedMicro: t.accrued, interest: money(t.interest, t.currency), fees: money(t.fees, t.currency), putOff: t.put_off,
    })),
  };
}

async function view(tx: Tx, run: RunRow): Promise<EodRun> {
  return viewOf(run, await totalsOf(tx.sql, tx.tenant.id, [run.day]));
}

/** The first instant behind a civil day. */
const endOf = (tx: SectionTx, day: CivilDate): Date => instantOfUs(dayStartUs(tx.tenant.zone, addDays(day, 1)));

/** Opens the run of a day, once; the work is done by batches. Days follow each other without a gap. */
export async function startEod(tx: Tx, input: z.output<typeof zEodStart>): Promise<Outcome<EodRun>> {
  const { day } = input.body;
  if (day >= tx.today) return refuse(dayNotOver, { latest: addDays(tx.today, -1) });
  await lockRuns(tx.sql, tx.tenant.id);
  const known = await readRun(tx.sql, tx.tenant.id, day);
  if (known) return done(await view(tx, known));
  const [last] = await readRuns(tx.sql, tx.tenant.id, 1);
  if (last && (last.state === 'running' || addDays(last.day, 1) !== day)) {
    return refuse(dayOutOfOrder, { next: last.state === 'running' ? last.day : addDays(last.day, 1) });
  }
  const total = await countAccounts(tx.sql, tx.tenant.id, endOf(tx.section, day));
  await insertRun(tx.sql, tx.tenant.id, { day, first: NOBODY, total, now: tx.now });
  tx.audit({ action: 'wallet.eod-started', result: 'done', resource: day, detail: { accounts: total } });
  return done(await view(tx, await readRun(tx.sql, tx.tenant.id, day) as RunRow));
}

export async function showEod(tx: Tx, input: z.output<typeof zEodOf>): Promise<Outcome<EodRun>> {
  const run = await readRun(tx.sql, tx.tenant.id, input.params.day);
  return run ? done(await view(tx, run)) : refuse(unknownRun);
}

export async function listEod(tx: Tx): Promise<Outcome<z.output<typeof zEodRuns>>> {
  const runs = await readRuns(tx.sql, tx.tenant.id, EOD_RUNS_SHOWN_MAX);
  const totals = runs.length ? await totalsOf(tx.sql, tx.tenant.id, runs.map((r) => r.day)) : [];
  return done({ runs: runs.map((r) => viewOf(r, totals)) });
}

interface Sum { micro: bigint; interest: bigint; fees: bigint; putOff: number }
type Sums = Map<Currency, Sum>;
function sumOf(sums: Sums, currency: Currency): Sum {
  let sum = sums.get(currency);
  if (!sum) sums.set(currency, (sum = { micro: 0n, interest: 0n, fees: 0n, putOff: 0 }));
  return sum;
}

interface Due { readonly account: EodAccount; readonly kind: 'interest' | 'fee'; readonly amount: bigint }

/** What a month's end brings an account: whole units of interest, and the fee where the balance does not waive it. A frozen account waits. */
function duesOf(account: EodAccount, balance: bigint, owedMicro: bigint): Due[] {
  const rates = byCurrency[account.currency];
  if (account.state === 'frozen' || !rates) return [];
  const { pay } = payable(owedMicro);
  return [
    ...(pay > 0n ? [{ account, kind: 'interest' as const, amount: pay }] : []),
    ...(rates.fee > 0n && balance > 0n && balance < rates.feeWaivedFrom ? [{ account, kind: 'fee' as const, amount: rates.fee }] : []),
  ];
}

/** Posts a month's end. A name stands for one account, kind and day, so whatever is asked twice is posted once. */
async function settle(tx: SectionTx, day: CivilDate, dues: readonly Due[], owed: Map<Uuid, bigint>, sums: Sums): Promise<void> {
  const house = new Map<Currency, { fees: Uuid; interest: Uuid }>();
  for (const currency of new Set(dues.map((d) => d.account.currency))) house.set(currency, await houseAccounts(tx, currency));
  const outcomes = await post(tx, dues.map(({ account, kind, amount }): Posting => {
    const { fees, interest } = house.get(account.currency) as { fees: Uuid; interest: Uuid };
    const sides = kind === 'interest' ? { debit: interest, credit: account.ledger } : { debit: account.ledger, credit: fees };
    const transfer: TransferDraft = {
      kind: 'transfer', ...sides, amount: money(amount, account.currency), effective: day, code: CODE[kind], ref: `eod ${kind} ${account.id} ${day}`,
    };
    return { by: ORIGIN, transfers: [transfer], fact: { subject: account.person, detail: { eod: day, kind } } };
  }));
  dues.forEach(({ account, kind, amount }, i) => {
    const sum = sumOf(sums, account.currency);
    const outcome = outcomes[i];
    // What the books do not take today (too little there, frozen meanwhile, days sealed) is owed on, or this month's fee is let go.
    if (!outcome?.ok) sum.putOff += 1;
    else if (!outcome.value.replayed) {
      if (kind === 'interest') {
        sum.interest += amount;
        owed.set(account.id, payable(owed.get(account.id) ?? 0n).stays);
      } else sum.fees += amount;
      const change = (kind === 'interest' ? amount : -amount).toString();
      tx.emit(ORIGIN, Booked, account.id, { account: account.id, person: account.person, change, currency: account.currency });
    }
  });
}

/**
 * Takes a run on by one batch of accounts, in one transaction: interest of the day for each, and at a month's end what is paid and taken. How
 * far it came stands in the same commit, so a run that was killed goes on where it stood. Resolves to whether there is more.
 */
export async function eodBatch(tx: SectionTx, day: CivilDate, most: number = EOD_BATCH_MAX): Promise<boolean> {
  const run = await lockRun(tx.sql, tx.tenant.id, day);
  if (run?.state !== 'running') return false;
  const accounts = await accountsAfter(tx.sql, tx.tenant.id, run.reached, endOf(tx, day), most);
  const sums: Sums = new Map();
  if (accounts.length) {
    const balances = await balancesOn(tx, accounts.map((a) => a.ledger), day);
    const balanceOf = (a: EodAccount): bigint => balances.get(a.ledger) ?? 0n;
    const accrued = accounts.flatMap((a) => {
      const ratePpm = byCurrency[a.currency]?.ratePpm ?? 0;
      const micro = dailyInterest(balanceOf(a), ratePpm, day);
      return micro > 0n ? [{ account: a.id, balance: balanceOf(a), ratePpm, micro, currency: a.currency }] : [];
    });
    // What is owed is locked first: an account that is being closed is waited for, and then takes no more interest.
    const owed = new Map((await lockOwed(tx.sql, tx.tenant.id, accounts.map((a) => a.id), day)).map((r) => [r.account, BigInt(r.owed)]));
    const fresh = new Set((await insertAccruals(tx.sql, tx.tenant.id, day, accrued)).map((r) => r.account));
    for (const a of accrued.filter((x) => fresh.has(x.account))) {
      owed.set(a.account, (owed.get(a.account) ?? 0n) + a.micro);
      sumOf(sums, a.currency).micro += a.micro;
    }
    const dues = isMonthEnd(day) ? accounts.flatMap((a) => duesOf(a, balanceOf(a), owed.get(a.id) ?? 0n)) : [];
    if (dues.length) await settle(tx, day, dues, owed, sums);
    tx.write(() => writeOwed(tx.sql, tx.tenant.id, [...owed].map(([account, micro]) => ({ account, micro }))));
    if (sums.size) tx.write(() => addTotals(tx.sql, tx.tenant.id, day, [...sums].map(([currency, s]) => ({ currency, ...s }))));
  }
  const over = accounts.length < most;
  const seen = run.done + accounts.length;
  tx.write(() => moveRun(tx.sql, tx.tenant.id, { day, reached: accounts.at(-1)?.id ?? run.reached, done: seen, state: over ? 'done' : 'running',
    finishedAt: over ? tx.now : null, now: tx.now }));
  if (over) tx.audit(ORIGIN, { action: 'wallet.eod-done', result: 'done', resource: day, detail: { accounts: seen } });
  return !over;
}

/** Takes on whatever run is under way, of every tenant that has wallets: one that was started here, or left by a process that is gone. */
export const eodRunner: Worker = {
  name: 'wallet.eod', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      for (const tenant of w.tenants().filter((t) => t.products.includes('wallet'))) {
        const [last] = await perform(w.cell, tenant, ORIGIN, (tx) => readRuns(tx.sql, tenant.id, 1));
        for (let more = last?.state === 'running'; more && !w.signal.aborted;) {
          more = await perform(w.cell, tenant, ORIGIN, (tx) => eodBatch(tx.section, (last as RunRow).day));
        }
      }
      await w.clock.sleep(EOD_EVERY_MS, w.signal);
    }
  },
};
