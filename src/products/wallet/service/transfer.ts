import { z } from 'zod';
import {
  allOf, common, done, idOf, money, refuse, type Currency, type Item, type Money, type Origin, type Outcome, type Refused, type SectionTx, type Uuid,
} from '#kernel';
import { insufficientFunds, lockAhead, post, shutOf, transferInvalid, transfersById, type Ahead, type Posted, type Posting } from '#spine/ledger';
import { tenantKeys } from '#spine/vault';
import {
  accountClosed, accountFrozen, amountWrong, currencyDiffers, limitReached, payeeCannot, PaymentMade, sameAccount, unknownAccount, unknownPayee, zTransfer,
    type Paid,
} from '../contract.ts';
import { count, limitBroken, monthOf, payeeOf, type Usage } from '../rules.ts';
import {
  accountsById, countUsage, writeUsage, type AccountRow, type CountedUsage, type FixedRow, type UsageDraft, type UsageKey,
} from '../store/accounts.ts';
import { insertPayments, paymentsById, type PaymentRow } from '../store/payments.ts';
import { personOf } from './accounts.ts';
import { partiesOf, type Known, type Party, type Payee } from './parties.ts';
import { limitsOf } from './tiers.ts';

export const notePlace = (payment: string): { table: string; column: string; row: string } => ({ table: 'wallet.payment', column: 'note', row: payment });

/** A payment that somebody wants: from an account of theirs to a handle or an account. */
export interface Wish {
  readonly by: Origin;
  /** Whose money it is: the caller, or who scheduled it. */
  readonly person: Uuid;
  readonly from: Uuid;
  readonly to: Payee | undefined;
  readonly amount: bigint;
  readonly currency: string;
  readonly cause: PaymentRow['cause'];
  readonly note: string | undefined;
  /** The key of the request that asks for it, where it has one; the payment is named by it. */
  readonly name?: Uuid | undefined;
}

interface Parties { readonly payer: FixedRow; readonly payee: Party }
interface Asked extends Parties { readonly wish: Wish }
interface Ready extends Asked { readonly usage: Usage; readonly id: Uuid }
type Decided = { readonly no: Refused } | { readonly ready: Ready };

const usageName = (person: string, currency: string): string => `${person} ${currency}`;

function payeeAmong(known: Known, to: Payee): Party | undefined {
  if ('handle' in to) return known.byHandle.get(to.handle);
  const account = known.byId.get(to.account);
  return account && { id: account.id, person: account.person, currency: account.currency, ledger: account.ledger, handle: to.called ?? null };
}

/** What stands against a payment whatever becomes of its accounts, in this order. */
function against(w: Wish, known: Known): Refused | Parties {
  const payer = known.byId.get(w.from);
  if (!payer || payer.person !== w.person) return refuse(unknownAccount);
  const payee = w.to && payeeAmong(known, w.to);
  if (!payee) return refuse(unknownPayee);
  if (payer.id === payee.id) return refuse(sameAccount);
  if (w.amount <= 0n) return refuse(amountWrong, { field: 'amount' });
  if (payer.currency !== w.currency || payee.currency !== w.currency) return refuse(currencyDiffers, { from: payer.currency, to: payee.currency });
  return { payer, payee };
}

/** What stands against it behind the locks, where the books say that an account is shut: this product knows who froze it. */
function againstShut({ payer, payee }: Parties, states: ReadonlyMap<string, AccountRow>): Refused | undefined {
  const own = states.get(payer.id);
  if (own?.state === 'frozen') return refuse(accountFrozen, { by: own.frozen_by });
  if (own?.state === 'closed') return refuse(accountClosed);
  return (states.get(payee.id)?.state ?? 'open') === 'open' ? undefined : refuse(payeeCannot);
}

/** How those of these accounts stand that the books say are shut; mostly none. */
async function statesOf(tx: SectionTx, pairs: readonly Parties[], books: Ahead): Promise<ReadonlyMap<string, AccountRow>> {
  const shut = shutOf(books);
  if (!shut.size) return new Map();
  const ids = new Set(pairs.flatMap(({ payer, payee }) => [payer, payee].filter((a) => shut.has(a.ledger)).map((a) => a.id)));
  return new Map((await accountsById(tx.sql, tx.tenant.id, [...ids])).map((a) => [a.id, a]));
}

/** What a payer has used: as it is written, which is as if all that was asked for is sent, and as it is decided. */
interface Reserved extends UsageKey { readonly written: CountedUsage; readonly usage: Usage }
interface Locked { readonly usages: ReadonlyMap<string, Reserved>; readonly books: Ahead }

/** No holder may send more at once, however well they are known: such a payment is not counted, and will be refused. */
const mostAtOnce = (currency: Currency): bigint => limitsOf(currency, 2)?.perTransfer ?? 0n;

/** What payers want to send, once a payer and currency, in the order in which it is counted. */
function draftsOf(pairs: readonly Asked[]): UsageDraft[] {
  const drafts = new Map<string, UsageDraft>();
  for (const pair of pairs) {
    const { payer, wish } = pair;
    const name = usageName(payer.person, payer.currency);
    let draft = drafts.get(name);
    if (!draft) drafts.set(name, (draft = { person: payer.person, currency: payer.currency, sum: 0n, payments: 0 }));
    if (isOwn(pair) || wish.amount > mostAtOnce(payer.currency)) continue;
    draft.sum += wish.amount;
    draft.payments += 1;
  }
  return [...drafts.values()].toSorted((a, b) => (a.person === b.person ? (a.currency < b.currency ? -1 : 1) : a.person < b.person ? -1 : 1));
}

/**
 * Counts what payers want to send, which locks what they have used, and then locks the accounts in the books, in one flight: who comes next then waits
 * for one answer less. What is refused is given back when all is decided.
 */
