import type { z } from 'zod';
import { addDays, daysBetween, done, idOf, money, refuse, uuidOf, type CivilDate, type Outcome, type Problem, type Refused, type Tx, type Uuid } from '#kernel';
import { balances, balancesOn, insufficientFunds, post, transferIdOf, type Balance, type Posted, type TransferDraft } from '#spine/ledger';
import {
  accountClosed, accountFrozen, ACCOUNTS_PER_PERSON_MAX, Closed, CLOSING_DAYS_MAX, CLOSING_REQUESTS_MAX, CODE, currencyDiffers, daysOpen, moneyUnderWay,
  payeeCannot, RequestChanged, restNeedsAccount, sameAccount, unknownAccount, zClose, zOfAccount, type ClosedView, type ClosingView,
} from '../contract.ts';
import { dailyInterest, payable } from '../rules.ts';
import { accountsById, accountsOfPerson, lockOwn, setClosed, type AccountRow } from '../store/accounts.ts';
import { endOwed, insertClosing, insertDays, lockOwedOf, readOwed, type Owed } from '../store/closing.ts';
import { readRuns } from '../store/eod.ts';
import { hasOpenOrder } from '../store/orders.ts';
import { activeSchedulesOf, endRequests, insertPayments, lockActive, lockOpen, openRequestsOf, stopSchedules } from '../store/payments.ts';
import { houseAccounts, mine, nowhere, personOf, viewOf } from './accounts.ts';
import { ratesOf } from './eod.ts';

interface Day { readonly day: CivilDate; readonly balance: bigint; readonly ratePpm: number; readonly micro: bigint }
/** Interest owed by the end of yesterday, and those of its days that no run has looked at yet. */
interface Due { readonly micro: bigint; readonly days: readonly Day[] }

const yesterday = (tx: Tx): CivilDate => addDays(tx.today, -1);

/** The last day of which every account has been looked at; undefined where there never was a run. */
async function lookedThrough(tx: Tx): Promise<CivilDate | undefined> {
  const [last] = await readRuns(tx.sql, tx.tenant.id, 1);
  return last && (last.state === 'done' ? last.day : addDays(last.day, -1));
}

/** What is owed; undefined where the runs are too far behind. */
async function dueOf(tx: Tx, row: AccountRow, looked: CivilDate | undefined, kept: Owed | undefined): Promise<Due | undefined> {
  const before = BigInt(kept?.owed ?? '0');
  const ratePpm = ratesOf(row.currency)?.ratePpm ?? 0;
  if (looked === undefined || ratePpm === 0) return { micro: before, days: [] };
  const first = addDays(kept && kept.through > looked ? kept.through : looked, 1);
  if (daysBetween(first, tx.today) > CLOSING_DAYS_MAX) return undefined;
  const days: Day[] = [];
  for (let day = first; day < tx.today; day = addDays(day, 1)) {
    const balance = (await balancesOn(tx.section, [row.ledger], day)).get(row.ledger) ?? 0n;
    const micro = dailyInterest(balance, ratePpm, day);
    if (micro > 0n) days.push({ day, balance, ratePpm, micro });
  }
  return { micro: days.reduce((sum, d) => sum + d.micro, before), days };
}

/** What stands in the way, whatever takes the rest. */
async function stands(tx: Tx, row: AccountRow, balance: Balance, due: Due | undefined): Promise<Problem | undefined> {
  if (row.state === 'closed') return accountClosed;
  if (row.state === 'frozen') return accountFrozen;
  if (balance.pendingIn !== 0n || balance.pendingOut !== 0n || await hasOpenOrder(tx.sql, tx.tenant.id, row.id)) return moneyUnderWay;
  return due ? undefined : daysOpen;
}

/** What closing an account of the caller's would come to now. Nothing is changed. */
export async function showClosing(tx: Tx, input: z.output<typeof zOfAccount>): Promise<Outcome<ClosingView>> {
  const row = await mine(tx, input.params.account);
  return row ? done(await closingOf(tx, row)) : refuse(unknownAccount);
}

/** The same of any account. */
export async function closingOf(tx: Tx, row: AccountRow): Promise<ClosingView> {
  const others = (await accountsOfPerson(tx.sql, tx.tenant.id, row.person, ACCOUNTS_PER_PERSON_MAX))
    .filter((a) => a.state === 'open' && a.currency === row.currency && a.id !== row.id);
  const [balance, ...theirs] = await balances(tx, [row.ledger, ...others.map((a) => a.ledger)]) as [Balance, ...Balance[]];
  const due = row.state === 'closed' ? undefined : await dueOf(tx, row, await lookedThrough(tx), await readOwed(tx.sql, tx.tenant.id, row.id));
  const interest = payable(due?.micro ?? 0n).pay;
  return {
    account: viewOf(row, balance), stands: ((await stands(tx, row, balance, due))?.code ?? null) as ClosingView['stands'],
    interest: money(interest, row.currency), rest: money(balance.posted + interest, row.currency),
    into: others.map((a, i) => ({ account: idOf('wal', a.id), handle: a.handle === null ? null : `@${a.handle}`,
      balance: money((theirs[i] as Balance).posted, a.currency) })),
    requests: (await openRequestsOf(tx.sql, tx.tenant.id, row.id, tx.now, CLOSING_REQUESTS_MAX)).length,
    schedules: (await activeSchedulesOf(tx.sql, tx.tenant.id, row.person, row.id)).length,
  };
}

