import { machine, type Machine, type Saga, type SagaStep, type StepValue } from '#kernel';
import { BACKOFF_MS_MAX, type Decision, type Move, type SagaState } from './contract.ts';

export const states: Machine<SagaState> = machine<SagaState>('saga', 'running', {
  running: ['waiting', 'done', 'compensating', 'undone', 'stalled'],
  waiting: ['running', 'done', 'compensating', 'undone', 'stalled'],
  stalled: ['running', 'waiting', 'compensating', 'undone', 'done'],
  compensating: ['compensation_waiting', 'undone', 'compensation_stuck'],
  compensation_waiting: ['compensating', 'undone', 'compensation_stuck'],
  compensation_stuck: ['compensating', 'compensation_waiting', 'undone'],
  done: [], undone: [],
});

/** True where steps are being taken back. */
export const isBackward = (state: SagaState): boolean => state.startsWith('compensat');
export const moveOf = (state: SagaState): Move => (isBackward(state) ? 'undo' : 'do');
/** True where only a person, or a try that succeeds after all, goes on. */
export const needsPerson = (state: SagaState): boolean => state === 'stalled' || state === 'compensation_stuck';

export type Values = Readonly<Record<string, StepValue>>;
export interface Place { readonly state: SagaState; readonly at: number }
type Steps = Pick<Saga, 'steps'>;
const stepAt = (saga: Steps, at: number): SagaStep => saga.steps[at] as SagaStep;

/** Where a saga stands when the step before `at` is behind it. */
export const forward = (saga: Steps, at: number): Place => (at < saga.steps.length ? { state: 'running', at } : { state: 'done', at: saga.steps.length - 1 });

/** The next step to take back at or below `from`: one that was done and can be; then nothing is left. */
export function backward(saga: Steps, from: number, values: Values): Place {
  for (let at = from; at >= 0; at--) if (stepAt(saga, at).undo && stepAt(saga, at).name in values) return { state: 'compensating', at };
  return { state: 'undone', at: 0 };
}

/** True when a step that cannot be gone back behind stands before `at`. */
export const pastPivot = (saga: Steps, at: number): boolean => saga.steps.slice(0, at).some((s) => s.pivot);

/** What follows a step's answer. A refusal behind the pivot, and a refused undo, wait for a person. */
export function follow(saga: Steps, from: Place, answer: 'done' | 'refused' | 'unknown', values: Values): Place {
  const { at } = from;
  if (isBackward(from.state)) return answer === 'done' ? backward(saga, at - 1, values) : { state: 'compensation_stuck', at };
  if (answer === 'done') return forward(saga, at + 1);
  return answer === 'refused' && !pastPivot(saga, at) ? backward(saga, at - 1, values) : { state: 'stalled', at };
}

/** What a person may decide about a saga that stands here. */
export function mayDecide(saga: Steps, { state, at }: Place): Decision[] {
  if (state === 'compensation_stuck') return ['retry', 'skip'];
  if (state === 'stalled') return pastPivot(saga, at) ? ['retry', 'skip'] : ['retry', 'skip', 'undo'];
  return [];
}

/** The key of a step's call at the other side: the same one however often it is asked for. */
export const callKey = (saga: string, step: string, move: Move): string => `saga-${saga}-${step}-${move}`;

/** Milliseconds before try `tries + 1`; `unit` in [0, 1) spreads the tries. */
export const backoffMs = (tries: number, unit: number): number =>
  Math.round(Math.min(BACKOFF_MS_MAX, 1000 * 2 ** Math.min(Math.max(0, tries - 1), 20)) * (0.8 + 0.4 * unit));
