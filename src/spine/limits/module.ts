import { defineModule } from '#kernel';
import { sweeper } from './service.ts';

export default defineModule({
  name: 'spine/limits',
  doc: 'Token buckets: in one process for ordinary traffic, in the database where the count must be exact.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'limits.bucket': { app: ['select', 'insert', 'update'], spine: ['select', 'delete'], auditor: ['select'] } },
  workers: [sweeper],
});
