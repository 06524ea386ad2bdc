import { z } from 'zod';
import { call, done, idOf, money, refuse, uuid, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { insufficientFunds, post, type Posted } from '#spine/ledger';
import { tenantKeys } from '#spine/vault';
import {
  accountClosed, accountFrozen, amountWrong, currencyDiffers, OrderChanged, SendOrder, unknownAccount, unknownOrder, zBankOrder, zOfOrder,
    type OrderView,
} from '../contract.ts';
import { BankRail, type BankOrder, type BankResult } from '../port.ts';
import { accountsById, type AccountRow } from '../store/accounts.ts';
import { endOrder, insertOrder, lockOrder, readOrder, type OrderRow } from '../store/orders.ts';
import { houseAccounts, mineKept, personOf } from './accounts.ts';

const bankPlace = (order: string): { table: string; column: string; row: string } => ({ table: 'wallet.bank_order', column: 'bank', row: order });
const ENDING_CHARS = 4;

const viewOf = (o: OrderRow): OrderView => ({
  order: idOf('word', o.id), account: idOf('wal', o.account), direction: o.direction, amount: money(o.amount, o.currency), ending: o.ending, state: o.state,
  reason: o.reason, createdAt: o.created_at, doneAt: o.done_at,
});

/** Makes an order: of money that leaves a hold is taken first, so that it cannot be spent meanwhile. The bank is asked after the commit. */
async function place(tx: Tx, input: z.output<typeof zBankOrder>, direction: 'in' | 'out'): Promise<Outcome<OrderView>> {
  const { account, amount, bank } = input.body;
  const row = await mineKept(tx, account);
  if (!row) return refuse(unknownAccount);
  if (row.state === 'frozen') return refuse(accountFrozen, { by: row.frozen_by });
  if (row.state === 'closed') return refuse(accountClosed);
  if (amount.amount <= 0n) return refuse(amountWrong, { field: 'amount' });
  if (amount.currency !== row.currency) return refuse(currencyDiffers, { from: row.currency, to: amount.currency });
  const id = tx.uuid();
  const house = await houseAccounts(tx.section, row.currency);
  let hold: Uuid | null = null;
  if (direction === 'out') {
    const [held] = await post(tx.section, [{
      by: tx, fact: { subject: row.person, detail: { order: id } },
      transfers: [{ kind: 'pending', debit: row.ledger, credit: house.bank, amount: money(amount.amount, row.currency), ref: `order ${id} hold` }],
    }]);
    if (!held?.ok) return held?.problem === insufficientFunds ? held : refuse(accountFrozen, {});
    hold = (held.value.transfers[0] as Posted['transfers'][number]).id;
  }
  const order: OrderRow = {
    id, account: row.id, person: row.person, direction, amount: amount.amount, currency: row.currency, bank: tenantKeys(tx.section).seal(bankPlace(id), bank),
    ending: bank.slice(-ENDING_CHARS), state: 'pending', hold, transfer: null, reason: null, created_at: tx.now, done_at: null,
  };
  tx.write(() => insertOrder(tx.sql, tx.tenant.id, order));
  tx.later(SendOrder, { order: id }, { key: id });
  tell(tx, order, 'pending');
  return done(viewOf(order));
}

function tell(tx: Tx, order: OrderRow, state: OrderRow['state']): void {
  tx.emit(OrderChanged, order.id, { order: order.id, person: order.person, state, direction: order.direction, amount: order.amount.toString(),
    currency: order.currency });
  tx.audit({ action: 'wallet.bank-order', result: 'done', subject: order.person, resource: idOf('word', order.id), detail: { state,
    direction: order.direction } });
}

/** Brings money from an account at a bank. */
export const topUp = (tx: Tx, input: z.output<typeof zBankOrder>): Promise<Outcome<OrderView>> => place(tx, input, 'in');
/** Sends money to an account at a bank. */
export const withdraw = (tx: Tx, input: z.output<typeof zBankOrder>): Promise<Outcome<OrderView>> => place(tx, input, 'out');

export async function showOrder(tx: Tx, input: z.output<typeof zOfOrder>): Promise<Outcome<OrderView>> {
  const order = await readOrder(tx.sql, tx.tenant.id, uuidOf(input.params.order));
  return order && order.person === personOf(tx) ? done(viewOf(order)) : refuse(unknownOrder);
}

/** Books what the bank did: money that came is credited, money that left is taken from its hold, what was refused is let go. */
async function book(tx: Tx, order: OrderRow, result: BankResult): Promise<void> {
  const [account] = await accountsById(tx.sql, tx.tenant.id, [order.account]);
  const house = await houseAccounts(tx.section, order.currency);
  const refused = result.state === 'refused';
  const amount = money(order.amount, order.currency);
  const fact = { subject: order.person, detail: { order: order.id } };
  const drafts = order.direction === 'in'
    ? (refused ? [] : [{ kind: 'transfer' as const, debit: house.bank, credit: (account as AccountRow).ledger, amount, ref: `order ${order.id}` }])
    : [{ kind: refused ? 'void' as const : 'post' as const, target: order.hold as Uuid, ref: `order ${order.id}` }];
  let transfer: Uuid | null = null;
  if (drafts.length) {
    const [posted] = await post(tx.section, [{ by: tx, fact, transfers: drafts }]);
    // Money that the bank moved has to be booked: what the books refuse here is for a person, and the job stays until somebody has looked.
    if (!posted?.ok) throw new Error(`an order could not be booked: ${String(posted?.data.reason)}`);
    transfer = (posted.value.transfers[0] as Posted['transfers'][number]).id;
  }
  const state = refused ? 'refused' : 'done';
  tx.write(() => endOrder(tx.sql, tx.tenant.id, { id: order.id, state, transfer: refused ? null : transfer, reason: refused ? result.reason : null }, tx.now));
  tell(tx, order, state);
}

const isOpen = (order: OrderRow | undefined): order is OrderRow => order !== undefined && (order.state === 'pending' || order.state === 'unknown');

/** Sends an order over the rail to the bank; an answer that does not come leaves the order unknown until asking tells. */
export const sendOrder = call<Omit<BankOrder, 'key'>, BankResult>({
  job: SendOrder,
  async request(tx, data) {
    const order = await readOrder(tx.sql, tx.tenant.id, data.order as string);
    if (!isOpen(order) || order.bank === null) return undefined;
    return {
      direction: order.direction === 'in' ? 'collect' : 'pay-out', amount: money(order.amount, order.currency),
      bank: tenantKeys(tx.section).open(bankPlace(order.id), order.bank),
    };
  },
  send: (request, context) => context.use(BankRail).send({ ...request, key: context.key }, context.signal),
  inquire: (_, context) => context.use(BankRail).inquire(context.key, context.signal),
  async record(tx, data, result) {
    const order = await lockOrder(tx.sql, tx.tenant.id, data.order as string);
    if (isOpen(order)) await book(tx, order, result);
  },
  async expire(tx, data) {
    const order = await lockOrder(tx.sql, tx.tenant.id, data.order as string);
    if (order?.state !== 'pending') return;
    await endOrder(tx.sql, tx.tenant.id, { id: uuid(order.id), state: 'unknown', transfer: null, reason: 'no answer' }, tx.now);
    tell(tx, order, 'unknown');
  },
  sendBudgetMs: 5_000,
  visibilityMs: 10_000,
  deadlineMs: 24 * 3_600_000,
});
