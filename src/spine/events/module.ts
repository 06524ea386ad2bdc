import { defineModule } from '#kernel';
import { eventWriter, signalState } from './service/log.ts';
import { relay } from './service/relay.ts';
import { listener } from './service/watch.ts';

export default defineModule({
  name: 'spine/events',
  doc: 'One append-only log of what happened, and subscribers that each effect reaches exactly once.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'events.log': { app: ['select', 'insert'], spine: ['select'], auditor: ['select'] },
    'events.subscriber': { tenant: false, app: ['select', 'update'], spine: ['select', 'insert', 'update'], auditor: ['select'] },
    'events.parked': { app: ['select', 'delete'], spine: ['select', 'insert'], auditor: ['select'] },
  },
  writers: [eventWriter],
  workers: [relay, listener],
  state: [signalState],
});
