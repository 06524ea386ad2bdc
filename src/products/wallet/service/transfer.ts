import { z } from 'zod';
import { LRUCache } from 'lru-cache';
import {
  allOf, common, done, idOf, money, provide, refuse, token, type Item, type Money, type Origin, type Outcome, type Provided, type Refused, type SectionTx,
  type Uuid,
} from '#kernel';
import { insufficientFunds, lockAhead, post, transferInvalid, transfersById, type Ahead, type Posted, type Posting } from '#spine/ledger';
import { tenantKeys } from '#spine/vault';
import {
  accountClosed, accountFrozen, amountWrong, currencyDiffers, limitReached, payeeCannot, PaymentMade, sameAccount, unknownAccount, unknownPayee, zTransfer,
    type Paid,
} from '../contract.ts';
import { count, limitBroken, monthOf, payeeOf, usageOn, type Usage } from '../rules.ts';
import { accountsByHandle, lockUsage, makeUsage, partiesById, writeUsage, type LockedUsage, type PartyRow, type UsageKey } from '../store/accounts.ts';
import { insertPayments, paymentsById, type PaymentRow } from '../store/payments.ts';
import { personOf } from './accounts.ts';
import { limitsOf } from './tiers.ts';

export const notePlace = (payment: string): { table: string; column: string; row: string } => ({ table: 'wallet.payment', column: 'note', row: payment });

/** A payment that somebody wants: from an account of theirs to a handle or an account. */
export interface Wish {
  readonly by: Origin;
  /** Whose money it is: the caller, or who scheduled it. */
  readonly person: Uuid;
  readonly from: Uuid;
  readonly to: { readonly handle: string } | { readonly account: Uuid } | undefined;
  readonly amount: bigint;
  readonly currency: string;
  readonly cause: PaymentRow['cause'];
  readonly note: string | undefined;
  /** The key of the request that asks for it, where it has one; the payment is named by it. */
  readonly name?: Uuid | undefined;
}

interface Ready { readonly wish: Wish; readonly payer: PartyRow; readonly payee: PartyRow; readonly usage: Usage; readonly id: Uuid }
type Decided = { readonly no: Refused } | { readonly ready: Ready };

interface Known { readonly byId: Map<string, PartyRow>; readonly byHandle: Map<string, PartyRow> }

async function readAccounts(tx: SectionTx, wishes: readonly Wish[]): Promise<Known> {
  // Whose handle is shown: who is paid.
  const ids = new Map<string, boolean>(), handles = new Set<string>();
  for (const w of wishes) if (w.to && 'account' in w.to) ids.set(w.to.account, true);
  for (const w of wishes) {
    if (!ids.has(w.from)) ids.set(w.from, false);
    if (w.to && 'handle' in w.to) handles.add(w.to.handle);
  }
  const [named, numbered] = await Promise.all([
    handles.size ? accountsByHandle(tx.sql, tx.tenant.id, [...handles]) : [], partiesById(tx.sql, tx.tenant.id, [...ids.keys()], [...ids.values()]),
  ]);
  return { byId: new Map(numbered.map((a) => [a.id, a])), byHandle: new Map(named.map((a) => [a.handle as string, a])) };
}

const usageName = (person: string, currency: string): string => `${person} ${currency}`;

interface Parties { readonly payer: PartyRow; readonly payee: PartyRow }
/** What stands against a payment before the books are asked, in this order. */
function against(w: Wish, known: Known): Refused | Parties {
  const payer = known.byId.get(w.from);
  if (!payer || payer.person !== w.person) return refuse(unknownAccount);
  const payee = w.to && ('handle' in w.to ? known.byHandle.get(w.to.handle) : known.byId.get(w.to.account));
  if (!payee) return refuse(unknownPayee);
  if (payer.id === payee.id) return refuse(sameAccount);
  if (w.amount <= 0n) return refuse(amountWrong, { field: 'amount' });
  if (payer.currency !== w.currency || payee.currency !== w.currency) return refuse(currencyDiffers, { from: payer.currency, to: payee.currency });
  if (payer.state === 'frozen') return refuse(accountFrozen, { by: payer.frozen_by });
  if (payer.state === 'closed') return refuse(accountClosed);
  if (payee.state !== 'open') return refuse(payeeCannot);
  return { payer, payee };
}

/** Of whom it is known that their usage has a row, which is never removed. */
const Counted = token<LRUCache<string, Uuid>>('wallet.counted');
const COUNTED_MAX = 200_000;
export const countedState: Provided = provide(Counted, () => new LRUCache<string, Uuid>({ max: COUNTED_MAX }));

/** What payers have used, once a payer and currency, in the order in which it is locked. */
const usagesOf = (pairs: readonly Parties[]): UsageKey[] =>
  [...new Map(pairs.map(({ payer: p }) => [usageName(p.person, p.currency), { person: p.person, currency: p.currency }])).values()]
    .toSorted((a, b) => (a.person === b.person ? (a.currency < b.currency ? -1 : 1) : a.person < b.person ? -1 : 1));

