import {
  allOf, databaseTime, errorFields, isUnavailable, NotSent, NotYet, perform, realNow, spineStatement, systemRandom, transact, uuid, uuidv7,
  type AnyCall, type Item, type JobHandler, type TenantRef, type Uuid, type Worker, type WorkerContext,
} from '#kernel';
import {
  BATCH_MAX, CLAIM_MAX, HeapSignal, JobDead, JobSignal, LEASE_MS, LOOK_KEPT_MS, LOOK_MAX, POLL_MS, PUT_BACK_SPREAD, URGENT_PLACES, type Job,
} from '../contract.ts';
import { backoffMs } from '../rules.ts';
import { claimJobs, claimThese, failJob, putBack, readyMany, releaseHeads, takeJobs, type Claimed, type Ready } from '../store.ts';
import { AskAgain, callsOf, finish, finishWith, LeaseLost, originOf, releaseAfter, runCall, type Running } from './calls.ts';
import { wakeHere } from './wake.ts';

type Data = Readonly<Record<string, unknown>>;
interface Workshop { readonly w: WorkerContext; readonly handlers: ReadonlyMap<string, JobHandler> }

type Failed = Pick<Running, 'w' | 'tenant' | 'job'>;

/** Puts a job among the dead letters, tells that it is there, and lets the next one of its key go on, in one commit. */
const bury = (r: Failed, error: string): Promise<void> => perform(r.w.cell, r.tenant, originOf(r), async (tx) => {
  const { job } = r;
  // The queue runs on the database's clock, whatever the tenant's clock says.
  const now = realNow(tx);
  if (!(await failJob(tx.sql, job, error, now, now)).length) return;
  tx.emit(JobDead, job.name, { job: String(job.id), name: job.name, attempts: job.attempts, error });
  if (job.key !== null) releaseAfter(tx.section, [job]);
});

/** Puts a job back for a later try, or among the dead letters. */
async function failed(r: Failed, error: unknown): Promise<void> {
  if (error instanceof LeaseLost) return;
  const { w, job } = r;
  if (error instanceof NotSent || error instanceof NotYet) {
    // Spread, so that a crowd does not come back in one moment.
    const afterMs = error.afterMs * (1 + PUT_BACK_SPREAD * systemRandom.unit());
    return void await spineStatement(w.cell, (sql) => putBack(sql, job, error.name, databaseTime(afterMs)));
  }
  const dead = job.attempts >= job.attempts_max;
  const fields = { job: job.name, attempts: job.attempts, trace: job.trace, ...errorFields(error) };
  if (dead) w.log.error('jobs.dead', fields);
  else w.log.warn('jobs.failed', fields);
  const name = error instanceof Error ? error.name : 'unknown';
  if (dead) return bury(r, name);
  const afterMs = error instanceof AskAgain ? error.afterMs : backoffMs(job.attempts - job.lost, systemRandom.unit());
  await spineStatement(w.cell, (sql) => failJob(sql, job, name, databaseTime(afterMs), null));
  if (error instanceof AskAgain) w.cell.use(JobSignal).wake();
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
    // What cannot be noted, since the database is away, its lease says by running out. Nobody waits for this promise alone: thrown, it would end the process.
    await failed(r, error).catch((lost: unknown) => r.w.log.warn('jobs.not-noted', { job: job.name, trace: job.trace, ...errorFields(lost) }));
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
    if (jobs.length === 1) return failed({ w: s.w, tenant, job: first }, error);
    await runMany(s, tenant, jobs.slice(0, jobs.length >> 1));
    await runMany(s, tenant, jobs.slice(jobs.length >> 1));
  }
}

const nameOf = (s: Workshop): Uuid => uuidv7(s.w.clock.now(), systemRandom);
const claim = async (s: Workshop, limit: number, others: number, many: boolean): Promise<{ tenant: TenantRef; job: Job }[]> => withTenants(s,
  await spineStatement(s.w.cell, (sql) => claimJobs(sql, nameOf(s), databaseTime(), databaseTime(LEASE_MS), limit, others, many)));

