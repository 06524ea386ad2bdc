import { route, stream, type Stream } from '#kernel';
import {
  addressesUsed, campaignChanged, campaignFull, campaignOver, campaignState, campaignUnknown, kindUnknown, linkOver, messageUnknown, notDead,
  notOffered, pushRefused, templateWrong, zAddEmail, zAddPeople, zAddPush, zBeginCampaign, zCampaign, zCampaigns, zCampaignShown, zCampaignsQuery,
  zChangeCampaign, zChoose, zDiscardCampaign, zOfCampaign, zPreviewCampaign, zInbox, zInboxQuery, zInLanguage, zMessage, zMessages, zMessagesQuery,
  zNothing, zOfAddress, zOfMessage, zOfToken, zOneClick, zPreferences, zPreview, zPreviewTemplate, zProviders, zReceipts, zSaveTemplate, zSeen,
  zStartCampaign, zTaken, zTemplates, zUnseen, zUnsubscribed,
} from './contract.ts';
import { addEmail, addPush, confirmEmail, removeAddress } from './service/addresses.ts';
import { inbox, pushOpened, see, unseen } from './service/inbox.ts';
import {
  addPeople, beginCampaign, changeCampaign, discardCampaign, listCampaigns, pauseCampaign, previewCampaign,
  resumeCampaign, showCampaign, startCampaign, stopCampaign,
} from './service/campaigns.ts';
import { listMessages, preview, providers, replayMessage, saveTemplate, showMessage, templates } from './service/office.ts';
import { choose, preferences, unsubscribe } from './service/preferences.ts';
import { receipts } from './service/receipts.ts';

const address = `adr_${'0'.repeat(32)}` as const;
const message = `msg_${'0'.repeat(32)}` as const;
const campaign = `cmp_${'0'.repeat(32)}` as const;
const token = `${'A'.repeat(40)}.${'A'.repeat(43)}`;
const texts = { en: { title: 'Closed on Friday', body: 'The office is closed on Friday.', text: 'closed on Friday.' },
  hi: { title: 'शुक्रवार को बंद', body: 'कार्यालय शुक्रवार को बंद है।', text: 'शुक्रवार को बंद।' } };

export const inboxRoute = route('GET /notifications', { summary: 'The caller’s notices, newest first.', scope: 'person', input: zInboxQuery, output: zInbox,
  problems: [],
  verb: inbox, example: { input: {} } });
export const unseenRoute = route('GET /notifications/unseen', { summary: 'How many notices the caller has not seen.', scope: 'person', input: zNothing,
  output: zUnseen, problems: [],
  verb: unseen, example: { input: {} } });
export const seeRoute = route('POST /notifications/seen', { summary: 'Marks notices, or all, as seen.', scope: 'person', input: zSeen, output: zUnseen,
  idempotent: 'optional', problems: [],
  verb: see, example: { input: { body: {} } } });
export const openedRoute = route('POST /notifications/opened/:token', { summary: 'A browser says that a push message was opened; no signing in.',
  scope: 'public', input: zOfToken, output: zNothing, problems: [linkOver], verb: pushOpened, example: { input: { params: { token } } } });
export const preferencesRoute = route('GET /notifications/preferences',
  { summary: 'What the caller is told, and where.', scope: 'person', input: zInLanguage, output: zPreferences, problems: [],
  verb: preferences, example: { input: {} } });
export const chooseRoute = route('PUT /notifications/preferences', { summary: 'Changes what the caller is told; what is not named stays.', scope: 'person',
  input: zChoose, output: zPreferences,
  problems: [kindUnknown, notOffered], audit: 'notify.chosen', verb: choose,
  example: { input: { body: { choices: [{ kind: 'notify.announcement', channel: 'email', on: false }],
    quiet: { from: 1320, to: 420, zone: 'Asia/Kolkata' } } } } });
export const addEmailRoute = route('POST /notifications/emails', { summary: 'Adds a mail address; a link goes there first.', scope: 'person',
  input: zAddEmail, output: zNothing,
  idempotent: 'optional', problems: [addressesUsed], audit: 'notify.address', verb: addEmail, example: { input: { body: { email: 'name@example.com' } } } });
export const confirmRoute = route('POST /notifications/confirm/:token',
  { summary: 'Takes the link from a mail: the address is in use from now on.', scope: 'public', input: zOfToken,
  output: zNothing, problems: [linkOver], audit: 'notify.address', verb: confirmEmail, example: { input: { params: { token } } } });
