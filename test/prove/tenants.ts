import { uuid } from '#kernel';
import type { TenantRecord } from '#spine/tenancy';
import { demoTenants } from '../../src/apps/tenants.ts';

const india = demoTenants.find((t) => t.slug === 'india') as TenantRecord;
/** Two offices in one cell, so that neighbours can be told apart. */
export const proveTenants: readonly TenantRecord[] = [
  { ...india, cell: 'IN', products: ['taxrefund', 'wallet'] },
  { ...india, id: uuid(`${india.id.slice(0, -8)}0000beef`), slug: 'other', name: 'Other Demo Office', hosts: ['other.localhost'], cell: 'IN' },
];
