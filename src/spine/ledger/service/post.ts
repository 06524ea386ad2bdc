import { hash } from 'node:crypto';
import { addDays, done, refuse, type CivilDate, type Outcome, type SectionTx, type Send, type Uuid } from '#kernel';
import {
  BACKDATE_ROWS_MAX, FLAG, insufficientFunds, KIND, Transferred, transferInvalid, transferRefReused, transferRefused, type Posted, type PostedTransfer,
  type Posting, type TransferDraft,
} from '../contract.ts';
import { isDebitNormal, isGuarded, type Account, type Book } from '../rules/book.ts';
import { daysFrom, findFault, kindName, type Wrong } from '../rules/check.ts';
import { dayEndUs, dayOfUs, dayStartUs } from '../rules/effective.ts';
import { evaluate, type Verdict } from '../rules/evaluate.ts';
import { transferIdOf } from '../rules/ids.ts';
import { lockAccounts, shareSeal, writeAccounts, writePosted, type FixedAccount, type LockedAccount } from '../store/accounts.ts';
import { effectiveBalances, movesSince } from '../store/reads.ts';
import type { NewTransfer, StoredTransfer } from '../store/rows.ts';
import { deleteHolds, insertDated, insertHolds, insertTransfers, readHolds, readResolutions, readTransfers } from '../store/transfers.ts';
import { daySpan } from './days.ts';
import { fixedOf } from './fixed.ts';

const MODULE = 'spine/ledger';

/** What a batch speaks of. */
interface Needs {
  readonly accounts: Set<string>;
  readonly targets: Set<string>;
  /** Ids of the drafts that bear a name. */
  readonly ids: Map<TransferDraft, Uuid>;
  /** The earliest day that an account is dated back to. */
  readonly dated: Map<string, CivilDate>;
}

function collect(postings: readonly Posting[], wrong: readonly (Wrong | undefined)[], tenant: Uuid, today: CivilDate): Needs {
  const needs: Needs = { accounts: new Set(), targets: new Set(), ids: new Map(), dated: new Map() };
  postings.forEach((posting, i) => {
    if (wrong[i]) return;
    for (const d of posting.transfers) {
      if ('debit' in d) needs.accounts.add(d.debit).add(d.credit);
      else if ('account' in d) needs.accounts.add(d.account).add(d.into);
      else needs.targets.add(d.target);
      if (d.ref !== undefined) needs.ids.set(d, transferIdOf(tenant, d.ref));
      if (d.kind !== 'transfer' || d.effective === undefined || d.effective === today) continue;
      for (const account of [d.debit, d.credit]) {
        const known = needs.dated.get(account);
        if (known === undefined || d.effective < known) needs.dated.set(account, d.effective);
      }
    }
  });
  return needs;
}

const toAccount = (fixed: FixedAccount, r: LockedAccount): Account => ({
  no: fixed.no, id: fixed.id, currency: fixed.currency, flags: r.flags, posted: r.posted, pendingIn: r.pending_in, pendingOut: r.pending_out,
  minimum: r.minimum, maximum: r.maximum, lastAtUs: r.last_at_us, changed: false, heldChanged: false,
});

const byId = <T extends { readonly id: Uuid }>(rows: readonly T[]): Map<string, T> => new Map(rows.map((row) => [row.id, row]));

/** Accounts that are locked for a posting that comes later in the transaction. */
export interface Ahead { readonly asked: ReadonlySet<string>; readonly fixed: ReadonlyMap<number, FixedAccount>; readonly locked: readonly LockedAccount[] }

/**
 * Locks accounts for the one posting of a verb, which is then given what this resolves to and may name no others: for a verb that knows them while
 * its last other locks are on their way, since these here come behind all others.
 */
export async function lockAhead(tx: SectionTx, accounts: ReadonlySet<string>): Promise<Ahead> {
  const fixed = await fixedByNumber(tx, accounts);
  return { asked: accounts, fixed, locked: await lockFixed(tx, fixed) };
}

const SHUT = FLAG.frozen | FLAG.closing | FLAG.closed;
/** Those of the locked accounts that are frozen, closed or about to be: nothing is posted on them. */
export const shutOf = ({ fixed, locked }: Ahead): ReadonlySet<string> =>
  new Set(locked.flatMap((row) => (row.flags & SHUT ? [(fixed.get(row.no) as FixedAccount).id] : [])));

const fixedByNumber = async (tx: SectionTx, ids: ReadonlySet<string>): Promise<Map<number, FixedAccount>> =>
  new Map((await fixedOf(tx, ids)).map((account) => [account.no, account]));
function lockFixed(tx: SectionTx, fixed: ReadonlyMap<number, FixedAccount>): Promise<LockedAccount[]> {
  tx.locks(MODULE);
  return lockAccounts(tx.sql, [...fixed.keys()].toSorted((a, b) => a - b));
}

