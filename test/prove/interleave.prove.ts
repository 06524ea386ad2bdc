/** The cache is never overtaken: see interleavings.ts. Over a second level in memory with a clock of its own, then over a real Redis where there is one. */
import { connectRedis, redisCache } from '#adapters/redis';
import { createLog, systemClock, testClock } from '#kernel';
import { LOAD_MS_MAX, memorySecondLevel } from '#spine/cache';
import { startRedis } from '../house/redis.ts';
import { has } from '../parts.ts';
import { finish, option, random, say, seed } from './frame.ts';
import { interleave, turns } from './interleavings.ts';

const RUNS = Number(option('runs', '100000'));
const REDIS_RUNS = Number(option('redis-runs', '1500'));
const clock = testClock(new Date(0));
const memory = await interleave(RUNS, { random, clock, second: () => memorySecondLevel(clock), settle: turns, prefix: '' });
say(`memory: ${memory.runs} interleavings, ${memory.steps} steps, ${memory.reads} reads, ${memory.checked} of them after a change was heard of, ${memory.fenced} fills refused`);
const wrong = [...memory.stale];
let redisReads = 0;
if (has('redis-server')) {
  const server = await startRedis();
  const connection = await connectRedis(server.url, createLog({ level: 'error' }));
  connection.redis.options.commandTimeout = undefined as never;
  const level = redisCache(connection, LOAD_MS_MAX);
  const real = await interleave(REDIS_RUNS, {
    random, clock: systemClock, second: () => level, prefix: `${seed}-`,
    // Until the server has answered everything that was sent before.
    settle: async () => {
      await turns();
      await connection.redis.ping();
      await turns();
    },
  });
  say(`${await level.about()}: ${real.runs} interleavings, ${real.reads} reads, ${real.checked} after a change was heard of, ${real.fenced} fills refused`);
  redisReads = real.reads;
  wrong.push(...real.stale);
  await connection.close();
  await server.stop();
}
if (memory.checked < RUNS / 10 || memory.fenced < RUNS / 100) wrong.push('too few reads met a change: this proof would prove nothing');
finish('interleave', { interleavings: RUNS, reads: memory.reads, checked: memory.checked, fenced: memory.fenced, redis_reads: redisReads, stale: wrong.length }, wrong);
