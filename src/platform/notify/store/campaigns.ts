import type { Channel, SqlTag, Uuid } from '#kernel';
import type { CampaignState, MessageState, Reason } from '../contract.ts';

export interface CampaignRow { id: Uuid; texts: string; per_minute: number; people: number; next_at: Date; created_at: Date; state: CampaignState;
  /** Whom it finds by itself, as JSON. */ audience: string | null; gathered: boolean; gathered_to: Uuid | null; wanted: number; turn: number;
  expires_at: Date | null }

export const insertCampaign = (sql: SqlTag, tenant: Uuid, now: Date, c: Omit<CampaignRow, 'people' | 'next_at' | 'created_at' | 'gathered_to' | 'turn'>):
  Promise<unknown[]> => sql`
  insert into notify.campaign (tenant, id, texts, per_minute, people, next_at, created_at, state, audience, gathered, wanted, expires_at)
  values (${tenant}, ${c.id}, ${c.texts}, ${c.per_minute}, 0, ${now}, ${now}, ${c.state}, ${c.audience}, ${c.gathered}, ${c.wanted}, ${c.expires_at})`;

export const lockCampaign = async (sql: SqlTag, tenant: Uuid, id: string): Promise<CampaignRow | undefined> => (await sql<CampaignRow>`
  select id, texts, per_minute, people, next_at, created_at, state, audience, gathered,
    gathered_to, wanted, turn, expires_at from notify.campaign where tenant = ${tenant} and id = ${id} for update`)[0];
export const campaignsBefore = (sql: SqlTag, tenant: Uuid, before: string, limit: number): Promise<CampaignRow[]> => sql<CampaignRow>`
  select id, texts, per_minute, people, next_at, created_at, state, audience, gathered,
    gathered_to, wanted, turn, expires_at from notify.campaign
  where tenant = ${tenant} and id < ${before} order by id desc limit ${limit}`;
export const campaignOf = async (sql: SqlTag, tenant: Uuid, id: string): Promise<CampaignRow | undefined> => (await sql<CampaignRow>`
  select id, texts, per_minute, people, next_at, created_at, state, audience, gathered,
    gathered_to, wanted, turn, expires_at from notify.campaign where tenant = ${tenant} and id = ${id}`)[0];

export const growCampaign = (sql: SqlTag, tenant: Uuid, id: string, c: Pick<CampaignRow, 'people' | 'next_at' | 'gathered' | 'gathered_to' | 'wanted'>):
  Promise<unknown[]> => sql`
  update notify.campaign set people = ${c.people}, next_at = ${c.next_at}, gathered = ${c.gathered}, gathered_to = ${c.gathered_to}, wanted = ${c.wanted}
  where tenant = ${tenant} and id = ${id}`;
/** Writes a draft anew; that is a turn of its own as well. */
export const rewriteCampaign = (sql: SqlTag, tenant: Uuid, c: Pick<CampaignRow,
  'id' | 'texts' | 'per_minute' | 'audience' | 'gathered' | 'wanted' | 'expires_at'>):
  Promise<unknown[]> => sql`
  update notify.campaign set texts = ${c.texts}, per_minute = ${c.per_minute}, audience = ${c.audience}, gathered = ${c.gathered}, wanted = ${c.wanted},
    expires_at = ${c.expires_at}, turn = turn + 1
  where tenant = ${tenant} and id = ${c.id}`;
export const deleteCampaign = (sql: SqlTag, tenant: Uuid, id: string): Promise<unknown[]> => sql`
  delete from notify.campaign where tenant = ${tenant} and id = ${id}`;
/** Moves a campaign to another state; each move is a turn of its own, by which work for an earlier one is known. */
export const turnCampaign = (sql: SqlTag, tenant: Uuid, id: string, state: CampaignState): Promise<unknown[]> => sql`
  update notify.campaign set state = ${state}, turn = turn + 1 where tenant = ${tenant} and id = ${id}`;
