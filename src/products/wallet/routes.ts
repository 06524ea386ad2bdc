import { civilDate, download, route, stream, type PageContext } from '#kernel';
import { noticeTopics } from '#platform/notify';
import { insufficientFunds, transferInvalid } from '#spine/ledger';
import {
  caseDecided, documentGone, documentsUsed, documentWrong, knownAlready, operatorNeeded, reasonMissing, sameOperator, sanctionsOpen, unknownCase,
  unknownDocument, unknownHit, UPLOAD_BYTES_MAX,
  zCase, zCases, zDecide, zDecideHit, zHit, zHits, zKept, zKyc, zOfCase, zOfDocument, zQueue, zUpload, type KeptView,
  dayNotOver, dayOutOfOrder, unknownRun, zEodOf, zEodRun, zEodRuns, zEodStart,
  accountClosed, accountFrozen, accountsUsed, daysOpen, moneyUnderWay, restNeedsAccount, zClose, zClosed, zClosing, closingWaits, unknownClosing, zAskClosing,
  zDecideClosing, zOfficeAccount, zOfficeClosing, zOfficeClosings,
  periodWrong, statementTooLong, zStatement, zStatementAsk, type StatementView, amountWrong, currencyDiffers,
    currencyUnknown, dateWrong, handleTaken, limitReached, payeeCannot, requestOver,
  requestsUsed, sameAccount, schedulesUsed, unknownAccount, unknownOrder, unknownPayee, unknownRequest, unknownSchedule, zAccount, zActivity, zActivityPage,
    zAccounts, zAsk, zBankOrder,
  zClaim, zFreeze, zLimits, zNothing, zOfAccount, zOfOrder, zOfRequest, zOfSchedule, zOpen, zOrder, zPaid, zPlan, zReceive,
    zRequest, zRequestLink, zRequests, zSchedule, zSchedules,
    zTransfer,
} from './contract.ts';
import { activity } from './service/activity.ts';
import { claim, limits as readLimits, list, open, receive, setFrozen, show } from './service/accounts.ts';
import { close, showClosing } from './service/closing.ts';
import { listEod, showEod, startEod } from './service/eod.ts';
import { camtFile, csvFile, mt940File, statementSheet } from './service/files.ts';
import { addDocument, keepDocument, openDocument, queue, showCase, showDocument, showKyc, vote } from './service/kyc.ts';
import { decide, listHits } from './service/screening.ts';
import { showOrder, topUp, withdraw } from './service/orders.ts';
import { askClosing, decideClosing, listClosings, showOffice } from './service/office.ts';
import { accept, ask, decline, listRequests, showRequest } from './service/requests.ts';
import { listSchedules, plan, stop } from './service/schedules.ts';
import { makeStatement } from './service/statement.ts';
import { paidWire, prepareTransfers, recallTransfers, transfer } from './service/transfer.ts';

const account = `wal_${'0'.repeat(32)}` as const;
const amount = { amount: '10000', currency: 'INR' };
const paymentProblems = [
  unknownAccount, unknownPayee, sameAccount, amountWrong, currencyDiffers, accountFrozen, accountClosed, payeeCannot, limitReached, insufficientFunds,
    transferInvalid,
];

