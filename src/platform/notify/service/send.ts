import {
  call, languages, type Language, type NoticeKind, type TenantRef, type Tx, type Uuid,
} from '#kernel';
import { readProfile } from '#spine/identity';
import { takeShared, type LimitPolicy, type Verdict } from '#spine/limits';
import { subjectKeys, type Sealer } from '#spine/vault';
import { Died, HOURLY, JOB_MS_MAX, OPENED_LIFE_MS, PLACE_MS_MIN, SEND_BUDGET_MS, SendMessage, TRIED_MS_MAX, UNSUBSCRIBE_LIFE_MS, VISIBILITY_MS,
  type Carried, type Reason, type TemplateTexts } from '../contract.ts';
import { Providers, type Mail, type PushMessage, type SendResult, type TextMessage } from '../port.ts';
import { decide, type Decision } from '../rules.ts';
import { shareState } from '../store/campaigns.ts';
import { setAddress, takePlace, type AddressRow } from '../store/choices.ts';
import {
  lockMessage, openMessages, recordSent, setMessage, startAttempts, type MessageRow, type NoticeRow, type OpenedMessage, type Recorded,
} from '../store/messages.ts';
import { addressPlace, type PushValue } from './addresses.ts';
import { NoticeKinds } from './kinds.ts';
import { makeToken, unsubscribeParts } from './links.ts';
import { priorityOf } from './notify.ts';
import { Pools } from './pool.ts';
import { askTogether, writeTogether } from './together.ts';
import { mailHtml, renderAll, TemplateFault, type RenderedTexts, type Values } from './render.ts';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

type Outgoing = { readonly channel: 'text'; readonly message: TextMessage } | { readonly channel: 'email'; readonly message: Mail }
  | { readonly channel: 'push'; readonly messages: readonly (PushMessage & { readonly address: Uuid })[] };
type Sent = SendResult & { readonly provider: string; readonly gone?: readonly Uuid[] };
interface Person { readonly language: Language; readonly phone: string; /** Nobody's account: there is no page to choose on. */ readonly contact?: true;
  readonly addresses: readonly (Pick<AddressRow, 'id' | 'value' | 'state'> & { readonly open: string })[] }

const open = askTogether<string, OpenedMessage | undefined>(async (tx, ids) => {
  const rows = new Map<string, OpenedMessage>((await openMessages(tx.sql, tx.tenant.id, ids)).map((m) => [m.id, m]));
  return (id) => rows.get(id);
});
const keyOf = askTogether<Uuid, Sealer | undefined>(async (tx, persons) => {
  const keys = await subjectKeys(tx, persons);
  return (person) => keys.get(person);
});
interface Hour { readonly person: Uuid; readonly channel: Carried }
function policyOf({ use }: Pick<Tx, 'use'>, channel: Carried): LimitPolicy {
  const hourly = use(Providers).perHour?.[channel] ?? HOURLY[channel];
  return { name: `notices-${channel}`, capacity: hourly, perMinute: hourly / 60 };
}
/** Whether a person may be told more on a channel within this hour. Each who asks takes their own part, in the order of their asking. */
const takeHour = askTogether<Hour, Verdict | undefined>(async (tx, hours) => {
  const verdicts = await takeShared(tx, hours.map(({ person, channel }) => ({ policy: policyOf(tx, channel), key: person })));
  const own = new Map(hours.map((hour, i) => [hour, verdicts[i]]));
  return (hour) => own.get(hour);
});
const begun = writeTogether<string>((tx, ids) => startAttempts(tx.sql, tx.tenant.id, ids, tx.now));
const recorded = writeTogether<Recorded>((tx, rows) => recordSent(tx.sql, tx.tenant.id, rows));

const wordsOf = (language: Language): typeof en.mail => (language === 'hi' ? hi : en).mail;
export const linkBase = (tx: Pick<Tx, 'use' | 'tenant'>, tenant: TenantRef): string => tx.use(Providers).linkBase?.(tenant) ?? '';

