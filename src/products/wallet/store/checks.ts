import type { SqlTag } from '#kernel';

/** Orders to pay out that wait without naming a hold, or name one in a state that has none. */
export const ordersWithoutHold = (sql: SqlTag): Promise<{ id: string; hold: string | null; state: string }[]> => sql<{ id: string; hold: string | null;
  state: string }>`
  select id, hold, state from wallet.bank_order
  where direction = 'out' and hold is null limit 100`;

export interface OpenOrder { id: string; hold: string; ledger: string; amount: bigint }
/** Orders to pay out that the bank has not answered, with the account that holds their money. */
export const openOrders = (sql: SqlTag, after: string, limit: number): Promise<OpenOrder[]> => sql<OpenOrder>`
  select o.id, o.hold, a.ledger, o.amount
  from wallet.bank_order o join wallet.account a on a.tenant = o.tenant and a.id = o.account
  where o.direction = 'out' and o.state in ('pending', 'unknown') and o.id > ${after} order by o.id limit ${limit}`;

export const orphanUsage = (sql: SqlTag): Promise<{ person: string; currency: string }[]> => sql<{ person: string; currency: string }>`
  select u.person, u.currency from wallet.usage u
  where not exists (select 1 from wallet.account a where a.tenant = u.tenant and a.person = u.person and a.currency = u.currency) limit 100`;

/** Usage that does not agree with the payments of its day and month; `zone` says where a day begins. Payments between one's own accounts do not count. */
export const wrongUsage = (sql: SqlTag, zone: string): Promise<{ person: string; currency: string }[]> => sql<{ person: string; currency: string }>`
  with spent as (
    select a.person, p.currency, (p.at at time zone ${zone}::text)::date as day, sum(p.amount) as amount, count(*) as n
    from wallet.payment p join wallet.account a on a.tenant = p.tenant and a.id = p.payer join wallet.account b on b.tenant = p.tenant and b.id = p.payee
    where a.person <> b.person and p.at >= (select min(month) from wallet.usage)::timestamp at time zone ${zone}::text group by 1, 2, 3)
  select u.person, u.currency
  from wallet.usage u left join spent s on s.person = u.person and s.currency = u.currency and s.day >= u.month and s.day < u.month + interval '1 month'
  group by u.person, u.currency, u.day, u.day_spent, u.day_count, u.month_spent
  having coalesce(sum(s.amount) filter (where s.day = u.day), 0) <> u.day_spent or coalesce(sum(s.n) filter (where s.day = u.day), 0) <> u.day_count
    or coalesce(sum(s.amount), 0) <> u.month_spent limit 100`;

export interface PaymentPart { id: string; transfer: string; amount: bigint; currency: string; payer: string; payee: string }
export const paymentsAfter = (sql: SqlTag, after: string, limit: number): Promise<PaymentPart[]> => sql<PaymentPart>`
  select p.id, p.transfer, p.amount, p.currency, a.ledger as payer,
    b.ledger as payee
  from wallet.payment p left join wallet.account a on a.tenant = p.tenant and a.id = p.payer
    left join wallet.account b on b.tenant = p.tenant and b.id = p.payee
  where p.id > ${after} order by p.id limit ${limit}`;

export interface AccountPart { id: string; ledger: string; state: 'open' | 'frozen' | 'closed' }
export const accountsAfterId = (sql: SqlTag, after: string, limit: number): Promise<AccountPart[]> => sql<AccountPart>`
  select id, ledger, state from wallet.account where id > ${after} order by id limit ${limit}`;

/** Interest by currency: what accrued, what is owed and what closings let go, in millionths of a minor unit; what runs and closings paid. */
export const interestSums = (sql: SqlTag): Promise<{ currency: string; accrued: string; owed: string; paid: string; let_go: string }[]> => sql<{
  currency: string; accrued: string; owed: string; paid: string; let_go: string }>`
  select c.currency, coalesce(a.s, 0)::text as accrued, coalesce(o.s, 0)::text as owed, (coalesce(t.s, 0) + coalesce(g.paid, 0))::text as paid,
    coalesce(g.let_go, 0)::text as let_go
  from (select distinct currency from wallet.account) c
  left join (select x.currency, sum(r.micro) as s from wallet.accrual r join wallet.account x on x.tenant = r.tenant and x.id = r.account
    group by x.currency) a on a.currency = c.currency
  left join (select x.currency, sum(i.owed_micro) as s from wallet.interest i join wallet.account x on x.tenant = i.tenant and x.id = i.account
    group by x.currency) o on o.currency = c.currency
  left join (select currency, sum(interest) as s from wallet.eod_total group by currency) t on t.currency = c.currency
  left join (select x.currency, sum(k.interest) as paid, sum(k.let_go_micro) as let_go from wallet.closing k
    join wallet.account x on x.tenant = k.tenant and x.id = k.account group by x.currency) g on g.currency = c.currency order by c.currency`;

export interface ClosedPart { id: string; ledger: string; noted: boolean; owed: boolean; under_way: boolean; scheduled: boolean }
/** Closed accounts, and what must not hang on them any more. */
export const closedAfterId = (sql: SqlTag, after: string, limit: number): Promise<ClosedPart[]> => sql<ClosedPart>`
  select a.id, a.ledger,
    exists (select 1 from wallet.closing k where k.tenant = a.tenant and k.account = a.id and k.at = a.closed_at) as noted,
    exists (select 1 from wallet.interest i where i.tenant = a.tenant and i.account = a.id and i.owed_micro > 0) as owed,
    exists (select 1 from wallet.bank_order o where o.tenant = a.tenant and o.account = a.id and o.state in ('pending', 'unknown')) as under_way,
    exists (select 1 from wallet.schedule s where s.tenant = a.tenant and s.person = a.person and s.payer = a.id and s.state = 'active') as scheduled
  from wallet.account a where a.state = 'closed' and a.id > ${after} order by a.id limit ${limit}`;
