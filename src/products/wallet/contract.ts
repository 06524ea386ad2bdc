import { z } from 'zod';
import { event, job, personal, problem, zAmount, zDate, zId, zInstant, zMoney, zText, uncached, type Currency, type Id } from '#kernel';

/** Accounts that one person may hold. */
export const ACCOUNTS_PER_PERSON_MAX = 10;
/** Closed accounts that a list shows, the last closed first. */
export const CLOSED_SHOWN_MAX = 20;
/** Business days without an end-of-day run whose interest a closing counts itself; with more it waits for the runs. */
export const CLOSING_DAYS_MAX = 31;
/** Requests that end with an account; any more run out by themselves, since nothing can be paid from or into it. */
export const CLOSING_REQUESTS_MAX = 500;
export const NOTE_CHARS_MAX = 140;
export const ACTIVITY_ROWS_MAX = 50;
/** A statement's longest period, and the movements that one statement may hold. */
export const STATEMENT_DAYS_MAX = 366;
export const STATEMENT_ENTRIES_MAX = 10_000;
export const REQUEST_LIFE_MS = 14 * 86_400_000;
export const REQUESTS_OPEN_MAX = 50;
export const SCHEDULES_MAX = 50;
/** How far ahead a payment may be scheduled, in days. */
export const SCHEDULE_AHEAD_DAYS_MAX = 366;
/** Schedules that one transaction runs, and how often what is due is looked for. */
export const SCHEDULE_BATCH_MAX = 200;
export const SCHEDULE_EVERY_MS = 5_000;
/** How long a request waits for the bank before it answers "on its way". */
export const ANSWER_WAIT_MS_MAX = 8_000;

/** Accounts of the chart. What customers have is owed to them; what is at the bank is ours. */
export const CHART = { customer: 'wallet.customer', bank: 'wallet.bank', fees: 'wallet.fees', interest: 'wallet.interest',
  /** May never hold anything: what closes empty closes into it, so that money which comes at that moment is never the house's. */
  nothing: 'wallet.nothing' } as const;

/** Accounts that one transaction of an end-of-day run takes on, and how often a process looks for runs that are under way. */
export const EOD_BATCH_MAX = 500;
export const EOD_EVERY_MS = 1_000;
export const EOD_RUNS_SHOWN_MAX = 62;

/** Documents of one case, and the greatest one in bytes; a request carries it in base64, which is a third more. */
export const DOCUMENTS_MAX = 10;
export const DOCUMENT_BYTES_MAX = 5 * 1024 * 1024;
export const UPLOAD_BYTES_MAX = 7 * 1024 * 1024 + 4096;
/** Different operators who must approve a case. */
export const APPROVALS_NEEDED = 2;
/** Settled cases that one look for documents whose time is over goes through; names that one content of a person may have had. */
export const DUE_CASES_MAX = 500;
export const OBJECT_NAMES_MAX = 50;
/** How long the object store has for one removal, and after how long without an answer the removal is asked for anew. */
export const REMOVE_BUDGET_MS = 20_000;
export const REMOVE_AGAIN_MS = 30 * 86_400_000;
/** How like two names must be, in thousandths, before a person has to look. */
export const HIT_SCORE_MIN = 900;
/** Entries with like-sounding names that one look compares; cases and hits that a list shows; entries that one transaction imports. */
export const SCREEN_CANDIDATES_MAX = 5_000;
export const QUEUE_MAX = 200;
export const SANCTIONS_BATCH_MAX = 1_000;
export const SANCTIONED_NAMES_MAX = 50;

/** Why a schedule ended by itself: the account that it paid is closed. */
export const PAYEE_CLOSED = 'payee-closed';

/** Reason numbers that this module gives its transfers in the books. */
export const CODE = { interest: 1, fee: 2, closing: 3 } as const;

/** What a holder of one tier may send, in minor units, and what an account of theirs may hold. */
export interface TierLimits {
  readonly perTransfer: bigint; readonly perDay: bigint; readonly perMonth: bigint; readonly countPerDay: number; readonly balance: bigint;
}
export type Tier = 0 | 1 | 2;
export type AccountState = 'open' | 'frozen' | 'closed';
export type RequestState = 'open' | 'accepted' | 'declined' | 'cancelled' | 'expired';
export type OrderState = 'pending' | 'done' | 'refused' | 'unknown';
export type Every = 'once' | 'week' | 'month';