/** Texts of a message: its campaign's, the tenant's own, or the house's. */
const textsOf = (m: OpenedMessage, kind: NoticeKind): TemplateTexts => {
  const own = m.notice_row.campaign ? m.campaign_texts ?? '{}' : m.own_texts;
  return own === null ? kind.texts : JSON.parse(own) as TemplateTexts;
};

/** What is known of a person for sending: language, phone, and where else they are reached. */
async function personOf(tx: Tx, m: OpenedMessage): Promise<Person | undefined> {
  const sealer = await keyOf(tx, m.person);
  const profile = await readProfile(tx.section, m.person);
  if (!sealer) return undefined;
  const addresses = JSON.parse(m.addresses) as Pick<AddressRow, 'id' | 'value' | 'state'>[];
  const opened = addresses.map((a) => ({ ...a, open: sealer.open(addressPlace(a.id), a.value) }));
  return profile ? { language: profile.language, phone: profile.phone, addresses: opened }
    : { language: tx.tenant.languages[0] as Language, phone: '', addresses: opened, contact: true };
}

const reachable = (m: MessageRow, p: Person): boolean => (m.channel === 'text' ? p.phone !== ''
  : p.addresses.some((a) => a.state === 'confirmed' || (m.kind === 'notify.confirm' && a.state === 'unconfirmed')));

function outgoing(tx: Tx, m: MessageRow, n: NoticeRow, kind: NoticeKind, p: Person, t: RenderedTexts): Outgoing {
  const { tenant } = tx;
  const href = (path: string): string => `${linkBase(tx, tenant)}${path}`;
  if (m.channel === 'text') return { channel: 'text', message: { to: p.phone, text: `${tenant.name}: ${t.text}`,
    ...(linkBase(tx, tenant) ? { receipts: href('/api/notifications/receipts') } : {}) } };
  if (m.channel === 'push') {
    const opened = makeToken(tx, 'opened', [m.id], new Date(tx.now.getTime() + OPENED_LIFE_MS));
    const payload = JSON.stringify({ title: t.title, body: t.text, link: href(n.link ?? '/notifications'), tag: n.id,
      opened: href(`/api/notifications/opened/${opened}`) });
    const lifeSeconds = Math.max(60, Math.floor((n.expires_at.getTime() - tx.now.getTime()) / 1000));
    return { channel: 'push', messages: p.addresses.map((a) => ({ address: a.id, ...JSON.parse(a.open) as PushValue, payload, lifeSeconds,
      urgent: kind.lane === 'critical' })) };
  }
  const w = wordsOf(p.language);
  const to = m.kind === 'notify.confirm' ? p.addresses.find((a) => a.id === (JSON.parse(n.data) as { address?: string }).address)
    : p.addresses.find((a) => a.state === 'confirmed');
  const token = makeToken(tx, 'unsubscribe', unsubscribeParts(m.person, m.kind), new Date(tx.now.getTime() + UNSUBSCRIBE_LIFE_MS));
  const link = n.link ? { href: href(n.link), label: m.kind === 'notify.confirm' ? w.confirm : w.more } : undefined;
  const foot = p.contact ? undefined : { href: href('/notifications/preferences'), label: w.foot };
  return { channel: 'email', message: {
    to: to?.open ?? '', from: tx.use(Providers).from ?? '', subject: t.title,
      html: mailHtml({ language: p.language, office: tenant.name, title: t.title, body: t.body, link, foot, brand: tenant.brand }),
    text: `${t.body}\n${link ? `\n${link.label}: ${link.href}\n` : ''}\n-- \n${tenant.name}\n${foot ? `${foot.label}: ${foot.href}\n` : ''}`,
    headers: kind.lane === 'critical' ? { 'Auto-Submitted': 'auto-generated' } : {
      'Auto-Submitted': 'auto-generated', 'List-Unsubscribe': `<${href(`/api/notifications/unsubscribe/${token}`)}>`,
        'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
    },
  } };
}

const suppress = async (tx: Tx, id: string, reason: Reason): Promise<undefined> =>
  void await setMessage(tx.sql, tx.tenant.id, id, { state: 'suppressed', reason, doneAt: tx.now });

