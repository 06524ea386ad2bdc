import { Redis } from 'ioredis';
import type { Bus } from '#spine/events/port';

const PREFIX = 'exchequer:hints:';

/** Hints over Redis PUBLISH and SUBSCRIBE. What is published while a listener is away is not heard: it looks when it is back. */
export function redisBus(url: string): Bus {
  const options = { lazyConnect: true, maxRetriesPerRequest: 1, enableOfflineQueue: true, connectTimeout: 2000 };
  const sender = new Redis(url, options);
  // Each failed command rejects by itself; between commands an error has nobody else to tell.
  sender.on('error', () => undefined);
  return {
    version: async () => `Redis ${/redis_version:(\S+)/.exec(await sender.info('server'))?.[1] ?? 'of an unknown version'}`,
    async publish(channel, texts) {
      const pipeline = sender.pipeline();
      for (const text of texts) pipeline.publish(PREFIX + channel, text);
      for (const [error] of await pipeline.exec() ?? []) if (error) throw error;
    },
    async listen(channel, heard, ready, ending) {
      const listener = new Redis(url, { ...options, retryStrategy: () => null });
      try {
        await new Promise<void>((done, fail) => {
          listener.on('error', fail);
          listener.on('end', () => fail(new Error('the bus was lost')));
          listener.on('message', (_, text: string) => heard(text));
          ending.addEventListener('abort', () => done(), { once: true });
          if (ending.aborted) done();
          listener.subscribe(PREFIX + channel).then(ready, fail);
        });
      } finally {
        listener.removeAllListeners('end');
        listener.disconnect();
      }
    },
    close: async () => sender.disconnect(),
  };
}
