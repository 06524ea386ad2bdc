import { z } from 'zod';
import { done, idOf, instantOfUs, money, refuse, type Outcome, type SectionTx, type Tx } from '#kernel';
import { balances, statement, type Balance, type Entry as LedgerEntry } from '#spine/ledger';
import { tenantKeys } from '#spine/vault';
import { ACTIVITY_ROWS_MAX, CODE, unknownAccount, zActivity, zActivityPage, type Entry } from '../contract.ts';
import { accountsById, type AccountRow } from '../store/accounts.ts';
import { ordersByTransfer } from '../store/orders.ts';
import { paymentsOf, type PaymentRow } from '../store/payments.ts';
import { mine, viewOf } from './accounts.ts';
import { notePlace } from './transfer.ts';

const nameOf = (a: AccountRow | undefined): string | null => (a ? (a.handle === null ? idOf('wal', a.id) : `@${a.handle}`) : null);

interface Why { readonly payment?: PaymentRow | undefined; readonly order?: { direction: 'in' | 'out'; ending: string } | undefined }

function entryOf(tx: SectionTx, account: AccountRow, e: LedgerEntry, why: Why, others: ReadonlyMap<string, AccountRow>): Entry {
  const { payment, order } = why;
  const base = {
    transfer: e.transfer, at: instantOfUs(e.atUs), change: money(e.change, account.currency), balance: money(e.balance, account.currency),
      trace: e.trace, effective: e.effective, reversal: e.kind === 'reversal',
  };
  if (payment) {
    const sent = payment.payer === account.id;
    return {
      ...base, kind: (payment.cause === 'closing' ? ['closing-to', 'closing-of'] as const : ['sent', 'received'] as const)[sent ? 0 : 1],
      with: nameOf(others.get(sent ? payment.payee : payment.payer)),
      note: payment.note === null ? null : tenantKeys(tx).open(notePlace(payment.id), payment.note),
    };
  }
  if (order) return { ...base, kind: order.direction === 'in' ? 'added' : 'withdrawn', with: `•••• ${order.ending}`, note: null };
  const kind = e.code === CODE.interest ? 'interest' : e.code === CODE.fee ? 'fee' : 'other';
  return { ...base, kind, with: null, note: null };
}

/** What moved an account, with the balance after each movement: the ledger's rows, and why each of them is there. */
export async function entriesOf(tx: SectionTx, account: AccountRow, q: { cursor?: string; limit: number; fromUs?: bigint; beforeUs?: bigint }):
  Promise<{ entries: Entry[]; next: string | null; newestUs: bigint | null }> {
  const page = await statement(tx, { account: account.ledger, ...q });
  if (!page) throw new Error('an account without its books');
  const transfers = page.entries.map((e) => e.transfer);
  if (!transfers.length) return { entries: [], next: null, newestUs: null };
  const [payments, orders] = await Promise.all([paymentsOf(tx.sql, tx.tenant.id, transfers), ordersByTransfer(tx.sql, tx.tenant.id, transfers)]);
  const others = new Map((await accountsById(tx.sql, tx.tenant.id, [...new Set(payments.flatMap((p) => [p.payer, p.payee]))])).map((a) => [a.id, a]));
  const paymentOf = new Map(payments.map((p) => [p.transfer, p]));
  const orderOf = new Map(orders.map((o) => [o.transfer, o]));
  return { entries: page.entries.map((e) => entryOf(tx, account, e, { payment: paymentOf.get(e.transfer), order: orderOf.get(e.transfer) }, others)),
    next: page.next, newestUs: page.entries[0]?.atUs ?? null };
}

/** One page of an account's activity, newest first. */
export async function activity(tx: Tx, input: z.output<typeof zActivity>): Promise<Outcome<z.output<typeof zActivityPage>>> {
  const account = await mine(tx, input.params.account);
  if (!account) return refuse(unknownAccount);
  const { cursor, limit } = input.query ?? {};
  const rows = Math.max(1, Math.min(limit === undefined ? ACTIVITY_ROWS_MAX : Number.parseInt(limit, 10), ACTIVITY_ROWS_MAX));
  const [balance] = await balances(tx, [account.ledger]);
  const { entries, next } = await entriesOf(tx.section, account, { limit: rows, ...(cursor === undefined ? {} : { cursor }) });
  tx.audit({ action: 'wallet.viewed', result: 'done', subject: account.person, resource: idOf('wal', account.id) });
  return done({ account: viewOf(account, balance as Balance), entries, next });
}
