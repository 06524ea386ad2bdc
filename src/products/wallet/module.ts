import { defineModule } from '#kernel';
import { Moved, Opened, OrderChanged, RequestChanged, walletProblems } from './contract.ts';
import { follow } from './reactions.ts';
import { changes, routes } from './routes.ts';
import { sendOrder } from './service/orders.ts';
import { scheduler } from './service/schedules.ts';

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
    'wallet.bank_order': { app: ['select', 'insert', 'update'], auditor: ['select'] },
  },
  routes, streams: [changes],
  problems: walletProblems,
  events: [Opened, Moved, RequestChanged, OrderChanged],
  calls: [sendOrder],
  workers: [follow, scheduler],
  permissions: { 'wallet:freeze': 'Freeze accounts and let them go.' },
  privacy: {
    'wallet.payment.note': { kind: 'note', kept: 'sealed' },
    'wallet.request.note': { kind: 'note', kept: 'sealed' },
    'wallet.bank_order.bank': { kind: 'bank account', kept: 'sealed' },
  },
});
