/** Words of the rooms of events, jobs and sagas; they come with the rooms, not with the shell. */
export const en = {
  events: {
    list: 'Events', empty: 'No event fits. Look further back, or clear a filter.', key: 'Entity (key)', topic: 'Topic', trace: 'Trace', at: 'When', data: 'Data', lookedTo: 'Searched back to {time} so far.',
    story: 'Everything of this request', storyText: 'What the request recorded and told others, in the order in which it happened.', what: 'What', kinds: { event: 'event', fact: 'fact', message: 'message', delivery: 'webhook' }, on: 'On',
    noStory: 'Nothing bears this trace, or your role does not include the facts.',
  },
  subscribers: {
    list: 'Subscribers', empty: 'No module of this program reacts to events yet.', name: 'Subscriber', topics: 'Topics', lag: 'Behind', held: 'Parts moving', parked: 'Parked', failing: 'Failing', behind: '{n} positions', none: 'at the end',
    parkedList: 'Parked keys', parkedEmpty: 'Nothing is parked: every event had its effect.', key: 'Key', events: 'Events', error: 'Error', since: 'Since', release: 'Release', skip: 'Skip the first', released: 'released', state: 'State', waits: 'waits for you',
    text: 'Release gives all parked events of the key their effect, in order. Skip leaves out the first and gives the rest theirs. Mend the cause first.',
    said: { release: 'Released: {key}.', skip: 'The first event of {key} is left out, the others are released.' },
  },
  jobs: {
    list: 'What is to be done', empty: 'Nothing waits.', name: 'Job', waiting: 'Waiting', running: 'Running', later: 'Later', dead: 'Dead', oldest: 'Waits since', deadList: 'Dead letters',
    deadEmpty: 'No dead letter: nothing has used up its tries.', error: 'Error', tries: 'Tries', at: 'Dead since', retry: 'Try again', drop: 'Drop', data: 'Data', schedules: 'Schedules', noSchedules: 'No schedule belongs to what this tenant has turned on.',
    cron: 'Pattern', zone: 'Zone', next: 'Next', last: 'Last', never: 'never', said: { retry: 'It will be tried again.', drop: 'It was dropped: what it was to do is not done.' },
  },
  sagas: {
    list: 'Sagas', empty: 'No saga is in this state.', name: 'Saga', key: 'Belongs to', state: 'State', step: 'Step', owner: 'Owner', since: 'Since', show: 'Show', open: 'only open ones', title: 'Saga {id}', toList: 'All sagas', problem: 'Refused with', error: 'Last error', deadline: 'Deadline',
    states: { running: 'running', waiting: 'waits for an answer', stalled: 'stalled', compensating: 'taking back', compensation_waiting: 'taking back, waits for an answer', compensation_stuck: 'cannot be taken back', done: 'done', undone: 'taken back' },
    plan: 'Plan', kind: 'Does it', kinds: { verb: 'here', call: 'by a call' }, undo: 'Can be taken back', pivot: 'no way back behind it', steps: 'What happened', noSteps: 'Nothing has happened yet.', no: 'No', move: 'Direction', moves: { do: 'forward', undo: 'back' }, result: 'Result', by: 'By', at: 'When',
    results: { done: 'done', refused: 'refused', unknown: 'not known', skipped: 'skipped', asked: 'asked', retry: 'to be tried again', undo: 'to be taken back' },
    decide: 'Your decision', decideText: 'It waits for a person. What you decide is recorded under your name.', reason: 'Reason', reasons: { 'cause-removed': 'the cause is removed', 'checked-outside': 'checked with the other side', 'done-by-hand': 'done by hand', 'not-needed': 'not needed any more' },
    decisions: { retry: 'Try again', skip: 'Skip this step', undo: 'Take everything back' }, said: 'Recorded. It is now: {state}.', overdue: 'past its deadline',
  },
};
export type SpineWords = typeof en;