/** How a campaign stands, and stays until this transaction is over: whoever holds a message back must be seen by whoever lets it go. */
export const shareState = async (sql: SqlTag, tenant: Uuid, id: string): Promise<CampaignState | undefined> => (await sql<{ state: CampaignState }>`
  select state from notify.campaign where tenant = ${tenant} and id = ${id} for share`)[0]?.state;
export const campaignTexts = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<{ id: Uuid; texts: string }[]> => sql<{ id: Uuid; texts: string }>`
  select id, texts from notify.campaign where tenant = ${tenant} and id = any(${ids}::uuid[])`;

/** Persons who were told of one of these kinds, from one on by their ids. */
export const toldAfter = async (sql: SqlTag, tenant: Uuid, kinds: readonly string[], after: string,
  limit: number): Promise<Uuid[]> => (await sql<{ person: Uuid }>`
  select person from (select distinct person from notify.notice
    where tenant = ${tenant} and person > ${after} and kind = any(${kinds}::text[]) order by person limit ${limit}) p`).map((r) => r.person);
export const countTold = async (sql: SqlTag, tenant: Uuid, kinds: readonly string[], max: number): Promise<number> => (await sql<{ n: number }>`
  select count(*)::int as n from (select distinct person from notify.notice where tenant = ${tenant} and kind = any(${kinds}::text[])
    limit ${max}) p`)[0]?.n ?? 0;

export interface CountRow { campaign: Uuid; state: MessageState; reason: Reason | null; count: number }
/** What became of the messages of campaigns that leave the house. */
export const countMessages = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<CountRow[]> => sql<CountRow>`
  select campaign, state, reason, count(*)::int as count from notify.message
  where tenant = ${tenant} and campaign = any(${ids}::uuid[]) and channel <> 'inbox' group by campaign, state, reason order by campaign, state, reason`;

/** Messages that were held back, locked; those that somebody works on are passed over. */
export const heldOf = (sql: SqlTag, tenant: Uuid, campaign: string, limit: number): Promise<{ id: Uuid; notice: Uuid; channel: Channel }[]> =>
  sql<{ id: Uuid; notice: Uuid; channel: Channel }>`
    select id, notice, channel from notify.message
    where tenant = ${tenant} and campaign = ${campaign} and channel <> 'inbox' and state = 'waiting' and reason = 'paused'
    order by notice, id limit ${limit} for update skip locked`;
/** Lets messages go at their new places; what they tell lives as long after them as it would have. */
export const letGo = (sql: SqlTag, tenant: Uuid, m: readonly { id: Uuid; notice: Uuid; at: Date; until: Date }[]): Promise<unknown[]> => sql`
  with u as (select * from unnest(${m.map((x) => x.id)}::uuid[], ${m.map((x) => x.notice)}::uuid[], ${m.map((x) => x.at)}::timestamptz[],
    ${m.map((x) => x.until)}::timestamptz[]) u (id, notice, at, until)),
  n as (update notify.notice set expires_at = until from (select distinct on (notice) notice, until from u order by notice, until desc) x
    where tenant = ${tenant} and notify.notice.id = any(${m.map((x) => x.notice)}::uuid[]) and notify.notice.id = x.notice)
  update notify.message set reason = null, not_before = at from u
  where tenant = ${tenant} and notify.message.id = any(${m.map((x) => x.id)}::uuid[]) and notify.message.id = u.id`;
/** Ends messages of a campaign that was stopped; resolves to how many. */
export const sweep = async (sql: SqlTag, tenant: Uuid, campaign: string, now: Date, limit: number): Promise<number> => (await sql`
  with m as (select id from notify.message where tenant = ${tenant} and campaign = ${campaign} and channel <> 'inbox' and state = 'waiting'
    limit ${limit} for update skip locked)
  update notify.message set state = 'suppressed', reason = 'stopped', done_at = ${now} from m where tenant = ${tenant} and notify.message.id = m.id
  returning 1`).length;
