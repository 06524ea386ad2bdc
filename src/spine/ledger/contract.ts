import { z } from 'zod';
import { event, isCurrency, problem, zAmount, zDate, zId, zInstant, zPurpose, type CivilDate, type Currency, type FactDraft, type Money,
  type NeverCached, type Origin, type Uuid } from '#kernel';

/** Transfers of one posting: what is linked stands or falls together. */
export const TRANSFERS_MAX = 500;
/** Legs of one journal; it becomes at most one transfer less. */
export const JOURNAL_LEGS_MAX = TRANSFERS_MAX + 1;
/** Accounts opened by one call. */
export const OPEN_MAX = 10_000;
/** Longest life of a hold. */
export const HOLD_SECONDS_MAX = 366 * 86_400;
/** A transfer may be dated back at most this far. */
export const BACKDATE_DAYS_MAX = 366;
/** Later rows of a guarded account that a back-dated transfer is checked against; where there are more it is refused. */
export const BACKDATE_ROWS_MAX = 20_000;
/** A period is sealed only this long after its end: no transaction lives so long, so none can still add to it. */
export const SEAL_GRACE_MS = 15 * 60_000;
/** Accounts whose summaries one statement of a sealing writes. */
export const SEAL_ACCOUNTS_MAX = 5000;
/** Rows of a statement page. */
export const STATEMENT_ROWS_MAX = 200;
/** How often holds past their time are looked for, and how many one transaction ends. */
export const EXPIRY_EVERY_MS = 500;
export const EXPIRY_HOLDS_MAX = 500;
/** Length of a caller's own name for a transfer, in characters. */
export const REF_MAX = 128;
/** A caller's own reason number. */
export const CODE_MAX = 32_767;
/** Accounts whose number and currency a process remembers. */
export const FIXED_ACCOUNTS_MAX = 200_000;
/** Largest amount and balance, in minor units: 2⁶³ − 1. */
export const AMOUNT_MAX = 2n ** 63n - 1n;
/** Parts of a percentage: 1,000,000 parts are the whole. */
export const PARTS_WHOLE = 1_000_000;
/** Receivers of one allocation. */
export const SHARES_MAX = 500;

export type AccountKind = 'asset' | 'liability' | 'equity' | 'income' | 'expense';
/** The side that raises an account: a debit raises assets and expenses, a credit all others. */
export type Side = 'debit' | 'credit';

/** Bits of `ledger.account.flags`. */
export const FLAG = { normalDebit: 1, noDebit: 2, noCredit: 4, frozen: 8, closing: 16, closed: 32 } as const;
/** Numbers of `ledger.transfer.kind`. */
export const KIND = { transfer: 1, pending: 2, closing: 3, post: 4, void: 5, expire: 6, reversal: 7 } as const;
export type Kind = keyof typeof KIND;

/**
 * Why a transfer was refused for a reason of state: the number in `ledger.transfer.result`, 0 when it was posted. Where several
 * reasons hold, the smallest number is the answer.
 */
export const RESULT = {
  'posted': 0,
  'debit-account-unknown': 100, 'credit-account-unknown': 101,
  'target-unknown': 110, 'target-not-pending': 111, 'target-not-reversible': 112,
  'hold-posted': 120, 'hold-voided': 121, 'hold-expired': 122, 'hold-not-due': 123, 'amount-over-hold': 124, 'amount-over-original': 125,
  'currency-mismatch': 130,
  'debit-account-closed': 140, 'credit-account-closed': 141, 'debit-account-frozen': 142, 'credit-account-frozen': 143,
  'debit-not-allowed': 144, 'credit-not-allowed': 145, 'holds-open': 146,
  'period-sealed': 150, 'backdate-too-deep': 151,
  'below-minimum': 160, 'above-maximum': 161, 'balance-too-large': 162,
  'linked-failed': 170,
} as const;
export type Result = keyof typeof RESULT;
export type Reason = Exclude<Result, 'posted'>;

/** What is wrong with a transfer's content, in the order of checking; nothing of it is stored. */
export const FAULTS = [
  'transfers-count', 'ref-length', 'currency-unknown', 'amount-not-positive', 'amount-too-large', 'same-account', 'code-out-of-range', 'expiry-out-of-range',
  'effective-in-future', 'backdate-too-far',
] as const;
export type Fault = (typeof FAULTS)[number];

