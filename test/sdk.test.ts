import { createClient, Refused } from '@exchequer/sdk';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { house, operatorOf, type House } from '#test';
import { typeOf } from '../src/apps/sdk.ts';

let h: House;
beforeAll(async () => { h = await house({ serve: ['IN'], transport: 'http', limits: false }); });
afterAll(() => h.stop());

it('the client speaks to the program: answers, refusals, parameters, keys', async () => {
  const operator = await operatorOf(h, 'administrator');
  const client = createClient({
    base: `http://127.0.0.1:${h.program.port}/t/india`, headers: { cookie: `xq_operator=${operator.cookies.xq_operator}`, 'sec-fetch-site': 'same-origin' },
  });
  expect((await client.getOperatorsMe()).name).toBe(operator.name);
  expect((await client.getAuditFacts({ query: { action: 'operators.sign-in' } })).facts.length).toBe(1);
  const unknown = await client.getLedgerAccountsAccount({ params: { account: `acc_${'0'.repeat(32)}` } }).catch((error: unknown) => error);
  expect(unknown).toBeInstanceOf(Refused);
  expect(unknown).toMatchObject({ code: 'ledger-account-unknown', status: 404, problem: { trace: expect.stringMatching(/^[0-9a-f]{32}$/) } });
  const replay = client.postTaxRefundsQuarantineLineReplay({ params: { line: `qua_${'0'.repeat(32)}` } }, { key: 'a-key-of-this-test' });
  await expect(replay).rejects.toMatchObject({ code: 'quarantine-line-unknown' });
  await client.postOperatorsSignOut();
  await expect(client.getOperatorsMe()).rejects.toMatchObject({ status: 401 });
});

it('schemas become types', () => {
  expect(typeOf({ type: 'object', required: ['a'], properties: { a: { type: 'string' }, 'b-c': { anyOf: [{ type: 'integer' }, { type: 'null' }] } } }))
    .toBe('{ readonly a: string; readonly "b-c"?: number | null }');
  expect(typeOf({ type: 'array', items: { enum: ['x', 'y'] } })).toBe('readonly ("x" | "y")[]');
  expect(typeOf({ type: 'object', additionalProperties: { type: 'boolean' } })).toBe('Readonly<Record<string, boolean>>');
  expect([typeOf({ const: 1 }), typeOf({}), typeOf({ type: 'object' }), typeOf({ type: ['string', 'null'] })]).toEqual(['1', 'unknown', 'Readonly<Record<string, never>>', 'string | null']);
});