/** Locks what the payers have used, and makes rows where there are none. */
async function lockUsages(tx: SectionTx, keys: readonly UsageKey[]): Promise<LockedUsage[]> {
  let rows = await lockUsage(tx.sql, tx.tenant.id, keys);
  if (rows.length < keys.length) {
    await makeUsage(tx.sql, tx.tenant.id, keys, tx.today, monthOf(tx.today));
    rows = await lockUsage(tx.sql, tx.tenant.id, keys);
  }
  return rows;
}

interface Locked { readonly usages: ReadonlyMap<string, LockedUsage>; readonly books: Ahead }
/**
 * Locks what payers have used and then the accounts in the books, in one flight: who comes next then waits for one answer less. Where a row of
 * usage may have to be made first, the books are locked only when all of usage is, as the order of locks has it.
 */
async function lock(tx: SectionTx, pairs: readonly Parties[]): Promise<Locked> {
  const counted = tx.use(Counted);
  const keys = usagesOf(pairs);
  const accounts = new Set(pairs.flatMap(({ payer, payee }) => [payer.ledger, payee.ledger]));
  const name = (key: UsageKey): string => usageName(key.person, key.currency);
  const isKnown = keys.every((key) => counted.peek(name(key)) === tx.tenant.id);
  const locking = lockUsages(tx, keys);
  if (!isKnown) await locking;
  const [rows, books] = await allOf<unknown>([locking, lockAhead(tx, accounts)]) as [LockedUsage[], Ahead];
  if (!isKnown) tx.afterCommit(() => { for (const key of keys) counted.set(name(key), tx.tenant.id); });
  return { books, usages: new Map(rows.map((row) => [name(row), { ...row, ...usageOn(row, tx.today) }])) };
}

/** Why the books refused, in the words of this product. */
function fromBooks(no: Refused): Refused {
  if (no.problem === insufficientFunds || no.problem === transferInvalid) return no;
  const reason = String(no.data.reason);
  if (reason.startsWith('debit-account-frozen')) return refuse(accountFrozen, {});
  if (reason.startsWith('debit-account-clos')) return refuse(accountClosed, {});
  return refuse(payeeCannot, {});
}

const isOwn = (r: Parties): boolean => r.payer.person === r.payee.person;

/**
 * Pays for many at once. What a payer may send is reserved in the order of arrival, the books decide, and what they refuse is
 * given back: all in this transaction. Within one batch a reservation counts until the books have decided.
 */
export async function pay(tx: SectionTx, wishes: readonly Wish[], reading = readAccounts(tx, wishes)): Promise<Outcome<Paid & { id: Uuid }>[]> {
  const known = await reading;
  const checked = wishes.map((w) => against(w, known));
  const pairs = checked.flatMap((c) => ('problem' in c ? [] : [c]));
  const locked = pairs.length ? await lock(tx, pairs) : undefined;
  const decided = wishes.map((wish, i): Decided => {
    const c = checked[i] as Exclude<(typeof checked)[number], undefined>;
    if ('problem' in c) return { no: c };
    const usage = locked?.usages.get(usageName(c.payer.person, c.payer.currency)) as LockedUsage;
    const limits = limitsOf(c.payer.currency, usage.tier);
    if (!limits) return { no: refuse(currencyDiffers, {}) };
    if (!isOwn(c)) {
      const broken = limitBroken(limits, usage, wish.amount);
      if (broken) return { no: refuse(limitReached, { limit: broken.limit, left: broken.left.toString() }) };
      count(usage, wish.amount, 1n);
    }
    return { ready: { wish, ...c, usage, id: wish.name ?? tx.uuid() } };
  });
  const ready = decided.flatMap((d) => ('ready' in d ? [d.ready] : []));
  const posted = ready.length ? await post(tx, ready.map(postingOf), locked?.books) : [];
  const results = new Map(ready.map((r, i) => [r, posted[i] as Outcome<Posted>]));
  const outcomes = decided.map((d, i) => ('no' in d ? refused(tx, wishes[i] as Wish, d.no) : settle(tx, d.ready, results.get(d.ready) as Outcome<Posted>)));
  const payments = ready.flatMap((r) => { const o = results.get(r); return o?.ok ? [paymentOf(tx, r, o.value)] : []; });
  if (payments.length) tx.write(() => insertPayments(tx.sql, tx.tenant.id, payments, tx.now));
  if (locked) tx.write(() => writeUsage(tx.sql, tx.tenant.id, [...locked.usages.values()]));
  return outcomes;
}

const postingOf = (r: Ready): Posting => ({
  by: r.wish.by, fact: { subject: r.wish.person, detail: { payment: r.id, cause: r.wish.cause } },
  transfers: [{ kind: 'transfer', debit: r.payer.ledger, credit: r.payee.ledger, amount: money(r.wish.amount, r.payer.currency) }],
});