interface Common {
  /** The caller's own name for it, unique in the tenant: the id is derived from it (`transferIdOf`), and a name stands for one transfer for ever. */
  readonly ref?: string;
  /** The caller's reason number, 0 unless said. */
  readonly code?: number;
}
interface Between extends Common { readonly debit: Uuid; readonly credit: Uuid; readonly amount: Money }
/** One movement. `debit` and `credit` are accounts' ids. */
export type TransferDraft =
  | (Between & { readonly kind: 'transfer'; /** Civil day from which it counts; at most today. */ readonly effective?: CivilDate })
  | (Between & { readonly kind: 'pending';
    /** Life of the hold on the ledger's clock; without one it stands until resolved. */ readonly expiresInSeconds?: number })
  /** A hold over the whole balance of `account`; posting it closes the account, voiding it opens it again. */
  | (Common & { readonly kind: 'closing'; readonly account: Uuid; readonly into: Uuid })
  /** Takes all of a hold, or a part and releases the rest. */
  | (Common & { readonly kind: 'post'; readonly target: Uuid; readonly amount?: Money })
  | (Common & { readonly kind: 'void'; readonly target: Uuid })
  /** Ends a hold past its time; the ledger's own sweeper posts these. */
  | (Common & { readonly kind: 'expire'; readonly target: Uuid })
  /** Back along a posted transfer, whole or in part; all reversals of one never exceed it. */
  | (Common & { readonly kind: 'reversal'; readonly target: Uuid; readonly amount?: Money });

/** One request's transfers: all are posted, or none. `fact` says more in the audit log; the ledger fills in what is missing. */
export interface Posting {
  readonly by: Origin;
  readonly transfers: readonly TransferDraft[];
  readonly fact?: Partial<Pick<FactDraft, 'action' | 'subject' | 'latencyUs' | 'detail'>>;
}

/** A transfer as it was posted. Balances are after it, in each account's own direction. */
export interface PostedTransfer {
  readonly id: Uuid; readonly kind: Kind; readonly debit: Uuid; readonly credit: Uuid; readonly amount: Money;
  /** Recorded instant in µs since 1970; grows strictly along each account. */
  readonly atUs: bigint;
  readonly debitBalance: bigint; readonly creditBalance: bigint;
  readonly expiresAtUs: bigint | null;
}
export interface Posted { readonly transfers: readonly PostedTransfer[]; /** True when these names were posted before. */ readonly replayed: boolean }

/** What an account must be opened with. */
export interface AccountDraft {
  /** Code of the chart of accounts, at most 40 letters, digits, dots and dashes. */
  readonly code: string;
  readonly currency: Currency;
  /** Whom it belongs to: an id of another module; one account per code, currency and holder. */
  readonly holder?: Uuid;
  /** Over the chart's own. */
  readonly guards?: Guards;
}
/** Bounds of the balance in the account's own direction; pending movements count. null = none. */
export interface Guards { readonly minimum?: bigint | null; readonly maximum?: bigint | null; readonly noDebit?: boolean; readonly noCredit?: boolean }
/** A line of a chart of accounts. Accounts are opened under its code. */
export interface ChartLine { readonly code: string; readonly kind: AccountKind; readonly normal?: Side; readonly guards?: Guards }

export interface Balance extends NeverCached<'balance'> {
  readonly account: Uuid; readonly currency: Currency;
  readonly posted: bigint; /** Raises that are held. */ readonly pendingIn: bigint; /** Falls that are held. */ readonly pendingOut: bigint;
  /** posted − pendingOut: what may still be taken, before the account's minimum. */ readonly available: bigint;
}
export interface AccountView extends Balance {
  readonly code: string; readonly kind: AccountKind; readonly normal: Side; readonly holder: Uuid | null;
  readonly minimum: bigint | null; readonly maximum: bigint | null;
  readonly noDebit: boolean; readonly noCredit: boolean; readonly frozen: boolean; readonly state: 'open' | 'closing' | 'closed';
}

/** A line of a statement: a posted movement seen from one account. `change` is signed in the account's direction. */
export interface Entry {
  readonly transfer: Uuid; readonly group: Uuid; readonly atUs: bigint; readonly effective: CivilDate; readonly kind: Kind; readonly side: Side;
  readonly other: Uuid; readonly change: bigint; readonly balance: bigint; readonly code: number; readonly trace: string; readonly target: Uuid | null;
}
/** Entries, newest first; `next` is the cursor of the following page. */
export interface StatementPage { readonly entries: readonly Entry[]; readonly next: string | null }

