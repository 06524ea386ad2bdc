import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBreaker, createLog, money, NotSent, PARTY_BREAKER, testClock, type Breaker } from '#kernel';
import type { BankRail } from '#products/wallet/port';
import { startParty, type Answering, type Party } from '#test';
import { httpBank } from './index.ts';

let bank: Party;
beforeAll(async () => { bank = await startParty(); });
afterAll(() => bank.stop());

const { after, msMin } = PARTY_BREAKER;
const BOOKED = { status: 201, body: { state: 'booked', reference: 'R1' } };
const REFUSED = { status: 422, body: { state: 'refused', reason: 'account-closed' } };
const clock = testClock(new Date('2026-11-29T00:00:00Z'));
let breaker: Breaker, rail: BankRail, lines: { event: string; party: string; failures: number }[];
beforeEach(() => {
  lines = [];
  const log = createLog({ to: { write: (line: string) => void lines.push(JSON.parse(line) as (typeof lines)[number]) } });
  breaker = createBreaker({ party: 'bank', clock, log });
  rail = httpBank({ base: bank.base, token: 'x', breaker });
  bank.heard.length = 0;
});

/** How long a bank is waited for that answers, on whatever machine; and one that never does. */
const ANSWERS_MS = 10_000, SILENT_MS = 200;
const order = (key = 'one', ms = ANSWERS_MS): ReturnType<BankRail['send']> =>
  rail.send({ key, direction: 'collect', amount: money(100n, 'INR'), bank: 'DEMO0000000001' }, AbortSignal.timeout(ms));
const ways = { cut: 'cut', late: 'hang', busy: { status: 503 } } satisfies Record<string, Answering>;
const failing = async (times: number, way: keyof typeof ways = 'cut'): Promise<void> => {
  bank.answer = () => ways[way];
  for (let i = 0; i < times; i++) await expect(order('one', way === 'late' ? SILENT_MS : ANSWERS_MS)).rejects.not.toBeInstanceOf(NotSent);
};
/** The bank answers when it is told to; resolves when it was asked. */
function held(): [Promise<void>, () => void] {
  const [came, free] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  bank.answer = async () => {
    came.resolve();
    await free.promise;
    return BOOKED;
  };
  return [came.promise, free.resolve];
}
const kept = async (): Promise<NotSent> => order().then(() => expect.unreachable(), (error: unknown) => error as NotSent);

describe('a bank that is away', () => {
  it.each(['cut', 'late', 'busy'] as const)('(%s) is left alone after five failures in a row, and hears nothing for thirty seconds', async (way) => {
    await failing(after - 1, way);
    expect(breaker.state()).toBe('closed');
    await failing(1, way);
    expect([breaker.state(), bank.heard.length]).toEqual(['open', after]);
    bank.answer = () => BOOKED;
    clock.advance(msMin - 1);
    const error = await kept();
    expect([error instanceof NotSent, error.name, error.afterMs, bank.heard.length]).toEqual([true, 'NotSent', 1, after]);
    await expect(rail.inquire('one', AbortSignal.timeout(ANSWERS_MS))).rejects.toBeInstanceOf(NotSent);
    expect([breaker.state(), bank.heard.length, lines.map((l) => [l.event, l.party, l.failures])])
      .toEqual(['open', after, [['breaker.opened', 'bank', after]]]);
  });
  it('is asked by one of twenty when it has rested, and by all once it answered', async () => {
    await failing(after);
    clock.advance(msMin);
    expect(breaker.state()).toBe('probing');
    bank.heard.length = 0;
    const [came, go] = held();
    const asked = Array.from({ length: 20 }, (_, i) => order(`many-${i}`));
    // The others have their answer while the one is still being asked.
    const others = await Promise.allSettled(asked.slice(1));
    expect(others.every((o) => o.status === 'rejected' && o.reason instanceof NotSent && o.reason.afterMs > 0)).toBe(true);
    await came;
    expect([bank.heard.length, breaker.state()]).toEqual([1, 'probing']);
    go();
    expect(await asked[0]).toEqual(BOOKED.body);
    expect([breaker.state(), lines.map((l) => l.event)]).toEqual(['closed', ['breaker.opened', 'breaker.closed']]);
    bank.answer = () => BOOKED;
    expect(await Promise.all(Array.from({ length: 20 }, (_, i) => order(`many-${i}`)))).toHaveLength(20);
    expect(bank.heard).toHaveLength(21);
  });
  it('rests again when the one fails, for as long', async () => {
    await failing(after);
    clock.advance(msMin);
    await failing(1);
    expect([breaker.state(), (await kept()).afterMs, lines.map((l) => l.failures)]).toEqual(['open', msMin, [after, after + 1]]);
    clock.advance(msMin);
    bank.answer = () => BOOKED;
    expect(await order()).toEqual(BOOKED.body);
    expect(breaker.state()).toBe('closed');
    await failing(after - 1);
    expect(breaker.state()).toBe('closed');
  });
  it('closes for a refusal too: who says no is there', async () => {
    await failing(after, 'busy');
    clock.advance(msMin);
    bank.answer = () => ({ status: 404 });
    expect(await rail.inquire('one', AbortSignal.timeout(ANSWERS_MS))).toBe('not-found');
    expect(breaker.state()).toBe('closed');
  });
  it('is not judged by what was asked before it was left alone', async () => {
    const [came, go] = held();
    const before = rail.send({ key: 'early', direction: 'collect', amount: money(1n, 'INR'), bank: 'DEMO0000000001' }, AbortSignal.timeout(ANSWERS_MS));
    await came;
    await failing(after);
    go();
    expect([await before, breaker.state()]).toEqual([BOOKED.body, 'open']);
  });
});

it('a bank that refuses, however often, is not away', async () => {
  bank.answer = () => REFUSED;
  for (let i = 0; i < 2 * after; i++) expect(await order()).toEqual(REFUSED.body);
  for (const status of [400, 401, 403, 409, 429]) {
    bank.answer = () => ({ status });
    for (let i = 0; i < after; i++) await expect(order()).rejects.toThrow(`the bank answered ${status}`);
  }
  expect([breaker.state(), lines]).toEqual(['closed', []]);
  await failing(after - 1, 'busy');
  bank.answer = () => REFUSED;
  expect(await order()).toEqual(REFUSED.body);
  await failing(after - 1, 'busy');
  expect(breaker.state()).toBe('closed');
});