/** What to do with a message that nobody has tried to send. */
async function judge(tx: Tx, m: OpenedMessage, kind: NoticeKind, person: Person | undefined): Promise<Decision> {
  const quiet = m.zone === null ? undefined : { from: m.quiet_from ?? 0, to: m.quiet_to ?? 0, zone: m.zone };
  const standing = {
    kind, channel: m.channel, wanted: m.wanted ?? undefined, quiet, expiresAt: m.notice_row.expires_at, reachable: !!person && reachable(m, person),
    provided: m.channel !== 'inbox' && tx.use(Pools)[m.channel].size > 0, busyMs: 0,
  };
  const decision = decide(tx.now, standing);
  if (decision.do !== 'send') return decision;
  if (kind.lane === 'critical') return paced(tx, m, true);
  // What has waited for its place has it.
  if (m.reason === 'provider-busy') return decision;
  const verdict = await takeHour(tx, { person: m.person, channel: m.channel as Carried });
  return verdict && !verdict.ok ? decide(tx.now, { ...standing, busyMs: verdict.retryAfterMs }) : paced(tx, m, false);
}

/** A place in the line of the channel's providers, where they take only so many a minute. Who may not wait takes a place too, and goes at once. */
async function paced(tx: Tx, m: OpenedMessage, atOnce: boolean): Promise<Decision> {
  const perMinute = m.channel === 'inbox' ? undefined : tx.use(Providers).perMinute?.[m.channel];
  if (perMinute === undefined) return { do: 'send' };
  const at = await takePlace(tx.sql, tx.tenant.id, m.channel, tx.now, 60_000 / perMinute);
  return atOnce || at.getTime() - tx.now.getTime() < PLACE_MS_MIN ? { do: 'send' } : { do: 'wait', until: at, reason: 'provider-busy' };
}

/** Reads what to send, and decides whether, in the transaction before the attempt; undefined when there is nothing to send now. */
async function request(tx: Tx, data: Readonly<Record<string, unknown>>): Promise<Outgoing | undefined> {
  const id = data.message as string;
  const m = await open(tx, id);
  if (!m || (m.state !== 'waiting' && m.state !== 'sending')) return undefined;
  const kind = tx.use(NoticeKinds).get(m.kind);
  if (!kind) return suppress(tx, id, 'template');
  const person = await personOf(tx, m);
  if (m.state === 'sending') return again(tx, m, kind, person);
  if (m.campaign_state === 'paused' || m.campaign_state === 'stopped') {
    const how = await shareState(tx.sql, tx.tenant.id, m.notice_row.campaign as Uuid);
    if (how === 'stopped') return suppress(tx, id, 'stopped');
    // No job waits with it: the campaign makes one when it goes on.
    if (how === 'paused') return void await setMessage(tx.sql, tx.tenant.id, id, { state: 'waiting', reason: 'paused', notBefore: null });
  }
  const decision = await judge(tx, m, kind, person);
  if (decision.do === 'suppress') return suppress(tx, id, decision.reason);
  if (decision.do === 'send') return begin(tx, m, kind, person as Person);
  await setMessage(tx.sql, tx.tenant.id, id, { state: 'waiting', reason: decision.reason, notBefore: decision.until });
  tx.later(SendMessage, { message: id }, { runAt: decision.until, priority: priorityOf[kind.lane] });
  return undefined;
}

/**
 * An attempt has begun before, and nobody knows what came of it: nothing is decided anew, for the provider may have taken it. Only time ends it.
 */
async function again(tx: Tx, m: OpenedMessage, kind: NoticeKind, person: Person | undefined): Promise<Outgoing | undefined> {
  const over = m.notice_row.expires_at <= tx.now || (m.first_at !== null && tx.now.getTime() - m.first_at.getTime() > TRIED_MS_MAX);
  if (!over && person) return begin(tx, m, kind, person);
  await setMessage(tx.sql, tx.tenant.id, m.id, { state: 'dead', reason: 'no-answer', doneAt: tx.now });
  tx.emit(Died, m.id, { message: m.id, kind: m.kind, channel: m.channel });
  return undefined;
}

