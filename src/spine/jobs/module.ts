import { defineModule, provide } from '#kernel';
import { CallProbe, JobDead, jobUnknown } from './contract.ts';
import { routes } from './routes.ts';
import { scheduler } from './service/schedule.ts';
import { worker } from './service/worker.ts';
import { heap, single } from './service/wake.ts';
import { jobWriter } from './service/write.ts';

export default defineModule({
  name: 'spine/jobs',
  doc: 'Work to be done later, claimed under a lease, finished in the transaction of its effect; and schedules.',
  needs: ['spine/events'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'jobs.job': { app: ['select', 'insert', 'update', 'delete'], spine: ['select', 'update'], auditor: ['select'] },
    'jobs.schedule': { app: ['select', 'insert', 'update'], auditor: ['select'] },
  },
  routes,
  problems: [jobUnknown],
  events: [JobDead],
  writers: [jobWriter],
  workers: [worker, scheduler],
  state: [single.state, heap.state, provide(CallProbe, () => undefined)],
  permissions: { 'jobs:read': 'See what waits to be done later, what is dead, and the schedules.', 'jobs:decide': 'Retry or drop dead letters.' },
});
