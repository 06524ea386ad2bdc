import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { perform, systemClock, uuid, uuidOf, type Actor, type Outcome } from '#kernel';
import { house, inrWire, operatorOf, said, wallets, type Answer, type House, type MadeOperator, type Wallet, type Wallets } from '#test';
import type { OfficeClosing } from './contract.ts';
import { close } from './service/closing.ts';
import { decideClosing } from './service/office.ts';
import { checks } from './service/verify.ts';

let h: House, w: Wallets, one: MadeOperator, two: MadeOperator, other: MadeOperator;
beforeAll(async () => {
  h = await house({ limits: false });
  w = wallets(h);
  [one, two, other] = [await operatorOf(h, 'compliance'), await operatorOf(h), await operatorOf(h, 'accountant')];
});
afterAll(() => h.stop());

const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
const as = (operator: MadeOperator, path: string, json?: unknown): Promise<Answer> => h.request({
  method: json === undefined ? 'GET' : 'POST', path: `/api${path}`, ...(json === undefined ? {} : { json }), cookies: operator.cookies,
  headers: { 'sec-fetch-site': 'same-origin' },
});
const at = (account: string): string => `/wallet/office/accounts/${account}/closing`;
const ask = (operator: MadeOperator, account: string, more: Record<string, unknown> = {}): Promise<Answer> =>
  as(operator, at(account), { reason: 'terms', ...more });
const decide = (operator: MadeOperator, closing: string, verdict = 'approve'): Promise<Answer> =>
  as(operator, `/wallet/office/closings/${closing}/decision`, { verdict });
const asked = async (account: string, more: Record<string, unknown> = {}): Promise<`wclo_${string}`> => {
  const answer = await ask(one, account, more);
  expect(answer.status, answer.text).toBe(201);
  return answer.json<OfficeClosing>().closing;
};
const posted = async (account: `wal_${string}`): Promise<bigint> => (await su<{ posted: bigint }>(
  'select l.posted from wallet.account a join ledger.account l on l.id = a.ledger where a.id = $1', [uuidOf(account)]))[0]?.posted as bigint;
const stateOf = async (account: `wal_${string}`): Promise<unknown[]> => Object.values((await su(
  'select state, closed_by_office from wallet.account where id = $1', [uuidOf(account)]))[0] ?? {});
async function verified(): Promise<void> {
  for (const check of checks) expect(await check.run({ cell: h.cell(), tenant: h.tenant() }), check.name).toEqual([]);
}

