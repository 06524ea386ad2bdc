import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { addDays, civilDate, money, uuid, uuidOf } from '#kernel';
import { house, inrWire, type Answer, type Ask, type House, type SignedIn } from '#test';
import { zPaid } from './contract.ts';
import { limitBroken, monthOf, nextDue, payeeOf, usageOn, type Usage } from './rules.ts';
import { runDue } from './service/schedules.ts';
import { paidWire, pay } from './service/transfer.ts';

const AMOUNT_MAX = 2n ** 63n - 1n;
let h: House;
let keys = 0;
beforeAll(async () => { h = await house({ limits: false }); });
afterAll(() => h.stop());

const key = (): string => `wallet-test-${String(keys += 1).padStart(6, '0')}`;
const post = (who: SignedIn, path: string, json?: unknown, more: Partial<Ask> = {}): Promise<Answer> =>
  h.request({ method: 'POST', path: `/api${path}`, ...(json === undefined ? {} : { json }), bearer: who.bearer, idempotencyKey: key(), ...more });
const get = (who: SignedIn, path: string): Promise<Answer> => h.request({ path: `/api${path}`, bearer: who.bearer });

interface Wallet { readonly who: SignedIn; readonly account: `wal_${string}`; readonly handle: string }
let names = 0;
async function wallet(fund = 0): Promise<Wallet> {
  const who = await h.signIn();
  const account = (await post(who, '/wallet/accounts', { currency: 'INR' })).json<{ account: `wal_${string}` }>().account;
  const handle = `@person.${names += 1}`;
  expect((await h.request({ method: 'PUT', path: `/api/wallet/accounts/${account}/handle`, json: { handle }, bearer: who.bearer })).status).toBe(200);
  if (fund) {
    expect((await post(who, '/wallet/top-ups', { account, amount: inrWire(fund), bank: 'DEMO0000000001' })).status).toBe(202);
    await h.runJobs();
  }
  return { who, account, handle };
}
const balance = async (w: Wallet): Promise<bigint> => BigInt((await get(w.who,
  `/wallet/accounts/${w.account}`)).json<{ balance: { amount: string } }>().balance.amount);
const send = (from: Wallet, to: string, amount: number | bigint, more: Partial<Ask> & { note?: string } = {}): Promise<Answer> => {
  const { note, ...rest } = more;
  return post(from.who, '/wallet/transfers', { from: from.account, to, amount: inrWire(amount), ...(note ? { note } : {}) }, rest);
};
const usedToday = async (w: Wallet): Promise<unknown> => {
  const { limits } = (await get(w.who, '/wallet/limits')).json<{ limits: { currency: string; spentToday: string; countToday: number }[] }>();
  return limits.flatMap(({ currency, spentToday, countToday }) => (currency === 'INR' ? [{ spentToday, countToday }] : []))[0];
};
const problem = (answer: Answer): [number, string] => [answer.status, answer.json<{ type: string }>().type.replace('/problems/', '')];
const sum = async (): Promise<bigint> => ((await h.sql('IN', 'superuser')<{ s: bigint }>(
  'select coalesce(sum(case when flags & 1 = 1 then posted else -posted end), 0)::bigint as s from ledger.account',
))[0] as { s: bigint }).s;

