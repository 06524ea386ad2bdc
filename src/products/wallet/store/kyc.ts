import type { SqlTag, Uuid } from '#kernel';

export type CaseState = 'open' | 'approved' | 'refused';
export interface CaseRow { id: Uuid; person: Uuid; state: CaseState; reason: string | null; opened_at: Date }
export interface DocumentRow { id: Uuid; case: Uuid; person: Uuid; kind: 'identity' | 'address'; type: 'image/jpeg' | 'image/png' | 'application/pdf';
  bytes: number; sha256: Buffer; object: string; uploaded_at: Date; disposing_at: Date | null }

/** A holder's newest case. */
export const newestCase = async (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<CaseRow | undefined> => (await sql<CaseRow>`
  select id, person, state, reason, opened_at from wallet.kyc_case
  where tenant = ${tenant} and person = ${person} order by opened_at desc, id desc limit 1`)[0];

/** Opens a case where none is open, and locks the one that is. */
export const openCase = async (sql: SqlTag, tenant: Uuid, id: Uuid, person: Uuid, now: Date): Promise<CaseRow> => (await sql<CaseRow>`
  insert into wallet.kyc_case (tenant, id, person, state, opened_at) values (${tenant}, ${id}, ${person}, 'open', ${now})
  on conflict (tenant, person) where state = 'open' do update set state = 'open'
  returning id, person, state, reason, opened_at`)[0] as CaseRow;

export const lockCase = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<CaseRow | undefined> => (await sql<CaseRow>`
  select id, person, state, reason, opened_at from wallet.kyc_case
  where tenant = ${tenant} and id = ${id} for update`)[0];
export const readCase = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<CaseRow | undefined> => (await sql<CaseRow>`
  select id, person, state, reason, opened_at from wallet.kyc_case
  where tenant = ${tenant} and id = ${id}`)[0];

export const endCase = (sql: SqlTag, tenant: Uuid, id: Uuid, state: CaseState, reason: string | null, now: Date): Promise<unknown[]> => sql`
  update wallet.kyc_case set state = ${state}, reason = ${reason}, decided_at = ${now} where tenant = ${tenant} and id = ${id} and state = 'open'`;

export interface QueuedRow extends CaseRow { documents: number; approvals: number; hits: number }

/** Cases of a state, the oldest first. */
export const casesIn = (sql: SqlTag, tenant: Uuid, state: CaseState, limit: number): Promise<QueuedRow[]> => sql<QueuedRow>`
  select c.id, c.person, c.state, c.reason, c.opened_at,
    (select count(*)::int from wallet.document d where d.tenant = ${tenant} and d."case" = c.id) as documents,
    (select count(*)::int from wallet.kyc_vote v where v.tenant = ${tenant} and v."case" = c.id and v.verdict = 'approve') as approvals,
    (select count(*)::int from wallet.hit h where h.tenant = ${tenant} and h.person = c.person and h.state <> 'cleared') as hits
  from wallet.kyc_case c where c.tenant = ${tenant} and c.state = ${state} order by c.opened_at, c.id limit ${limit}`;

export const documentsOf = (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<DocumentRow[]> => sql<DocumentRow>`
  select id, "case", person, kind, type, bytes, sha256, object,
    uploaded_at, disposing_at
  from wallet.document where tenant = ${tenant} and "case" = ${id} order by uploaded_at, id`;

export const readDocument = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<DocumentRow | undefined> => (await sql<DocumentRow>`
  select id, "case", person, kind, type, bytes, sha256, object,
    uploaded_at, disposing_at
  from wallet.document where tenant = ${tenant} and id = ${id}`)[0];

/** Documents that are kept, in the order of their ids, with the object that each stands for. */
export const keptAfter = (sql: SqlTag, tenant: Uuid, after: Uuid, limit: number): Promise<{ id: Uuid; object: string }[]> => sql<{ id: Uuid; object: string }>`
  select id, object from wallet.document
  where tenant = ${tenant} and id > ${after} and disposing_at is null order by id limit ${limit}`;

/** The same content in the same case is one document. */
export const insertDocument = (sql: SqlTag, tenant: Uuid, d: Omit<DocumentRow, 'disposing_at'>): Promise<unknown[]> => sql`
  insert into wallet.document (tenant, id, "case", person, kind, type, bytes, sha256, object, uploaded_at)
  values (${tenant}, ${d.id}, ${d.case}, ${d.person}, ${d.kind}, ${d.type}, ${d.bytes}, ${d.sha256}, ${d.object}, ${d.uploaded_at})
  on conflict (tenant, "case", object) do nothing`;

export interface VoteRow { operator: Uuid; verdict: 'approve' | 'refuse'; at: Date }
export const votesOf = (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<VoteRow[]> => sql<VoteRow>`
  select operator, verdict, at from wallet.kyc_vote where tenant = ${tenant} and "case" = ${id} order by at, operator`;
export const insertVote = (sql: SqlTag, tenant: Uuid, id: Uuid, v: VoteRow): Promise<unknown[]> => sql`
  insert into wallet.kyc_vote (tenant, "case", operator, verdict, at) values (${tenant}, ${id}, ${v.operator}, ${v.verdict}, ${v.at})`;

export const raiseTier = (sql: SqlTag, tenant: Uuid, person: Uuid, tier: number, now: Date): Promise<unknown[]> => sql`
  insert into wallet.holder (tenant, person, tier, since) values (${tenant}, ${person}, ${tier}, ${now})
  on conflict (tenant, person) do update set tier = excluded.tier, since = excluded.since where wallet.holder.tier < excluded.tier`;

/** Holders in the order of their ids. */
export const holdersAfter = (sql: SqlTag, tenant: Uuid, after: Uuid, limit: number): Promise<{ person: Uuid }[]> => sql<{ person: Uuid }>`
  select person from wallet.holder where tenant = ${tenant} and person > ${after} order by person limit ${limit}`;
