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

/** Interest by currency: what accrued, what was paid, what is owed, in millionths of a minor unit. */
export const interestSums = (sql: SqlTag): Promise<{ currency: string; accrued: string; owed: string; paid: string }[]> => sql<{ currency: string;
  accrued: string; owed: string; paid: string }>`
  select c.currency, coalesce(a.s, 0)::text as accrued, coalesce(o.s, 0)::text as owed, coalesce(t.s, 0)::text as paid
  from (select distinct currency from wallet.account) c
  left join (select x.currency, sum(r.micro) as s from wallet.accrual r join wallet.account x on x.tenant = r.tenant and x.id = r.account
    group by x.currency) a on a.currency = c.currency
  left join (select x.currency, sum(i.owed_micro) as s from wallet.interest i join wallet.account x on x.tenant = i.tenant and x.id = i.account
    group by x.currency) o on o.currency = c.currency
  left join (select currency, sum(interest) as s from wallet.eod_total group by currency) t on t.currency = c.currency order by c.currency`;
