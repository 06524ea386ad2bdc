import {
  done, idOf, isCurrency, money, refuse, uuidOf, type Currency, type Outcome, type SectionTx, type Tx, type Uuid,
} from '#kernel';
import { addChart, balances, freeze, openAccounts, type Balance } from '#spine/ledger';
import { z } from 'zod';
import {
  accountClosed, accountFrozen, ACCOUNTS_PER_PERSON_MAX, accountsUsed, CHART, CLOSED_SHOWN_MAX,
  currencyUnknown, handleTaken, Opened, unknownAccount, zAccounts, zClaim, zFreeze,
  zLimits, zOfAccount, zOpen, type AccountView, type LimitsView, type ReceiveView, type Tier,
} from '../contract.ts';
import { monthOf, usageOn } from '../rules.ts';
import {
  accountsByHandle, accountsById, accountsOfPerson, claimHandle, dropHandle, insertAccount, keepStates, lockAccount, putHolder, readUsage, setState, tiersOf,
    type AccountRow,
} from '../store/accounts.ts';
import { screen } from './screening.ts';
import { limitsOf, offered } from './tiers.ts';

/** The person who asks; routes of this module let nobody else through. */
export function personOf(by: { readonly actor: Tx['actor'] }): Uuid {
  if (by.actor.kind !== 'person') throw new Error('a wallet without a person');
  return by.actor.id;
}

/** The tenant's own accounts: where money is that customers are owed, and what is earned and paid. */
export async function houseAccounts(tx: SectionTx, currency: Currency): Promise<{ bank: Uuid; fees: Uuid; interest: Uuid }> {
  await addChart(tx, [
    { code: CHART.customer, kind: 'liability', guards: { minimum: 0n } }, { code: CHART.bank, kind: 'asset' }, { code: CHART.fees, kind: 'income' },
    { code: CHART.interest, kind: 'expense' },
  ]);
  const opened = await openAccounts(tx, [{ code: CHART.bank, currency }, { code: CHART.fees, currency }, { code: CHART.interest, currency }]);
  if (!opened.ok) throw new Error('the house accounts did not open');
  const [bank, fees, interest] = opened.value as [Uuid, Uuid, Uuid];
  return { bank, fees, interest };
}

/** An account that may hold nothing, ever. */
export async function nowhere(tx: SectionTx, currency: Currency): Promise<Uuid> {
  await addChart(tx, [{ code: CHART.nothing, kind: 'liability', guards: { minimum: 0n, maximum: 0n } }]);
  const opened = await openAccounts(tx, [{ code: CHART.nothing, currency }]);
  if (!opened.ok) throw new Error('the account for nothing did not open');
  return opened.value[0] as Uuid;
}

export function viewOf(row: AccountRow, b: Balance): AccountView {
  return {
    account: idOf('wal', row.id), currency: row.currency, handle: row.handle === null ? null : `@${row.handle}`, state: row.state, frozenBy: row.frozen_by,
    balance: money(b.posted, row.currency), available: money(b.available, row.currency), held: money(b.pendingOut, row.currency), openedAt: row.opened_at,
    closedAt: row.closed_at, closedBy: row.state !== 'closed' ? null : row.closed_by_office ? 'operator' : 'holder',
  };
}

async function views(tx: SectionTx, rows: readonly AccountRow[]): Promise<AccountView[]> {
  const known = new Map((await balances(tx, rows.map((r) => r.ledger))).map((b) => [b.account, b]));
  return rows.map((row) => {
    const balance = known.get(row.ledger);
    if (!balance) throw new Error('an account without its books');
    return viewOf(row, balance);
  });
}

/** Opens an account in a currency that the tenant offers. */
export async function open(tx: Tx, input: z.output<typeof zOpen>): Promise<Outcome<AccountView>> {
  const person = personOf(tx);
  const { currency } = input.body;
  if (!isCurrency(currency) || !limitsOf(currency, 0)) return refuse(currencyUnknown, { offered: offered().join(' ') });
  await putHolder(tx.sql, tx.tenant.id, person, 1, tx.now);
  // Opened all the same: whom the holder is like is for an operator to decide, and stands in the way of more.
  await screen(tx, person);
  const mine = await accountsOfPerson(tx.sql, tx.tenant.id, person, ACCOUNTS_PER_PERSON_MAX);
  if (mine.filter((a) => a.state !== 'closed').length >= ACCOUNTS_PER_PERSON_MAX) return refuse(accountsUsed);
  await houseAccounts(tx.section, currency);
  const id = tx.uuid();
  const opened = await openAccounts(tx.section, [{ code: CHART.customer, currency, holder: id }]);
  if (!opened.ok) throw new Error('a customer account did not open');
  const ledger = opened.value[0] as Uuid;
  await insertAccount(tx.sql, tx.tenant.id, { id, person, currency, ledger }, tx.now);
  tx.emit(Opened, id, { account: id, person, currency });
  tx.audit({ action: 'wallet.opened', result: 'done', subject: person, resource: idOf('wal', id), detail: { currency } });
  return done((await views(tx.section, await accountsById(tx.sql, tx.tenant.id, [id])))[0] as AccountView);
}

/** The caller's accounts with their balances, and those closed last. */
export async function list(tx: Tx): Promise<Outcome<z.output<typeof zAccounts>>> {
  const person = personOf(tx);
  const rows = await accountsOfPerson(tx.sql, tx.tenant.id, person, ACCOUNTS_PER_PERSON_MAX + CLOSED_SHOWN_MAX);
  const [known] = await tiersOf(tx.sql, tx.tenant.id, [person]);
  const all = await views(tx.section, rows);
  const closed = all.filter((a) => a.state === 'closed').slice(0, CLOSED_SHOWN_MAX);
  return done({ accounts: all.filter((a) => a.state !== 'closed'), closed, tier: known?.tier ?? 0 });
}

