import { DeliverPolicy, jetstream, jetstreamManager, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { connect, nanos, type NatsConnection } from '@nats-io/transport-node';
import type { Bus } from '#spine/events/port';

const STREAM = 'EXCHEQUER_HINTS';
const KEPT_MS = 60_000;
const HINTS_MAX = 100_000;

/** Hints over a JetStream stream in memory: a listener that lost its connection for less than a minute still hears what it missed. */
export async function natsBus(servers: string): Promise<Bus> {
  const connection: NatsConnection = await connect({ servers, timeout: 2000, reconnectTimeWait: 250, maxReconnectAttempts: -1 });
  const manager = await jetstreamManager(connection);
  const config = { subjects: ['exchequer.hints.>'], storage: StorageType.Memory, retention: RetentionPolicy.Limits, max_age: nanos(KEPT_MS),
    max_msgs: HINTS_MAX };
  await manager.streams.add({ name: STREAM, ...config });
  const js = jetstream(connection);
  const subjectOf = (channel: string): string => `exchequer.hints.${Buffer.from(channel).toString('hex')}`;
  return {
    version: async () => `NATS JetStream ${connection.info?.version ?? 'of an unknown version'}`,
    publish: async (channel, texts) => void await Promise.all(texts.map((text) => js.publish(subjectOf(channel), text))),
    async listen(channel, heard, ready, ending) {
      const consumer = await js.consumers.get(STREAM, { filter_subjects: subjectOf(channel), deliver_policy: DeliverPolicy.New });
      const messages = await consumer.consume({ callback: (m) => heard(m.string()) });
      const closed = messages.closed();
      // An ordered consumer is made when it is first asked for; what is published before that would not be heard.
      await consumer.info().catch(() => undefined);
      ready();
      await Promise.race([closed, new Promise<void>((done) => {
        ending.addEventListener('abort', () => done(), { once: true });
        if (ending.aborted) done();
      })]);
      if (!ending.aborted) throw new Error('the bus was lost');
      await messages.close();
    },
    close: () => connection.close(),
  };
}
