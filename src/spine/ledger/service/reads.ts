import { type CivilDate, type SectionTx, type Uuid } from '#kernel';
import { STATEMENT_ROWS_MAX, type Balance, type Entry, type StatementPage } from '../contract.ts';
import { kindName } from '../rules/check.ts';
import { dayOfUs } from '../rules/effective.ts';
import { accountNumber } from '../store/accounts.ts';
import { balanceAsOf, effectiveBalances, entriesBefore, type EntryRow } from '../store/reads.ts';
import type { StoredTransfer } from '../store/rows.ts';
import { readHolds, readTransfers } from '../store/transfers.ts';
import { daySpan } from './days.ts';
import { fixedOf } from './fixed.ts';

export type Reading = Pick<SectionTx, 'sql' | 'tenant'>;
const FAR_US = 2n ** 62n;

/** The balance as it was recorded at an instant, in µs since 1970: what was known then. undefined when there is no such account. */
export async function balanceAt(tx: Reading, account: Uuid, atUs: bigint): Promise<Balance | undefined> {
  const row = await accountNumber(tx.sql, account);
  if (!row) return undefined;
  const [at] = await balanceAsOf(tx.sql, row.no, atUs);
  const { balance: posted = 0n, pending_in: pendingIn = 0n, pending_out: pendingOut = 0n } = at ?? {};
  return { account, currency: row.currency, posted, pendingIn, pendingOut, available: posted - pendingOut };
}

/** The balance at the end of a civil day counted by effective dates, as far as it is known now. */
export async function balanceOn(tx: Reading, account: Uuid, day: CivilDate): Promise<bigint | undefined> {
  const [row, span] = await Promise.all([accountNumber(tx.sql, account), daySpan(tx, day)]);
  return row && (await effectiveBalances(tx.sql, [row.no], span))[0]?.balance;
}

/** Balances at the end of a civil day by effective date, of many accounts in one look; an account that is not there is left out. */
export async function balancesOn(tx: Reading & Pick<SectionTx, 'use' | 'afterCommit'>, accounts: readonly Uuid[], day: CivilDate):
  Promise<ReadonlyMap<Uuid, bigint>> {
  const fixed = await fixedOf(tx, new Set(accounts));
  const found = new Map((await effectiveBalances(tx.sql, fixed.map((a) => a.no), await daySpan(tx, day))).map((r) => [r.no, r.balance]));
  return new Map(fixed.flatMap((a) => (found.has(a.no) ? [[a.id, found.get(a.no) as bigint] as const] : [])));
}

/** Transfers by id, refused ones too; those that are not this tenant's are left out. */
export const transfersById = (tx: Reading, ids: readonly Uuid[]): Promise<StoredTransfer[]> => readTransfers(tx.sql, ids);

/** Holds that are open, by id: whose money they hold, and how much. */
export async function openHolds(tx: Reading, ids: readonly Uuid[]): Promise<{ id: Uuid; debit: Uuid; amount: bigint }[]> {
  const holds = new Map((await readHolds(tx.sql, ids)).map((h) => [h.id, h]));
  return (await readTransfers(tx.sql, [...holds.keys()])).flatMap((t) => (t.debit === null ? []
    : [{ id: t.id, debit: t.debit, amount: (holds.get(t.id) as { amount: bigint }).amount }]));
}

const toEntry = (zone: string, row: EntryRow, raises: boolean): Entry => ({
  transfer: row.id, group: row.group ?? row.id, atUs: row.at_us, effective: row.effective ?? dayOfUs(zone, row.at_us), kind: kindName(row.kind),
  side: row.debit ? 'debit' : 'credit', other: row.other, change: raises ? row.amount : -row.amount, balance: row.balance, code: row.code, trace: row.trace,
  target: row.target,
});

/** A page of posted movements in the order of recording, newest first, between two instants (µs; the later one excluded). */
export async function statement(tx: Reading, q: {
  readonly account: Uuid; readonly fromUs?: bigint; readonly beforeUs?: bigint; readonly cursor?: string; readonly limit?: number;
}): Promise<StatementPage | undefined> {
  const row = await accountNumber(tx.sql, q.account);
  if (!row) return undefined;
  const limit = Math.max(1, Math.min(q.limit ?? STATEMENT_ROWS_MAX, STATEMENT_ROWS_MAX));
  // A cursor that is none of ours reads from the top.
  const cursor = q.cursor !== undefined && /^[0-9]{1,18}$/.test(q.cursor) ? BigInt(q.cursor) : undefined;
  const before = cursor ?? q.beforeUs ?? FAR_US;
  const rows = await entriesBefore(tx.sql, row.no, q.fromUs ?? 0n, before, limit + 1);
  const entries = rows.slice(0, limit).map((r) => toEntry(tx.tenant.zone, r, r.debit === (row.flags % 2 === 1)));
  return { entries, next: rows.length > limit ? (entries.at(-1) as Entry).atUs.toString() : null };
}
