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
    // A command may take 50 ms, which a machine with much else to do exceeds now and then: who could not ask loads for itself, and says so.
    const away = (): number => caches.reduce((sum, c) => sum + c.stats.secondAway, 0);
    let shared = 0;
    for (const key of ['a', 'b', 'c', 'd', 'e']) {
      const before = { away: away(), loads };
      const values = await Promise.all(caches.map(async (c) => c.get(key, load)));
      if (away() > before.away) continue;
      expect([values[0], loads]).toEqual([values[1], before.loads + 1]);
      shared += 1;
    }
    expect(shared).toBeGreaterThan(0);
    await server.stop();
    await Promise.all(caches.map((c) => c.invalidate('a')));
    const so = loads;
    expect(await caches[0]?.get('a', load)).toEqual({ n: so + 1 });
    await Promise.all(connections.map((c) => c.close()));
  });
});