export const zAccountId = zId('wal');
const zCurrencyText = z.string().regex(/^[A-Z]{3}$/);
/** `@name`: three to thirty small letters, digits, dots and underscores. */
export const zHandle = z.string().regex(/^@[a-z][a-z0-9_.]{2,29}$/);
const zTo = z.string().min(3).max(40);
const zNote = personal('note', zText(NOTE_CHARS_MAX)).optional();

export const zAccount = uncached('balance', z.strictObject({
  account: zAccountId, currency: zCurrencyText, handle: z.string().nullable(), state: z.enum(['open', 'frozen', 'closed']),
  frozenBy: z.enum(['holder', 'operator']).nullable(), balance: zMoney, available: zMoney, held: zMoney, openedAt: zInstant,
  closedAt: zInstant.nullable(), closedBy: z.enum(['holder', 'operator']).nullable(),
}));
export type AccountView = z.output<typeof zAccount>;
/** Accounts that are open or frozen, and apart from them those closed last. */
export const zAccounts = z.strictObject({ accounts: z.array(zAccount), closed: z.array(zAccount), tier: z.int() });

export const zOpen = z.strictObject({ body: z.strictObject({ currency: zCurrencyText }) });
export const zOfAccount = z.strictObject({ params: z.strictObject({ account: zAccountId }) });
/** An account and the web origin at which it is paid: `<site>/wallet/pay?to=<name>`, with `amount` in the currency's own units and `currency`. */
export const zReceive = z.strictObject({ account: zAccount, site: z.string() });
export type ReceiveView = z.output<typeof zReceive>;
export const zClaim = z.strictObject({ params: z.strictObject({ account: zAccountId }), body: z.strictObject({ handle: zHandle }) });

/** What stands in the way of closing an account; null when nothing does. */
const zStands = z.enum(['account-closed', 'account-frozen', 'money-under-way', 'days-open']).nullable();
/** What closing would come to now: `rest` is what would leave, `interest` what of it is paid before, `into` the holder's accounts that can take it. */
export const zClosing = z.strictObject({
  account: zAccount, stands: zStands, interest: zMoney, rest: zMoney, into: z.array(z.strictObject({ account: zAccountId, handle: z.string().nullable(),
    balance: zMoney })), requests: z.int(), schedules: z.int(),
});
export type ClosingView = z.output<typeof zClosing>;
/** `into` takes the rest. An empty account needs none; where interest is owed to it all the same, `letGo` says that it may be lost. */
export const zClose = z.strictObject({ params: z.strictObject({ account: zAccountId }),
  body: z.strictObject({ into: zAccountId.optional(), letGo: z.boolean().optional() }) });
export const zClosed = z.strictObject({
  account: zAccount, into: zAccountId.nullable(), rest: zMoney, interest: zMoney, requests: z.int(), schedules: z.int(),
});
export type ClosedView = z.output<typeof zClosed>;

/** Why the office closes an account; its holder is told that it was closed, and asks for the rest. */
const zOfficeReason = z.enum(['holder-asked', 'holder-died', 'terms', 'other']);
/** A closing that an operator asked for, and what another one said of it. */
export const zOfficeClosing = z.strictObject({
  closing: zId('wclo'), account: zAccountId, person: z.string(), into: zAccountId.nullable(), letGo: z.boolean(), reason: zOfficeReason,
  state: z.enum(['open', 'done', 'refused']), askedBy: z.string(), askedAt: zInstant, decidedBy: z.string().nullable(), decidedAt: zInstant.nullable(),
});
export type OfficeClosing = z.output<typeof zOfficeClosing>;
export const zOfficeClosings = z.strictObject({ closings: z.array(zOfficeClosing) });
/** What closing an account would come to, and what was asked and decided of it before, the newest first. */
export const zOfficeAccount = z.strictObject({ ...zClosing.shape, person: z.string(), closings: z.array(zOfficeClosing) });
export type OfficeAccount = z.output<typeof zOfficeAccount>;
export const zAskClosing = z.strictObject({ params: z.strictObject({ account: zAccountId }),
  body: z.strictObject({ reason: zOfficeReason, into: zAccountId.optional(), letGo: z.boolean().optional() }) });
