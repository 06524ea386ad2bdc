import type { Uuid } from '#kernel';
import { AMOUNT_MAX, FLAG, KIND, RESULT, type Posting, type Reason, type TransferDraft } from '../contract.ts';
import type { Hold, NewTransfer, StoredTransfer } from '../store/rows.ts';
import { isGuarded, signed, type Account, type Book } from './book.ts';
import { contentOf, firstDifference } from './check.ts';
import { extremes } from './effective.ts';

/** What became of a posting. Rows to be written were added to the book. */
export type Verdict =
  | { readonly kind: 'posted'; readonly rows: readonly StoredTransfer[]; readonly replayed: boolean }
  | { readonly kind: 'refused'; readonly reason: Reason; readonly transfer: number; readonly rows: readonly StoredTransfer[]; readonly replayed: boolean }
  | { readonly kind: 'reused'; readonly field: string; readonly transfer: number };

/** A draft with everything that it speaks of, as far as it was found. */
interface Meant {
  readonly draft: TransferDraft; readonly id: Uuid; readonly kind: number;
  readonly debit: Account | undefined; readonly credit: Account | undefined; readonly target: StoredTransfer | undefined; readonly hold: Hold | undefined;
  readonly amount: bigint;
}

function mean(book: Book, draft: TransferDraft, id: Uuid): Meant {
  const kind = KIND[draft.kind];
  if ('debit' in draft) {
    return { draft, id, kind, debit: book.accounts.get(draft.debit), credit: book.accounts.get(draft.credit), target: undefined, hold: undefined,
      amount: draft.amount.amount };
  }
  if (draft.kind === 'closing') {
    const own = book.accounts.get(draft.account), into = book.accounts.get(draft.into);
    // The balance leaves by the side that lowers it.
    const byDebit = own ? signed(own, true, own.posted) <= 0n : true;
    const amount = own ? (own.posted < 0n ? -own.posted : own.posted) : 0n;
    return { draft, id, kind, debit: byDebit ? own : into, credit: byDebit ? into : own, target: undefined, hold: undefined, amount };
  }
  const target = book.targets.get(draft.target);
  const hold = book.holds.get(draft.target);
  const from = target?.debit ? book.accounts.get(target.debit) : undefined, to = target?.credit ? book.accounts.get(target.credit) : undefined;
  const back = draft.kind === 'reversal';
  const asked = 'amount' in draft ? draft.amount?.amount : undefined;
  return { draft, id, kind, debit: back ? to : from, credit: back ? from : to, target, hold, amount: asked ?? target?.amount ?? 0n };
}

/** Reasons about what a hold or a reversal speaks of; they come before those about accounts. */
function targetReason(book: Book, m: Meant, atUs: bigint): Reason | undefined {
  const { target, hold, draft } = m;
  if (!('target' in draft)) return undefined;
  if (!target) return 'target-unknown';
  if (draft.kind === 'reversal') {
    const back = target.kind === KIND.transfer || target.kind === KIND.post || target.kind === KIND.reversal;
    if (!back || target.result !== 0 || target.amount === 0n) return 'target-not-reversible';
    return (book.reversed.get(target.id) ?? 0n) + m.amount > target.amount ? 'amount-over-original' : undefined;
  }
  if ((target.kind !== KIND.pending && target.kind !== KIND.closing) || target.result !== 0) return 'target-not-pending';
  if (!hold) {
    const by = book.resolved.get(target.id);
    return by === KIND.post ? 'hold-posted' : by === KIND.void ? 'hold-voided' : 'hold-expired';
  }
  const due = hold.expiresAtUs !== null && hold.expiresAtUs <= atUs;
  if (draft.kind === 'expire') return due ? undefined : 'hold-not-due';
  if (due) return 'hold-expired';
  return m.amount > hold.amount ? 'amount-over-hold' : undefined;
}

