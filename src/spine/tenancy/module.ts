import { defineModule } from '#kernel';
import { TenantChanged, unknownTenant } from './contract.ts';

export default defineModule({
  name: 'spine/tenancy',
  doc: 'Which host leads to which tenant, and which cell holds it.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: { 'tenancy.tenant': { tenant: false, app: ['select'], spine: ['select', 'insert', 'update'], auditor: ['select'] } },
  problems: [unknownTenant],
  events: [TenantChanged],
});