describe('a transfer', () => {
  it('moves money to a handle, once for one key, and says the balance after it', async () => {
    const [asha, ravi] = [await wallet(100_000), await wallet()];
    const idempotencyKey = key();
    const first = await send(asha, ravi.handle, 25_000, { note: 'lunch', idempotencyKey });
    expect(first.status).toBe(200);
    expect(first.json()).toMatchObject({ to: ravi.handle, amount: inrWire(25_000), balance: inrWire(75_000) });
    const again = await send(asha, ravi.handle, 25_000, { note: 'lunch', idempotencyKey });
    expect([again.status, again.headers['idempotency-replayed'], again.json()]).toEqual([200, 'true', first.json()]);
    expect([await balance(asha), await balance(ravi)]).toEqual([75_000n, 25_000n]);
    expect(await sum()).toBe(0n);
  });
  it('sent again is answered as it was, from its own rows, whatever has changed since', async () => {
    const [asha, ravi] = [await wallet(100_000), await wallet()];
    const idempotencyKey = key();
    const kept = async (): Promise<unknown> => (await h.sql('IN', 'superuser')<{ n: bigint }>('select count(*) as n from idempotency.answer'))[0]?.n;
    const before = await kept();
    const first = await send(asha, ravi.handle, 25_000, { note: 'lunch', idempotencyKey });
    expect(await kept()).toEqual(before);
    // Another payment moves the balance, and the name goes to somebody else.
    expect((await send(asha, ravi.account, 1_000)).status).toBe(200);
    expect((await h.request({
      method: 'PUT', path: `/api/wallet/accounts/${ravi.account}/handle`, json: { handle: `@renamed.${names += 1}` }, bearer: ravi.who.bearer,
    })).status).toBe(200);
    const again = await send(asha, ravi.handle, 25_000, { note: 'lunch', idempotencyKey });
    expect([again.status, again.headers['idempotency-replayed'], again.json()]).toEqual([200, 'true', first.json()]);
    expect([await balance(asha), await balance(ravi)]).toEqual([74_000n, 26_000n]);
  });
  it('sent again when it could not be paid any more is answered as it was, beside others that are paid, and counts once', async () => {
    const [asha, ravi, other] = [await wallet(25_000), await wallet(), await wallet(50_000)];
    const [idempotencyKey, second] = [key(), key()];
    const first = await send(asha, ravi.account, 25_000, { idempotencyKey });
    expect([first.status, first.json()]).toMatchObject([200, { to: ravi.account, balance: inrWire(0) }]);
    const [poor, paid] = await Promise.all([send(asha, ravi.account, 25_000, { idempotencyKey }), send(other, ravi.account, 100, { idempotencyKey: second })]);
    expect([poor.status, poor.headers['idempotency-replayed'], poor.json(), paid.status]).toEqual([200, 'true', first.json(), 200]);
    await post(asha.who, `/wallet/accounts/${asha.account}/freeze`, { frozen: true });
    const [frozen, again] = await Promise.all([
      send(asha, ravi.account, 25_000, { idempotencyKey }), send(other, ravi.account, 100, { idempotencyKey: second }),
    ]);
    expect([frozen.json(), again.json(), again.headers['idempotency-replayed']]).toEqual([first.json(), paid.json(), 'true']);
    expect([await balance(asha), await balance(ravi), await balance(other)]).toEqual([0n, 25_100n, 49_900n]);
    expect(await Promise.all([asha, other].map(usedToday))).toEqual([{ spentToday: '25000', countToday: 1 }, { spentToday: '100', countToday: 1 }]);
  });
  it('whose key stood for something else is refused, and nothing moves', async () => {
    const [asha, ravi, other] = [await wallet(100_000), await wallet(), await wallet(1_000)];
    const idempotencyKey = key();
    expect((await send(asha, ravi.handle, 500, { note: 'lunch', idempotencyKey })).status).toBe(200);
    const second = (await post(asha.who, '/wallet/accounts', { currency: 'INR' })).json<{ account: string }>().account;
    const asked = { from: asha.account, to: ravi.handle, amount: inrWire(500), note: 'lunch' };
    const { note: _, ...silent } = asked;
    const otherwise = {
      amount: { ...asked, amount: inrWire(501) }, currency: { ...asked, amount: { amount: '500', currency: 'USD' } }, payer: { ...asked, from: second },
      name: { ...asked, to: other.handle }, account: { ...asked, to: other.account }, nobody: { ...asked, to: 'nobody at all' },
      note: { ...asked, note: 'dinner' }, silent,
    };
    for (const [what, body] of Object.entries(otherwise)) {
      expect(problem(await post(asha.who, '/wallet/transfers', body, { idempotencyKey })), what).toEqual([422, 'key-reused']);
    }
    expect([await balance(asha), await balance(ravi)]).toEqual([99_500n, 500n]);
    // Another person's same key is another key.
    expect((await send(other, ravi.handle, 500, { note: 'lunch', idempotencyKey })).status).toBe(200);
  });
  it('that was refused stays refused under its key, also when it could be paid by now', async () => {
    const [asha, ravi] = [await wallet(), await wallet(5_000)];
    const idempotencyKey = key();
    const first = await send(asha, ravi.handle, 100, { idempotencyKey });
    expect(problem(first)[1]).toBe('insufficient-funds');
    expect((await send(ravi, asha.handle, 1_000)).status).toBe(200);
    const again = await send(asha, ravi.handle, 100, { idempotencyKey });
    expect([problem(again), again.headers['idempotency-replayed']]).toEqual([problem(first), 'true']);
    expect(await balance(asha)).toBe(1_000n);
  });
  it('sixty-four times at once under one key is paid once', async () => {
    const [asha, ravi] = [await wallet(100_000), await wallet()];
    const idempotencyKey = key();
    const answers = await Promise.all(Array.from({ length: 64 }, () => send(asha, ravi.handle, 700, { idempotencyKey })));
    const done = answers.filter((a) => a.status === 200);
    expect(done.length).toBeGreaterThan(0);
    expect(new Set(done.map((a) => JSON.stringify(a.json()))).size).toBe(1);
    expect(answers.filter((a) => a.status !== 200).map((a) => a.status)).toEqual(answers.filter((a) => a.status !== 200).map(() => 409));
    expect([await balance(asha), await balance(ravi)]).toEqual([99_300n, 700n]);
  });
  it('is answered in the text that its codec writes', async () => {
    const paid = {
      payment: `wpay_${'0'.repeat(32)}`, at: new Date('2026-11-29T12:00:00.007Z'), amount: money(1n, 'INR'), to: '@ravi', balance: money(-(2n ** 62n), 'KWD'),
    } as const;
    for (const to of [paid.to, `wal_${'f'.repeat(32)}`]) expect(paidWire({ ...paid, to })).toBe(JSON.stringify(z.encode(zPaid, { ...paid, to })));
    const [asha, ravi] = [await wallet(1000), await wallet()];
    expect(zPaid.safeDecode((await send(asha, ravi.account, 10)).json()).success).toBe(true);
  });
  it('keeps its note sealed', async () => {
    const [asha, ravi] = [await wallet(10_000), await wallet()];
    await send(asha, ravi.handle, 100, { note: 'a word that nobody else writes: qwyzx' });
    expect(await h.findSecrets({ note: 'a word that nobody else writes: qwyzx' })).toEqual([]);
  });
  it('needs a key, and refuses what cannot be sent by name, writing nothing', async () => {
    const [asha, ravi] = [await wallet(100_000), await wallet()];
    const before = [await balance(asha), await balance(ravi)];
    const stranger = await wallet(5_000);
    const cases: [Answer, [number, string]][] = [
      [await h.request({ path: '/api/wallet/transfers', json: { from: asha.account, to: ravi.handle, amount: inrWire(1) }, bearer: asha.who.bearer }), [400,
        'key-missing']],
      [await send(asha, '@nobody.at.all', 1), [404, 'unknown-payee']],
      [await send(asha, asha.handle, 1), [422, 'same-account']],
      [await send(asha, ravi.handle, 0), [422, 'amount-wrong']],
      [await send(asha, ravi.handle, -5), [422, 'amount-wrong']],
      [await send({ ...asha, account: stranger.account }, ravi.handle, 1), [404, 'unknown-account']],
      [await send(asha, ravi.handle, 100_001), [402, 'insufficient-funds']],
      [await send(asha, ravi.handle, 2_500_001), [409, 'limit-reached']],
      [await post(asha.who, '/wallet/transfers', { from: asha.account, to: ravi.handle, amount: { amount: '1', currency: 'USD' } }), [422, 'currency-differs']],
    ];
    for (const [answer, expected] of cases) expect(problem(answer)).toEqual(expected);
    expect([await balance(asha), await balance(ravi)]).toEqual(before);
  });
  it.each(['1.5', '01', '1e3', '9223372036854775808', 100, '٣', ''])('does not read %s as an amount', async (amount) => {
    const asha = await wallet();
    const answer = await post(asha.who, '/wallet/transfers', { from: asha.account, to: '@x.y', amount: { amount, currency: 'INR' } });
    expect(problem(answer)).toEqual([422, 'malformed']);
  });
  it('of all the money, sixty-four at once: exactly one succeeds', async () => {
    const [asha, ravi] = [await wallet(50_000), await wallet()];
    const answers = await Promise.all(Array.from({ length: 64 }, () => send(asha, ravi.handle, 50_000)));
    expect(answers.filter((a) => a.status === 200)).toHaveLength(1);
    expect([await balance(asha), await balance(ravi)]).toEqual([0n, 50_000n]);
  });
  it('in both directions at once, many times: no deadlock, nothing lost', async () => {
    const all = await Promise.all(Array.from({ length: 6 }, () => wallet(100_000)));
    const pairs = all.flatMap((a) => all.filter((b) => b !== a).map((b) => [a, b] as const));
    const answers = await Promise.all(pairs.flatMap(([a, b]) => [send(a, b.handle, 100), send(a, b.handle, 50)]));
    expect(answers.map((a) => a.status).filter((s) => s !== 200)).toEqual([]);
    expect((await Promise.all(all.map(balance))).reduce((x, y) => x + y, 0n)).toBe(600_000n);
    expect(await sum()).toBe(0n);
  });
});