async function lock(tx: SectionTx, pairs: readonly Asked[]): Promise<Locked> {
  const drafts = draftsOf(pairs);
  const accounts = new Set(pairs.flatMap(({ payer, payee }) => [payer.ledger, payee.ledger]));
  const [counted, books] = await allOf<unknown>([
    countUsage(tx.sql, tx.tenant.id, drafts, tx.today, monthOf(tx.today)), lockAhead(tx, accounts),
  ]) as [CountedUsage[], Ahead];
  const written = new Map(counted.map((u) => [u.name, u]));
  return { books, usages: new Map(drafts.map(({ person, currency, sum, payments }) => {
    const name = usageName(person, currency);
    const w = written.get(name) as CountedUsage;
    const usage = { day: w.day, daySpent: w.daySpent - sum, dayCount: w.dayCount - payments, month: w.month, monthSpent: w.monthSpent - sum };
    return [name, { person, currency, written: w, usage }];
  })) };
}

/** Gives back what was counted and not sent. */
function giveBack(tx: SectionTx, usages: ReadonlyMap<string, Reserved>): void {
  const rows = [...usages.values()].flatMap(({ person, currency, written, usage }) =>
    (usage.daySpent === written.daySpent && usage.dayCount === written.dayCount ? [] : [{ person, currency, ...usage }]));
  if (rows.length) tx.write(() => writeUsage(tx.sql, tx.tenant.id, rows));
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

/** The accounts of payments, and the locks of those that nothing stands against. */
interface Begun { readonly known: Known; readonly locked: Locked | undefined }
async function begin(tx: SectionTx, wishes: readonly Wish[]): Promise<Begun> {
  const known = await partiesOf(tx, wishes);
  const pairs = wishes.flatMap((wish) => { const c = against(wish, known); return 'problem' in c ? [] : [{ ...c, wish }]; });
  return { known, locked: pairs.length ? await lock(tx, pairs) : undefined };
}

/**
 * Pays for many at once. What a payer may send is reserved in the order of arrival, the books decide, and what they refuse is
 * given back: all in this transaction. Within one batch a reservation counts until the books have decided. What was `begun` for more than these, of
 * whom some were answered otherwise, is given back as well.
 */
export async function pay(tx: SectionTx, wishes: readonly Wish[], begun: Begun | Promise<Begun> = begin(tx, wishes)): Promise<Outcome<Paid & { id: Uuid }>[]> {
  const { known, locked } = await begun;
  const checked = wishes.map((w) => against(w, known));
  const states = locked ? await statesOf(tx, checked.flatMap((c) => ('problem' in c ? [] : [c])), locked.books) : new Map();
  const decided = wishes.map((wish, i): Decided => {
    const c = checked[i] as Exclude<(typeof checked)[number], undefined>;
    if ('problem' in c) return { no: c };
    const shut = states.size ? againstShut(c, states) : undefined;
    if (shut) return { no: shut };
    const { usage, written } = (locked as Locked).usages.get(usageName(c.payer.person, c.payer.currency)) as Reserved;
    const limits = limitsOf(c.payer.currency, written.tier);
    if (!limits) return { no: refuse(currencyDiffers, {}) };
    if (!isOwn(c)) {
      const broken = limitBroken(limits, usage, wish.amount);
      if (broken) return { no: refuse(limitReached, { limit: broken.limit, left: broken.left.toString() }) };
      count(usage, wish.amount, 1n);
    }
    return { ready: { wish, payer: c.payer, payee: c.payee, usage, id: wish.name ?? tx.uuid() } };
  });
  const ready = decided.flatMap((d) => ('ready' in d ? [d.ready] : []));
  const posted = ready.length ? await post(tx, ready.map(postingOf), locked?.books) : [];
  const results = new Map(ready.map((r, i) => [r, posted[i] as Outcome<Posted>]));
  const outcomes = decided.map((d, i) => ('no' in d ? refused(tx, wishes[i] as Wish, d.no) : settle(tx, d.ready, results.get(d.ready) as Outcome<Posted>)));
  const payments = ready.flatMap((r) => { const o = results.get(r); return o?.ok ? [paymentOf(tx, r, o.value)] : []; });
  if (payments.length) tx.write(() => insertPayments(tx.sql, tx.tenant.id, payments, tx.now));
  if (locked) giveBack(tx, locked.usages);
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

/** What was begun for transfers while it was asked whether they may be made. */
const begunFor = new WeakMap<SectionTx, Begun>();
export async function prepareTransfers(tx: SectionTx, items: readonly TransferItem[]): Promise<void> {
  begunFor.set(tx, await begin(tx, items.map(wishOf)));
}

/** What was paid under the keys of these requests, as it was answered then: from the payments and the books, which keep all of it. */
export async function recallTransfers(tx: SectionTx, items: readonly TransferItem[]): Promise<(Outcome<Paid> | undefined)[]> {
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
  const outcomes = await pay(tx, items.map(wishOf), begunFor.get(tx));
  return outcomes.map((o) => (o.ok ? done(withoutId(o.value)) : o));
}

const moneyWire = (m: Money): string => `{"amount":"${m.amount}","currency":"${m.currency}"}`;
/** An answer as its codec writes it, at a fifth of the price. */
export const paidWire = ({ payment, at, amount, to, balance }: Paid): string =>
  `{"payment":"${payment}","at":"${at.toISOString()}","amount":${moneyWire(amount)},"to":${JSON.stringify(to)},"balance":${moneyWire(balance)}}`;

const withoutId = ({ payment, at, amount, to, balance }: Paid): Paid => ({ payment, at, amount, to, balance });
