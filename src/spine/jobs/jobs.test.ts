import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { httpMessages } from '#adapters/sms';
import { call, handle, Manifests, nextCallStep, NotSent, NotYet, provide, spineTransact, systemClock, Unavailable, type CallContext, type Tx } from '#kernel';
import type { TextMessages, TextResult } from '#spine/identity/port';
import { Chore, Errand, house, operatorOf, leave, probe, queueOf, startSim, type House, type Sim } from '#test';
import { CallProbe, POLL_MS, PUT_BACK_SPREAD } from './contract.ts';
import { wakeHere } from './service/wake.ts';
import { backoffMs } from './rules.ts';
import { worker } from './service/worker.ts';
import { claimJobs } from './store.ts';

type Cell = ReturnType<House['cell']>;
let sim: Sim;
let h: House;
/** What the chores of this file do; replaced by tests. */
let chore: (tx: Tx, n: number) => Promise<void> = async () => undefined;
/** The provider behind errands; some tests stand between. */
let provider: TextMessages;
const POINTS = ['tx1-committed', 'attempt-committed', 'answer-received', 'tx2-committed'] as const;

const errand = call<{ to: string; text: string }, TextResult>({
  job: Errand,
  request: async (_, data) => ({ to: '+91 00000 00001', text: `errand ${String(data.n)}` }),
  send: (request, c: CallContext) => provider.send({ ...request, key: c.key }, c.signal),
  inquire: (_, c) => provider.inquire(c.key, c.signal),
  record: async (tx, data, result) => void await leave(tx, { subscriber: 'errand', event: result.state, key: String(data.n), n: data.n as number }),
  expire: async (tx, data) => void await leave(tx, { subscriber: 'errand', event: 'expired', key: String(data.n), n: data.n as number }),
  sendBudgetMs: 2000, visibilityMs: 1000, deadlineMs: 60_000,
});

beforeAll(async () => {
  sim = await startSim('sms');
  provider = httpMessages(sim);
  h = await house({ add: [probe({ handlers: [
    handle(Chore, async (tx, data) => { await chore(tx, data.n); }),
  ], calls: [errand] })], limits: false });
});
afterAll(async () => {
  await h.stop();
  await sim.stop();
});

beforeEach(() => su('delete from jobs.job'));

const { su, later, effects, waiting, until, skip } = queueOf(() => h);
const outbox = async (n: number): Promise<number> =>
  ((await (await fetch(`${sim.base}/v1/outbox`, { headers: { authorization: `Bearer ${sim.token}` } })).json()) as { text: string }[]).filter((m) =>
    m.text === `errand ${n}`).length;