/** Reasons about what the accounts allow, each asked of the debit side first. Releases are always allowed. */
function accountReason(m: Meant, debit: Account, credit: Account): Reason | undefined {
  const { kind, draft } = m;
  const said = 'amount' in draft ? draft.amount?.currency : undefined;
  if (debit.currency !== credit.currency || (said !== undefined && said !== debit.currency)) return 'currency-mismatch';
  if (kind === KIND.void || kind === KIND.expire) return undefined;
  const shut = (a: Account): boolean => (a.flags & (FLAG.closing | FLAG.closed)) !== 0 && m.hold?.closes !== a.no;
  if (shut(debit)) return 'debit-account-closed';
  if (shut(credit)) return 'credit-account-closed';
  if (debit.flags & FLAG.frozen) return 'debit-account-frozen';
  if (credit.flags & FLAG.frozen) return 'credit-account-frozen';
  // What was allowed when it was held is not asked again.
  if (kind !== KIND.post && debit.flags & FLAG.noDebit) return 'debit-not-allowed';
  if (kind !== KIND.post && credit.flags & FLAG.noCredit) return 'credit-not-allowed';
  if (draft.kind === 'closing') {
    const own = draft.account === debit.id ? debit : credit;
    if (own.pendingIn !== 0n || own.pendingOut !== 0n) return 'holds-open';
  }
  return undefined;
}

/** What a movement does to one account: to what is posted, and to what is held. */
function apply(a: Account, debit: boolean, kind: number, amount: bigint, held: bigint): void {
  const raises = signed(a, debit, 1n) > 0n;
  if (kind === KIND.pending || kind === KIND.closing) {
    a.heldChanged = true;
    if (raises) a.pendingIn += amount;
    else a.pendingOut += amount;
    return;
  }
  if (kind === KIND.post || kind === KIND.void || kind === KIND.expire) {
    a.heldChanged = true;
    if (raises) a.pendingIn -= held;
    else a.pendingOut -= held;
  }
  if (kind !== KIND.void && kind !== KIND.expire) a.posted += raises ? amount : -amount;
}

const below = (a: Account): boolean => a.minimum !== null && a.posted - a.pendingOut < a.minimum;
const above = (a: Account): boolean => a.maximum !== null && a.posted + a.pendingIn > a.maximum;
const huge = (a: Account): boolean => a.posted + a.pendingIn > AMOUNT_MAX || a.posted - a.pendingOut < -AMOUNT_MAX;

interface Saved { readonly account: Account; readonly posted: bigint; readonly pendingIn: bigint; readonly pendingOut: bigint; readonly lastAtUs: bigint;
  readonly flags: number; readonly changed: boolean;
  readonly heldChanged: boolean; readonly moves: number }
const save = (a: Account): Saved => ({ account: a, posted: a.posted, pendingIn: a.pendingIn, pendingOut: a.pendingOut, lastAtUs: a.lastAtUs, flags: a.flags,
  changed: a.changed, heldChanged: a.heldChanged, moves: typeof a.history === 'object' ? a.history.moves.length : 0 });
function restore({ account, moves, ...before }: Saved): void {
  Object.assign(account, before);
  if (typeof account.history === 'object') account.history.moves.length = moves;
}

/** Back-dated: no later balance of a guarded account may fall outside its guards. */
function datedReason(a: Account, countsUs: bigint, change: bigint): Reason | undefined {
  if (!isGuarded(a)) return undefined;
  if (typeof a.history !== 'object') return 'backdate-too-deep';
  const { low, high } = extremes(a.history, countsUs, change);
  if (a.minimum !== null && low < a.minimum) return 'below-minimum';
  return a.maximum !== null && high > a.maximum ? 'above-maximum' : undefined;
}

