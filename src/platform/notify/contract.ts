import { z } from 'zod';
import { channels, event, job, personal, problem, zEmail, zId, zInstant, zText, type Channel } from '#kernel';

/** A channel that leaves the house. */
export type Carried = Exclude<Channel, 'inbox'>;
/** Messages of one person an hour on each channel, beside the critical ones: what is over waits, nothing is dropped. */
export const HOURLY: Readonly<Record<Carried, number>> = { email: 3, text: 2, push: 10 };
/** A place in a provider's line that is nearer than this is now. */
export const PLACE_MS_MIN = 250;
/** Notices on one page of the inbox. */
export const INBOX_PAGE_MAX = 50;
export const ADDRESSES_MAX = 5;
export const TITLE_CHARS_MAX = 200;
export const BODY_CHARS_MAX = 4000;
/** Three parts of a text message in an Indian script. */
export const TEXT_CHARS_MAX = 200;
export const CONFIRM_LIFE_MS = 24 * 3_600_000;
/** A link to unsubscribe in an old mail still works for a year. */
export const UNSUBSCRIBE_LIFE_MS = 365 * 86_400_000;
/** A push message may lie unopened for a month. */
export const OPENED_LIFE_MS = 30 * 86_400_000;
export const SEND_BUDGET_MS = 10_000;
/** How long a provider may take to show a message that it took. */
export const VISIBILITY_MS = 3000;
/** A provider that may have taken a message and stays away this long is given up for it. */
export const ABANDON_MS = 30_000;
/** Longest that a message is tried. */
export const TRIED_MS_MAX = 24 * 3_600_000;
/** Longest that a message may wait for its time and its tries together. */
export const JOB_MS_MAX = 90 * 86_400_000;
export const CAMPAIGN_PEOPLE_MAX = 1_000_000;
export const CAMPAIGN_STEP_MAX = 1000;
/** How far ahead of its places a campaign makes its messages. */
export const SPREAD_AHEAD_MS = 60_000;
export const CAMPAIGNS_PAGE_MAX = 20;
/** People whom a campaign would reach are counted up to this many before it begins. */
export const AUDIENCE_COUNTED_MAX = 100_000;
export const OFFICE_PAGE_MAX = 100;
/** Messages of a state are counted up to this many. */
export const COUNTED_MAX = 1000;

export const messageStates = ['waiting', 'sending', 'sent', 'refused', 'dead', 'suppressed', 'delivered', 'failed', 'opened'] as const;
export type MessageState = (typeof messageStates)[number];
/** Why a message waits or was not sent. */
export const reasons = ['quiet-hours', 'too-many', 'provider-busy', 'paused', 'stopped', 'not-wanted', 'no-address', 'no-provider', 'too-late', 'refused',
  'bounced', 'complained', 'unreachable', 'no-answer', 'template'] as const;
export type Reason = (typeof reasons)[number];
export const zChannel = z.enum(channels);

export const zNothing = z.strictObject({});
/** Texts come in the language that is asked for, else in the person's own. */
const zLanguage = z.enum(['en', 'hi']);
export const zInboxQuery = z.strictObject({ query: z.strictObject({ cursor: zId('ntc'), language: zLanguage }).partial() }).partial();
export const zInLanguage = z.strictObject({ query: z.strictObject({ language: zLanguage }).partial() }).partial();
export const zInboxItem = z.strictObject({
  notice: zId('ntc'), kind: z.string(), title: z.string(), body: z.string(), link: z.string().nullable(), at: zInstant, seen: z.boolean(),
});
export const zInbox = z.strictObject({ notices: z.array(zInboxItem), unseen: z.int(), next: zId('ntc').nullable() });
export const zUnseen = z.strictObject({ unseen: z.int() });
export type Inbox = z.output<typeof zInbox>;
export const zSeen = z.strictObject({ body: z.strictObject({ notices: z.array(zId('ntc')).max(INBOX_PAGE_MAX).optional() }).optional() });

