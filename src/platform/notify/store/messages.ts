import type { Channel, Lane, SqlTag, Uuid } from '#kernel';
import type { CampaignState, MessageState, Reason } from '../contract.ts';

export interface NoticeRow { id: Uuid; person: Uuid; kind: string; data: string; link: string | null; campaign: Uuid | null; trace: string;
  seen_at: Date | null; created_at: Date;
  expires_at: Date }
export interface MessageRow { id: Uuid; notice: Uuid; person: Uuid; kind: string; channel: Channel; lane: Lane; state: MessageState; reason: Reason | null;
  not_before: Date | null;
  attempts: number; provider: string | null; provider_ref: string | null; created_at: Date; sent_at: Date | null; done_at: Date | null;
  /** When its first attempt began. */ first_at: Date | null }

export interface NewNotice { readonly id: Uuid; readonly person: Uuid; readonly kind: string; readonly dedupe: string; readonly data: string;
  readonly link: string | null; readonly campaign: Uuid | null; readonly trace: string; readonly expiresAt: Date;
  /** Whether the inbox shows it: 'always', or unless ('on') or if ('off') the person chose otherwise. */ readonly inbox: 'always' | 'on' | 'off' | 'never' }
export type NewMessage = Pick<MessageRow, 'id' | 'notice' | 'person' | 'kind' | 'channel' | 'lane' | 'state' | 'reason' | 'not_before'>;

/**
 * Writes notices that are not there yet, with their messages, in one statement; resolves to the ids of those that were new. Which they are is looked up
 * by hash (inside `case` it cannot become a join): of thousands at once a planner that expects ten would compare each with each.
 */
export async function insertNotices(sql: SqlTag, tenant: Uuid, now: Date, n: readonly NewNotice[], m: readonly NewMessage[]): Promise<Uuid[]> {
  const campaignOf = new Map(n.map((x) => [x.id, x.campaign]));
  return (await sql<{ id: Uuid }>`
    with fresh as (
      insert into notify.notice (tenant, id, person, kind, dedupe, data, link, campaign, trace, shown, created_at, expires_at)
      select ${tenant}, i, p, k, d, t, l, c, r, case b when 'always' then true when 'never' then false else coalesce((select wanted from notify.preference f
        where f.tenant = ${tenant} and f.person = p and f.kind = k and f.channel = 'inbox'), b = 'on') end, ${now}, x
      from unnest(${n.map((x) => x.id)}::uuid[], ${n.map((x) => x.person)}::uuid[], ${n.map((x) => x.kind)}::text[], ${n.map((x) => x.dedupe)}::text[],
        ${n.map((x) => x.data)}::text[], ${n.map((x) => x.link)}::text[], ${n.map((x) => x.campaign)}::uuid[], ${n.map((x) => x.trace)}::text[],
        ${n.map((x) => x.inbox)}::text[], ${n.map((x) => x.expiresAt)}::timestamptz[]) u (i, p, k, d, t, l, c, r, b, x)
      order by p, k, d
      on conflict (tenant, person, kind, dedupe) do nothing returning id, shown
    ), messages as (
      insert into notify.message (tenant, id, notice, campaign, person, kind, channel, lane, state, reason, not_before, attempts, created_at, done_at)
      select ${tenant}, i, n, g, p, k, c, l, case when c <> 'inbox' then s when shown then 'delivered' else 'suppressed' end,
        case when c <> 'inbox' then r when not shown then 'not-wanted' end, b, 0, ${now},
          case when c = 'inbox' or s = 'suppressed' then ${now}::timestamptz end
      from (
        select u.*, case when n in (select id from fresh) then true else false end as new,
          case when n in (select id from fresh where fresh.shown) then true else false end as shown
        from unnest(${m.map((x) => x.id)}::uuid[], ${m.map((x) => x.notice)}::uuid[], ${m.map((x) => campaignOf.get(x.notice) ?? null)}::uuid[],
          ${m.map((x) => x.person)}::uuid[], ${m.map((x) => x.kind)}::text[], ${m.map((x) => x.channel)}::text[], ${m.map((x) => x.lane)}::text[],
          ${m.map((x) => x.state)}::text[], ${m.map((x) => x.reason)}::text[], ${m.map((x) => x.not_before)}::timestamptz[]) u (i, n, g, p, k, c, l, s, r, b)
      ) u where new
    )
    select id from fresh`).map((row) => row.id);
}

