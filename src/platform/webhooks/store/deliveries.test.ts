import { afterAll, beforeAll, expect, it } from 'vitest';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import pg from 'pg';
import { provide, spineStatement, systemClock, systemRandom, uuidv7 } from '#kernel';
import { connectAs, house, type House } from '#test';
import { CONNECTION_WAIT_MS, CONNECTIONS_MAX, IN_FLIGHT_MAX, PER_ENDPOINT_MAX, POLL_MS, QUICK_MS, Reach } from '../contract.ts';
import { deliverer } from '../service/deliver.ts';
import { create } from '../service/endpoints.ts';
import { claimDeliveries, finishDone, finishFailed, insertDeliveries, noteOutcomes, releaseLeases, renewLeases, type Claimed,
  type Succeeded } from './deliveries.ts';

let h: House;
beforeAll(async () => { h = await house({ limits: false, provided: () => [provide(Reach, () => ({ loopback: true }))] }); });
afterAll(() => h.stop());

const triesOf = (claimed: readonly Claimed[], code: number): Succeeded => ({
  endpoints: claimed.map((c) => c.endpoint), dueMs: claimed.map((c) => c.dueMs), ids: claimed.map((c) => c.id), attempts: claimed.map((c) => c.attempts + 1),
  ms: claimed.map(() => 1), codes: claimed.map(() => code),
});

it('claims and results of the same endpoints, in whatever order they come, never wait for each other in a circle', async () => {
  const [ENDPOINTS, ROUNDS] = [40, 120];
  const now = systemClock.now();
  const ids: string[] = [];
  await h.perform('india', async (tx) => {
    for (let i = 0; i < ENDPOINTS; i++) {
      const made = await create(tx, { body: { url: `https://hook${i}.example/in`, description: 'x', events: ['probe.*'], ordered: false, perMinute: i % 4
        ? null : 60_000, headers: {},
        signature: 'v1' } });
      if (made.ok) ids.push(made.value.endpoint.endpoint.slice(4));
    }
    const messages = Array.from({ length: 100 }, () => uuidv7(now, systemRandom));
    await insertDeliveries(tx.sql, tx.tenant.id, now, { ids: messages, topics: messages.map(() => 'probe.item-changed'), keys: messages.map(() => 'k'),
      versions: messages.map(() => 1), at: messages.map(() => now), data: messages.map(() => '{}') },
    { endpoints: ids.flatMap((e) => messages.map(() => e)), messages: ids.flatMap(() => messages), ordered: ids.flatMap(() => messages.map(() => false)) });
  });
  const me = uuidv7(now, systemRandom);
  // A claim passes over endpoints that are locked just then, so it takes as many rounds as it takes.
  const claiming = async (): Promise<void> => {
    for (let i = 0, over = 0; over < ENDPOINTS * 100 && i < 10 * ROUNDS; i++) {
      const claimed = await spineStatement(h.cell(), (sql) => claimDeliveries(sql, { worker: me, now, until: new Date(now.getTime() + 60_000),
        endpoints: 128, room: 50,
        each: 5, breaker: 5, busy: [], left: [], underway: [] }));
      await spineStatement(h.cell(), (sql) => finishDone(sql, now, triesOf(claimed, 200)));
      over += claimed.length;
    }
  };
  const noting = async (order: (all: readonly string[]) => string[]): Promise<void> => {
    for (let i = 0; i < ROUNDS; i++) {
      const endpoints = order(ids);
      await spineStatement(h.cell(), (sql) => noteOutcomes(sql, now, { endpoints, succeeded: endpoints.map(() => true), failed: endpoints.map(() => 0),
        openUntil: endpoints.map(() => null) }));
    }
  };
  const ended = await Promise.allSettled([claiming(), noting((all) => [...all]), noting((all) => [...all].reverse())]);
  expect(ended.map((e) => (e.status === 'rejected' ? String(e.reason) : e.status))).toEqual(['fulfilled', 'fulfilled', 'fulfilled']);
  const left = await h.sql('IN', 'superuser')('select status, count(*)::int as n from webhooks.delivery group by status');
  expect(left).toEqual([{ status: 'done', n: 40 * 100 }]);
});