const zMinute = z.int().min(0).max(1439);
export const zQuiet = z.strictObject({ from: zMinute, to: zMinute, zone: z.string().min(1).max(64) });
export const zPreferences = z.strictObject({
  kinds: z.array(z.strictObject({
    kind: z.string(), label: z.string(), critical: z.boolean(), choices: z.array(z.strictObject({ channel: zChannel, on: z.boolean() })),
  })),
  quiet: zQuiet.nullable(),
  addresses: z.array(z.strictObject({ address: zId('adr'), channel: z.enum(['email', 'push']), shown: personal('address', z.string()),
    state: z.enum(['unconfirmed', 'confirmed']) })),
  /** Key by which a browser subscribes to push; null where this office sends none. */
  pushKey: z.string().nullable(),
});
export type Preferences = z.output<typeof zPreferences>;
export const zChoose = z.strictObject({ body: z.strictObject({
  choices: z.array(z.strictObject({ kind: z.string().max(60), channel: zChannel, on: z.boolean() })).max(400).optional(), quiet: zQuiet.nullable().optional(),
}) });
export const zAddEmail = z.strictObject({ body: z.strictObject({ email: personal('mail address', zEmail) }) });
const zBase64Url = (min: number, max: number): z.ZodString => z.string().regex(/^[A-Za-z0-9_-]+={0,2}$/).min(min).max(max);
export const zAddPush = z.strictObject({ body: z.strictObject({
  endpoint: personal('push endpoint', z.url({ protocol: /^https?$/ }).max(1000)),
    keys: z.strictObject({ p256dh: zBase64Url(80, 100), auth: zBase64Url(20, 30) }),
}) });
export const zOfAddress = z.strictObject({ params: z.strictObject({ address: zId('adr') }) });
const zToken = z.string().regex(/^[A-Za-z0-9_.-]{20,400}$/);
export const zOfToken = z.strictObject({ params: z.strictObject({ token: zToken }) });
/** RFC 8058: the body that a mail program sends; whatever else it holds is not read. */
export const zOneClick = z.strictObject({ params: z.strictObject({ token: zToken }), body: z.looseObject({}).optional() });
export const zUnsubscribed = z.strictObject({ kind: z.string(), label: z.string() });

/** What a provider may say of a message: on its way, there, not there, sent back, called unwanted, seen. */
export const receiptStates = ['sent', 'delivered', 'failed', 'bounced', 'complained', 'opened'] as const;
export type ReceiptState = (typeof receiptStates)[number];
export const zReceipts = z.strictObject({ body: z.strictObject({
  provider: z.string().regex(/^[a-z0-9-]{1,40}$/),
  receipts: z.array(z.strictObject({ id: z.string().min(1).max(200), state: z.enum(receiptStates) })).min(1).max(500),
}) });
export const zTaken = z.strictObject({ taken: z.int(), unknown: z.int() });

const zMessageHead = { message: zId('msg'), notice: zId('ntc'), kind: z.string(), channel: zChannel, lane: z.enum(['critical', 'normal', 'bulk']),
  state: z.enum(messageStates),
  reason: z.enum(reasons).nullable(), person: z.string(), attempts: z.int(), provider: z.string().nullable(), notBefore: zInstant.nullable(), at: zInstant };
export const zMessagesQuery = z.strictObject({ query: z.strictObject({ state: z.enum(messageStates), person: z.string().regex(/^[0-9a-f]{32}$/),
  trace: z.string().regex(/^[0-9a-f]{32}$/), cursor: zId('msg') })
  .partial() }).partial();
export const zMessages = z.strictObject({ messages: z.array(z.strictObject(zMessageHead)), next: zId('msg').nullable(),
  counts: z.array(z.strictObject({ state: z.enum(messageStates), count: z.int() })) });
export const zOfMessage = z.strictObject({ params: z.strictObject({ message: zId('msg') }) });
export const zMessage = z.strictObject({ ...zMessageHead, sentAt: zInstant.nullable(), doneAt: zInstant.nullable(), expiresAt: zInstant, trace: z.string(),
  tries: z.array(z.strictObject({ no: z.int(), at: zInstant, provider: z.string().nullable(), result: z.string().nullable() })) });
