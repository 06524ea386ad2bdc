import {
  allOf, bind, createGroup, nextCallStep, perform, realNow, spineStatement, within, type AnyCall, type CallContext, type Item, type Origin,
  type SectionTx, type TenantRef, type Tx, type WorkerContext,
} from '#kernel';
import { CallProbe, LEASE_MS, type Job } from '../contract.ts';
import { clearAttempt, finishJobs, finishMixed, noteAttempts, releaseNext } from '../store.ts';
import { wakeHere } from './wake.ts';

/** The other side has no trace of a call: when to go on is known, and is no matter of backing off. */
export class AskAgain extends Error {
  readonly afterMs: number;
  constructor(message: string, afterMs: number) {
    super(message);
    this.name = 'AskAgain';
    this.afterMs = afterMs;
  }
}

/** Another worker has the job: nothing of this transaction may stay. */
export class LeaseLost extends Error {}

type Prepared = { readonly kind: 'ended' } | { readonly kind: 'send' | 'inquire'; readonly request: unknown; readonly now: Date };
interface Preparing { readonly job: Job; readonly call: AnyCall }
interface Recording { readonly job: Job; readonly record: (tx: Tx) => Promise<void> }

/** One worker's calls: those that come to the same point together share the transaction. */
export interface Calls {
  prepare(tenant: TenantRef, by: Origin, input: Preparing): Promise<Prepared>;
  record(tenant: TenantRef, by: Origin, input: Recording): Promise<void>;
}

export interface Running { readonly w: WorkerContext; readonly tenant: TenantRef; readonly job: Job; readonly calls: Calls }
export const originOf = (r: Pick<Running, 'job'>): Origin => ({ actor: { kind: 'system', name: r.job.name }, trace: r.job.trace });

/** Between two inquiries. */
const ASK_MS_MIN = 1000;

const lease = (now: Date, ms: number): Date => new Date(now.getTime() + ms);

/** Lets the next job of each key be claimed with the end of the one before it, and says so. */
export function releaseAfter(tx: SectionTx, ended: readonly Pick<Job, 'id' | 'name' | 'key'>[]): void {
  tx.write(() => releaseNext(tx.sql, tx.tenant.id, ended));
  tx.afterCommit(() => wakeHere(tx));
}

/** Throws when one of the jobs is no longer this worker's: nothing of this transaction may stay, and bisecting finds the one. */
export async function finish(tx: SectionTx, jobs: readonly Job[]): Promise<void> {
  if (!jobs.length) return;
  const { worker } = jobs[0] as Job;
  const done = await (jobs.every((j) => j.worker === worker) ? finishJobs(tx.sql, jobs.map((j) => j.id), worker) : finishMixed(tx.sql, jobs));
  if (done.length !== jobs.length) throw new LeaseLost();
  const keyed = jobs.filter((j) => j.key !== null);
  if (keyed.length) releaseAfter(tx, keyed);
}

/** Runs a verb of the job and removes the job, in one transaction. */
export const finishWith = (r: Running, run: (tx: Tx) => Promise<void>): Promise<void> => perform(r.w.cell, r.tenant, originOf(r), async (tx) => {
  await run(tx);
  await finish(tx.section, [r.job]);
});

/** For each call: what is next, what to send, and, before anything is sent, that it is about to be. */
async function prepareAll(tx: SectionTx, items: readonly Item<Preparing>[]): Promise<Prepared[]> {
  // Jobs live by the database's own clock, whatever clock their tenant was moved to.
  const now = realNow(tx);
  const steps = await allOf(items.map(async (item) => {
    const { job, call } = item.input;
    const kind = nextCallStep({ sentAt: job.sent_at, createdAt: job.created_at }, now, call.deadlineMs);
    const request: unknown = kind === 'expire' ? await call.expire(bind(tx, item), job.data) : await call.request(bind(tx, item), job.data);
    return kind === 'expire' || request === undefined ? { job, call, kind: 'ended' as const } : { job, call, kind, request };
  }));
  await finish(tx, steps.flatMap((s) => (s.kind === 'ended' ? [s.job] : [])));
  const sends = steps.filter((s) => s.kind === 'send');
  if (sends.length) {
    const until = lease(now, LEASE_MS + Math.max(...sends.map((s) => s.call.sendBudgetMs)));
    if ((await noteAttempts(tx.sql, sends.map((s) => s.job), now, until)).length !== sends.length) throw new LeaseLost();
  }
  return steps.map((s): Prepared => (s.kind === 'ended' ? { kind: 'ended' } : { kind: s.kind, request: s.request, now }));
}

/** Writes the results of calls; each job goes first, so that none is recorded whose lease was lost. */
async function recordAll(tx: SectionTx, items: readonly Item<Recording>[]): Promise<void[]> {
  await finish(tx, items.map((i) => i.input.job));
  const done: void[] = [];
  for (const item of items) done.push(await item.input.record(bind(tx, item)));
  return done;
}

/** The five points of a call, each with its own commit; see kernel/call. */
export async function runCall(r: Running, call: AnyCall): Promise<void> {
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
    const shownInMs = (job.sent_at as Date).getTime() + call.visibilityMs - now.getTime();
    if (shownInMs >= 0) throw new AskAgain('not there yet', Math.max(ASK_MS_MIN, shownInMs + 1));
    await spineStatement(w.cell, (sql) => clearAttempt(sql, job));
    throw new AskAgain('not there: is sent again', 0);
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

/** The calls of one worker. */
export const callsOf = (w: WorkerContext): Calls => ({
  prepare: createGroup<Preparing, Prepared>(w.cell, 'jobs.prepare', w.log, prepareAll),
  record: createGroup<Recording, void>(w.cell, 'jobs.record', w.log, recordAll),
});
