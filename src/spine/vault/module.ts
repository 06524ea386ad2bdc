import { defineModule } from '#kernel';
import { kekUnavailable, rotationUnderWay } from './contract.ts';
import { vaultState } from './service/keys.ts';
import { keyDaysState, resealSubjects, rotation } from './service/rotate.ts';
import { keysCheck } from './service/verify.ts';

export default defineModule({
  name: 'spine/vault',
  doc: 'Keys and sealed fields: who may read a value is who holds its key.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'vault.tenant_key': { app: ['select', 'insert'], spine: ['select', 'insert'], auditor: ['select'] },
    'vault.subject_key': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] },
  },
  problems: [kekUnavailable, rotationUnderWay],
  handlers: [resealSubjects],
  workers: [rotation],
  checks: [keysCheck],
  state: [vaultState(), keyDaysState],
});