it('an endpoint that takes so many a minute is given no more, whoever claims, and what it did not use in a second is not saved up', async () => {
  const now = systemClock.now();
  let endpoint = '';
  await h.perform('india', async (tx) => {
    const made = await create(tx, { body: { url: 'https://slowly.example/in', description: 'x', events: ['probe.*'], ordered: false, headers: {},
      signature: 'v1', perMinute: 120 } });
    if (made.ok) endpoint = made.value.endpoint.endpoint.slice(4);
    const messages = Array.from({ length: 40 }, () => uuidv7(now, systemRandom));
    await insertDeliveries(tx.sql, tx.tenant.id, now, { ids: messages, topics: messages.map(() => 'probe.item-changed'), keys: messages.map(() => 'k'),
      versions: messages.map(() => 1), at: messages.map(() => now), data: messages.map(() => '{}') },
    { endpoints: messages.map(() => endpoint), messages, ordered: messages.map(() => false) });
  });
  const me = uuidv7(now, systemRandom);
  const taken: bigint[] = [];
  const claim = async (afterMs: number, worker: string = me): Promise<number> => {
    const at = new Date(now.getTime() + afterMs);
    const claimed = (await spineStatement(h.cell(), (sql) => claimDeliveries(sql, { worker, now: at, until: new Date(at.getTime() + 60_000),
      endpoints: 128, room: 50, each: 64, breaker: 5, busy: [], left: [], underway: taken }))).filter((c) => c.endpoint === endpoint);
    taken.push(...claimed.map((c) => c.id));
    return claimed.length;
  };
  // Two a second: those of one second at first, and then one each half second.
  const alone: number[] = [];
  for (const afterMs of [0, 0, 400, 500, 999, 1000]) alone.push(await claim(afterMs));
  expect(alone).toEqual([2, 0, 0, 1, 0, 1]);
  await spineStatement(h.cell(), (sql) => releaseLeases(sql, me));
  const others = Array.from({ length: 6 }, () => uuidv7(now, systemRandom));
  const together = await Promise.all(others.map((other) => claim(2000, other)));
  expect(together.reduce((sum, n) => sum + n, 0)).toBe(2);
  // Whoever holds it now goes on, and nobody else before the lease is over.
  const holder = others[together.findIndex((n) => n > 0)];
  expect(await claim(30_000)).toBe(0);
  expect(await claim(30_000, holder)).toBe(2);
  expect(await claim(3_600_000)).toBe(2);
});

