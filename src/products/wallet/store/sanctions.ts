import type { SqlTag, Uuid } from '#kernel';

export interface EntryRow { id: string; name: string; birth_date: string | null; names: readonly { name: string; keys: readonly string[] }[] }

/** Writes entries as one import has them: what an entry was called before and is called no longer goes. */
export async function putEntries(sql: SqlTag, tenant: Uuid, list: Uuid, entries: readonly EntryRow[]): Promise<void> {
  const ids = entries.map((e) => e.id);
  await sql`
    insert into wallet.sanctioned (tenant, id, name, birth_date, list)
    select ${tenant}, i, n, b, ${list}
    from unnest(${ids}::text[], ${entries.map((e) => e.name)}::text[], ${entries.map((e) => e.birth_date)}::text[]) u (i, n, b)
    order by i on conflict (tenant, id) do update set name = excluded.name, birth_date = excluded.birth_date, list = excluded.list`;
  await sql`delete from wallet.sanctioned_name where tenant = ${tenant} and entry = any(${ids}::text[])`;
  const names = entries.flatMap((e) => e.names.map((n) => ({ entry: e.id, name: n.name, keys: n.keys.join(' ') })));
  await sql`
    insert into wallet.sanctioned_name (tenant, entry, name, keys)
    select ${tenant}, e, n, string_to_array(k, ' ') from unnest(${names.map((n) => n.entry)}::text[], ${names.map((n) => n.name)}::text[],
      ${names.map((n) => n.keys)}::text[]) u (e, n, k) on conflict do nothing`;
}

/** Removes what the newest import did not bring; resolves to how many entries went. */
export async function dropOthers(sql: SqlTag, tenant: Uuid, list: Uuid): Promise<number> {
  const gone = await sql<{ id: string }>`delete from wallet.sanctioned where tenant = ${tenant} and list <> ${list} returning id`;
  await sql`delete from wallet.sanctioned_name where tenant = ${tenant} and entry = any(${gone.map((g) => g.id)}::text[])`;
  return gone.length;
}

export const anySanctioned = async (sql: SqlTag, tenant: Uuid): Promise<boolean> =>
  (await sql<{ n: number }>`select 1 as n from wallet.sanctioned where tenant = ${tenant} limit 1`).length > 0;

export interface Candidate { entry: string; name: string; birth_date: string | null }

/** Names that share a sound with any of these keys. */
export const candidates = (sql: SqlTag, tenant: Uuid, keys: readonly string[], limit: number): Promise<Candidate[]> => sql<Candidate>`
  select n.entry, n.name, e.birth_date from wallet.sanctioned_name n join wallet.sanctioned e on e.tenant = n.tenant and e.id = n.entry
  where n.tenant = ${tenant} and n.keys && ${keys}::text[] order by cardinality(array(select unnest(n.keys) intersect select unnest(${keys}::text[]))) desc,
    n.entry, n.name limit ${limit}`;

export type HitState = 'open' | 'cleared' | 'confirmed';
export interface HitRow { id: Uuid; person: Uuid; entry: string; name: string; birth_date: string | null; score: number; state: HitState; found_at: Date }

/** Hits that are new; one that was found before, and maybe cleared, stays as it is. */
export const insertHits = (sql: SqlTag, tenant: Uuid, person: Uuid, hits: readonly { id: Uuid; entry: string; score: number }[], now: Date):
  Promise<{ id: Uuid; score: number }[]> => sql<{ id: Uuid; score: number }>`
  insert into wallet.hit (tenant, id, person, entry, score, state, found_at)
  select ${tenant}, i, ${person}, e, s, 'open', ${now} from unnest(${hits.map((h) => h.id)}::uuid[], ${hits.map((h) => h.entry)}::text[],
    ${hits.map((h) => h.score)}::int[]) u (i, e, s) on conflict (tenant, person, entry) do nothing returning id, score`;

export const hitsOf = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<HitRow[]> => sql<HitRow>`
  select h.id, h.person, h.entry, coalesce(s.name, h.entry) as name, s.birth_date, h.score,
    h.state, h.found_at
  from wallet.hit h left join wallet.sanctioned s on s.tenant = h.tenant and s.id = h.entry
  where h.tenant = ${tenant} and h.person = ${person} order by h.score desc, h.id`;

export const hitsIn = (sql: SqlTag, tenant: Uuid, state: HitState, limit: number): Promise<HitRow[]> => sql<HitRow>`
  select h.id, h.person, h.entry, coalesce(s.name, h.entry) as name, s.birth_date, h.score,
    h.state, h.found_at
  from wallet.hit h left join wallet.sanctioned s on s.tenant = h.tenant and s.id = h.entry
  where h.tenant = ${tenant} and h.state = ${state} order by h.found_at, h.id limit ${limit}`;

/** Decides an open hit; resolves to its person, or undefined where none is open. */
export const decideHit = async (sql: SqlTag, tenant: Uuid, id: Uuid, d: { state: HitState; operator: Uuid; now: Date }): Promise<Uuid | undefined> =>
  (await sql<{ person: Uuid }>`
  update wallet.hit set state = ${d.state}, operator = ${d.operator}, decided_at = ${d.now} where tenant = ${tenant} and id = ${id} and state = 'open'
  returning person`)[0]?.person;

export const readHit = async (sql: SqlTag, tenant: Uuid, id: Uuid): Promise<HitRow | undefined> => (await sql<HitRow>`
  select h.id, h.person, h.entry, coalesce(s.name, h.entry) as name, s.birth_date, h.score,
    h.state, h.found_at
  from wallet.hit h left join wallet.sanctioned s on s.tenant = h.tenant and s.id = h.entry where h.tenant = ${tenant} and h.id = ${id}`)[0];
