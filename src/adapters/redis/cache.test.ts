import { describe, expect, it } from 'vitest';
import { createLog, systemClock } from '#kernel';
import { createTiered } from '#spine/cache';
import { has, secondLevelConforms, startRedis } from '#test';
import { connectRedis, redisCache } from './index.ts';

const log = createLog({ to: { write: () => undefined } });
const LOAD_MS = 30_000;

secondLevelConforms('Redis', async () => {
  const server = await startRedis();
  return { level: redisCache(await connectRedis(server.url, log), LOAD_MS), stop: () => server.stop() };
}, has('redis-server'));

describe.runIf(has('redis-server'))('a cache over Redis', () => {
  it('is loaded once by two processes, and goes on when the server is killed', async () => {
    const server = await startRedis();
    const connections = [await connectRedis(server.url, log), await connectRedis(server.url, log)];
    let loads = 0;
    const caches = connections.map((c) => createTiered<{ n: number }>({
      name: 'x', entriesMax: 10, freshMs: 60_000, keptMs: 60_000, text: { write: (v) => JSON.stringify(v), read: (t) => JSON.parse(t) as { n: number } },
    }, { clock: systemClock, second: redisCache(c, LOAD_MS) }));
    const load = async (): Promise<{ n: number }> => {
      await systemClock.sleep(30);
      return { n: loads += 1 };
    };
    expect(await Promise.all(caches.map(async (c) => c.get('k', load)))).toEqual([{ n: 1 }, { n: 1 }]);
    expect(loads).toBe(1);
    await server.stop();
    await Promise.all(caches.map((c) => c.invalidate('k')));
    expect(await caches[0]?.get('k', load)).toEqual({ n: 2 });
    await Promise.all(connections.map((c) => c.close()));
  });
});
