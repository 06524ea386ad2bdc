import type { CivilDate, Currency, SqlTag, Uuid } from '#kernel';
import type { AccountKind, Balance } from '../contract.ts';

/** What of an account never changes. */
export interface FixedAccount { readonly no: number; readonly id: Uuid; readonly currency: Currency }

export const fixedAccounts = (sql: SqlTag, ids: readonly string[]): Promise<FixedAccount[]> => sql<FixedAccount>`
  select no, id, currency from ledger.account where id = any(${ids}::uuid[])`;

export interface LockedAccount { no: number; flags: number; posted: bigint; pending_in: bigint; pending_out: bigint; minimum: bigint | null;
  maximum: bigint | null; last_at_us: bigint }

/** What an account is written as on its way out of the database: a row and its eight fields would cost both sides more than what they hold. */
const unpack = (text: string): LockedAccount => {
  const fields = text.split(' ');
  const at = (i: number): bigint => BigInt(fields[i] as string);
  const guard = (i: number): bigint | null => (fields[i] === '' ? null : at(i));
  return {
    no: Number(fields[0]), flags: Number(fields[1]), posted: at(2), pending_in: at(3), pending_out: at(4), last_at_us: at(5),
    minimum: guard(6), maximum: guard(7),
  };
};

/** Locks accounts in the order of their numbers, in one statement: two batches that share accounts then cannot wait for each other in a circle. */
export const lockAccounts = async (sql: SqlTag, numbers: readonly number[]): Promise<LockedAccount[]> => ((await sql<{ all: string | null }>`
  select string_agg(concat_ws(' ', no, flags, posted, pending_in, pending_out, last_at_us, coalesce(minimum::text, ''), coalesce(maximum::text, '')), ',')
    as all
  from (select no, flags, posted, pending_in, pending_out, last_at_us, minimum, maximum
    from ledger.account where no = any(${numbers}::int[]) order by no for no key update) a`)[0]?.all?.split(',') ?? []).map(unpack);

export interface AccountWrite { readonly no: number; readonly posted: bigint; readonly pendingIn: bigint; readonly pendingOut: bigint;
  readonly lastAtUs: bigint; readonly flags: number }

/** Writes each changed account once. */
export const writeAccounts = (sql: SqlTag, a: readonly AccountWrite[]): Promise<unknown[]> => sql`
  update ledger.account t set posted = u.p, pending_in = u.i, pending_out = u.o, last_at_us = u.l, flags = u.f
  from unnest(${a.map((x) => x.no)}::int[], ${a.map((x) => x.posted)}::bigint[],
    ${a.map((x) => x.pendingIn)}::bigint[],
    ${a.map((x) => x.pendingOut)}::bigint[], ${a.map((x) => x.lastAtUs)}::bigint[], ${a.map((x) => x.flags)}::smallint[])
    u (n, p, i, o, l, f)
  where t.no = u.n`;

/** The same for accounts whose holds and state did not change: most of them. */
export const writePosted = (sql: SqlTag, a: readonly AccountWrite[]): Promise<unknown[]> => sql`
  update ledger.account t set posted = u.p, last_at_us = u.l
  from unnest(${a.map((x) => x.no)}::int[], ${a.map((x) => x.posted)}::bigint[], ${a.map((x) => x.lastAtUs)}::bigint[])
    u (n, p, l)
  where t.no = u.n`;

export const setGuards = (sql: SqlTag, no: number, minimum: bigint | null, maximum: bigint | null, flags: number): Promise<unknown[]> => sql`
  update ledger.account set minimum = ${minimum}, maximum = ${maximum}, flags = ${flags} where no = ${no}`;

export interface ChartRow { code: string; kind: AccountKind; normal_debit: boolean; minimum: bigint | null; maximum: bigint | null; no_debit: boolean;
  no_credit: boolean }

