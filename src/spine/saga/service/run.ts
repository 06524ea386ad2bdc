import {
  createGroup, errorFields, perform, realNow, spineTransact, systemRandom, transact, uuid, uuidv7, type Item, type Module, type Origin,
  type Saga, type SectionTx, type TenantRef, type Worker, type WorkerContext,
} from '#kernel';
import { FORGET_EVERY_MS, FORGET_MAX, KEPT_MS, LEASE_MS, POLL_MS, RUNNING_MAX, SagaProbe, SagaSignal, TRIES_BEFORE_ALERT, type SagaRow } from '../contract.ts';
import { backoffMs, isBackward, moveOf, needsPerson } from '../rules.ts';
import { claimSagas, failSaga, forgetSagas, putOff } from '../store.ts';
import { actionOf, alert, later, originOf, runStep, SagaTaken, stepOf } from './settle.ts';

type Step = { readonly saga: Saga; readonly row: SagaRow };
type Group = (tenant: TenantRef, by: Origin, input: Step) => Promise<SagaRow>;

const nameOf = (saga: Pick<Saga, 'name' | 'version'>): string => `${saga.name} ${saga.version}`;
export const sagasOf = (modules: readonly Module[]): ReadonlyMap<string, Saga> => new Map(modules.flatMap((m) => m.sagas ?? []).map((s) => [nameOf(s), s]));
export const sagaOf = (all: ReadonlyMap<string, Saga>, row: Pick<SagaRow, 'name' | 'version'>): Saga | undefined => all.get(nameOf(row));

/** The steps of one process: sagas that come to the same plural step together share its transaction. */
function makeSteps(w: WorkerContext): (tenant: TenantRef, step: Step) => Promise<SagaRow> {
  const groups = new Map<string, Group>();
  const probe = w.cell.use(SagaProbe);
  const together = (tx: SectionTx, items: readonly Item<Step>[]): Promise<SagaRow[]> => {
    const { row } = (items[0] as Item<Step>).input;
    return runStep(tx, items, async () => probe?.at(isBackward(row.state) ? 'undo-made' : 'effect-made', row.name));
  };
  return async (tenant, step) => {
    const { saga, row } = step;
    const by = originOf(row);
    if (actionOf(saga, row).kind !== 'plural') {
      const [rows] = await transact(w.cell, w.cell.pools.app, [{ tenant, run: (tx) => together(tx, [{ ...by, input: step, atMs: 0 }]) }]);
      return (rows as SagaRow[])[0] as SagaRow;
    }
    const name = `saga ${nameOf(saga)} ${stepOf(saga, row).name} ${moveOf(row.state)}`;
    let group = groups.get(name);
    if (!group) groups.set(name, (group = createGroup<Step, SagaRow>(w.cell, name, w.log, together)));
    return group(tenant, by, step);
  };
}

interface Running { readonly w: WorkerContext; readonly tenant: TenantRef; readonly saga: Saga; readonly step: ReturnType<typeof makeSteps> }

/** A try that threw says nothing of the step: it is made again, and after a few a person is told. */
async function failed(r: Running, row: SagaRow, error: unknown): Promise<void> {
  const tries = row.tries + 1;
  const state = tries < TRIES_BEFORE_ALERT ? row.state : isBackward(row.state) ? 'compensation_stuck' : 'stalled';
  const fields = { saga: row.name, step: stepOf(r.saga, row).name, tries, trace: row.trace, ...errorFields(error) };
  if (needsPerson(state)) r.w.log.error('saga.stuck', { ...fields, state, owner: r.saga.owner });
  else r.w.log.warn('saga.step-failed', fields);
  await perform(r.w.cell, r.tenant, originOf(row), async (tx) => {
    const noted = await failSaga(tx.sql, row.id, row.moves, {
      state, tries, error: error instanceof Error ? error.name : 'unknown', nextAt: later(realNow(tx), backoffMs(tries, systemRandom.unit())),
    });
    if (noted.length && needsPerson(state) && !needsPerson(row.state)) alert(tx.section, r.saga, row, { state, at: row.at });
  });
}