async function withTenants({ w }: Workshop, rows: readonly Claimed[]): Promise<{ tenant: TenantRef; job: Job }[]> {
  const found: { tenant: TenantRef; job: Job }[] = [];
  const tenants = new Map<string, TenantRef | undefined>();
  for (const row of rows) {
    const job: Job = { ...row, data: JSON.parse(row.data) as Data };
    if (!tenants.has(job.tenant)) tenants.set(job.tenant, await w.tenant(uuid(job.tenant)));
    const tenant = tenants.get(job.tenant);
    if (tenant) found.push({ tenant, job });
    // The directory of this process may be behind; the job waits without running.
    else {
      await spineStatement(w.cell, (sql) => failJob(sql, job, 'UnknownTenant', databaseTime(backoffMs(job.attempts, systemRandom.unit())), null));
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

const groupsOf = <R extends { readonly name: string; readonly tenant: string }>(rows: readonly R[]): R[][] =>
  [...Map.groupBy(rows, (r) => `${r.tenant} ${r.name}`).values()];

const runClaimed = async (s: Workshop, rows: readonly { tenant: TenantRef; job: Job }[]): Promise<void> => void await allOf(
  groupsOf(rows.map((r) => ({ ...r.job, in: r.tenant }))).map((g) => runMany(s, (g[0] as { in: TenantRef }).in, g)));

/**
 * Takes jobs of one name and tenant and has their effects, in one transaction that never writes that they are under way. What fails is
 * claimed, so that its tries are counted. Resolves to how many were there to take.
 */
async function takeMany(s: Workshop, ready: readonly Ready[]): Promise<number> {
  const { name, tenant: id } = ready[0] as Ready;
  const { cell } = s.w;
  const [tenant, handler] = [await s.w.tenant(uuid(id)), s.handlers.get(name)];
  const ids = ready.map((r) => r.id);
  try {
    if (!tenant || !handler?.many) throw new Error('nobody here takes these');
    const { many } = handler;
    const [count] = await transact(cell, cell.pools.batch, [{ tenant, run: async (tx) => {
      const jobs = await takeJobs(tx.sql, ids);
      if (!jobs.length) return 0;
      await many(tx, jobs.map((job): Item<Data> => ({ actor: { kind: 'system', name }, trace: job.trace,
        input: handler.job.data.parse(JSON.parse(job.data)), atMs: 0 })));
      const keyed = jobs.filter((j) => j.key !== null);
      if (keyed.length) releaseAfter(tx, keyed);
      return jobs.length;
    } }]);
    return count as number;
  } catch (error) {
    if (isUnavailable(error)) throw error;
    await runClaimed(s, await withTenants(s, await spineStatement(cell, (sql) => claimThese(sql, nameOf(s), databaseTime(LEASE_MS), ids))));
    return ids.length;
  }
}

/**
 * Jobs whose handlers take many. The first of a process are claimed: one that ends every process that runs it has its tries counted, since
 * each begins with it. So are urgent ones, and what a lost process had claimed; the others are taken with their effects.
 */
async function together(s: Workshop): Promise<void> {
  const signal = s.w.cell.use(HeapSignal);
  await runClaimed(s, await claim(s, BATCH_MAX, BATCH_MAX, true));
  let skip = 0;
  while (!s.w.signal.aborted) {
    const waiting = signal.wait(POLL_MS, s.w.signal);
    const claimed = await claim(s, BATCH_MAX, 0, true);
    if (claimed.length) await runClaimed(s, claimed);
    const ready = await spineStatement(s.w.cell, (sql) => readyMany(sql, databaseTime(), LOOK_MAX, skip));
    const heaps = groupsOf(ready).flatMap((g) => chunksOf(g, BATCH_MAX));
    let [tried, taken] = [0, 0];
    const until = s.w.clock.monotonicMs() + LOOK_KEPT_MS;
    // Two at a time: while one is written, the next is read. What is more urgent may have come meanwhile, so a look is not kept for long.
    const lane = async (): Promise<void> => {
      for (let heap = heaps.shift(); heap; heap = s.w.clock.monotonicMs() < until ? heaps.shift() : undefined) {
        tried += heap.length;
        taken += await takeMany(s, heap);
      }
    };
    await allOf([lane(), lane()]);
    // Two processes that look at once see the same jobs: whoever came second looks behind them.
    skip = tried && taken < tried / 2 ? LOOK_MAX * (1 + Math.floor(systemRandom.unit() * 3)) : 0;
    if (claimed.length < BATCH_MAX && ready.length < LOOK_MAX && heaps.length === 0 && skip === 0) await waiting;
  }
}

const chunksOf = <T>(all: readonly T[], size: number): T[][] =>
  Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size));

/** Now and then looks for jobs that stand aside for nobody. */
async function releasing({ w }: Workshop): Promise<void> {
  while (!w.signal.aborted) {
    if ((await spineStatement(w.cell, releaseHeads)).length) wakeHere(w.cell);
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