const zAccountId = zId('acc');
const zTransferId = zId('trf');
const zDayText = z.iso.date();
/** Accounts of one page; rows of an account that a search looks through. */
export const ACCOUNTS_PAGE_MAX = 100;
export const SEARCH_ROWS_MAX = 2000;
export const zAccountOut = z.strictObject({
  account: zAccountId, code: z.string(), kind: z.string(), normal: z.enum(['debit', 'credit']), currency: z.string(), holder: z.string().nullable(),
  state: z.string(), frozen: z.boolean(), noDebit: z.boolean(), noCredit: z.boolean(), posted: zAmount, pendingIn: zAmount, pendingOut: zAmount,
  available: zAmount, minimum: zAmount.nullable(), maximum: zAmount.nullable(),
});
export const zEntryOut = z.strictObject({
  transfer: zTransferId, group: zTransferId, at: zInstant, effective: zDayText, kind: z.string(), side: z.enum(['debit', 'credit']), other: zAccountId,
  change: zAmount, balance: zAmount, code: z.int(), trace: z.string(), target: zTransferId.nullable(),
});
const zCursor = z.string().regex(/^\d{1,18}$/);
export const zAccountsQuery = z.strictObject({ query: z.strictObject({ code: z.string().max(40), currency: z.string().length(3),
  cursor: zCursor }).partial() }).partial();
export const zAccountsOut = z.strictObject({ accounts: z.array(zAccountOut), next: z.string().nullable() });
const zOfAccountParams = z.strictObject({ account: zAccountId });
export const zLookAccount = z.strictObject({ params: zOfAccountParams, query: z.strictObject({ purpose: zPurpose }).partial().optional() });
export const zStatementQuery = z.strictObject({ params: zOfAccountParams, query: z.strictObject({
  purpose: zPurpose, cursor: zCursor, from: zInstant, to: zInstant, side: z.enum(['debit', 'credit']), least: zAmount, most: zAmount,
}).partial().optional() });
export const zStatementOut = z.strictObject({ account: zAccountOut, entries: z.array(zEntryOut), next: z.string().nullable() });
export const zExplainQuery = z.strictObject({ params: zOfAccountParams, query: z.strictObject({ purpose: zPurpose, at: zInstant }).partial().optional() });
export const zBalanceStory = z.strictObject({ account: zAccountOut, posted: zAmount, before: zAmount, entries: z.array(zEntryOut) });
const zTransferOut = z.strictObject({
  transfer: zTransferId, kind: z.string(), result: z.string(), code: z.int(), debit: zAccountId.nullable(), credit: zAccountId.nullable(), amount: zAmount,
  currency: z.string().nullable(), at: zInstant, effective: zDayText.nullable(), group: zTransferId.nullable(), target: zTransferId.nullable(),
  debitBalance: zAmount.nullable(), creditBalance: zAmount.nullable(),
});
/** A transfer by its id, or by the name that its caller gave it. */
export const zFindTransfer = z.strictObject({ query: z.strictObject({ id: zTransferId, ref: z.string().min(1).max(REF_MAX) }).partial() }).partial();
export const zFoundTransfer = z.strictObject({ transfer: zTransferId.nullable() });
/** Transfers that one page of a search shows, facts that it looks through, and the longest time that it may be about. */
export const FOUND_TRANSFERS_MAX = 50;
export const FOUND_FACTS_MAX = 5000;
export const SEARCH_DAYS_MAX = 366;
/** Amounts are minor units; without a currency they are those of any. */
export const zSearchTransfers = z.strictObject({ query: z.strictObject({
  from: zInstant, to: zInstant, purpose: zPurpose.optional(), currency: z.string().regex(/^[A-Z]{3}$/).optional(), least: zAmount.optional(),
  most: zAmount.optional(), cursor: z.string().regex(/^\d{1,15}\.\d{1,18}$/).optional(),
}) });
/** `next` goes on where this page ended; `lookedTo` is how far back it looked. */
export const zFoundTransfers = z.strictObject({ transfers: z.array(zTransferOut), next: z.string().nullable(), lookedTo: zInstant.nullable() });
export const zLookTransfer = z.strictObject({ params: z.strictObject({ transfer: zTransferId }),
  query: z.strictObject({ purpose: zPurpose }).partial().optional() });