/** Decides one transfer and, when it may be, applies it. The accounts are the caller's to restore when it may not. */
function decide(book: Book, m: Meant, leg: number | null, group: Uuid | null, size: number, trace: string): NewTransfer | Reason {
  const { debit, credit, draft, kind, amount } = m;
  if (!debit && !('target' in draft)) return draft.kind === 'closing' && !book.accounts.has(draft.into) && book.accounts.has(draft.account)
    ? 'credit-account-unknown' : 'debit-account-unknown';
  let atUs = book.nowUs;
  if (debit && debit.lastAtUs >= atUs) atUs = debit.lastAtUs + 1n;
  if (credit && credit.lastAtUs >= atUs) atUs = credit.lastAtUs + 1n;
  const about = targetReason(book, m, atUs);
  if (about) return about;
  if (!debit) return 'debit-account-unknown';
  if (!credit) return 'credit-account-unknown';
  const no = accountReason(m, debit, credit);
  if (no) return no;
  const day = draft.kind === 'transfer' ? draft.effective : undefined;
  const effective = day === undefined || (day === book.today && atUs < book.tomorrowUs) ? null : day;
  const countsUs = effective === null ? atUs : book.dayEndUs(effective);
  if (effective !== null) {
    if (book.sealedThrough !== null && effective <= book.sealedThrough) return 'period-sealed';
    if ([debit, credit].some((a) => isGuarded(a) && typeof a.history !== 'object')) return 'backdate-too-deep';
    const later = datedReason(debit, countsUs, signed(debit, true, amount)) ?? datedReason(credit, countsUs, signed(credit, false, amount));
    if (later) return later;
  }
  const held = m.hold?.amount ?? 0n;
  apply(debit, true, kind, amount, held);
  apply(credit, false, kind, amount, held);
  debit.lastAtUs = credit.lastAtUs = atUs;
  debit.changed = credit.changed = true;
  if (below(debit) || below(credit)) return 'below-minimum';
  if (above(debit) || above(credit)) return 'above-maximum';
  if (huge(debit) || huge(credit)) return 'balance-too-large';
  if (kind !== KIND.pending && kind !== KIND.closing && kind !== KIND.void && kind !== KIND.expire) {
    if (typeof debit.history === 'object') debit.history.moves.push({ countsUs, change: signed(debit, true, amount) });
    if (typeof credit.history === 'object') credit.history.moves.push({ countsUs, change: signed(credit, false, amount) });
  }
  const some = (n: bigint): bigint | null => (n === 0n ? null : n);
  return {
    id: m.id, kind, result: 0, code: draft.code ?? 0, debit: debit.id, credit: credit.id, debitNo: debit.no, creditNo: credit.no, amount,
    currency: debit.currency, atUs, debitChange: signed(debit, true, amount), creditChange: signed(credit, false, amount), debitBalance: debit.posted,
      creditBalance: credit.posted, effective, leg, group, size, target: m.target?.id ?? null,
    expiresAtUs: draft.kind === 'pending' && draft.expiresInSeconds !== undefined ? atUs + BigInt(draft.expiresInSeconds) * 1_000_000n : null,
    asked: null, trace, debitIn: some(debit.pendingIn), debitOut: some(debit.pendingOut), creditIn: some(credit.pendingIn), creditOut: some(credit.pendingOut),
  };
}

/** What a posted row does besides the balances: holds open and close, accounts close, reversals add up. */
function settle(book: Book, m: Meant, row: NewTransfer, undo: (() => void)[]): void {
  const { draft, debit, credit, hold } = m as Meant & { debit: Account; credit: Account };
  if (draft.kind === 'pending' || draft.kind === 'closing') {
    const closing = draft.kind === 'closing' ? (draft.account === debit.id ? debit : credit) : undefined;
    if (closing) closing.flags |= FLAG.closing;
    const opened: Hold = { id: row.id, debit: debit.no, credit: credit.no, amount: row.amount, closes: closing?.no ?? null, expiresAtUs: row.expiresAtUs };
    book.holds.set(row.id, opened);
    book.opened.set(row.id, opened);
    book.targets.set(row.id, row);
    undo.push(() => { for (const map of [book.holds, book.opened, book.targets]) map.delete(row.id); });
  } else if (draft.kind === 'reversal') {
    const before = book.reversed.get(draft.target) ?? 0n;
    book.reversed.set(draft.target, before + row.amount);
    undo.push(() => book.reversed.set(draft.target, before));
  } else if (hold) {
    const young = book.opened.delete(hold.id);
    book.holds.delete(hold.id);
    book.resolved.set(hold.id, row.kind);
    if (!young) book.closedHolds.push(hold.id);
    const closed = hold.closes === debit.no ? debit : hold.closes === credit.no ? credit : undefined;
    if (closed) closed.flags = (closed.flags & ~FLAG.closing) | (row.kind === KIND.post ? FLAG.closed : 0);
    undo.push(() => {
      if (young) book.opened.set(hold.id, hold);
      else book.closedHolds.pop();
      book.holds.set(hold.id, hold);
      book.resolved.delete(hold.id);
    });
  }
}

