import {
  allOf, errorFields, spineStatement, spineTransact, systemRandom, transact, uuid, uuidv7, type AnyCall, type Item, type JobHandler, type TenantRef,
  type Worker, type WorkerContext,
} from '#kernel';
import { BATCH_MAX, CLAIM_MAX, JobSignal, LEASE_MS, POLL_MS, URGENT_PLACES, type Job } from '../contract.ts';
import { backoffMs } from '../rules.ts';
import { claimJobs, failJob, releaseHeads, releaseNext } from '../store.ts';
import { callsOf, finish, finishWith, lease, LeaseLost, runCall, type Running } from './calls.ts';

type Data = Readonly<Record<string, unknown>>;
interface Workshop { readonly w: WorkerContext; readonly handlers: ReadonlyMap<string, JobHandler> }

/** Puts a job back for a later try, or among the dead letters; the next one of its key goes on then. */
async function failed(w: WorkerContext, job: Job, error: unknown): Promise<void> {
  if (error instanceof LeaseLost) return;
  const dead = job.attempts >= job.attempts_max;
  const fields = { job: job.name, attempts: job.attempts, trace: job.trace, ...errorFields(error) };
  if (dead) w.log.error('jobs.dead', fields);
  else w.log.warn('jobs.failed', fields);
  await spineTransact(w.cell, async (tx) => {
    const noted = await failJob(tx.sql, job, error instanceof Error ? error.name : 'unknown', lease(tx.now, backoffMs(job.attempts, systemRandom.unit())),
      dead ? tx.now : null);
    if (dead && noted.length && job.key !== null) await releaseNext(tx.sql, job.tenant, [job]);
  });
}

const overTried = (job: Job): boolean => job.attempts > job.attempts_max;

async function runJob(r: Running, handlers: ReadonlyMap<string, JobHandler>, calls: ReadonlyMap<string, AnyCall>): Promise<void> {
  const { job } = r;
  try {
    const call = calls.get(job.name);
    const run = handlers.get(job.name)?.run;
    if (call) await runCall(r, call);
    else if (overTried(job)) throw new Error('its last try ended with the process');
    else if (run) await finishWith(r, (tx) => run(tx, handlers.get(job.name)?.job.data.parse(job.data) as Data));
    else throw new Error('no handler bears this name');
  } catch (error) {
    await failed(r.w, job, error);
  }
}

/** Jobs of one name and tenant in one transaction with their effects; when it throws, halves are tried until the one that throws stands alone. */
async function runMany(s: Workshop, tenant: TenantRef, jobs: readonly Job[]): Promise<void> {
  const first = jobs[0] as Job;
  try {
    const handler = s.handlers.get(first.name);
    if (!handler?.many) throw new Error('no handler of this name takes many');
    if (overTried(first) && jobs.length === 1) throw new Error('its last try ended with the process');
    const { many } = handler;
    const items = jobs.map((job): Item<Data> => ({ actor: { kind: 'system', name: job.name }, trace: job.trace, input: handler.job.data.parse(job.data),
      atMs: 0 }));
    // The lease is looked at before the first statement of the effect, and both travel together.
    await transact(s.w.cell, s.w.cell.pools.batch, [{ tenant, run: async (tx) => void await allOf<unknown>([finish(tx, jobs), many(tx, items)]) }]);
  } catch (error) {
    if (jobs.length === 1) return failed(s.w, first, error);
    await runMany(s, tenant, jobs.slice(0, jobs.length >> 1));
    await runMany(s, tenant, jobs.slice(jobs.length >> 1));
  }
}