/** A message with its notice, locked for the attempt. */
export const lockMessage = async (sql: SqlTag, tenant: Uuid, id: string): Promise<(MessageRow & { notice_row: NoticeRow }) | undefined> => {
  const [row] = await sql<MessageRow & { data: string; link: string | null; campaign: Uuid | null; trace: string; noticed_at: Date; expires_at: Date }>`
    select m.id, m.notice, m.person, m.kind, m.channel,
      m.lane, m.state, m.reason,
      m.not_before, m.attempts, m.provider, m.provider_ref, m.created_at, m.sent_at, m.done_at,
      (select a.at from notify.attempt a where a.tenant = m.tenant and a.message = m.id and a.no = 1) as first_at, n.data, n.link,
        n.campaign, n.trace,
      n.created_at as noticed_at, n.expires_at
    from notify.message m join notify.notice n on n.tenant = m.tenant and n.id = m.notice where m.tenant = ${tenant} and m.id = ${id} for update of m`;
  return row && { ...row, notice_row: { id: row.notice, person: row.person, kind: row.kind, data: row.data, link: row.link, campaign: row.campaign,
    trace: row.trace, seen_at: null,
    created_at: row.noticed_at, expires_at: row.expires_at } };
};

/** What else decides about a message: its person's choice, hours and addresses, and the texts that are not the house's. */
export interface Surroundings { wanted: boolean | null; quiet_from: number | null; quiet_to: number | null; zone: string | null; own_texts: string | null;
  campaign_texts: string | null; campaign_state: CampaignState | null; addresses: string }
export type OpenedMessage = MessageRow & Surroundings & { readonly notice_row: NoticeRow };

/**
 * Messages with their notices and all that decides about them, locked for the attempt: one statement, since a campaign asks it a hundred thousand
 * times. What belongs to a message is found by its key, whatever the planner knows.
 */