describe('the office closes an account', () => {
  it('when one operator asks with a reason and another agrees: the rest goes to the holder’s other one, and both stand in the record', async () => {
    const [asha, ravi] = [await w.wallet(40_000), await w.wallet()];
    const into = await w.another(asha.who);
    await w.post(asha.who, '/wallet/requests', { into: asha.account, from: ravi.handle, amount: inrWire(10) });
    expect((await as(one, at(asha.account))).json()).toMatchObject({ stands: null, rest: inrWire(40_000), into: [{ account: into }], requests: 1,
      closings: [] });
    const closing = await asked(asha.account, { into });
    expect([await stateOf(asha.account), await posted(into)]).toEqual([['open', false], 0n]);
    expect((await as(two, '/wallet/office/closings')).json<{ closings: OfficeClosing[] }>().closings.map((c) => c.closing)).toEqual([closing]);
    expect((await decide(two, closing)).json()).toMatchObject({ state: 'done', reason: 'terms' });
    expect([await stateOf(asha.account), await posted(asha.account), await posted(into)]).toEqual([['closed', true], 0n, 40_000n]);
    expect((await as(two, '/wallet/office/closings')).json()).toEqual({ closings: [] });
    const [fact] = await su<{ detail: string; actor: string }>("select detail from audit.entry where action = 'wallet.closed' and resource = $1",
      [asha.account]);
    const [row] = await su<{ asked_by: string; decided_by: string }>('select asked_by::text, decided_by::text from wallet.office_closing where id = $1',
      [uuidOf(closing)]);
    expect(row?.asked_by).not.toBe(row?.decided_by);
    expect(uuid(JSON.parse(fact?.detail ?? '{}').asked_by as string)).toBe(uuid(row?.asked_by as string));
    expect(JSON.parse(fact?.detail ?? '{}')).toMatchObject({ closing, reason: 'terms' });
    const decided = await su("select 1 from audit.entry where action = 'wallet.closing-decided' and resource = $1", [asha.account]);
    expect(decided).toHaveLength(1);
    const page = (await h.request({ path: `/wallet/accounts/${asha.account}`, cookies: asha.who.cookies })).text;
    expect(page).toContain('Closed by the office on ');
    expect(page).toContain('Closing balance, to Account in INR');
    await h.settle();
    const told = (await h.request({ path: '/notifications', cookies: asha.who.cookies })).text;
    expect(told).toContain('The office closed your account in INR');
    expect(told).toContain('Its closing balance, ₹400.00, went to another account of yours.');
    expect(told).toContain('Ask the office if you want to know why.');
    await verified();
  });
  it('only with two different operators, who may both do it', async () => {
    const asha = await w.wallet();
    const closing = await asked(asha.account);
    expect(said(await decide(one, closing))).toEqual([409, 'same-operator']);
    expect(said(await ask(two, asha.account))).toEqual([409, 'closing-waits']);
    for (const answer of [await decide(other, closing), await ask(other, asha.account), await as(other, at(asha.account)),
      await as(other, '/wallet/office/closings')]) {
      expect(answer.status).toBe(403);
    }
    expect((await w.post(asha.who, `/wallet/office/closings/${closing}/decision`, { verdict: 'approve' })).status).toBe(403);
    expect(await stateOf(asha.account)).toEqual(['open', false]);
    expect((await decide(one, closing, 'refuse')).json()).toMatchObject({ state: 'refused' });
    expect(said(await decide(two, closing))).toEqual([409, 'case-decided']);
    expect(await stateOf(asha.account)).toEqual(['open', false]);
    expect(said(await decide(two, `wclo_${'9'.repeat(32)}`))).toEqual([404, 'unknown-closing']);
    expect(said(await ask(one, `wal_${'9'.repeat(32)}`))).toEqual([404, 'unknown-account']);
    expect((await ask(one, asha.account, { reason: 'because' })).status).toBe(422);
    await verified();
  });
  it('not where money is left and nothing of the holder’s can take it, is under way, or the account is frozen', async () => {
    const [asha, ravi] = [await w.wallet(2_000), await w.wallet(3_000)];
    const refused = await ask(one, asha.account);
    expect([said(refused), refused.json()]).toMatchObject([[422, 'rest-needs-account'], { rest: '2000' }]);
    expect(said(await ask(one, asha.account, { into: ravi.account }))).toEqual([404, 'unknown-account']);
    expect(said(await ask(one, asha.account, { into: asha.account }))).toEqual([422, 'same-account']);
    const dollars = await w.another(asha.who, 'USD');
    expect(said(await ask(one, asha.account, { into: dollars }))).toEqual([422, 'currency-differs']);
    await w.post(ravi.who, '/wallet/withdrawals', { account: ravi.account, amount: inrWire(500), bank: 'DEMO0000000001' });
    expect(said(await ask(one, ravi.account))).toEqual([409, 'money-under-way']);
    await w.post(asha.who, `/wallet/accounts/${asha.account}/freeze`, { frozen: true });
    expect(said(await ask(one, asha.account))).toEqual([409, 'account-frozen']);
    expect(await su('select 1 from wallet.office_closing where account = any($1)', [[uuidOf(asha.account), uuidOf(ravi.account)]])).toEqual([]);
  });
  it('looks again when it is decided: what changed meanwhile is refused, and it goes on waiting', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(3_000)];
    const closing = await asked(asha.account);
    expect((await w.send(ravi, asha, 700)).status).toBe(200);
    expect(said(await decide(two, closing))).toEqual([422, 'rest-needs-account']);
    expect([await stateOf(asha.account), (await as(two, at(asha.account))).json()]).toMatchObject([['open', false], { closings: [{ state: 'open' }] }]);
    await decide(two, closing, 'refuse');
    const into = await w.another(asha.who);
    expect((await decide(two, await asked(asha.account, { into }))).status).toBe(200);
    expect(await posted(into)).toBe(700n);
    await verified();
  });
  it('is left nothing to decide of what its holder closed first', async () => {
    const asha = await w.wallet();
    const closing = await asked(asha.account);
    expect((await w.close(asha)).status).toBe(200);
    expect(said(await decide(two, closing))).toEqual([409, 'account-closed']);
    expect((await as(two, '/wallet/office/closings')).json<{ closings: OfficeClosing[] }>().closings.filter((c) => c.closing === closing)).toEqual([]);
    expect(await stateOf(asha.account)).toEqual(['closed', false]);
    expect((await h.request({ path: `/wallet/accounts/${asha.account}`, cookies: asha.who.cookies })).text).toContain('Closed on ');
    await verified();
  });
  it('of another tenant: it is not there', async () => {
    const asha = await w.wallet();
    const closing = await asked(asha.account);
    const stranger = await operatorOf(h, 'administrator', 'other');
    const there = (path: string, json?: unknown): Promise<Answer> => h.request({ tenant: 'other', method: json ? 'POST' : 'GET', path: `/api${path}`,
      ...(json ? { json } : {}), cookies: stranger.cookies, headers: { 'sec-fetch-site': 'same-origin' } });
    expect((await there(`/wallet/office/closings/${closing}/decision`, { verdict: 'approve' })).status).toBe(404);
    expect((await there(at(asha.account))).status).toBe(404);
    expect(await stateOf(asha.account)).toEqual(['open', false]);
  });
});