describe('jobs', () => {
  it('back off by how often they failed, not by how many processes died with them', async () => {
    chore = async () => { throw new Error('no'); };
    await later(1);
    await su("update jobs.job set attempts = 8, lost = 7, lease_until = created_at, worker = gen_random_uuid()");
    await h.runJobs();
    const [row] = await su<{ attempts: number; lost: number; run_at: Date }>('select attempts, lost, run_at from jobs.job');
    expect(row).toMatchObject({ attempts: 9, lost: 8 });
    expect((row?.run_at.getTime() ?? 0) - systemClock.now().getTime()).toBeLessThan(2500);
  });
  it('are shared by two workers, each done once', async () => {
    chore = async (tx, n) => void await leave(tx, { subscriber: 'shared', event: 'x', key: 'x', n });
    await h.perform('india', async (tx) => { for (let n = 0; n < 120; n++) tx.later(Chore, { n }); });
    const workers = [h.cell(), h.anotherCell()].map((cell) => h.startWorkers(cell, ['worker']));
    await until(async () => !(await waiting()).length);
    await Promise.all(workers.map((w) => w.stop()));
    expect((await effects('shared')).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, i) => i));
  });
  it('of one key run one at a time and in order, with three workers', async () => {
    let running = 0, most = 0;
    chore = async (tx, n) => {
      running += 1;
      most = Math.max(most, running);
      await tx.sql`select pg_sleep(0.001)`;
      await leave(tx, { subscriber: 'ordered', event: 'x', key: 'x', n });
      running -= 1;
    };
    for (let n = 0; n < 15; n++) await later(n, { key: 'one' });
    const cells = [h.cell(), h.anotherCell(), h.anotherCell()];
    const workers = cells.map((cell) => h.startWorkers(cell, ['worker']));
    while ((await waiting()).length) {
      for (const cell of cells) wakeHere(cell);
      await systemClock.sleep(5);
    }
    await Promise.all(workers.map((w) => w.stop()));
    expect(await effects('ordered')).toEqual(Array.from({ length: 15 }, (_, i) => i));
    expect(most).toBe(1);
  });
  it('of one key follow each other at once, not at the next look', async () => {
    const COUNT = 30;
    const done: number[] = [];
    chore = async (_, n) => void done.push(n);
    await h.perform('india', async (tx) => { for (let n = 0; n < COUNT; n++) tx.later(Chore, { n }, { key: 'chain' }); });
    const began = systemClock.monotonicMs();
    const running = h.startWorkers(h.cell(), ['worker']);
    await until(async () => done.length === COUNT);
    const took = systemClock.monotonicMs() - began;
    await running.stop();
    expect(done).toEqual(Array.from({ length: COUNT }, (_, n) => n));
    expect(took).toBeLessThan((COUNT * POLL_MS) / 3);
  });
  it('with one dedupe text wait once, and a new one may wait when the first has been taken', async () => {
    for (let i = 0; i < 5; i++) await later(i, { dedupe: 'same' });
    expect(await waiting("name = 'probe.chore'")).toHaveLength(1);
    let again: Promise<void> | undefined;
    chore = async (tx, n) => {
      // What changes while the first one works must not be lost.
      again ??= later(99, { dedupe: 'same' });
      await again;
      await leave(tx, { subscriber: 'deduped', event: 'x', key: 'x', n });
    };
    await h.runJobs();
    expect((await effects('deduped')).toSorted((a, b) => a - b)).toEqual([0, 99]);
  });
  it('that fail wait longer each time and become dead letters, leaving nothing behind', async () => {
    chore = async (tx, n) => {
      await leave(tx, { subscriber: 'failed', event: 'x', key: 'x', n });
      throw new TypeError('no');
    };
    await later(1);
    for (let attempt = 1; attempt <= 3; attempt++) {
      await h.runJobs();
      await skip();
    }
    const [dead] = await su('select attempts, last_error, dead_at is not null as dead from jobs.job');
    expect(dead).toMatchObject({ attempts: 3, last_error: 'TypeError', dead: true });
    expect(await effects('failed')).toEqual([]);
    expect(h.lines().some((l) => l.event === 'jobs.dead')).toBe(true);
    await su('delete from jobs.job');
    expect([0, 0.5, 0.999].map((u) => backoffMs(3, u))).toEqual([6400, 8000, 9597]);
    expect(backoffMs(400, 0.5)).toBe(600_000);
  });
  it.each([
    ['NotSent', 'that a breaker kept back'], ['NotYet', 'that need what is not to be had yet'],
  ])('%s: %s are no try, however often, and wait as long as it asks', async (name) => {
    chore = async () => { throw name === 'NotSent' ? new NotSent('somebody', 30_000) : new NotYet('no key yet', 30_000); };
    await later(4);
    for (let i = 0; i < 5; i++) {
      await skip();
      await h.runJobs();
    }
    const [row] = await su<{ run_at: Date }>('select attempts, attempt_no, last_error, sent_at, dead_at, lease_until, run_at from jobs.job');
    expect(row).toMatchObject({ attempts: 0, attempt_no: 0, last_error: name, sent_at: null, dead_at: null, lease_until: null });
    const waitMs = (row?.run_at.getTime() ?? 0) - systemClock.now().getTime();
    expect([waitMs > 20_000, waitMs < 30_000 * (1 + PUT_BACK_SPREAD)]).toEqual([true, true]);
    await su('delete from jobs.job');
  });
  it('that take their process with them do not come back for ever', async () => {
    await later(5);
    await su('update jobs.job set attempts = attempts_max, lease_until = $1', [new Date(systemClock.now().getTime() - 1000)]);
    chore = async (tx, n) => void await leave(tx, { subscriber: 'killer', event: 'x', key: 'x', n });
    await h.runJobs();
    expect(await su('select dead_at is not null as dead from jobs.job')).toEqual([{ dead: true }]);
    expect(await effects('killer')).toEqual([]);
    await su('delete from jobs.job');
  });
  it('are not started before their time, and their time is the tenant’s', async () => {
    chore = async (tx, n) => void await leave(tx, { subscriber: 'timed', event: 'x', key: 'x', n });
    await h.perform('india', async (tx) => tx.later(Chore, { n: 1 }, { runAt: new Date(tx.now.getTime() + 3_600_000) }));
    await h.runJobs();
    expect(await effects('timed')).toEqual([]);
    await su('delete from jobs.job');
    for (const offset of [86_400_000, -86_400_000]) {
      await h.clockOffset('india', offset);
      await later(2);
      await h.perform('india', async (tx) => tx.later(Errand, { n: offset }));
      await h.runJobs();
      expect(await waiting()).toEqual([]);
    }
    await h.clockOffset('india', 0);
    expect(await effects('timed')).toEqual([2, 2]);
    expect(await su("select event from probe.effect where subscriber = 'errand'")).toEqual([{ event: 'accepted' }, { event: 'accepted' }]);
    await su("delete from probe.effect where subscriber = 'errand'");
  });
  it('whose worker lost its lease leave no effect twice: the first to finish wins', async () => {
    let release: (() => void) | undefined;
    let runs = 0;
    chore = async (tx, n) => {
      runs += 1;
      if (runs === 1) await new Promise<void>((go) => { release = go; });
      await leave(tx, { subscriber: 'fenced', event: String(runs), key: 'x', n });
    };
    await later(7);
    const slow = h.startWorkers(h.anotherCell(), ['worker']);
    await until(async () => release !== undefined);
    await skip();
    await h.runJobs();
    expect(await effects('fenced')).toEqual([7]);
    release?.();
    await slow.stop();
    expect(await effects('fenced')).toEqual([7]);
    expect(runs).toBe(2);
  });
  it('whose worker lost its lease are finished by who holds it, not by who is first', async () => {
    const go: (() => void)[] = [];
    chore = async (tx, n) => {
      const run = go.length + 1;
      await new Promise<void>((free) => { go.push(free); });
      await leave(tx, { subscriber: 'held', event: `run ${run}`, key: 'x', n });
    };
    await later(8);
    const first = h.startWorkers(h.anotherCell(), ['worker']);
    await until(async () => go.length === 1);
    await skip();
    const second = h.startWorkers(h.anotherCell(), ['worker']);
    await until(async () => go.length === 2);
    go[0]?.();
    await systemClock.sleep(50);
    expect(await effects('held')).toEqual([]);
    go[1]?.();
    await Promise.all([first.stop(), second.stop()]);
    expect(await su("select event from probe.effect where subscriber = 'held'")).toEqual([{ event: 'run 2' }]);
  });
  it('of an unknown tenant or name are not lost', async () => {
    await su("insert into jobs.job (tenant, name, data, trace, run_at, created_at, attempts_max) values ($1, 'no.such-job', '{}', '', $2, $2, 5)",
      [h.tenant().id, systemClock.now()]);
    await h.runJobs();
    expect(await waiting()).toEqual([expect.objectContaining({ attempts: 1, last_error: 'Error' })]);
    await su('delete from jobs.job');
  });
  it('taken by two claims at once go to one', async () => {
    await h.perform('india', async (tx) => { for (let n = 0; n < 40; n++) tx.later(Chore, { n }); });
    const until_ = new Date(systemClock.now().getTime() + 60_000);
    const claims = await Promise.all(['1', '2', '3', '4'].map((c) => spineTransact(h.cell(),
      (tx) => claimJobs(tx.sql, c.repeat(32), tx.now, until_, 20, 20, false))));
    const ids = claims.flat().map((j) => j.id);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(40);
    await su('delete from jobs.job');
  });
});


