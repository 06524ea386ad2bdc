import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dataOf, event, onMany, spineTransact, systemClock, transact } from '#kernel';
import { house, ItemChanged, probe, sectionOf, type House } from '#test';
import { z } from 'zod';
import { dropPartitions, makePartitions, replayFrom } from '../store.ts';
import { PARTS } from '../contract.ts';

let h: House;
let together: number[] = [];
beforeAll(async () => {
  h = await house({ add: [probe({ reactions: [onMany(ItemChanged, 'heaps', async (tx, items) => {
    together.push(items.length);
    await tx.sql`insert into probe.effect (tenant, subscriber, event, key, n) select ${tx.tenant.id}, 'heaps', 'x', k, n
      from unnest(${items.map((i) => i.input.key)}::text[], ${items.map((i) => i.input.data.n)}::bigint[]) r (k, n)`;
  })] })], limits: false });
});
afterAll(() => h.stop());
const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const emit = (keys: readonly string[], slug = 'india'): Promise<unknown> => transact(h.cell(), h.cell().pools.app, [sectionOf(h, slug, async (tx) => {
  keys.forEach((key, n) => tx.emit({ actor: { kind: 'nobody' }, trace: '0'.repeat(32) }, ItemChanged, key, { n }));
})]);
const until = async (there: () => Promise<boolean>, ms = 40_000): Promise<void> => {
  const end = systemClock.monotonicMs() + ms;
  while (!await there()) {
    if (systemClock.monotonicMs() > end) throw new Error('what was waited for did not come');
    await systemClock.sleep(5);
  }
};
const owners = async (): Promise<(string | null)[]> =>
  (await su<{ owner: string | null }>("select owner from events.cursor where subscriber = 'heaps' order by part")).map((r) => r.owner);

describe('relays', () => {
  it('share the parts of a subscriber, and give them back when they end', async () => {
    const first = h.startWorkers(h.cell(), ['relay']);
    await until(async () => { const all = await owners(); return all.length === PARTS && all.every((o) => o !== null); });
    const second = h.startWorkers(h.anotherCell(), ['relay']);
    await until(async () => { const all = await owners(); return new Set(all).size === 2 && !all.includes(null); });
    await emit(Array.from({ length: 100 }, (_, i) => `shared ${i}`));
    await emit(['shared x'], 'other');
    await until(async () => (await su("select 1 from probe.effect where key like 'shared%'")).length === 101);
    await first.stop();
    expect((await owners()).filter((o) => o === null).length).toBeGreaterThan(0);
    await until(async () => { const all = await owners(); return new Set(all).size === 1 && !all.includes(null); });
    await second.stop();
    expect(await owners()).toEqual([null, null, null, null]);
    expect(Math.max(...together)).toBeGreaterThan(1);
  });
  it('take over what a dead one held when its lease runs out, and what it does afterwards changes nothing', async () => {
    // It ran out soon after a relay's second look: one that looked by its own renewals alone would be nearly three seconds late.
    const free = 3200;
    await su(`with dead as (insert into events.relay (id, seen_until) values (gen_random_uuid(), $1) returning id, seen_until)
      update events.cursor c set owner = dead.id, lease_until = dead.seen_until from dead where subscriber = 'heaps'`,
      [new Date(systemClock.now().getTime() + free)]);
    const began = systemClock.monotonicMs();
    const workers = h.startWorkers(h.cell(), ['relay']);
    await emit(['taken over']);
    await until(async () => (await su("select 1 from probe.effect where key = 'taken over'")).length === 1);
    const took = systemClock.monotonicMs() - began;
    expect(took).toBeGreaterThan(free - 200);
    expect(took).toBeLessThan(free + 2000);
    await workers.stop();
  });
  it('deliver again from any position', async () => {
    const before = (await su("select 1 from probe.effect where subscriber = 'heaps'")).length;
    expect(await spineTransact(h.cell(), (tx) => replayFrom(tx.sql, 'heaps', 0n))).toHaveLength(PARTS);
    const workers = h.startWorkers(h.cell(), ['relay']);
    await until(async () => (await su("select 1 from probe.effect where subscriber = 'heaps'")).length === 2 * before);
    await workers.stop();
  });
  it('that have parts at different places give each its own events, once', async () => {
    const count = async (): Promise<number> => (await su("select 1 from probe.effect where subscriber = 'heaps'")).length;
    for (let i = 0; i < 3; i++) await emit(Array.from({ length: 900 }, (_, n) => `apart ${n}`));
    const first = h.startWorkers(h.cell(), ['relay']);
    const end = async (): Promise<boolean> => !(await su(
      "select 1 from events.cursor where subscriber = 'heaps' and pos < (select max(pos) from events.log)")).length;
    await until(end);
    await first.stop();
    const before = await count();
    await su("update events.cursor set pos = 0 where subscriber = 'heaps' and part = 0");
    const [own] = await su<{ n: number }>(`select count(*)::int as n from events.log
      where topic = 'probe.item-changed' and abs(hashtext(tenant::text || key)::bigint) % 4 = 0`);
    const second = h.startWorkers(h.cell(), ['relay']);
    await until(end);
    await second.stop();
    expect(await count()).toBe(before + (own?.n ?? 0));
  });
  it('hear of what another process committed before they look by themselves', async () => {
    const workers = h.startWorkers(h.anotherCell(), ['relay']);
    // The writer's process has no relay; it only tells.
    const writer = h.startWorkers(h.cell(), ['web']);
    await until(async () => !(await owners()).includes(null));
    await systemClock.sleep(300);
    const waits: number[] = [];
    for (let i = 0; i < 7; i++) {
      const from = systemClock.monotonicMs();
      await emit([`told ${i}`]);
      await until(async () => (await su('select 1 from probe.effect where key = $1', [`told ${i}`])).length === 1);
      waits.push(systemClock.monotonicMs() - from);
      await systemClock.sleep(20);
    }
    await Promise.all([workers.stop(), writer.stop()]);
    expect(waits.toSorted((a, b) => a - b)[3]).toBeLessThan(200);
  });
});

