import type { Currency, SqlTag, Uuid } from '#kernel';

export interface OrderRow {
  id: Uuid; account: Uuid; person: Uuid; direction: 'in' | 'out'; amount: bigint; currency: Currency; bank: string | null; ending: string;
  state: 'pending' | 'done' | 'refused' | 'unknown'; hold: Uuid | null; transfer: Uuid | null; reason: string | null; created_at: Date; done_at: Date | null;
}

export const insertOrder = (sql: SqlTag, tenant: Uuid, o: OrderRow): Promise<unknown[]> => sql`
  insert into wallet.bank_order (tenant, id, account, person, direction, amount, currency, bank, ending, state, hold, created_at)
  values (${tenant}, ${o.id}, ${o.account}, ${o.person}, ${o.direction}, ${o.amount}, ${o.currency}, ${o.bank}, ${o.ending}, ${o.state}, ${o.hold},
    ${o.created_at})`;

export const readOrder = async (sql: SqlTag, tenant: Uuid, id: string): Promise<OrderRow | undefined> => (await sql<OrderRow>`
  select id, account, person, direction, amount, currency,
    bank, ending, state, hold, transfer, reason, created_at, done_at
  from wallet.bank_order where tenant = ${tenant} and id = ${id}`)[0];

export const lockOrder = async (sql: SqlTag, tenant: Uuid, id: string): Promise<OrderRow | undefined> => (await sql<OrderRow>`
  select id, account, person, direction, amount, currency,
    bank, ending, state, hold, transfer, reason, created_at, done_at
  from wallet.bank_order where tenant = ${tenant} and id = ${id} for update`)[0];

/** Writes what became of an order; the other side's account number is needed no longer and goes. */
export const endOrder = (sql: SqlTag, tenant: Uuid, o: { id: Uuid; state: string; transfer: Uuid | null; reason: string | null },
  now: Date): Promise<unknown[]> => sql`
  update wallet.bank_order set state = ${o.state}, transfer = ${o.transfer}, reason = ${o.reason}, done_at = ${now},
    bank = case when ${o.state} = 'unknown' then bank end
  where tenant = ${tenant} and id = ${o.id} and state in ('pending', 'unknown')`;

export const ordersOf = (sql: SqlTag, tenant: Uuid, accounts: readonly string[], limit: number): Promise<OrderRow[]> => sql<OrderRow>`
  select id, account, person, direction, amount, currency,
    null as bank, ending, state, hold, transfer, reason, created_at, done_at
  from wallet.bank_order where tenant = ${tenant} and account = any(${accounts}::uuid[]) order by created_at desc, id desc limit ${limit}`;

/** Is an order of this account still with the bank? */
export const hasOpenOrder = async (sql: SqlTag, tenant: Uuid, account: Uuid): Promise<boolean> => (await sql`
  select 1 from wallet.bank_order where tenant = ${tenant} and account = ${account} and state in ('pending', 'unknown') limit 1`).length > 0;

/** Orders by the transfer that settled them. */
export const ordersByTransfer = (sql: SqlTag, tenant: Uuid,
  transfers: readonly string[]): Promise<{ transfer: Uuid; direction: 'in' | 'out'; ending: string }[]> =>
  sql<{ transfer: Uuid; direction: 'in' | 'out'; ending: string }>`
  select transfer, direction, ending from wallet.bank_order where tenant = ${tenant}
    and transfer = any(${transfers}::uuid[])`;