describe('at the same moment', () => {
  const decideOn = (cell: ReturnType<House['cell']>, closing: `wclo_${string}`, operator: string): Promise<Outcome<OfficeClosing>> =>
    perform(cell, h.tenant(), { actor: { kind: 'operator', id: uuid(operator) } as Actor, trace: '0'.repeat(32) }, (tx) =>
      decideClosing(tx, { params: { closing }, body: { verdict: 'approve' } }));
  const twoIds = ['2'.repeat(32), '3'.repeat(32)];
  it('two operators agree, on two processes: it is closed once', { timeout: 60_000 }, async () => {
    const cells = [h.anotherCell(), h.anotherCell()];
    for (let round = 0; round < 4; round++) {
      const asha: Wallet = await w.wallet(900);
      const into = await w.another(asha.who);
      const closing = await asked(asha.account, { into });
      const outcomes = await Promise.all(cells.map((cell, i) => decideOn(cell, closing, twoIds[i] as string)));
      expect(outcomes.filter((o) => o.ok)).toHaveLength(1);
      expect(outcomes.flatMap((o) => (o.ok ? [] : [o.problem.code]))).toEqual(['case-decided']);
      expect([await posted(into), (await su('select 1 from wallet.closing where account = $1', [uuidOf(asha.account)])).length]).toEqual([900n, 1]);
    }
    await verified();
  });
  it('two operators ask, or the holder closes while the office does: one of them', { timeout: 60_000 }, async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(900)];
    const both = await Promise.all([ask(one, asha.account), ask(two, asha.account)]);
    expect(both.map((a) => a.status).toSorted((x, y) => x - y)).toEqual([201, 409]);
    const into = await w.another(ravi.who);
    const closing = await asked(ravi.account, { into });
    const [office, holder] = await Promise.all([
      decideOn(h.anotherCell(), closing, twoIds[0] as string),
      systemClock.sleep(3).then(() => perform(h.cell(), h.tenant(), { actor: { kind: 'person', id: ravi.who.person } as Actor, trace: '0'.repeat(32) },
        (tx) => close(tx, { params: { account: ravi.account }, body: { into } }))),
    ]);
    expect([office.ok, holder.ok].filter(Boolean)).toHaveLength(1);
    expect(await posted(into)).toBe(900n);
    await verified();
  });
});
