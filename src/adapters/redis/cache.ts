import { hash } from 'node:crypto';
import type { SecondLevel } from '#spine/cache/port';
import { runScript, type RedisConnection } from './connect.ts';

const script = (text: string): { text: string; sha: string } => ({ text, sha: hash('sha1', text) });
const NOW = "local time = redis.call('TIME')\nlocal now = time[1] * 1000 + math.floor(time[2] / 1000)\n";

/** KEYS: value, generation, who loads. A value stands behind the instant at which its load began; an age is rounded up. */
const READ = script(`${NOW}
local generation = redis.call('GET', KEYS[2]) or '0'
local fence = generation .. ' ' .. string.format('%.0f', now)
local kept = redis.call('GET', KEYS[1])
if kept then return {kept, now - tonumber(string.match(kept, '^%d+')) + 1, fence, 0} end
return {false, 0, fence, redis.call('SET', KEYS[3], '1', 'NX', 'PX', ARGV[1]) and 1 or 0}
`);

/** Takes a value only under the generation at which its load began, and not after the longest load: by then generations may be forgotten. */
const FILL = script(`${NOW}
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] or now - tonumber(ARGV[2]) > tonumber(ARGV[3]) then return 0 end
redis.call('DEL', KEYS[3])
if not ARGV[5] then return 1 end
local left = tonumber(ARGV[2]) + tonumber(ARGV[4]) - now
if left <= 0 then return 0 end
redis.call('SET', KEYS[1], ARGV[2] .. ' ' .. ARGV[5], 'PX', math.ceil(left))
return 1
`);

const DROP = script(`
redis.call('DEL', KEYS[1], KEYS[3])
redis.call('INCR', KEYS[2])
redis.call('PEXPIRE', KEYS[2], ARGV[1])
return 1
`);

/** The second level of caches in Redis. `loadMs`: the longest load. */
export function redisCache(connection: RedisConnection, loadMs: number): SecondLevel {
  const keysOf = (key: string): string[] => ['v', 'g', 'l'].map((part) => `xq:cache:{${key}}:${part}`);
  return {
    name: 'redis', about: connection.about, close: connection.close,
    async read(key) {
      const [kept, ageMs, fence, yours] = await runScript(connection.redis, READ, keysOf(key), [loadMs]) as [string | null, number, string, number];
      return { text: kept === null ? undefined : kept.slice(kept.indexOf(' ') + 1), ageMs, fence, yours: yours === 1 };
    },
    async fill(key, fence, text, keepMs) {
      const [generation = '', began = ''] = fence.split(' ');
      return await runScript(connection.redis, FILL, keysOf(key), [generation, began, loadMs, keepMs, ...(text === undefined ? [] : [text])]) === 1;
    },
    async invalidate(key) {
      await runScript(connection.redis, DROP, keysOf(key), [2 * loadMs]);
    },
  };
}
