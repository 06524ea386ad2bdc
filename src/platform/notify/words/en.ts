import type { Words as Shape } from '#kernel';

export const en = {
  inbox: {
    title: 'Notices', lead: 'What this office has told you, newest first.', empty: 'Nothing yet. When something changes, it stands here.', unseen: 'New', more: 'Open',
    older: 'Older', newest: 'Newest', seen: 'Mark all as seen', settings: 'What you are told, and where', back: 'Back',
  },
  choose: {
    title: 'What you are told, and where', lead: 'Codes and movements of money are always told: they are your safety.', save: 'Save', saved: 'Saved.',
    channels: { inbox: 'Here', push: 'On this device', text: 'Text message', email: 'Mail' }, always: 'Always told', kinds: 'Kinds',
    quiet: 'Quiet hours', quietHint: 'Between these hours only codes and movements of money reach you; the rest waits. Leave empty for none.', from: 'From', to: 'To', timeHint: 'Hours and minutes, for example {example}.',
    zone: 'Times of {zone}', addresses: 'Where you are reached', email: 'Mail address', emailHint: 'We send a link there first.', addEmail: 'Add this address', remove: 'Remove',
    unconfirmed: 'Waiting for its link to be used', confirmed: 'In use', sent: 'If the address can be used, a link is on its way to it.', push: 'Tell me on this device', pushOff: 'This browser does not take push messages.',
    pushOn: 'This device is told.', back: 'Your notices', none: 'Only your phone, for text messages.',
  },
  unsubscribe: {
    title: 'No more mail about this', ask: 'Stop mail of this kind? Everything else stays as it is.', go: 'Stop the mail', done: 'You get no more mail about “{kind}”. You can change this at any time with your notices.',
    over: 'This link no longer works. Sign in and choose under your notices.',
  },
  confirm: { label: 'Proof of a mail address', title: 'Is this your address?', body: 'Somebody wants notices of {{ office }} to come to this address. If it was you, use the link within a day. If not, do nothing.', text: 'Proof of an address' },
  confirmPage: { title: 'Use this address', ask: 'Notices may come to the address that this link was sent to.', go: 'Yes, it is mine', done: 'This address is in use now.', over: 'This link no longer works. Ask for a new one with your notices.', toNotices: 'Your notices' },
  announcement: { label: 'Announcements', title: 'An announcement', body: 'An announcement of {{ office }}.', text: 'An announcement' },
  mail: { more: 'See it here', confirm: 'Yes, this is my address', foot: 'What you are told, and where' },
  errors: { email: 'Enter a mail address, for example name@example.com', from: 'Enter a time such as 22:00', to: 'Enter a time such as 07:00' },
  problems: { 'addresses-used': 'You have as many addresses as you may. Remove one first.', 'choice-not-offered': 'This cannot be chosen. Nothing was changed.', other: 'This did not work. Nothing was changed.' },
};
export type Words = Shape<typeof en>;
