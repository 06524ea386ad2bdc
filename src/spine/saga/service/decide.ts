import type { z } from 'zod';
import { done, idOf, Manifests, realNow, refuse, uuidOf, type Outcome, type Saga, type Tx } from '#kernel';
import {
  notWaitingForYou, SAGAS_PAGE_MAX, sagaUnknown, type SagaOut, type SagaRow, type SagaState, type zDecide, type zDecided, type zOfSaga,
    type zSagasOut, type zSagaStory, type zSagasQuery,
} from '../contract.ts';
import { backward, mayDecide, moveOf, needsPerson, states } from '../rules.ts';
import { extendDeadline, insertSteps, lastResult, listSagas, listSteps, lockSaga, moveSagas, readSaga, type KnownSaga } from '../store.ts';
import { actionOf, later, sendCall, settle, signal, stepOf, valuesOf } from './settle.ts';
import { sagaOf, sagasOf } from './run.ts';

type Out<S extends z.ZodType> = Promise<Outcome<z.output<S>>>;

const ended = (row: KnownSaga): boolean => states.moves[row.state].length === 0;
function toOut(saga: Saga | undefined, row: KnownSaga, now: Date): SagaOut {
  return {
    saga: idOf('saga', row.id), name: row.name, version: row.version, key: row.key, state: row.state, problem: row.problem, error: row.error, tries: row.tries,
    step: ended(row) ? null : saga?.steps[row.at]?.name ?? null, owner: needsPerson(row.state) ? saga?.owner ?? null : null,
    nextAt: row.next_at, deadlineAt: row.deadline_at, createdAt: row.created_at, endedAt: row.ended_at, trace: row.trace,
    overdue: row.ended_at === null && row.deadline_at < now,
  };
}

export async function listed(tx: Tx, { query: q = {} }: z.output<typeof zSagasQuery>): Out<typeof zSagasOut> {
  const all = sagasOf(tx.use(Manifests));
  const rows = await listSagas(tx.sql, tx.tenant.id, q.state ?? null, q.open !== undefined, q.cursor ? uuidOf(q.cursor) : null, SAGAS_PAGE_MAX + 1);
  const page = rows.slice(0, SAGAS_PAGE_MAX);
  return done({ sagas: page.map((r) => toOut(sagaOf(all, r), r, realNow(tx))), next: rows.length > page.length ? idOf('saga',
    (page.at(-1) as KnownSaga).id) : null });
}

async function story(tx: Tx, row: KnownSaga): Promise<z.output<typeof zSagaStory>> {
  const saga = sagaOf(sagasOf(tx.use(Manifests)), row);
  return {
    saga: toOut(saga, row, realNow(tx)), may: saga ? mayDecide(saga, row) : [],
    plan: (saga?.steps ?? []).map((s) => ({ step: s.name, doc: s.doc, kind: s.do.kind === 'call' ? 'call' : 'verb', undo: s.undo !== undefined,
      pivot: s.pivot ?? false })),
    steps: (await listSteps(tx.sql, row.id)).map(({ by_operator: by, ...s }) => ({ ...s, by: by === null ? null : idOf('opr', by) })),
  };
}

export async function shown(tx: Tx, { params }: z.output<typeof zOfSaga>): Out<typeof zSagaStory> {
  const row = await readSaga(tx.sql, uuidOf(params.saga));
  return row ? done(await story(tx, row)) : refuse(sagaUnknown);
}

/** A person's retry, skip or undo. What they decide is recorded as a step of the saga and as a fact. */
export async function decide(tx: Tx, { params, body }: z.output<typeof zDecide>): Out<typeof zDecided> {
  const { decision } = params;
  const row = await lockSaga(tx.sql, uuidOf(params.saga));
  if (!row) return refuse(sagaUnknown);
  const saga = sagaOf(sagasOf(tx.use(Manifests)), row);
  const fact = { action: 'saga.decided', resource: `saga ${row.id}`, detail: { decision, name: row.name, state: row.state, reason: body.reason } };
  if (!saga || !mayDecide(saga, row).includes(decision)) {
    tx.audit({ ...fact, result: 'refused', problem: notWaitingForYou.code });
    return refuse(notWaitingForYou);
  }
  tx.audit({ ...fact, result: 'done' });
  const decided = { by: tx.actor.kind === 'operator' ? tx.actor.id : null, reason: body.reason };
  const now = realNow(tx);
  // Whoever lets it go on gives it as long again.
  tx.write(() => extendDeadline(tx.sql, row.id, later(now, saga.deadlineMs)));
  tx.afterCommit(() => signal.wake(tx));
  const answered = (state: SagaState): Outcome<z.output<typeof zDecided>> => done({ saga: params.saga, state });
  if (decision === 'skip') return answered((settle(tx.section, [{ saga, row, answer: 'skipped', decided }], 0)[0] as SagaRow).state);
  if (decision === 'retry' && actionOf(saga, row).kind === 'call' && await lastResult(tx.sql, row.id) === 'unknown') {
    sendCall(tx.section, saga, row, decided);
    return answered(moveOf(row.state) === 'undo' ? 'compensation_waiting' : 'waiting');
  }
  const place = decision === 'undo' ? backward(saga, row.at,
    valuesOf(row)) : { state: moveOf(row.state) === 'undo' ? 'compensating' as const : 'running' as const,
    at: row.at };
  const over = place.state === 'undone';
  tx.write(() => Promise.all([
    moveSagas(tx.sql, [{ id: row.id, ...place, vals: row.vals, problem: null, nextAt: over ? null : now, endedAt: over ? now : null }]),
    insertSteps(tx.sql, tx.tenant.id, tx.now, [{ saga: row.id, no: row.moves + 1, step: stepOf(saga, row).name, move: moveOf(row.state), result: decision,
      value: null, problem: null, ...decided }]),
  ]));
  return answered(place.state);
}