async function begin(tx: Tx, m: OpenedMessage, kind: NoticeKind, p: Person): Promise<Outgoing | undefined> {
  const id = m.id;
  try {
    const language = tx.tenant.languages.includes(p.language) ? p.language
      : (tx.tenant.languages.find((l): l is Language => (languages as readonly string[]).includes(l)) ?? 'en');
    const values: Values = { ...JSON.parse(m.notice_row.data) as Values, office: tx.tenant.name };
    const texts = renderAll(language, textsOf(m, kind)[language], values);
    const out = outgoing(tx, m, m.notice_row, kind, { ...p, language }, texts);
    begun(tx, id);
    return out;
  } catch (error) {
    if (!(error instanceof TemplateFault)) throw error;
    return suppress(tx, id, 'template');
  }
}

async function sendPushes(pools: Pools, out: Extract<Outgoing, { channel: 'push' }>, key: string, signal: AbortSignal): Promise<Sent> {
  const gone: Uuid[] = [];
  let last: Sent | undefined;
  // Each browser has a place of its own: one that is gone says nothing about the others.
  for (const { address, ...message } of out.messages) {
    const result = await pools.push.send({ ...message, key: `${key}-${address}` }, signal);
    if (result.state === 'refused' && result.gone) gone.push(address);
    if (!last || result.state === 'accepted') last = result.state === 'accepted' ? { ...result }
      : { state: 'refused', reason: result.reason, provider: result.provider };
  }
  return { ...(last ?? { state: 'refused', reason: 'no browser', provider: 'none' }), ...(gone.length ? { gone } : {}) } as Sent;
}

/** Sends a message by whichever provider of its channel, never inside a transaction. */
export const sendMessage = call<Outgoing, Sent>({
  job: SendMessage, request,
  async send(out, context) {
    const pools = context.use(Pools);
    if (out.channel === 'push') return sendPushes(pools, out, context.key, context.signal);
    if (out.channel === 'text') return pools.text.send({ ...out.message, key: context.key }, context.signal) as Promise<Sent>;
    return pools.email.send({ ...out.message, key: context.key }, context.signal) as Promise<Sent>;
  },
  async inquire(out, context) {
    const pools = context.use(Pools);
    return (out.channel === 'text' ? pools.text.inquire(context.key, context.signal) : out.channel === 'email'
      ? pools.email.inquire(context.key, context.signal) : 'not-found') as
      Promise<Sent | 'not-found'>;
  },
  async record(tx, data, result) {
    const id = data.message as string;
    if (result.gone?.length) {
      const m = await lockMessage(tx.sql, tx.tenant.id, id);
      if (m) for (const address of result.gone) await setAddress(tx.sql, tx.tenant.id, m.person, address, ['confirmed', 'unconfirmed'], 'gone', tx.now);
    }
    const { provider } = result;
    recorded(tx, result.state === 'accepted'
      ? { id, state: 'sent', reason: null, provider, ref: result.providerId, result: 'accepted', sentAt: tx.now, doneAt: null }
      : { id, state: 'refused', reason: 'refused', provider, ref: null, result: result.reason, sentAt: null, doneAt: tx.now });
  },
  async expire(tx, data) {
    const id = data.message as string;
    const m = await lockMessage(tx.sql, tx.tenant.id, id);
    if (!m || (m.state !== 'sending' && m.state !== 'waiting')) return;
    await setMessage(tx.sql, tx.tenant.id, id, { state: 'dead', reason: 'no-answer', doneAt: tx.now });
    tx.emit(Died, m.id, { message: m.id, kind: m.kind, channel: m.channel });
  },
  sendBudgetMs: SEND_BUDGET_MS, visibilityMs: VISIBILITY_MS,
  // A job may wait for its time for as long as a notice lives: the end of trying is decided by the message's own clock.
  deadlineMs: JOB_MS_MAX,
});

