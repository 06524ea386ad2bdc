import type { CivilDate, Currency, SqlTag, Uuid } from '#kernel';
import type { AccountKind } from '../contract.ts';

export interface RecordedBalance { at_us: bigint; balance: bigint; pending_in: bigint; pending_out: bigint }

/** The newest row of an account at or before an instant. The limit stands in each arm: over the union the planner would sort all rows. */
export const balanceAsOf = (sql: SqlTag, account: number, atUs: bigint): Promise<RecordedBalance[]> => sql<RecordedBalance>`
  select at_us, balance, coalesce(pending_in, 0) as pending_in, coalesce(pending_out, 0) as pending_out from (
    (select at_us, debit_balance as balance, debit_in as pending_in, debit_out as pending_out from ledger.transfer
      where debit = ${account} and at_us <= ${atUs} order by at_us desc limit 1)
    union all
    (select at_us, credit_balance, credit_in, credit_out from ledger.transfer
      where credit = ${account} and at_us <= ${atUs} order by at_us desc limit 1)) r
  order by at_us desc limit 1`;

export interface Span { readonly sealed: CivilDate | null; readonly sealedEndUs: bigint; readonly day: CivilDate; readonly dayEndUs: bigint }

export const lastSealed = async (sql: SqlTag, day: CivilDate): Promise<CivilDate | null> =>
  (await sql<{ day: CivilDate }>`select ends_on as day from ledger.period where ends_on <= ${day} order by ends_on desc limit 1`)[0]?.day ?? null;

/**
 * Balances at the end of a day, counted by effective date: the sealed balance, what was recorded between the seal and the day's
 * end, less what of that belongs before the seal, and what was recorded later but belongs between. Only the rows that bear a date
 * of their own are added up one by one.
 */
export const effectiveBalances = (sql: SqlTag, accounts: readonly number[], s: Span): Promise<{ no: number; balance: bigint }[]> =>
  sql<{ no: number; balance: bigint }>`
  select a.no, (coalesce(m.balance, 0) + coalesce(d.balance, 0) - coalesce(e.balance, 0) - early.sum + late.sum)::bigint as balance
  from ledger.account a
  left join ledger.summary m on m.account = a.no and m.ends_on = ${s.sealed}
  left join lateral (select balance from (
    (select at_us, debit_balance as balance from ledger.transfer where debit = a.no and at_us < ${s.dayEndUs} order by at_us desc limit 1)
    union all
    (select at_us, credit_balance from ledger.transfer where credit = a.no and at_us < ${s.dayEndUs} order by at_us desc limit 1)) r
    order by at_us desc limit 1) d on true
  left join lateral (select balance from (
    (select at_us, debit_balance as balance from ledger.transfer where debit = a.no and at_us < ${s.sealedEndUs} order by at_us desc limit 1)
    union all
    (select at_us, credit_balance from ledger.transfer where credit = a.no and at_us < ${s.sealedEndUs} order by at_us desc limit 1)) r
    order by at_us desc limit 1) e on true
  cross join lateral (select coalesce(sum(change), 0) as sum from ledger.dated
    where account = a.no and at_us >= ${s.sealedEndUs} and at_us < ${s.dayEndUs} and effective <= ${s.sealed}) early
  cross join lateral (select coalesce(sum(change), 0) as sum from ledger.dated
    where account = a.no and effective > coalesce(${s.sealed}::date, '-infinity') and effective <= ${s.day} and at_us >= ${s.dayEndUs}) late
  where a.no = any(${accounts}::int[])`;

/** What moved accounts' posted balances and counts from a day on, debits positive; at most `limit` rows an account and side. */
export const movesSince = (sql: SqlTag, accounts: readonly number[], from: CivilDate, fromUs: bigint, limit: number):
  Promise<{ no: number; at_us: bigint; effective: CivilDate | null; net: bigint }[]> => sql<{ no: number; at_us: bigint; effective: CivilDate | null;
    net: bigint }>`
  select a.no, m.at_us, m.effective, m.net
  from unnest(${accounts}::int[]) a (no), lateral (
    (select at_us, effective, amount as net from ledger.transfer
      where debit = a.no and at_us >= ${fromUs} and kind in (1, 4, 7) and (effective is null or effective >= ${from})
      order by at_us limit ${limit})
    union all
    (select at_us, effective, -amount from ledger.transfer
      where credit = a.no and at_us >= ${fromUs} and kind in (1, 4, 7) and (effective is null or effective >= ${from})
      order by at_us limit ${limit})) m
  order by m.at_us`;

