import { done, refuse, type Outcome, type SectionTx, type Uuid } from '#kernel';
import {
  accountRefused, FLAG, OPEN_MAX, type AccountDraft, type AccountView, type Balance, type ChartLine, type Guards,
} from '../contract.ts';
import {
  accountsOfHolder, fixedAccounts, insertAccounts, insertBook, insertChart, lockAccounts, readAccounts, readChart, setGuards, toBalance, type AccountRow,
  type ChartRow, type NewAccount,
} from '../store/accounts.ts';
import { accountIdOf } from '../rules/ids.ts';

type Reading = Pick<SectionTx, 'sql' | 'tenant'>;

/** The side that raises accounts of a kind, unless a line says otherwise (a contra account). */
const normalDebit = (line: ChartLine): boolean => (line.normal === undefined ? line.kind === 'asset' || line.kind === 'expense' : line.normal === 'debit');

/** Adds lines to the tenant's chart of accounts. A line that is there already stays as it is. */
export async function addChart(tx: SectionTx, lines: readonly ChartLine[]): Promise<void> {
  await Promise.all([
    insertBook(tx.sql, tx.tenant.id),
    insertChart(tx.sql, tx.tenant.id, lines.map((l): ChartRow => ({
      code: l.code, kind: l.kind, normal_debit: normalDebit(l), minimum: l.guards?.minimum ?? null, maximum: l.guards?.maximum ?? null,
      no_debit: l.guards?.noDebit ?? false, no_credit: l.guards?.noCredit ?? false,
    }))),
  ]);
}

const bound = (own: bigint | null | undefined, chart: bigint | null): bigint | null => (own === undefined ? chart : own);
const flagsOf = (debitNormal: boolean, noDebit: boolean, noCredit: boolean): number =>
  (debitNormal ? FLAG.normalDebit : 0) | (noDebit ? FLAG.noDebit : 0) | (noCredit ? FLAG.noCredit : 0);

/**
 * Opens accounts under codes of the chart, at most `OPEN_MAX`; resolves to their ids in the same order. An account of the same code,
 * currency and holder that is there already is answered as it stands. Refuses `account-refused`: `unknown-code`, `too-many`, `guards`.
 */
export async function openAccounts(tx: SectionTx, drafts: readonly AccountDraft[]): Promise<Outcome<Uuid[]>> {
  if (drafts.length > OPEN_MAX) return refuse(accountRefused, { reason: 'too-many', field: 'accounts', limit: String(OPEN_MAX) });
  const chart = new Map((await readChart(tx.sql, [...new Set(drafts.map((d) => d.code))])).map((row) => [row.code, row]));
  const rows: NewAccount[] = [];
  for (const d of drafts) {
    const line = chart.get(d.code);
    if (!line) return refuse(accountRefused, { reason: 'unknown-code', field: 'code', code: d.code });
    const minimum = bound(d.guards?.minimum, line.minimum), maximum = bound(d.guards?.maximum, line.maximum);
    if ((minimum ?? 0n) > 0n || (maximum ?? 0n) < 0n) return refuse(accountRefused, { reason: 'guards', field: 'guards', code: d.code });
    rows.push({
      id: accountIdOf(tx.tenant.id, d.code, d.currency, d.holder), code: d.code, currency: d.currency, holder: d.holder ?? null, minimum, maximum,
      flags: flagsOf(line.normal_debit, d.guards?.noDebit ?? line.no_debit, d.guards?.noCredit ?? line.no_credit),
    });
  }
  await insertAccounts(tx.sql, tx.tenant.id, tx.now, rows);
  return done(rows.map((row) => row.id));
}

const toView = (r: AccountRow): AccountView => ({
  ...toBalance(r), code: r.code, kind: r.kind, normal: r.flags & FLAG.normalDebit ? 'debit' : 'credit', holder: r.holder, minimum: r.minimum,
  maximum: r.maximum, noDebit: (r.flags & FLAG.noDebit) !== 0, noCredit: (r.flags & FLAG.noCredit) !== 0, frozen: (r.flags & FLAG.frozen) !== 0,
  state: r.flags & FLAG.closed ? 'closed' : r.flags & FLAG.closing ? 'closing' : 'open',
});

/** Accounts with their balances now, in the order asked; those that are not this tenant's are left out. */
export async function accounts(tx: Reading, ids: readonly Uuid[]): Promise<AccountView[]> {
  const found = new Map((await readAccounts(tx.sql, ids)).map((row) => [row.id, toView(row)]));
  return ids.flatMap((id) => found.get(id) ?? []);
}

/** The accounts of a holder, by code and currency. */
export async function accountsOf(tx: Reading, holder: Uuid): Promise<AccountView[]> {
  return accounts(tx, (await accountsOfHolder(tx.sql, holder)).map((row) => row.id));
}

/** Balances now, in the order asked. */
export async function balances(tx: Reading, ids: readonly Uuid[]): Promise<Balance[]> {
  return accounts(tx, ids);
}

async function change(tx: SectionTx, account: Uuid, guards: Guards, frozen: boolean | undefined): Promise<Outcome<AccountView>> {
  tx.locks('spine/ledger');
  const [fixed] = await fixedAccounts(tx.sql, [account]);
  const [row] = fixed ? await lockAccounts(tx.sql, [fixed.no]) : [];
  if (!row) return refuse(accountRefused, { reason: 'unknown-account', field: 'account' });
  if (row.flags & FLAG.closed) return refuse(accountRefused, { reason: 'closed', field: 'account' });
  const minimum = bound(guards.minimum, row.minimum), maximum = bound(guards.maximum, row.maximum);
  if (minimum !== null && row.posted - row.pending_out < minimum) return refuse(accountRefused, { reason: 'guards', field: 'minimum' });
  if (maximum !== null && row.posted + row.pending_in > maximum) return refuse(accountRefused, { reason: 'guards', field: 'maximum' });
  const bit = (flags: number, flag: number, on: boolean | undefined): number => (on === undefined ? flags : on ? flags | flag : flags & ~flag);
  const flags = bit(bit(bit(row.flags, FLAG.noDebit, guards.noDebit), FLAG.noCredit, guards.noCredit), FLAG.frozen, frozen);
  await setGuards(tx.sql, row.no, minimum, maximum, flags);
  const [view] = await accounts(tx, [account]);
  return done(view as AccountView);
}

/** Changes an account's guards. Refuses `account-refused` where its balance, pending movements counted, would break them. */
export const guard = (tx: SectionTx, account: Uuid, guards: Guards): Promise<Outcome<AccountView>> => change(tx, account, guards, undefined);
/** Stops all movements of an account, releases of holds excepted, or lets them through again. */
export const freeze = (tx: SectionTx, account: Uuid, frozen: boolean): Promise<Outcome<AccountView>> => change(tx, account, {}, frozen);