describe('dead letters', () => {
  it('are listed, retried and dropped by operators of their tenant only, each with a fact', async () => {
    chore = async () => { throw new Error('no'); };
    for (const n of [1, 2]) await later(n, { key: `dead ${n}` });
    await su('update jobs.job set attempts = attempts_max - 1');
    await h.runJobs();
    const desk = await operatorOf(h), stranger = await operatorOf(h, 'administrator', 'other');
    const ask = (path: string, post = false, who = desk, tenant = 'india'): ReturnType<House['request']> => h.request({ tenant, path: `/api/jobs${path}`,
      cookies: who.cookies, headers: { 'sec-fetch-site': 'same-origin' },
        ...(post ? { json: undefined, method: 'POST', idempotencyKey: `dead-${path}-${tenant}` } : {}) });
    const { jobs } = (await ask('/dead')).json<{ jobs: { job: string; name: string; error: string }[] }>();
    expect(jobs).toEqual([expect.objectContaining({ name: 'probe.chore', error: 'Error' }), expect.objectContaining({ name: 'probe.chore' })]);
    expect((await ask('/dead', false, stranger, 'other')).json()).toEqual({ jobs: [], next: null });
    const [first = { job: '' }, second = { job: '' }] = jobs;
    expect((await ask(`/dead/${first.job}/retry`, true, stranger, 'other')).status).toBe(404);
    expect((await ask(`/dead/${first.job}/retry`, true)).status).toBe(200);
    expect((await ask(`/dead/${second.job}/drop`, true)).status).toBe(200);
    expect((await ask(`/dead/${second.job}/retry`, true)).status).toBe(404);
    chore = async (tx, n) => void await leave(tx, { subscriber: 'revived', event: 'x', key: 'x', n });
    await h.runJobs();
    expect(await effects('revived')).toEqual([2]);
    expect((await su<{ action: string }>("select action from audit.entry where action in ('jobs.retried', 'jobs.dropped') order by action")).map((f) =>
      f.action))
      .toEqual(['jobs.dropped', 'jobs.retried']);
    expect((await ask('')).json<{ schedules: { name: string }[] }>().schedules.map((s) => s.name)).toContain('wallet.every-day');
  });
});