export const zDecideClosing = z.strictObject({ params: z.strictObject({ closing: zId('wclo') }),
  body: z.strictObject({ verdict: z.enum(['approve', 'refuse']) }) });

export const zTransfer = z.strictObject({ body: z.strictObject({ from: zAccountId, to: zTo, amount: zMoney, note: zNote }) });
export const zPaid = z.strictObject({ payment: zId('wpay'), at: zInstant, amount: zMoney, to: z.string(), balance: zMoney });
export type Paid = z.output<typeof zPaid>;

export const zActivity = z.strictObject({
  params: z.strictObject({ account: zAccountId }), query: z.strictObject({ cursor: z.string().max(200).optional(),
    limit: z.string().regex(/^\d{1,3}$/).optional() }).optional(),
});
export const zEntry = z.strictObject({
  transfer: z.string(), at: zInstant, change: zMoney, balance: zMoney, kind: z.enum(['sent', 'received',
    'closing-to', 'closing-of', 'added', 'withdrawn', 'interest', 'fee', 'other']),
  with: z.string().nullable(), note: personal('note', z.string()).nullable(), trace: z.string(),
  /** The civil day from which it counts, and whether it takes an earlier movement back. */
  effective: zDate, reversal: z.boolean(),
});
export type Entry = z.output<typeof zEntry>;
export const zActivityPage = z.strictObject({ account: zAccount, entries: z.array(zEntry), next: z.string().nullable() });

export const zStatementAsk = z.strictObject({ params: z.strictObject({ account: zAccountId }), query: z.strictObject({ from: zDate, to: zDate }) });
/** Entries stand oldest first; `closing` is what the books said at the end of `to`, or at `madeAt` where that day is not over. */
export const zStatement = z.strictObject({
  account: zAccountId, handle: z.string().nullable(), holder: personal('name', z.string()).nullable(), currency: zCurrencyText, from: zDate, to: zDate,
  opening: zMoney, totalIn: zMoney, totalOut: zMoney,
  closing: zMoney, entries: z.array(zEntry), madeAt: zInstant,
});
export type StatementView = z.output<typeof zStatement>;

export const zEodStart = z.strictObject({ body: z.strictObject({ day: zDate }) });
export const zEodOf = z.strictObject({ params: z.strictObject({ day: zDate }) });
/** An end-of-day run. Interest accrued stands in millionths of a minor unit. */
export const zEodRun = z.strictObject({
  day: zDate, state: z.enum(['running', 'done']), total: z.int(), done: z.int(), accountsPerSecond: z.int(), secondsLeft: z.int().nullable(),
  startedAt: zInstant, finishedAt: zInstant.nullable(),
  totals: z.array(z.strictObject({ currency: zCurrencyText, accruedMicro: z.string().regex(/^\d{1,38}$/), interest: zMoney, fees: zMoney, putOff: z.int() })),
});
export type EodRun = z.output<typeof zEodRun>;
export const zEodRuns = z.strictObject({ runs: z.array(zEodRun) });

const DOCUMENT_TYPES = ['image/jpeg', 'image/png', 'application/pdf'] as const;
const zDocumentKind = z.enum(['identity', 'address']);
/** What of a document the verb is given: it is kept before, outside the transaction. */
export interface KeptDocument { readonly object: string; readonly sha256: string; readonly bytes: number }
export type DocumentData = { readonly base64: string } | KeptDocument;
const zDocumentData = z.codec(
  z.string().max(UPLOAD_BYTES_MAX).meta({ contentEncoding: 'base64' }),
  z.custom<DocumentData>((v) => typeof v === 'object' && v !== null && ('base64' in v || 'object' in v), 'not a document'),
  { decode: (text): DocumentData => ({ base64: text }), encode: (data) => ('base64' in data ? data.base64 : '') },
);
export const zUpload = z.strictObject({ body: z.strictObject({ kind: zDocumentKind, type: z.enum(DOCUMENT_TYPES), data: personal('document',
  zDocumentData) }) });
