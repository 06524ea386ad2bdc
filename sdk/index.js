// Written by `npm run docs` from the routes; edits here are lost.

/** An answer that is no success: RFC 9457, with the trace of its request. */
export class Refused extends Error {
  constructor(problem, retryAfterSeconds) {
    super(problem.title ?? String(problem.status));
    this.name = 'Refused';
    this.problem = problem;
    this.code = String(problem.type ?? '').replace('/problems/', '');
    this.status = problem.status;
    this.retryAfterSeconds = retryAfterSeconds;
  }
}

/** A client of one tenant's address. */
export function createClient({ base = '', fetch: send = globalThis.fetch, headers: always = {} } = {}) {
  const call = async (method, path, input = {}, { signal, key, headers = {} } = {}) => {
    const { params = {}, query = {}, body } = input;
    const filled = path.replace(/:(\w+)/g, (_, name) => encodeURIComponent(params[name]));
    const search = new URLSearchParams(Object.entries(query).filter(([, value]) => value !== undefined)).toString();
    const lines = typeof body === 'string' || body instanceof Uint8Array;
    const answer = await send(base + '/api' + filled + (search ? '?' + search : ''), {
      method, signal, body: body === undefined || lines ? body : JSON.stringify(body),
      headers: {
        accept: 'application/json', ...(body === undefined ? {} : { 'content-type': lines ? 'application/x-ndjson' : 'application/json' }),
        ...(key === undefined ? {} : { 'idempotency-key': key }), ...always, ...headers,
      },
    });
    if (answer.ok) return answer.json();
    const problem = await answer.json().catch(() => ({ status: answer.status, title: answer.statusText }));
    throw new Refused(problem, Number(answer.headers.get('retry-after')) || undefined);
  };
  return {
    getAuditFacts: (input, options) => call('GET', '/audit/facts', input, options),
    postSignInChallenges: (input, options) => call('POST', '/sign-in/challenges', input, options),
    postSignInChallengesChallengeCode: (input, options) => call('POST', '/sign-in/challenges/:challenge/code', input, options),
    postSignInChallengesChallengeResend: (input, options) => call('POST', '/sign-in/challenges/:challenge/resend', input, options),
    postSignInRefresh: (input, options) => call('POST', '/sign-in/refresh', input, options),
    postSignOut: (input, options) => call('POST', '/sign-out', input, options),
    getSession: (input, options) => call('GET', '/session', input, options),
    getOperatorsChallenge: (input, options) => call('GET', '/operators/challenge', input, options),
    postOperatorsSignIn: (input, options) => call('POST', '/operators/sign-in', input, options),
    postOperatorsSignInPasskey: (input, options) => call('POST', '/operators/sign-in/passkey', input, options),
    getOperatorsEnrolment: (input, options) => call('GET', '/operators/enrolment', input, options),
    postOperatorsEnrolmentPassword: (input, options) => call('POST', '/operators/enrolment/password', input, options),
    postOperatorsEnrolmentPasskey: (input, options) => call('POST', '/operators/enrolment/passkey', input, options),
    getOperatorsMe: (input, options) => call('GET', '/operators/me', input, options),
    getOperators: (input, options) => call('GET', '/operators', input, options),
    postOperatorsSignOut: (input, options) => call('POST', '/operators/sign-out', input, options),
    getLedgerAccounts: (input, options) => call('GET', '/ledger/accounts', input, options),
    getLedgerAccountsAccount: (input, options) => call('GET', '/ledger/accounts/:account', input, options),
    getLedgerAccountsAccountEntries: (input, options) => call('GET', '/ledger/accounts/:account/entries', input, options),
    getLedgerAccountsAccountExplain: (input, options) => call('GET', '/ledger/accounts/:account/explain', input, options),
    getLedgerTransfers: (input, options) => call('GET', '/ledger/transfers', input, options),
    getLedgerTransfersTransferExplain: (input, options) => call('GET', '/ledger/transfers/:transfer/explain', input, options),
    getLedgerTrialBalance: (input, options) => call('GET', '/ledger/trial-balance', input, options),
    getTaxRefundsYear: (input, options) => call('GET', '/tax-refunds/:year', input, options),
    getTaxRefunds: (input, options) => call('GET', '/tax-refunds', input, options),
    postTaxRefundsFeed: (input, options) => call('POST', '/tax-refunds/feed', input, options),
    getTaxRefundsFeedHealth: (input, options) => call('GET', '/tax-refunds/feed/health', input, options),
    getTaxRefundsQuarantine: (input, options) => call('GET', '/tax-refunds/quarantine', input, options),
    getTaxRefundsQuarantineLine: (input, options) => call('GET', '/tax-refunds/quarantine/:line', input, options),
    postTaxRefundsQuarantineLineReplay: (input, options) => call('POST', '/tax-refunds/quarantine/:line/replay', input, options),
    getWalletAccounts: (input, options) => call('GET', '/wallet/accounts', input, options),
    postWalletAccounts: (input, options) => call('POST', '/wallet/accounts', input, options),
    getWalletAccountsAccount: (input, options) => call('GET', '/wallet/accounts/:account', input, options),
    getWalletAccountsAccountActivity: (input, options) => call('GET', '/wallet/accounts/:account/activity', input, options),
    getWalletAccountsAccountStatements: (input, options) => call('GET', '/wallet/accounts/:account/statements', input, options),
    putWalletAccountsAccountHandle: (input, options) => call('PUT', '/wallet/accounts/:account/handle', input, options),
    postWalletTransfers: (input, options) => call('POST', '/wallet/transfers', input, options),
    postWalletRequests: (input, options) => call('POST', '/wallet/requests', input, options),
    getWalletRequests: (input, options) => call('GET', '/wallet/requests', input, options),
    postWalletRequestsRequestAccept: (input, options) => call('POST', '/wallet/requests/:request/accept', input, options),
    postWalletRequestsRequestDecline: (input, options) => call('POST', '/wallet/requests/:request/decline', input, options),
    postWalletSchedules: (input, options) => call('POST', '/wallet/schedules', input, options),
    getWalletSchedules: (input, options) => call('GET', '/wallet/schedules', input, options),
    postWalletSchedulesScheduleStop: (input, options) => call('POST', '/wallet/schedules/:schedule/stop', input, options),
    postWalletTopUps: (input, options) => call('POST', '/wallet/top-ups', input, options),
    postWalletWithdrawals: (input, options) => call('POST', '/wallet/withdrawals', input, options),
    getWalletOrdersOrder: (input, options) => call('GET', '/wallet/orders/:order', input, options),
    postWalletAccountsAccountFreeze: (input, options) => call('POST', '/wallet/accounts/:account/freeze', input, options),
    postWalletOfficeAccountsAccountFreeze: (input, options) => call('POST', '/wallet/office/accounts/:account/freeze', input, options),
    getWalletLimits: (input, options) => call('GET', '/wallet/limits', input, options),
    postWalletOfficeEod: (input, options) => call('POST', '/wallet/office/eod', input, options),
    getWalletOfficeEod: (input, options) => call('GET', '/wallet/office/eod', input, options),
    getWalletOfficeEodDay: (input, options) => call('GET', '/wallet/office/eod/:day', input, options),
    getWalletKyc: (input, options) => call('GET', '/wallet/kyc', input, options),
    postWalletKycDocuments: (input, options) => call('POST', '/wallet/kyc/documents', input, options),
    getWalletOfficeKyc: (input, options) => call('GET', '/wallet/office/kyc', input, options),
    getWalletOfficeKycCase: (input, options) => call('GET', '/wallet/office/kyc/:case', input, options),
    postWalletOfficeKycCaseDecision: (input, options) => call('POST', '/wallet/office/kyc/:case/decision', input, options),
    getWalletOfficeDocumentsDocument: (input, options) => call('GET', '/wallet/office/documents/:document', input, options),
    getWalletOfficeHits: (input, options) => call('GET', '/wallet/office/hits', input, options),
    postWalletOfficeHitsHitDecision: (input, options) => call('POST', '/wallet/office/hits/:hit/decision', input, options),
  };
}
