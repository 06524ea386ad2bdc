import { defineModule } from '#kernel';
import { kekUnavailable } from './contract.ts';
import { vaultState } from './service.ts';

export default defineModule({
  name: 'spine/vault',
  doc: 'Keys and sealed fields: who may read a value is who holds its key.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'vault.tenant_key': { app: ['select'], spine: ['select', 'insert'], auditor: ['select'] },
    'vault.subject_key': { app: ['select', 'insert', 'delete'], auditor: ['select'] },
  },
  problems: [kekUnavailable],
  state: [vaultState()],
});