const zDocument = z.strictObject({
  document: zId('wdoc'), kind: zDocumentKind, type: z.enum(DOCUMENT_TYPES), bytes: z.int(), uploadedAt: zInstant,
  /** Since when nobody is given it any more: the time to keep it was over. */
  disposedAt: zInstant.nullable(),
});
export type DocumentView = z.output<typeof zDocument>;
const zCaseState = z.enum(['open', 'approved', 'refused']);
export const zKyc = z.strictObject({
  tier: z.int(), case: z.strictObject({ case: zId('wkyc'), state: zCaseState, reason: z.string().nullable(), openedAt: zInstant,
    documents: z.array(zDocument) }).nullable(),
});
export type KycView = z.output<typeof zKyc>;

export const zQueue = z.strictObject({ query: z.strictObject({ state: zCaseState.optional() }).optional() });
const zQueued = z.strictObject({
  case: zId('wkyc'), person: z.string(), state: zCaseState, openedAt: zInstant, documents: z.int(), approvals: z.int(), hits: z.int(),
});
export const zCases = z.strictObject({ cases: z.array(zQueued) });
export const zOfCase = z.strictObject({ params: z.strictObject({ case: zId('wkyc') }) });
export const zHit = uncached('fraud-flag', z.strictObject({
  hit: zId('whit'), person: z.string(), entry: z.string(), name: z.string(), birthDate: z.string().nullable(), score: z.int(),
  state: z.enum(['open', 'cleared', 'confirmed']), foundAt: zInstant,
}));
export type HitView = z.output<typeof zHit>;
/** A case as an operator sees it, with the name and birth date that the office knows its person by. */
export const zCase = z.strictObject({
  ...zQueued.shape, reason: z.string().nullable(), name: personal('name', z.string()).nullable(),
  dateOfBirth: personal('date of birth', zDate).nullable(), papers: z.array(zDocument), hitsFound: z.array(zHit),
  votes: z.array(z.strictObject({ operator: z.string(), verdict: z.enum(['approve', 'refuse']), at: zInstant })),
});
export type CaseView = z.output<typeof zCase>;
export const zDecide = z.strictObject({
  params: z.strictObject({ case: zId('wkyc') }), body: z.strictObject({
    verdict: z.enum(['approve', 'refuse']), reason: z.enum(['unreadable', 'mismatch', 'expired', 'other']).optional(),
  }),
});
export const zOfDocument = z.strictObject({ params: z.strictObject({ document: zId('wdoc') }) });
/** Where a document is kept; the bytes themselves are a download. */
export const zKept = z.strictObject({ ...zDocument.shape, person: z.string(), object: z.string(), sha256: z.string() });
export type KeptView = z.output<typeof zKept>;
export const zHits = z.strictObject({ hits: z.array(zHit) });
export const zDecideHit = z.strictObject({ params: z.strictObject({ hit: zId('whit') }),
  body: z.strictObject({ verdict: z.enum(['cleared', 'confirmed']) }) });

export const zAsk = z.strictObject({ body: z.strictObject({ into: zAccountId, from: zHandle, amount: zMoney, note: zNote }) });
export const zRequest = z.strictObject({
  request: zId('wreq'), mine: z.boolean(), with: z.string(), amount: zMoney, note: personal('note', z.string()).nullable(),
  state: z.enum(['open', 'accepted', 'declined', 'cancelled', 'expired']), createdAt: zInstant, expiresAt: zInstant, payment: z.string().nullable(),
});
export type RequestView = z.output<typeof zRequest>;
/** A request and the web origin at which it is answered: `<site>/wallet/requests/<request>`. */
export const zRequestLink = z.strictObject({ request: zRequest, site: z.string() });
export type RequestLinkView = z.output<typeof zRequestLink>;
export const zRequests = z.strictObject({ requests: z.array(zRequest) });
export const zOfRequest = z.strictObject({ params: z.strictObject({ request: zId('wreq') }) });

export const zPlan = z.strictObject({ body: z.strictObject({ from: zAccountId, to: zTo, amount: zMoney, firstOn: zDate,
  every: z.enum(['once', 'week', 'month']) }) });
