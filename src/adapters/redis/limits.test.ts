import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog, systemClock } from '#kernel';
import { has, limitsConform, startRedis, type RedisServer } from '#test';
import type { LimitPolicy, Verdict } from '#spine/limits';
import { connectRedis, redisLimits, type RedisConnection } from './index.ts';

/** What is counted here is not whether a busy machine answers in time. */
const PATIENT_MS = 500;
const log = createLog({ to: { write: () => undefined } });
const LEASE_MS = 1000;

limitsConform('Redis', async () => {
  const server = await startRedis();
  const connection = await connectRedis(server.url, log, PATIENT_MS);
  let at = 0;
  const store = redisLimits(connection, { leaseMs: LEASE_MS, now: () => at });
  return {
    about: store.about,
    async take(policy, key, atMs, upTo) {
      at = atMs;
      return (await store.take([{ policy, key, upTo }]))[0] as Verdict;
    },
    async close() {
      await store.close();
      await server.stop();
    },
  };
}, has('redis-server'));

describe.runIf(has('redis-server'))('buckets in Redis', () => {
  let server: RedisServer;
  let connection: RedisConnection;
  beforeAll(async () => {
    server = await startRedis();
    connection = await connectRedis(server.url, log, PATIENT_MS);
  });
  afterAll(async () => {
    await connection.close();
    await server.stop();
  });

  it('go by the server’s clock, keep the part of a token that was earned, and leave when they are full', async () => {
    const store = redisLimits(connection, { leaseMs: LEASE_MS });
    const policy: LimitPolicy = { name: 'clock', capacity: 10, perMinute: 6000 };
    const began = systemClock.monotonicMs();
    let granted = 0;
    while (systemClock.monotonicMs() - began < 1000) {
      granted += (await store.take([{ policy, key: 'k' }]))[0]?.granted ?? 0;
      await systemClock.sleep(1);
    }
    const ideal = 10 + (systemClock.monotonicMs() - began) / 10;
    expect(granted).toBeLessThanOrEqual(ideal + 1);
    expect(granted).toBeGreaterThan(ideal * 0.8);
    await systemClock.sleep(150);
    expect(await connection.redis.exists('xq:limit:clock:k')).toBe(0);
  });

  it('are shared by connections without one too many', async () => {
    const other = await connectRedis(server.url, log);
    const stores = [connection, other].map((c) => redisLimits(c, { leaseMs: LEASE_MS }));
    const policy: LimitPolicy = { name: 'two', capacity: 100, perMinute: 0.1 };
    const all = await Promise.all(Array.from({ length: 200 }, async (_, i) => stores[i % 2]?.take([{ policy, key: 'k' }])));
    expect(all.flat().filter((g) => g?.ok)).toHaveLength(100);
    await other.close();
  });

  it('that do not answer in time are an error, and answer again when they can', async () => {
    const store = redisLimits(connection, { leaseMs: LEASE_MS });
    const policy: LimitPolicy = { name: 'late', capacity: 100, perMinute: 1 };
    expect((await store.take([{ policy, key: 'k' }]))[0]?.ok).toBe(true);
    server.freeze();
    const began = systemClock.monotonicMs();
    await expect(store.take([{ policy, key: 'k' }])).rejects.toThrow();
    expect(systemClock.monotonicMs() - began).toBeLessThan(1000);
    server.thaw();
    await systemClock.sleep(50);
    expect((await store.take([{ policy, key: 'k' }]))[0]?.ok).toBe(true);
    const nobody = await connectRedis('redis://127.0.0.1:1', log);
    await expect(redisLimits(nobody, { leaseMs: LEASE_MS }).take([{ policy, key: 'k' }])).rejects.toThrow();
    await nobody.close();
  });
});
