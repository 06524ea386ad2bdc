import { defineModule } from '#kernel';
import { Changed, News, refundProblems } from './contract.ts';
import { homePage } from './pages/home.tsx';
import { listPage } from './pages/list.tsx';
import { refundPage } from './pages/refund.tsx';
import { follow } from './reactions.ts';
import { changes, routes } from './routes.ts';
import { refundChanged, tellOfNews } from './service/notices.ts';
import { listStates, refundStates } from './service/states.ts';
import { countsCheck, eventsCheck } from './service/verify.ts';
import { statusCacheState } from './service/view.ts';

export default defineModule({
  name: 'products/taxrefund',
  doc: 'Where a tax refund is, why, what to do, by when, and who has to act.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'taxrefund.refund': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'taxrefund.event': { app: ['select', 'insert'], auditor: ['select'] },
    'taxrefund.quarantine': { app: ['select', 'insert', 'update'], auditor: ['select'] },
  },
  routes, pages: [homePage, { ...listPage, states: listStates }, { ...refundPage, states: refundStates }], streams: [changes],
  problems: refundProblems,
  events: [Changed, News], notices: [refundChanged], reactions: [tellOfNews],
  workers: [follow],
  state: [statusCacheState],
  checks: [eventsCheck, countsCheck],
  permissions: { 'taxrefund:health': 'See what the feed brought and what waits.', 'taxrefund:feed': 'Send the authority’s feed.',
    'taxrefund:quarantine': 'See and replay quarantined lines.' },
  privacy: {
    'taxrefund.refund.account': { kind: 'last digits of the account', kept: 'sealed' },
    'taxrefund.quarantine.line': { kind: 'a line of the feed as it came', kept: 'sealed' },
  },
  islands: new URL('./islands/', import.meta.url),
});