export const zSchedule = z.strictObject({
  schedule: zId('wsch'), from: zAccountId, to: z.string(), amount: zMoney, every: z.enum(['once', 'week', 'month']), nextOn: zDate,
  state: z.enum(['active', 'done', 'stopped']), runs: z.int(),
  /** Why the last one was not made; `payee-closed` has ended it. */
  lastProblem: z.string().nullable(),
});
export type ScheduleView = z.output<typeof zSchedule>;
export const zSchedules = z.strictObject({ schedules: z.array(zSchedule) });
export const zOfSchedule = z.strictObject({ params: z.strictObject({ schedule: zId('wsch') }) });

const zBankAccount = personal('bank account', z.string().regex(/^[A-Z0-9]{6,34}$/));
export const zBankOrder = z.strictObject({ body: z.strictObject({ account: zAccountId, amount: zMoney, bank: zBankAccount }) });
export const zOrder = uncached('payment-state', z.strictObject({
  order: zId('word'), account: zAccountId, direction: z.enum(['in', 'out']), amount: zMoney, ending: z.string(),
  state: z.enum(['pending', 'done', 'refused', 'unknown']), reason: z.string().nullable(), createdAt: zInstant, doneAt: zInstant.nullable(),
}));
export type OrderView = z.output<typeof zOrder>;
export const zOfOrder = z.strictObject({ params: z.strictObject({ order: zId('word') }) });

export const zFreeze = z.strictObject({ params: z.strictObject({ account: zAccountId }), body: z.strictObject({ frozen: z.boolean() }) });
export const zLimits = z.strictObject({
  tier: z.int(), limits: z.array(z.strictObject({
    currency: zCurrencyText, perTransfer: zAmount, perDay: zAmount, perMonth: zAmount, countPerDay: z.int(), spentToday: zAmount, spentThisMonth: zAmount,
    countToday: z.int(),
  })),
});
export type LimitsView = z.output<typeof zLimits>;
export const zNothing = z.strictObject({});

export const unknownAccount = problem('unknown-account', { status: 404, title: 'There is no such account.',
  doc: 'Check the name or number; nothing was sent.' });
export const unknownPayee = problem('unknown-payee', { status: 404, title: 'Nobody here has this name.',
  doc: 'Check the name with the person; nothing was sent.' });
export const accountsUsed = problem('accounts-used', { status: 409, title: 'No more accounts can be opened.', doc: 'Close one first.' });
export const currencyUnknown = problem('currency-not-offered', { status: 422, title: 'Accounts in this currency are not offered.',
  doc: 'Choose one of `offered`.' });
export const currencyDiffers = problem('currency-differs', {
  status: 422, title: 'The currencies differ.', doc: 'Both accounts and the amount must be in one currency; nothing was sent.',
});
export const amountWrong = problem('amount-wrong', { status: 422, title: 'The amount cannot be sent.', doc: 'It must be more than zero.' });
export const sameAccount = problem('same-account', { status: 422, title: 'Both accounts are the same.', doc: 'Choose another one.' });
export const handleTaken = problem('handle-taken', { status: 409, title: 'This name is taken.', doc: 'Choose another one.' });
export const limitReached = problem('limit-reached', {
  status: 409, title: 'This is over what you may send.', doc: '`limit` names which one, `left` what may still be sent. Being better known raises it.',
});
export const accountFrozen = problem('account-frozen', {
  status: 409, title: 'The account is frozen.', doc: 'Who froze it can let it go: its holder, or the office.',
});
export const accountClosed = problem('account-closed', { status: 409, title: 'The account is closed.', doc: 'Use another one.' });
export const moneyUnderWay = problem('money-under-way', {
  status: 409, title: 'Money of the account is still on its way.', doc: 'Wait until the bank has answered; nothing was changed.',
});
export const restNeedsAccount = problem('rest-needs-account', {
  status: 422, title: 'What is left in the account needs another one to go to.',
  doc: 'Name in `into` another open account of the same holder and currency; `rest` is what is left, `interest` what of it is owed in interest.',
});
export const daysOpen = problem('days-open', {
  status: 409, title: 'The interest of the last days is not known yet.', doc: 'Close the account when the office has closed its days; nothing was changed.',
});
export const closingWaits = problem('closing-waits', {
  status: 409, title: 'The closing of this account waits for a decision already.', doc: 'Decide that one first.',
});
export const unknownClosing = problem('unknown-closing', { status: 404, title: 'There is no such closing.', doc: 'Look it up in the list.' });
export const payeeCannot = problem('payee-cannot-receive', { status: 409, title: 'The other account cannot take this.',
  doc: 'Nothing was sent. Ask its holder.' });