/** The rows of a posting that was refused: the one that failed with its reason, the others because they are linked to it. */
function refusedRows(book: Book, meant: readonly Meant[], failed: number, reason: Reason, trace: string): NewTransfer[] {
  const group = meant.length > 1 ? (meant[0] as Meant).id : null;
  return meant.map((m, i) => ({
    id: m.id, kind: m.kind, result: RESULT[i === failed ? reason : 'linked-failed'], code: m.draft.code ?? 0, debit: null, credit: null, debitNo: null,
    creditNo: null, amount: m.amount, currency: null, atUs: book.nowUs, debitChange: 0n, creditChange: 0n, debitBalance: null, creditBalance: null,
    effective: null, leg: group ? i : null, group, size: meant.length, target: null, expiresAtUs: null,
    asked: JSON.stringify(contentOf(m.draft, i)), trace, debitIn: null, debitOut: null, creditIn: null, creditOut: null,
  }));
}

const REASONS = new Map<number, Reason>(Object.entries(RESULT).map(([name, n]) => [n, name as Reason]));
const reasonOf = (row: StoredTransfer): Reason => REASONS.get(row.result) as Reason;

/** Names that were sent before: the same content gets its old outcome, other content is told where it differs. */
function judgeKnown(book: Book, posting: Posting): Verdict | undefined {
  const before = posting.transfers.map((d) => (d.ref === undefined ? undefined : book.known.get(book.ids.get(d) as Uuid)));
  if (!before.some(Boolean)) return undefined;
  for (const [i, draft] of posting.transfers.entries()) {
    const stored = before[i];
    const target = 'target' in draft ? book.targets.get(draft.target) : undefined;
    const field = stored && firstDifference(contentOf(draft, i), stored, book.dayOf, target);
    if (field !== undefined) return { kind: 'reused', field, transfer: i };
  }
  const rows = before.filter((row): row is StoredTransfer => row !== undefined);
  const [first] = rows as [StoredTransfer];
  if (rows.length < before.length || first.size !== before.length || rows.some((row) => row.group !== first.group)) {
    return { kind: 'reused', field: 'transfers', transfer: Math.max(0, before.findIndex((row) => !row)) };
  }
  const failed = rows.findIndex((row) => row.result !== 0 && row.result !== RESULT['linked-failed']);
  if (failed < 0) return { kind: 'posted', rows, replayed: true };
  return { kind: 'refused', reason: reasonOf(rows[failed] as StoredTransfer), transfer: failed, rows, replayed: true };
}

/** Decides one posting on the book, whose working state then carries it: all of its transfers, or none and a row that says why. */
export function evaluate(book: Book, posting: Posting, mint: () => Uuid): Verdict {
  const { transfers, by: { trace } } = posting;
  const before = judgeKnown(book, posting);
  if (before) return before;
  const ids = transfers.map((d) => book.ids.get(d) ?? mint());
  const size = transfers.length;
  const group = size > 1 ? ids[0] as Uuid : null;
  const undo: (() => void)[] = [];
  const rows: NewTransfer[] = [];
  for (let i = 0; i < size; i++) {
    const draft = transfers[i] as TransferDraft;
    const m = mean(book, draft, ids[i] as Uuid);
    for (const a of [m.debit, m.credit]) {
      if (!a) continue;
      const saved = save(a);
      undo.push(() => restore(saved));
    }
    const row = decide(book, m, group ? i : null, group, size, trace);
    if (typeof row === 'string') {
      for (const back of undo.toReversed()) back();
      const refused = refusedRows(book, transfers.map((d, k) => mean(book, d, ids[k] as Uuid)), i, row, trace);
      keep(book, transfers, refused);
      return { kind: 'refused', reason: row, transfer: i, rows: refused, replayed: false };
    }
    settle(book, m, row, undo);
    if (draft.ref !== undefined) {
      // The next one of the same posting may be about it.
      book.targets.set(row.id, row);
      undo.push(() => void book.targets.delete(row.id));
    }
    rows.push(row);
  }
  keep(book, transfers, rows);
  return { kind: 'posted', rows, replayed: false };
}

/** Rows to be written; under a name of the caller's own they are found again by later items of the batch. */
function keep(book: Book, transfers: readonly TransferDraft[], rows: readonly NewTransfer[]): void {
  for (let i = 0; i < rows.length; i++) {
    const row = rows[i] as NewTransfer;
    book.rows.push(row);
    if ((transfers[i] as TransferDraft).ref === undefined) continue;
    book.known.set(row.id, row);
    if (!book.targets.has(row.id)) book.targets.set(row.id, row);
  }
}