export const accountsRoute = route('GET /wallet/accounts', {
  summary: 'The caller’s accounts with their balances, read in the transaction that answers.', scope: 'person', input: zNothing, output: zAccounts,
    problems: [],
  verb: list, example: { input: {} },
});
export const openRoute = route('POST /wallet/accounts', {
  summary: 'Opens an account in a currency.', scope: 'person', input: zOpen, output: zAccount, status: 201, idempotent: 'required',
  problems: [currencyUnknown, accountsUsed], audit: 'wallet.opened', verb: open, example: { input: { body: { currency: 'INR' } } },
});
export const accountRoute = route('GET /wallet/accounts/:account', {
  summary: 'One account.', scope: 'person', input: zOfAccount, output: zAccount, problems: [unknownAccount], verb: show,
    example: { input: { params: { account } } },
});
export const activityRoute = route('GET /wallet/accounts/:account/activity', {
  summary: 'What moved an account, newest first, with the balance after each movement.', scope: 'person', input: zActivity, output: zActivityPage,
  problems: [unknownAccount], priority: 'report', audit: 'wallet.viewed', verb: activity, example: { input: { params: { account } } },
});
export const statementRoute = route('GET /wallet/accounts/:account/statements', {
  summary: 'A statement of a period of civil days, both counted in: opening balance, movements, closing balance. It agrees with the books or is not given.',
  scope: 'person', input: zStatementAsk, output: zStatement, problems: [unknownAccount, periodWrong, statementTooLong], priority: 'report',
  audit: 'wallet.statement', verb: makeStatement,
  example: { input: { params: { account }, query: { from: civilDate('2026-11-01'), to: civilDate('2026-11-30') } } },
});
export const closingRoute = route('GET /wallet/accounts/:account/close', {
  summary: 'What closing an account would come to now: what stands in the way, what is left, which accounts can take it, and what would end with it.',
  scope: 'person', input: zOfAccount, output: zClosing, problems: [unknownAccount], verb: showClosing, example: { input: { params: { account } } },
});
export const closeRoute = route('POST /wallet/accounts/:account/close', {
  summary: 'Closes an account for ever: interest owed is paid, all that is left goes into another own account, requests and schedules of it end.',
  scope: 'person', input: zClose, output: zClosed, idempotent: 'required',
  problems: [unknownAccount, accountClosed, accountFrozen, moneyUnderWay, restNeedsAccount, daysOpen, sameAccount, currencyDiffers, payeeCannot],
  audit: 'wallet.closed', verb: close, example: { input: { params: { account }, body: { into: `wal_${'1'.repeat(32)}` } } },
});
export const receiveRoute = route('GET /wallet/accounts/:account/receive', {
  summary: 'What a payer needs to pay into an account: its name, and the web origin whose pay link a code carries.', scope: 'person', input: zOfAccount,
  output: zReceive, problems: [unknownAccount], verb: receive, example: { input: { params: { account } } },
});
export const claimRoute = route('PUT /wallet/accounts/:account/handle', {
  summary: 'Gives an account a name that money can be sent to; the name before is given up.', scope: 'person', input: zClaim, output: zAccount,
  problems: [unknownAccount, accountClosed, handleTaken], audit: 'wallet.named', verb: claim, example: { input: { params: { account },
    body: { handle: '@ravi' } } },
});
export const transferRoute = route('POST /wallet/transfers', {
  summary: 'Sends money to a name or an account, at once and for good.', scope: 'person', input: zTransfer, output: zPaid, idempotent: 'required',
  problems: paymentProblems, audit: 'ledger.posted', plural: transfer, recall: recallTransfers, ahead: prepareTransfers, wire: paidWire,
  example: { input: { body: { from: account, to: '@ravi', amount, note: 'lunch' } } },
});
export const askRoute = route('POST /wallet/requests', {
  summary: 'Asks somebody for money. Nothing moves before they accept.', scope: 'person', input: zAsk, output: zRequest, status: 201, idempotent: 'required',
  problems: [unknownAccount, unknownPayee, sameAccount, amountWrong, currencyDiffers, accountClosed, requestsUsed], audit: 'wallet.request', verb: ask,
  example: { input: { body: { into: account, from: '@asha', amount } } },
});
export const requestsRoute = route('GET /wallet/requests', {
  summary: 'Requests to the caller and by the caller, newest first.', scope: 'person', input: zNothing, output: zRequests, problems: [], verb: listRequests,
  example: { input: {} },
});
const request = `wreq_${'0'.repeat(32)}` as const;
export const requestRoute = route('GET /wallet/requests/:request', {
  summary: 'One request, for who asked and who is asked; and the web origin whose link a code carries.', scope: 'person', input: zOfRequest,
  output: zRequestLink, problems: [unknownRequest], verb: showRequest, example: { input: { params: { request } } },
});
export const acceptRoute = route('POST /wallet/requests/:request/accept', {
  summary: 'Pays what was asked for, once.', scope: 'person', input: zOfRequest, output: zPaid, idempotent: 'required',
  problems: [unknownRequest, requestOver, ...paymentProblems], audit: 'wallet.request', verb: accept, example: { input: { params: { request } } },
});
export const declineRoute = route('POST /wallet/requests/:request/decline', {
  summary: 'Says no to a request, or takes one’s own back.', scope: 'person', input: zOfRequest, output: zRequest, idempotent: 'optional',
  problems: [unknownRequest, requestOver], audit: 'wallet.request', verb: decline, example: { input: { params: { request } } },
});
export const planRoute = route('POST /wallet/schedules', {
  summary: 'Schedules a payment for a day, once, each week or each month.', scope: 'person', input: zPlan, output: zSchedule, status: 201,
    idempotent: 'required',
  problems: [unknownAccount, accountClosed, unknownPayee, sameAccount, payeeCannot, amountWrong, currencyDiffers, dateWrong, schedulesUsed],
  audit: 'wallet.scheduled', verb: plan,
  example: { input: { body: { from: account, to: '@ravi', amount, firstOn: civilDate('2026-12-01'), every: 'month' } } },
});
export const schedulesRoute = route('GET /wallet/schedules', {
  summary: 'The caller’s scheduled payments.', scope: 'person', input: zNothing, output: zSchedules, problems: [], verb: listSchedules,
  example: { input: {} },
});
export const stopRoute = route('POST /wallet/schedules/:schedule/stop', {
  summary: 'Stops a scheduled payment.', scope: 'person', input: zOfSchedule, output: zSchedule, idempotent: 'optional', problems: [unknownSchedule],
  audit: 'wallet.schedule-stopped', verb: stop, example: { input: { params: { schedule: `wsch_${'0'.repeat(32)}` } } },
});
const bankProblems = [unknownAccount, accountFrozen, accountClosed, amountWrong, currencyDiffers, insufficientFunds];
const bankExample = { input: { body: { account, amount, bank: 'DEMO0000000001' } } };
export const topUpRoute = route('POST /wallet/top-ups', {
  summary: 'Brings money from an account at a bank. The answer gives the order; its state says when the bank has answered.', scope: 'person', input: zBankOrder,
  output: zOrder, status: 202, idempotent: 'required', problems: bankProblems, audit: 'wallet.bank-order', verb: topUp, example: bankExample,
});
export const withdrawRoute = route('POST /wallet/withdrawals', {
  summary: 'Sends money to an account at a bank. It is held until the bank’s answer is known.', scope: 'person', input: zBankOrder,
  output: zOrder, status: 202,
  idempotent: 'required', problems: bankProblems, audit: 'wallet.bank-order', verb: withdraw, example: bankExample,
});
export const orderRoute = route('GET /wallet/orders/:order', {
  summary: 'What became of an order to the bank.', scope: 'person', input: zOfOrder, output: zOrder, problems: [unknownOrder], verb: showOrder,
  example: { input: { params: { order: `word_${'0'.repeat(32)}` } } },
});
const frozen = { summary: 'Freezes an account or lets it go.', input: zFreeze, output: zAccount, problems: [unknownAccount, accountClosed, accountFrozen],
  audit: 'wallet.frozen', verb: setFrozen, example: { input: { params: { account }, body: { frozen: true } } } } as const;
