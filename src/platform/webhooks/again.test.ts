import { createServer, type Server } from 'node:http';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { provide, systemClock, transact, type Clock } from '#kernel';
import { everyModule, house, ItemChanged, probe, sectionOf, type House } from '#test';
import { POLL_MS, PER_ENDPOINT_MAX, Reach } from './contract.ts';
import { webhooksOver } from './module.ts';
import { deliverer } from './service/deliver.ts';

/** When it is looked for more to send: at once where there may be some, whoever wrote it, and not each half second. */
let h: House;
let server: Server;
let port = 0;
const got: { n: number; atMs: number }[] = [];
/** Answers wait for this. */
let held: Promise<unknown> = Promise.resolve();
beforeAll(async () => {
  server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      got.push({ n: (JSON.parse(Buffer.concat(chunks).toString('utf8')) as { data: { n: number } }).data.n, atMs: systemClock.monotonicMs() });
      void held.then(() => res.end());
    });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  port = (server.address() as { port: number }).port;
  h = await house({
    modules: everyModule.map((m) => (m.name === 'platform/webhooks' ? webhooksOver([ItemChanged]) : m)), add: [probe()], limits: false,
    provided: () => [provide(Reach, () => ({ loopback: true, timeoutMs: 1500, resolve: async () => ['127.0.0.1'] }))],
  });
});
afterAll(async () => {
  await h.stop();
  server.closeAllConnections();
  await new Promise<void>((done) => { server.close(() => done()); });
});
beforeEach(() => { got.length = 0; });
let working: ReturnType<House['startWorkers']>[] = [];
afterEach(() => Promise.all(working.splice(0).map((w) => w.stop())));

let endpoints: string[] = [];
async function endpoint(more: Record<string, unknown> = {}): Promise<void> {
  const headers = { 'x-probe-machine': 'webhooks:read,webhooks:manage' };
  for (const e of endpoints) await h.request({ method: 'DELETE', path: `/api/webhooks/endpoints/${e}`, tenant: 'india', headers });
  const made = await h.request({ method: 'POST', path: '/api/webhooks/endpoints', tenant: 'india', headers,
    json: { url: `http://127.0.0.1:${port}/hook`, description: 'A test', events: ['probe.*'], ...more } });
  expect(made.status, made.text).toBe(201);
  endpoints = [made.json<{ endpoint: { endpoint: string } }>().endpoint.endpoint];
}
const emit = (from: number, count: number): Promise<unknown> => transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
  for (let n = from; n < from + count; n++) tx.emit({ actor: { kind: 'nobody' }, trace: '0'.repeat(32) }, ItemChanged, `k${n}`, { n });
})]);
async function arrived(count: number): Promise<void> {
  const end = systemClock.monotonicMs() + 30_000;
  while (got.length < count && systemClock.monotonicMs() < end) await systemClock.sleep(5);
  expect(got.length).toBe(count);
}
const between = (): number => (got.at(-1)?.atMs ?? 0) - (got[0]?.atMs ?? 0);

describe('what is due', () => {
  it('of an endpoint that has more than it may have under way follows as soon as there is room', async () => {
    await endpoint();
    working = [h.startWorkers(h.cell(), ['relay', 'worker'])];
    const looks = 10;
    await emit(0, PER_ENDPOINT_MAX * looks);
    await arrived(PER_ENDPOINT_MAX * looks);
    // Found by looking each half second alone, they would take this long.
    expect(between()).toBeLessThan((looks - 1) * POLL_MS * 0.7);
  });
  it('of an endpoint that wants order follows when the one before is written', async () => {
    await endpoint({ ordered: true });
    working = [h.startWorkers(h.cell(), ['relay', 'worker'])];
    await emit(0, 12);
    await arrived(12);
    expect(got.map((g) => g.n)).toEqual(Array.from({ length: 12 }, (_, i) => i));
    expect(between()).toBeLessThan(11 * POLL_MS * 0.7);
  });
  it('while the row of its endpoint was locked for what became of another is found when that is written', async () => {
    working = [h.startWorkers(h.cell(), ['relay', 'worker'])];
    const waits: number[] = [];
    const su = h.sql('IN', 'superuser');
    for (let i = 0; i < 3; i++) {
      await endpoint();
      got.length = 0;
      let answer = (): void => undefined;
      held = new Promise<void>((go) => { answer = go; });
      await emit(0, 1);
      await arrived(1);
      await su('begin');
      await su("select 1 from webhooks.endpoint where state = 'active' for update");
      answer();
      // What became of the first waits for the lock, and the look for the second passes the endpoint by.
      await systemClock.sleep(50);
      await emit(1, 1);
      await systemClock.sleep(150);
      expect(got.length).toBe(1);
      const began = systemClock.monotonicMs();
      await su('commit');
      await arrived(2);
      waits.push(systemClock.monotonicMs() - began);
    }
    // The next look of itself is some 350 ms away each time.
    expect(Math.min(...waits)).toBeLessThan(POLL_MS * 0.4);
  });
  it('and was written by another process is heard of before the next look', async () => {
    await endpoint();
    working = [h.startWorkers(h.anotherCell(), ['relay']), h.startWorkers(h.cell(), ['worker'])];
    await systemClock.sleep(POLL_MS);
    let waited = 0;
    for (let i = 0; i < 8; i++) {
      const began = systemClock.monotonicMs();
      await emit(i, 1);
      await arrived(i + 1);
      waited += systemClock.monotonicMs() - began;
    }
    // A look each half second would find each after half of that.
    expect(waited).toBeLessThan(8 * POLL_MS * 0.4);
  });
});

describe('a process whose clock is wrong', () => {
  const deliver = (cell: ReturnType<House['cell']>, offsetMs: number): { stop(): Promise<void> } => {
    const ending = new AbortController();
    const clock: Clock = { ...systemClock, now: () => new Date(systemClock.now().getTime() + offsetMs) };
    const running = deliverer.run({ cell, clock, log: h.log, signal: ending.signal, modules: everyModule, tenants: () => [],
      tenant: async (id) => h.program.directory.byId(id) });
    return { stop: () => { ending.abort(); return running; } };
  };
  it('sends what is due when it is due: an hour behind', async () => {
    await endpoint();
    working = [h.startWorkers(h.cell(), ['relay']), deliver(h.cell(), -3_600_000)];
    await emit(0, 3);
    await arrived(3);
  });
  it('sends nothing that another one has under way: an hour ahead', async () => {
    await endpoint({ ordered: true });
    let answer = (): void => undefined;
    held = new Promise<void>((go) => { answer = go; });
    working = [h.startWorkers(h.cell(), ['relay', 'worker'])];
    await emit(0, 2);
    await arrived(1);
    working.push(deliver(h.anotherCell(), 3_600_000));
    await systemClock.sleep(1000);
    expect(got.length).toBe(1);
    answer();
    await arrived(2);
    expect(got.map((g) => g.n)).toEqual([0, 1]);
  });
});
