import {
  allOf, bind, createGroup, errorFields, nextCallStep, perform, provide, spineTransact, systemRandom, uuid, uuidv7, within, type AnyCall, type CallContext,
  type Clock, type Item, type JobHandler, type Origin, type Provided, type SectionTx, type TenantRef, type Tx, type Worker, type WorkerContext, type Writer,
} from '#kernel';
import { CallProbe, CLAIM_MAX, JobSignal, LEASE_MS, POLL_MS, type Job } from './contract.ts';
import { backoffMs } from './rules.ts';
import { claimJobs, clearAttempt, failJob, finishJobs, insertJobs, noteAttempts, type NewJobs } from './store.ts';

const emptyJobs = (): NewJobs => ({ name: [], key: [], dedupe: [], data: [], trace: [], runAt: [], attemptsMax: [], callKey: [] });

/** Writes the section's jobs in its commit. */
export const jobWriter: Writer = {
  name: 'spine/jobs', rank: 70,
  write(tx, pending) {
    if (!pending.jobs.length) return undefined;
    const fresh = emptyJobs(), asked = emptyJobs();
    // The queue runs on the database's clock, whatever the tenant's clock says; a verb speaks in its tenant's time.
    const real = (at: Date): Date => new Date(at.getTime() - tx.tenant.clockOffsetMs);
    for (const { by, job } of pending.jobs) {
      const rows = job.asked ? asked : fresh;
      rows.name.push(job.type.name);
      rows.key.push(job.key ?? null);
      rows.dedupe.push(job.dedupe ?? null);
      rows.data.push(JSON.stringify(job.type.data.parse(job.data)));
      rows.trace.push(by.trace);
      rows.runAt.push(real(job.runAt ?? tx.now));
      rows.attemptsMax.push(job.type.attemptsMax);
      rows.callKey.push(job.callKey ?? tx.uuid());
    }
    tx.afterCommit(() => tx.use(JobSignal).wake());
    const now = real(tx.now);
    return () => Promise.all([
      ...(fresh.name.length ? [insertJobs(tx.sql, tx.tenant.id, now, null, fresh)] : []),
      ...(asked.name.length ? [insertJobs(tx.sql, tx.tenant.id, now, now, asked)] : []),
    ]);
  },
};

function makeSignal(clock: Clock): JobSignal {
  let waiting = new AbortController();
  return {
    wake() {
      const woken = waiting;
      waiting = new AbortController();
      woken.abort();
    },
    wait: (msMax, ending) => clock.sleep(msMax, AbortSignal.any([waiting.signal, ending])),
  };
}
export const signalState: Provided = provide(JobSignal, (cell) => makeSignal(cell.clock));

class LeaseLost extends Error {}

type Prepared = { readonly kind: 'ended' } | { readonly kind: 'send' | 'inquire'; readonly request: unknown; readonly now: Date };
interface Preparing { readonly job: Job; readonly call: AnyCall }
interface Recording { readonly job: Job; readonly record: (tx: Tx) => Promise<void> }

/** One worker's calls: those that come to the same point together share the transaction. */
interface Calls {
  prepare(tenant: TenantRef, by: Origin, input: Preparing): Promise<Prepared>;
  record(tenant: TenantRef, by: Origin, input: Recording): Promise<void>;
}

interface Running { readonly w: WorkerContext; readonly worker: string; readonly tenant: TenantRef; readonly job: Job; readonly calls: Calls }
const originOf = (r: Running): Origin => ({ actor: { kind: 'system', name: r.job.name }, trace: r.job.trace });

const lease = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

/** Throws when one of the jobs is no longer this worker's: nothing of this transaction may stay, and bisecting finds the one. */
async function finish(tx: SectionTx, ids: readonly bigint[], worker: string): Promise<void> {
  if (ids.length && (await finishJobs(tx.sql, ids, worker)).length !== ids.length) throw new LeaseLost();
}

/** Runs a verb of the job and removes the job, in one transaction. */
const finishWith = (r: Running, run: (tx: Tx) => Promise<void>): Promise<void> => perform(r.w.cell, r.tenant, originOf(r), async (tx) => {
  await run(tx);
  await finish(tx.section, [r.job.id], r.worker);
});

/** For each call: what is next, what to send, and, before anything is sent, that it is about to be. */
async function prepareAll(tx: SectionTx, items: readonly Item<Preparing>[], worker: string): Promise<Prepared[]> {
  // Jobs live by the database's own clock, whatever clock their tenant was moved to.
  const now = lease(tx.now, -tx.tenant.clockOffsetMs);
  const steps = await allOf(items.map(async (item) => {
    const { job, call } = item.input;
    const kind = nextCallStep({ sentAt: job.sent_at, createdAt: job.created_at }, now, call.deadlineMs);
    const request: unknown = kind === 'expire' ? await call.expire(bind(tx, item), job.data) : await call.request(bind(tx, item), job.data);
    return kind === 'expire' || request === undefined ? { job, call, kind: 'ended' as const } : { job, call, kind, request };
  }));
  await finish(tx, steps.flatMap((s) => (s.kind === 'ended' ? [s.job.id] : [])), worker);
  const sends = steps.filter((s) => s.kind === 'send');
  if (sends.length) {
    const until = lease(now, LEASE_MS + Math.max(...sends.map((s) => s.call.sendBudgetMs)));
    if ((await noteAttempts(tx.sql, sends.map((s) => s.job.id), worker, now, until)).length !== sends.length) throw new LeaseLost();
  }
  return steps.map((s): Prepared => (s.kind === 'ended' ? { kind: 'ended' } : { kind: s.kind, request: s.request, now }));
}

