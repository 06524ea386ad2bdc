/** Words of the room for alerts; they come with the room, not with the shell. */
export const en = {
  state: 'State', states: { open: 'open', closed: 'seen to' }, list: 'Alerts', empty: 'Nothing needs anybody.', noneOf: 'There is none in this state.', what: 'What happened', about: 'About', last: 'Last time', times: 'How often',
  request: 'The request', close: 'Seen to', closing: 'One moment', closedAt: 'Seen to at', closedBy: 'By', look: 'Look', failed: 'That was refused: {title}',
  topics: {
    'webhooks.endpoint-disabled': 'A webhook endpoint was disabled', 'webhooks.delivery-dead': 'A webhook was given up', 'notify.dead': 'A message reached nobody',
    'saga.stuck': 'A saga waits for a person', 'identity.codes-undelivered': 'Sign-in codes reached nobody',
    'wallet.hit-found': 'A holder is like somebody on the sanctions list',
    'jobs.dead': 'A job failed for the last time',
  },
};
export type AlertWords = { readonly [K in keyof typeof en]: (typeof en)[K] extends string ? string : { readonly [P in keyof (typeof en)[K]]: string } };