export const addPushRoute = route('POST /notifications/push', { summary: 'Adds a browser that takes push messages.', scope: 'person', input: zAddPush,
  output: zNothing, idempotent: 'optional',
  problems: [addressesUsed, pushRefused], audit: 'notify.address', verb: addPush,
  example: { input: { body: { endpoint: 'https://push.example/abc', keys: { p256dh: 'B'.repeat(87), auth: 'A'.repeat(22) } } } } });
export const removeRoute = route('POST /notifications/addresses/:address/remove',
  { summary: 'Removes a place where the caller is reached.', scope: 'person', input: zOfAddress, output: zNothing,
  problems: [], audit: 'notify.address', verb: removeAddress, example: { input: { params: { address } } } });
export const unsubscribeRoute = route('POST /notifications/unsubscribe/:token', {
  summary: 'Ends mail of one kind: the one click of RFC 8058, by a mail program and without signing in.', scope: 'public', input: zOneClick,
    output: zUnsubscribed, consumes: 'form',
  problems: [linkOver], audit: 'notify.chosen', verb: unsubscribe, example: { input: { params: { token }, body: {} } } });

export const receiptsRoute = route('POST /notifications/receipts', { summary: 'What a provider says became of messages; signed by its key.',
  scope: 'notify:receipts', input: zReceipts,
  output: zTaken, problems: [], verb: receipts, example: { input: { body: { provider: 'sms', receipts: [{ id: 'msg_1', state: 'delivered' }] } } } });
export const messagesRoute = route('GET /notifications/office/messages',
  { summary: 'Messages of this office, newest first, with the reason of each that was not sent.', scope: 'notify:read',
  input: zMessagesQuery, output: zMessages, problems: [], verb: listMessages, example: { input: {} } });
export const messageRoute = route('GET /notifications/office/messages/:message',
  { summary: 'One message with its tries.', scope: 'notify:read', input: zOfMessage, output: zMessage,
  problems: [messageUnknown], audit: 'notify.looked', verb: showMessage, example: { input: { params: { message } } } });
export const replayRoute = route('POST /notifications/office/messages/:message/replay',
  { summary: 'Tries a dead or refused message again.', scope: 'notify:send', input: zOfMessage,
  output: zNothing, idempotent: 'optional', problems: [messageUnknown, notDead], audit: 'notify.replayed', verb: replayMessage,
    example: { input: { params: { message } } } });
export const providersRoute = route('GET /notifications/office/providers',
  { summary: 'Providers as this process sees them.', scope: 'notify:read', input: zNothing, output: zProviders,
  problems: [], verb: providers, example: { input: {} } });
export const templatesRoute = route('GET /notifications/office/templates',
  { summary: 'The texts of every kind as this office sends them.', scope: 'notify:read', input: zNothing,
  output: zTemplates, problems: [], verb: templates, example: { input: {} } });
export const previewRoute = route('POST /notifications/office/templates/:kind/preview',
  { summary: 'What texts would look like.', scope: 'notify:templates', input: zPreviewTemplate,
  output: zPreview, problems: [kindUnknown, templateWrong], verb: preview, example: { input: { params: { kind: 'notify.announcement' }, body: { texts } } } });
export const saveTemplateRoute = route('PUT /notifications/office/templates/:kind',
  { summary: 'Saves the office’s own texts of a kind as a new version.', scope: 'notify:templates',
  input: zSaveTemplate, output: zTemplates, problems: [kindUnknown, templateWrong], audit: 'notify.template', verb: saveTemplate,
  example: { input: { params: { kind: 'taxrefund.changed' }, body: { texts: null } } } });
export const campaignsRoute = route('GET /notifications/office/campaigns', { summary: 'Announcements of this office, newest first, and how far each is.',
  scope: 'notify:read', input: zCampaignsQuery, output: zCampaigns, problems: [], verb: listCampaigns, example: { input: {} } });
export const campaignRoute = route('GET /notifications/office/campaigns/:campaign', { summary: 'One announcement with its words, and what became of it.',
  scope: 'notify:read', input: zOfCampaign, output: zCampaignShown, problems: [campaignUnknown], verb: showCampaign,
  example: { input: { params: { campaign } } } });
