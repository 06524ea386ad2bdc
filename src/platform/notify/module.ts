import { defineModule } from '#kernel';
import { Died, Noted, notifyProblems, Opened } from './contract.ts';
import { forms, inboxPage, linkPages, preferencesPage } from './pages/pages.tsx';
import { follow } from './reactions.ts';
import { changes, routes } from './routes.ts';
import { campaignMachine } from './rules.ts';
import { spread } from './service/campaigns.ts';
import { kindsState, ownKinds } from './service/kinds.ts';
import { poolsState } from './service/pool.ts';
import { inboxStates, preferencesStates } from './service/states.ts';
import { sendMessage } from './service/send.ts';

export default defineModule({
  name: 'platform/notify',
  doc: 'Tells a person something on the channels they chose, once, with a reason for every message that waits or was not sent.',
  needs: [],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'notify.notice': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'notify.message': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'notify.attempt': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'notify.address': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] },
    'notify.preference': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'notify.quiet': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] },
    'notify.template': { app: ['select', 'insert'], auditor: ['select'] },
    'notify.pace': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'notify.campaign': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] },
  },
  routes, pages: [{ ...inboxPage, states: inboxStates }, { ...preferencesPage, states: preferencesStates }, ...linkPages], forms, streams: [changes],
    problems: notifyProblems, events: [Noted, Opened, Died], calls: [sendMessage], handlers: [spread], machines: [campaignMachine],
    workers: [follow], state: [poolsState, kindsState],
  notices: ownKinds,
  permissions: { 'notify:read': 'See messages, providers and texts.', 'notify:send': 'Send announcements and try messages again.',
    'notify:templates': 'Change the office’s own texts.',
    'notify:receipts': 'Say what became of messages.' },
  privacy: { 'notify.address.value': { kind: 'mail address, push endpoint', kept: 'sealed' },
    'notify.address.value_index': { kind: 'mail address, push endpoint', kept: 'blind-index' } },
  islands: new URL('./islands/', import.meta.url),
});