export const freezeRoute = route('POST /wallet/accounts/:account/freeze', { ...frozen, scope: 'person' });
export const officeFreezeRoute = route('POST /wallet/office/accounts/:account/freeze', { ...frozen, scope: 'wallet:freeze' });
const closing = `wclo_${'0'.repeat(32)}` as const;
const closingProblems = [unknownAccount, accountClosed, accountFrozen, moneyUnderWay, restNeedsAccount, daysOpen, sameAccount, currencyDiffers, payeeCannot];
export const officeAccountRoute = route('GET /wallet/office/accounts/:account/closing', {
  summary: 'What closing a holder’s account would come to now, and what operators asked and decided of it.', scope: 'wallet:close', input: zOfAccount,
  output: zOfficeAccount, problems: [unknownAccount], audit: 'wallet.account-viewed', verb: showOffice, example: { input: { params: { account } } },
});
export const askClosingRoute = route('POST /wallet/office/accounts/:account/closing', {
  summary: 'Asks for the closing of a holder’s account, with the reason. Another operator decides; the rules are those of the holder’s own closing.',
  scope: 'wallet:close', input: zAskClosing, output: zOfficeClosing, status: 201, idempotent: 'optional',
  problems: [...closingProblems, closingWaits, operatorNeeded], audit: 'wallet.closing-asked', verb: askClosing,
  example: { input: { params: { account }, body: { reason: 'holder-asked', into: `wal_${'1'.repeat(32)}` } } },
});
export const closingsRoute = route('GET /wallet/office/closings', {
  summary: 'Closings that wait for a second operator, the oldest first.', scope: 'wallet:close', input: zNothing, output: zOfficeClosings, problems: [],
  verb: listClosings, example: { input: {} },
});
export const decideClosingRoute = route('POST /wallet/office/closings/:closing/decision', {
  summary: 'Closes an account that another operator asked to be closed, or refuses that.', scope: 'wallet:close', input: zDecideClosing,
  output: zOfficeClosing, idempotent: 'optional', problems: [...closingProblems, unknownClosing, caseDecided, sameOperator, operatorNeeded],
  audit: 'wallet.closing-decided', verb: decideClosing, example: { input: { params: { closing }, body: { verdict: 'approve' } } },
});
export const limitsRoute = route('GET /wallet/limits', {
  summary: 'What the caller may send, and what of it is used.', scope: 'person', input: zNothing, output: zLimits, problems: [], verb: readLimits,
    example: { input: {} },
});

