import { defineModule } from '#kernel';
import { problems, Transferred } from './contract.ts';
import { routes } from './routes.ts';
import { expiry } from './service/expiry.ts';
import { fixedState } from './service/fixed.ts';
import { checks } from './service/verify.ts';

export default defineModule({
  name: 'spine/ledger',
  doc: 'Double-entry books: accounts, transfers, holds and what is read off them.',
  needs: ['spine/audit'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'ledger.book': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'ledger.chart': { app: ['select', 'insert'], auditor: ['select'] },
    'ledger.account': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'ledger.transfer': { app: ['select', 'insert'], auditor: ['select'] },
    'ledger.dated': { app: ['select', 'insert'], auditor: ['select'] },
    'ledger.hold': { app: ['select', 'insert', 'delete'], spine: ['select'], auditor: ['select'] },
    'ledger.period': { app: ['select', 'insert'], auditor: ['select'] },
    'ledger.summary': { app: ['select', 'insert'], auditor: ['select'] },
  },
  routes,
  problems,
  permissions: { 'ledger:read': 'Read accounts, transfers and reports; an account of a holder only for a purpose.' },
  events: [Transferred],
  locksLast: true,
  workers: [expiry],
  state: [fixedState],
  checks,
});
