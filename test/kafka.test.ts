import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { kafkaBroker } from '#adapters/kafka';
import { systemClock, systemRandom } from '#kernel';
import { demoFeed } from '#products/taxrefund';
import type { Broker, BrokerMessage } from '#spine/events/port';
import { has, house, type House } from '#test';
import { feedsOf, linkKafka } from '../src/apps/kafka.ts';

/** A group takes seconds to agree on who reads what, each time that somebody joins. */
const GROUPS_MS = 150_000;
const OUTSIDE = process.env['KAFKA_BROKERS'];

/** librdkafka's mock cluster, kept alive by a consumer that waits for ever; it says on standard error where it listens. */
async function mockCluster(): Promise<{ brokers: string; stop(): Promise<void> }> {
  const child: ChildProcess = spawn('kcat', ['-C', '-b', 'x', '-X', 'test.mock.num.brokers=1', '-t', 'anything'], { stdio: ['ignore', 'ignore', 'pipe'] });
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  const brokers = await new Promise<string>((done, fail) => {
    createInterface({ input: child.stderr as NodeJS.ReadableStream }).on('line', (line) => {
      const at = /replaced with (\S+)/.exec(line)?.[1];
      if (at) done(at);
    });
    void ended.then(() => fail(new Error('the mock cluster did not start')));
  });
  return { brokers, async stop() { child.kill('SIGKILL'); await ended; } };
}

const until = async (there: () => Promise<boolean> | boolean, ms = 60_000): Promise<void> => {
  const end = systemClock.monotonicMs() + ms;
  while (!await there()) {
    if (systemClock.monotonicMs() > end) throw new Error('what was waited for did not come');
    await systemClock.sleep(50);
  }
};

function brokerConforms(name: string, brokers: () => string): void {
  describe(`a broker: ${name}`, () => {
    const tail = systemRandom.bytes(4).toString('hex');
    const open = (): Broker => kafkaBroker({ brokers: brokers().split(','), clientId: `test-${tail}` });
    it('keeps the order of each key, hands everything over, and goes on behind what was told as read', async () => {
      const broker = open();
      await broker.connect();
      process.stdout.write(`broker: ${await broker.version()}\n`);
      const topic = `conform_${tail}`;
      const message = (n: number): { topic: string; key: string; value: string; id: string } => ({ topic, key: `k${n % 3}`, value: String(n), id: String(n) });
      for (let n = 0; n < 30; n += 10) await broker.publish(Array.from({ length: 10 }, (_, i) => message(n + i)));
      const seen: BrokerMessage[] = [];
      let broke = false;
      await broker.consume(`g_${tail}`, [topic], async (batch) => {
        // The first batch fails once: nothing of it may be told as read.
        if (!broke) { broke = true; throw new Error('not taken'); }
        seen.push(...batch);
      });
      await until(() => new Set(seen.map((m) => m.value)).size === 30);
      for (const key of ['k0', 'k1', 'k2']) {
        const values = [...new Set(seen.filter((m) => m.key === key).map((m) => Number(m.value)))];
        expect(values).toEqual(values.toSorted((a, b) => a - b));
      }
      await until(async () => await broker.lag(`g_${tail}`, [topic]) === 0);
      await broker.close();
      const next = open();
      await next.connect();
      const again: string[] = [];
      await next.consume(`g_${tail}`, [topic], async (batch) => { again.push(...batch.map((m) => m.value)); });
      await next.publish([message(30)]);
      await until(() => again.includes('30'));
      expect(again).toEqual(['30']);
      await next.close();
    }, GROUPS_MS);
  });
}

