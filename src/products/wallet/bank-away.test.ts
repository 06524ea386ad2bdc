import { afterAll, beforeAll, expect, it } from 'vitest';
import { httpBank } from '#adapters/bank';
import { createBreakers, createLog, PARTY_BREAKER, provide, systemClock, testClock } from '#kernel';
import { house, inrWire, queueOf, startParty, wallets, type Heard, type House, type Party, type Wallet } from '#test';
import { BankRail } from './port.ts';

let h: House, bank: Party;
const clock = testClock(systemClock.now());
const breakers = createBreakers(clock, createLog({ level: 'silent' }));
beforeAll(async () => {
  bank = await startParty();
  const rail = httpBank({ base: bank.base, token: 'x', breaker: breakers.of('bank') });
  h = await house({ limits: false, breakers, provided: () => [provide(BankRail, () => rail)] });
});
afterAll(async () => {
  await h.stop();
  await bank.stop();
});

const { su, skip } = queueOf(() => h);
const booked = new Map<string, unknown>();
/** A bank that takes each key once and shows what became of it. */
const working = ({ method, path, headers }: Heard): { status: number; body?: unknown } => {
  const asked = booked.get(path.slice(path.lastIndexOf('/') + 1));
  if (method === 'GET') return asked ? { status: 200, body: asked } : { status: 404 };
  const key = String(headers['idempotency-key']);
  booked.set(key, booked.get(key) ?? { state: 'booked', reference: `R${booked.size}` });
  return { status: 201, body: booked.get(key) };
};
const jobs = (): Promise<{ call_key: string; attempts: number; attempt_no: number; sent: boolean; last_error: string | null }[]> =>
  su("select call_key, attempts, attempt_no, sent_at is not null as sent, last_error from jobs.job where name = 'wallet.send-order' order by id");
const gauge = async (): Promise<string | undefined> =>
  /^exchequer_breaker\{party="bank"\} (\d)$/m.exec((await h.program.edge.app.inject('/metrics')).body)?.[1];
const heardOf = (key: string): string[] => bank.heard.filter((r) => r.path.endsWith(`/${key}`) || r.headers['idempotency-key'] === key).map((r) => r.method);

it('orders that are made while the bank is away wait, burn no attempt, and go out once when it is back', { timeout: 60_000 }, async () => {
  const w = wallets(h);
  bank.answer = working;
  const asha: Wallet = await w.wallet(100_000);
  const order = async (): Promise<string> => {
    const placed = await w.post(asha.who, '/wallet/withdrawals', { account: asha.account, amount: inrWire(1_000), bank: 'DEMO0000000002' });
    expect(placed.status).toBe(202);
    return placed.json<{ order: string }>().order;
  };
  const many = async (count: number): Promise<string[]> => {
    const made: string[] = [];
    for (let i = 0; i < count; i++) made.push(await order());
    return made;
  };
  const states = async (orders: readonly string[]): Promise<string[]> => [...new Set(await Promise.all(orders.map(async (o) =>
    (await w.get(asha.who, `/wallet/orders/${o}`)).json<{ state: string }>().state)))];
  expect(await gauge()).toBe('0');

  // Five that went out and were not heard of again: nobody knows whether the bank has them.
  bank.answer = () => 'cut';
  const gone = await many(PARTY_BREAKER.after);
  await h.runJobs();
  const open = await jobs();
  expect(open.map((j) => [j.attempts, j.attempt_no, j.sent])).toEqual(open.map(() => [1, 1, true]));
  expect([open.length, await gauge()]).toEqual([PARTY_BREAKER.after, '2']);

  // Those that come now are kept back, however often their turn comes.
  const reached = bank.heard.length;
  const waiting = await many(6);
  for (let i = 0; i < 3; i++) {
    await h.runJobs();
    await skip();
  }
  await h.runJobs();
  bank.answer = working;
  const kept = (await jobs()).slice(PARTY_BREAKER.after);
  expect(kept.map((j) => [j.attempts, j.attempt_no, j.sent, j.last_error])).toEqual(waiting.map(() => [0, 0, false, 'NotSent']));
  // Those that went out still may have arrived, and asking for them is kept back as well.
  expect((await jobs()).slice(0, PARTY_BREAKER.after).map((j) => [j.attempts, j.attempt_no, j.sent, j.last_error]))
    .toEqual(gone.map(() => [1, 1, true, 'NotSent']));
  expect([bank.heard.length, await states(waiting)]).toEqual([reached, ['pending']]);
  expect((await h.program.edge.app.inject('/readyz')).statusCode).toBe(200);

  clock.advance(PARTY_BREAKER.msMin);
  expect(await gauge()).toBe('1');
  for (let i = 0; i < 10 && (await jobs()).length; i++) {
    await skip();
    await h.runJobs();
  }
  expect([await jobs(), await gauge()]).toEqual([[], '0']);
  expect(await states([...gone, ...waiting])).toEqual(['done']);
  // Once, and without an inquiry, where nothing had been sent; behind an inquiry where something had.
  expect(kept.map((j) => heardOf(j.call_key))).toEqual(waiting.map(() => ['POST']));
  expect(open.map((j) => heardOf(j.call_key))).toEqual(gone.map(() => ['POST', 'GET', 'POST']));
  expect((await w.get(asha.who, `/wallet/accounts/${asha.account}`)).json()).toMatchObject({ balance: inrWire(89_000), available: inrWire(89_000) });
});
