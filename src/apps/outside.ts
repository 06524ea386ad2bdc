import { ConfigFault, environment, envText, provide, readConfig, setting, systemClock, type Log, type Provided } from '#kernel';
import { Bus } from '#spine/events/port';
import { feedsOf, kafkaConfig, linkKafka } from './kafka.ts';
import type { Program } from './program.ts';

export const busConfig = {
  bus: setting('EXCHEQUER_BUS', 'what carries hints between processes: redis://…, nats://…, or the database (unless said)', envText()),
};

/** The bus that the environment names; its client is loaded only then. */
export async function openBus(): Promise<{ provided: Provided[]; close(): Promise<void> }> {
  const { bus: url } = readConfig(busConfig, environment());
  if (url === undefined) return { provided: [], close: async () => undefined };
  const of = (bus: Bus): { provided: Provided[]; close(): Promise<void> } => ({ provided: [provide(Bus, () => bus)], close: () => bus.close() });
  if (/^rediss?:\/\//.test(url)) {
    const { redisBus } = await import('#adapters/redis-bus');
    return of(redisBus(url));
  }
  if (url.startsWith('nats://')) {
    const { natsBus } = await import('#adapters/nats');
    return of(await natsBus(url));
  }
  throw new ConfigFault(['EXCHEQUER_BUS: redis://… or nats://…; without it hints go through the database']);
}

/** Links this process with the brokers that the environment names; resolves to what ends the link. */
export async function startLink(program: Program, log: Log): Promise<{ stop(): Promise<void> }> {
  const config = readConfig(kafkaConfig, environment());
  if (config.brokers === undefined) return { stop: async () => undefined };
  const { kafkaBroker } = await import('#adapters/kafka');
  const { username, password } = config;
  const broker = kafkaBroker({ brokers: config.brokers.split(',').map((b) => b.trim()), clientId: 'exchequer',
    ...(username && password ? { ssl: true, sasl: { username, password } } : {}) });
  const ending = new AbortController();
  const linked = linkKafka({ broker, cells: program.cells, directory: program.directory, clock: systemClock, log, prefix: config.prefix as string,
    feeds: feedsOf(config.feeds as string), ending: ending.signal });
  return {
    async stop() {
      ending.abort();
      await linked;
    },
  };
}
