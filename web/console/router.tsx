import { createRootRoute, createRoute, createRouter, lazyRouteComponent } from '@tanstack/react-router';
import { base, type Search } from './parts/client.ts';
import { Home, NoRoom, Shell } from './shell.tsx';

/** Whatever an address says beside its path is text. */
const texts = (search: Readonly<Record<string, unknown>>): Search =>
  Object.fromEntries(Object.entries(search).filter((entry): entry is [string, string] => typeof entry[1] === 'string'));

const root = createRootRoute({ component: Shell, notFoundComponent: NoRoom, validateSearch: texts });
const at = { getParentRoute: () => root } as const;
const tree = root.addChildren([
  createRoute({ ...at, path: '/', component: Home }),
  createRoute({ ...at, path: '/alerts', component: lazyRouteComponent(() => import('./rooms/alerts/alerts.tsx'), 'Alerts') }),
  createRoute({ ...at, path: '/feed', component: lazyRouteComponent(() => import('./rooms/taxrefund/feed.tsx'), 'Feed') }),
  createRoute({ ...at, path: '/quarantine', component: lazyRouteComponent(() => import('./rooms/taxrefund/quarantine.tsx'), 'Quarantine') }),
  createRoute({ ...at, path: '/quarantine/$line', component: lazyRouteComponent(() => import('./rooms/taxrefund/quarantine.tsx'), 'Line') }),
  createRoute({ ...at, path: '/accounts', component: lazyRouteComponent(() => import('./rooms/ledger/accounts.tsx'), 'Accounts') }),
  createRoute({ ...at, path: '/accounts/$account', component: lazyRouteComponent(() => import('./rooms/ledger/account.tsx'), 'Account') }),
  createRoute({ ...at, path: '/accounts/$account/explain', component: lazyRouteComponent(() => import('./rooms/ledger/explain.tsx'), 'ExplainBalance') }),
  createRoute({ ...at, path: '/transfers', component: lazyRouteComponent(() => import('./rooms/ledger/transfers.tsx'), 'Transfers') }),
  createRoute({ ...at, path: '/transfers/$transfer', component: lazyRouteComponent(() => import('./rooms/ledger/explain.tsx'), 'ExplainTransfer') }),
  createRoute({ ...at, path: '/trial', component: lazyRouteComponent(() => import('./rooms/ledger/trial.tsx'), 'Trial') }),
  createRoute({ ...at, path: '/kyc', component: lazyRouteComponent(() => import('./rooms/wallet/kyc.tsx'), 'Cases') }),
  createRoute({ ...at, path: '/kyc/$case', component: lazyRouteComponent(() => import('./rooms/wallet/kyc.tsx'), 'Case') }),
  createRoute({ ...at, path: '/kyc/accounts/$account', component: lazyRouteComponent(() => import('./rooms/wallet/closing.tsx'), 'AccountToClose') }),
  createRoute({ ...at, path: '/eod', component: lazyRouteComponent(() => import('./rooms/wallet/eod.tsx'), 'Runs') }),
  createRoute({ ...at, path: '/eod/$day', component: lazyRouteComponent(() => import('./rooms/wallet/eod.tsx'), 'RunOfDay') }),
  createRoute({ ...at, path: '/messages', component: lazyRouteComponent(() => import('./rooms/notify/messages.tsx'), 'Messages') }),
  createRoute({ ...at, path: '/messages/$message', component: lazyRouteComponent(() => import('./rooms/notify/messages.tsx'), 'OneMessage') }),
  createRoute({ ...at, path: '/announcements', component: lazyRouteComponent(() => import('./rooms/notify/announcements.tsx'), 'Announcements') }),
  createRoute({ ...at, path: '/announcements/$campaign', component: lazyRouteComponent(() => import('./rooms/notify/announcements.tsx'), 'OneAnnouncement') }),
  createRoute({ ...at, path: '/texts', component: lazyRouteComponent(() => import('./rooms/notify/texts.tsx'), 'TextsRoom') }),
  createRoute({ ...at, path: '/events', component: lazyRouteComponent(() => import('./rooms/spine/events.tsx'), 'Events') }),
  createRoute({ ...at, path: '/subscribers', component: lazyRouteComponent(() => import('./rooms/spine/subscribers.tsx'), 'Subscribers') }),
  createRoute({ ...at, path: '/jobs', component: lazyRouteComponent(() => import('./rooms/spine/jobs.tsx'), 'Jobs') }),
  createRoute({ ...at, path: '/sagas', component: lazyRouteComponent(() => import('./rooms/spine/sagas.tsx'), 'Sagas') }),
  createRoute({ ...at, path: '/sagas/$saga', component: lazyRouteComponent(() => import('./rooms/spine/sagas.tsx'), 'Saga') }),
  createRoute({ ...at, path: '/developers', component: lazyRouteComponent(() => import('./rooms/developers/developers.tsx'), 'Developers') }),
  createRoute({ ...at, path: '/webhooks', component: lazyRouteComponent(() => import('./rooms/webhooks/endpoints.tsx'), 'Endpoints') }),
  createRoute({ ...at, path: '/webhooks/$endpoint', component: lazyRouteComponent(() => import('./rooms/webhooks/endpoint.tsx'), 'Endpoint') }),
  createRoute({ ...at, path: '/webhooks/deliveries/$delivery', component: lazyRouteComponent(() => import('./rooms/webhooks/endpoint.tsx'), 'Delivery') }),
  createRoute({ ...at, path: '/limits', component: lazyRouteComponent(() => import('./rooms/limits/limits.tsx'), 'Limits') }),
  createRoute({ ...at, path: '/caches', component: lazyRouteComponent(() => import('./rooms/limits/limits.tsx'), 'Caches') }),
  createRoute({ ...at, path: '/audit', component: lazyRouteComponent(() => import('./rooms/audit/search.tsx'), 'AuditSearch') }),
  createRoute({ ...at, path: '/operators', component: lazyRouteComponent(() => import('./rooms/operators/list.tsx'), 'Operators') }),
  createRoute({ ...at, path: '/operators/$operator', component: lazyRouteComponent(() => import('./rooms/operators/one.tsx'), 'Operator') }),
]);

export const router = createRouter({
  routeTree: tree, basepath: `${base}/console`,
  // Plain text both ways: `5` stays what was typed, and an address can be read.
  parseSearch: (text) => Object.fromEntries(new URLSearchParams(text)),
  stringifySearch: (search) => {
    const text = new URLSearchParams(Object.entries(search as Search).filter((e): e is [string, string] => e[1] !== undefined)).toString();
    return text && `?${text}`;
  },
});

declare module '@tanstack/react-router' {
  interface Register { router: typeof router }
}
