/** Words of the rooms for webhooks; they come with the rooms, not with the shell. */
export const en = {
  list: 'Endpoints', empty: 'No endpoint yet. Make one below; its secret is shown once.', url: 'Address', events: 'Events', state: 'State', waiting: 'Waiting', dead: 'Dead', failures: 'Failures in a row',
  states: { active: 'active', disabled: 'disabled' }, breakers: { closed: 'takes everything', open: 'rests after failures', probing: 'being tried again' },
  reasons: { gone: 'It answered 410: it wants nothing more.', failing: 'It failed for days without a success.', 'by hand': 'Somebody disabled it.' },
  make: 'New endpoint', makeText: 'It must be https and public. What it is sent is signed as Standard Webhooks 1.0.0 says.', description: 'What it is for', eventsHint: 'Separated by spaces: *, wallet.*, taxrefund.changed …',
  ordered: 'Deliver one after another', signature: 'Signature', signatures: { v1: 'v1: a shared secret (HMAC)', v1a: 'v1a: a public key (Ed25519)' }, go: 'Make it', secret: 'Its secret', secretText: 'Copy it now. It is never shown again.',
  perMinute: 'At most a minute', perMinuteHint: 'Left empty, as many as come.', publicKey: 'Public key for receivers', toList: 'All endpoints', breaker: 'Breaker', why: 'Why disabled', version: 'Payload version', headers: 'Headers of its own', order: 'Order', lastSuccess: 'Last success', firstFailure: 'Failing since',
  lastDay: 'Last 24 hours', attempts: 'Tries', succeeded: 'Answered 2xx', p50: 'Half within', p95: '95 in 100 within', ms: '{n} ms',
  actions: 'What you can do', test: 'Send a test event', rotate: 'Give a new secret', rotateText: 'The secret of today signs as well for 24 hours.', enable: 'Enable', enableText: 'What waits is sent at once. The history of failures stays until one succeeds.',
  disable: 'Disable', disableText: 'Nothing more is sent. What waits is kept.', replay: 'Send again what happened', from: 'From', to: 'To', replayGo: 'Send again',
  said: { contact: 'Used from now on.', test: 'A test event is on its way.', replay: '{n} deliveries are on their way.', enable: 'It is enabled.', disable: 'It is disabled.', rotate: 'The new secret is below.' }, failed: 'That was refused: {title}',
  deliveries: 'Deliveries', noDeliveries: 'Nothing was sent to this endpoint in the last 30 days.', delivery: 'Delivery', type: 'Event', id: 'Id of the event', status: 'Status', tries: 'Tries', created: 'Since', next: 'Next try', doneAt: 'Ended', reason: 'Reason',
  statuses: { waiting: 'waiting', done: 'done', dead: 'dead' }, again: 'Sent again by hand', title: 'Delivery {id}', body: 'What is sent', replayOne: 'Send this event again', oneSaid: 'It is on its way again, as a delivery of its own.',
  no: 'Try', at: 'When', took: 'Took', answer: 'Answer', excerpt: 'Beginning of the answer', noTries: 'It was not tried yet.', endpoint: 'Endpoint',
  contact: 'Mail of whoever looks after it', contactHint: 'It is told when the endpoint is disabled.', contactNone: 'Left empty, nobody is.', contactGo: 'Use this mail',
  errors: { dns_error: 'the name leads nowhere', connection_refused: 'nobody listens there', tls_error: 'no trusted TLS', timeout: 'no whole answer within 15 s', blocked_address: 'the address is not public', connection_lost: 'the connection broke', bad_answer: 'the answer is no HTTP', payload_too_large: 'larger than 256 KiB', stopped: 'the process was stopped', internal: 'a fault on our side' },
};
export type WebhookWords = { readonly [K in keyof typeof en]: (typeof en)[K] extends string ? string : { readonly [P in keyof (typeof en)[K]]: string } };
