import type { CivilDate, SqlTag, Uuid } from '#kernel';

export interface Owed { readonly owed: string; readonly through: CivilDate }

/** What an account is owed in interest in millionths of a minor unit, and the last day that a run has looked at it. */
export const readOwed = async (sql: SqlTag, tenant: Uuid, account: Uuid): Promise<Owed | undefined> => (await sql<{ owed: string; through: CivilDate }>`
  select owed_micro::text as owed, through from wallet.interest where tenant = ${tenant} and account = ${account}`)[0];

/** The same, locked; made where it is missing, so that a run waits whether it has been here before or not. */
export async function lockOwedOf(sql: SqlTag, tenant: Uuid, account: Uuid, through: CivilDate): Promise<Owed> {
  await sql`insert into wallet.interest (tenant, account, owed_micro, through) values (${tenant}, ${account}, 0, ${through}) on conflict do nothing`;
  return (await sql<{ owed: string; through: CivilDate }>`
    select owed_micro::text as owed, through from wallet.interest where tenant = ${tenant} and account = ${account} for update`)[0] as Owed;
}

/** Nothing is owed any more. */
export const endOwed = (sql: SqlTag, tenant: Uuid, account: Uuid, through: CivilDate): Promise<unknown[]> => sql`
  update wallet.interest set owed_micro = 0, through = greatest(through, ${through}) where tenant = ${tenant} and account = ${account}`;

/** Interest of days that no run has looked at, of one account. */
export const insertDays = (sql: SqlTag, tenant: Uuid, account: Uuid, days: readonly { day: CivilDate; balance: bigint; ratePpm: number; micro: bigint }[]):
  Promise<unknown[]> => sql`
  insert into wallet.accrual (tenant, account, day, balance, rate_ppm, micro)
  select ${tenant}, ${account}, d, b, r, m from unnest(${days.map((d) => d.day)}::date[], ${days.map((d) => d.balance)}::bigint[],
    ${days.map((d) => d.ratePpm)}::int[], ${days.map((d) => String(d.micro))}::numeric[]) u (d, b, r, m)`;

export interface ClosingRow { account: Uuid; into: Uuid | null; rest: bigint; interest: bigint; letGoMicro: bigint; requests: number; schedules: number }

export const insertClosing = (sql: SqlTag, tenant: Uuid, c: ClosingRow, now: Date): Promise<unknown[]> => sql`
  insert into wallet.closing (tenant, account, "into", rest, interest, let_go_micro, requests, schedules, at)
  values (${tenant}, ${c.account}, ${c.into}, ${c.rest}, ${c.interest}, ${String(c.letGoMicro)}::numeric, ${c.requests}, ${c.schedules}, ${now})`;