/** What hangs on an account, locked before its books are: whoever decides one of these at the same time comes first or finds it ended. */
interface Hanging { readonly requests: readonly { id: Uuid; payee: Uuid; payer: Uuid }[]; readonly schedules: readonly { id: Uuid }[] }

async function lockHanging(tx: Tx, row: AccountRow): Promise<Hanging> {
  const open = await openRequestsOf(tx.sql, tx.tenant.id, row.id, tx.now, CLOSING_REQUESTS_MAX);
  const requests = open.length ? await lockOpen(tx.sql, tx.tenant.id, open.map((r) => r.id)) : [];
  const active = await activeSchedulesOf(tx.sql, tx.tenant.id, row.person, row.id);
  return { requests, schedules: active.length ? await lockActive(tx.sql, tx.tenant.id, active.map((s) => s.id)) : [] };
}

/** Its own requests are taken back, those to it are declined, its holder's payments from and into it are stopped. */
async function endHanging(tx: Tx, row: AccountRow, { requests, schedules }: Hanging): Promise<void> {
  if (requests.length) {
    await endRequests(tx.sql, tx.tenant.id, requests.map((r) => r.id), row.id, tx.now);
    const persons = new Map((await accountsById(tx.sql, tx.tenant.id, [...new Set(requests.flatMap((r) => [r.payer, r.payee]))])).map((a) => [a.id, a.person]));
    for (const r of requests) {
      const state = r.payee === row.id ? 'cancelled' : 'declined';
      tx.emit(RequestChanged, r.id, { request: r.id, payer: persons.get(r.payer) as Uuid, payee: persons.get(r.payee) as Uuid, state });
      tx.audit({ action: 'wallet.request', result: 'done', subject: row.person, resource: idOf('wreq', r.id), detail: { state } });
    }
  }
  if (schedules.length) await stopSchedules(tx.sql, tx.tenant.id, schedules.map((s) => s.id));
  for (const s of schedules) tx.audit({ action: 'wallet.schedule-stopped', result: 'done', subject: row.person, resource: idOf('wsch', s.id) });
}

interface Left { readonly rest: bigint; readonly transfer: Uuid | null }

/** Pays the interest, takes all that is there and closes the books' account: one posting, so all of it happens or nothing. */
async function closeBooks(tx: Tx, row: AccountRow, into: AccountRow | undefined, interest: bigint): Promise<Outcome<Left>> {
  const ref = `closing ${row.id} ${tx.uuid()}`;
  const to = into ? into.ledger : await nowhere(tx.section, row.currency);
  const paid: TransferDraft[] = interest > 0n ? [{
    kind: 'transfer', debit: (await houseAccounts(tx.section, row.currency)).interest, credit: row.ledger, amount: money(interest, row.currency),
    code: CODE.interest,
  }] : [];
  const [outcome] = await post(tx.section, [{
    by: tx, fact: { subject: row.person, detail: { closing: row.id } }, transfers: [
      ...paid, { kind: 'closing', account: row.ledger, into: to, code: CODE.closing, ref },
      { kind: 'post', target: transferIdOf(tx.tenant.id, ref), code: CODE.closing },
    ],
  }]);
  if (outcome?.ok) {
    const last = outcome.value.transfers.at(-1) as Posted['transfers'][number];
    return done({ rest: last.amount.amount, transfer: last.amount.amount > 0n ? last.id : null });
  }
  const reason = String(outcome?.data.reason);
  if (reason === 'holds-open') return refuse(moneyUnderWay);
  // Money came in at this moment, and nothing was named that could take it.
  if (reason === 'above-maximum' && !into) return refuse(restNeedsAccount);
  if (outcome?.problem === insufficientFunds) throw new Error('an account of less than nothing');
  if (reason.startsWith('debit-account-clos')) return refuse(accountClosed);
  if (reason.startsWith('debit-account-frozen')) return refuse(accountFrozen);
  throw new Error(`an account could not be closed: ${reason}`);
}

/** Why the account that is to take the rest cannot; the holder's own one, or none. */
function againstInto(row: AccountRow, into: AccountRow | undefined): Refused | undefined {
  if (!into) return refuse(unknownAccount, { field: 'into' });
  if (into.id === row.id) return refuse(sameAccount);
  if (into.currency !== row.currency) return refuse(currencyDiffers, { from: row.currency, to: into.currency });
  return into.state === 'open' ? undefined : refuse(payeeCannot);
}

