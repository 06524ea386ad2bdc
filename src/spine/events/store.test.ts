import { afterAll, beforeAll, expect, it } from 'vitest';
import { spineStatement } from '#kernel';
import { house, probe, type House } from '#test';
import { PARTS } from './contract.ts';
import { eventsAfter, eventsOf, tailAfter, tailEvents } from './store.ts';

let h: House;
beforeAll(async () => { h = await house({ add: [probe()], limits: false }); });
afterAll(() => h.stop());

it('reads every field of an event as it was written, however it leaves the database', async () => {
  const su = h.sql('IN', 'superuser');
  const FIRST = 2n ** 62n;
  // A position no double holds; instants before and after 2000, to the millisecond; texts with quotes, line ends and other alphabets; a large version.
  const rows = [
    ['1970-01-01T00:00:00.000Z', 1, 'plain', '{}'], ['1999-12-31T23:59:59.999Z', 2, 'ключ "q" \\', '{"a":"x\\ny","b":"\\u001f"}'],
    ['2000-01-01T00:00:00.000Z', 32_767, 'ü', '[]'], ['2026-11-29T10:37:50.001Z', 3, 'कुंजी', '{"n":1}'], ['9999-12-31T23:59:59.999Z', 1, '', 'null'],
  ] as const;
  for (const [i, [at, version, key, data]] of rows.entries()) {
    await su(`insert into events.log (pos, tenant, topic, key, id, version, at, trace, data) values ($1, $2, $3, $4, gen_random_uuid(), $5, $6, $7, $8)`,
      [FIRST + BigInt(i), i % 2 ? h.tenant('india').id : 'f'.repeat(32), i === 3 ? 'other' : 'test', key, version, at, i % 2 ? '' : 'a'.repeat(32), data]);
  }
  const read = <T>(use: Parameters<typeof spineStatement<T>>[1]): Promise<T> => spineStatement(h.cell(), use);
  const hex = (id: string): string => id.replaceAll('-', '');
  const plain = (await read((sql) => eventsAfter(sql, FIRST - 1n, 10))).map((e) => ({ ...e, tenant: hex(e.tenant), id: hex(e.id) }));
  expect(plain.map((e) => [e.at.toISOString(), e.version, e.key, e.data])).toEqual(rows);
  const wanted = plain.filter((e) => e.topic === 'test');
  const to = FIRST + 10n;
  const all = await read((sql) => eventsOf(sql, FIRST - 1n, to, ['test'], 'all', PARTS, 10));
  expect(all).toEqual({ events: wanted.map((e) => ({ ...e, part: -1 })), end: undefined });
  const parts = await read((sql) => eventsOf(sql, FIRST - 1n, to, ['test'], [0, 1, 2, 3], PARTS, 10));
  expect(parts.events.map((e) => ({ ...e, part: -1 }))).toEqual(all.events);
  const [one] = parts.events;
  const own = await read((sql) => eventsOf(sql, FIRST - 1n, to, ['test'], [one?.part ?? -1], PARTS, 10));
  expect(own.events).toEqual(parts.events.filter((e) => e.part === one?.part));
  // Of a topic that nobody wants only the position is told.
  const tail = await read((sql) => tailAfter(sql, FIRST - 1n, ['test'], PARTS, 10));
  expect(tail).toEqual([...parts.events, { pos: FIRST + 3n, topic: null }].toSorted((a, b) => (a.pos < b.pos ? -1 : 1)));
  // Or it is counted.
  const last = FIRST + BigInt(rows.length) - 1n;
  expect(await read((sql) => tailEvents(sql, FIRST - 1n, ['test'], PARTS, 10))).toEqual({ events: parts.events, n: rows.length, high: last });
  expect(await read((sql) => tailEvents(sql, FIRST - 1n, ['test'], PARTS, 4))).toMatchObject({ n: 4, high: FIRST + 3n });
  expect(await read((sql) => tailEvents(sql, FIRST - 1n, ['nothing'], PARTS, 10))).toMatchObject({ events: [], n: rows.length });
  expect(await read((sql) => tailEvents(sql, to, ['test'], PARTS, 10))).toEqual({ events: [], n: 0, high: undefined });
});
