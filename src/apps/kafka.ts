import { envText, errorFields, perform, setting, spineStatement, spineTransact, systemRandom, uuidv7, type Clock, type Log, type TenantRef } from '#kernel';
import { ingest, LINES_PER_BATCH_MAX, setAsideFailed, type RawLine } from '#products/taxrefund';
import { EventSignal, LEASE_MS, openCursor, RELAY_POLL_MS, readOutward, takeMessages } from '#spine/events';
import type { Broker, BrokerMessage } from '#spine/events/port';
import type { Directory } from '#spine/tenancy';
import type { Cell } from './runtime.ts';

export const kafkaConfig = {
  brokers: setting('EXCHEQUER_KAFKA_BROKERS', 'Kafka brokers, as host:port,host:port; none unless said', envText()),
  prefix: setting('EXCHEQUER_KAFKA_PREFIX', 'beginning of the names of topics that events are published on; exchequer. unless said', envText('exchequer.')),
  feeds: setting('EXCHEQUER_KAFKA_FEEDS', 'topics of the authorities and the tenants that they are for, as topic=tenant,topic=tenant',
    envText('refund_updates_india=india,refund_updates_us=us')),
  username: setting('EXCHEQUER_KAFKA_USERNAME', 'user at the brokers (SCRAM-SHA-512, over TLS); without one the connection is plain', envText()),
  password: setting('EXCHEQUER_KAFKA_PASSWORD', 'secret of that user', envText()),
};

export interface LinkOptions {
  readonly broker: Broker; readonly cells: ReadonlyMap<string, Cell>; readonly directory: Directory; readonly clock: Clock; readonly log: Log;
  readonly prefix: string; readonly feeds: ReadonlyMap<string, string>; readonly ending: AbortSignal;
}
const SUBSCRIBER = 'kafka.out';
const GROUP = 'exchequer.refunds';
const PUBLISH_MAX = 500;

/** Takes lines of one authority into the refunds feed, each once: the inbox is written in the commit of what the line changed. */
async function takeLines(cell: Cell, tenant: TenantRef, topic: string, batch: readonly BrokerMessage[]): Promise<void> {
  const by = { actor: { kind: 'system' as const, name: `kafka ${topic}` }, trace: systemRandom.bytes(16).toString('hex') };
  const nameOf = (m: BrokerMessage): string => `${m.partition}:${m.offset}`;
  const take = (part: readonly BrokerMessage[]): Promise<void> => perform(cell, tenant, by, async (tx) => {
    const fresh = new Set((await takeMessages(tx.sql, tenant.id, topic, part.map(nameOf), tx.now)).map((r) => r.message));
    const lines = part.filter((m) => fresh.has(nameOf(m))).map((m): RawLine => ({ no: Number(m.offset), text: m.value }));
    if (lines.length) await ingest(tx.section, tx, topic, lines);
  });
  for (let at = 0; at < batch.length; at += LINES_PER_BATCH_MAX) {
    const part = batch.slice(at, at + LINES_PER_BATCH_MAX);
    try {
      await take(part);
    } catch {
      // One line that cannot be taken must hold none of the others: each is taken alone, and that one is set aside.
      for (const m of part) await take([m]).catch((error: unknown) => aside(cell, tenant, by, topic, m, nameOf(m), error));
    }
  }
}

async function aside(cell: Cell, tenant: TenantRef, by: Parameters<typeof perform>[2], topic: string, m: BrokerMessage, name: string,
  error: unknown): Promise<void> {
  await perform(cell, tenant, by, async (tx) => {
    if (!(await takeMessages(tx.sql, tenant.id, topic, [name], tx.now)).length) return;
    await setAsideFailed(tx.section, tx, topic, { no: Number(m.offset), text: m.value });
  }).catch(() => { throw error; });
}

/** Publishes every settled event on a topic of its own name, in order of each key; by one process at a time, from where the last one stopped. */
async function publishOutward(o: LinkOptions, cell: Cell): Promise<void> {
  const me = uuidv7(o.clock.now(), systemRandom);
  const signal = cell.use(EventSignal);
  let at: bigint | undefined;
  let until = 0;
  while (!o.ending.aborted) {
    const waiting = signal.wait(RELAY_POLL_MS, o.ending);
    if (at === undefined || o.clock.monotonicMs() > until) {
      at = await spineTransact(cell, (tx) => openCursor(tx.sql, SUBSCRIBER, me, tx.now, new Date(tx.now.getTime() + LEASE_MS)));
      until = o.clock.monotonicMs() + LEASE_MS / 3;
    }
    const moved: bigint | undefined = at === undefined ? undefined : await readOutward(cell, SUBSCRIBER, me, at, PUBLISH_MAX, (events) =>
      o.broker.publish(events.map((e) => ({ topic: `${o.prefix}${e.topic}`, key: `${e.tenant} ${e.key}`, id: e.id, value: JSON.stringify({
        id: e.id, tenant: e.tenant, topic: e.topic, key: e.key, version: e.version, at: e.at.toISOString(), trace: e.trace, data: JSON.parse(e.data) as unknown,
      }) }))));
    if (moved === undefined) await waiting;
    else at = moved;
  }
  await spineStatement(cell, (sql) => openCursor(sql, SUBSCRIBER, me, o.clock.now(), o.clock.now()));
}

/** Links the program with Kafka until `ending`: the authorities' topics into the refunds feed, every event outward. */
export async function linkKafka(o: LinkOptions): Promise<void> {
  const again = async (what: string, run: () => Promise<void>): Promise<void> => {
    while (!o.ending.aborted) {
      try {
        return await run();
      } catch (error) {
        o.log.warn('kafka.broken', { what, ...errorFields(error) });
        await o.clock.sleep(1000, o.ending);
      }
    }
  };
  const feeds = [...o.feeds].flatMap(([topic, slug]) => {
    const tenant = o.directory.bySlug(slug);
    const cell = tenant && o.cells.get(tenant.cell);
    return tenant && cell ? [{ topic, tenant, cell }] : [];
  });
  await again('connect', () => o.broker.connect());
  if (o.ending.aborted) return o.broker.close();
  if (feeds.length) {
    await o.broker.consume(GROUP, feeds.map((f) => f.topic), async (batch) => {
      const feed = feeds.find((f) => f.topic === batch[0]?.topic);
      if (feed) await takeLines(feed.cell, feed.tenant, feed.topic, batch);
    });
  }
  await Promise.all([...o.cells.values()].map((cell) => again(`publish ${cell.name}`, () => publishOutward(o, cell))));
  await o.broker.close();
}

export const feedsOf = (text: string): ReadonlyMap<string, string> =>
  new Map(text.split(',').map((part) => part.split('=').map((p) => p.trim())).filter((p): p is [string, string] => p.length === 2));