const day = civilDate('2026-11-30');
export const eodStartRoute = route('POST /wallet/office/eod', {
  summary: 'Starts the end-of-day run of a business day: interest, and at a month’s end what is paid and taken. A second start changes nothing.',
  scope: 'wallet:eod', input: zEodStart, output: zEodRun, status: 202, idempotent: 'optional', problems: [dayNotOver, dayOutOfOrder],
  audit: 'wallet.eod-started', verb: startEod, example: { input: { body: { day } } },
});
export const eodRunsRoute = route('GET /wallet/office/eod', {
  summary: 'The end-of-day runs of the last two months, the newest day first.', scope: 'wallet:eod', input: zNothing, output: zEodRuns, problems: [],
  verb: listEod, example: { input: {} },
});
export const eodRoute = route('GET /wallet/office/eod/:day', {
  summary: 'How far an end-of-day run has come, how fast it goes, and what it did.', scope: 'wallet:eod', input: zEodOf, output: zEodRun,
  problems: [unknownRun], verb: showEod, example: { input: { params: { day } } },
});

const file = {
  route: statementRoute,
  input: ({ params, query }: Pick<PageContext, 'params' | 'query'>) => ({ params, query: { from: query.from, to: query.to } }),
};
const named = (ending: string) => (s: StatementView): string => `statement-${s.from}-${s.to}.${ending}`;
/** The statement as files: for a spreadsheet, to print, and for programs of accounting. */
export const downloads = [
  download<StatementView>('GET /wallet/accounts/:account/statement.csv', { ...file, type: 'text/csv; charset=utf-8', filename: named('csv'), write: csvFile }),
  download<StatementView>('GET /wallet/accounts/:account/statement.pdf', { ...file, type: 'application/pdf', filename: named('pdf'), write: statementSheet }),
  download<StatementView>('GET /wallet/accounts/:account/statement.xml', {
    ...file, type: 'application/xml; charset=utf-8', filename: named('camt.053.xml'), write: camtFile,
  }),
  download<StatementView>('GET /wallet/accounts/:account/statement.sta', {
    ...file, type: 'text/plain; charset=us-ascii', filename: named('mt940.sta'), write: mt940File,
  }),
];

