import {
  allOf, bind, realNow, uuid, type Item, type Origin, type Outcome, type Saga, type SagaStep, type SectionTx, type StepAction, type StepInput,
  type StepValue, type Tx,
} from '#kernel';
import { toldSignal } from '#spine/events';
import { LEASE_MS, SagaSignal, SagaStuck, SagaUndone, type Move, type SagaRow } from '../contract.ts';
import { callKey, follow, moveOf, needsPerson, type Place, type Values } from '../rules.ts';
import { insertSteps, lockPlaces, lockSaga, moveSagas, type Moved, type NewStep } from '../store.ts';

/** Another worker has moved the saga: nothing of this transaction may stay. */
export class SagaTaken extends Error {}

/** Of whoever runs sagas. */
export const signal = toldSignal(SagaSignal, 'sagas');

export const later = (at: Date, ms: number): Date => new Date(at.getTime() + ms);

export const stepOf = (saga: Saga, row: Pick<SagaRow, 'at'>): SagaStep => saga.steps[row.at] as SagaStep;
export const actionOf = (saga: Saga, row: Pick<SagaRow, 'at' | 'state'>): StepAction => {
  const step = stepOf(saga, row);
  return moveOf(row.state) === 'undo' ? step.undo as StepAction : step.do;
};
export const valuesOf = (row: Pick<SagaRow, 'vals'>): Values => JSON.parse(row.vals) as Values;
export const inputOf = (row: SagaRow): StepInput => ({
  saga: uuid(row.id), key: row.key, input: JSON.parse(row.input) as StepInput['input'], values: valuesOf(row),
});
export const originOf = (row: SagaRow): Origin => ({ actor: { kind: 'system', name: row.name }, trace: row.trace });

/** What became of a step. */
export type Answer = Outcome<StepValue> | 'unknown' | 'skipped';
export interface Settled { readonly saga: Saga; readonly row: SagaRow; readonly answer: Answer; readonly decided?: Decided }
export interface Decided { readonly by: string | null; readonly reason: string }

const kindOf = (answer: Answer): 'done' | 'refused' | 'unknown' => {
  if (typeof answer === 'string') return answer === 'skipped' ? 'done' : 'unknown';
  return answer.ok ? 'done' : 'refused';
};

/** A lease that still has half of its time stays as it is: where no indexed column changes, the row's new version costs no index entry. */
const leaseOf = (row: SagaRow, now: Date, waitMs: number): Date =>
  (waitMs > 0 && row.next_at && row.next_at.getTime() - now.getTime() > waitMs / 2 ? row.next_at : later(now, waitMs));

/** Where the saga goes from here, and what stands about the step. */
function moved(tx: SectionTx, s: Settled, waitMs: number): { move: Moved; step: NewStep; place: Place; next: SagaRow } {
  const { row, saga, answer } = s;
  const step = stepOf(saga, row);
  const move = moveOf(row.state);
  let values = valuesOf(row);
  if (move === 'do' && typeof answer !== 'string' && answer.ok) values = { ...values, [step.name]: answer.value };
  // What may have been done is taken back with the rest when a person says so, so it counts as if it was.
  if (move === 'do' && answer === 'unknown') values = { ...values, [step.name]: {} };
  if (move === 'do' && answer === 'skipped') values = Object.fromEntries(Object.entries(values).filter(([name]) => name !== step.name));
  const place = follow(saga, row, kindOf(answer), values);
  const problem = typeof answer !== 'string' && !answer.ok ? answer.problem.code : null;
  const over = place.state === 'done' || place.state === 'undone';
  const now = realNow(tx);
  const goesOn = !over && !needsPerson(place.state);
  const vals = JSON.stringify(values);
  const nextAt = goesOn ? leaseOf(row, now, waitMs) : null;
  return {
    place, next: { ...row, ...place, next_at: nextAt, vals, moves: row.moves + 1, tries: 0, problem: (move === 'do' ? problem : null) ?? row.problem },
    move: { id: row.id, ...place, vals, problem: move === 'do' ? problem : null, nextAt,
      endedAt: over ? now : null },
    step: {
      saga: row.id, no: row.moves + 1, step: step.name, move, result: typeof answer === 'string' ? answer : answer.ok ? 'done' : 'refused', problem,
      value: typeof answer !== 'string' && answer.ok ? JSON.stringify(answer.value) : null, by: s.decided?.by ?? null, reason: s.decided?.reason ?? null,
    },
  };
}

/** Tells whoever is to decide; in the commit that makes the saga wait for them. */
export function alert(tx: SectionTx, saga: Saga, row: SagaRow, place: Place): void {
  const by = originOf(row);
  const step = stepOf(saga, place).name;
  tx.emit(by, SagaStuck, row.id, { saga: row.id, name: row.name, state: place.state, step, owner: saga.owner });
  tx.audit(by, { action: 'saga.stuck', result: 'failed', resource: `saga ${row.id}`, detail: { name: row.name, state: place.state, step, owner: saga.owner } });
}

