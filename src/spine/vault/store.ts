import type { SqlTag, Uuid } from '#kernel';

export interface TenantKeyRow { key_id: string; purpose: 'data' | 'index'; wrapped: string; generation: number; seals_from: Date | null; created_at: Date }

/** Keys of a tenant, the oldest first. */
export const tenantKeyRows = (sql: SqlTag, tenant: Uuid): Promise<TenantKeyRow[]> => sql<TenantKeyRow>`
  select key_id, purpose, wrapped, generation, seals_from, created_at from vault.tenant_key
  where tenant = ${tenant} and state <> 'destroyed' order by purpose, generation`;

/** Adds a key; of two that are made at once for a generation one is added. */
export const addTenantKey = (sql: SqlTag, tenant: Uuid, row: Omit<TenantKeyRow, 'created_at'>, at: Date): Promise<{ key_id: string }[]> =>
  sql<{ key_id: string }>`
  insert into vault.tenant_key (tenant, key_id, purpose, wrapped, state, created_at, generation, seals_from)
  values (${tenant}, ${row.key_id}, ${row.purpose}, ${row.wrapped}, 'current', ${at}, ${row.generation}, ${row.seals_from}) on conflict do nothing
  returning key_id`;

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

/** Keys of persons behind one, in their order. */
export const subjectKeysAfter = (sql: SqlTag, tenant: Uuid, after: string, limit: number): Promise<SubjectKeyRow[]> => sql<SubjectKeyRow>`
  select subject, wrapped from vault.subject_key where tenant = ${tenant} and subject > ${after} order by subject limit ${limit}`;

export interface Resealed extends SubjectKeyRow { readonly was: string }
/** Puts a key's new seal in the place of the one that was read; a key that is gone, or was sealed anew meanwhile, stays as it is. */
export const resealSubjectKeys = (sql: SqlTag, tenant: Uuid, rows: readonly Resealed[]): Promise<{ subject: string }[]> => sql<{ subject: string }>`
  update vault.subject_key k set wrapped = u.w
  from unnest(${rows.map((r) => r.subject)}::uuid[], ${rows.map((r) => r.wrapped)}::text[], ${rows.map((r) => r.was)}::text[]) u (s, w, was)
  where k.tenant = ${tenant} and k.subject = u.s and k.wrapped = u.was returning k.subject`;

/** How many persons' keys each data key seals. */
export const subjectsByKey = (sql: SqlTag, tenant: Uuid): Promise<{ key_id: string; subjects: bigint }[]> => sql<{ key_id: string; subjects: bigint }>`
  select substring(wrapped from '^ENC:v1:(.*):[^:]*$') as key_id, count(*) as subjects from vault.subject_key where tenant = ${tenant} group by 1`;
