import { defineModule, provide } from '#kernel';
import { CallProbe } from './contract.ts';
import { jobWriter, signalState, worker } from './service.ts';

export default defineModule({
  name: 'spine/jobs',
  doc: 'Work to be done later, claimed under a lease, finished in the transaction of its effect.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'jobs.job': { app: ['select', 'insert', 'update', 'delete'], spine: ['select', 'update'], auditor: ['select'] } },
  writers: [jobWriter],
  workers: [worker],
  state: [signalState, provide(CallProbe, () => undefined)],
});
