import type { SqlTag, Uuid } from '#kernel';

export interface SettledCase { id: Uuid; due: boolean }
/**
 * Settled cases whose documents are kept, in the order of their ids, and whether the time of those is over: a refused one's since it was decided, an
 * approved one's since its person's last account was closed. Whoever is like an entry of the sanctions list keeps theirs until that is cleared.
 */
export const settledAfter = (sql: SqlTag, tenant: Uuid, o: { after: Uuid; refusedBefore: Date; endedBefore: Date; limit: number }): Promise<SettledCase[]> =>
  sql<SettledCase>`
  with page as (
    select id, person, state, decided_at from wallet.kyc_case
    where tenant = ${tenant} and id > ${o.after} and disposing_at is null and state <> 'open' order by id limit ${o.limit})
  select p.id,
    not exists (select 1 from wallet.hit h where h.tenant = ${tenant} and h.person = p.person and h.state <> 'cleared')
    and case when p.state = 'refused' then p.decided_at <= ${o.refusedBefore} else p.decided_at <= ${o.endedBefore} and not exists (
      select 1 from wallet.account a where a.tenant = ${tenant} and a.person = p.person and (a.closed_at is null or a.closed_at > ${o.endedBefore})) end as due
  from page p order by p.id`;

/** Notes that the time of these cases' documents is over; no other look finds them. Resolves to those that no other look had found. */
export const endCases = (sql: SqlTag, tenant: Uuid, ids: readonly Uuid[], now: Date): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  update wallet.kyc_case set disposing_at = ${now} where tenant = ${tenant} and id = any(${ids}::uuid[]) and disposing_at is null
  returning id`;

/** Locks whatever documents share an object with those of the cases, in the order of their ids. */
export const lockSharing = (sql: SqlTag, tenant: Uuid, cases: readonly Uuid[]): Promise<unknown[]> => sql`
  select 1 from wallet.document where tenant = ${tenant} and object = any(array(
    select d.object from wallet.document d where d.tenant = ${tenant} and d."case" = any(${cases}::uuid[]))) order by id for update`;

/** From now on nobody is given these cases' documents. */
export const beginDisposal = (sql: SqlTag, tenant: Uuid, cases: readonly Uuid[], now: Date): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  update wallet.document set disposing_at = ${now} where tenant = ${tenant} and "case" = any(${cases}::uuid[]) and disposing_at is null
  returning id`;

/** Locks every document of an object; resolves to whether one stands and whether one is disposed of. */
export const lockObject = async (sql: SqlTag, tenant: Uuid, object: string): Promise<{ stands: boolean; disposing: boolean }> => {
  const rows = await sql<{ disposing: boolean }>`
    select disposing_at is not null as disposing from wallet.document where tenant = ${tenant} and object = ${object} order by id for update`;
  return { stands: rows.some((r) => !r.disposing), disposing: rows.some((r) => r.disposing) };
};

export const isDisposed = async (sql: SqlTag, tenant: Uuid, object: string): Promise<boolean> => (await sql`
  select 1 from wallet.document where tenant = ${tenant} and object = ${object} and disposing_at is not null limit 1`).length > 0;

/** A document whose disposal has begun and not ended. */
export const toDispose = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<{ person: Uuid; object: string; kind: string } | undefined> =>
  (await sql<{ person: Uuid; object: string; kind: string }>`
  select person, object, kind from wallet.document
  where tenant = ${tenant} and id = ${id} and disposing_at is not null and disposed_at is null`)[0];

/** Notes once that a document's object is gone, or stands for another document alone. */
export const endDisposal = async (sql: SqlTag, tenant: Uuid, id: Uuid, now: Date): Promise<boolean> => (await sql`
  update wallet.document set disposed_at = ${now} where tenant = ${tenant} and id = ${id} and disposing_at is not null and disposed_at is null
  returning 1`).length > 0;
