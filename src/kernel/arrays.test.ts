import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, type House } from '#test';
import { bigintArray, intArray, smallintArray, uuidArray } from './arrays.ts';
import { sentInt, sentMs, sqlOf, type SqlTag } from './index.ts';

let h: House;
beforeAll(async () => { h = await house(); });
afterAll(() => h.stop());

/** What the server reads of an array, as text. */
const read = <T>(ask: (sql: SqlTag) => Promise<{ x: T }[]>): Promise<T[]> =>
  h.cell().pools.app.with(async (c) => (await ask(sqlOf((what) => c.query(what)))).map((r) => r.x));
const text = (values: readonly (bigint | number | null)[]): (string | null)[] => values.map((v) => v?.toString() ?? null);
const maybe = <T>(of: fc.Arbitrary<T>): fc.Arbitrary<(T | null)[]> => fc.array(fc.option(of), { maxLength: 40 });

describe('an array parameter is read by the server as it was meant', () => {
  it('ids, with dashes or without, in either case', async () => {
    await fc.assert(fc.asyncProperty(maybe(fc.tuple(fc.uuid(), fc.constantFrom('as is', 'bare', 'upper'))), async (drawn) => {
      const sent = drawn.map((d) => d && (d[1] === 'bare' ? d[0].replaceAll('-', '') : d[1] === 'upper' ? d[0].toUpperCase() : d[0]));
      expect(await read((sql) => sql<{ x: string | null }>`select x from unnest(${sent}::uuid[]) x`)).toEqual(
        drawn.map((d) => d && d[0].replaceAll('-', '')));
    }), { numRuns: 100 });
  });
  it('integers of each width, to their ends', async () => {
    const [least, most] = [-(2n ** 63n), 2n ** 63n - 1n];
    const ends = [least, most, 0n, -1n, 2n ** 53n, -(2n ** 53n) - 1n, 2n ** 32n, -(2n ** 32n), 2n ** 31n, 255n];
    await fc.assert(fc.asyncProperty(maybe(fc.oneof(fc.bigInt({ min: least, max: most }), fc.constantFrom(...ends))), async (values) => {
      expect(await read((sql) => sql<{ x: string | null }>`select x::text as x from unnest(${values}::bigint[]) x`)).toEqual(text(values));
    }), { numRuns: 100 });
    await fc.assert(fc.asyncProperty(maybe(fc.integer()), maybe(fc.integer({ min: -32_768, max: 32_767 })), async (ints, smalls) => {
      expect(await read((sql) => sql<{ x: string | null }>`select x::text as x from unnest(${ints}::int[]) x`)).toEqual(text(ints));
      expect(await read((sql) => sql<{ x: string | null }>`select x::text as x from unnest(${smalls}::smallint[]) x`)).toEqual(text(smalls));
    }), { numRuns: 100 });
  });
  it('texts of any letters and lengths, and what is written as one', async () => {
    const letters = fc.string({ unit: 'binary', maxLength: 90 }).map((t) => t.replaceAll('\u0000', '').toWellFormed());
    await fc.assert(fc.asyncProperty(maybe(fc.oneof(letters, fc.constantFrom('', '{', '"', '\\', 'NULL', 'ि'.repeat(80)))), async (values) => {
      expect(await read((sql) => sql<{ x: string | null }>`select x from unnest(${values}::text[]) x`)).toEqual(values);
    }), { numRuns: 100 });
    expect(await read((sql) => sql<{ x: string }>`select x from unnest(${[7, true, new Date(0), null]}::text[]) x`)).toEqual(
      ['7', 'true', '1970-01-01T00:00:00.000Z', null]);
  });
  it('of none there is nothing, and a whole number that is no bigint may stand among them', async () => {
    for (const empty of [uuidArray([]), intArray([])]) expect(empty).toHaveLength(12);
    expect(await read((sql) => sql<{ x: string }>`select x::text as x from unnest(${[]}::bigint[]) x`)).toEqual([]);
    expect(await read((sql) => sql<{ x: string }>`select x::text as x from unnest(${[7, 8n]}::bigint[]) x`)).toEqual(['7', '8']);
  });
});

it('numbers and instants that leave in hexadecimal are read as they stand, to the millisecond before', async () => {
  const instants = fc.date({ min: new Date('0001-01-01T00:00:00Z'), max: new Date('9999-12-31T23:59:59.999Z'), noInvalidDate: true });
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0 }), instants, fc.integer({ min: 0, max: 999 }), async (n, at, micros) => {
    const [hex] = await read((sql) => sql<{ x: string }>`select encode(int4send(${n}::int)
      || timestamptz_send(${at}::timestamptz + ${micros}::int * interval '1 microsecond'), 'hex') as x`);
    expect([sentInt(hex as string, 0), sentMs(hex as string, 8)]).toEqual([n, at.getTime()]);
  }), { numRuns: 200 });
});

it('what is no value of the type never leaves', () => {
  const id = '0190f3c8-7d2a-7c41-8f10-000000000001';
  const wrongs = ['', id.slice(1), `${id}0`, `g${id.slice(1)}`, id.replace('-', '0'), id.replaceAll('-', ' '), `é${id.slice(1)}`, id.replace('8f10', '8f-0')];
  for (const wrong of wrongs) {
    expect(() => uuidArray([id, wrong]), wrong).toThrow(RangeError);
  }
  for (const wrong of [2n ** 63n, -(2n ** 63n) - 1n, 1.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
    expect(() => bigintArray([wrong]), String(wrong)).toThrow(RangeError);
  }
  for (const wrong of [2 ** 31, -(2 ** 31) - 1, 0.5, Number.NaN]) expect(() => intArray([wrong])).toThrow(RangeError);
  for (const wrong of [32_768, -32_769, 0.5]) expect(() => smallintArray([wrong])).toThrow(RangeError);
});