function linkConforms(name: string, brokers: () => string): void {
  describe(`the link over ${name}`, () => {
    let h: House;
    beforeAll(async () => { h = await house({ limits: false }); });
    afterAll(() => h.stop());
    const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = [], cell = 'IN'): Promise<R[]> => h.sql(cell, 'superuser')<R>(text,
      values);
    it('takes the authorities’ topics into the refunds feed, once however often they come, and publishes every event outward', async () => {
      const tail = systemRandom.bytes(4).toString('hex');
      const [india, us] = [`refund_updates_india_${tail}`, `refund_updates_us_${tail}`];
      const sender = kafkaBroker({ brokers: brokers().split(','), clientId: 'authority' });
      await sender.connect();
      const send = async (topic: string, slug: string, filers: number): Promise<number> => {
        // One season for every run: of another one a line might be set aside, as a few in ten thousand are.
        const lines = [...demoFeed(h.tenant(slug)).season({ filers, seed: 'link' })];
        for (let at = 0; at < lines.length; at += 200) {
          await sender.publish(lines.slice(at, at + 200).map((l,
            i) => ({ topic, key: String((l as { identifier?: string }).identifier ?? ''), value: JSON.stringify(l), id: `${at + i}` })));
        }
        return lines.length;
      };
      const sent = [await send(india, 'india', 12), await send(us, 'us', 6)];
      await sender.publish([{ topic: india, key: 'x', value: 'not a line', id: 'bad' }]);
      const outward: string[] = [];
      const reader = kafkaBroker({ brokers: brokers().split(','), clientId: 'reader' });
      for (let round = 0; round < 2; round++) {
        const ending = new AbortController();
        const linked = linkKafka({ broker: kafkaBroker({ brokers: brokers().split(','), clientId: 'exchequer' }), cells: h.program.cells,
          directory: h.program.directory,
          clock: systemClock, log: h.log, prefix: `out_${tail}_`, feeds: feedsOf(`${india}=india, ${us}=us`), ending: ending.signal });
        await until(async () => (await su('select 1 from taxrefund.quarantine')).length === 1 && (await su('select 1 from taxrefund.event', [],
          'US')).length > 0
          && (await su('select 1 from events.inbox where source = $1', [india])).length === (sent[0] ?? 0) + 1
          && (await su('select 1 from events.inbox where source = $1', [us], 'US')).length === sent[1]);
        const ends = await Promise.all(['IN', 'US'].map(async (cell) => (await su<{ pos: bigint }>('select max(pos) as pos from events.log', [],
          cell))[0]?.pos));
        await until(async () => (await Promise.all(['IN', 'US'].map(async (cell) =>
          (await su<{ pos: bigint }>("select pos from events.cursor where subscriber = 'kafka.out'", [], cell))[0]?.pos))).every((pos, i) => pos === ends[i]));
        ending.abort();
        await linked;
        // A second link that has lost what it was told as read gets all of it again, and changes nothing.
        if (round === 0) await su("update events.cursor set pos = pos - 3 where subscriber = 'kafka.out'");
      }
      const changed = await su<{ id: string }>("select replace(id::text, '-', '') as id from events.log where topic = 'taxrefund.changed'");
      expect(changed.length).toBeGreaterThan(0);
      await reader.connect();
      await reader.consume(`reader_${tail}`, [`out_${tail}_taxrefund.changed`],
        async (batch) => { outward.push(...batch.map((m) => (JSON.parse(m.value) as { id: string }).id)); });
      const all = [...changed, ...await su<{ id: string }>("select replace(id::text, '-', '') as id from events.log where topic = 'taxrefund.changed'", [],
        'US')].map((e) => e.id);
      await until(() => new Set(outward).size === all.length);
      expect(new Set(outward)).toEqual(new Set(all));
      await Promise.all([reader.close(), sender.close()]);
    }, GROUPS_MS);
  });
}

describe.runIf(has('kcat'))('on librdkafka’s mock cluster', () => {
  const clusters: Awaited<ReturnType<typeof mockCluster>>[] = [];
  beforeAll(async () => { clusters.push(await mockCluster(), await mockCluster()); });
  afterAll(() => Promise.all(clusters.map((c) => c.stop())));
  brokerConforms('the mock cluster', () => clusters[0]?.brokers ?? '');
  linkConforms('the mock cluster', () => clusters[1]?.brokers ?? '');
});

if (OUTSIDE !== undefined) {
  describe('on the brokers of KAFKA_BROKERS', () => {
    brokerConforms('outside brokers', () => OUTSIDE);
    linkConforms('outside brokers', () => OUTSIDE);
  });
}
