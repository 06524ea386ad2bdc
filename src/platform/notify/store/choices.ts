import type { Channel, SqlTag, Uuid } from '#kernel';

export interface PreferenceRow { kind: string; channel: Channel; wanted: boolean }
export const preferencesOf = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<PreferenceRow[]> => sql<PreferenceRow>`
  select kind, channel, wanted from notify.preference where tenant = ${tenant} and person = ${person} order by kind, channel`;
/** What these persons asked for beyond what the kinds choose. */
export const askedFor = (sql: SqlTag, tenant: Uuid, persons: readonly Uuid[],
  kinds: readonly string[]): Promise<{ person: Uuid; kind: string; channel: string }[]> =>
  sql<{ person: Uuid; kind: string; channel: string }>`
    select person, kind, channel from notify.preference
    where tenant = ${tenant} and person = any(${persons}::uuid[]) and kind = any(${kinds}::text[]) and wanted`;
export const putPreferences = (sql: SqlTag, tenant: Uuid, person: Uuid, now: Date, p: readonly PreferenceRow[]): Promise<unknown[]> => sql`
  insert into notify.preference (tenant, person, kind, channel, wanted, changed_at)
  select ${tenant}, ${person}, k, c, w, ${now} from unnest(${p.map((x) => x.kind)}::text[], ${p.map((x) => x.channel)}::text[],
    ${p.map((x) => x.wanted)}::boolean[]) u (k, c, w)
  order by k, c
  on conflict (tenant, person, kind, channel) do update set wanted = excluded.wanted, changed_at = excluded.changed_at`;

export interface QuietRow { from: number; to: number; zone: string }
export const quietOf = async (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<QuietRow | undefined> => (await sql<QuietRow>`
  select from_minute as from, to_minute as to, zone from notify.quiet where tenant = ${tenant} and person = ${person}`)[0];
export const putQuiet = (sql: SqlTag, tenant: Uuid, person: Uuid, q: QuietRow): Promise<unknown[]> => sql`
  insert into notify.quiet (tenant, person, from_minute, to_minute, zone) values (${tenant}, ${person}, ${q.from}, ${q.to}, ${q.zone})
  on conflict (tenant, person) do update set from_minute = excluded.from_minute, to_minute = excluded.to_minute, zone = excluded.zone`;
export const dropQuiet = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<unknown[]> => sql`
  delete from notify.quiet where tenant = ${tenant} and person = ${person}`;

export interface AddressRow { id: Uuid; person: Uuid; channel: 'email' | 'push'; value: string; state: 'unconfirmed' | 'confirmed' | 'gone' }
export const addressesOf = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<AddressRow[]> => sql<AddressRow>`
  select id, person, channel, value, state from notify.address
  where tenant = ${tenant} and person = ${person} and state <> 'gone' order by created_at, id`;
/** Adds an address, or finds the one that is there; a confirmed one stays confirmed, one that was gone begins anew. */
export const putAddress = async (sql: SqlTag, tenant: Uuid, now: Date, a: AddressRow & { index: Buffer }): Promise<AddressRow> => (await sql<AddressRow>`
  insert into notify.address (tenant, id, person, channel, value, value_index, state, created_at, changed_at)
  values (${tenant}, ${a.id}, ${a.person}, ${a.channel}, ${a.value}, ${a.index}, ${a.state}, ${now}, ${now})
  on conflict (tenant, person, channel, value_index) do update
    set state = case when notify.address.state = 'gone' then excluded.state else notify.address.state end, changed_at = excluded.changed_at
  returning id, person, channel, value, state`)[0] as AddressRow;
export const setAddress = async (sql: SqlTag, tenant: Uuid, person: Uuid, id: string, from: readonly string[], state: AddressRow['state'],
  now: Date): Promise<boolean> => (await sql`
  update notify.address set state = ${state},
    changed_at = ${now} where tenant = ${tenant} and person = ${person} and id = ${id} and state = any(${from}::text[]) returning id`).length === 1;
export const dropAddress = async (sql: SqlTag, tenant: Uuid, person: Uuid, id: string): Promise<boolean> => (await sql`
  delete from notify.address where tenant = ${tenant} and person = ${person} and id = ${id} returning id`).length === 1;
export const dropAddresses = (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<unknown[]> => sql`
  delete from notify.address where tenant = ${tenant} and person = ${person}`;
export const mailAddressesOf = (sql: SqlTag, tenant: Uuid, persons: readonly Uuid[]): Promise<AddressRow[]> => sql<AddressRow>`
  select id, person, channel, value, state from notify.address
  where tenant = ${tenant} and person = any(${persons}::uuid[]) and channel = 'email' and state = 'confirmed' order by person`;
/** After a bounce nothing goes to any mail address of this person before they confirm one again. */
export const dropMail = (sql: SqlTag, tenant: Uuid, person: Uuid, now: Date): Promise<unknown[]> => sql`
  update notify.address set state = 'gone', changed_at = ${now} where tenant = ${tenant} and person = ${person} and channel = 'email' and state <> 'gone'`;

export interface TemplateRow { kind: string; version: number; texts: string | null }
/** The newest version of each kind's own texts. */
export const templatesOf = (sql: SqlTag, tenant: Uuid): Promise<TemplateRow[]> => sql<TemplateRow>`
  select distinct on (kind) kind, version, texts from notify.template where tenant = ${tenant} order by kind, version desc`;
export const templateOf = async (sql: SqlTag, tenant: Uuid, kind: string): Promise<TemplateRow | undefined> => (await sql<TemplateRow>`
  select kind, version, texts from notify.template where tenant = ${tenant} and kind = ${kind} order by version desc limit 1`)[0];
export const addTemplate = async (sql: SqlTag, tenant: Uuid, now: Date, t: { kind: string; texts: string | null; author: Uuid }): Promise<number> =>
  (await sql<{ version: number }>`
  insert into notify.template (tenant, kind, version, texts, author, created_at)
  select ${tenant}, ${t.kind}, coalesce(max(version), 0) + 1, ${t.texts}, ${t.author},
    ${now} from notify.template where tenant = ${tenant} and kind = ${t.kind}
  returning version`)[0]?.version ?? 0;

/** Takes the next place in a channel's line; resolves to when that is. Lines of a tenant stand still for nobody: places are only given. */
export const takePlace = async (sql: SqlTag, tenant: Uuid, channel: Channel, now: Date, apartMs: number): Promise<Date> => (await sql<{ at: Date }>`
  insert into notify.pace (tenant, channel, next_at) values (${tenant}, ${channel}, ${now}::timestamptz + ${apartMs}::float8 * interval '1 millisecond')
  on conflict (tenant, channel) do update
    set next_at = greatest(notify.pace.next_at, ${now}::timestamptz) + ${apartMs}::float8 * interval '1 millisecond'
  returning next_at - ${apartMs}::float8 * interval '1 millisecond' as at`)[0]?.at ?? now;