describe('what may be sent', () => {
  it('counts by day: what the books refuse is given back, what was sent is not', async () => {
    const [asha, ravi] = [await wallet(6_000_000), await wallet()];
    expect((await send(asha, ravi.handle, 2_500_000)).status).toBe(200);
    expect((await send(asha, ravi.handle, 2_400_000)).status).toBe(200);
    const over = await send(asha, ravi.handle, 200_000);
    expect([...problem(over), over.json<{ limit: string; left: string }>()]).toMatchObject([409, 'limit-reached', { limit: 'day', left: '100000' }]);
    expect((await send(asha, ravi.handle, 100_000)).status).toBe(200);
    const limits = (await get(asha.who, '/wallet/limits')).json<{ tier: number; limits: { currency: string; spentToday: string; countToday: number }[] }>();
    expect([limits.tier, limits.limits.find((l) => l.currency === 'INR')]).toMatchObject([1, { spentToday: '5000000', countToday: 3 }]);
  });
  it('gives back what the books refused', async () => {
    const [asha, ravi] = [await wallet(1_000), await wallet()];
    for (let i = 0; i < 4; i++) expect(problem(await send(asha, ravi.handle, 2_000_000))[1]).toBe('insufficient-funds');
    expect((await send(asha, ravi.handle, 1_000)).status).toBe(200);
  });
  it('counts on in a later day and begins anew in an earlier one, in the database as by the rules', async () => {
    const [asha, ravi] = [await wallet(100_000), await wallet()];
    const [tomorrow, today] = await h.perform('india', async (tx) => [addDays(tx.today, 1), tx.today] as const);
    const set = (day: string, month: string): Promise<unknown> => h.sql('IN', 'superuser')(
      `update wallet.usage set day = $2, month = $3, day_spent = 700, day_count = 7, month_spent = 7000
       where person = (select person from wallet.account where id = $1)`, [uuidOf(asha.account), day, month]);
    const row = async (): Promise<unknown> => (await h.sql('IN', 'superuser')<Record<string, unknown>>(
      `select day::text, day_spent::text as spent, day_count, month::text, month_spent::text as month_spent from wallet.usage
       where person = (select person from wallet.account where id = $1)`, [uuidOf(asha.account)]))[0];
    await send(asha, ravi.account, 1);
    for (const [day, month] of [['2025-03-09', '2025-03-01'], [today, monthOf(today)], [tomorrow, monthOf(tomorrow)]] as const) {
      await set(day, month);
      expect((await send(asha, ravi.account, 50)).status).toBe(200);
      const rule = usageOn({ day: civilDate(day), daySpent: 700n, dayCount: 7, month: civilDate(month), monthSpent: 7000n }, today);
      expect(await row()).toEqual({ day: rule.day, spent: String(rule.daySpent + 50n), day_count: rule.dayCount + 1, month: rule.month,
        month_spent: String(rule.monthSpent + 50n) });
    }
  });
  it('is not counted where no holder may send so much, nor between one’s own accounts', async () => {
    const asha = await wallet(1_000);
    const second = (await post(asha.who, '/wallet/accounts', { currency: 'INR' })).json<{ account: string }>().account;
    const most = await send(asha, second, AMOUNT_MAX);
    expect([problem(most)[1], (await send(asha, second, 500)).status]).toEqual(['insufficient-funds', 200]);
    const ravi = await wallet();
    const answers = await Promise.all(Array.from({ length: 8 }, () => send(asha, ravi.account, AMOUNT_MAX)));
    expect(answers.map((a) => problem(a)[1])).toEqual(answers.map(() => 'limit-reached'));
    expect(await usedToday(asha)).toEqual({ spentToday: '0', countToday: 0 });
  });
  it('is decided by pure rules', () => {
    const limits = { perTransfer: 100n, perDay: 150n, perMonth: 200n, countPerDay: 2, balance: 0n };
    const used = (daySpent: bigint, dayCount: number, monthSpent: bigint): Usage => ({ day: civilDate('2026-11-25'), daySpent, dayCount,
      month: civilDate('2026-11-01'), monthSpent });
    expect(limitBroken(limits, used(0n, 0, 0n), 100n)).toBeUndefined();
    expect(limitBroken(limits, used(0n, 0, 0n), 101n)).toEqual({ limit: 'transfer', left: 100n });
    expect(limitBroken(limits, used(0n, 2, 0n), 1n)).toEqual({ limit: 'count', left: 0n });
    expect(limitBroken(limits, used(100n, 1, 100n), 51n)).toEqual({ limit: 'day', left: 50n });
    expect(limitBroken(limits, used(0n, 0, 150n), 51n)).toEqual({ limit: 'month', left: 50n });
    expect(usageOn(used(100n, 2, 180n), civilDate('2026-11-26'))).toMatchObject({ daySpent: 0n, dayCount: 0, monthSpent: 180n });
    expect(usageOn(used(100n, 2, 180n), civilDate('2026-12-01'))).toMatchObject({ daySpent: 0n, monthSpent: 0n, month: '2026-12-01' });
    // A clock that runs back does not give back what was spent.
    expect(usageOn(used(100n, 2, 180n), civilDate('2026-11-24'))).toMatchObject({ daySpent: 100n, day: '2026-11-25' });
  });
});

