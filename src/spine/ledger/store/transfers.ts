import type { CivilDate, Currency, SqlTag, Uuid } from '#kernel';
import { plainArray } from './arrays.ts';
import type { Hold, NewTransfer, StoredTransfer } from './rows.ts';

/** Rows that have nothing in the rarer columns. */
export const insertPlain = (sql: SqlTag, tenant: string, t: readonly NewTransfer[]): Promise<unknown[]> => sql`
  insert into ledger.transfer (tenant, debit, credit, amount, at_us, debit_balance, credit_balance, id, trace, kind, result, code)
  select ${tenant}, d, c, a, t, db, cb, i, tr, 1, 0, co
  from unnest(${plainArray(t.map((x) => x.debitNo))}::int[], ${plainArray(t.map((x) => x.creditNo))}::int[], ${plainArray(t.map((x) => x.amount))}::bigint[],
    ${plainArray(t.map((x) => x.atUs))}::bigint[], ${plainArray(t.map((x) => x.debitBalance))}::bigint[],
      ${plainArray(t.map((x) => x.creditBalance))}::bigint[],
    ${plainArray(t.map((x) => x.id))}::uuid[], ${plainArray(t.map((x) => x.trace))}::uuid[], ${plainArray(t.map((x) => x.code))}::smallint[])
    r (d, c, a, t, db, cb, i, tr, co)`;

export const insertFull = (sql: SqlTag, tenant: string, t: readonly NewTransfer[]): Promise<unknown[]> => sql`
  insert into ledger.transfer (tenant, debit, credit, amount, at_us, debit_balance, credit_balance, id, trace, kind, result, code, effective, leg, "group",
    target, expires_at_us, debit_in, debit_out, credit_in, credit_out, asked)
  select ${tenant}, d, c, a, t, db, cb, i, tr, k, re, co, ef, le, gr, ta, ex, di, dx, ci, cx, ask
  from unnest(${plainArray(t.map((x) => x.debitNo))}::int[], ${plainArray(t.map((x) => x.creditNo))}::int[], ${plainArray(t.map((x) => x.amount))}::bigint[],
    ${plainArray(t.map((x) => x.atUs))}::bigint[], ${plainArray(t.map((x) => x.debitBalance))}::bigint[],
      ${plainArray(t.map((x) => x.creditBalance))}::bigint[],
    ${plainArray(t.map((x) => x.id))}::uuid[], ${plainArray(t.map((x) => x.trace))}::uuid[], ${plainArray(t.map((x) => x.kind))}::smallint[],
    ${plainArray(t.map((x) => x.result))}::smallint[], ${plainArray(t.map((x) => x.code))}::smallint[], ${plainArray(t.map((x) => x.effective))}::date[],
    ${plainArray(t.map((x) => x.leg))}::smallint[], ${plainArray(t.map((x) => x.group))}::uuid[], ${plainArray(t.map((x) => x.target))}::uuid[],
    ${plainArray(t.map((x) => x.expiresAtUs))}::bigint[], ${plainArray(t.map((x) => x.debitIn))}::bigint[], ${plainArray(t.map((x) => x.debitOut))}::bigint[],
    ${plainArray(t.map((x) => x.creditIn))}::bigint[], ${plainArray(t.map((x) => x.creditOut))}::bigint[], ${t.map((x) => x.asked)}::text[])
    r (d, c, a, t, db, cb, i, tr, k, re, co, ef, le, gr, ta, ex, di, dx, ci, cx, ask)`;

interface TransferRow { id: Uuid; kind: number; result: number; code: number; debit: Uuid | null; credit: Uuid | null; amount: bigint;
  currency: Currency | null;
  at_us: bigint; debit_balance: bigint | null; credit_balance: bigint | null; effective: CivilDate | null; leg: number | null; group: Uuid | null; size: number;
  target: Uuid | null; expires_at_us: bigint | null; asked: string | null }

/** Transfers by id, with the ids of their accounts. */
export const readTransfers = async (sql: SqlTag, ids: readonly string[]): Promise<StoredTransfer[]> => (await sql<TransferRow>`
  select t.id, t.kind, t.result, t.code, d.id as debit, c.id as credit, t.amount,
    coalesce(d.currency, c.currency) as currency, t.at_us, t.debit_balance, t.credit_balance, t.effective, t.leg, replace(t."group"::text, '-', '') as "group",
    case when t."group" is null then 1 else (select count(*)::int from ledger.transfer g where g."group" = t."group") end as size,
    t.target, t.expires_at_us, t.asked
  from ledger.transfer t left join ledger.account d on d.no = t.debit left join ledger.account c on c.no = t.credit
  where t.id = any(${plainArray(ids)}::uuid[])`).map(toStored);

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
    where target = any(${plainArray(targets)}::uuid[]) and kind in (4, 5, 6)
  union all
  select target, 7, sum(amount)::bigint from ledger.transfer
    where target = any(${plainArray(targets)}::uuid[]) and kind = 7 group by target`;

/** Movements dated otherwise than recorded, for both of their accounts. */
export const insertDated = (sql: SqlTag, tenant: string, t: readonly NewTransfer[]): Promise<unknown[]> => sql`
  insert into ledger.dated (tenant, account, effective, at_us, change)
  select ${tenant}, a, e, t, c
  from unnest(${plainArray(t.flatMap((x) => [x.debitNo, x.creditNo]))}::int[], ${plainArray(t.flatMap((x) => [x.effective, x.effective]))}::date[],
    ${plainArray(t.flatMap((x) => [x.atUs, x.atUs]))}::bigint[], ${plainArray(t.flatMap((x) => [x.debitChange, x.creditChange]))}::bigint[]) r (a, e, t, c)`;

interface HoldRow { id: Uuid; debit: number; credit: number; amount: bigint; closes: number | null; expires_at_us: bigint | null }

export const readHolds = async (sql: SqlTag, ids: readonly string[]): Promise<Hold[]> => (await sql<HoldRow>`
  select id, debit, credit, amount, closes, expires_at_us from ledger.hold where id = any(${plainArray(ids)}::uuid[])`)
  .map((r) => ({ id: r.id, debit: r.debit, credit: r.credit, amount: r.amount, closes: r.closes, expiresAtUs: r.expires_at_us }));

export const insertHolds = (sql: SqlTag, tenant: string, h: readonly Hold[]): Promise<unknown[]> => sql`
  insert into ledger.hold (tenant, id, debit, credit, amount, closes, expires_at_us)
  select ${tenant}, i, d, c, a, cl, ex
  from unnest(${plainArray(h.map((x) => x.id))}::uuid[], ${plainArray(h.map((x) => x.debit))}::int[], ${plainArray(h.map((x) => x.credit))}::int[],
    ${plainArray(h.map((x) => x.amount))}::bigint[], ${plainArray(h.map((x) => x.closes))}::int[], ${plainArray(h.map((x) => x.expiresAtUs))}::bigint[])
    r (i, d, c, a, cl, ex)`;

export const deleteHolds = (sql: SqlTag, ids: readonly string[]): Promise<unknown[]> => sql`
  delete from ledger.hold where id = any(${plainArray(ids)}::uuid[])`;

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