/** Writes the results of calls; each job goes first, so that none is recorded whose lease was lost. */
async function recordAll(tx: SectionTx, items: readonly Item<Recording>[], worker: string): Promise<void[]> {
  await finish(tx, items.map((i) => i.input.job.id), worker);
  const done: void[] = [];
  for (const item of items) done.push(await item.input.record(bind(tx, item)));
  return done;
}

/** The five points of a call, each with its own commit; see kernel/call. */
async function runCall(r: Running, call: AnyCall): Promise<void> {
  const { w, job } = r;
  const probe = w.cell.use(CallProbe);
  await probe?.at('tx1-committed', job.name);
  const step = await r.calls.prepare(r.tenant, originOf(r), { job, call });
  if (step.kind === 'ended') return;
  const { request, now } = step;
  const context: CallContext = { key: job.call_key as string, signal: AbortSignal.timeout(call.sendBudgetMs), use: w.cell.use };
  if (step.kind === 'inquire') {
    const found = await call.inquire(request, context);
    if (found !== 'not-found') return r.calls.record(r.tenant, originOf(r), { job, record: (tx) => call.record(tx, job.data, found) });
    const proven = now.getTime() - (job.sent_at as Date).getTime() > call.visibilityMs;
    if (proven) await spineTransact(w.cell, (tx) => clearAttempt(tx.sql, job.id, r.worker));
    throw new Error(proven ? 'not there: will be sent again' : 'not there yet');
  }
  await probe?.at('attempt-committed', job.name);
  // The trace is the one of the request that asked for it: what the outside world took stands beside what we took.
  const span = w.cell.tracer?.start(`call ${job.name}`, { kind: 'call', trace: job.trace, attributes: { attempt: job.attempts, tenant: r.tenant.slug } });
  const sending = within(span, () => call.send(request, context));
  if (probe) {
    sending.catch(() => undefined);
    await probe.at('request-sent', job.name);
  }
  const result = await sending;
  await probe?.at('answer-received', job.name);
  await r.calls.record(r.tenant, originOf(r), { job, record: (tx) => call.record(tx, job.data, result) });
  await probe?.at('tx2-committed', job.name);
}

async function runJob(r: Running, handlers: ReadonlyMap<string, JobHandler>, calls: ReadonlyMap<string, AnyCall>): Promise<void> {
  const { w, job } = r;
  try {
    const call = calls.get(job.name);
    const handler = handlers.get(job.name);
    if (call) await runCall(r, call);
    else if (job.attempts > job.attempts_max) throw new Error('its last try ended with the process');
    else if (handler) await finishWith(r, (tx) => handler.run(tx, handler.job.data.parse(job.data)));
    else throw new Error('no handler bears this name');
  } catch (error) {
    if (error instanceof LeaseLost) return;
    const dead = job.attempts >= job.attempts_max;
    w.log.warn(dead ? 'jobs.dead' : 'jobs.failed', { job: job.name, attempts: job.attempts, trace: job.trace, ...errorFields(error) });
    await spineTransact(w.cell, (tx) => failJob(tx.sql, job.id, r.worker, error instanceof Error ? error.name : 'unknown',
      lease(tx.now, backoffMs(job.attempts, systemRandom.unit())), dead ? tx.now : null));
  }
}

/** Claims jobs and runs them until the process ends. */
export const worker: Worker = {
  name: 'jobs.worker', role: 'worker',
  async run(w) {
    const me = uuidv7(w.clock.now(), systemRandom);
    const handlers = new Map(w.modules.flatMap((m) => m.handlers ?? []).map((h) => [h.job.name, h]));
    const calls = new Map(w.modules.flatMap((m) => [...m.calls ?? [], ...(m.sagas ?? []).flatMap((s) => s.calls)]).map((c) => [c.job.name, c]));
    const ofCalls: Calls = {
      prepare: createGroup<Preparing, Prepared>(w.cell, 'jobs.prepare', w.log, (tx, items) => prepareAll(tx, items, me)),
      record: createGroup<Recording, void>(w.cell, 'jobs.record', w.log, (tx, items) => recordAll(tx, items, me)),
    };
    const signal = w.cell.use(JobSignal);
    const running = new Set<Promise<void>>();
    while (!w.signal.aborted) {
      const waiting = signal.wait(POLL_MS, w.signal);
      const free = CLAIM_MAX - running.size;
      const rows = free > 0 ? await spineTransact(w.cell, (tx) => claimJobs(tx.sql, me, tx.now, lease(tx.now, LEASE_MS), free)) : [];
      for (const row of rows) {
        const job = { ...row, data: JSON.parse(row.data as unknown as string) as Record<string, unknown> };
        const tenant = await w.tenant(uuid(job.tenant));
        if (!tenant) {
          // The directory of this process may be behind; the job waits without running.
          await spineTransact(w.cell, (tx) => failJob(tx.sql, job.id, me, 'UnknownTenant', lease(tx.now, backoffMs(job.attempts, systemRandom.unit())), null));
          continue;
        }
        const done = runJob({ w, worker: me, tenant, job, calls: ofCalls }, handlers, calls).finally(() => running.delete(done));
        running.add(done);
      }
      if (running.size >= CLAIM_MAX) await Promise.race(running);
      else if (rows.length < free) await waiting;
    }
    await Promise.allSettled(running);
  },
};