export async function openMessages(sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<OpenedMessage[]> {
  const rows = await sql<MessageRow & Surroundings & Pick<NoticeRow, 'data' | 'link' | 'campaign' | 'trace' | 'expires_at'> & { noticed_at: Date }>`
    select m.id, m.notice, m.person, m.kind, m.channel,
      m.lane, m.state, m.reason, m.not_before, m.attempts, m.provider, m.provider_ref, m.created_at, m.sent_at, m.done_at,
      (select a.at from notify.attempt a where a.tenant = m.tenant and a.message = m.id and a.no = 1) as first_at,
      n.data, n.link, n.campaign, n.trace, n.created_at as noticed_at, n.expires_at,
      (select p.wanted from notify.preference p where p.tenant = m.tenant and p.person = m.person and p.kind = m.kind and p.channel = m.channel) as wanted,
      q.from_minute as quiet_from, q.to_minute as quiet_to, q.zone,
      (select t.texts from notify.template t where t.tenant = m.tenant and t.kind = m.kind order by t.version desc limit 1) as own_texts,
      c.texts as campaign_texts, c.state as campaign_state,
      (select coalesce(json_agg(json_build_object('id', replace(a.id::text, '-', ''), 'value', a.value, 'state', a.state) order by a.created_at, a.id),
        '[]')::text
        from notify.address a where a.tenant = m.tenant and a.person = m.person and a.channel = m.channel and a.state <> 'gone') as addresses
    from notify.message m
      join lateral (select * from notify.notice n where n.tenant = m.tenant and n.id = m.notice limit 1) n on true
      left join lateral (select * from notify.quiet q where q.tenant = m.tenant and q.person = m.person limit 1) q on true
      left join lateral (select * from notify.campaign c where c.tenant = m.tenant and c.id = n.campaign limit 1) c on true
    where m.tenant = ${tenant} and m.id = any(${ids}::uuid[]) order by m.id for update of m`;
  return rows.map((row) => ({ ...row, notice_row: { id: row.notice, person: row.person, kind: row.kind, data: row.data, link: row.link,
    campaign: row.campaign, trace: row.trace, seen_at: null, created_at: row.noticed_at, expires_at: row.expires_at } }));
}

export interface Recorded { readonly id: string; readonly state: MessageState; readonly reason: Reason | null; readonly provider: string;
  readonly ref: string | null; readonly result: string; readonly sentAt: Date | null; readonly doneAt: Date | null }
/** Records what providers said of messages that are being sent, with their newest attempts: each found by its key, whatever the planner knows. */
export const recordSent = (sql: SqlTag, tenant: Uuid, r: readonly Recorded[]): Promise<unknown[]> => {
  const ids = r.map((x) => x.id);
  return sql`
  with u as (select * from unnest(${ids}::uuid[], ${r.map((x) => x.state)}::text[], ${r.map((x) => x.reason)}::text[],
    ${r.map((x) => x.provider)}::text[], ${r.map((x) => x.ref)}::text[], ${r.map((x) => x.result)}::text[], ${r.map((x) => x.sentAt)}::timestamptz[],
    ${r.map((x) => x.doneAt)}::timestamptz[]) u (id, state, reason, provider, ref, result, sent, done)),
  m as (update notify.message m set state = u.state, reason = u.reason, provider = u.provider, provider_ref = u.ref, sent_at = u.sent, done_at = u.done
    from u where m.tenant = ${tenant} and m.id = any(${ids}::uuid[]) and m.id = u.id and m.state = 'sending' returning m.id, m.attempts, u.provider, u.result)
  update notify.attempt a set provider = m.provider, result = m.result from m
  where a.tenant = ${tenant} and a.message = any(${ids}::uuid[]) and a.message = m.id and a.no = m.attempts`;
};

/** Moves a message to another state; `done` when nothing more will happen to it by itself. */
export const setMessage = (sql: SqlTag, tenant: Uuid, id: string, m: { state: MessageState; reason: Reason | null; notBefore?: Date | null;
  provider?: string | null;
  ref?: string | null; sentAt?: Date | null; doneAt?: Date | null }): Promise<unknown[]> => sql`
  update notify.message set state = ${m.state}, reason = ${m.reason}, not_before = ${m.notBefore ?? null}, provider = coalesce(${m.provider ?? null}, provider),
    provider_ref = coalesce(${m.ref ?? null}, provider_ref), sent_at = coalesce(${m.sentAt ?? null}, sent_at), done_at = ${m.doneAt ?? null}
  where tenant = ${tenant} and id = ${id}`;

export const startAttempts = (sql: SqlTag, tenant: Uuid, messages: readonly string[], now: Date): Promise<unknown[]> => sql`
  with m as (update notify.message set state = 'sending', reason = null, not_before = null, attempts = attempts + 1
    where tenant = ${tenant} and id = any(${messages}::uuid[]) returning id, attempts)
  insert into notify.attempt (tenant, message, no, at) select ${tenant}, id, attempts, ${now} from m`;

type ByRef = Pick<MessageRow, 'id' | 'notice' | 'person' | 'channel' | 'state'> & { ref: string };
/** The messages that a provider knows by these ids, locked. */
export const lockByRefs = (sql: SqlTag, tenant: Uuid, provider: string, refs: readonly string[]): Promise<ByRef[]> =>
  sql<ByRef>`
    select id, notice, person, channel, state, provider_ref as ref from notify.message
    where tenant = ${tenant} and provider = ${provider} and provider_ref = any(${refs}::text[]) order by id for update`;
export type Said = Pick<MessageRow, 'id' | 'state' | 'reason'>;
/** Moves messages to where their receipts say. */
export const settle = (sql: SqlTag, tenant: Uuid, now: Date, s: readonly Said[]): Promise<unknown[]> => sql`
  update notify.message set state = u.state, reason = u.reason, done_at = ${now}
  from unnest(${s.map((x) => x.id)}::uuid[], ${s.map((x) => x.state)}::text[], ${s.map((x) => x.reason)}::text[]) u (id, state, reason)
  where tenant = ${tenant} and notify.message.id = any(${s.map((x) => x.id)}::uuid[]) and notify.message.id = u.id`;

export interface InboxRow { id: Uuid; kind: string; data: string; link: string | null; campaign: Uuid | null; seen_at: Date | null; created_at: Date }
export const inboxBefore = (sql: SqlTag, tenant: Uuid, person: Uuid, before: string, limit: number): Promise<InboxRow[]> => sql<InboxRow>`
  select id, kind, data, link, campaign, seen_at, created_at from notify.notice
  where tenant = ${tenant} and person = ${person} and shown and id < ${before} order by id desc limit ${limit}`;
export const countUnseen = async (sql: SqlTag, tenant: Uuid, person: Uuid): Promise<number> => (await sql<{ n: number }>`
  select count(*)::int as n from notify.notice where tenant = ${tenant} and person = ${person} and shown and seen_at is null`)[0]?.n ?? 0;
/** Marks notices (all, where none is named) as seen; resolves to their ids. */
export const markSeen = async (sql: SqlTag, tenant: Uuid, person: Uuid, ids: readonly string[] | null, now: Date): Promise<Uuid[]> => (await sql<{ id: Uuid }>`
  update notify.notice set seen_at = ${now}
  where tenant = ${tenant} and person = ${person} and shown and seen_at is null
    and (${ids}::uuid[] is null or id = any(${ids}::uuid[])) returning id`)
  .map((r) => r.id);
/** Resolves to the notices whose messages are opened by it. */
export const openInboxMessages = async (sql: SqlTag, tenant: Uuid, notices: readonly Uuid[], now: Date): Promise<Uuid[]> => (await sql<{ notice: Uuid }>`
  update notify.message set state = 'opened', done_at = ${now}
  where tenant = ${tenant} and channel = 'inbox' and state = 'delivered' and notice = any(${notices}::uuid[]) returning notice`).map((r) => r.notice);

/** Opens a push message that was sent; resolves to whose it is, or undefined where it is not one to open, or no more. */
export const openPush = async (sql: SqlTag, tenant: Uuid, id: string, now: Date): Promise<Pick<MessageRow, 'notice' | 'person'> | undefined> =>
  (await sql<Pick<MessageRow, 'notice' | 'person'>>`
    update notify.message set state = 'opened', done_at = ${now}
    where tenant = ${tenant} and id = ${id} and channel = 'push' and state in ('sent', 'delivered') returning notice, person`)[0];
export const isOpenPush = async (sql: SqlTag, tenant: Uuid, id: string): Promise<boolean> => (await sql`
  select 1 from notify.message where tenant = ${tenant} and id = ${id} and channel = 'push' and state = 'opened'`).length > 0;

/** Messages of a state, of a person, or all, from the newest down: each reads by an index of its own. */
export function messagesBefore(sql: SqlTag, tenant: Uuid, f: { state: string | null; person: string | null; trace: string | null; before: string },
  limit: number): Promise<MessageRow[]> {
  const { state, person, trace, before } = f;
  if (trace !== null) {
    return sql<MessageRow>`
      select m.id, m.notice, m.person, m.kind, m.channel,
        m.lane, m.state, m.reason, m.not_before, m.attempts, m.provider, m.provider_ref, m.created_at, m.sent_at, m.done_at, null::timestamptz as first_at
      from notify.notice n join notify.message m on m.tenant = n.tenant and m.notice = n.id
      where n.tenant = ${tenant} and n.trace = ${trace} and m.id < ${before} order by m.id desc limit ${limit}`;
  }
  if (person !== null) {
    return sql<MessageRow>`
      select id, notice, person, kind, channel, lane, state,
        reason, not_before, attempts, provider, provider_ref, created_at, sent_at, done_at, null::timestamptz as first_at from notify.message
      where tenant = ${tenant} and person = ${person} and id < ${before} and (${state}::text is null or state = ${state}) order by id desc limit ${limit}`;
  }
  if (state !== null) {
    return sql<MessageRow>`
      select id, notice, person, kind, channel, lane, state,
        reason, not_before, attempts, provider, provider_ref, created_at, sent_at, done_at, null::timestamptz as first_at from notify.message
      where tenant = ${tenant} and state = ${state} and id < ${before} order by id desc limit ${limit}`;
  }
  return sql<MessageRow>`
    select id, notice, person, kind, channel, lane, state,
      reason, not_before, attempts, provider, provider_ref, created_at, sent_at, done_at, null::timestamptz as first_at from notify.message
    where tenant = ${tenant} and id < ${before} order by id desc limit ${limit}`;
}

/** How many messages are in each state, counted up to a limit: the rest is "more". */
export const stateCounts = (sql: SqlTag, tenant: Uuid, states: readonly MessageState[], max: number): Promise<{ state: MessageState; count: number }[]> =>
  sql<{ state: MessageState; count: number }>`
    select s as state, (select count(*)::int from (select 1 from notify.message m where m.tenant = ${tenant} and m.state = s limit ${max}) x) as count
    from unnest(${states}::text[]) s`;
export const attemptsOf = (sql: SqlTag, tenant: Uuid, message: string): Promise<{ no: number; at: Date; provider: string | null; result: string | null }[]> =>
  sql<{ no: number; at: Date; provider: string | null; result: string | null }>`
    select no, at, provider, result from notify.attempt where tenant = ${tenant} and message = ${message} order by no`;
