import { defineModule } from '#kernel';
import { Booked, Closed, HitFound, KycChanged, Opened, OrderChanged, PaymentMade, RequestChanged, ScheduleEnded, walletProblems } from './contract.ts';
import { accountPage, freezeForm, nameForm } from './pages/account.tsx';
import { closeForm, closingPage } from './pages/closing.tsx';
import { homePage, listPage, openForm } from './pages/accounts.tsx';
import { acceptForm, declineForm, limitsPage, orderPage, requestsPage, schedulesPage, stopForm } from './pages/lists.tsx';
import { moveForms, movePages } from './pages/move.tsx';
import { payLinkPage, receivePage, requestPage } from './pages/receive.tsx';
import { kycPage, uploadForm } from './pages/kyc.tsx';
import { statementPage } from './pages/statement.tsx';
import { everyDay, everyNight, follow, onDayOver, onDocumentsDue } from './reactions.ts';
import { changes, documentFile, downloads, routes } from './routes.ts';
import { disposeDocument } from './service/disposal.ts';
import { eodRunner } from './service/eod.ts';
import { notices, tellOfClosings, tellOfOrders, tellOfPayments, tellOfRequests, tellOfSchedules, tellOfTiers } from './service/notices.ts';
import { sendOrder } from './service/orders.ts';
import { scheduler } from './service/schedules.ts';
import { partiesState } from './service/parties.ts';
import { checks } from './service/verify.ts';
import { keptAfter } from './store/kyc.ts';
import { accountStates, closingStates, kycStates, limitStates, listStates, moveStates, oneRequestStates, orderStates, payLinkStates,
  receiveStates, requestStates, scheduleStates,
  statementStates } from './service/states.ts';

export default defineModule({
  name: 'products/wallet',
  doc: 'Accounts that people hold, pay from and get statements for.',
  needs: [],
  state: [partiesState],
  notices, reactions: [tellOfPayments, tellOfOrders, tellOfRequests, tellOfClosings, tellOfSchedules, tellOfTiers],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'wallet.account': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.handle': { app: ['select', 'insert', 'delete'], auditor: ['select'] },
    'wallet.closing': { app: ['select', 'insert'], auditor: ['select'] },
    'wallet.holder': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.usage': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.payment': { app: ['select', 'insert'], auditor: ['select'] },
    'wallet.request': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.schedule': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.eod_run': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.eod_total': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.accrual': { app: ['select', 'insert'], auditor: ['select'] },
    'wallet.interest': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.kyc_case': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.document': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.kyc_vote': { app: ['select', 'insert'], auditor: ['select'] },
    'wallet.sanctioned': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] },
    'wallet.sanctioned_name': { app: ['select', 'insert', 'delete'], auditor: ['select'] },
    'wallet.hit': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.office_closing': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.bank_order': { app: ['select', 'insert', 'update'], auditor: ['select'] },
  },
  routes, downloads: [...downloads, documentFile], streams: [changes],
  pages: [
    homePage, { ...listPage, states: listStates }, { ...accountPage, states: accountStates }, { ...closingPage, states: closingStates },
    ...movePages.map((p) => ({ ...p, states: moveStates })),
    { ...receivePage, states: receiveStates }, { ...payLinkPage, states: payLinkStates }, { ...requestPage, states: oneRequestStates },
    { ...requestsPage, states: requestStates }, { ...schedulesPage, states: scheduleStates }, { ...limitsPage, states: limitStates },
    { ...orderPage, states: orderStates }, { ...statementPage, states: statementStates },
    { ...kycPage, states: kycStates },
  ],
  forms: [openForm, nameForm, freezeForm, closeForm, ...moveForms, acceptForm, declineForm, stopForm, uploadForm],
  problems: walletProblems,
  events: [Opened, Closed, ScheduleEnded, PaymentMade, Booked, RequestChanged, OrderChanged, KycChanged, HitFound],
  calls: [sendOrder, disposeDocument],
  handlers: [onDayOver, onDocumentsDue],
  schedules: [everyDay, everyNight],
  workers: [follow, scheduler, eodRunner],
  checks,
  objects: { prefix: 'wdoc', doc: 'Documents of holders, sealed, until they are disposed of.',
    list: ({ sql, tenant }, after, limit) => keptAfter(sql, tenant.id, after, limit) },
  islands: new URL('./islands/', import.meta.url),
  permissions: { 'wallet:freeze': 'Freeze accounts and let them go.',
    'wallet:close': 'Ask for the closing of a holder’s account, and decide what another asked for.',
    'wallet:kyc': 'See documents of holders and decide how well they are known.',
    'wallet:eod': 'Start end-of-day runs and see how far they are.' },
  forPeople: ['wallet:close', 'wallet:kyc'],
  privacy: {
    'wallet.payment.note': { kind: 'note', kept: 'sealed' },
    'wallet.request.note': { kind: 'note', kept: 'sealed' },
    'wallet.bank_order.bank': { kind: 'bank account', kept: 'sealed' },
  },
});
