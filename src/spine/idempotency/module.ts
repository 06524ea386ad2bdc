import { defineModule } from '#kernel';
import { answerWriter, claimer, sweeper } from './service.ts';

export default defineModule({
  name: 'spine/idempotency',
  doc: 'A repeated request has one effect and one answer.',
  needs: ['spine/vault'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'idempotency.answer': { app: ['select', 'insert', 'delete'], spine: ['select', 'delete'], auditor: ['select'] } },
  writers: [answerWriter],
  claimer,
  workers: [sweeper],
});
