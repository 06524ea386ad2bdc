// Written by `npm run docs` from the routes; edits here are lost.

const routes = {
  getLimits: ['GET', '/limits'],
  getEvents: ['GET', '/events'],
  getEventsSubscribers: ['GET', '/events/subscribers'],
  getEventsParked: ['GET', '/events/parked'],
  postEventsParkedSubscriberKeyDecision: ['POST', '/events/parked/:subscriber/:key/:decision'],
  getCaches: ['GET', '/caches'],
  getJobs: ['GET', '/jobs'],
  getJobsDead: ['GET', '/jobs/dead'],
  postJobsDeadJobRetry: ['POST', '/jobs/dead/:job/retry'],
  postJobsDeadJobDrop: ['POST', '/jobs/dead/:job/drop'],
  getSagas: ['GET', '/sagas'],
  getSagasSaga: ['GET', '/sagas/:saga'],
  postSagasSagaDecision: ['POST', '/sagas/:saga/:decision'],
  getAuditFacts: ['GET', '/audit/facts'],
  postSignInChallenges: ['POST', '/sign-in/challenges'],
  postSignInChallengesChallengeCode: ['POST', '/sign-in/challenges/:challenge/code'],
  postSignInChallengesChallengeResend: ['POST', '/sign-in/challenges/:challenge/resend'],
  postSignInRefresh: ['POST', '/sign-in/refresh'],
  postSignOut: ['POST', '/sign-out'],
  getSession: ['GET', '/session'],
  getSessions: ['GET', '/sessions'],
  postSessionsSessionEnd: ['POST', '/sessions/:session/end'],
  getOperatorsChallenge: ['GET', '/operators/challenge'],
  postOperatorsSignIn: ['POST', '/operators/sign-in'],
  postOperatorsSignInPasskey: ['POST', '/operators/sign-in/passkey'],
  getOperatorsEnrolment: ['GET', '/operators/enrolment'],
  postOperatorsEnrolmentPassword: ['POST', '/operators/enrolment/password'],
  postOperatorsEnrolmentPasskey: ['POST', '/operators/enrolment/passkey'],
  getOperatorsMe: ['GET', '/operators/me'],
  getOperators: ['GET', '/operators'],
  postOperatorsSignOut: ['POST', '/operators/sign-out'],
  postOperators: ['POST', '/operators'],
  postOperatorsOperatorLink: ['POST', '/operators/:operator/link'],
  postOperatorsOperatorRole: ['POST', '/operators/:operator/role'],
  postOperatorsOperatorDisable: ['POST', '/operators/:operator/disable'],
  postOperatorsOperatorEnable: ['POST', '/operators/:operator/enable'],
  postOperatorsOperatorSessionsEnd: ['POST', '/operators/:operator/sessions/end'],
  getLedgerAccounts: ['GET', '/ledger/accounts'],
  getLedgerAccountsAccount: ['GET', '/ledger/accounts/:account'],
  getLedgerAccountsAccountEntries: ['GET', '/ledger/accounts/:account/entries'],
  getLedgerAccountsAccountExplain: ['GET', '/ledger/accounts/:account/explain'],
  getLedgerTransfers: ['GET', '/ledger/transfers'],
  getLedgerTransfersSearch: ['GET', '/ledger/transfers/search'],
  getLedgerTransfersTransferExplain: ['GET', '/ledger/transfers/:transfer/explain'],
  getLedgerTrialBalance: ['GET', '/ledger/trial-balance'],
  getNotifications: ['GET', '/notifications'],
  getNotificationsUnseen: ['GET', '/notifications/unseen'],
  postNotificationsSeen: ['POST', '/notifications/seen'],
  postNotificationsOpenedToken: ['POST', '/notifications/opened/:token'],
  getNotificationsPreferences: ['GET', '/notifications/preferences'],
  putNotificationsPreferences: ['PUT', '/notifications/preferences'],
  postNotificationsEmails: ['POST', '/notifications/emails'],
  postNotificationsConfirmToken: ['POST', '/notifications/confirm/:token'],
  postNotificationsPush: ['POST', '/notifications/push'],
  postNotificationsAddressesAddressRemove: ['POST', '/notifications/addresses/:address/remove'],
  postNotificationsUnsubscribeToken: ['POST', '/notifications/unsubscribe/:token'],
  postNotificationsReceipts: ['POST', '/notifications/receipts'],
  getNotificationsOfficeMessages: ['GET', '/notifications/office/messages'],
  getNotificationsOfficeMessagesMessage: ['GET', '/notifications/office/messages/:message'],
  postNotificationsOfficeMessagesMessageReplay: ['POST', '/notifications/office/messages/:message/replay'],
  getNotificationsOfficeProviders: ['GET', '/notifications/office/providers'],
  getNotificationsOfficeTemplates: ['GET', '/notifications/office/templates'],
  postNotificationsOfficeTemplatesKindPreview: ['POST', '/notifications/office/templates/:kind/preview'],
  putNotificationsOfficeTemplatesKind: ['PUT', '/notifications/office/templates/:kind'],
  getNotificationsOfficeCampaigns: ['GET', '/notifications/office/campaigns'],
  getNotificationsOfficeCampaignsCampaign: ['GET', '/notifications/office/campaigns/:campaign'],
  postNotificationsOfficeCampaignsPreview: ['POST', '/notifications/office/campaigns/preview'],
  postNotificationsOfficeCampaigns: ['POST', '/notifications/office/campaigns'],
  postNotificationsOfficeCampaignsCampaignStart: ['POST', '/notifications/office/campaigns/:campaign/start'],
  postNotificationsOfficeCampaignsCampaignPause: ['POST', '/notifications/office/campaigns/:campaign/pause'],
  postNotificationsOfficeCampaignsCampaignResume: ['POST', '/notifications/office/campaigns/:campaign/resume'],
  postNotificationsOfficeCampaignsCampaignStop: ['POST', '/notifications/office/campaigns/:campaign/stop'],
  postNotificationsOfficeCampaignsCampaignPeople: ['POST', '/notifications/office/campaigns/:campaign/people'],
  getWebhooksEndpoints: ['GET', '/webhooks/endpoints'],
  getWebhooksEventTypes: ['GET', '/webhooks/event-types'],
  postWebhooksEndpoints: ['POST', '/webhooks/endpoints'],
  getWebhooksEndpointsEndpoint: ['GET', '/webhooks/endpoints/:endpoint'],
  putWebhooksEndpointsEndpoint: ['PUT', '/webhooks/endpoints/:endpoint'],
  deleteWebhooksEndpointsEndpoint: ['DELETE', '/webhooks/endpoints/:endpoint'],
  postWebhooksEndpointsEndpointRotate: ['POST', '/webhooks/endpoints/:endpoint/rotate'],
  postWebhooksEndpointsEndpointEnable: ['POST', '/webhooks/endpoints/:endpoint/enable'],
  postWebhooksEndpointsEndpointDisable: ['POST', '/webhooks/endpoints/:endpoint/disable'],
  postWebhooksEndpointsEndpointTest: ['POST', '/webhooks/endpoints/:endpoint/test'],
  postWebhooksEndpointsEndpointReplay: ['POST', '/webhooks/endpoints/:endpoint/replay'],
  getWebhooksEndpointsEndpointDeliveries: ['GET', '/webhooks/endpoints/:endpoint/deliveries'],
  getWebhooksDeliveries: ['GET', '/webhooks/deliveries'],
  getWebhooksDeliveriesDelivery: ['GET', '/webhooks/deliveries/:delivery'],
  postWebhooksDeliveriesDeliveryReplay: ['POST', '/webhooks/deliveries/:delivery/replay'],
  getAlerts: ['GET', '/alerts'],
  postAlertsAlertClose: ['POST', '/alerts/:alert/close'],
  getConsoleViews: ['GET', '/console/views'],
  postConsoleViews: ['POST', '/console/views'],
  deleteConsoleViewsView: ['DELETE', '/console/views/:view'],
  getTaxRefundsYear: ['GET', '/tax-refunds/:year'],
  getTaxRefunds: ['GET', '/tax-refunds'],
  postTaxRefundsFeed: ['POST', '/tax-refunds/feed'],
  getTaxRefundsFeedHealth: ['GET', '/tax-refunds/feed/health'],
  getTaxRefundsQuarantine: ['GET', '/tax-refunds/quarantine'],
  getTaxRefundsQuarantineLine: ['GET', '/tax-refunds/quarantine/:line'],
  postTaxRefundsQuarantineLineReplay: ['POST', '/tax-refunds/quarantine/:line/replay'],
  getWalletAccounts: ['GET', '/wallet/accounts'],
  postWalletAccounts: ['POST', '/wallet/accounts'],
  getWalletAccountsAccount: ['GET', '/wallet/accounts/:account'],
  getWalletAccountsAccountActivity: ['GET', '/wallet/accounts/:account/activity'],
  getWalletAccountsAccountStatements: ['GET', '/wallet/accounts/:account/statements'],
  putWalletAccountsAccountHandle: ['PUT', '/wallet/accounts/:account/handle'],
  postWalletTransfers: ['POST', '/wallet/transfers'],
  postWalletRequests: ['POST', '/wallet/requests'],
  getWalletRequests: ['GET', '/wallet/requests'],
  postWalletRequestsRequestAccept: ['POST', '/wallet/requests/:request/accept'],
  postWalletRequestsRequestDecline: ['POST', '/wallet/requests/:request/decline'],
  postWalletSchedules: ['POST', '/wallet/schedules'],
  getWalletSchedules: ['GET', '/wallet/schedules'],
  postWalletSchedulesScheduleStop: ['POST', '/wallet/schedules/:schedule/stop'],
  postWalletTopUps: ['POST', '/wallet/top-ups'],
  postWalletWithdrawals: ['POST', '/wallet/withdrawals'],
  getWalletOrdersOrder: ['GET', '/wallet/orders/:order'],
  postWalletAccountsAccountFreeze: ['POST', '/wallet/accounts/:account/freeze'],
  postWalletOfficeAccountsAccountFreeze: ['POST', '/wallet/office/accounts/:account/freeze'],
  getWalletLimits: ['GET', '/wallet/limits'],
  postWalletOfficeEod: ['POST', '/wallet/office/eod'],
  getWalletOfficeEod: ['GET', '/wallet/office/eod'],
  getWalletOfficeEodDay: ['GET', '/wallet/office/eod/:day'],
  getWalletKyc: ['GET', '/wallet/kyc'],
  postWalletKycDocuments: ['POST', '/wallet/kyc/documents'],
  getWalletOfficeKyc: ['GET', '/wallet/office/kyc'],
  getWalletOfficeKycCase: ['GET', '/wallet/office/kyc/:case'],
  postWalletOfficeKycCaseDecision: ['POST', '/wallet/office/kyc/:case/decision'],
  getWalletOfficeDocumentsDocument: ['GET', '/wallet/office/documents/:document'],
  getWalletOfficeHits: ['GET', '/wallet/office/hits'],
  postWalletOfficeHitsHitDecision: ['POST', '/wallet/office/hits/:hit/decision'],
};

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
  return Object.fromEntries(Object.entries(routes).map(([name, [method, path]]) => [name, (input, options) => call(method, path, input, options)]));
}
