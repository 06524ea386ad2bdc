import type { SqlTag } from '#kernel';
import type { TenantRecord } from './contract.ts';

type TenantRow = Omit<TenantRecord, 'clockOffsetMs'> & { clock_offset_ms: bigint };

/** Every tenant of the directory. */
export const allTenants = (sql: SqlTag): Promise<TenantRow[]> => sql<TenantRow>`
  select id, slug, name, country, zone, languages, cell, products, clock_offset_ms, hosts, brand, synthetic
  from tenancy.tenant order by slug`;

/** Adds a tenant or brings its settings up to date; the id never changes. */
export const putTenant = (sql: SqlTag, t: TenantRecord): Promise<unknown[]> => sql`
  insert into tenancy.tenant (id, slug, name, country, zone, languages, cell, products, clock_offset_ms, hosts, brand, synthetic)
  values (${t.id}, ${t.slug}, ${t.name}, ${t.country}, ${t.zone}, ${t.languages}, ${t.cell}, ${t.products}, ${t.clockOffsetMs}, ${t.hosts},
    ${JSON.stringify(t.brand)}, ${t.synthetic})
  on conflict (slug) do update set name = excluded.name, country = excluded.country, zone = excluded.zone, languages = excluded.languages,
    products = excluded.products, clock_offset_ms = excluded.clock_offset_ms, hosts = excluded.hosts, brand = excluded.brand, synthetic = excluded.synthetic`;
