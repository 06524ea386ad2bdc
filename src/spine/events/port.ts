import { token } from '#kernel';

/**
 * Hints between the processes of a cell: "look again". They may be lost, doubled and late, so nothing that matters travels here; the log is the
 * truth and a poll stands behind. One conformance suite for all that carry them.
 */
export interface Bus {
  /** What carries it, with the server's own version. */
  version(): Promise<string>;
  /** Sends texts of at most 200 characters, together. */
  publish(channel: string, texts: readonly string[]): Promise<void>;
  /** Hears a channel until `ending`; `ready` runs when it does, and again whenever hints may have been missed. Throws when it is lost. */
  listen(channel: string, heard: (text: string) => void, ready: () => void, ending: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
/** Makes the bus of a cell. */
export const Bus = token<Bus>('events.bus');

/** A message as a broker hands it over. Its place in its partition names it. */
export interface BrokerMessage { readonly topic: string; readonly partition: number; readonly offset: string; readonly key: string; readonly value: string }

/**
 * A log outside, such as Kafka. What is read is told by hand when it has had its effect, so a message may come again; what is written may
 * stand twice. Both sides keep an inbox of ids, and so each message has its effect once.
 */
export interface Broker {
  version(): Promise<string>;
  connect(): Promise<void>;
  /** Hands over messages of topics, each partition in order, as one member of a group; a batch is told as read when `take` has resolved. */
  consume(group: string, topics: readonly string[], take: (batch: readonly BrokerMessage[]) => Promise<void>): Promise<void>;
  /** Resolves when all are acknowledged by every replica in sync. Messages of one key stay in order. */
  publish(messages: readonly { readonly topic: string; readonly key: string; readonly value: string; readonly id: string }[]): Promise<void>;
  /** Messages of the topics that the group has not been told as read. */
  lag(group: string, topics: readonly string[]): Promise<number>;
  close(): Promise<void>;
}
export const Broker = token<Broker>('events.broker');
