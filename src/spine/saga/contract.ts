import { z } from 'zod';
import { event, problem, token, zId, zInstant, type Signal } from '#kernel';

/** How long a worker may hold a saga between two steps before another takes it. */
export const LEASE_MS = 10_000;
/** Sagas that one process has under way. */
export const RUNNING_MAX = 128;
export const POLL_MS = 500;
/** Wait before try n: 2ⁿ s with jitter, at most this; there is no last try. */
export const BACKOFF_MS_MAX = 600_000;
/** Tries that fail before a person is asked; the tries go on. */
export const TRIES_BEFORE_ALERT = 5;
export const STEPS_MAX = 40;
export const SAGAS_PAGE_MAX = 100;
export const KEPT_MS = 90 * 86_400_000;
export const FORGET_EVERY_MS = 3_600_000;
export const FORGET_MAX = 1000;
export const KEY_CHARS_MAX = 200;

export const sagaStates = ['running', 'waiting', 'stalled', 'compensating', 'compensation_waiting', 'compensation_stuck', 'done', 'undone'] as const;
export type SagaState = (typeof sagaStates)[number];
export type StepResult = 'done' | 'refused' | 'unknown' | 'skipped' | 'asked';
export type Move = 'do' | 'undo';

/** A run as its worker knows it. */
export interface SagaRow {
  readonly id: string;
  readonly tenant: string;
  readonly name: string;
  readonly version: number;
  readonly key: string;
  readonly state: SagaState;
  readonly at: number;
  readonly moves: number;
  readonly input: string;
  readonly vals: string;
  readonly tries: number;
  readonly problem: string | null;
  readonly trace: string;
  readonly deadline_at: Date;
  readonly next_at: Date | null;
}

/** Wakes who waits for sagas in this process. */
export type SagaSignal = Signal;
export const SagaSignal = token<SagaSignal>('saga.signal');

/** Named points at which the kill proofs stop a process; nothing is provided in production. */
export const SAGA_POINTS = ['claimed', 'effect-made', 'step-committed', 'undo-made', 'undo-committed'] as const;
export interface SagaProbe { at(point: (typeof SAGA_POINTS)[number], saga: string): Promise<void> }
export const SagaProbe = token<SagaProbe | undefined>('saga.probe');

export const SagaStuck = event('saga.stuck', {
  version: 1, alert: true, doc: 'A saga needs a person: a step forward stalled, or taking back did not succeed.',
  data: { saga: z.string(), name: z.string(), state: z.string(), step: z.string(), owner: z.string() },
});
export const SagaUndone = event('saga.undone', {
  version: 1, doc: 'A step of a saga was refused and all that had been done was taken back.', data: { saga: z.string(), name: z.string(), problem: z.string() },
});

export const sagaUnknown = problem('saga-unknown', { status: 404, title: 'There is no such saga.',
  doc: 'Check the id. Another tenant’s saga answers the same.' });
export const notWaitingForYou = problem('saga-not-waiting-for-you', {
  status: 409, title: 'This saga waits for nobody’s decision of this kind.',
  doc: 'Look at it again: retry and skip are for one that is stalled or stuck, undo for one that is stalled before its point of no return.',
});

export const decisions = ['retry', 'skip', 'undo'] as const;
export type Decision = (typeof decisions)[number];
/** Why a person decided; codes, since a sentence could itself be about a person. */
export const reasons = ['cause-removed', 'checked-outside', 'done-by-hand', 'not-needed'] as const;

export const zSagaId = zId('saga');
export const zSagasQuery = z.strictObject({ query: z.strictObject({ state: z.enum(sagaStates), open: z.literal('yes'),
  cursor: zSagaId }).partial() }).partial();
export const zSagaOut = z.strictObject({
  saga: zSagaId, name: z.string(), version: z.int(), key: z.string(), state: z.enum(sagaStates), step: z.string().nullable(), owner: z.string().nullable(),
  problem: z.string().nullable(), error: z.string().nullable(), tries: z.int(), nextAt: zInstant.nullable(), deadlineAt: zInstant, createdAt: zInstant,
  endedAt: zInstant.nullable(), trace: z.string(), overdue: z.boolean(),
});
export const zSagasOut = z.strictObject({ sagas: z.array(zSagaOut), next: z.string().nullable() });
export const zOfSaga = z.strictObject({ params: z.strictObject({ saga: zSagaId }) });
export const zStepOut = z.strictObject({
  no: z.int(), step: z.string(), move: z.enum(['do', 'undo']), result: z.string(), problem: z.string().nullable(), by: zId('opr').nullable(),
  reason: z.string().nullable(), at: zInstant,
});
export const zSagaStory = z.strictObject({
  saga: zSagaOut, plan: z.array(z.strictObject({ step: z.string(), doc: z.string(), kind: z.string(), undo: z.boolean(), pivot: z.boolean() })),
  steps: z.array(zStepOut), may: z.array(z.enum(decisions)),
});
export const zDecide = z.strictObject({ params: z.strictObject({ saga: zSagaId, decision: z.enum(decisions) }),
  body: z.strictObject({ reason: z.enum(reasons) }) });
export const zDecided = z.strictObject({ saga: zSagaId, state: z.enum(sagaStates) });
export type SagaOut = z.output<typeof zSagaOut>;