it('an endpoint is one worker’s until its lease is over, and what two sent by a mischance is written once', async () => {
  const now = systemClock.now();
  const [first, second] = [uuidv7(now, systemRandom), uuidv7(now, systemRandom)];
  let endpoint = '';
  await h.perform('india', async (tx) => {
    const made = await create(tx, { body: { url: 'https://held.example/in', description: 'x', events: ['probe.*'], ordered: false, headers: {},
      signature: 'v1', perMinute: null } });
    if (made.ok) endpoint = made.value.endpoint.endpoint.slice(4);
    const message = uuidv7(now, systemRandom);
    await insertDeliveries(tx.sql, tx.tenant.id, now, { ids: [message], topics: ['probe.item-changed'], keys: ['k'], versions: [1], at: [now], data: ['{}'] },
      { endpoints: [endpoint], messages: [message], ordered: [false] });
  });
  const claim = async (worker: string, afterMs: number, underway: bigint[] = []): Promise<Claimed[]> => {
    const at = new Date(now.getTime() + afterMs);
    return (await spineStatement(h.cell(), (sql) => claimDeliveries(sql, { worker, now: at, until: new Date(at.getTime() + 10_000), endpoints: 128, room: 50,
      each: 64, breaker: 5, busy: [], left: [], underway }))).filter((c) => c.endpoint === endpoint);
  };
  const claimed = await claim(first, 0);
  const [{ id }] = claimed as [Claimed];
  expect(await claim(first, 1, [id])).toEqual([]);
  expect(await claim(second, 9000)).toEqual([]);
  await spineStatement(h.cell(), (sql) => renewLeases(sql, first, new Date(now.getTime() + 19_000), [endpoint]));
  expect(await claim(second, 18_000)).toEqual([]);
  // The first stalls past its lease: the second sends the same, and only one result counts.
  expect((await claim(second, 19_000)).map((c) => c.id)).toEqual([id]);
  expect(await spineStatement(h.cell(), (sql) => renewLeases(sql, first, new Date(now.getTime() + 60_000), [endpoint]))).toEqual([]);
  for (const code of [200, 201]) {
    await spineStatement(h.cell(), (sql) => finishDone(sql, now, triesOf(claimed, code)));
  }
  await spineStatement(h.cell(), (sql) => finishFailed(sql, now, { ...triesOf(claimed, 500), statuses: ['waiting'], nextAt: [now],
    reasons: ['status 500'], errors: [null], excerpts: [null] }));
  expect(await h.sql('IN', 'superuser')('select 1 from webhooks.attempt where delivery = $1', [id])).toEqual([]);
  expect(await h.sql('IN', 'superuser')('select code, attempts from webhooks.delivery where id = $1', [id])).toEqual([{ code: 200, attempts: 1 }]);
});

it('what is over before the rest of its claim has begun takes the endpoint from none of it', async () => {
  const receiver = createServer((_, res) => void res.end());
  await new Promise<void>((done) => { receiver.listen(0, '127.0.0.1', done); });
  const { port } = receiver.address() as AddressInfo;
  const now = systemClock.now();
  const endpoints: string[] = [];
  await h.perform('india', async (tx) => {
    for (const path of ['a', 'b']) {
      const made = await create(tx, { body: { url: `http://127.0.0.1:${port}/${path}`, description: 'x', events: ['probe.*'], ordered: false, headers: {},
        signature: 'v1', perMinute: null } });
      if (made.ok) endpoints.push(made.value.endpoint.endpoint.slice(4));
    }
    const messages = Array.from({ length: 10 }, () => uuidv7(now, systemRandom));
    await insertDeliveries(tx.sql, tx.tenant.id, now, { ids: messages, topics: messages.map(() => 'probe.item-changed'), keys: messages.map(() => 'k'),
      versions: messages.map(() => 1), at: messages.map(() => now), data: messages.map(() => '{}') },
    { endpoints: messages.map((_, i) => endpoints[i % 2] as string), messages, ordered: messages.map(() => false) });
  });
  const ending = new AbortController();
  // The directory takes its time for each endpoint that is opened.
  const ran = deliverer.run({ cell: h.cell(), clock: systemClock, log: h.log, signal: ending.signal, modules: [], tenants: () => [],
    tenant: async () => {
      await systemClock.sleep(150);
      return h.tenant();
    } });
  const su = h.sql('IN', 'superuser');
  const of = (status: string): Promise<unknown[]> =>
    su('select reason from webhooks.delivery where endpoint = any($1::uuid[]) and status = $2', [endpoints, status]);
  for (let i = 0; (await of('done')).length < 10 && i < 200; i++) await systemClock.sleep(25);
  ending.abort();
  await ran;
  receiver.closeAllConnections();
  await new Promise((done) => { receiver.close(done); });
  expect(await su('select error from webhooks.attempt where endpoint = any($1::uuid[])', [endpoints])).toEqual([]);
  expect(await of('done')).toHaveLength(10);
});

