import { inserter, type CivilDate, type Currency, type SqlTag, type Uuid } from '#kernel';
import type { Hold, NewTransfer, StoredTransfer } from './rows.ts';

const insertRows = inserter('ledger.transfer', {
  tenant: 'uuid', debit: 'int', credit: 'int', amount: 'bigint', at_us: 'bigint', debit_balance: 'bigint', credit_balance: 'bigint', id: 'uuid', trace: 'uuid',
  kind: 'smallint', result: 'smallint', code: 'smallint', effective: 'date', leg: 'smallint', group: 'uuid', target: 'uuid', expires_at_us: 'bigint',
  debit_in: 'bigint', debit_out: 'bigint', credit_in: 'bigint', credit_out: 'bigint', asked: 'text',
});
/** Rows whose rarer columns are all empty go in a statement of their own: those columns then cost nothing. */
export const insertTransfers = (sql: SqlTag, tenant: string, t: readonly NewTransfer[]): Promise<unknown[]> => insertRows(sql, {
  tenant, debit: t.map((x) => x.debitNo), credit: t.map((x) => x.creditNo), amount: t.map((x) => x.amount), at_us: t.map((x) => x.atUs),
  debit_balance: t.map((x) => x.debitBalance), credit_balance: t.map((x) => x.creditBalance), id: t.map((x) => x.id), trace: t.map((x) => x.trace),
  kind: t.map((x) => x.kind), result: t.map((x) => x.result), code: t.map((x) => x.code), effective: t.map((x) => x.effective), leg: t.map((x) => x.leg),
  group: t.map((x) => x.group), target: t.map((x) => x.target), expires_at_us: t.map((x) => x.expiresAtUs), debit_in: t.map((x) => x.debitIn),
  debit_out: t.map((x) => x.debitOut), credit_in: t.map((x) => x.creditIn), credit_out: t.map((x) => x.creditOut), asked: t.map((x) => x.asked),
});

interface TransferRow { id: Uuid; kind: number; result: number; code: number; debit: Uuid | null; credit: Uuid | null; amount: bigint;
  currency: Currency | null;
  at_us: bigint; debit_balance: bigint | null; credit_balance: bigint | null; effective: CivilDate | null; leg: number | null; group: Uuid | null; size: number;
  target: Uuid | null; expires_at_us: bigint | null; asked: string | null }

/** Transfers by id, with the ids of their accounts. */
export const readTransfers = async (sql: SqlTag, ids: readonly string[]): Promise<StoredTransfer[]> => (await sql<TransferRow>`
  select t.id, t.kind, t.result, t.code, d.id as debit, c.id as credit, t.amount,
    coalesce(d.currency, c.currency) as currency, t.at_us, t.debit_balance, t.credit_balance, t.effective, t.leg, t."group",
    case when t."group" is null then 1 else (select count(*)::int from ledger.transfer g where g."group" = t."group") end as size,
    t.target, t.expires_at_us, t.asked
  from ledger.transfer t left join ledger.account d on d.no = t.debit left join ledger.account c on c.no = t.credit
  where t.id = any(${ids}::uuid[])`).map(toStored);

