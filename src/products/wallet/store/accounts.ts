import type { CivilDate, Currency, SqlTag, Uuid } from '#kernel';
import type { Usage } from '../rules.ts';

export interface AccountRow {
  id: Uuid; person: Uuid; currency: Currency; ledger: Uuid; state: 'open' | 'frozen' | 'closed'; frozen_by: 'holder' | 'operator' | null; handle: string | null;
  opened_at: Date; closed_at: Date | null; closed_by_office: boolean;
}

export const insertAccount = (sql: SqlTag, tenant: Uuid, a: { id: Uuid; person: Uuid; currency: string; ledger: Uuid }, now: Date): Promise<unknown[]> => sql`
  insert into wallet.account (tenant, id, person, currency, ledger, state, opened_at) values (${tenant}, ${a.id}, ${a.person}, ${a.currency}, ${a.ledger},
    'open', ${now})`;

/** A person's accounts: those that are not closed, oldest first, then closed ones, the last closed first. */
export const accountsOfPerson = (sql: SqlTag, tenant: Uuid, person: Uuid, limit: number): Promise<AccountRow[]> => sql<AccountRow>`
  select a.id, a.person, a.currency, a.ledger, a.state,
    a.frozen_by, h.handle, a.opened_at, a.closed_at, a.closed_by_office
  from wallet.account a left join wallet.handle h on h.tenant = a.tenant and h.account = a.id
  where a.tenant = ${tenant} and a.person = ${person} order by a.closed_at desc nulls first, a.opened_at, a.id limit ${limit}`;

/** Accounts by id, each looked up by its key. */
export const accountsById = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<AccountRow[]> => sql<AccountRow>`
  select a.id, a.person, a.currency, a.ledger, a.state,
    a.frozen_by, h.handle, a.opened_at, a.closed_at, a.closed_by_office
  from unnest(${ids}::uuid[]) u (i)
  cross join lateral (select * from wallet.account x where x.tenant = ${tenant} and x.id = u.i offset 0) a
  left join lateral (select handle from wallet.handle y where y.tenant = ${tenant} and y.account = a.id offset 0) h on true`;

/** What of an account never changes. */
export type FixedRow = Pick<AccountRow, 'id' | 'person' | 'currency' | 'ledger'>;

/** The same by id, each looked up by its key; one that is not there is absent. */
export const fixedById = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<FixedRow[]> => sql<FixedRow>`
  select a.id, a.person, a.currency, a.ledger
  from unnest(${ids}::uuid[]) u (i)
  cross join lateral (select * from wallet.account x where x.tenant = ${tenant} and x.id = u.i offset 0) a`;

/** Accounts by handle, each looked up by its key. */
export const accountsByHandle = (sql: SqlTag, tenant: Uuid, handles: readonly string[]): Promise<AccountRow[]> => sql<AccountRow>`
  select a.id, a.person, a.currency, a.ledger, a.state,
    a.frozen_by, h.handle, a.opened_at, a.closed_at, a.closed_by_office
  from unnest(${handles}::text[]) u (n)
  cross join lateral (select handle, account from wallet.handle x where x.tenant = ${tenant} and x.handle = u.n offset 0) h
  cross join lateral (select * from wallet.account y where y.tenant = ${tenant} and y.id = h.account offset 0) a`;

/** Accounts by the ledger account that each names. */
export const accountsByLedger = (sql: SqlTag, tenant: Uuid, ledger: readonly string[]): Promise<AccountRow[]> => sql<AccountRow>`
  select a.id, a.person, a.currency, a.ledger, a.state,
    a.frozen_by, h.handle, a.opened_at, a.closed_at, a.closed_by_office
  from unnest(${ledger}::uuid[]) u (i)
  cross join lateral (select * from wallet.account x where x.tenant = ${tenant} and x.ledger = u.i offset 0) a
  left join lateral (select handle from wallet.handle y where y.tenant = ${tenant} and y.account = a.id offset 0) h on true`;

export const lockAccount = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<AccountRow | undefined> => (await sql<AccountRow>`
  select id, person, currency, ledger, state, frozen_by,
    null as handle, opened_at, closed_at, closed_by_office
  from wallet.account where tenant = ${tenant} and id = ${id} for update`)[0];

/** Locks accounts of one person, in the order of their ids. */
export const lockOwn = (sql: SqlTag, tenant: Uuid, person: Uuid, ids: readonly string[]): Promise<AccountRow[]> => sql<AccountRow>`
  select id, person, currency, ledger, state, frozen_by,
    null as handle, opened_at, closed_at, closed_by_office
  from wallet.account where tenant = ${tenant} and id = any(${ids}::uuid[]) and person = ${person} order by id for update`;

/** Holds accounts as they are, in the order of their ids: until the commit nobody closes or freezes them. Resolves to their states. */
export const keepStates = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<{ id: Uuid; state: AccountRow['state'] }[]> =>
  sql<{ id: Uuid; state: AccountRow['state'] }>`
  select id, state from wallet.account where tenant = ${tenant} and id = any(${ids}::uuid[]) order by id for share`;

export const setState = (sql: SqlTag, tenant: Uuid, id: Uuid, state: string, frozenBy: string | null): Promise<unknown[]> => sql`
  update wallet.account set state = ${state}, frozen_by = ${frozenBy} where tenant = ${tenant} and id = ${id}`;