it('endpoints that turn slow hold up nobody of their origin for long, and are apart once they are known', async () => {
  const [SLOW, MANY, FEW, now] = [['s1', 's2', 's3'], 150, 50, systemClock.now()];
  /** Answers that are owed, by path. */
  const owed = new Map<string, (() => void)[]>(SLOW.map((path) => [path, []]));
  let slow = false;
  const receiver = createServer((req, res) => {
    const answers = owed.get(String(req.url).slice(1));
    if (slow && answers) answers.push(() => void res.end());
    else res.end();
  });
  await new Promise<void>((done) => { receiver.listen(0, '127.0.0.1', done); });
  const { port } = receiver.address() as AddressInfo;
  const idOf = new Map<string, string>();
  const send = (path: string, n: number): Promise<void> => h.perform('india', async (tx) => {
    if (!idOf.has(path)) {
      const made = await create(tx, { body: { url: `http://127.0.0.1:${port}/${path}`, description: 'x', events: ['probe.*'], ordered: false, headers: {},
        signature: 'v1', perMinute: null } });
      if (made.ok) idOf.set(path, made.value.endpoint.endpoint.slice(4));
    }
    const messages = Array.from({ length: n }, () => uuidv7(now, systemRandom));
    await insertDeliveries(tx.sql, tx.tenant.id, now, { ids: messages, topics: messages.map(() => 'probe.item-changed'), keys: messages.map(() => 'k'),
      versions: messages.map(() => 1), at: messages.map(() => now), data: messages.map(() => '{}') },
    { endpoints: messages.map(() => idOf.get(path) as string), messages, ordered: messages.map(() => false) });
  });
  const su = h.sql('IN', 'superuser');
  const due = async (path: string, attempts = 0): Promise<number> =>
    (await su('select 1 from webhooks.due where endpoint = $1 and attempts = $2', [idOf.get(path), attempts])).length;
  const until = async (what: () => boolean | Promise<boolean>): Promise<void> => {
    for (let i = 0; !await what() && i < 400; i++) await systemClock.sleep(20);
    expect(await what()).toBe(true);
  };
  const underWay = (): number => SLOW.reduce((sum, path) => sum + (owed.get(path)?.length ?? 0), 0);
  const known = async (path: string): Promise<void> => {
    await send(path, 1);
    await until(async () => await due(path) === 0);
  };
  const ending = new AbortController();
  let nowMs = 0;
  const ran = deliverer.run({ cell: h.cell(), clock: { ...systemClock, monotonicMs: () => nowMs }, log: h.log, signal: ending.signal, modules: [],
    tenants: () => [], tenant: async () => h.tenant() });
  for (const path of [...SLOW, 'q']) await known(path);
  slow = true;
  for (const path of SLOW) await send(path, MANY);
  await until(() => underWay() === CONNECTIONS_MAX);
  // All connections that they share wait for answers: what waits longer than that goes around.
  await send('q', FEW);
  await systemClock.sleep(POLL_MS + 300);
  expect([underWay(), await due('q')]).toEqual([CONNECTIONS_MAX, FEW]);
  nowMs += CONNECTION_WAIT_MS;
  await until(() => underWay() === SLOW.length * PER_ENDPOINT_MAX);
  await until(async () => await due('q') === 0);
  // So many late answers, and they do not share any more: a quick one waits for nothing.
  nowMs += QUICK_MS + 1;
  for (const path of SLOW) for (const end of owed.get(path)?.splice(0) ?? []) end();
  await until(() => underWay() === SLOW.length * PER_ENDPOINT_MAX);
  await send('q', FEW);
  await until(async () => await due('q') === 0);
  ending.abort();
  await ran;
  receiver.closeAllConnections();
  await new Promise((done) => { receiver.close(done); });
  for (const path of SLOW) expect([await due(path, 1), await due(path)]).toEqual([PER_ENDPOINT_MAX, MANY - 2 * PER_ENDPOINT_MAX]);
  expect(await su('select error from webhooks.attempt where endpoint = $1', [idOf.get('q')])).toEqual([]);
});

