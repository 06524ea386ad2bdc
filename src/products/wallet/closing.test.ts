import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { uuidOf } from '#kernel';
import { house, inrWire, probe, said, wallets, type Answer, type House, type SignedIn, type Wallet, type Wallets } from '#test';
import { runDue } from './service/schedules.ts';
import { checks } from './service/verify.ts';

let h: House, w: Wallets;
beforeAll(async () => { h = await house({ add: [probe()], limits: false }); w = wallets(h); });
afterAll(() => h.stop());

const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
const another: Wallets['another'] = (who, currency) => w.another(who, currency);
const balance = async (who: SignedIn, account: string): Promise<bigint> =>
  BigInt((await w.get(who, `/wallet/accounts/${account}`)).json<{ balance: { amount: string } }>().balance.amount);
const zeroSum = async (): Promise<bigint> => (await su<{ s: bigint }>(
  'select coalesce(sum(case when flags & 1 = 1 then posted else -posted end), 0)::bigint as s from ledger.account'))[0]?.s as bigint;
async function verified(): Promise<void> {
  expect(await zeroSum()).toBe(0n);
  for (const check of checks) expect(await check.run({ cell: h.cell(), tenant: h.tenant() }), check.name).toEqual([]);
}
const closings = async (x: Wallet): Promise<Record<string, unknown>[]> => su('select * from wallet.closing where account = $1', [uuidOf(x.account)]);