/** What is closed, for whom, and how: by the office where two operators agreed on it. */
export interface Ending {
  readonly person: Uuid; readonly id: Uuid; readonly into: Uuid | undefined; readonly letGo: boolean;
  readonly office?: { readonly id: Uuid; readonly reason: string; readonly askedBy: Uuid };
}

/** Closes an account of the caller's. */
export const close = (tx: Tx, { params, body }: z.output<typeof zClose>): Promise<Outcome<ClosedView>> => closeFor(tx, {
  person: personOf(tx), id: uuidOf(params.account), into: body.into === undefined ? undefined : uuidOf(body.into), letGo: body.letGo ?? false,
});

/**
 * Closes an account of a holder's: whole units of interest are paid, all that is there goes `into` another account of theirs, and what hangs on it
 * ends, in one commit. Its name stays its own. What closes empty closes into an account that may hold nothing: should money come in at that moment,
 * the books refuse.
 */
export async function closeFor(tx: Tx, e: Ending): Promise<Outcome<ClosedView>> {
  const { id, into: named } = e;
  const rows = new Map((await lockOwn(tx.sql, tx.tenant.id, e.person, [id, ...(named ? [named] : [])])).map((a) => [a.id, a]));
  const row = rows.get(id);
  if (!row) return refuse(unknownAccount);
  if (row.state === 'closed') return no(tx, row, refuse(accountClosed));
  const into = named && rows.get(named);
  const wrong = named && againstInto(row, into);
  if (wrong) return no(tx, row, wrong);
  const hanging = await lockHanging(tx, row);
  const looked = await lookedThrough(tx);
  const due = await dueOf(tx, row, looked, await lockOwedOf(tx.sql, tx.tenant.id, id, looked ?? yesterday(tx)));
  const [balance] = await balances(tx, [row.ledger]) as [Balance];
  const problem = await stands(tx, row, balance, due);
  if (problem || !due) return no(tx, row, refuse(problem ?? daysOpen, problem === accountFrozen ? { by: row.frozen_by } : {}));
  const interest = e.letGo && !into ? 0n : payable(due.micro).pay;
  if (!into && balance.posted + interest > 0n) {
    return no(tx, row, refuse(restNeedsAccount, { rest: (balance.posted + interest).toString(), interest: interest.toString() }));
  }
  return settle(tx, { row, into, due, interest, hanging, office: e.office });
}

interface Decided {
  readonly row: AccountRow; readonly into: AccountRow | undefined; readonly due: Due; readonly interest: bigint; readonly hanging: Hanging;
  readonly office: Ending['office'];
}

async function settle(tx: Tx, { row, into, due, interest, hanging, office }: Decided): Promise<Outcome<ClosedView>> {
  const left = await closeBooks(tx, row, into, interest);
  if (!left.ok) return no(tx, row, left);
  const { rest, transfer } = left.value;
  await endHanging(tx, row, hanging);
  const [requests, schedules] = [hanging.requests.length, hanging.schedules.length];
  if (due.days.length) await insertDays(tx.sql, tx.tenant.id, row.id, due.days);
  await endOwed(tx.sql, tx.tenant.id, row.id, yesterday(tx));
  if (transfer) {
    await insertPayments(tx.sql, tx.tenant.id, [{ id: tx.uuid(), payer: row.id, payee: (into as AccountRow).id, amount: rest, currency: row.currency,
      cause: 'closing', transfer, note: null, payee_handle: null }], tx.now);
  }
  await setClosed(tx.sql, tx.tenant.id, row.id, office !== undefined, tx.now);
  await insertClosing(tx.sql, tx.tenant.id, { account: row.id, into: into?.id ?? null, rest, interest, letGoMicro: due.micro - interest * 1_000_000n, requests,
    schedules }, tx.now);
  tx.emit(Closed, row.id, { account: row.id, person: row.person, into: into?.id ?? null, rest: rest.toString(), currency: row.currency, requests, schedules,
    ...(office ? { office: true } : {}) });
  tx.audit({ action: 'wallet.closed', result: 'done', subject: row.person, resource: idOf('wal', row.id),
    detail: { requests, schedules, ...(office ? { closing: idOf('wclo', office.id), reason: office.reason, asked_by: office.askedBy } : {}) } });
  const [closed] = await accountsById(tx.sql, tx.tenant.id, [row.id]) as [AccountRow];
  const [after] = await balances(tx, [row.ledger]) as [Balance];
  return done({
    account: viewOf(closed, after), into: into ? idOf('wal', into.id) : null, rest: money(rest, row.currency),
    interest: money(interest, row.currency), requests, schedules,
  });
}

function no(tx: Tx, row: AccountRow, refused: Refused): Refused {
  tx.audit({ action: 'wallet.closed', result: 'refused', subject: row.person, resource: idOf('wal', row.id), problem: refused.problem.code });
  return refused;
}
