import type { SqlTag, Uuid } from '#kernel';

export interface TenantKeyRow { key_id: string; purpose: 'data' | 'index'; wrapped: string; state: 'current' | 'old' }

export const tenantKeyRows = (sql: SqlTag, tenant: Uuid): Promise<TenantKeyRow[]> => sql<TenantKeyRow>`
  select key_id, purpose, wrapped, state from vault.tenant_key where tenant = ${tenant} and state <> 'destroyed' order by created_at`;

export const addTenantKey = (sql: SqlTag, tenant: Uuid, row: TenantKeyRow, at: Date): Promise<unknown[]> => sql`
  insert into vault.tenant_key (tenant, key_id, purpose, wrapped, state, created_at)
  values (${tenant}, ${row.key_id}, ${row.purpose}, ${row.wrapped}, ${row.state}, ${at}) on conflict do nothing`;

export interface SubjectKeyRow { subject: string; wrapped: string }

export const subjectKeyRows = (sql: SqlTag, subjects: readonly Uuid[]): Promise<SubjectKeyRow[]> => sql<SubjectKeyRow>`
  select subject, wrapped from vault.subject_key
  where subject = any(${subjects}::uuid[])`;

/** Adds keys; a subject that has one keeps it. */
export const addSubjectKeys = (sql: SqlTag, tenant: Uuid, rows: readonly SubjectKeyRow[]): Promise<SubjectKeyRow[]> => sql<SubjectKeyRow>`
  insert into vault.subject_key (tenant, subject, wrapped)
  select ${tenant}, s, w from unnest(${rows.map((r) => r.subject)}::uuid[], ${rows.map((r) => r.wrapped)}::text[]) r (s, w)
  on conflict (tenant, subject) do nothing
  returning subject, wrapped`;