describe('closing an account', () => {
  it('moves all that is left into another own account, for ever, and says what ended with it', async () => {
    const [asha, ravi] = [await w.wallet(50_000), await w.wallet(9_000)];
    const into = await another(asha.who);
    const ask = async (from: Wallet, to: Wallet): Promise<string> =>
      (await w.post(from.who, '/wallet/requests', { into: from.account, from: to.handle, amount: inrWire(10) })).json<{ request: string }>().request;
    const [own, theirs] = [await ask(asha, ravi), await ask(ravi, asha)];
    const today = await h.perform('india', async (tx) => tx.today);
    const plan = (body: Record<string, unknown>, who = asha.who): Promise<Answer> =>
      w.post(who, '/wallet/schedules', { amount: inrWire(5), firstOn: today, every: 'week', ...body });
    expect((await plan({ from: asha.account, to: ravi.handle })).status).toBe(201);
    expect((await plan({ from: into, to: asha.handle })).status).toBe(201);
    expect((await plan({ from: ravi.account, to: asha.handle }, ravi.who)).status).toBe(201);
    const look = await w.get(asha.who, `/wallet/accounts/${asha.account}/close`);
    expect(look.json()).toMatchObject({ stands: null, rest: inrWire(50_000), interest: inrWire(0), requests: 2, schedules: 2, into: [{ account: into }] });
    const done = await w.close(asha, into);
    expect([done.status, done.json()]).toMatchObject([200, { into, rest: inrWire(50_000), interest: inrWire(0), requests: 2, schedules: 2,
      account: { state: 'closed', balance: inrWire(0) } }]);
    expect(done.json<{ account: { closedAt: string } }>().account.closedAt).toMatch(/^20/);
    expect([await balance(asha.who, asha.account), await balance(asha.who, into)]).toEqual([0n, 50_000n]);
    const states = (await w.get(ravi.who, '/wallet/requests')).json<{ requests: { request: string; state: string }[] }>().requests;
    expect([own, theirs].map((id) => states.find((r) => r.request === id)?.state)).toEqual(['cancelled', 'declined']);
    // What others scheduled stays theirs until its day, then ends and says why.
    await h.perform('india', (tx) => runDue(tx.section));
    expect((await w.get(ravi.who, '/wallet/schedules')).json()).toMatchObject({ schedules: [{ state: 'stopped', lastProblem: 'payee-closed' }] });
    expect((await w.get(asha.who, '/wallet/schedules')).json()).toMatchObject({ schedules: [{ state: 'stopped' }, { state: 'stopped' }] });
    expect((await w.get(asha.who, '/wallet/accounts')).json())
      .toMatchObject({ accounts: [{ account: into }], closed: [{ account: asha.account, state: 'closed' }] });
    const facts = await su('select result from audit.entry where action = $1 and resource = $2', ['wallet.closed', asha.account]);
    expect(facts.map((f) => f.result)).toEqual(['done']);
    await h.settle();
    expect((await su("select data from events.log where topic = 'wallet.closed'")).length).toBe(1);
    await verified();
  });
  it('is shown as what it is on both sides, and in every file, with a name that a person can read', async () => {
    const asha = await w.wallet(1_234);
    const into = await another(asha.who);
    expect((await w.close(asha, into)).status).toBe(200);
    const kinds = async (account: string): Promise<unknown> => (await w.get(asha.who, `/wallet/accounts/${account}/activity`))
      .json<{ entries: { kind: string; with: string | null }[] }>().entries.map((e) => [e.kind, e.with]);
    expect(await kinds(asha.account)).toEqual([['closing-to', into], ['added', '•••• 0001']]);
    expect(await kinds(into)).toEqual([['closing-of', asha.handle]]);
    const today = await h.perform('india', async (tx) => tx.today);
    const page = (account: string, what: string): Promise<Answer> =>
      h.request({ path: `/wallet/accounts/${account}${what}?from=${today}&to=${today}`, cookies: asha.who.cookies });
    const unnamed = `Account in INR •••• ${into.slice(-4)}`;
    for (const what of ['', '/statement', '/statement.csv', '/statement.xml']) {
      const left = await page(asha.account, what);
      expect(left.text, what).toContain(`Closing balance, to ${unnamed}`);
      expect(left.text, what).not.toContain(into);
      expect((await page(into, what)).text, what).toContain(`Closing balance of ${asha.handle}`);
    }
    expect((await page(asha.account, '/statement.sta')).text).toContain(`:86:Closing balance, to Account in INR .... ${into.slice(-4)}`);
    expect((await page(into, '/statement.sta')).text).toContain(`:86:Closing balance of ${asha.handle.replace('@', '.')}`);
    expect((await page(asha.account, '/statement.xml')).text).toContain('<Cd>OPCL</Cd><SubFmlyCd>ACCC</SubFmlyCd>');
    expect((await page(asha.account, '/statement.pdf')).status).toBe(200);
  });
  it('of an empty one needs no other, and leaves its statement', async () => {
    const [asha, ravi] = [await w.wallet(700), await w.wallet()];
    await w.send(asha, ravi, 700);
    expect((await w.close(asha)).json()).toMatchObject({ into: null, rest: inrWire(0), account: { state: 'closed' } });
    const today = await h.perform('india', async (tx) => tx.today);
    const statement = (await w.get(asha.who,
      `/wallet/accounts/${asha.account}/statements?from=${today}&to=${today}`)).json<{ closing: unknown; entries: unknown[] }>();
    expect([statement.closing, statement.entries.length]).toEqual([inrWire(0), 2]);
    expect((await w.get(asha.who, `/wallet/accounts/${asha.account}/activity`)).status).toBe(200);
    await verified();
  });
  it('leaves an account that takes nothing and does nothing', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(5_000)];
    expect((await w.close(asha)).status).toBe(200);
    const today = await h.perform('india', async (tx) => tx.today);
    const at = { account: asha.account, amount: inrWire(5), bank: 'DEMO0000000001' };
    const plan = (who: SignedIn, from: string, to: string): Promise<Answer> =>
      w.post(who, '/wallet/schedules', { from, to, amount: inrWire(5), firstOn: today, every: 'once' });
    const cases: [Answer, string][] = [
      [await w.send(ravi, asha, 5), 'payee-cannot-receive'], [await w.send(asha, ravi, 5), 'account-closed'],
      [await w.post(asha.who, '/wallet/top-ups', at), 'account-closed'], [await w.post(asha.who, '/wallet/withdrawals', at), 'account-closed'],
      [await w.post(asha.who, `/wallet/accounts/${asha.account}/freeze`, { frozen: true }), 'account-closed'],
      [await w.post(asha.who, '/wallet/requests', { into: asha.account, from: ravi.handle, amount: inrWire(5) }), 'account-closed'],
      [await w.post(ravi.who, '/wallet/requests', { into: ravi.account, from: asha.handle, amount: inrWire(5) }), 'unknown-payee'],
      [await plan(asha.who, asha.account, ravi.handle), 'account-closed'], [await plan(ravi.who, ravi.account, asha.handle), 'payee-cannot-receive'],
    ];
    for (const [answer, code] of cases) expect(said(answer)[1], code).toBe(code);
    expect((await w.get(asha.who, `/wallet/accounts/${asha.account}/close`)).json()).toMatchObject({ stands: 'account-closed' });
  });
  it('keeps the name its holder’s: nobody else gets it, another account of theirs may', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(50)];
    const into = await another(asha.who);
    expect((await w.close(asha)).status).toBe(200);
    const claim = (who: SignedIn, account: string): Promise<Answer> => h.request({ method: 'PUT', path: `/api/wallet/accounts/${account}/handle`,
      json: { handle: asha.handle }, bearer: who.bearer });
    expect(said(await claim(ravi.who, ravi.account))).toEqual([409, 'handle-taken']);
    expect((await claim(asha.who, into)).json()).toMatchObject({ account: into, handle: asha.handle });
    expect((await w.send(ravi, { ...asha, account: into }, 50)).status).toBe(200);
    expect(await balance(asha.who, into)).toBe(50n);
  });
  it('is replayed under its key, and refused under another', async () => {
    const asha = await w.wallet(40);
    const into = await another(asha.who);
    const ask = (idempotencyKey: string): Promise<Answer> => h.request({ method: 'POST', path: `/api/wallet/accounts/${asha.account}/close`, json: { into },
      bearer: asha.who.bearer, idempotencyKey });
    const [first, again, other] = [await ask('closing-key-000001'), await ask('closing-key-000001'), await ask('closing-key-000002')];
    expect([again.status, again.headers['idempotency-replayed'], again.json()]).toEqual([200, 'true', first.json()]);
    expect(said(other)).toEqual([409, 'account-closed']);
    expect([await balance(asha.who, into), (await closings(asha)).length]).toEqual([40n, 1]);
    const bare = await h.request({ method: 'POST', path: `/api/wallet/accounts/${into}/close`, json: {}, bearer: asha.who.bearer });
    expect(said(bare)).toEqual([400, 'key-missing']);
  });
});

