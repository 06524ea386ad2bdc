import { expect, it } from 'vitest';
import { intArray, textArray, uuidArray } from './arrays.ts';
import { inserter, statement } from './index.ts';

const [ONE, TWO] = ['0190f3c8-7d2a-7c41-8f10-000000000001', '0190f3c8-7d2a-7c41-8f10-000000000002'];

const insert = inserter('probe.row', { tenant: 'uuid', id: 'uuid', key: 'text', group: 'int', data: 'json' });
const sent: { text: string; values: readonly unknown[] }[] = [];
const sql = (async (strings: TemplateStringsArray, ...values: unknown[]) => {
  const { text, values: given } = statement(strings, values);
  sent.push({ text, values: given });
  return [];
}) as Parameters<typeof insert>[0];
const send = async (rows: Parameters<typeof insert>[1]): Promise<{ text: string; values: readonly unknown[] } | undefined> => {
  sent.length = 0;
  await insert(sql, rows);
  return sent[0];
};

it('a column that is the same in all rows is sent once', async () => {
  expect(await send({ tenant: 'a0', id: [ONE, TWO], key: ['k', 'k'], group: [null, null], data: ['{"n":1}', null] })).toEqual({
    text: 'insert into probe.row ("tenant", "id", "key", "group", "data") select $1::uuid, r."id", $2::text, $3::int, r."data"'
      + ' from unnest($4::uuid[], string_to_array($5, chr(30), \'\')) r ("id", "data")',
    values: ['a0', 'k', null, uuidArray([ONE, TWO]), '{"n":1}\u001e'],
  });
});
it('one row needs no array at all, none no statement, and equal rows are as many as they are', async () => {
  expect(await send({ tenant: 'a0', id: [ONE], key: ['k'], group: [7], data: ['{}'] })).toEqual({
    text: 'insert into probe.row ("tenant", "id", "key", "group", "data") select $1::uuid, $2::uuid, $3::text, $4::int, $5::text',
    values: ['a0', ONE, 'k', 7, '{}'],
  });
  expect(await send({ tenant: 'a0', id: [], key: [], group: [], data: [] })).toBeUndefined();
  expect((await send({ tenant: 'a0', id: [ONE, ONE], key: ['k', 'k'], group: 1, data: null }))?.values).toEqual(
    ['a0', 1, null, uuidArray([ONE, ONE]), textArray(['k', 'k'])]);
});
it('what would need quotes needs none', async () => {
  expect((await send({ tenant: 'a0', id: ONE, key: ['a,b', 'c"d\\e'], group: [1, null], data: null }))?.values).toEqual(
    ['a0', ONE, null, textArray(['a,b', 'c"d\\e']), intArray([1, null])]);
});
it('truth and bytes travel as their columns have them', async () => {
  const mixed = inserter('probe.mixed', { yes: 'boolean', bytes: 'bytea' });
  sent.length = 0;
  await mixed(sql, { yes: [true, false], bytes: [Buffer.from('ff00', 'hex'), null] });
  await mixed(sql, { yes: [true], bytes: [Buffer.from('ff00', 'hex')] });
  expect(sent.map((s) => s.values)).toEqual([['{true,false}', '{"\\\\xff00",NULL}'], [true, Buffer.from('ff00', 'hex')]]);
});
it('the shapes of a table end: behind them every list is sent as one', async () => {
  const wide = inserter('probe.wide', Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`c${i}`, 'int' as const])));
  const texts = new Set<string>();
  const count = (async (strings: TemplateStringsArray) => {
    texts.add(strings.join('?'));
    return [];
  }) as Parameters<typeof wide>[0];
  for (let shape = 0; shape < 64; shape++) await wide(count, Object.fromEntries(Array.from({ length: 6 }, (_, i) => [`c${i}`, [0, (shape >> i) & 1]])));
  expect(texts.size).toBeLessThanOrEqual(25);
});
