import { z } from 'zod';
import { addDays, daysBetween, done, idOf, money, perform, refuse, uuidOf, type Outcome, type SectionTx, type Tx, type Uuid, type Worker } from '#kernel';
import {
  accountClosed, amountWrong, currencyDiffers, dateWrong, PAYEE_CLOSED, payeeCannot, sameAccount, ScheduleEnded, SCHEDULE_AHEAD_DAYS_MAX, SCHEDULE_BATCH_MAX,
  SCHEDULE_EVERY_MS, SCHEDULES_MAX, schedulesUsed,
    unknownAccount,
  unknownPayee, unknownSchedule, zOfSchedule, zPlan, type ScheduleView,
} from '../contract.ts';
import { nextDue, payeeOf } from '../rules.ts';
import { accountsByHandle, accountsById, type AccountRow } from '../store/accounts.ts';
import { insertSchedule, lockDue, lockSchedule, schedulesOf, writeSchedule, type ScheduleRow } from '../store/payments.ts';
import { mineKept, personOf } from './accounts.ts';
import { pay } from './transfer.ts';

const viewOf = (r: ScheduleRow, accounts: ReadonlyMap<string, AccountRow>): ScheduleView => {
  const payee = accounts.get(r.payee);
  return {
    schedule: idOf('wsch', r.id), from: idOf('wal', r.payer), to: payee?.handle ? `@${payee.handle}` : idOf('wal', r.payee), amount: money(r.amount,
      r.currency),
    every: r.every, nextOn: r.next_on, state: r.state, runs: r.runs, lastProblem: r.last_problem,
  };
};

/** Schedules a payment for a civil day of the tenant's zone, once or again and again. */
export async function plan(tx: Tx, input: z.output<typeof zPlan>): Promise<Outcome<ScheduleView>> {
  const { from, to, amount, firstOn, every } = input.body;
  const payer = await mineKept(tx, from);
  if (!payer) return refuse(unknownAccount);
  if (payer.state === 'closed') return refuse(accountClosed);
  const named = payeeOf(to);
  const [payee] = !named ? [] : 'handle' in named ? await accountsByHandle(tx.sql, tx.tenant.id, [named.handle])
    : await accountsById(tx.sql, tx.tenant.id, [uuidOf(named.account)]);
  if (!payee) return refuse(unknownPayee);
  if (payee.id === payer.id) return refuse(sameAccount);
  if (payee.state === 'closed') return refuse(payeeCannot);
  if (amount.amount <= 0n) return refuse(amountWrong, { field: 'amount' });
  if (payer.currency !== amount.currency || payee.currency !== amount.currency) return refuse(currencyDiffers, { from: payer.currency, to: payee.currency });
  const ahead = daysBetween(tx.today, firstOn);
  if (ahead < 0 || ahead > SCHEDULE_AHEAD_DAYS_MAX) return refuse(dateWrong, { earliest: tx.today, latest: addDays(tx.today, SCHEDULE_AHEAD_DAYS_MAX) });
  const active = (await schedulesOf(tx.sql, tx.tenant.id, payer.person)).filter((s) => s.state === 'active');
  if (active.length >= SCHEDULES_MAX) return refuse(schedulesUsed);
  const row: ScheduleRow = {
    id: tx.uuid(), person: payer.person, payer: payer.id, payee: payee.id, amount: amount.amount, currency: payer.currency, every, first_on: firstOn,
      next_on: firstOn,
    state: 'active', runs: 0, last_problem: null,
  };
  await insertSchedule(tx.sql, tx.tenant.id, row, tx.now);
  tx.audit({ action: 'wallet.scheduled', result: 'done', subject: payer.person, resource: idOf('wsch', row.id), detail: { every, first_on: firstOn } });
  return done(viewOf(row, new Map([[payee.id, payee]])));
}

/** The caller's scheduled payments. */
export async function listSchedules(tx: Tx): Promise<Outcome<{ schedules: ScheduleView[] }>> {
  const rows = await schedulesOf(tx.sql, tx.tenant.id, personOf(tx));
  const accounts = new Map((await accountsById(tx.sql, tx.tenant.id, [...new Set(rows.map((r) => r.payee))])).map((a) => [a.id, a]));
  return done({ schedules: rows.map((r) => viewOf(r, accounts)) });
}