describe('an account is not closed', () => {
  const still = async (x: Wallet, answer: Answer, expected: [number, string]): Promise<void> => {
    expect(said(answer)).toEqual(expected);
    expect([await closings(x), (await su<{ state: string }>('select state from wallet.account where id = $1', [uuidOf(x.account)]))[0]?.state === 'closed'])
      .toEqual([[], false]);
  };
  it('while money of it is with a bank, leaving or coming, known or unknown', async () => {
    for (const path of ['/wallet/withdrawals', '/wallet/top-ups']) {
      const asha = await w.wallet(2_000);
      const into = await another(asha.who);
      await w.post(asha.who, path, { account: asha.account, amount: inrWire(500), bank: 'DEMO0000000001' });
      await still(asha, await w.close(asha, into), [409, 'money-under-way']);
      expect((await w.get(asha.who, `/wallet/accounts/${asha.account}/close`)).json()).toMatchObject({ stands: 'money-under-way' });
      await su("update wallet.bank_order set state = 'unknown' where account = $1 and state = 'pending'", [uuidOf(asha.account)]);
      await still(asha, await w.close(asha, into), [409, 'money-under-way']);
      await h.runJobs();
      expect((await w.close(asha, into)).status, path).toBe(200);
    }
    await verified();
  });
  it('while something is left and nothing can take it', async () => {
    const asha = await w.wallet(2_000);
    const answer = await w.close(asha);
    await still(asha, answer, [422, 'rest-needs-account']);
    expect(answer.json()).toMatchObject({ rest: '2000', interest: '0' });
    expect((await w.get(asha.who, `/wallet/accounts/${asha.account}/close`)).json()).toMatchObject({ stands: null, rest: inrWire(2_000), into: [] });
  });
  it('while it is frozen, by whomever', async () => {
    const asha = await w.wallet(2_000);
    const into = await another(asha.who);
    await w.post(asha.who, `/wallet/accounts/${asha.account}/freeze`, { frozen: true });
    await still(asha, await w.close(asha, into), [409, 'account-frozen']);
    expect((await w.get(asha.who, `/wallet/accounts/${asha.account}/close`)).json()).toMatchObject({ stands: 'account-frozen' });
  });
  it('when it is another’s, or nobody’s', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet()];
    await still(asha, await w.close({ ...ravi, account: asha.account }), [404, 'unknown-account']);
    expect(said(await w.close({ ...ravi, account: `wal_${'9'.repeat(32)}` }))).toEqual([404, 'unknown-account']);
    expect(said(await w.get(ravi.who, `/wallet/accounts/${asha.account}/close`))).toEqual([404, 'unknown-account']);
  });
  it('into one that cannot take it', async () => {
    const [asha, ravi] = [await w.wallet(2_000), await w.wallet()];
    const [dollars, frozen, shut] = [await another(asha.who, 'USD'), await another(asha.who), await another(asha.who)];
    await w.post(asha.who, `/wallet/accounts/${frozen}/freeze`, { frozen: true });
    expect((await w.close({ ...asha, account: shut })).status).toBe(200);
    for (const [into, expected] of [
      [dollars, [422, 'currency-differs']], [frozen, [409, 'payee-cannot-receive']], [shut, [409, 'payee-cannot-receive']],
      [asha.account, [422, 'same-account']], [ravi.account, [404, 'unknown-account']], [`wal_${'9'.repeat(32)}`, [404, 'unknown-account']],
    ] as [string, [number, string]][]) await still(asha, await w.close(asha, into), expected);
    expect((await w.get(asha.who, `/wallet/accounts/${asha.account}/close`)).json()).toMatchObject({ into: [] });
    await verified();
  });
});