export const zProviders = z.strictObject({ providers: z.array(z.strictObject({
  channel: zChannel, name: z.string(), points: z.int(), sent: z.int(), failed: z.int(), lastFailedAt: zInstant.nullable(),
})) });

const zTexts = z.strictObject({ title: zText(TITLE_CHARS_MAX), body: zText(BODY_CHARS_MAX), text: zText(TEXT_CHARS_MAX) });
export const zTemplateTexts = z.partialRecord(z.enum(['en', 'hi']), zTexts);
export type TemplateTexts = z.output<typeof zTemplateTexts>;
export const zTemplates = z.strictObject({ templates: z.array(z.strictObject({
  kind: z.string(), doc: z.string(), values: z.array(z.string()), version: z.int(), texts: zTemplateTexts, own: z.boolean(),
})) });
export const zSaveTemplate = z.strictObject({ params: z.strictObject({ kind: z.string().max(60) }),
  body: z.strictObject({ texts: zTemplateTexts.nullable() }) });
export const zPreviewTemplate = z.strictObject({ params: z.strictObject({ kind: z.string().max(60) }), body: z.strictObject({ texts: zTemplateTexts }) });
export const zPreview = z.strictObject({ previews: z.array(z.strictObject({ language: z.enum(['en', 'hi']), title: z.string(), body: z.string(),
  text: z.string() })) });

export const campaignStates = ['draft', 'running', 'paused', 'stopped'] as const;
export type CampaignState = (typeof campaignStates)[number];
const zPersons = z.array(z.string().regex(/^[0-9a-f]{32}$/)).min(1).max(CAMPAIGN_STEP_MAX);
/** These people, or everyone who was told of this kind before; `*` is any kind. */
const zAudience = z.union([z.strictObject({ persons: zPersons }), z.strictObject({ told: z.string().min(1).max(60) })]);
export type Audience = z.output<typeof zAudience>;
const settings = {
  texts: zTemplateTexts, perMinute: z.int().min(1).max(600_000), audience: zAudience.optional(),
  /** Nobody is told of it after this; a week from each one's place unless said. */ expiresAt: zInstant.optional(),
};
export const zStartCampaign = z.strictObject({ body: z.strictObject({ ...settings,
  /** Written only: it waits to be started. */ draft: z.boolean().optional() }) });
/** What the caller last saw of a campaign: each change of it is the next one. */
const zVersion = z.int().min(0);
export const zCampaign = z.strictObject({
  campaign: zId('cmp'), state: z.enum([...campaignStates, 'done']), perMinute: z.int(), people: z.int(),
  /** People whom it is to reach, as far as they were counted. */ wanted: z.int(),
  version: zVersion, lastAt: zInstant.nullable(),
  /** When the last one leaves, by its rate. */ endsAt: zInstant.nullable(), expiresAt: zInstant.nullable(), at: zInstant,
});
/** Messages that leave the house: all, and of them those that a provider took, that were not sent for a reason, that wait for one, and that failed. */
const zProgress = z.strictObject({ total: z.int(), sent: z.int(), skipped: z.int(), delayed: z.int(), waiting: z.int(), failed: z.int() });
export type Progress = z.output<typeof zProgress>;
const zCampaignSeen = { ...zCampaign.shape, progress: zProgress };
export const zCampaigns = z.strictObject({ campaigns: z.array(z.strictObject({ ...zCampaignSeen, titles: z.partialRecord(zLanguage, z.string()) })),
  next: zId('cmp').nullable() });
export const zCampaignsQuery = z.strictObject({ query: z.strictObject({ cursor: zId('cmp') }).partial() }).partial();
export const zOfCampaign = z.strictObject({ params: z.strictObject({ campaign: zId('cmp') }) });
/** All of a draft, as whoever changes it wants it; what is left away is none. */
export const zChangeCampaign = z.strictObject({ ...zOfCampaign.shape, body: z.strictObject({ ...settings, version: zVersion }) });
export const zDiscardCampaign = z.strictObject({ ...zOfCampaign.shape, body: z.strictObject({ version: zVersion }) });
/** With a version, only what the caller has seen begins. */
export const zBeginCampaign = z.strictObject({ ...zOfCampaign.shape, body: z.strictObject({ version: zVersion.optional() }).optional() });
export const zCampaignShown = z.strictObject({ ...zCampaignSeen, texts: zTemplateTexts, told: z.string().nullable(),
  /** Those who were named, while it is a draft. */ persons: zPersons.nullable(),
  reasons: z.array(z.strictObject({ state: z.enum(messageStates), reason: z.enum(reasons).nullable(), count: z.int() })) });
