export const en = {
  list: 'Messages', empty: 'No message fits. Nothing was told yet, or the filter is too narrow.', state: 'State', person: 'Person', personHint: 'The person’s id, 32 letters and digits',
  kind: 'Kind', channel: 'Channel', why: 'Why', provider: 'Provider', at: 'Made', attempts: 'Tries', notBefore: 'Not before', sentAt: 'Sent', doneAt: 'Ended', expires: 'Told until', trace: 'Trace', lane: 'Lane',
  counts: 'How many are where', count: 'Messages', many: '1,000 or more', providers: 'Providers, as this process sees them', noProviders: 'None is set up.', points: 'Share (points)', sent: 'Taken', failed: 'Failed', lastFailed: 'Last failure',
  one: 'Message {id}', toList: 'All messages', tries: 'Tries', noTries: 'It was not tried.', no: 'No', result: 'Result', unknown: 'Nothing was heard', replay: 'Try it again', replayText: 'It gets a key of its own: whoever took it unheard may get it twice.', replayed: 'It is on its way again.',
  states: { waiting: 'Waiting', sending: 'Being sent', sent: 'Taken by the provider', refused: 'Refused', dead: 'Reached nobody', suppressed: 'Not sent', delivered: 'Delivered', failed: 'Failed', opened: 'Seen' },
  channels: { inbox: 'Inbox', push: 'Push', text: 'Text message', email: 'Mail' }, lanes: { critical: 'Critical', normal: 'Normal', bulk: 'Bulk' },
  reasons: {
    'quiet-hours': 'Quiet hours of the person', 'too-many': 'Enough for one hour', 'provider-busy': 'The provider takes no more for now', 'not-wanted': 'The person does not want it there', 'no-address': 'Nowhere to send it', 'no-provider': 'No provider is set up',
    'too-late': 'Its time was over', refused: 'The provider refused it', bounced: 'The box sent it back', complained: 'The person called it unwanted', unreachable: 'The phone could not be reached', 'no-answer': 'No provider answered in time', template: 'Its text could not be made',
  },
  texts: 'Texts', textsText: 'What people are told. Your own texts are used from the next message on.', own: 'Own, version {version}', house: 'The house’s', values: 'Values that may be used', title: 'Title', body: 'Body', text: 'Text message', preview: 'See it', save: 'Use these texts', giveUp: 'Back to the house’s texts', saved: 'In use from the next message on.', language: { en: 'English', hi: 'Hindi' },
  wrong: '{language}, {part}: {why}',
};