export const unknownRequest = problem('unknown-request', { status: 404, title: 'There is no such request.', doc: 'It may belong to somebody else.' });
export const requestOver = problem('request-over', { status: 409, title: 'This request was decided before.', doc: '`state` says how.' });
export const requestsUsed = problem('requests-used', { status: 409, title: 'Too many requests are open.', doc: 'Wait until some are answered.' });
export const unknownSchedule = problem('unknown-schedule', { status: 404, title: 'There is no such scheduled payment.',
  doc: 'It may belong to somebody else.' });
export const dateWrong = problem('date-wrong', { status: 422, title: 'The day cannot be scheduled.', doc: 'It must be today or later, at most a year ahead.' });
export const schedulesUsed = problem('schedules-used', { status: 409, title: 'Too many payments are scheduled.', doc: 'Stop one first.' });
export const unknownOrder = problem('unknown-order', { status: 404, title: 'There is no such order.', doc: 'It may belong to somebody else.' });
export const periodWrong = problem('period-wrong', {
  status: 422, title: 'There is no statement of this period.', doc: 'It begins today or earlier, does not end before it begins, and lasts at most a year.',
});
export const statementTooLong = problem('statement-too-long', {
  status: 422, title: 'Too much moved in this period for one statement.', doc: 'Ask for a shorter period; `most` is what one statement holds.',
});
export const dayNotOver = problem('day-not-over', { status: 409, title: 'The day is not over yet.', doc: '`latest` is the last day that can be closed.' });
export const dayOutOfOrder = problem('day-out-of-order', {
  status: 409, title: 'Days are closed one after the other.', doc: 'Close `next` first: interest of a day is taken of what the day before left.',
});
export const unknownRun = problem('unknown-run', { status: 404, title: 'This day has no end-of-day run.', doc: 'Start it first.' });
export const documentWrong = problem('document-wrong', {
  status: 422, title: 'The document cannot be taken.', doc: 'Send a JPEG, PNG or PDF file of at most 5 MiB; `field` says what was wrong.',
});
export const documentsUsed = problem('documents-used', { status: 409, title: 'No more documents can be added.', doc: 'Wait until they were looked at.' });
export const knownAlready = problem('known-already', { status: 409, title: 'You are known by documents already.', doc: 'Nothing more is needed.' });
export const unknownCase = problem('unknown-case', { status: 404, title: 'There is no such case.', doc: 'Look it up in the queue.' });
export const documentGone = problem('document-gone', {
  status: 410, title: 'This document was disposed of.',
  doc: 'The time for which it had to be kept is over; only what it was and who looked at it is still known.',
});
export const unknownDocument = problem('unknown-document', { status: 404, title: 'There is no such document.', doc: 'Look it up in its case.' });
export const unknownHit = problem('unknown-hit', { status: 404, title: 'There is no such hit.', doc: 'Look it up in the queue.' });
export const caseDecided = problem('case-decided', { status: 409, title: 'This was decided before.', doc: '`state` says how.' });
export const sameOperator = problem('same-operator', {
  status: 409, title: 'You have decided this case before.', doc: 'A second, different operator has to look at it.',
});
export const operatorNeeded = problem('operator-needed', { status: 403, title: 'Only a person may decide this.', doc: 'Sign in as an operator.' });
export const sanctionsOpen = problem('sanctions-open', {
  status: 409, title: 'The person is like somebody on the sanctions list.', doc: 'Decide the hits first; `hits` says how many stand.',
});
export const reasonMissing = problem('reason-missing', { status: 422, title: 'A refusal needs a reason.', doc: 'Name one of the reasons.' });
export const walletProblems = [
  documentWrong, documentsUsed, knownAlready, unknownCase, unknownDocument, documentGone, unknownHit, caseDecided, sameOperator, operatorNeeded,
  sanctionsOpen, reasonMissing, dayNotOver, dayOutOfOrder, unknownRun, periodWrong, statementTooLong, unknownAccount, unknownPayee, accountsUsed,
  currencyUnknown, currencyDiffers, amountWrong, sameAccount, handleTaken, limitReached, accountFrozen, accountClosed, moneyUnderWay, restNeedsAccount,
  daysOpen, closingWaits, unknownClosing, payeeCannot, unknownRequest, requestOver, requestsUsed, unknownSchedule, dateWrong, schedulesUsed, unknownOrder,
];