describe('a call', () => {
  it('decides its next step from what is known', () => {
    const createdAt = new Date(0), sentAt = new Date(10);
    expect(nextCallStep({ sentAt: null, createdAt }, new Date(100), 100)).toBe('send');
    expect(nextCallStep({ sentAt, createdAt }, new Date(100), 100)).toBe('inquire');
    expect(nextCallStep({ sentAt, createdAt }, new Date(101), 100)).toBe('expire');
    expect(nextCallStep({ sentAt: null, createdAt }, new Date(101), 100)).toBe('expire');
  });

  const result = async (n: number): Promise<string[]> =>
    (await su<{ event: string }>("select event from probe.effect where subscriber = 'errand' and n = $1", [n])).map((r) => r.event);
  const errandLater = (n: number): Promise<void> => h.perform('india', async (tx) => tx.later(Errand, { n }));
  /** Runs due calls until there is none, letting time pass between. */
  const finish = async (): Promise<void> => {
    for (let i = 0; i < 6 && (await waiting()).length; i++) {
      await skip();
      await h.runJobs();
    }
    expect(await waiting()).toEqual([]);
  };
  /** A process of its own whose call stops at a point, once, for ever or until `go`. */
  const stuckAt = (point: (typeof POINTS)[number]): { cell: Cell; reached: () => boolean; go: () => void } => {
    let go: (() => void) | undefined;
    const cell = h.anotherCell('IN', [provide(CallProbe, () =>
      ({ at: (p) => (p === point && !go ? new Promise<void>((free) => { go = free; }) : Promise.resolve()) }))]);
    return { cell, reached: () => go !== undefined, go: () => go?.() };
  };

  it.each(POINTS.map((p, i) => [p, 100 + i] as const))('stuck at %s is finished by another process, is sent once, and its zombie changes nothing',
    async (point, n) => {
    await errandLater(n);
    const stuck = stuckAt(point);
    const zombie = h.startWorkers(stuck.cell, ['worker']);
    await until(async () => stuck.reached());
    await finish();
    expect([await result(n), await outbox(n)]).toEqual([['accepted'], 1]);
    stuck.go();
    await zombie.stop();
    expect([await result(n), await outbox(n)]).toEqual([['accepted'], 1]);
    expect(await waiting()).toEqual([]);
  });
  it('whose answer was lost inquires and does not send again', async () => {
    const real = provider;
    let sends = 0, inquiries = 0;
    provider = {
      ...real, inquire: (key, signal) => { inquiries += 1; return real.inquire(key, signal); },
      send: async (message, signal) => { sends += 1; await real.send(message, signal); throw new Error('the answer was lost'); },
    };
    await errandLater(200);
    await h.runJobs();
    await finish();
    provider = real;
    expect([await result(200), await outbox(200), sends, inquiries]).toEqual([['accepted'], 1, 1, 1]);
  });
  it('whose request was lost is sent again only when its absence is proven', async () => {
    const real = provider;
    let sends = 0;
    provider = { ...real, send: async (message, signal) =>
      { sends += 1; if (sends === 1) throw new Error('the request was lost'); return real.send(message, signal); } };
    await errandLater(201);
    await h.runJobs();
    // Absent, but the provider may still be about to show it.
    await su('update jobs.job set run_at = $1, sent_at = $1', [systemClock.now()]);
    await h.runJobs();
    expect([sends, await result(201)]).toEqual([1, []]);
    await finish();
    provider = real;
    expect([await result(201), await outbox(201), sends]).toEqual([['accepted'], 1, 2]);
  });
  it('that died with many processes before it was sent goes out as soon as it is known to be absent, with no back-off for what it did not do', async () => {
    await errandLater(205);
    // As eight processes left it that were killed with it; the last one had said that it was about to send.
    const long = new Date(systemClock.now().getTime() - 5000);
    await su('update jobs.job set attempts = 8, lost = 7, sent_at = $1, lease_until = $1, worker = gen_random_uuid(), created_at = $1', [long]);
    await h.runJobs();
    expect([await result(205), await outbox(205), await waiting()]).toEqual([['accepted'], 1, []]);
  });
  it('that is not known by its deadline ends in a state with an owner', async () => {
    await errandLater(202);
    await su("update jobs.job set created_at = created_at - interval '2 minutes', sent_at = $1", [systemClock.now()]);
    await h.runJobs();
    expect([await result(202), await outbox(202)]).toEqual([['expired'], 0]);
  });
  it('keeps its key over attempts, and no two calls share one', async () => {
    await errandLater(203);
    await errandLater(204);
    const keys = await su<{ call_key: string }>('select call_key from jobs.job');
    expect(new Set(keys.map((k) => k.call_key)).size).toBe(2);
    await finish();
  });
});