export const zPreviewCampaign = z.strictObject({ body: z.strictObject({ texts: zTemplateTexts }) });
export const zAddPeople = z.strictObject({ params: z.strictObject({ campaign: zId('cmp') }), body: z.strictObject({ persons: zPersons }) });

export const kindUnknown = problem('notice-kind-unknown', { status: 404, title: 'There is no such kind of notice.',
  doc: 'The kinds are listed with the preferences.' });
export const notOffered = problem('choice-not-offered', { status: 422, title: 'This cannot be chosen.',
  doc: '`field` says which: a kind that is not told there, or a critical one, which cannot be turned off.' });
export const templateWrong = problem('template-wrong', { status: 422, title: 'This text cannot be used.',
  doc: '`language` and `part` say where, `why` says what: it does not parse, uses a value that is not there, differs by language, or takes too long.' });
export const linkOver = problem('address-link-over', { status: 410, title: 'This link no longer works.',
  doc: 'Ask for a new one on the page of your notices.' });
export const messageUnknown = problem('message-unknown', { status: 404, title: 'There is no such message.', doc: 'It may belong to another tenant.' });
export const notDead = problem('message-not-dead', { status: 409, title: 'This message is not one to try again.',
  doc: 'Only a dead or refused one can be replayed.' });
export const campaignUnknown = problem('campaign-unknown', { status: 404, title: 'There is no such campaign.', doc: 'It may belong to another tenant.' });
export const campaignFull = problem('campaign-full', { status: 409, title: 'This campaign has as many people as it may.', doc: 'Start another one.' });
export const campaignState = problem('campaign-state', { status: 409, title: 'This cannot be done with the campaign as it stands.',
  doc: '`state` says how it stands. A draft is changed, discarded or started, a running one takes people, pauses or stops, a paused one goes on or stops.' });
export const campaignChanged = problem('campaign-changed', { status: 409, title: 'Somebody else changed this draft meanwhile.',
  doc: 'Theirs was kept and nothing of yours was written. Read it again: `version` says which one it is now.' });
export const campaignOver = problem('campaign-over', { status: 422, title: 'The end of this campaign lies behind.',
  doc: 'Nobody would be told. Choose a later end.' });
export const pushRefused = problem('push-place-refused', { status: 422, title: 'Push messages are not sent there.',
  doc: 'Only the known push services are used.' });
export const addressesUsed = problem('addresses-used', { status: 409, title: 'No more addresses can be added.', doc: 'Remove one first.' });
export const notifyProblems = [kindUnknown, notOffered, templateWrong, linkOver, messageUnknown, notDead, campaignUnknown, campaignFull, campaignState,
  campaignChanged, campaignOver, pushRefused, addressesUsed];

export const Noted = event('notify.noted', { version: 1, doc: 'A person has a new notice in the inbox, or saw one.',
  data: { person: z.string(), notice: z.string() } });
export const Opened = event('notify.opened', { version: 1,
  doc: 'A person opened a notice on a channel: seen in the inbox, or said by the browser or the provider. Once for each channel, whoever says it how often.',
  data: { person: z.string(), notice: z.string(), channel: z.string() } });
export const Died = event('notify.dead', { version: 1, alert: true, doc: 'A message reached nobody: no provider took it in time. Somebody has to look.',
  data: { message: z.string(), kind: z.string(), channel: z.string() } });
export const SendMessage = job('notify.send', { doc: 'Sends one message of a notice.', data: { message: z.string() }, attemptsMax: 200 });
export const SpreadCampaign = job('notify.spread', { doc: 'Gives the next people of a campaign their places, and puts what was held back into the line.',
  data: { campaign: z.string(), turn: z.int() }, attemptsMax: 200 });
