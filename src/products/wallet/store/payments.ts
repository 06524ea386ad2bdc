import { inserter, type CivilDate, type Currency, type SqlTag, type Uuid } from '#kernel';

export interface PaymentRow {
  id: Uuid; payer: Uuid; payee: Uuid; amount: bigint; currency: Currency; cause: 'transfer' | 'request' | 'schedule' | 'closing'; transfer: Uuid;
  note: string | null; payee_handle: string | null;
}

const insertPaymentRows = inserter('wallet.payment', {
  tenant: 'uuid', id: 'uuid', payer: 'uuid', payee: 'uuid', amount: 'bigint', currency: 'text', cause: 'text', transfer: 'uuid', note: 'text',
  payee_handle: 'text', at: 'timestamptz',
});
export const insertPayments = (sql: SqlTag, tenant: Uuid, p: readonly PaymentRow[], now: Date): Promise<unknown[]> => insertPaymentRows(sql, {
  tenant, id: p.map((x) => x.id), payer: p.map((x) => x.payer), payee: p.map((x) => x.payee), amount: p.map((x) => x.amount),
  currency: p.map((x) => x.currency), cause: p.map((x) => x.cause), transfer: p.map((x) => x.transfer), note: p.map((x) => x.note),
  payee_handle: p.map((x) => x.payee_handle), at: now,
});

/** Payments by their transfer. */
export const paymentsOf = (sql: SqlTag, tenant: Uuid, transfers: readonly string[]): Promise<PaymentRow[]> => sql<PaymentRow>`
  select p.id, p.payer, p.payee, p.amount, p.currency, p.cause,
    p.transfer, p.note, p.payee_handle
  from unnest(${transfers}::uuid[]) u (t)
  cross join lateral (select * from wallet.payment x where x.tenant = ${tenant} and x.transfer = u.t offset 0) p`;

/** Payments by id, each looked up by its key, and when each was made. */
export const paymentsById = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<(PaymentRow & { at: Date })[]> => sql<PaymentRow & { at: Date }>`
  select p.id, p.payer, p.payee, p.amount, p.currency, p.cause, p.transfer, p.note, p.payee_handle, p.at
  from unnest(${ids}::uuid[]) u (i)
  cross join lateral (select * from wallet.payment x where x.tenant = ${tenant} and x.id = u.i offset 0) p`;

export interface RequestRow {
  id: Uuid; payee: Uuid; payer: Uuid; amount: bigint; currency: Currency; note: string | null; state: 'open' | 'accepted' | 'declined' | 'cancelled';
  payment: Uuid | null; created_at: Date; expires_at: Date;
}

export const insertRequest = (sql: SqlTag, tenant: Uuid, r: RequestRow): Promise<unknown[]> => sql`
  insert into wallet.request (tenant, id, payee, payer, amount, currency, note, state, created_at, expires_at)
  values (${tenant}, ${r.id}, ${r.payee}, ${r.payer}, ${r.amount}, ${r.currency}, ${r.note}, ${r.state}, ${r.created_at}, ${r.expires_at})`;

export const lockRequest = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<RequestRow | undefined> => (await sql<RequestRow>`
  select id, payee, payer, amount, currency, note, state,
    payment, created_at, expires_at
  from wallet.request where tenant = ${tenant} and id = ${id} for update`)[0];

export const readRequest = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<RequestRow | undefined> => (await sql<RequestRow>`
  select id, payee, payer, amount, currency, note, state,
    payment, created_at, expires_at
  from wallet.request where tenant = ${tenant} and id = ${id}`)[0];

export const decideRequest = (sql: SqlTag, tenant: Uuid, id: Uuid, state: string, payment: Uuid | null, now: Date): Promise<unknown[]> => sql`
  update wallet.request set state = ${state}, payment = ${payment}, decided_at = ${now} where tenant = ${tenant} and id = ${id} and state = 'open'`;

/** Open requests by and to an account; those by it come first. */
export const openRequestsOf = (sql: SqlTag, tenant: Uuid, account: Uuid, now: Date, limit: number): Promise<{ id: Uuid; payee: Uuid; payer: Uuid }[]> =>
  sql<{ id: Uuid; payee: Uuid; payer: Uuid }>`
  select id, payee, payer from wallet.request
  where tenant = ${tenant} and (payer = ${account} or payee = ${account}) and state = 'open' and expires_at > ${now}
  order by (payee = ${account}) desc, id limit ${limit}`;

/** Locks those of these requests that are open still, in the order of their ids. */
export const lockOpen = (sql: SqlTag, tenant: Uuid, ids: readonly Uuid[]): Promise<{ id: Uuid; payee: Uuid; payer: Uuid }[]> =>
  sql<{ id: Uuid; payee: Uuid; payer: Uuid }>`
  select id, payee, payer from wallet.request where tenant = ${tenant} and id = any(${ids}::uuid[]) and state = 'open' order by id for update`;