export const zTransferStory = z.strictObject({
  transfer: zTransferOut, related: z.array(zTransferOut), trace: z.string(),
  facts: z.array(z.strictObject({ id: z.string(), at: zInstant, action: z.string(), result: z.string(), actorKind: z.string(), actor: z.string().nullable(),
    subject: z.string().nullable(), resource: z.string().nullable(), problem: z.string().nullable(), latencyUs: z.int().nullable() })),
});
export const zTrialQuery = z.strictObject({ query: z.strictObject({ day: zDate }).partial() }).partial();
/** Sums may be larger than an account may hold, so they are plain decimal text. */
const zSum = z.string().regex(/^-?\d+$/);
export const zTrialOut = z.strictObject({
  asOf: zInstant, day: zDayText.nullable(),
  lines: z.array(z.strictObject({ code: z.string(), kind: z.string(), normal: z.enum(['debit', 'credit']), currency: z.string(), balance: zSum,
    accounts: z.int() })),
  totals: z.array(z.strictObject({ currency: z.string(), debit: zSum, credit: zSum })),
});
export const spanWrong = problem('ledger-span-wrong', {
  status: 422, title: 'The search needs a time that begins before it ends, of at most 366 days.', doc: 'Set `from` before `to`; `limit` is the number of days.',
});
export const accountUnknown = problem('ledger-account-unknown', {
  status: 404, title: 'There is no such account in these books.', doc: 'Check the id; another tenant’s account answers the same.',
});
export const transferUnknown = problem('ledger-transfer-unknown', {
  status: 404, title: 'There is no such transfer in these books.', doc: 'Check the id or the name; another tenant’s transfer answers the same.',
});

/** One line of a report: all accounts of a code and currency, in the code's own direction. */
export interface ReportLine { readonly code: string; readonly kind: AccountKind; readonly normal: Side; readonly currency: Currency;
  readonly balance: bigint; readonly accounts: number }

const zCurrency = z.custom<Currency>((v) => typeof v === 'string' && isCurrency(v), 'unknown currency').meta({ type: 'string' });
const zAmountText = z.string().regex(/^(0|-?[1-9]\d{0,18})$/);

export const Transferred = event('ledger.transferred', {
  version: 1,
  doc: 'A transfer was posted, held, captured, released or reversed. Ordered per transfer, and per hold with all that resolves it.',
  data: {
    id: z.string(), kind: z.enum(Object.keys(KIND) as [Kind, ...Kind[]]), debit: z.string(), credit: z.string(), amount: zAmountText, currency: zCurrency,
    target: z.string().nullable(),
  },
});

export const transferInvalid = problem('transfer-invalid', {
  status: 422, title: 'The transfer is not one that could ever be posted.', doc: 'Correct the named field; `limit` says what it may be.',
  data: z.object({ reason: z.enum(FAULTS), field: z.string(), limit: z.string(), transfer: z.int() }),
});
export const transferRefused = problem('transfer-refused', {
  status: 409, title: 'The books do not allow this transfer.', doc: 'See `reason`. Its `ref` stays refused; a new attempt needs a new one.',
  data: z.object({ reason: z.string(), transfer: z.int() }),
});
export const insufficientFunds = problem('insufficient-funds', {
  status: 402, title: 'There is not enough in the account.', doc: 'Pending movements count. Its `ref` stays refused; a new attempt needs a new one.',
  data: z.object({ reason: z.string(), transfer: z.int() }),
});
export const transferRefReused = problem('transfer-ref-reused', {
  status: 409, title: 'This name was used for another transfer.', doc: 'Use a new `ref`; `field` names the first field that differs.',
  data: z.object({ field: z.string(), transfer: z.int() }),
});
export const accountRefused = problem('account-refused', {
  status: 409, title: 'The account does not allow this.',
    doc: 'See `reason`: unknown account or code, guards that its balance breaks, or an account that is closed.',
  data: z.object({ reason: z.string(), field: z.string() }),
});
export const journalInvalid = problem('journal-invalid', {
  status: 422, title: 'The journal cannot be posted.', doc: 'Debits must equal credits in each currency; `field` and `limit` say what is wrong.',
  data: z.object({ field: z.string(), limit: z.string() }),
});
export const periodRefused = problem('period-refused', {
  status: 409, title: 'The period cannot be sealed.', doc: 'Seal periods in order and only after they have ended.', data: z.object({ reason: z.string() }),
});
export const problems = [spanWrong, transferInvalid, transferRefused, insufficientFunds, transferRefReused, accountRefused, journalInvalid, periodRefused,
  accountUnknown, transferUnknown] as const;
