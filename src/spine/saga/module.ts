import { defineModule, provide } from '#kernel';
import { notWaitingForYou, SagaProbe, SagaStuck, SagaUndone, sagaUnknown } from './contract.ts';
import { routes } from './routes.ts';
import { states } from './rules.ts';
import { forgetter, runner } from './service/run.ts';
import { signal } from './service/settle.ts';

export default defineModule({
  name: 'spine/saga',
  doc: 'Work of several transactions and of the outside that ends whole or is taken back.',
  needs: ['spine/events'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'saga.saga': { app: ['select', 'insert', 'update', 'delete'], spine: ['select', 'update'], auditor: ['select'] },
    'saga.step': { app: ['select', 'insert', 'delete'], auditor: ['select'] },
  },
  routes,
  problems: [sagaUnknown, notWaitingForYou],
  events: [SagaStuck, SagaUndone],
  machines: [states],
  workers: [runner, forgetter],
  state: [signal.state, provide(SagaProbe, () => undefined)],
  permissions: { 'saga:read': 'See sagas and what became of their steps.', 'saga:decide': 'Retry, skip or undo a saga that waits for a person.' },
});