/** Adds lines that are missing; a line that stands is left as it is. */
export const insertChart = (sql: SqlTag, tenant: string, rows: readonly ChartRow[]): Promise<unknown[]> => sql`
  insert into ledger.chart (tenant, code, kind, normal_debit, minimum, maximum, no_debit, no_credit)
  select ${tenant}, c, k, n, mi, ma, nd, nc
  from unnest(${rows.map((r) => r.code)}::text[], ${rows.map((r) => r.kind)}::text[], ${rows.map((r) => r.normal_debit)}::boolean[],
    ${rows.map((r) => r.minimum)}::bigint[], ${rows.map((r) => r.maximum)}::bigint[], ${rows.map((r) => r.no_debit)}::boolean[],
    ${rows.map((r) => r.no_credit)}::boolean[]) r (c, k, n, mi, ma, nd, nc)
  on conflict do nothing`;

export const insertBook = (sql: SqlTag, tenant: string): Promise<unknown[]> => sql`
  insert into ledger.book (tenant) values (${tenant}) on conflict do nothing`;

export const readChart = (sql: SqlTag, codes: readonly string[]): Promise<ChartRow[]> => sql<ChartRow>`
  select code, kind, normal_debit, minimum, maximum, no_debit, no_credit from ledger.chart where code = any(${codes}::text[])`;

export interface NewAccount { readonly id: Uuid; readonly code: string; readonly currency: Currency; readonly holder: Uuid | null; readonly flags: number;
  readonly minimum: bigint | null; readonly maximum: bigint | null }

/** Opens accounts; one that is there already stays as it is. */
export const insertAccounts = (sql: SqlTag, tenant: string, at: Date, a: readonly NewAccount[]): Promise<unknown[]> => sql`
  insert into ledger.account (tenant, id, code, currency, holder, flags, minimum, maximum, opened_at)
  select ${tenant}, i, c, cu, h, f, mi, ma, ${at}
  from unnest(${a.map((x) => x.id)}::uuid[], ${a.map((x) => x.code)}::text[], ${a.map((x) => x.currency)}::text[],
    ${a.map((x) => x.holder)}::uuid[], ${a.map((x) => x.flags)}::smallint[], ${a.map((x) => x.minimum)}::bigint[],
    ${a.map((x) => x.maximum)}::bigint[]) r (i, c, cu, h, f, mi, ma)
  order by i on conflict do nothing`;

export interface AccountRow extends LockedAccount { id: Uuid; currency: Currency; code: string; kind: AccountKind; holder: Uuid | null }

export const readAccounts = (sql: SqlTag, ids: readonly Uuid[]): Promise<AccountRow[]> => sql<AccountRow>`
  select a.no, a.id, a.currency, a.flags, a.posted, a.pending_in, a.pending_out, a.minimum, a.maximum, a.last_at_us,
    a.code, c.kind, a.holder
  from ledger.account a join ledger.chart c on c.tenant = a.tenant and c.code = a.code
  where a.id = any(${ids}::uuid[])`;

export const accountNumber = async (sql: SqlTag, id: Uuid): Promise<{ no: number; currency: Currency; flags: number } | undefined> =>
  (await sql<{ no: number; currency: Currency; flags: number }>`select no, currency, flags from ledger.account where id = ${id}`)[0];

export const accountsOfHolder = (sql: SqlTag, holder: Uuid): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  select id from ledger.account where holder = ${holder} order by code, currency`;

/** How far the books are sealed; shared with other postings, alone for a sealing. */
export const shareSeal = async (sql: SqlTag): Promise<CivilDate | null> =>
  (await sql<{ day: CivilDate | null }>`select sealed_through as day from ledger.book for share`)[0]?.day ?? null;
export const holdSeal = async (sql: SqlTag): Promise<CivilDate | null> =>
  (await sql<{ day: CivilDate | null }>`select sealed_through as day from ledger.book for update`)[0]?.day ?? null;
export const moveSeal = (sql: SqlTag, day: CivilDate): Promise<unknown[]> => sql`update ledger.book set sealed_through = ${day}`;

export const toBalance = (r: AccountRow): Balance => ({
  account: r.id, currency: r.currency, posted: r.posted, pendingIn: r.pending_in, pendingOut: r.pending_out, available: r.posted - r.pending_out,
});