describe('a request for money', () => {
  it('moves nothing until it is accepted, and is paid once however often', async () => {
    const [asha, ravi] = [await wallet(10_000), await wallet()];
    const asked = await post(ravi.who, '/wallet/requests', { into: ravi.account, from: asha.handle, amount: inrWire(4_000), note: 'tickets' });
    expect([asked.status, asked.json()]).toMatchObject([201, { mine: true, with: asha.handle, state: 'open', note: 'tickets' }]);
    const { request } = asked.json<{ request: string }>();
    expect(await balance(ravi)).toBe(0n);
    const answers = await Promise.all(Array.from({ length: 8 }, () => post(asha.who, `/wallet/requests/${request}/accept`)));
    expect(answers.filter((a) => a.status === 200)).toHaveLength(1);
    for (const a of answers.filter((x) => x.status !== 200)) expect(problem(a)).toEqual([409, 'request-over']);
    expect([await balance(asha), await balance(ravi)]).toEqual([6_000n, 4_000n]);
    expect((await get(asha.who, '/wallet/requests')).json()).toMatchObject({ requests: [{ mine: false, state: 'accepted', with: ravi.handle }] });
  });
  it('can be declined by one and taken back by the other, and is nobody else’s', async () => {
    const [asha, ravi, other] = [await wallet(10_000), await wallet(), await wallet()];
    const make = async (): Promise<string> => (await post(ravi.who, '/wallet/requests', { into: ravi.account, from: asha.handle,
      amount: inrWire(5) })).json<{ request: string }>().request;
    const [a, b] = [await make(), await make()];
    expect(problem(await post(other.who, `/wallet/requests/${a}/decline`))).toEqual([404, 'unknown-request']);
    expect(problem(await post(ravi.who, `/wallet/requests/${a}/accept`))).toEqual([404, 'unknown-request']);
    expect((await post(asha.who, `/wallet/requests/${a}/decline`)).json()).toMatchObject({ state: 'declined' });
    expect((await post(ravi.who, `/wallet/requests/${b}/decline`)).json()).toMatchObject({ state: 'cancelled' });
    expect(problem(await post(asha.who, `/wallet/requests/${b}/accept`))).toEqual([409, 'request-over']);
  });
  it('past its time counts as expired', async () => {
    const [asha, ravi] = [await wallet(10_000), await wallet()];
    const { request } = (await post(ravi.who, '/wallet/requests', { into: ravi.account, from: asha.handle, amount: inrWire(5) })).json<{ request: string }>();
    await h.sql('IN', 'superuser')("update wallet.request set expires_at = created_at - interval '1 second' where id = $1",
      [uuidOf(request as `wreq_${string}`)]);
    const late = await post(asha.who, `/wallet/requests/${request}/accept`);
    expect([...problem(late), late.json()]).toMatchObject([409, 'request-over', { state: 'expired' }]);
  });
});