/** Past its deadline a saga asks a person before it goes any further forward. */
const overdue = (r: Running, row: SagaRow): Promise<void> => perform(r.w.cell, r.tenant, originOf(row), async (tx) => {
  const noted = await failSaga(tx.sql, row.id, row.moves, { state: 'stalled', tries: row.tries, error: 'DeadlinePassed', nextAt: null });
  if (!noted.length || needsPerson(row.state)) return;
  r.w.log.error('saga.stuck', { saga: row.name, step: stepOf(r.saga, row).name, state: 'stalled', owner: r.saga.owner, trace: row.trace });
  alert(tx.section, r.saga, row, { state: 'stalled', at: row.at });
});

/** Takes a saga on, step after step, until it ends, waits for a call or a person, or a step throws. */
async function runSaga(r: Running, claimed: SagaRow & { late: boolean }): Promise<void> {
  const probe = r.w.cell.use(SagaProbe);
  await probe?.at('claimed', claimed.name);
  let row: SagaRow = claimed;
  try {
    if (claimed.late && !isBackward(row.state)) return await overdue(r, row);
    for (;;) {
      const back = isBackward(row.state);
      row = await r.step(r.tenant, { saga: r.saga, row });
      await probe?.at(back ? 'undo-committed' : 'step-committed', row.name);
      if ((row.state !== 'running' && row.state !== 'compensating') || r.w.signal.aborted) return;
    }
  } catch (error) {
    if (error instanceof SagaTaken) return;
    await failed(r, row, error);
  }
}

/** Claims sagas that are due and takes them on until the process ends. */
export const runner: Worker = {
  name: 'saga.runner', role: 'worker',
  async run(w) {
    const me = uuidv7(w.clock.now(), systemRandom);
    const all = sagasOf(w.modules);
    const step = makeSteps(w);
    const signal = w.cell.use(SagaSignal);
    const running = new Set<Promise<void>>();
    while (!w.signal.aborted) {
      const waiting = signal.wait(POLL_MS, w.signal);
      const free = RUNNING_MAX - running.size;
      const rows = free > 0 ? await spineTransact(w.cell, (tx) => claimSagas(tx.sql, me, tx.now, later(tx.now, LEASE_MS), free)) : [];
      for (const row of rows) {
        const [tenant, saga] = [await w.tenant(uuid(row.tenant)), sagaOf(all, row)];
        if (!tenant || !saga) {
          // This process is behind, or ahead: one that knows the tenant and this version takes it.
          await spineTransact(w.cell, (tx) => putOff(tx.sql, row.id, me, tenant ? 'UnknownSaga' : 'UnknownTenant', later(tx.now, LEASE_MS)));
          continue;
        }
        const done = runSaga({ w, tenant, saga, step }, row).catch((error: unknown) => w.log.warn('saga.run-failed', errorFields(error)))
          .finally(() => running.delete(done));
        running.add(done);
      }
      if (running.size >= RUNNING_MAX) await Promise.race(running);
      else if (rows.length < free) await waiting;
    }
    await Promise.allSettled(running);
  },
};

/** Forgets what ended long ago. Two processes at once only share the work. */
export const forgetter: Worker = {
  name: 'saga.forgetter', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      for (const tenant of w.tenants()) {
        const by: Origin = { actor: { kind: 'system', name: 'saga.forgetter' }, trace: tenant.id };
        for (let more = true; more && !w.signal.aborted;) {
          more = (await perform(w.cell, tenant, by, (tx) => forgetSagas(tx.sql, tenant.id, later(realNow(tx), -KEPT_MS), FORGET_MAX))).length === FORGET_MAX;
        }
      }
      await w.clock.sleep(FORGET_EVERY_MS, w.signal);
    }
  },
};