/**
 * Records steps of sagas whose places are locked; resolves to where each stands now. `waitMs` is when the saga is due again: a lease for the
 * worker that has it, or 0 where any worker may take it at once.
 */
export function settle(tx: SectionTx, items: readonly Settled[], waitMs: number): SagaRow[] {
  const all = items.map((s) => moved(tx, s, waitMs));
  tx.write(() => Promise.all([moveSagas(tx.sql, all.map((m) => m.move)), insertSteps(tx.sql, tx.tenant.id, tx.now, all.map((m) => m.step))]));
  all.forEach(({ place, next }, i) => {
    const { saga, row } = items[i] as Settled;
    if (needsPerson(place.state)) alert(tx, saga, row, place);
    if (place.state === 'undone') {
      tx.emit(originOf(row), SagaUndone, row.id, { saga: row.id, name: row.name, problem: next.problem ?? 'taken-back' });
    }
  });
  return all.map((m) => m.next);
}

/** Waits for both, and only then throws: a rollback must be the last statement of its transaction. */
async function both<A, B>(a: Promise<A>, b: Promise<B>): Promise<[A, B]> {
  await allOf<unknown>([a, b]);
  return [await a, await b];
}

/** Runs one step of several sagas of a tenant: their places are locked, their effects made and recorded, all in this transaction. */
export async function runStep(tx: SectionTx, items: readonly Item<{ saga: Saga; row: SagaRow }>[], made: () => Promise<void>): Promise<SagaRow[]> {
  const rows = items.map((i) => i.input.row);
  const first = items[0] as Item<{ saga: Saga; row: SagaRow }>;
  const action = actionOf(first.input.saga, first.input.row);
  const inputs = items.map((i) => ({ ...i, input: inputOf(i.input.row) }));
  const [locked, answers] = await both(
    lockPlaces(tx.sql, rows.map((r) => r.id)),
    action.kind === 'plural' ? action.plural(tx, inputs)
      : action.kind === 'verb' ? allOf(inputs.map((i) => action.verb(bind(tx, i), i.input))) : ask(tx, items),
  );
  const moves = new Map(locked.map((l) => [l.id, l.moves]));
  if (rows.some((r) => moves.get(r.id) !== r.moves)) throw new SagaTaken();
  await made();
  return answers === undefined ? rows.map((r) => ({ ...r, state: moveOf(r.state) === 'undo' ? 'compensation_waiting' : 'waiting', moves: r.moves + 1 }))
    : settle(tx, items.map((i, k) => ({ ...i.input, answer: answers[k] as Outcome<StepValue> })), LEASE_MS);
}

/** Sends a step's call on its way: the job carries the key that stays the same, and the saga waits for its answer. */
export function sendCall(tx: SectionTx, saga: Saga, row: SagaRow, again?: Decided): void {
  const action = actionOf(saga, row);
  if (action.kind !== 'call') throw new Error('only a call is sent');
  const step = stepOf(saga, row);
  const move: Move = moveOf(row.state);
  tx.later(originOf(row), action.call.job, { saga: row.id, moves: row.moves + 1 }, { callKey: callKey(row.id, step.name, move),
    ...(again ? { asked: true } : {}) });
  tx.write(() => Promise.all([
    moveSagas(tx.sql, [{ id: row.id, state: move === 'undo' ? 'compensation_waiting' : 'waiting', at: row.at, vals: row.vals, problem: null,
      nextAt: null, endedAt: null }]),
    insertSteps(tx.sql, tx.tenant.id, tx.now, [{ saga: row.id, no: row.moves + 1, step: step.name, move, result: 'asked', value: null, problem: null,
      by: again?.by ?? null, reason: again?.reason ?? null }]),
  ]));
}

async function ask(tx: SectionTx, items: readonly Item<{ saga: Saga; row: SagaRow }>[]): Promise<undefined> {
  for (const i of items) sendCall(tx, i.input.saga, i.input.row);
  return undefined;
}

interface CallData { readonly saga?: unknown; readonly moves?: unknown }
/** The saga of a call, locked, when it still waits for this one. */
async function waitingFor(tx: Tx, data: CallData): Promise<SagaRow | undefined> {
  const row = await lockSaga(tx.sql, String(data.saga));
  return row && row.moves === data.moves && row.state.endsWith('waiting') ? row : undefined;
}

export async function requestOf<R>(tx: Tx, _: Saga, data: CallData, request: (tx: Tx, input: StepInput) => Promise<R>): Promise<R | undefined> {
  const row = await waitingFor(tx, data);
  return row && request(tx, inputOf(row));
}

/** Records a call's answer, or that there is none by its deadline, and lets the saga go on at once. */
export async function recordCall(tx: Tx, saga: Saga, data: CallData, outcome: ((input: StepInput) => Promise<Outcome<StepValue>>) | undefined): Promise<void> {
  const row = await waitingFor(tx, data);
  if (!row) return;
  const answer = outcome ? await outcome(inputOf(row)) : 'unknown';
  settle(tx.section, [{ saga, row, answer }], 0);
  tx.afterCommit(() => signal.wake(tx));
}
