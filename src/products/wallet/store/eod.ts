import type { CivilDate, Currency, SqlTag, Uuid } from '#kernel';

export interface RunRow { day: CivilDate; state: 'running' | 'done'; reached: Uuid; total: number; done: number; started_at: Date; batch_at: Date;
  finished_at: Date | null }

/** Makes the run of a day; no row means that it is there already. */
/** One start at a time: each sees the runs that the ones before it made. */
export const lockRuns = (sql: SqlTag, tenant: Uuid): Promise<unknown[]> =>
  sql`select pg_advisory_xact_lock(hashtextextended('wallet.eod_run ' || ${tenant}::text, 0))`;

export const insertRun = (sql: SqlTag, tenant: Uuid, r: { day: CivilDate; first: Uuid; total: number; now: Date }): Promise<unknown[]> => sql`
  insert into wallet.eod_run (tenant, day, state, reached, total, done, started_at, batch_at)
  values (${tenant}, ${r.day}, 'running', ${r.first}, ${r.total}, 0, ${r.now}, ${r.now}) on conflict do nothing returning 1`;

export const lockRun = async (sql: SqlTag, tenant: Uuid, day: CivilDate): Promise<RunRow | undefined> => (await sql<RunRow>`
  select day, state, reached, total, done, started_at, batch_at, finished_at
  from wallet.eod_run where tenant = ${tenant} and day = ${day} for update`)[0];

/** Runs, the newest day first. */
export const readRuns = (sql: SqlTag, tenant: Uuid, limit: number): Promise<RunRow[]> => sql<RunRow>`
  select day, state, reached, total, done, started_at, batch_at, finished_at
  from wallet.eod_run where tenant = ${tenant} order by day desc limit ${limit}`;
export const readRun = async (sql: SqlTag, tenant: Uuid, day: CivilDate): Promise<RunRow | undefined> => (await sql<RunRow>`
  select day, state, reached, total, done, started_at, batch_at, finished_at
  from wallet.eod_run where tenant = ${tenant} and day = ${day}`)[0];

export const moveRun = (sql: SqlTag, tenant: Uuid, r: { day: CivilDate; reached: Uuid; done: number; state: string; finishedAt: Date | null; now: Date }):
  Promise<unknown[]> => sql`
  update wallet.eod_run set reached = ${r.reached}, done = ${r.done}, state = ${r.state}, batch_at = ${r.now}, finished_at = ${r.finishedAt}
  where tenant = ${tenant} and day = ${r.day}`;

export interface EodAccount { id: Uuid; ledger: Uuid; person: Uuid; currency: Currency; state: 'open' | 'frozen' }

/** Accounts that were there at the end of a day, in the order of their ids. */
export const accountsAfter = (sql: SqlTag, tenant: Uuid, after: Uuid, before: Date, limit: number): Promise<EodAccount[]> => sql<EodAccount>`
  select id, ledger, person, currency, state
  from wallet.account where tenant = ${tenant} and id > ${after} and opened_at < ${before} and state <> 'closed' order by id limit ${limit}`;

export const countAccounts = async (sql: SqlTag, tenant: Uuid, before: Date): Promise<number> => (await sql<{ n: number }>`
  select count(*)::int as n from wallet.account where tenant = ${tenant} and opened_at < ${before} and state <> 'closed'`)[0]?.n ?? 0;

export interface Accrued { readonly account: Uuid; readonly balance: bigint; readonly ratePpm: number; readonly micro: bigint }

/** Writes a day's interest; an account that has it already, or was closed meanwhile, is left out of the answer. */
export const insertAccruals = (sql: SqlTag, tenant: Uuid, day: CivilDate, rows: readonly Accrued[]): Promise<{ account: Uuid }[]> => sql<{ account: Uuid }>`
  insert into wallet.accrual (tenant, account, day, balance, rate_ppm, micro)
  select ${tenant}, a, ${day}, b, r, m from unnest(${rows.map((r) => r.account)}::uuid[], ${rows.map((r) => r.balance)}::bigint[],
    ${rows.map((r) => r.ratePpm)}::int[], ${rows.map((r) => String(r.micro))}::numeric[]) u (a, b, r, m)
  join wallet.account x on x.tenant = ${tenant} and x.id = a and x.state <> 'closed'
  on conflict do nothing returning account`;

/** Locks what these accounts are owed, making what is missing. */
export const lockOwed = (sql: SqlTag, tenant: Uuid, accounts: readonly Uuid[], day: CivilDate): Promise<{ account: Uuid; owed: string }[]> =>
  sql<{ account: Uuid; owed: string }>`
  insert into wallet.interest (tenant, account, owed_micro, through) select ${tenant}, a, 0, ${day} from unnest(${accounts}::uuid[]) u (a) order by a
  on conflict (tenant, account) do update set through = greatest(wallet.interest.through, excluded.through)
  returning account, owed_micro::text as owed`;

export const writeOwed = (sql: SqlTag, tenant: Uuid, rows: readonly { account: Uuid; micro: bigint }[]): Promise<unknown[]> => sql`
  update wallet.interest i set owed_micro = u.m from unnest(${rows.map((r) => r.account)}::uuid[], ${rows.map((r) => String(r.micro))}::numeric[]) u (a, m)
  where i.tenant = ${tenant} and i.account = u.a`;

export interface TotalRow { day: CivilDate; currency: Currency; accrued: string; interest: bigint; fees: bigint; put_off: number }

export const addTotals = (sql: SqlTag, tenant: Uuid, day: CivilDate, rows: readonly { currency: Currency; micro: bigint; interest: bigint; fees: bigint;
  putOff: number }[]): Promise<unknown[]> => sql`
  insert into wallet.eod_total (tenant, day, currency, accrued_micro, interest, fees, put_off)
  select ${tenant}, ${day}, c, m, i, f, p from unnest(${rows.map((r) => r.currency)}::text[], ${rows.map((r) => String(r.micro))}::numeric[],
    ${rows.map((r) => r.interest)}::bigint[], ${rows.map((r) => r.fees)}::bigint[], ${rows.map((r) => r.putOff)}::int[]) u (c, m, i, f, p)
  on conflict (tenant, day, currency) do update set accrued_micro = wallet.eod_total.accrued_micro + excluded.accrued_micro,
    interest = wallet.eod_total.interest + excluded.interest, fees = wallet.eod_total.fees + excluded.fees,
    put_off = wallet.eod_total.put_off + excluded.put_off`;

export const totalsOf = (sql: SqlTag, tenant: Uuid, days: readonly CivilDate[]): Promise<TotalRow[]> => sql<TotalRow>`
  select day, currency, accrued_micro::text as accrued, interest, fees, put_off from wallet.eod_total
  where tenant = ${tenant} and day = any(${days}::date[]) order by day desc, currency`;