/** Ends requests of an account that closes: its own are taken back, those to it are declined. */
export const endRequests = (sql: SqlTag, tenant: Uuid, ids: readonly Uuid[], account: Uuid, now: Date): Promise<unknown[]> => sql`
  update wallet.request set state = case when payee = ${account} then 'cancelled' else 'declined' end, decided_at = ${now}
  where tenant = ${tenant} and id = any(${ids}::uuid[]) and state = 'open'`;

/** Requests from and to these accounts, newest first. */
export const requestsOf = (sql: SqlTag, tenant: Uuid, accounts: readonly string[], limit: number): Promise<RequestRow[]> => sql<RequestRow>`
  select id, payee, payer, amount, currency, note, state,
    payment, created_at, expires_at
  from wallet.request where tenant = ${tenant} and (payer = any(${accounts}::uuid[]) or payee = any(${accounts}::uuid[]))
  order by created_at desc, id desc limit ${limit}`;

export const openRequests = async (sql: SqlTag, tenant: Uuid, payee: Uuid, now: Date): Promise<number> => Number((await sql<{ n: bigint }>`
  select count(*) as n from wallet.request where tenant = ${tenant} and payee = ${payee} and state = 'open' and expires_at > ${now}`)[0]?.n ?? 0n);

export interface ScheduleRow {
  id: Uuid; person: Uuid; payer: Uuid; payee: Uuid; amount: bigint; currency: Currency; every: 'once' | 'week' | 'month'; first_on: CivilDate;
  next_on: CivilDate; state: 'active' | 'done' | 'stopped'; runs: number; last_problem: string | null;
}

export const insertSchedule = (sql: SqlTag, tenant: Uuid, s: ScheduleRow, now: Date): Promise<unknown[]> => sql`
  insert into wallet.schedule (tenant, id, person, payer, payee, amount, currency, every, first_on, next_on, state, created_at)
  values (${tenant}, ${s.id}, ${s.person}, ${s.payer}, ${s.payee}, ${s.amount}, ${s.currency}, ${s.every}, ${s.first_on}, ${s.next_on}, ${s.state}, ${now})`;

export const schedulesOf = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<ScheduleRow[]> => sql<ScheduleRow>`
  select id, person, payer,
    payee, amount, currency, every, first_on, next_on, state, runs, last_problem
  from wallet.schedule where tenant = ${tenant} and person = ${person} order by created_at desc, id desc limit 200`;

/** A person's schedules that still run from or to an account. */
export const activeSchedulesOf = (sql: SqlTag, tenant: Uuid, person: Uuid, account: Uuid): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  select id from wallet.schedule
  where tenant = ${tenant} and person = ${person} and state = 'active' and (payer = ${account} or payee = ${account}) order by id`;

/** Locks those of these schedules that still run, in the order of their ids. */
export const lockActive = (sql: SqlTag, tenant: Uuid, ids: readonly Uuid[]): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  select id from wallet.schedule where tenant = ${tenant} and id = any(${ids}::uuid[]) and state = 'active' order by id for update`;

export const stopSchedules = (sql: SqlTag, tenant: Uuid, ids: readonly Uuid[]): Promise<unknown[]> => sql`
  update wallet.schedule set state = 'stopped' where tenant = ${tenant} and id = any(${ids}::uuid[])`;

export const lockSchedule = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<ScheduleRow | undefined> => (await sql<ScheduleRow>`
  select id, person, payer,
    payee, amount, currency, every, first_on, next_on, state, runs, last_problem
  from wallet.schedule where tenant = ${tenant} and id = ${id} for update`)[0];

/** Locks what is due on a day, the longest due first; what another process works on is left to it. */
export const lockDue = (sql: SqlTag, tenant: Uuid, today: CivilDate, limit: number): Promise<ScheduleRow[]> => sql<ScheduleRow>`
  select id, person, payer,
    payee, amount, currency, every, first_on, next_on, state, runs, last_problem
  from wallet.schedule where tenant = ${tenant} and state = 'active' and next_on <= ${today} order by next_on, id limit ${limit} for update skip locked`;

export const writeSchedule = (sql: SqlTag, tenant: Uuid, s: Pick<ScheduleRow, 'id' | 'next_on' | 'state' | 'runs' | 'last_problem'>): Promise<unknown[]> => sql`
  update wallet.schedule set next_on = ${s.next_on}, state = ${s.state}, runs = ${s.runs}, last_problem = ${s.last_problem} where tenant = ${tenant}
    and id = ${s.id}`;
