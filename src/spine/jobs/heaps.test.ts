import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { handle, handleMany, job, spineTransact, systemClock, type JobType, type SqlTag } from '#kernel';
import { Chore, house, leave, probe, queueOf, type House } from '#test';
import { CLAIM_MAX, HeapSignal, JobSignal, URGENT_PLACES } from './contract.ts';
import { claimJobs, releaseHeads, releaseNext } from './store.ts';

/** Hints to other processes are put together for less than this. */
const TELL_PAUSE_MS = 60;

const Heap = job('probe.heap', { doc: 'A chore of a test that is done in heaps.', data: { n: z.int() }, many: true, attemptsMax: 2 });
let heaps: number[] = [];
let h: House;
beforeAll(async () => {
  h = await house({ add: [probe({ handlers: [
    handle(Chore, async () => undefined),
    handleMany(Heap, async (tx, items) => {
      heaps.push(items.length);
      for (const i of items) {
        if (i.input.n === 13) throw new Error('unlucky');
        await leave(tx, { subscriber: 'heap', event: 'x', key: 'x', n: i.input.n });
      }
    }),
  ] })], limits: false });
});
afterAll(() => h.stop());
beforeEach(() => su('delete from jobs.job'));

const { su, later, effects, waiting, until, skip } = queueOf(() => h);