function paymentOf(tx: SectionTx, r: Ready, posted: Posted): PaymentRow {
  const { note } = r.wish;
  return {
    id: r.id, payer: r.payer.id, payee: r.payee.id, amount: r.wish.amount, currency: r.payer.currency, cause: r.wish.cause,
    transfer: (posted.transfers[0] as Posted['transfers'][number]).id, note: note === undefined ? null : tenantKeys(tx).seal(notePlace(r.id), note),
    payee_handle: r.payee.handle,
  };
}

/** Refused before the books were asked: they leave the fact, here this product does. */
function refused(tx: SectionTx, w: Wish, no: Refused): Refused {
  tx.audit(w.by, { action: 'wallet.payment-refused', result: 'refused', subject: w.person, resource: idOf('wal', w.from), problem: no.problem.code });
  return no;
}

function settle(tx: SectionTx, r: Ready, outcome: Outcome<Posted>): Outcome<Paid & { id: Uuid }> {
  const { wish, payer, payee } = r;
  if (!outcome.ok) {
    if (!isOwn(r)) count(r.usage, wish.amount, -1n);
    return fromBooks(outcome);
  }
  const transfer = outcome.value.transfers[0] as Posted['transfers'][number];
  tx.emit(wish.by, PaymentMade, r.id, {
    payment: r.id, payer: payer.person, payee: payee.person, from: payer.id, to: payee.id, amount: wish.amount.toString(), currency: payer.currency,
  });
  return done({
    id: r.id, payment: idOf('wpay', r.id), at: tx.now, amount: money(wish.amount, payer.currency), to: shownAs(payee.id, payee.handle),
    balance: money(transfer.debitBalance, payer.currency),
  });
}

const shownAs = (payee: Uuid, handle: string | null): string => (handle === null ? idOf('wal', payee) : `@${handle}`);

type TransferItem = Item<z.output<typeof zTransfer>>;
/** Is this what was asked for then? */
function asAsked(tx: SectionTx, { input: { body } }: TransferItem, p: PaymentRow): boolean {
  const to = payeeOf(body.to);
  const same = to && ('handle' in to ? to.handle === p.payee_handle : to.account.slice(4) === p.payee);
  const note = p.note === null ? undefined : tenantKeys(tx).open(notePlace(p.id), p.note);
  return same === true && body.from.slice(4) === p.payer && body.amount.amount === p.amount && body.amount.currency === p.currency && body.note === note;
}

const wishOf = (item: TransferItem): Wish => {
  const { from, to, amount, note } = item.input.body;
  const named = payeeOf(to);
  return {
    by: item, person: personOf(item), from: from.slice(4) as Uuid, to: named && ('handle' in named ? named : { account: named.account.slice(4) as Uuid }),
    amount: amount.amount, currency: amount.currency, cause: 'transfer', note, name: item.name,
  };
};

/** Whose accounts these transfers are of, read while it is asked whether they were made before: most were not. */
const readings = new WeakMap<SectionTx, Promise<Known>>();

/** What was paid under the keys of these requests, as it was answered then: from the payments and the books, which keep all of it. */
export async function recallTransfers(tx: SectionTx, items: readonly TransferItem[]): Promise<(Outcome<Paid> | undefined)[]> {
  const reading = readAccounts(tx, items.map(wishOf));
  // Whoever is told that it failed is who needs it; all else in this transaction fails as well.
  reading.catch(() => undefined);
  readings.set(tx, reading);
  const rows = new Map((await paymentsById(tx.sql, tx.tenant.id, items.flatMap((i) => i.name ?? []))).map((p) => [p.id, p]));
  if (!rows.size) return [];
  const balances = new Map((await transfersById(tx, [...rows.values()].map((p) => p.transfer))).map((t) => [t.id, t.debitBalance]));
  return items.map((item) => {
    const p = item.name === undefined ? undefined : rows.get(item.name);
    if (!p) return undefined;
    if (!asAsked(tx, item, p)) return refuse(common.keyReused);
    return done({
      payment: idOf('wpay', p.id), at: p.at, amount: money(p.amount, p.currency), to: shownAs(p.payee, p.payee_handle),
      balance: money(balances.get(p.transfer) as bigint, p.currency),
    });
  });
}

/** The verb behind the transfer route. */
export async function transfer(tx: SectionTx, items: readonly TransferItem[]): Promise<Outcome<Paid>[]> {
  const outcomes = await pay(tx, items.map(wishOf), readings.get(tx));
  return outcomes.map((o) => (o.ok ? done(withoutId(o.value)) : o));
}

const moneyWire = (m: Money): string => `{"amount":"${m.amount}","currency":"${m.currency}"}`;
/** An answer as its codec writes it, at a fifth of the price. */
export const paidWire = ({ payment, at, amount, to, balance }: Paid): string =>
  `{"payment":"${payment}","at":"${at.toISOString()}","amount":${moneyWire(amount)},"to":${JSON.stringify(to)},"balance":${moneyWire(balance)}}`;

const withoutId = ({ payment, at, amount, to, balance }: Paid): Paid => ({ payment, at, amount, to, balance });