export interface EntryRow { id: Uuid; group: Uuid | null; at_us: bigint; effective: CivilDate | null; kind: number; debit: boolean; other: Uuid; amount: bigint;
  balance: bigint; code: number; trace: string; target: Uuid | null }

/** Posted movements of an account between two instants, newest first; the limit stands in each arm. */
export const entriesBefore = (sql: SqlTag, account: number, fromUs: bigint, beforeUs: bigint, limit: number): Promise<EntryRow[]> => sql<EntryRow>`
  select r.id, r."group", r.at_us, r.effective, r.kind, r.debit,
    o.id as other, r.amount, r.balance, r.code, r.trace, r.target
  from (
    (select id, "group", at_us, effective, kind, true as debit, credit as other, amount, debit_balance as balance, code, trace, target from ledger.transfer
      where debit = ${account} and at_us >= ${fromUs} and at_us < ${beforeUs} and kind in (1, 4, 7) and amount > 0
      order by at_us desc limit ${limit})
    union all
    (select id, "group", at_us, effective, kind, false, debit, amount, credit_balance, code, trace, target from ledger.transfer
      where credit = ${account} and at_us >= ${fromUs} and at_us < ${beforeUs} and kind in (1, 4, 7) and amount > 0
      order by at_us desc limit ${limit})) r
  join ledger.account o on o.no = r.other
  order by r.at_us desc limit ${limit}`;

export interface SumRow { code: string; kind: AccountKind; normal_debit: boolean; currency: Currency; balance: string; accounts: number }

/** All accounts added up by code and currency, as they stand now. Sums may be larger than one account may be. */
export const sumsNow = (sql: SqlTag): Promise<SumRow[]> => sql<SumRow>`
  select a.code, c.kind, c.normal_debit, a.currency, sum(a.posted)::text as balance, count(*)::int as accounts
  from ledger.account a join ledger.chart c on c.tenant = a.tenant and c.code = a.code
  group by a.code, c.kind, c.normal_debit, a.currency order by a.code, a.currency`;

/** Accounts in the order of their numbers, with their code. */
export const accountNumbers = (sql: SqlTag, after: number, limit: number): Promise<{ no: number; code: string; kind: AccountKind; normal_debit: boolean;
  currency: Currency }[]> => sql<{ no: number; code: string; kind: AccountKind; normal_debit: boolean; currency: Currency }>`
  select a.no, a.code, c.kind, c.normal_debit, a.currency from ledger.account a join ledger.chart c on c.tenant = a.tenant and c.code = a.code
  where a.no > ${after} order by a.no limit ${limit}`;

export const insertPeriod = (sql: SqlTag, tenant: Uuid, day: CivilDate, at: Date): Promise<unknown[]> => sql`
  insert into ledger.period (tenant, ends_on, sealed_at) values (${tenant}, ${day}, ${at})`;

export const insertSummaries = (sql: SqlTag, tenant: Uuid, day: CivilDate, rows: readonly { no: number; balance: bigint }[]): Promise<unknown[]> => sql`
  insert into ledger.summary (tenant, account, ends_on, balance)
  select ${tenant}, n, ${day}, b from unnest(${rows.map((r) => r.no)}::int[], ${rows.map((r) => r.balance)}::bigint[]) r (n, b)`;

/** Accounts in the order of their numbers: of one code or currency, or all. */
export const accountsAfter = (sql: SqlTag, after: number, code: string | null, currency: string | null, limit: number): Promise<{ no: number; id: Uuid }[]> =>
  sql<{ no: number; id: Uuid }>`
  select no, id from ledger.account
  where no > ${after} and (${code}::text is null or code = ${code}::text) and (${currency}::text is null or currency = ${currency}::text)
  order by no limit ${limit}`;