/** Endpoints of one receiver, with so many deliveries each, and no others. */
async function waiting(port: number, endpoints: number, each: number): Promise<string[]> {
  await h.sql('IN', 'superuser')('truncate webhooks.endpoint, webhooks.due, webhooks.delivery, webhooks.message, webhooks.attempt');
  const now = systemClock.now();
  const ids: string[] = [];
  await h.perform('india', async (tx) => {
    for (let i = 0; i < endpoints; i++) {
      const made = await create(tx, { body: { url: `http://127.0.0.1:${port}/${i}`, description: 'x', events: ['probe.*'], ordered: false, headers: {},
        signature: 'v1', perMinute: null } });
      if (made.ok) ids.push(made.value.endpoint.endpoint.slice(4));
    }
    const messages = Array.from({ length: endpoints * each }, () => uuidv7(now, systemRandom));
    await insertDeliveries(tx.sql, tx.tenant.id, now, { ids: messages, topics: messages.map(() => 'probe.item-changed'), keys: messages.map(() => 'k'),
      versions: messages.map(() => 1), at: messages.map(() => now), data: messages.map(() => '{}') },
    { endpoints: messages.map((_, i) => ids[i % endpoints] as string), messages, ordered: messages.map(() => false) });
  });
  return ids;
}

it('a delivery’s end stays in its page, where no index has to be told of it', async () => {
  const [endpoint] = await waiting(1, 1, 600);
  const su = h.sql('IN', 'superuser');
  const pages = (): Promise<unknown[]> =>
    su('select id, (ctid::text::point)[0]::int as page from webhooks.delivery where endpoint = $1 order by id', [endpoint]);
  const before = await pages();
  const now = systemClock.now();
  for (let i = 0; i < 6; i++) {
    const claimed = await spineStatement(h.cell(), (sql) => claimDeliveries(sql, { worker: uuidv7(now, systemRandom), now,
      until: new Date(now.getTime() - 1), endpoints: 128, room: 100, each: 100, breaker: 5, busy: [], left: [], underway: [] }));
    await spineStatement(h.cell(), (sql) => finishDone(sql, now, triesOf(claimed.filter((c) => c.endpoint === endpoint), 200)));
  }
  expect(await su("select count(*)::int as n from webhooks.delivery where endpoint = $1 and status = 'done'", [endpoint])).toEqual([{ n: 600 }]);
  expect(await pages()).toEqual(before);
});

it('what is over and cannot be written makes room for more, and not for any number', async () => {
  const [ENDPOINTS, EACH] = [40, 64];
  let came = 0;
  const receiver = createServer((_, res) => {
    came += 1;
    res.end();
  });
  await new Promise<void>((done) => { receiver.listen(0, '127.0.0.1', done); });
  const endpoints = await waiting((receiver.address() as AddressInfo).port, ENDPOINTS, EACH);
  const other = new pg.Client(connectAs(h.connections[0] as House['connections'][number], 'owner'));
  await other.connect();
  await other.query('begin; lock table webhooks.delivery in share mode');
  const ending = new AbortController();
  const ran = deliverer.run({ cell: h.cell(), clock: systemClock, log: h.log, signal: ending.signal, modules: [], tenants: () => [],
    tenant: async () => h.tenant() });
  for (let i = 0; came < 2 * IN_FLIGHT_MAX && i < 400; i++) await systemClock.sleep(25);
  await systemClock.sleep(2 * POLL_MS);
  expect(came).toBe(2 * IN_FLIGHT_MAX);
  await other.query('rollback');
  await other.end();
  const left = async (): Promise<number> => (await h.sql('IN', 'superuser')('select 1 from webhooks.due where endpoint = any($1::uuid[])', [endpoints])).length;
  for (let i = 0; await left() > 0 && i < 400; i++) await systemClock.sleep(25);
  ending.abort();
  await ran;
  receiver.closeAllConnections();
  await new Promise((done) => { receiver.close(done); });
  expect([came, await left()]).toEqual([ENDPOINTS * EACH, 0]);
});
