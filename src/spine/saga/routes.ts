import { route } from '#kernel';
import { notWaitingForYou, sagaUnknown, zDecide, zDecided, zOfSaga, zSagasOut, zSagasQuery, zSagaStory } from './contract.ts';
import { decide, listed, shown } from './service/decide.ts';

const saga = `saga_${'0'.repeat(32)}` as const;

export const routes = [
  route('GET /sagas', {
    summary: 'Sagas, newest first: all, those of a state, or those that have not ended.', scope: 'saga:read', input: zSagasQuery, output: zSagasOut,
      problems: [],
    verb: listed, example: { input: { query: { open: 'yes' } } },
  }),
  route('GET /sagas/:saga', {
    summary: 'One saga: its plan, what became of each step, and what may be decided about it now.', scope: 'saga:read', input: zOfSaga, output: zSagaStory,
    problems: [sagaUnknown], verb: shown, example: { input: { params: { saga } } },
  }),
  route('POST /sagas/:saga/:decision', {
    summary: 'Retries, skips or undoes a saga that waits for a person.', scope: 'saga:decide', input: zDecide, output: zDecided, idempotent: 'required',
    problems: [sagaUnknown, notWaitingForYou], audit: 'saga.decided', verb: decide,
    example: { input: { params: { saga, decision: 'retry' }, body: { reason: 'cause-removed' } } },
  }),
];