/** Stops a scheduled payment; one that is being made now is still made. */
export async function stop(tx: Tx, input: z.output<typeof zOfSchedule>): Promise<Outcome<ScheduleView>> {
  const row = await lockSchedule(tx.sql, tx.tenant.id, uuidOf(input.params.schedule));
  if (!row || row.person !== personOf(tx)) return refuse(unknownSchedule);
  const stopped = row.state === 'active' ? { ...row, state: 'stopped' as const } : row;
  await writeSchedule(tx.sql, tx.tenant.id, stopped);
  tx.audit({ action: 'wallet.schedule-stopped', result: 'done', subject: row.person, resource: idOf('wsch', row.id) });
  const accounts = new Map((await accountsById(tx.sql, tx.tenant.id, [row.payee])).map((a) => [a.id, a]));
  return done(viewOf(stopped, accounts));
}

const SCHEDULER = { kind: 'system', name: 'wallet.schedules' } as const;

/** Which of these accounts are closed, read after the books have decided: a closing that was waited for counts. */
async function closedOf(tx: SectionTx, ids: readonly Uuid[]): Promise<ReadonlySet<string>> {
  const rows = ids.length ? await accountsById(tx.sql, tx.tenant.id, [...new Set(ids)]) : [];
  return new Set(rows.flatMap((a) => (a.state === 'closed' ? [a.id] : [])));
}

/** Nothing will ever be paid by it again; who scheduled it is told once, as its row is locked here. */
function end(tx: SectionTx, s: ScheduleRow): void {
  const by = { actor: SCHEDULER, trace: s.id };
  tx.write(() => writeSchedule(tx.sql, tx.tenant.id, { id: s.id, next_on: s.next_on, state: 'stopped', runs: s.runs + 1, last_problem: PAYEE_CLOSED }));
  tx.emit(by, ScheduleEnded, s.id, { schedule: s.id, person: s.person, amount: s.amount.toString(), currency: s.currency });
  tx.audit(by, { action: 'wallet.schedule-ended', result: 'done', subject: s.person, resource: idOf('wsch', s.id) });
}

/**
 * Makes the payments that are due on the section's day; resolves to how many were looked at. A refused one says why and waits for its next day; one
 * into an account that is closed ends.
 */
export async function runDue(tx: SectionTx): Promise<number> {
  const due = await lockDue(tx.sql, tx.tenant.id, tx.today, SCHEDULE_BATCH_MAX);
  if (!due.length) return 0;
  const outcomes = await pay(tx, due.map((s) => ({
    by: { actor: SCHEDULER, trace: s.id }, person: s.person, from: s.payer, to: { account: s.payee }, amount: s.amount,
    currency: s.currency, cause: 'schedule', note: undefined,
  })));
  const closed = await closedOf(tx, due.flatMap((s, i) => (outcomes[i]?.ok ? [] : [s.payee])));
  due.forEach((s, i) => {
    const outcome = outcomes[i];
    if (!outcome?.ok && closed.has(s.payee)) {
      end(tx, s);
      return;
    }
    const next = nextDue(s.first_on, s.next_on, s.every);
    tx.write(() => writeSchedule(tx.sql, tx.tenant.id, {
      id: s.id, next_on: next ?? s.next_on, state: next ? 'active' : 'done', runs: s.runs + 1, last_problem: outcome?.ok ? null
        : outcome?.problem.code ?? null,
    }));
  });
  return due.length;
}

/** Looks for due payments of every tenant that has wallets. */
export const scheduler: Worker = {
  name: 'wallet.schedules', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      for (const tenant of w.tenants().filter((t) => t.products.includes('wallet'))) {
        for (let count = SCHEDULE_BATCH_MAX; count === SCHEDULE_BATCH_MAX && !w.signal.aborted;) {
          count = await perform(w.cell, tenant, { actor: SCHEDULER, trace: '0'.repeat(32) }, (tx) => runDue(tx.section));
        }
      }
      await w.clock.sleep(SCHEDULE_EVERY_MS, w.signal);
    }
  },
};