async function claim({ w }: Workshop, limit: number, others: number, many: boolean): Promise<{ tenant: TenantRef; job: Job }[]> {
  const rows = await spineTransact(w.cell, (tx) => claimJobs(tx.sql, uuidv7(tx.now, systemRandom), tx.now, lease(tx.now, LEASE_MS), limit, others, many));
  const found: { tenant: TenantRef; job: Job }[] = [];
  const tenants = new Map<string, TenantRef | undefined>();
  for (const row of rows) {
    const job: Job = { ...row, data: JSON.parse(row.data) as Data };
    if (!tenants.has(job.tenant)) tenants.set(job.tenant, await w.tenant(uuid(job.tenant)));
    const tenant = tenants.get(job.tenant);
    if (tenant) found.push({ tenant, job });
    // The directory of this process may be behind; the job waits without running.
    else {
      await spineTransact(w.cell, (tx) => failJob(tx.sql, job, 'UnknownTenant', lease(tx.now, backoffMs(job.attempts, systemRandom.unit())), null));
    }
  }
  return found;
}

const OTHERS_MAX = CLAIM_MAX - URGENT_PLACES;

/** Jobs that are run one by one, so many at once. */
async function singly(s: Workshop): Promise<void> {
  const { w } = s;
  const calls = new Map(w.modules.flatMap((m) => [...m.calls ?? [], ...(m.sagas ?? []).flatMap((x) => x.calls)]).map((c) => [c.job.name, c]));
  const ofCalls = callsOf(w);
  const signal = w.cell.use(JobSignal);
  const running = new Set<Promise<void>>();
  let others = 0;
  // Claimed one by one as they end, jobs would cost a claim each: half of the places are let go free first.
  let half = Promise.withResolvers<void>();
  while (!w.signal.aborted) {
    const waiting = signal.wait(POLL_MS, w.signal);
    half = Promise.withResolvers<void>();
    const free = CLAIM_MAX - running.size;
    const rows = free > 0 ? await claim(s, free, Math.max(0, OTHERS_MAX - others), false) : [];
    for (const { tenant, job } of rows) {
      if (!job.urgent) others += 1;
      const done = runJob({ w, tenant, job, calls: ofCalls }, s.handlers, calls).finally(() => {
        running.delete(done);
        if (!job.urgent) others -= 1;
        if (others <= OTHERS_MAX >> 1) half.resolve();
      });
      running.add(done);
    }
    if (running.size >= CLAIM_MAX) await Promise.race(running);
    // While their places are taken, others wait until half of them are free; what is urgent is heard of at once.
    else if (rows.length < free) await (others >= OTHERS_MAX ? Promise.race([waiting, half.promise]) : waiting);
  }
  await Promise.allSettled(running);
}

/** Jobs whose handlers take many: while some run, the next are being claimed. */
async function together(s: Workshop): Promise<void> {
  const signal = s.w.cell.use(JobSignal);
  let running: Promise<unknown> = Promise.resolve();
  while (!s.w.signal.aborted) {
    const waiting = signal.wait(POLL_MS, s.w.signal);
    const rows = await claim(s, BATCH_MAX, BATCH_MAX, true);
    await running;
    running = allOf([...Map.groupBy(rows, (r) => `${r.tenant.id} ${r.job.name}`).values()].map((g) =>
      runMany(s, (g[0] as { tenant: TenantRef }).tenant, g.map((r) => r.job))));
    if (rows.length < BATCH_MAX) {
      await running;
      await waiting;
    }
  }
  await running;
}

/** Now and then looks for jobs that stand aside for nobody. */
async function releasing({ w }: Workshop): Promise<void> {
  while (!w.signal.aborted) {
    if ((await spineStatement(w.cell, releaseHeads)).length) w.cell.use(JobSignal).wake();
    await w.clock.sleep(POLL_MS * 2, w.signal);
  }
}

/** Claims jobs and runs them until the process ends. */
export const worker: Worker = {
  name: 'jobs.worker', role: 'worker',
  async run(w) {
    // A loop that fails ends the others: they begin again together, and none goes on while another is not there.
    const broken = new AbortController();
    const inside = { ...w, signal: AbortSignal.any([w.signal, broken.signal]) };
    const s: Workshop = { w: inside, handlers: new Map(w.modules.flatMap((m) => m.handlers ?? []).map((h) => [h.job.name, h])) };
    await allOf([singly(s), together(s), releasing(s)].map((loop) => loop.catch((error: unknown) => {
      broken.abort();
      throw error;
    })));
  },
};