/** Transfers that hang together with one: of its group, its target, and what was done to it. */
export const linkedTransfers = (sql: SqlTag, id: Uuid, group: Uuid | null, target: Uuid | null): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  select id from (
    select id from ledger.transfer where "group" = ${group} and "group" is not null
    union select id from ledger.transfer where id = ${target}
    union select id from ledger.transfer where target = ${id} and kind in (4, 5, 6)
    union select id from ledger.transfer where target = ${id} and kind = 7) r
  where id <> ${id}`;

export const traceOf = async (sql: SqlTag, id: Uuid): Promise<string> =>
  (await sql<{ trace: string }>`select trace from ledger.transfer where id = ${id}`)[0]?.trace ?? '';

const toStored = (r: TransferRow): StoredTransfer => ({
  id: r.id, kind: r.kind, result: r.result, code: r.code, debit: r.debit, credit: r.credit, amount: r.amount, currency: r.currency, atUs: r.at_us,
  debitBalance: r.debit_balance, creditBalance: r.credit_balance, effective: r.effective, leg: r.leg, group: r.group, size: r.size, target: r.target,
  expiresAtUs: r.expires_at_us, asked: r.asked,
});

/** What was posted on targets already: how holds ended, and what was reversed. */
export const readResolutions = (sql: SqlTag, targets: readonly string[]): Promise<{ target: Uuid; kind: number; amount: bigint }[]> =>
  sql<{ target: Uuid; kind: number; amount: bigint }>`
  select target, kind, amount from ledger.transfer
    where target = any(${targets}::uuid[]) and kind in (4, 5, 6)
  union all
  select target, 7, sum(amount)::bigint from ledger.transfer
    where target = any(${targets}::uuid[]) and kind = 7 group by target`;

/** Movements dated otherwise than recorded, for both of their accounts. */
export const insertDated = (sql: SqlTag, tenant: string, t: readonly NewTransfer[]): Promise<unknown[]> => sql`
  insert into ledger.dated (tenant, account, effective, at_us, change)
  select ${tenant}, a, e, t, c
  from unnest(${t.flatMap((x) => [x.debitNo, x.creditNo])}::int[], ${t.flatMap((x) => [x.effective, x.effective])}::date[],
    ${t.flatMap((x) => [x.atUs, x.atUs])}::bigint[], ${t.flatMap((x) => [x.debitChange, x.creditChange])}::bigint[]) r (a, e, t, c)`;

interface HoldRow { id: Uuid; debit: number; credit: number; amount: bigint; closes: number | null; expires_at_us: bigint | null }

export const readHolds = async (sql: SqlTag, ids: readonly string[]): Promise<Hold[]> => (await sql<HoldRow>`
  select id, debit, credit, amount, closes, expires_at_us from ledger.hold where id = any(${ids}::uuid[])`)
  .map((r) => ({ id: r.id, debit: r.debit, credit: r.credit, amount: r.amount, closes: r.closes, expiresAtUs: r.expires_at_us }));

export const insertHolds = (sql: SqlTag, tenant: string, h: readonly Hold[]): Promise<unknown[]> => sql`
  insert into ledger.hold (tenant, id, debit, credit, amount, closes, expires_at_us)
  select ${tenant}, i, d, c, a, cl, ex
  from unnest(${h.map((x) => x.id)}::uuid[], ${h.map((x) => x.debit)}::int[], ${h.map((x) => x.credit)}::int[],
    ${h.map((x) => x.amount)}::bigint[], ${h.map((x) => x.closes)}::int[], ${h.map((x) => x.expiresAtUs)}::bigint[])
    r (i, d, c, a, cl, ex)`;

export const deleteHolds = (sql: SqlTag, ids: readonly string[]): Promise<unknown[]> => sql`
  delete from ledger.hold where id = any(${ids}::uuid[])`;

/** Holds of this tenant past their time, oldest first. */
export const dueHolds = (sql: SqlTag, nowUs: bigint, limit: number): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  select id from ledger.hold where expires_at_us <= ${nowUs} order by expires_at_us limit ${limit}`;

/** The earliest expiry of each tenant, one step of the index a tenant. */
export const earliestExpiries = (sql: SqlTag): Promise<{ tenant: Uuid; expires_at_us: bigint }[]> => sql<{ tenant: Uuid; expires_at_us: bigint }>`
  with recursive first as (
    (select tenant, expires_at_us from ledger.hold where expires_at_us is not null order by tenant, expires_at_us limit 1)
    union all
    select n.tenant, n.expires_at_us from first f, lateral
      (select h.tenant, h.expires_at_us from ledger.hold h where h.expires_at_us is not null and h.tenant > f.tenant
        order by h.tenant, h.expires_at_us limit 1) n)
  select tenant, expires_at_us from first`;
