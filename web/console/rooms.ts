import type { Words } from './words/en.ts';
import { base, type Me } from './parts/client.ts';

const DRAWN = '/machines';
type Path = '/alerts' | '/feed' | '/quarantine' | '/accounts' | '/transfers' | '/trial' | '/kyc' | '/eod' | '/audit' | '/operators'
  | '/messages' | '/announcements' | '/texts' | '/developers' | '/webhooks' | '/limits' | '/caches'
  | '/events' | '/subscribers' | '/jobs' | '/sagas';
export interface Room { readonly id: keyof Words['rooms']; readonly path: Path | typeof DRAWN; readonly group: keyof Words['groups']; readonly permission: string; /** Turned on by a tenant; every tenant has what belongs to none. */
  readonly product?: string }

export const rooms: readonly Room[] = [
  { id: 'alerts', path: '/alerts', group: 'attention', permission: 'alerts:read' },
  { id: 'feed', path: '/feed', group: 'taxrefund', permission: 'taxrefund:health', product: 'taxrefund' },
  { id: 'quarantine', path: '/quarantine', group: 'taxrefund', permission: 'taxrefund:quarantine', product: 'taxrefund' },
  { id: 'kyc', path: '/kyc', group: 'wallet', permission: 'wallet:kyc', product: 'wallet' },
  { id: 'eod', path: '/eod', group: 'wallet', permission: 'wallet:eod', product: 'wallet' },
  { id: 'accounts', path: '/accounts', group: 'ledger', permission: 'ledger:read' },
  { id: 'transfers', path: '/transfers', group: 'ledger', permission: 'ledger:read' },
  { id: 'trial', path: '/trial', group: 'ledger', permission: 'ledger:read' },
  { id: 'messages', path: '/messages', group: 'notify', permission: 'notify:read' },
  { id: 'announcements', path: '/announcements', group: 'notify', permission: 'notify:read' },
  { id: 'texts', path: '/texts', group: 'notify', permission: 'notify:templates' },
  { id: 'events', path: '/events', group: 'spine', permission: 'events:read' },
  { id: 'subscribers', path: '/subscribers', group: 'spine', permission: 'events:read' },
  { id: 'jobs', path: '/jobs', group: 'spine', permission: 'jobs:read' },
  { id: 'sagas', path: '/sagas', group: 'spine', permission: 'saga:read' },
  { id: 'developers', path: '/developers', group: 'webhooks', permission: 'webhooks:read' },
  { id: 'webhooks', path: '/webhooks', group: 'webhooks', permission: 'webhooks:read' },
  { id: 'limits', path: '/limits', group: 'running', permission: 'limits:read' },
  { id: 'caches', path: '/caches', group: 'running', permission: 'cache:read' },
  { id: 'audit', path: '/audit', group: 'audit', permission: 'audit:read' },
  { id: 'operators', path: '/operators', group: 'operators', permission: 'operators:read' },
  { id: 'machines', path: DRAWN, group: 'operators', permission: 'machines:manage' },
];

/** Where the server draws a room itself, without script. */
export const drawnAt = (room: Room): string => `${base}/console${room.path}`;
export const isOurs = (path: Room['path']): path is Path => path !== DRAWN;

/** The rooms that this operator may enter here. */
export const roomsOf = (me: Me): readonly Room[] =>
  rooms.filter((r) => me.permissions.includes(r.permission) && (r.product === undefined || me.tenant.products.includes(r.product)));
