import { defineModule, provide } from '#kernel';
import { keyNotParked, RelayProbe } from './contract.ts';
import { routes } from './routes.ts';
import { keeper } from './service/keep.ts';
import { eventWriter, signal } from './service/log.ts';
import { relay } from './service/relay.ts';
import { tailState } from './service/tail.ts';
import { busState, hearer, wakeupState } from './service/wake.ts';

export default defineModule({
  name: 'spine/events',
  doc: 'One append-only log of what happened, and subscribers that each effect reaches exactly once.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'events.log': { app: ['select', 'insert'], spine: ['select'], auditor: ['select'] },
    'events.cursor': { tenant: false, app: ['select', 'update'], spine: ['select', 'insert', 'update'], auditor: ['select'] },
    'events.relay': { tenant: false, spine: ['select', 'insert', 'update', 'delete'], auditor: ['select'] },
    'events.parked': { app: ['select', 'update', 'delete'], spine: ['select', 'insert'], auditor: ['select'] },
    'events.inbox': { app: ['select', 'insert', 'delete'], auditor: ['select'] },
  },
  sequences: { 'events.position': ['app'] },
  functions: { 'events.make_partitions(bigint, int)': ['spine'], 'events.drop_partitions(timestamptz, bigint)': ['spine'] },
  routes,
  problems: [keyNotParked],
  writers: [eventWriter],
  workers: [relay, keeper, hearer],
  state: [wakeupState, busState, signal.state, tailState, provide(RelayProbe, () => undefined)],
  permissions: { 'events:read': 'Look into the event log and see who follows it.', 'events:decide': 'Release or skip events that were set aside.' },
});
