/** Words of the rooms for operators; they come with the rooms, not with the shell. */
export const en = {
  list: 'Operators', name: 'Name', role: 'Role', state: 'State', states: { invited: 'invited', active: 'active', disabled: 'disabled' },
  last: 'Last sign-in', never: 'never', sessions: 'Open sessions', you: '{name} (you)', toList: 'All operators', unknown: 'There is no such operator here.',
  roles: { administrator: 'administrator', auditor: 'auditor', accountant: 'accountant', compliance: 'compliance', developer: 'developer', feed: 'feed' },
  rolesTable: 'What each role may do', may: 'Permissions',
  add: 'Add an operator', addText: 'They get a link that works once and for a day. With it they choose a passkey, or a password and an authenticator.',
  nameHint: 'As colleagues know them; it cannot be changed later.', addGo: 'Add and make the link',
  link: 'Link for {name}', linkText: 'Hand it over now, by a way that only they read. It is never shown again and works once, until {time}.',
  address: 'Its address', actions: 'What you can do', newLink: 'Make a new link', newLinkText: 'The links before it end. What they sign in with stays until it is used, and is replaced then.',
  changeRole: 'Change the role', newRole: 'New role', changeRoleText: 'It counts from their next request on.',
  end: 'End their sessions', endText: 'They are signed out at once, and may sign in again.',
  disable: 'Disable', disableText: 'They are signed out at once and cannot sign in, and their links end. It can be taken back.',
  enable: 'Enable', enableText: 'They may sign in again with what they had. Who had never enrolled needs a new link.',
  self: 'This is you. Another administrator changes your role and state.',
  said: { role: 'The role is changed.', end: 'Their sessions have ended.', disable: '{name} is out.', enable: '{name} may sign in again.' }, failed: 'That was refused: {title}',
  actor: 'What they did',
};
export type OperatorWords = { readonly [K in keyof typeof en]: (typeof en)[K] extends string ? string : { readonly [P in keyof (typeof en)[K]]: string } };
