import { defineModule, provide } from '#kernel';
import { LimitsSeen } from './contract.ts';
import { routes } from './routes.ts';
import { sweeper } from './service/database.ts';

export default defineModule({
  name: 'spine/limits',
  doc: 'Limits by four algorithms: in one process for ordinary traffic, in the database or in Redis where processes must agree.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'limits.bucket': { app: ['select', 'insert', 'update'], spine: ['select', 'delete'], auditor: ['select'] } },
  routes,
  permissions: { 'limits:read': 'See what the limits counted, and which buckets are empty.' },
  workers: [sweeper],
  state: [provide(LimitsSeen, () => () => ({ store: 'process', counters: [] }))],
});
