import { afterAll, beforeAll, expect, it } from 'vitest';
import { spineStatement, systemClock, systemRandom, uuidv7 } from '#kernel';
import { house, type House } from '#test';
import { create } from '../service/endpoints.ts';
import { claimDeliveries, finishDeliveries, insertDeliveries, noteOutcomes } from './deliveries.ts';

let h: House;
beforeAll(async () => { h = await house({ limits: false }); });
afterAll(() => h.stop());

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
  let done = 0;
  const claiming = async (): Promise<void> => {
    for (let i = 0; i < ROUNDS; i++) {
      const claimed = await spineStatement(h.cell(), (sql) => claimDeliveries(sql, { worker: me, now, until: new Date(now.getTime() + 60_000),
        endpoints: 128, room: 50,
        each: 5, breaker: 5, busy: [], left: [] }));
      done += (await spineStatement(h.cell(), (sql) => finishDeliveries(sql, me, now, { ids: claimed.map((c) => c.id), statuses: claimed.map(() => 'done'),
        nextAt: claimed.map(() => null), reasons: claimed.map(() => null), ms: claimed.map(() => 1), codes: claimed.map(() => 200),
          errors: claimed.map(() => null),
        excerpts: claimed.map(() => null) }))).length;
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
  expect(done).toBe(40 * 100);
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
  const claim = async (afterMs: number): Promise<number> => {
    const at = new Date(now.getTime() + afterMs);
    return (await spineStatement(h.cell(), (sql) => claimDeliveries(sql, { worker: uuidv7(now, systemRandom), now: at, until: new Date(at.getTime() + 60_000),
      endpoints: 128, room: 50, each: 64, breaker: 5, busy: [], left: [] }))).filter((c) => c.endpoint === endpoint).length;
  };
  // Two a second: those of one second at first, and then one each half second.
  const alone: number[] = [];
  for (const afterMs of [0, 0, 400, 500, 999, 1000]) alone.push(await claim(afterMs));
  expect(alone).toEqual([2, 0, 0, 1, 0, 1]);
  const together = await Promise.all(Array.from({ length: 6 }, () => claim(2000)));
  expect(together.reduce((sum, n) => sum + n, 0)).toBe(2);
  expect(await claim(3_600_000)).toBe(2);
});