export const kycRoute = route('GET /wallet/kyc', {
  summary: 'How well the caller is known, and the documents that they sent last.', scope: 'person', input: zNothing, output: zKyc, problems: [], verb: showKyc,
  example: { input: {} },
});
export const uploadRoute = route('POST /wallet/kyc/documents', {
  summary: 'Sends a document (JPEG, PNG or PDF, at most 5 MiB, in base64). It is kept sealed, outside the database, and two operators look at it.',
  scope: 'person', input: zUpload, output: zKyc, status: 201, idempotent: 'optional', problems: [documentWrong, documentsUsed, knownAlready],
  audit: 'wallet.document-sent', prepare: keepDocument, verb: addDocument, bodyMax: UPLOAD_BYTES_MAX,
  example: { input: { body: { kind: 'identity', type: 'application/pdf', data: 'JVBERi0xLjcK' } } },
});
const kycCase = `wkyc_${'0'.repeat(32)}` as const;
export const casesRoute = route('GET /wallet/office/kyc', {
  summary: 'Cases that wait for operators, the oldest first; `state` asks for decided ones.', scope: 'wallet:kyc', input: zQueue, output: zCases, problems: [],
  verb: queue, example: { input: {} },
});
export const caseRoute = route('GET /wallet/office/kyc/:case', {
  summary: 'One case: its documents, what operators said of it, whom its person is like.', scope: 'wallet:kyc', input: zOfCase, output: zCase,
  problems: [unknownCase], audit: 'wallet.case-viewed', verb: showCase, example: { input: { params: { case: kycCase } } },
});
export const decideRoute = route('POST /wallet/office/kyc/:case/decision', {
  summary: 'Approves or refuses a case. Two different operators approve; one refuses, with a reason.', scope: 'wallet:kyc', input: zDecide, output: zCase,
  idempotent: 'optional', problems: [unknownCase, caseDecided, sameOperator, operatorNeeded, sanctionsOpen, reasonMissing], audit: 'wallet.case-decided',
  verb: vote, example: { input: { params: { case: kycCase }, body: { verdict: 'approve' } } },
});
export const documentRoute = route('GET /wallet/office/documents/:document', {
  summary: 'What a document is and where it is kept; its bytes are a download at the same address without /api.', scope: 'wallet:kyc', input: zOfDocument,
  output: zKept, problems: [unknownDocument, documentGone], audit: 'wallet.document-viewed', verb: showDocument,
  example: { input: { params: { document: `wdoc_${'0'.repeat(32)}` } } },
});
export const hitsRoute = route('GET /wallet/office/hits', {
  summary: 'Holders who are like somebody on the sanctions list and about whom nobody has decided, the oldest first.', scope: 'wallet:kyc', input: zNothing,
  output: zHits, problems: [], verb: listHits, example: { input: {} },
});
export const decideHitRoute = route('POST /wallet/office/hits/:hit/decision', {
  summary: 'Says whether a holder is whom the list means.', scope: 'wallet:kyc', input: zDecideHit, output: zHit, idempotent: 'optional',
  problems: [unknownHit, caseDecided, operatorNeeded], audit: 'wallet.hit-decided', verb: decide,
  example: { input: { params: { hit: `whit_${'0'.repeat(32)}` }, body: { verdict: 'cleared' } } },
});
const ENDINGS = { 'image/jpeg': 'jpg', 'image/png': 'png', 'application/pdf': 'pdf' } as const;
/** A document's bytes, opened outside any transaction after the look was recorded. */
export const documentFile = download<KeptView>('GET /wallet/office/documents/:document', {
  route: documentRoute, input: ({ params }) => ({ params }), type: (d) => d.type,
  filename: (d) => `${d.document.replace('_', '-')}.${ENDINGS[d.type]}`, write: openDocument,
});

/** Says "look again" when something of the caller's changed. */
export const changes = stream('GET /wallet/changes', {
  scope: 'person', topics: (actor, tenant) => (actor.kind === 'person' ? [`wallet ${tenant.id} ${actor.id}`, ...noticeTopics(actor, tenant)] : []),
});

export const routes = [
  accountsRoute, openRoute, accountRoute, activityRoute, statementRoute, closingRoute, closeRoute, receiveRoute, claimRoute,
  transferRoute, askRoute, requestsRoute, requestRoute, acceptRoute, declineRoute,
    planRoute,
    schedulesRoute, stopRoute,
  topUpRoute, withdrawRoute, orderRoute, freezeRoute, officeFreezeRoute, officeAccountRoute, askClosingRoute, closingsRoute,
  decideClosingRoute, limitsRoute, eodStartRoute, eodRunsRoute, eodRoute, kycRoute, uploadRoute,
  casesRoute, caseRoute, decideRoute, documentRoute, hitsRoute, decideHitRoute,
];