describe('the log in partitions', () => {
  it('gets new ones ahead of need, and loses only those that are old and read by all', async () => {
    const parts = async (): Promise<string[]> =>
      (await su<{ name: string }>("select inhrelid::regclass::text as name from pg_inherits where inhparent = 'events.log'::regclass order by 1"))
      .map((r) => r.name);
    const spine = <T>(run: (sql: Parameters<typeof makePartitions>[0]) => Promise<T>): Promise<T> => spineTransact(h.cell(), (tx) => run(tx.sql));
    // A relay that ran before this may have made them.
    await spine((sql) => makePartitions(sql, 1_000_000, 2));
    expect(await spine((sql) => makePartitions(sql, 1_000_000, 2))).toBe(0);
    expect(await parts()).toEqual(['events.log_1000000', 'events.log_2000000', 'events.log_first', 'events.log_rest']);
    await su("select setval('events.position', 1500000)");
    await emit(['far']);
    const { pos } = (await su<{ pos: bigint }>('select max(pos) as pos from events.log_1000000'))[0] ?? { pos: 0n };
    expect(pos).toBe(1_500_001n);
    const later = new Date(systemClock.now().getTime() + 86_400_000);
    expect(await spine((sql) => dropPartitions(sql, later))).toBe(0);
    await su('delete from events.parked');
    await su('update events.cursor set pos = 1500001');
    expect(await spine((sql) => dropPartitions(sql, new Date(0)))).toBe(0);
    expect(await spine((sql) => dropPartitions(sql, later))).toBe(1);
    expect(await parts()).not.toContain('events.log_first');
    // Beyond every partition nothing is lost, and the next ones begin behind it.
    await su("select setval('events.position', 9500000)");
    await emit(['beyond']);
    expect(await su('select key from events.log_rest')).toEqual([{ key: 'beyond' }]);
    expect(await spine((sql) => makePartitions(sql, 1_000_000, 2))).toBeGreaterThan(0);
    expect(await parts()).toContain('events.log_10000000');
  });
});

it('an old event is read as its type is today, and one that is newer than the program is not guessed', () => {
  const type = event('probe.grown', { version: 3, doc: 'An event that has grown twice.', data: { sum: z.string(), currency: z.string() },
    upcast: { 1: (d) => ({ sum: String(d.n) }), 2: (d) => ({ ...d, currency: 'INR' }) } });
  expect(dataOf(type, 1, { n: 5 })).toEqual({ sum: '5', currency: 'INR' });
  expect(dataOf(type, 2, { sum: '7' })).toEqual({ sum: '7', currency: 'INR' });
  expect(dataOf(type, 3, { sum: '7', currency: 'USD' })).toEqual({ sum: '7', currency: 'USD' });
  expect(() => dataOf(type, 4, {})).toThrow(RangeError);
  expect(() => dataOf({ ...type, upcast: {} }, 1, { n: 5 })).toThrow(RangeError);
});
