import type { CivilDate, SqlTag } from '#kernel';

export const unbalanced = (sql: SqlTag): Promise<{ currency: string; sum: string }[]> => sql<{ currency: string; sum: string }>`
  select currency, sum(case when flags & 1 = 1 then posted else -posted end)::text as sum from ledger.account
  group by currency having sum(case when flags & 1 = 1 then posted else -posted end) <> 0`;

export const outsideGuards = (sql: SqlTag): Promise<{ id: string }[]> => sql<{ id: string }>`
  select id from ledger.account where posted - pending_out < minimum or posted + pending_in > maximum order by no limit 100`;

export const overdueHolds = (sql: SqlTag, beforeUs: bigint): Promise<{ id: string }[]> => sql<{ id: string }>`
  select id from ledger.hold where expires_at_us < ${beforeUs} order by expires_at_us limit 100`;

export const accountRange = async (sql: SqlTag, after: number, limit: number): Promise<number[]> =>
  (await sql<{ no: number }>`select no from ledger.account where no > ${after} order by no limit ${limit}`).map((r) => r.no);

/** Accounts whose rows do not lead, each from the one before it, to the balance that the account bears. */
export const brokenBalances = (sql: SqlTag, accounts: readonly number[]): Promise<{ id: string; at_us: bigint | null }[]> => sql<{ id: string;
  at_us: bigint | null }>`
  with entry as (
    select a.no, t.at_us, t.balance, t.pending_in, t.pending_out,
      t.balance - coalesce(lag(t.balance) over (partition by a.no order by t.at_us), 0)
        - case when t.kind in (1, 4, 7) then case when t.debit = (a.flags & 1 = 1) then t.amount else -t.amount end else 0 end as wrong,
      row_number() over (partition by a.no order by t.at_us desc) as newest
    from ledger.account a join lateral (
      select at_us, true as debit, kind, amount, debit_balance as balance, coalesce(debit_in, 0) as pending_in, coalesce(debit_out, 0) as pending_out
        from ledger.transfer where debit = a.no
      union all
      select at_us, false, kind, amount, credit_balance, coalesce(credit_in, 0), coalesce(credit_out, 0) from ledger.transfer where credit = a.no) t on true
    where a.no = any(${accounts}::int[]))
  select a.id, min(e.at_us) filter (where e.wrong <> 0) as at_us
  from ledger.account a left join entry e on e.no = a.no
  where a.no = any(${accounts}::int[])
  group by a.no, a.id
  having bool_or(e.wrong <> 0) or coalesce(max(e.balance) filter (where e.newest = 1), 0) <> a.posted
    or coalesce(max(e.pending_in) filter (where e.newest = 1), 0) <> a.pending_in or coalesce(max(e.pending_out) filter (where e.newest = 1),
      0) <> a.pending_out
  order by a.no`;

/** Accounts whose pending sums are not those of their open holds. */
export const brokenHolds = (sql: SqlTag, accounts: readonly number[]): Promise<{ id: string }[]> => sql<{ id: string }>`
  select a.id from ledger.account a left join lateral (
    select coalesce(sum(h.amount) filter (where (h.debit = a.no) = (a.flags & 1 = 1)), 0) as pending_in,
      coalesce(sum(h.amount) filter (where (h.debit = a.no) <> (a.flags & 1 = 1)), 0) as pending_out
    from ledger.hold h where h.debit = a.no or h.credit = a.no) h on true
  where a.no = any(${accounts}::int[]) and (h.pending_in <> a.pending_in or h.pending_out <> a.pending_out) order by a.no`;

export const periods = async (sql: SqlTag): Promise<CivilDate[]> =>
  (await sql<{ day: CivilDate }>`select ends_on as day from ledger.period order by ends_on`).map((r) => r.day);

/** Accounts whose sealed balance is not the sum of what is dated up to then. Every movement is added up, no running balance is believed. */
export const brokenSummaries = (sql: SqlTag, accounts: readonly number[], day: CivilDate, dayEndUs: bigint): Promise<{ id: string }[]> => sql<{ id: string }>`
  select a.id
  from ledger.account a join ledger.summary m on m.account = a.no and m.ends_on = ${day} join lateral (
    select coalesce(sum(case when d = (a.flags & 1 = 1) then amount else -amount end), 0) as sum from (
      select true as d, amount, kind, effective, at_us from ledger.transfer where debit = a.no
      union all select false, amount, kind, effective, at_us from ledger.transfer where credit = a.no) t
    where kind in (1, 4, 7) and ((effective is null and at_us < ${dayEndUs}) or effective <= ${day})) t on true
  where a.no = any(${accounts}::int[]) and t.sum <> m.balance order by a.no`;

export interface HashedRow { id: string; group: string; kind: number; debit: number; credit: number; amount: bigint; at_us: bigint; debit_balance: bigint;
  credit_balance: bigint; effective: CivilDate | null; target: string | null }

/** The rows of postings by the id of their first transfer, in the order of their legs. */
export const postedRows = (sql: SqlTag, first: readonly string[]): Promise<HashedRow[]> => sql<HashedRow>`
  select id, replace(coalesce("group", id)::text, '-', '') as "group", kind, debit, credit, amount, at_us, debit_balance,
    credit_balance, effective, target
  from ledger.transfer where result = 0 and (id = any(${first}::uuid[]) or "group" = any(${first}::uuid[])) order by leg`;

export const countPosted = async (sql: SqlTag): Promise<bigint> =>
  (await sql<{ n: bigint }>`select count(*) as n from ledger.transfer where result = 0`)[0]?.n ?? 0n;
