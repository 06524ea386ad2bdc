import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog, systemClock, testClock, type AnyRoute, type Clock } from '#kernel';
import { connectRedis, redisLimits } from '#adapters/redis';
import { LEASE_MS } from '#spine/limits';
import { has, house, probe, somebody, startRedis, type House, type RedisServer } from '#test';
import { OPEN_PER_ACTOR_MAX } from '../contract.ts';
import { createGate } from './gate.ts';
import type { Seen } from './context.ts';

const of = (method: string, priority?: string): AnyRoute => ({ method, path: '/x', ...(priority ? { priority } : {}) }) as unknown as AnyRoute;
const nobody = { actor: { kind: 'nobody' } } as Seen;
const person = (id: string): Seen => ({ actor: { kind: 'person', id, session: id } }) as unknown as Seen;

describe('the gate', () => {
  it('turns reports away first, then lists and pages, and sign-in and money last', () => {
    const gate = createGate({ clock: testClock(new Date(0)), openMax: 10 });
    const tried = (): (number | undefined)[] => [of('POST'), of('GET'), of('GET', 'report')].map((route) => {
      const no = gate.enter(route, nobody);
      if (!no) gate.leave(nobody);
      return no?.data.retryAfterSeconds as number | undefined;
    });
    const fill = (n: number): void => { while (gate.counts.open < n) gate.enter(of('POST', 'vital'), nobody); };
    expect(tried()).toEqual([undefined, undefined, undefined]);
    fill(5);
    expect(tried()).toEqual([undefined, undefined, 300]);
    fill(8);
    expect(tried()).toEqual([undefined, 30, 300]);
    fill(10);
    expect(tried()).toEqual([5, 30, 300]);
    expect(gate.counts.shed).toEqual({ vital: 1, usual: 2, report: 3 });
  });

  it('turns away by the loop’s lateness when it lasts, and not for one long step of work', () => {
    let tick: () => void = () => undefined;
    const base = testClock(new Date(0));
    const clock: Clock = { ...base, every: (_, run) => {
      tick = run;
      return () => undefined;
    } };
    const gate = createGate({ clock });
    const look = (lateMs: number): boolean => {
      base.advance(100 + lateMs);
      tick();
      const no = gate.enter(of('GET'), nobody);
      if (!no) gate.leave(nobody);
      return no === undefined;
    };
    expect([0, 0, 0, 0, 0, 2000, 0].map(look)).toEqual(Array.from({ length: 7 }, () => true));
    expect([900, 900, 900, 900, 900].map(look)).toEqual([true, true, true, true, false]);
    expect(look(0)).toBe(true);
  });

  it('lets nobody take all of it: so many of one person at once, whatever the others do', () => {
    const gate = createGate({ clock: testClock(new Date(0)) });
    for (let i = 0; i < OPEN_PER_ACTOR_MAX; i++) expect(gate.enter(of('GET'), person('a'))).toBeUndefined();
    expect(gate.enter(of('GET'), person('a'))?.problem.status).toBe(429);
    expect(gate.enter(of('GET'), person('b'))).toBeUndefined();
    gate.leave(person('a'));
    expect(gate.enter(of('GET'), person('a'))).toBeUndefined();
  });
});

describe('a crowded process', () => {
  let h: House;
  beforeAll(async () => { h = await house({ add: [probe()], transport: 'http', openMax: 4 }); });
  afterAll(() => h.stop());

  it('answers 503 with the time to wait, and all again when it is not crowded', async () => {
    const ask = (key: string): Promise<{ status: number; wait: unknown }> => h.request({ method: 'POST', path: '/api/probe/one', json: { key, n: 1 } })
      .then((a) => ({ status: a.status, wait: a.headers['retry-after'] }));
    const all = await Promise.all(Array.from({ length: 60 }, (_, i) => ask(`crowd-${i}`)));
    const statuses = new Set(all.map((a) => a.status));
    expect(statuses).toEqual(new Set([200, 503]));
    expect(new Set(all.filter((a) => a.status === 503).map((a) => a.wait))).toEqual(new Set(['5']));
    expect((await ask('after')).status).toBe(200);
    const metrics = await h.request({ path: '/metrics' });
    expect(metrics.text).toMatch(/exchequer_open_requests 0\n/);
    expect(Number(/exchequer_turned_away\{priority="vital"\} (\d+)/.exec(metrics.text)?.[1])).toBe(all.filter((a) => a.status === 503).length);
  });
});

describe.runIf(has('redis-server'))('limits that processes count together', () => {
  let server: RedisServer;
  beforeAll(async () => { server = await startRedis(); });
  afterAll(() => server.stop());

  it('hold for a person whatever process answers, and each counts its part while Redis is away', async () => {
    const open = async (): Promise<House> => {
      const connection = await connectRedis(server.url, createLog({ to: { write: () => undefined } }));
      const store = redisLimits(connection, { leaseMs: LEASE_MS });
      const own = await house({ limitStore: { store, processes: 2 } });
      return { ...own, stop: async () => {
        await own.stop();
        await connection.close();
      } };
    };
    const [a, b] = [await open(), await open()];
    const who = somebody();
    const answers: number[] = [];
    const bearer = (await a.signIn(who)).bearer;
    const began = systemClock.monotonicMs();
    for (let i = 0; i < 130; i++) answers.push((await a.request({ path: '/api/session', bearer, address: '10.1.1.2' })).status);
    expect(answers.filter((s) => s === 200).length).toBeLessThanOrEqual(101 + (systemClock.monotonicMs() - began) / 600);
    expect(answers.at(-1)).toBe(429);
    await server.stop();
    const other = (await b.signIn()).bearer;
    expect((await b.request({ path: '/api/session', bearer: other, address: '10.1.1.3' })).status).toBe(200);
    await Promise.all([a.stop(), b.stop()]);
  });
});