/**
 * Locks the accounts, and reads what else decides in later statements of the same flight: their snapshots then show what an earlier
 * holder of the locks committed. Targets never change, so their accounts may be read before.
 */
async function openBook(tx: SectionTx, needs: Needs, ahead: Ahead | undefined): Promise<Book> {
  const targets = needs.targets.size ? await readTransfers(tx.sql, [...needs.targets]) : [];
  for (const t of targets) {
    if (t.debit) needs.accounts.add(t.debit);
    if (t.credit) needs.accounts.add(t.credit);
  }
  for (const id of ahead ? needs.accounts : []) if (!ahead?.asked.has(id)) throw new Error('a posting on an account that was not locked with the others');
  const fixed = ahead?.fixed ?? await fixedByNumber(tx, needs.accounts);
  const [locked, known, holds, resolutions, sealedThrough] = await Promise.all([
    ahead?.locked ?? lockFixed(tx, fixed),
    needs.ids.size ? readTransfers(tx.sql, [...new Set(needs.ids.values())]) : [],
    needs.targets.size ? readHolds(tx.sql, [...needs.targets]) : [],
    needs.targets.size ? readResolutions(tx.sql, [...needs.targets]) : [],
    needs.dated.size ? shareSeal(tx.sql) : null,
  ]);
  const { zone } = tx.tenant;
  const isReversal = (r: { kind: number }): boolean => kindName(r.kind) === 'reversal';
  const book: Book = {
    accounts: byId(locked.map((row) => toAccount(fixed.get(row.no) as FixedAccount, row))), targets: byId(targets), holds: byId(holds), ids: needs.ids,
      known: byId(known),
    resolved: new Map(resolutions.filter((r) => !isReversal(r)).map((r) => [r.target, r.kind])),
    reversed: new Map(resolutions.filter(isReversal).map((r) => [r.target, r.amount])),
    sealedThrough, nowUs: BigInt(tx.now.getTime()) * 1000n, today: tx.today, tomorrowUs: dayEndUs(zone, tx.today) + 1n,
    dayEndUs: (day) => dayEndUs(zone, day), dayOf: (us) => dayOfUs(zone, us), rows: [], opened: new Map(), closedHolds: [],
  };
  const dated = [...needs.dated].flatMap(([id, from]) => {
    const account = book.accounts.get(id);
    return account && isGuarded(account) ? [{ account, from }] : [];
  });
  await Promise.all([...Map.groupBy(dated, (d) => d.from)].map(([from, some]) => loadHistories(tx, some.map((d) => d.account), from)));
  return book;
}

/** What moved guarded accounts since a day, so that a back-dated transfer can be checked against every later balance. */
async function loadHistories(tx: SectionTx, accounts: readonly Account[], from: CivilDate): Promise<void> {
  const { zone } = tx.tenant;
  const span = await daySpan(tx, addDays(from, -1));
  const numbers = accounts.map((a) => a.no);
  const [starts, moves] = await Promise.all([
    effectiveBalances(tx.sql, numbers, span), movesSince(tx.sql, numbers, from, dayStartUs(zone, from), BACKDATE_ROWS_MAX + 1),
  ]);
  const start = new Map(starts.map((row) => [row.no, row.balance]));
  const byAccount = Map.groupBy(moves, (move) => move.no);
  for (const account of accounts) {
    const own = byAccount.get(account.no) ?? [];
    const sign = isDebitNormal(account) ? 1n : -1n;
    account.history = own.length > BACKDATE_ROWS_MAX ? 'too-deep' : {
      start: start.get(account.no) ?? 0n, from,
      moves: own.map((m) => ({ countsUs: m.effective === null ? m.at_us : dayEndUs(zone, m.effective), change: m.net * sign })),
    };
  }
}

/** Most rows have nothing in the rarer columns, and to send nulls for those costs as much as values. */
const isPlain = (r: NewTransfer): boolean => r.result === 0 && r.kind === KIND.transfer && r.group === null && r.effective === null
  && r.debitIn === null && r.debitOut === null && r.creditIn === null && r.creditOut === null;

/** Sends the writes at once, so that what the section does next already sees them; their answers are awaited with the flush. */
function write(tx: SectionTx, book: Book): void {
  const sends: Send[] = [];
  const { rows } = book;
  const plain: NewTransfer[] = [], full: NewTransfer[] = [];
  for (const row of rows) (isPlain(row) ? plain : full).push(row);
  const moved: Account[] = [], held: Account[] = [];
  for (const account of book.accounts.values()) if (account.changed) (account.heldChanged ? held : moved).push(account);
  if (plain.length) sends.push(() => insertTransfers(tx.sql, tx.tenant.id, plain));
  if (full.length) sends.push(() => insertTransfers(tx.sql, tx.tenant.id, full));
  const dated = full.filter((r) => r.effective !== null);
  if (dated.length) sends.push(() => insertDated(tx.sql, tx.tenant.id, dated));
  if (moved.length) sends.push(() => writePosted(tx.sql, moved));
  if (held.length) sends.push(() => writeAccounts(tx.sql, held));
  if (book.opened.size) sends.push(() => insertHolds(tx.sql, tx.tenant.id, [...book.opened.values()]));
  if (book.closedHolds.length) sends.push(() => deleteHolds(tx.sql, book.closedHolds));
  for (const send of sends) {
    const sent = send();
    // The flush awaits it and is told; until then a failure must not count as unhandled.
    sent.catch(() => undefined);
    tx.write(() => sent);
  }
  if (sends.length) tx.leave();
}