describe('money from and to a bank', () => {
  const order = async (w: Wallet, id: string): Promise<{ state: string; reason: string | null }> => (await get(w.who, `/wallet/orders/${id}`)).json();
  it('is held while it leaves, and booked when the bank has it', async () => {
    const asha = await wallet(30_000);
    const placed = await post(asha.who, '/wallet/withdrawals', { account: asha.account, amount: inrWire(12_000), bank: 'DEMO0000000002' });
    expect([placed.status, placed.json()]).toMatchObject([202, { state: 'pending', ending: '0002' }]);
    expect((await get(asha.who, `/wallet/accounts/${asha.account}`)).json()).toMatchObject({ balance: inrWire(30_000), available: inrWire(18_000),
      held: inrWire(12_000) });
    await h.runJobs();
    expect(await order(asha, placed.json<{ order: string }>().order)).toMatchObject({ state: 'done' });
    expect((await get(asha.who, `/wallet/accounts/${asha.account}`)).json()).toMatchObject({ balance: inrWire(18_000), available: inrWire(18_000),
      held: inrWire(0) });
    expect(await sum()).toBe(0n);
  });
  it('comes back when the bank refuses, and nothing is credited that did not come', async () => {
    const asha = await wallet(30_000);
    const out = (await post(asha.who, '/wallet/withdrawals', { account: asha.account, amount: inrWire(12_000),
      bank: 'DEMO0000000009' })).json<{ order: string }>().order;
    const back = (await post(asha.who, '/wallet/top-ups', { account: asha.account, amount: inrWire(1_000),
      bank: 'DEMO0000000009' })).json<{ order: string }>().order;
    await h.runJobs();
    expect([await order(asha, out), await order(asha, back)]).toMatchObject([{ state: 'refused', reason: 'account-closed' }, { state: 'refused' }]);
    expect((await get(asha.who, `/wallet/accounts/${asha.account}`)).json()).toMatchObject({ balance: inrWire(30_000), available: inrWire(30_000) });
  });
  it('is nobody else’s to see, and its account number is kept sealed and then forgotten', async () => {
    const [asha, other] = [await wallet(), await wallet()];
    const { order: id } = (await post(asha.who, '/wallet/top-ups', { account: asha.account, amount: inrWire(5),
      bank: 'SECRETBANK77771' })).json<{ order: string }>();
    expect(problem(await get(other.who, `/wallet/orders/${id}`))).toEqual([404, 'unknown-order']);
    expect(await h.findSecrets({ bank: 'SECRETBANK77771' })).toEqual([]);
    await h.runJobs();
    const [row] = await h.sql('IN', 'superuser')<{ bank: string | null }>('select bank from wallet.bank_order where id = $1', [uuidOf(id as `word_${string}`)]);
    expect(row?.bank).toBeNull();
  });
});

