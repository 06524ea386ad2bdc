import type { Redis } from 'ioredis';
import { errorFields, type Log } from '#kernel';

/** A command that has no answer after this long fails. */
const COMMAND_MS_MAX = 50;
const RECONNECT_MS_MAX = 2000;

export interface RedisConnection { readonly redis: Redis; about(): Promise<string>; close(): Promise<void> }

/** Connects to `redis://…` or `rediss://…`; a server that is not there yet is looked for again, and until then every command fails at once. */
export async function connectRedis(url: string, log: Log, commandMs = COMMAND_MS_MAX): Promise<RedisConnection> {
  const { Redis: Client } = await import('ioredis');
  const redis = new Client(url, {
    enableAutoPipelining: true, enableOfflineQueue: false, maxRetriesPerRequest: 0, commandTimeout: commandMs, lazyConnect: true,
    retryStrategy: (tries) => Math.min(RECONNECT_MS_MAX, 50 * 2 ** Math.min(tries, 6)),
  });
  let said = false;
  redis.on('error', (error: Error) => {
    if (!said) log.warn('redis.away', errorFields(error));
    said = true;
  });
  redis.on('ready', () => {
    if (said) log.info('redis.back');
    said = false;
  });
  await redis.connect().catch((error: unknown) => log.warn('redis.away', errorFields(error)));
  return {
    redis,
    about: async () => `Redis ${/redis_version:(\S+)/.exec(await redis.info('server'))?.[1] ?? 'of no known version'}`,
    async close() { redis.disconnect(); },
  };
}

/** Runs a script by its hash; a server that does not know it yet is given its text. */
export async function runScript(redis: Redis, script: { readonly text: string; readonly sha: string }, keys: readonly string[],
  values: readonly (string | number)[]): Promise<unknown> {
  try {
    return await redis.evalsha(script.sha, keys.length, ...keys, ...values);
  } catch (error) {
    if (!(error instanceof Error) || !error.message.startsWith('NOSCRIPT')) throw error;
    return redis.eval(script.text, keys.length, ...keys, ...values);
  }
}