export const previewCampaignRoute = route('POST /notifications/office/campaigns/preview', { summary: 'What an announcement would look like.',
  scope: 'notify:send', input: zPreviewCampaign, output: zPreview, problems: [templateWrong], verb: previewCampaign, example: { input: { body: { texts } } } });
export const startCampaignRoute = route('POST /notifications/office/campaigns',
  { summary: 'Writes an announcement to many, and begins it unless it is a draft.', scope: 'notify:send', input: zStartCampaign, output: zCampaign,
  status: 201, idempotent: 'required', problems: [templateWrong, kindUnknown, campaignOver], audit: 'notify.campaign', verb: startCampaign,
    example: { input: { body: { texts, perMinute: 600 } } } });
const steer = { scope: 'notify:send', input: zOfCampaign, output: zCampaign, idempotent: 'optional', audit: 'notify.campaign',
  example: { input: { params: { campaign } } } } as const;
export const beginCampaignRoute = route('POST /notifications/office/campaigns/:campaign/start',
  { summary: 'Begins an announcement that was written; with a version, only as the caller saw it.', ...steer,
  input: zBeginCampaign,
  problems: [campaignUnknown, campaignState, campaignChanged, campaignOver], verb: beginCampaign });
export const changeCampaignRoute = route('PUT /notifications/office/campaigns/:campaign',
  { summary: 'Writes a draft anew, where it is still as the caller saw it.', scope: 'notify:send', input: zChangeCampaign, output: zCampaign,
  idempotent: 'optional', problems: [campaignUnknown, campaignState, campaignChanged, templateWrong, kindUnknown, campaignOver], audit: 'notify.campaign',
  verb: changeCampaign, example: { input: { params: { campaign }, body: { texts, perMinute: 600, version: 0 } } } });
export const discardCampaignRoute = route('POST /notifications/office/campaigns/:campaign/discard',
  { summary: 'Throws a draft away, where it is still as the caller saw it.', scope: 'notify:send', input: zDiscardCampaign, output: zNothing,
  idempotent: 'optional', problems: [campaignUnknown, campaignState, campaignChanged], audit: 'notify.campaign', verb: discardCampaign,
  example: { input: { params: { campaign }, body: { version: 0 } } } });
export const pauseCampaignRoute = route('POST /notifications/office/campaigns/:campaign/pause',
  { summary: 'Holds back what an announcement has not sent yet.', ...steer, problems: [campaignUnknown, campaignState], verb: pauseCampaign });
export const resumeCampaignRoute = route('POST /notifications/office/campaigns/:campaign/resume',
  { summary: 'Lets an announcement go on; what was held goes to the end of its line.', ...steer, problems: [campaignUnknown, campaignState, campaignOver],
  verb: resumeCampaign });
export const stopCampaignRoute = route('POST /notifications/office/campaigns/:campaign/stop',
  { summary: 'Ends an announcement: what was not sent yet never is.', ...steer, problems: [campaignUnknown, campaignState], verb: stopCampaign });
export const addPeopleRoute = route('POST /notifications/office/campaigns/:campaign/people',
  { summary: 'Adds people to an announcement; each is told once, however often named.', scope: 'notify:send',
  input: zAddPeople, output: zCampaign, idempotent: 'optional', problems: [campaignUnknown, campaignFull, campaignState], audit: 'notify.campaign',
  verb: addPeople, example: { input: { params: { campaign }, body: { persons: ['0'.repeat(32)] } } } });

export const routes = [
  inboxRoute, unseenRoute, seeRoute, openedRoute, preferencesRoute, chooseRoute, addEmailRoute, confirmRoute, addPushRoute, removeRoute, unsubscribeRoute,
    receiptsRoute,
    messagesRoute, messageRoute,
  replayRoute, providersRoute, templatesRoute, previewRoute, saveTemplateRoute, campaignsRoute, campaignRoute, previewCampaignRoute, startCampaignRoute,
  changeCampaignRoute, discardCampaignRoute, beginCampaignRoute, pauseCampaignRoute, resumeCampaignRoute, stopCampaignRoute, addPeopleRoute,
];
/** Hints of a person's new notices; the streams of live pages carry them too. */
export const noticeTopics: Stream['topics'] = (actor, tenant) => (actor.kind === 'person' ? [`notify ${tenant.id} ${actor.id}`] : []);
export const changes = stream('GET /notifications/changes', {
  scope: 'person', topics: noticeTopics,
});