describe('order, priority and heaps', () => {
  const claim = (limit: number, many = false): Promise<{ id: bigint; key: string | null }[]> =>
    spineTransact(h.cell(), (tx) => claimJobs(tx.sql, 'c'.repeat(32), tx.now, new Date(tx.now.getTime() + 60_000), limit, limit, many));
  it('what is urgent is claimed before what waits longer', async () => {
    await h.perform('india', async (tx) => {
      for (const priority of ['bulk', 'usual', 'urgent', 'bulk', 'urgent'] as const) tx.later(Chore, { n: 1 }, { priority });
    });
    const prios = async (limit: number): Promise<number[]> => {
      const ids = (await claim(limit)).map((j) => j.id);
      return (await su<{ prio: number }>('select prio from jobs.job where id = any($1) order by prio', [ids])).map((r) => r.prio);
    };
    expect(await prios(3)).toEqual([0, 0, 1]);
    expect(await prios(9)).toEqual([2, 2]);
  });
  it('who runs them one by one is woken for those, who takes many for those, in every process and behind the commit', async () => {
    const cells = [h.cell(), h.anotherCell()];
    // Whoever begins to listen looks once.
    const listening = cells.flatMap((cell) => [JobSignal, HeapSignal].map((signal) => cell.use(signal).wait(60_000, new AbortController().signal)));
    const hearing = cells.map((cell) => h.startWorkers(cell, ['none']));
    await Promise.all(listening);
    const woken = async (type: JobType): Promise<string[]> => {
      const heard: string[] = [];
      const ending = new AbortController();
      const waits = cells.flatMap((cell, i) => ([['single', JobSignal], ['heap', HeapSignal]] as const).map(async ([name, signal]) => {
        await cell.use(signal).wait(60_000, ending.signal);
        if (!ending.signal.aborted) heard.push(`${name} ${i}`);
      }));
      await h.perform('india', async (tx) => tx.later(type, { n: 1 }));
      await expect.poll(() => heard.length, { timeout: 10_000 }).toBe(2);
      // What was told with it would be here by now.
      await systemClock.sleep(TELL_PAUSE_MS * 3);
      ending.abort();
      await Promise.all(waits);
      return heard.toSorted();
    };
    await systemClock.sleep(TELL_PAUSE_MS * 3);
    expect(await woken(Chore)).toEqual(['single 0', 'single 1']);
    expect(await woken(Heap)).toEqual(['heap 0', 'heap 1']);
    await Promise.all(hearing.map((w) => w.stop()));
  });
  it('a claim takes one of each key and passes over thousands of others of a hot one', async () => {
    await h.perform('india', async (tx) => { for (let n = 0; n < 3000; n++) tx.later(Chore, { n }, { key: 'hot' }); });
    for (let n = 0; n < 3; n++) await later(n, { key: `cool ${n}` });
    expect(new Set((await claim(32)).map((j) => j.key))).toEqual(new Set(['cool 0', 'cool 1', 'cool 2', 'hot']));
    expect(await claim(32)).toEqual([]);
    expect(await su("select count(*)::int as n from jobs.job where key = 'hot' and not blocked")).toEqual([{ n: 1 }]);
  });
  it('the next of a key is found by its id, not along all that wait', async () => {
    let text = '';
    const told: SqlTag = (strings) => {
      text = strings.reduce((sum, part, i) => `${sum}$${i}${part}`);
      return Promise.resolve([]);
    };
    await releaseNext(told, h.tenant().id, []);
    const plan = (await su<{ 'QUERY PLAN': string }>(`explain (generic_plan) ${text}`)).map((r) => r['QUERY PLAN']).join('\n');
    expect(plan).toContain('job_pkey');
    expect(plan).not.toContain('job_blocked');
  });
  it('one that stands aside for nobody is let go', async () => {
    await later(1, { key: 'lost' });
    await su('update jobs.job set blocked = true');
    expect(await claim(9)).toEqual([]);
    expect(await spineTransact(h.cell(), (tx) => releaseHeads(tx.sql))).toHaveLength(1);
    expect(await claim(9)).toHaveLength(1);
    // While the first of a key is there, the second stays aside.
    await later(2, { key: 'lost' });
    expect(await spineTransact(h.cell(), (tx) => releaseHeads(tx.sql))).toEqual([]);
  });
  it('heaps share a transaction, and one that throws is found and dies alone', async () => {
    heaps = [];
    await h.perform('india', async (tx) => { for (let n = 0; n < 200; n++) tx.later(Heap, { n }); });
    await h.runJobs();
    await skip();
    await h.runJobs();
    expect(heaps[0]).toBe(200);
    expect((await effects('heap')).toSorted((a, b) => a - b)).toEqual(Array.from({ length: 200 }, (_, i) => i).filter((i) => i !== 13));
    expect(await su('select dead_at is not null as dead, attempts from jobs.job')).toEqual([{ dead: true, attempts: 2 }]);
  });
  it('heaps are shared by two processes, each job once, and one that throws is found there as well', async () => {
    const COUNT = 9000;
    await su("delete from probe.effect where subscriber = 'heap'");
    await h.perform('india', async (tx) => { for (let n = 1000; n < 1000 + COUNT; n++) tx.later(Heap, { n: n === 9500 ? 13 : n }); });
    await h.perform('other', async (tx) => { for (let n = 1000 + COUNT; n < 1500 + COUNT; n++) tx.later(Heap, { n }); });
    const both = [h.startWorkers(h.cell(), ['worker']), h.startWorkers(h.anotherCell(), ['worker'])];
    await until(async () => {
      const left = await waiting();
      return left.length === 1 && left[0]?.attempts === 1 && left[0].last_error === 'Error';
    });
    await Promise.all(both.map((w) => w.stop()));
    const done = await effects('heap');
    expect(done.length).toBe(COUNT + 499);
    expect(new Set(done).size).toBe(COUNT + 499);
  });
});

it('a crowd of slow jobs leaves places for what is urgent', async () => {
  await h.perform('india', async (tx) => { for (let n = 0; n < 40; n++) tx.later(Chore, { n }); });
  await h.perform('india', async (tx) => { for (let n = 100; n < 103; n++) tx.later(Chore, { n }, { priority: 'urgent' }); });
  const claimed = await spineTransact(h.cell(), (tx) => claimJobs(tx.sql, 'd'.repeat(32), tx.now, new Date(tx.now.getTime() + 60_000), 32,
    CLAIM_MAX - URGENT_PLACES, false));
  expect(claimed.filter((j) => j.urgent)).toHaveLength(3);
  expect(claimed.filter((j) => !j.urgent)).toHaveLength(CLAIM_MAX - URGENT_PLACES);
  expect(await spineTransact(h.cell(), (tx) => claimJobs(tx.sql, 'e'.repeat(32), tx.now, new Date(tx.now.getTime() + 60_000), 32, 0, false))).toEqual([]);
  await su('delete from jobs.job');
});