export const setClosed = (sql: SqlTag, tenant: Uuid, id: Uuid, byOffice: boolean, now: Date): Promise<unknown[]> => sql`
  update wallet.account set state = 'closed', closed_at = ${now}, closed_by_office = ${byOffice} where tenant = ${tenant} and id = ${id}`;

/** Gives an account a name; no row means that it is somebody's. An account has one name: the one before is given up. */
export const claimHandle = (sql: SqlTag, tenant: Uuid, handle: string, account: Uuid, now: Date): Promise<unknown[]> => sql`
  insert into wallet.handle (tenant, handle, account, claimed_at) values (${tenant}, ${handle}, ${account}, ${now})
  on conflict (tenant, handle) do nothing returning 1`;
export const dropHandle = (sql: SqlTag, tenant: Uuid, account: Uuid): Promise<unknown[]> => sql`
  delete from wallet.handle where tenant = ${tenant} and account = ${account}`;

/** Makes a holder known by the identifier that they signed in with; one who is known better stays so. */
export const putHolder = (sql: SqlTag, tenant: Uuid, person: Uuid, tier: number, now: Date): Promise<unknown[]> => sql`
  insert into wallet.holder (tenant, person, tier, since) values (${tenant}, ${person}, ${tier}, ${now}) on conflict (tenant, person) do nothing`;

export const tiersOf = (sql: SqlTag, tenant: Uuid, persons: readonly string[]): Promise<{ person: Uuid; tier: 0 | 1 | 2 }[]> =>
  sql<{ person: Uuid; tier: 0 | 1 | 2 }>`
  select person, tier from wallet.holder where tenant = ${tenant} and person = any(${persons}::uuid[])`;

export interface UsageKey { readonly person: string; readonly currency: string }
/** What a holder is about to send: how many payments, and their sum. */
export interface UsageDraft extends UsageKey { sum: bigint; payments: number }

/** What a holder has used, and how well they are known: 0 where nothing is known of them. `name` is person and currency with a space between. */
export interface CountedUsage extends Usage { readonly name: string; readonly tier: 0 | 1 | 2 }

/**
 * Counts what these holders are about to send, each named once and in the order given, and so locks what they have used; resolves to what stands then. An
 * earlier day or month is over, as in `usageOn`. They leave the database as one text: a row and its fields cost both sides more than what they hold.
 */
export const countUsage = async (sql: SqlTag, tenant: Uuid, drafts: readonly UsageDraft[], today: CivilDate, month: CivilDate): Promise<CountedUsage[]> =>
  ((await sql<{ all: string | null }>`
  with counted as (
    insert into wallet.usage as u (tenant, person, currency, day, day_spent, day_count, month, month_spent)
    select ${tenant}, p, c, ${today}, s, n, ${month}, s
    from unnest(${drafts.map((d) => d.person)}::uuid[], ${drafts.map((d) => d.currency)}::text[], ${drafts.map((d) => d.sum)}::bigint[],
      ${drafts.map((d) => d.payments)}::int[]) r (p, c, s, n)
    on conflict (tenant, person, currency) do update set
      day = greatest(u.day, excluded.day), day_spent = case when u.day >= excluded.day then u.day_spent else 0 end + excluded.day_spent,
      day_count = case when u.day >= excluded.day then u.day_count else 0 end + excluded.day_count,
      month = greatest(u.month, excluded.month), month_spent = case when u.month >= excluded.month then u.month_spent else 0 end + excluded.month_spent
    returning person, currency, day, day_spent, day_count, month, month_spent)
  select string_agg(concat_ws(' ', encode(uuid_send(c.person), 'hex'), c.currency, c.day, c.day_spent, c.day_count, c.month, c.month_spent, h.tier), ',') as all
  from counted c
  left join lateral (select tier from wallet.holder y where y.tenant = ${tenant} and y.person = c.person offset 0) h on true`)[0]?.all?.split(',') ?? [])
  .map((text): CountedUsage => {
    const [person = '', currency = '', day, daySpent = '', dayCount, month, monthSpent = '', tier] = text.split(' ');
    return {
      name: text.slice(0, person.length + 1 + currency.length), day: day as CivilDate, daySpent: BigInt(daySpent), dayCount: Number(dayCount),
      month: month as CivilDate, monthSpent: BigInt(monthSpent), tier: Number(tier ?? 0) as CountedUsage['tier'],
    };
  });

interface UsageRow { currency: string; day: CivilDate; day_spent: bigint; day_count: number; month: CivilDate; month_spent: bigint }
export const readUsage = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<UsageRow[]> => sql<UsageRow>`
  select currency, day, day_spent, day_count, month, month_spent from wallet.usage
  where tenant = ${tenant} and person = ${person}`;

/** Writes what holders have used after all, where that is not what was counted; their rows are locked. */
export const writeUsage = (sql: SqlTag, tenant: Uuid, rows: readonly (UsageKey & Usage)[]): Promise<unknown[]> => sql`
  update wallet.usage u set day_spent = r.s, day_count = r.n, month_spent = r.m
  from unnest(${rows.map((r) => r.person)}::uuid[], ${rows.map((r) => r.currency)}::text[], ${rows.map((r) => r.daySpent)}::bigint[],
    ${rows.map((r) => r.dayCount)}::int[], ${rows.map((r) => r.monthSpent)}::bigint[]) r (p, c, s, n, m)
  where u.tenant = ${tenant} and u.person = r.p and u.currency = r.c`;
