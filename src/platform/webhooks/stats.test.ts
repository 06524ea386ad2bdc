import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemClock, uuidOf, type Id } from '#kernel';
import { house, operatorOf, type House, type MadeOperator } from '#test';

let h: House;
let operator: MadeOperator;
beforeAll(async () => {
  h = await house({ limits: false });
  operator = await operatorOf(h);
});
afterAll(() => h.stop());

const ask = (method: 'GET' | 'POST', path: string, json?: object): Promise<{ json<T>(): T; text: string; status: number }> => h.request({
  method, path: `/api/webhooks/endpoints${path}`, cookies: operator.cookies, headers: { 'sec-fetch-site': 'same-origin' }, ...(json ? { json } : {}) });
async function make(): Promise<Id<'wep'>> {
  const answer = await ask('POST', '', { url: 'https://shop.example/hooks', description: 'The shop', events: ['*'] });
  expect(answer.status, answer.text).toBe(201);
  return answer.json<{ endpoint: { endpoint: Id<'wep'> } }>().endpoint.endpoint;
}
const lastDay = async (endpoint: string): Promise<unknown> => (await ask('GET', `/${endpoint}`)).json<{ lastDay: unknown }>().lastDay;

const MINUTE = 60_000, HOUR = 60 * MINUTE;
const ago = (ms: number): Date => new Date(systemClock.now().getTime() - ms);
let rows = 0;
/** A try that failed; without a status nobody answered. */
const failed = (endpoint: Id<'wep'>, at: Date, ms: number, status: number | null): Promise<unknown> => h.sql('IN', 'superuser')(
  'insert into webhooks.attempt (tenant, delivery, no, endpoint, at, ms, status, error) values ($1, $2, 1, $3, $4, $5, $6, $7)',
  [h.tenant().id, 1_000_000 + (rows += 1), uuidOf(endpoint), at, ms, status, status === null ? 'timeout' : null]);
/** A delivery; one that was taken has the answer's status and how long it took. */
const delivered = (endpoint: Id<'wep'>, status: 'done' | 'dead', at: Date, ms: number | null, code: number | null): Promise<unknown> => h.sql('IN',
  'superuser')(
  `insert into webhooks.delivery (tenant, endpoint, message, status, attempts, created_at, done_at, code, ms)
  values ($1, $2, gen_random_uuid(), $3, 1, $4, $4, $5, $6)`, [h.tenant().id, uuidOf(endpoint), status, at, code, ms]);

it('what became of an endpoint’s tries counts those of the last 24 hours, its own only, and half and 95 in 100 of their times', async () => {
  const [shop, other, still] = [await make(), await make(), await make()];
  await failed(shop, ago(HOUR), 100, 500);
  await failed(shop, ago(2 * HOUR), 900, null);
  await failed(shop, ago(24 * HOUR - MINUTE), 30, 503);
  await failed(shop, ago(24 * HOUR + MINUTE), 5, 500);
  await delivered(shop, 'done', ago(MINUTE), 10, 200);
  await delivered(shop, 'done', ago(3 * HOUR), 20, 204);
  await delivered(shop, 'done', ago(24 * HOUR - MINUTE), 40, 299);
  await delivered(shop, 'done', ago(25 * HOUR), 1, 200);
  // Its last try stands among those that failed.
  await delivered(shop, 'dead', ago(MINUTE), null, null);
  // 10, 20, 30 | 40, 100, 900
  expect(await lastDay(shop)).toEqual({ attempts: 6, succeeded: 3, p50Ms: 30, p95Ms: 900 });
  for (let ms = 1; ms <= 20; ms++) await delivered(other, 'done', ago(ms * MINUTE), ms, 200);
  expect(await lastDay(other)).toEqual({ attempts: 20, succeeded: 20, p50Ms: 10, p95Ms: 19 });
  expect(await lastDay(shop)).toEqual({ attempts: 6, succeeded: 3, p50Ms: 30, p95Ms: 900 });
  expect(await lastDay(still)).toEqual({ attempts: 0, succeeded: 0, p50Ms: null, p95Ms: null });
});
