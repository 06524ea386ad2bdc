import { Kafka, logLevel, type Consumer } from 'kafkajs';
import type { Broker, BrokerMessage } from '#spine/events/port';

export interface KafkaOptions { readonly brokers: readonly string[]; readonly clientId: string; readonly ssl?: boolean;
  readonly sasl?: { readonly username: string; readonly password: string } }

/**
 * Kafka by its own protocol. Offsets are committed by hand, behind the effect. One request is in flight, with
 * acknowledgement of all replicas in sync: order holds, and what may stand twice bears its id. The protocol does not tell the server's version.
 */
export function kafkaBroker(o: KafkaOptions): Broker {
  const kafka = new Kafka({
    clientId: o.clientId, brokers: [...o.brokers], logLevel: logLevel.NOTHING, connectionTimeout: 3000, requestTimeout: 15_000,
    retry: { initialRetryTime: 100, retries: 8 }, ...(o.ssl ? { ssl: true } : {}),
    ...(o.sasl ? { sasl: { mechanism: 'scram-sha-512' as const, ...o.sasl } } : {}),
  });
  const producer = kafka.producer({ maxInFlightRequests: 1, allowAutoTopicCreation: true });
  const admin = kafka.admin();
  const consumers: Consumer[] = [];
  return {
    async version() {
      const topics = await admin.listTopics();
      return `Kafka at ${o.brokers.join(', ')} with ${topics.length} topics`;
    },
    connect: async () => void await Promise.all([producer.connect(), admin.connect()]),
    async consume(group, topics, take) {
      const consumer = kafka.consumer({ groupId: group, sessionTimeout: 10_000, heartbeatInterval: 1000, maxWaitTimeInMs: 250,
        allowAutoTopicCreation: true });
      consumers.push(consumer);
      await consumer.connect();
      await consumer.subscribe({ topics: [...topics], fromBeginning: true });
      await consumer.run({
        autoCommit: false, eachBatchAutoResolve: false,
        async eachBatch({ batch, resolveOffset, heartbeat, isRunning, isStale }) {
          if (!isRunning() || isStale() || batch.messages.length === 0) return;
          const { topic, partition } = batch;
          await take(batch.messages.map((m): BrokerMessage => ({ topic, partition, offset: m.offset, key: m.key?.toString() ?? '',
            value: m.value?.toString() ?? '' })));
          // A batch that was taken over meanwhile is told by whoever has it now.
          if (isStale()) return;
          const last = batch.messages.at(-1)?.offset as string;
          resolveOffset(last);
          await consumer.commitOffsets([{ topic, partition, offset: (BigInt(last) + 1n).toString() }]);
          await heartbeat();
        },
      });
    },
    async publish(messages) {
      if (!messages.length) return;
      const byTopic = Map.groupBy(messages, (m) => m.topic);
      await producer.sendBatch({ acks: -1, topicMessages: [...byTopic].map(([topic, all]) => ({
        topic, messages: all.map((m) => ({ key: m.key, value: m.value, headers: { 'message-id': m.id } })),
      })) });
    },
    async lag(group, topics) {
      let sum = 0n;
      const read = await admin.fetchOffsets({ groupId: group, topics: [...topics] });
      for (const topic of topics) {
        const told = new Map(read.find((r) => r.topic === topic)?.partitions.map((p) => [p.partition, BigInt(p.offset)]));
        for (const end of await admin.fetchTopicOffsets(topic)) {
          const from = told.get(end.partition) ?? -1n;
          sum += BigInt(end.high) - (from < 0n ? BigInt(end.low) : from);
        }
      }
      return Number(sum);
    },
    close: async () => void await Promise.all([producer.disconnect(), admin.disconnect(), ...consumers.map((c) => c.disconnect())]),
  };
}
