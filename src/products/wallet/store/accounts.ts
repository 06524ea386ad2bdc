import { inserter, type SqlTag, type Uuid } from '#kernel';
import type { Usage } from '../rules.ts';
import type { CivilDate, Currency } from '#kernel';

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

/** What of an account a payment asks for. */
export type PartyRow = Pick<AccountRow, 'id' | 'person' | 'currency' | 'ledger' | 'state' | 'frozen_by' | 'handle'>;

/**
 * Accounts by id, each looked up by its key, with no more than a payment asks for: the handle of those that are to be named. One that is not there is
 * absent. They leave the database as one text: a row and its fields cost both sides more than what they hold. The ids of person and ledger account come
 * first, in hexadecimal.
 */
export const partiesById = async (sql: SqlTag, tenant: Uuid, ids: readonly string[], named: readonly boolean[]): Promise<PartyRow[]> =>
  ((await sql<{ all: string | null }>`
  select string_agg(concat_ws(' ', encode(uuid_send(a.person) || uuid_send(a.ledger), 'hex'), u.n, a.currency, a.state, coalesce(a.frozen_by, ''),
    h.handle), ',') as all
  from unnest(${ids}::uuid[], ${named.map(Number)}::int[]) with ordinality u (i, named, n)
  cross join lateral (select * from wallet.account x where x.tenant = ${tenant} and x.id = u.i offset 0) a
  left join lateral (select handle from wallet.handle y where u.named = 1 and y.tenant = ${tenant} and y.account = a.id offset 0) h
    on true`)[0]?.all?.split(',') ?? [])
  .map((text): PartyRow => {
    const [both = '', n, currency, state, frozenBy, handle] = text.split(' ');
    return {
      id: ids[Number(n) - 1] as Uuid, person: both.slice(0, 32) as Uuid, ledger: both.slice(32) as Uuid, currency: currency as Currency,
      state: state as PartyRow['state'], frozen_by: (frozenBy || null) as PartyRow['frozen_by'], handle: handle ?? null,
    };
  });

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

/** Makes the rows of holders that have none. */
export const makeUsage = (sql: SqlTag, tenant: Uuid, keys: readonly UsageKey[], today: CivilDate, month: CivilDate): Promise<unknown[]> => sql`
  insert into wallet.usage (tenant, person, currency, day, day_spent, day_count, month, month_spent)
  select ${tenant}, p, c, ${today}, 0, 0, ${month}, 0 from unnest(${keys.map((k) => k.person)}::uuid[], ${keys.map((k) => k.currency)}::text[]) u (p, c)
  on conflict (tenant, person, currency) do nothing`;

/** What a holder has used, and how well they are known: 0 where nothing is known of them. */
export interface LockedUsage extends UsageKey, Usage { readonly tier: 0 | 1 | 2 }

/**
 * Locks what these holders have used, each named once and in the order given; one without a row is absent. A lock that leaves no dead row behind. They
 * leave the database as one text, as `partiesById` do.
 */
export const lockUsage = async (sql: SqlTag, tenant: Uuid, keys: readonly UsageKey[]): Promise<LockedUsage[]> => ((await sql<{ all: string | null }>`
  select string_agg(concat_ws(' ', u.n, l.day, l.day_spent, l.day_count, l.month, l.month_spent, h.tier), ',') as all
  from unnest(${keys.map((k) => k.person)}::uuid[], ${keys.map((k) => k.currency)}::text[]) with ordinality u (p, c, n)
  cross join lateral (select * from wallet.usage x where x.tenant = ${tenant} and x.person = u.p and x.currency = u.c offset 0 for update) l
  left join lateral (select tier from wallet.holder y where y.tenant = ${tenant} and y.person = u.p offset 0) h on true`)[0]?.all?.split(',') ?? [])
  .map((text): LockedUsage => {
    const [n, day, daySpent = '', dayCount, month, monthSpent = '', tier] = text.split(' ');
    return {
      ...(keys[Number(n) - 1] as UsageKey), day: day as CivilDate, daySpent: BigInt(daySpent), dayCount: Number(dayCount), month: month as CivilDate,
      monthSpent: BigInt(monthSpent), tier: Number(tier ?? 0) as LockedUsage['tier'],
    };
  });

interface UsageRow { currency: string; day: CivilDate; day_spent: bigint; day_count: number; month: CivilDate; month_spent: bigint }
export const readUsage = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<UsageRow[]> => sql<UsageRow>`
  select currency, day, day_spent, day_count, month, month_spent from wallet.usage
  where tenant = ${tenant} and person = ${person}`;

const writeUsageRows = inserter('wallet.usage', {
  tenant: 'uuid', person: 'uuid', currency: 'text', day: 'date', day_spent: 'bigint', day_count: 'int', month: 'date', month_spent: 'bigint',
}, `(tenant, person, currency) do update set day = excluded.day, day_spent = excluded.day_spent, day_count = excluded.day_count, month = excluded.month,
  month_spent = excluded.month_spent`);
export const writeUsage = (sql: SqlTag, tenant: Uuid, rows: readonly (UsageKey & Usage)[]): Promise<unknown[]> => writeUsageRows(sql, {
  tenant, person: rows.map((r) => r.person), currency: rows.map((r) => r.currency), day: rows.map((r) => r.day), day_spent: rows.map((r) => r.daySpent),
  day_count: rows.map((r) => r.dayCount), month: rows.map((r) => r.month), month_spent: rows.map((r) => r.monthSpent),
});