describe('a scheduled payment', () => {
  it('is made on its day, once, and again on the next', async () => {
    const [asha, ravi] = [await wallet(10_000), await wallet()];
    const today = (await h.perform('india', async (tx) => tx.today));
    const planned = await post(asha.who, '/wallet/schedules', { from: asha.account, to: ravi.handle, amount: inrWire(300), firstOn: today, every: 'week' });
    expect(planned.status).toBe(201);
    await Promise.all([1, 2, 3].map(() => h.perform('india', (tx) => runDue(tx.section))));
    expect([await balance(asha), await balance(ravi)]).toEqual([9_700n, 300n]);
    const [row] = (await get(asha.who, '/wallet/schedules')).json<{ schedules: { runs: number; state: string; nextOn: string }[] }>().schedules;
    expect(row).toMatchObject({ runs: 1, state: 'active' });
    expect((row as { nextOn: string }).nextOn > today).toBe(true);
  });
  it('that cannot be paid says why and waits for its next day', async () => {
    const [asha, ravi] = [await wallet(), await wallet()];
    const today = await h.perform('india', async (tx) => tx.today);
    const { schedule } = (await post(asha.who, '/wallet/schedules', { from: asha.account, to: ravi.handle, amount: inrWire(300), firstOn: today,
      every: 'month' })).json<{ schedule: string }>();
    await h.perform('india', (tx) => runDue(tx.section));
    const shown = (): Promise<Answer> => get(asha.who, '/wallet/schedules');
    expect((await shown()).json()).toMatchObject({ schedules: [{ schedule, lastProblem: 'insufficient-funds', state: 'active' }] });
    expect((await post(asha.who, `/wallet/schedules/${schedule}/stop`)).json()).toMatchObject({ state: 'stopped' });
    expect(problem(await post(ravi.who, `/wallet/schedules/${schedule}/stop`))).toEqual([404, 'unknown-schedule']);
  });
  it('keeps its day of the month where the month has it', () => {
    const first = civilDate('2026-01-31');
    expect(nextDue(first, first, 'month')).toBe('2026-02-28');
    expect(nextDue(first, civilDate('2026-02-28'), 'month')).toBe('2026-03-31');
    expect(nextDue(first, civilDate('2027-12-31'), 'month')).toBe('2028-01-31');
    expect(nextDue(first, civilDate('2028-01-31'), 'month')).toBe('2028-02-29');
    expect(nextDue(first, first, 'week')).toBe('2026-02-07');
    expect(nextDue(first, first, 'once')).toBeUndefined();
  });
});

