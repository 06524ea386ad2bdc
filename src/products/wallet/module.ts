import { defineModule } from '#kernel';
import { Moved, Opened, OrderChanged, RequestChanged, walletProblems } from './contract.ts';
import { accountPage, freezeForm, nameForm } from './pages/account.tsx';
import { homePage, listPage, openForm } from './pages/accounts.tsx';
import { acceptForm, declineForm, limitsPage, orderPage, requestsPage, schedulesPage, stopForm } from './pages/lists.tsx';
import { moveForms, movePages } from './pages/move.tsx';
import { statementPage } from './pages/statement.tsx';
import { follow } from './reactions.ts';
import { changes, downloads, routes } from './routes.ts';
import { eodRunner } from './service/eod.ts';
import { sendOrder } from './service/orders.ts';
import { scheduler } from './service/schedules.ts';
import { accountStates, limitStates, listStates, moveStates, orderStates, requestStates, scheduleStates, statementStates } from './service/states.ts';

export default defineModule({
  name: 'products/wallet',
  doc: 'Accounts that people hold, pay from and get statements for.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'wallet.account': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.handle': { app: ['select', 'insert', 'delete'], auditor: ['select'] },
    'wallet.holder': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.usage': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.payment': { app: ['select', 'insert'], auditor: ['select'] },
    'wallet.request': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.schedule': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.eod_run': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.eod_total': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.accrual': { app: ['select', 'insert'], auditor: ['select'] },
    'wallet.interest': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'wallet.bank_order': { app: ['select', 'insert', 'update'], auditor: ['select'] },
  },
  routes, downloads, streams: [changes],
  pages: [
    homePage, { ...listPage, states: listStates }, { ...accountPage, states: accountStates }, ...movePages.map((p) => ({ ...p, states: moveStates })),
    { ...requestsPage, states: requestStates }, { ...schedulesPage, states: scheduleStates }, { ...limitsPage, states: limitStates },
    { ...orderPage, states: orderStates }, { ...statementPage, states: statementStates },
  ],
  forms: [openForm, nameForm, freezeForm, ...moveForms, acceptForm, declineForm, stopForm],
  problems: walletProblems,
  events: [Opened, Moved, RequestChanged, OrderChanged],
  calls: [sendOrder],
  workers: [follow, scheduler, eodRunner],
  islands: new URL('./islands/', import.meta.url),
  permissions: { 'wallet:freeze': 'Freeze accounts and let them go.', 'wallet:eod': 'Start end-of-day runs and see how far they are.' },
  privacy: {
    'wallet.payment.note': { kind: 'note', kept: 'sealed' },
    'wallet.request.note': { kind: 'note', kept: 'sealed' },
    'wallet.bank_order.bank': { kind: 'bank account', kept: 'sealed' },
  },
});