const toPosted = (row: StoredTransfer): PostedTransfer => ({
  id: row.id, kind: kindName(row.kind), debit: row.debit as Uuid, credit: row.credit as Uuid,
  amount: { amount: row.amount, currency: row.currency as PostedTransfer['amount']['currency'] }, atUs: row.atUs,
  debitBalance: row.debitBalance as bigint, creditBalance: row.creditBalance as bigint, expiresAtUs: row.expiresAtUs,
});

/** SHA-256 over the rows of a posting as text: what its audit fact carries, so that a row changed later no longer fits. */
export const postingHash = (rows: readonly (Pick<NewTransfer, 'id' | 'kind' | 'amount' | 'atUs' | 'debitBalance' | 'creditBalance' | 'effective' | 'target'>
  & { debitNo: number | null; creditNo: number | null })[]): string => hash('sha256', rows.map((r) =>
  `${r.id} ${r.kind} ${r.debitNo} ${r.creditNo} ${r.amount} ${r.atUs} ${r.debitBalance} ${r.creditBalance} ${r.effective} ${r.target}\n`).join(''));

/** Says what became of a posting: one fact whatever became of it, one event a transfer that was posted. */
function tell(tx: SectionTx, posting: Posting, verdict: Verdict): void {
  const { by, fact } = posting;
  if (verdict.kind === 'posted' && !verdict.replayed) {
    const rows = verdict.rows as readonly NewTransfer[];
    const [first] = rows as [NewTransfer];
    const detail = { ...fact?.detail, n: rows.length, sha256: postingHash(rows) };
    tx.audit(by, { ...fact, action: 'ledger.posted', result: 'done', resource: first.id, detail });
    for (const r of rows) {
      tx.emit(by, Transferred, r.target ?? r.id, {
        id: r.id, kind: kindName(r.kind), debit: r.debit as string, credit: r.credit as string, amount: r.amount.toString(),
        currency: r.currency as PostedTransfer['amount']['currency'], target: r.target,
      });
    }
    return;
  }
  const resource = verdict.kind === 'reused' ? undefined : verdict.rows[0]?.id;
  tx.audit(by, {
    ...fact, action: 'ledger.posted', result: verdict.kind === 'posted' ? 'done' : 'refused', ...(resource === undefined ? {} : { resource }),
    ...(verdict.kind === 'posted' ? { detail: { ...fact?.detail, replayed: true } }
      : { problem: verdict.kind === 'reused' ? transferRefReused.code : verdict.reason, ...(fact?.detail ? { detail: fact.detail } : {}) }),
  });
}

function toOutcome(verdict: Verdict): Outcome<Posted> {
  if (verdict.kind === 'posted') return done({ transfers: verdict.rows.map(toPosted), replayed: verdict.replayed });
  if (verdict.kind === 'reused') return refuse(transferRefReused, { field: verdict.field, transfer: verdict.transfer });
  return refuse(verdict.reason === 'below-minimum' ? insufficientFunds : transferRefused, { reason: verdict.reason, transfer: verdict.transfer });
}

/**
 * Posts transfers for many requests at once. Each posting has its own outcome, in the same order: all of its transfers are posted,
 * or none and a row says why. Locks the accounts, so it comes last in a verb, after every other lock. Refuses with
 * `transfer-invalid` (nothing kept but the fact), `transfer-refused`, `insufficient-funds` (their names stay refused) and
 * `transfer-ref-reused`. `ahead` is what `lockAhead` resolved to, for a verb that has locked the accounts itself.
 */
export async function post(tx: SectionTx, postings: readonly Posting[], ahead?: Ahead): Promise<Outcome<Posted>[]> {
  const days = daysFrom(tx.today);
  const wrong = postings.map((p) => findFault(p.transfers, days));
  const book = await openBook(tx, collect(postings, wrong, tx.tenant.id, tx.today), ahead);
  const mint = (): Uuid => tx.uuid();
  const outcomes = postings.map((posting, i): Outcome<Posted> => {
    const fault = wrong[i];
    if (fault) {
      tx.audit(posting.by, { ...posting.fact, action: 'ledger.posted', result: 'refused', problem: fault.reason });
      return refuse(transferInvalid, { ...fault });
    }
    const verdict = evaluate(book, posting, mint);
    tell(tx, posting, verdict);
    return toOutcome(verdict);
  });
  write(tx, book);
  return outcomes;
}
