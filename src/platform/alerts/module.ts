import { defineModule, onMany, type EventType, type Module } from '#kernel';
import { alertUnknown } from './contract.ts';
import { routes } from './routes.ts';
import { raiseAll } from './service.ts';

const manifest = defineModule({
  name: 'platform/alerts',
  doc: 'What needs a person of the office: raised once by events that say so, shown in the console until somebody has seen to it.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'alerts.alert': { app: ['select', 'insert', 'update'], auditor: ['select'] } },
  routes,
  problems: [alertUnknown],
  permissions: { 'alerts:read': 'See what needs a person.', 'alerts:close': 'Say that an alert is seen to.' },
});

/** The module over the events of the whole program: those that say that a person has to look. */
export const alertsOver = (events: readonly EventType[]): Module => ({
  ...manifest, reactions: events.filter((e) => e.alert).map((type) => onMany(type, 'alerts', (tx, items) => raiseAll(tx, type, items))),
});