describe('an account', () => {
  it('that a process remembers is none for another office', async () => {
    const [asha, ravi] = [await wallet(1_000), await wallet()];
    expect((await send(asha, ravi.account, 1)).status).toBe(200);
    const [from, account] = [uuidOf(asha.account), uuidOf(ravi.account)];
    const [row] = await h.sql('IN', 'superuser')<{ person: string }>('select replace(person::text, $2, $3) as person from wallet.account where id = $1',
      [from, '-', '']);
    const paid = (tenant: string): Promise<unknown> => h.perform(tenant, async (tx) => {
      const [outcome] = await pay(tx.section, [{
        by: tx, person: uuid(row?.person ?? ''), from, to: { account }, amount: 1n, currency: 'INR', cause: 'transfer', note: undefined,
      }]);
      return outcome?.ok ? 'paid' : outcome?.problem.code;
    });
    expect([await paid('india'), await paid('other')]).toEqual(['paid', 'unknown-account']);
  });
  it('frozen by its holder sends nothing, takes nothing and can be let go; frozen by the office only the office lets it go', async () => {
    const [asha, ravi] = [await wallet(1_000), await wallet(1_000)];
    const freeze = (frozen: boolean): Promise<Answer> => post(asha.who, `/wallet/accounts/${asha.account}/freeze`, { frozen });
    expect((await freeze(true)).json()).toMatchObject({ state: 'frozen', frozenBy: 'holder' });
    const refused = await send(asha, ravi.handle, 1);
    expect([problem(refused), refused.json()]).toMatchObject([[409, 'account-frozen'], { by: 'holder' }]);
    expect(problem(await send(ravi, asha.handle, 1))).toEqual([409, 'payee-cannot-receive']);
    expect((await freeze(false)).json()).toMatchObject({ state: 'open' });
    expect((await send(asha, ravi.handle, 1)).status).toBe(200);
    expect((await post(ravi.who, `/wallet/office/accounts/${asha.account}/freeze`, { frozen: true })).status).toBe(403);
    await h.sql('IN', 'superuser')("update wallet.account set state = 'frozen', frozen_by = 'operator' where id = $1", [uuidOf(asha.account)]);
    expect(problem(await freeze(false))).toEqual([409, 'account-frozen']);
  });
  it('has a name that is its alone', async () => {
    const [asha, ravi] = [await wallet(), await wallet()];
    const claim = (w: Wallet, handle: string): Promise<Answer> => h.request({ method: 'PUT', path: `/api/wallet/accounts/${w.account}/handle`,
      json: { handle }, bearer: w.who.bearer });
    expect(problem(await claim(ravi, asha.handle))).toEqual([409, 'handle-taken']);
    const both = await Promise.all([claim(asha, '@the.one'), claim(ravi, '@the.one')]);
    expect(both.map((a) => a.status).toSorted((a, b) => a - b)).toEqual([200, 409]);
  });
  it('is opened ten times at most, in currencies that are offered', async () => {
    const asha = await wallet();
    const opened = await Promise.all(Array.from({ length: 9 }, () => post(asha.who, '/wallet/accounts', { currency: 'USD' })));
    expect(opened.every((a) => a.status === 201 || a.status === 409)).toBe(true);
    expect(problem(await post(asha.who, '/wallet/accounts', { currency: 'JPY' }))).toEqual([422, 'currency-not-offered']);
    expect(problem(await post(asha.who, '/wallet/accounts', { currency: 'XXX' }))).toEqual([422, 'currency-not-offered']);
  });
  it('of a name or a number is read from what a person types', () => {
    expect([payeeOf(' @Ravi '), payeeOf('ravi'), payeeOf('r'), payeeOf('ravi!')]).toEqual([{ handle: 'ravi' }, { handle: 'ravi' }, undefined, undefined]);
    expect(payeeOf(`WAL_${'A'.repeat(32)}`)).toEqual({ account: `wal_${'a'.repeat(32)}` });
  });
});