export const Opened = event('wallet.opened', { version: 1, doc: 'A holder opened an account.', data: { account: z.string(), person: z.string(),
  currency: z.string() } });
export const Closed = event('wallet.closed', {
  version: 1, doc: 'An account was closed by its holder or the office. What was left went into another one of theirs; requests and schedules ended with it.',
  data: { account: z.string(), person: z.string(), into: z.string().nullable(), rest: z.string().regex(/^(0|[1-9]\d{0,18})$/), currency: z.string(),
    requests: z.int(), schedules: z.int(), /** True where the office closed it. */ office: z.boolean().optional() },
});
export const PaymentMade = event('wallet.paid', {
  version: 1, doc: 'A holder paid another. Both persons’ open pages look again.',
  data: { payment: z.string(), payer: z.string(), payee: z.string(), from: z.string(), to: z.string(), amount: z.string().regex(/^[1-9]\d{0,18}$/),
    currency: z.string() },
});
export const Booked = event('wallet.booked', {
  version: 1, doc: 'The house paid interest into an account or took a fee from it. Its holder’s open pages look again.',
  data: { account: z.string(), person: z.string(), change: z.string().regex(/^-?[1-9]\d{0,18}$/), currency: z.string() },
});
export const RequestChanged = event('wallet.request-changed', {
  version: 1, doc: 'A request for money was made or decided.', data: { request: z.string(), payer: z.string(), payee: z.string(), state: z.string() },
});
export const ScheduleEnded = event('wallet.schedule-ended', {
  version: 1, doc: 'A scheduled payment ended on its day: the account that it paid is closed. Who scheduled it is told.',
  data: { schedule: z.string(), person: z.string(), amount: z.string().regex(/^[1-9]\d{0,18}$/), currency: z.string() },
});
export const OrderChanged = event('wallet.order-changed', {
  version: 1, doc: 'An order to the bank was made or its result became known.', data: { order: z.string(), person: z.string(), state: z.string(),
    direction: z.enum(['in', 'out']).optional(), amount: z.string().regex(/^[1-9]\d{0,18}$/).optional(), currency: z.string().optional() },
});
export const KycChanged = event('wallet.kyc-changed', {
  version: 1, doc: 'A holder sent a document, or it was decided how well they are known.', data: { case: z.string(), person: z.string(), state: z.string() },
});
export const HitFound = event('wallet.hit-found', {
  version: 1, alert: true, doc: 'A holder is like an entry of the sanctions list; somebody has to look.',
  data: { hit: z.string(), person: z.string(), score: z.int() },
});

export const SendOrder = job('wallet.send-order', { doc: 'Sends one order to the bank and records what became of it.', data: { order: z.string() },
  attemptsMax: 100, priority: 'urgent' });
export const DayOver = job('wallet.day-over', { doc: 'Starts the end of a business day, behind the days before it that were not closed.',
  data: { day: z.iso.date() },
  attemptsMax: 1000 });
export const DocumentsDue = job('wallet.documents-due', {
  doc: 'Looks through settled cases for documents that need not be kept any longer, `after` a case.', data: { after: z.string().optional() }, priority: 'bulk',
});
export const DisposeDocument = job('wallet.dispose-document', {
  doc: 'Removes one document’s object, and notes it.', data: { document: z.string() }, attemptsMax: 100, priority: 'bulk',
});
/** A day that waits for the one before it is looked at again after this long. */
export const DAY_AGAIN_MS = 60_000;

/** An account as the verbs of this module pass it on. */
export interface Account { readonly id: Id<'wal'>; readonly currency: Currency }
