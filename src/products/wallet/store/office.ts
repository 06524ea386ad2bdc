import type { SqlTag, Uuid } from '#kernel';
import type { OfficeClosing } from '../contract.ts';

export interface OfficeRow {
  id: Uuid; account: Uuid; person: Uuid; into: Uuid | null; let_go: boolean; reason: OfficeClosing['reason']; state: OfficeClosing['state'];
  asked_by: Uuid; asked_at: Date; decided_by: Uuid | null; decided_at: Date | null;
}

/** Asks for a closing; no row means that one of this account waits already. */
export const insertAsked = (sql: SqlTag, tenant: Uuid, o: Omit<OfficeRow, 'state' | 'decided_by' | 'decided_at'>): Promise<unknown[]> => sql`
  insert into wallet.office_closing (tenant, id, account, person, "into", let_go, reason, state, asked_by, asked_at)
  values (${tenant}, ${o.id}, ${o.account}, ${o.person}, ${o.into}, ${o.let_go}, ${o.reason}, 'open', ${o.asked_by}, ${o.asked_at})
  on conflict (tenant, account) where state = 'open' do nothing returning 1`;

export const lockAsked = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<OfficeRow | undefined> => (await sql<OfficeRow>`
  select id, account, person, "into", let_go, reason, state,
    asked_by, asked_at, decided_by, decided_at
  from wallet.office_closing where tenant = ${tenant} and id = ${id} for update`)[0];

export const decideAsked = (sql: SqlTag, tenant: Uuid, id: Uuid, state: 'done' | 'refused', operator: Uuid, now: Date): Promise<unknown[]> => sql`
  update wallet.office_closing set state = ${state}, decided_by = ${operator}, decided_at = ${now} where tenant = ${tenant} and id = ${id} and state = 'open'`;

/** What was asked of an account, the newest first. */
export const askedOf = (sql: SqlTag, tenant: Uuid, account: Uuid, limit: number): Promise<OfficeRow[]> => sql<OfficeRow>`
  select id, account, person, "into", let_go, reason, state,
    asked_by, asked_at, decided_by, decided_at
  from wallet.office_closing where tenant = ${tenant} and account = ${account} order by asked_at desc, id desc limit ${limit}`;

/** What waits for a decision, the oldest first; nothing is left to decide of what its holder has closed meanwhile. */
export const askedOpen = (sql: SqlTag, tenant: Uuid, limit: number): Promise<OfficeRow[]> => sql<OfficeRow>`
  select o.id, o.account, o.person, o."into", o.let_go, o.reason, o.state, o.asked_by, o.asked_at, o.decided_by, o.decided_at
  from wallet.office_closing o join wallet.account a on a.tenant = o.tenant and a.id = o.account
  where o.tenant = ${tenant} and o.state = 'open' and a.state <> 'closed' order by o.asked_at, o.id limit ${limit}`;