/** One account of the caller's; the same refusal for another's and for none. */
export async function mine(tx: Pick<Tx, 'sql' | 'tenant' | 'actor'>, account: `wal_${string}`): Promise<AccountRow | undefined> {
  const [row] = await accountsById(tx.sql, tx.tenant.id, [uuidOf(account)]);
  return row && row.person === personOf(tx) ? row : undefined;
}

/** The same, and whatever becomes of the account waits until this is committed: nobody closes or freezes it meanwhile. */
export async function mineKept(tx: Tx, account: `wal_${string}`): Promise<AccountRow | undefined> {
  const row = await mine(tx, account);
  const [kept] = row ? await keepStates(tx.sql, tx.tenant.id, [row.id]) : [];
  return row && kept && { ...row, state: kept.state };
}

export async function show(tx: Tx, input: z.output<typeof zOfAccount>): Promise<Outcome<AccountView>> {
  const row = await mine(tx, input.params.account);
  return row ? done((await views(tx.section, [row]))[0] as AccountView) : refuse(unknownAccount);
}

/** An account of the caller's, and the web origin that its code leads to. */
export async function receive(tx: Tx, input: z.output<typeof zOfAccount>): Promise<Outcome<ReceiveView>> {
  const shown = await show(tx, input);
  return shown.ok ? done({ account: shown.value, site: siteOf(tx) }) : shown;
}

/** The web origin that was asked. */
export function siteOf(tx: Tx): string {
  if (tx.site === undefined) throw new Error('a link needs a request');
  return tx.site;
}

/** Names an account, so that money can be sent to it. */
export async function claim(tx: Tx, input: z.output<typeof zClaim>): Promise<Outcome<AccountView>> {
  const row = await mineKept(tx, input.params.account);
  if (!row) return refuse(unknownAccount);
  if (row.state === 'closed') return refuse(accountClosed);
  const handle = input.body.handle.slice(1);
  if (row.handle !== handle) {
    const [held] = await accountsByHandle(tx.sql, tx.tenant.id, [handle]);
    // A closed account's name stays its holder's, who may give it to another account of theirs.
    const own = held?.state === 'closed' && held.person === row.person;
    if (held && !own) return refuse(handleTaken);
    if (own) await dropHandle(tx.sql, tx.tenant.id, held.id);
    await dropHandle(tx.sql, tx.tenant.id, row.id);
    // Somebody may have taken it since: then nothing is given up either.
    if (!(await claimHandle(tx.sql, tx.tenant.id, handle, row.id, tx.now)).length) throw Object.assign(new Error('a name was taken at the same time'),
      { code: '40001' });
  }
  tx.audit({ action: 'wallet.named', result: 'done', subject: row.person, resource: idOf('wal', row.id), detail: { handle } });
  return done((await views(tx.section, await accountsById(tx.sql, tx.tenant.id, [row.id])))[0] as AccountView);
}

/** Freezes an account or lets it go. A holder lets go only what they froze themselves. */
export async function setFrozen(tx: Tx, input: z.output<typeof zFreeze>): Promise<Outcome<AccountView>> {
  const id = uuidOf(input.params.account);
  const by = tx.actor.kind === 'person' ? 'holder' : 'operator';
  const row = await lockAccount(tx.sql, tx.tenant.id, id);
  if (!row || (by === 'holder' && row.person !== personOf(tx))) return refuse(unknownAccount);
  if (row.state === 'closed') return refuse(accountClosed);
  const { frozen } = input.body;
  if (row.state === 'frozen' && row.frozen_by === 'operator' && by === 'holder') return refuse(accountFrozen);
  await setState(tx.sql, tx.tenant.id, id, frozen ? 'frozen' : 'open', frozen ? by : null);
  const changed = await freeze(tx.section, row.ledger, frozen);
  if (!changed.ok) throw new Error('an account of the books could not be frozen');
  tx.audit({ action: frozen ? 'wallet.frozen' : 'wallet.unfrozen', result: 'done', subject: row.person, resource: idOf('wal', id), detail: { by } });
  return done((await views(tx.section, await accountsById(tx.sql, tx.tenant.id, [id])))[0] as AccountView);
}

/** What the caller may send, and what of it is used. */
export async function limits(tx: Tx): Promise<Outcome<z.output<typeof zLimits>>> {
  const person = personOf(tx);
  const [known] = await tiersOf(tx.sql, tx.tenant.id, [person]);
  const tier: Tier = known?.tier ?? 0;
  const used = new Map((await readUsage(tx.sql, tx.tenant.id, person)).map((u) => [u.currency, u]));
  return done({
    tier, limits: offered().flatMap((currency): LimitsView['limits'] => {
      const of = limitsOf(currency, tier);
      const row = used.get(currency);
      const usage = usageOn(row
        ? { day: row.day, daySpent: row.day_spent, dayCount: row.day_count, month: row.month, monthSpent: row.month_spent }
        : { day: tx.today, daySpent: 0n, dayCount: 0, month: monthOf(tx.today), monthSpent: 0n }, tx.today);
      return of ? [{
        currency, perTransfer: of.perTransfer, perDay: of.perDay, perMonth: of.perMonth, countPerDay: of.countPerDay, spentToday: usage.daySpent,
        spentThisMonth: usage.monthSpent, countToday: usage.dayCount,
      }] : [];
    }),
  });
}
