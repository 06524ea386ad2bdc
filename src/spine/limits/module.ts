import { defineModule } from '#kernel';

export default defineModule({
  name: 'spine/limits',
  doc: 'Token buckets: in one process for ordinary traffic, in the database where the count must be exact.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'limits.bucket': { app: ['select', 'insert', 'update'], auditor: ['select'] } },
});
