import { done, type PageState } from '#kernel';
import type { Inbox, Preferences } from '../contract.ts';

/** Each page in each state that people can meet, for tests and screenshots. */
const item = (n: number, seen: boolean): Inbox['notices'][number] => ({
  notice: `ntc_${String(n).padStart(32, '0')}`, kind: 'notify.announcement', title: seen ? 'शुक्रवार को बंद' : 'Closed on Friday',
  body: 'The office is closed on Friday.', link: seen ? null : '/', at: new Date('2026-11-20T09:00:00Z'), seen,
});
export const inboxStates = (): Record<string, PageState<Inbox>> => ({
  empty: { outcome: done({ notices: [], unseen: 0, next: null }) },
  ready: { outcome: done({ notices: [item(2, false), item(1, true)], unseen: 1, next: `ntc_${'1'.padStart(32, '0')}` as const }) },
});

const chosen: Preferences = {
  kinds: [
    { kind: 'notify.announcement', label: 'Announcements', critical: false,
      choices: [{ channel: 'inbox', on: true }, { channel: 'text', on: false }, { channel: 'email', on: true }] },
    { kind: 'wallet.received', label: 'Money that comes in', critical: true, choices: [{ channel: 'inbox', on: true }, { channel: 'push', on: true }] },
  ],
  quiet: { from: 1320, to: 420, zone: 'Asia/Kolkata' }, pushKey: null,
  addresses: [{ address: `adr_${'1'.padStart(32, '0')}`, channel: 'email', shown: 'a•••@example.com', state: 'unconfirmed' }],
};
export const preferencesStates = (): Record<string, PageState<Preferences>> => ({
  ready: { outcome: done(chosen) }, empty: { outcome: done({ ...chosen, quiet: null, addresses: [] }) }, saved: { outcome: done(chosen), query: { saved: '' } },
  error: { outcome: done(chosen), form: { values: { email: 'x', from: '25:99' }, errors: { email: 'email', from: 'from' } } },
});