it('a worker one of whose loops loses the database ends as a whole, so that it can begin again', async () => {
  const cell = h.cell();
  let calls = 0;
  const spine = Object.create(cell.pools.spine, { with: { value: (use: never) => {
    calls += 1;
    return calls === 4 ? Promise.reject(new Unavailable('gone')) : cell.pools.spine.with(use);
  } } }) as typeof cell.pools.spine;
  const ending = new AbortController();
  const broken = { ...cell, pools: { ...cell.pools, spine } };
  const ran = worker.run({ cell: broken, clock: systemClock, log: h.log, signal: ending.signal, modules: [], tenant: async () => undefined, tenants: () =>
    [] });
  await expect(Promise.race([ran, systemClock.sleep(5000).then(() => 'still there')])).rejects.toThrow('gone');
  ending.abort();
});

it('a job that fails while the database is away ends no process: its lease says what could not be noted', async () => {
  const cell = h.cell();
  const unhandled: unknown[] = [];
  const note = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', note);
  let away = false;
  const spine = Object.create(cell.pools.spine, { with: { value: (use: never) => (away ? Promise.reject(new Unavailable('gone'))
    : cell.pools.spine.with(use)) } }) as
    typeof cell.pools.spine;
  chore = async () => {
    away = true;
    throw new Error('no');
  };
  await later(1);
  const ending = new AbortController();
  const ran = worker.run({ cell: { ...cell, pools: { ...cell.pools, spine } }, clock: systemClock, log: h.log, signal: ending.signal,
    modules: h.cell().use(Manifests),
    tenant: async () => h.tenant(), tenants: () => [] });
  await expect(Promise.race([ran, systemClock.sleep(5000).then(() => 'still there')])).rejects.toThrow('gone');
  ending.abort();
  await systemClock.sleep(50);
  process.off('unhandledRejection', note);
  expect(away).toBe(true);
  expect(unhandled).toEqual([]);
  const [left] = await waiting('lease_until is not null');
  expect(left).toMatchObject({ attempts: 1, last_error: null });
  chore = async () => undefined;
});
