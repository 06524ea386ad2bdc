import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Uuid } from '#kernel';
import { books, house, inr, operatorOf, type Answer, type Books, type House, type MadeOperator } from '#test';
import { openAccounts } from './index.ts';

let h: House;
let b: Books;
let accountant: MadeOperator;
let wallet: Uuid, till: Uuid;
beforeAll(async () => {
  h = await house({ limits: false, serve: ['IN'] });
  b = await books(h);
  accountant = await operatorOf(h, 'accountant');
  wallet = await b.open('wallet');
  const opened = await h.perform('india', (tx) => openAccounts(tx.section, [{ code: 'bank', currency: 'INR' }]));
  if (!opened.ok) throw new Error(opened.problem.code);
  till = opened.value[0] as Uuid;
  for (let i = 1; i <= 5; i++) expect(await b.move({ kind: 'transfer', debit: till, credit: wallet, amount: inr(i * 100), ref: `pay ${i}` })).toBe('posted');
});
afterAll(() => h.stop());

const get = (path: string, cookies = accountant.cookies, tenant = 'india'): Promise<Answer> => h.request({ path: `/api/ledger/${path}`, cookies, tenant });
const typeOf = (a: Answer): [number, string] => [a.status, a.json<{ type: string }>().type.replace('/problems/', '')];

describe('operators', () => {
  it('read accounts of a code, one account and its entries, for a purpose where somebody holds it', async () => {
    const { accounts } = (await get('accounts?code=wallet')).json<{ accounts: { account: string; posted: string; code: string }[] }>();
    expect(accounts).toMatchObject([{ account: `acc_${wallet}`, posted: '1500', code: 'wallet' }]);
    expect(typeOf(await get(`accounts/acc_${wallet}`))).toEqual([422, 'purpose-missing']);
    expect((await get(`accounts/acc_${wallet}?purpose=support`)).json()).toMatchObject({ posted: '1500', available: '1500', currency: 'INR' });
    expect((await get(`accounts/acc_${till}`)).json()).toMatchObject({ posted: '1500', holder: null });
    const entries = async (query: string): Promise<string[]> =>
      (await get(`accounts/acc_${wallet}/entries?purpose=support${query}`)).json<{ entries: { change: string }[] }>().entries.map((e) => e.change);
    expect(await entries('')).toEqual(['500', '400', '300', '200', '100']);
    expect(await entries('&least=200&most=400&side=credit')).toEqual(['400', '300', '200']);
    expect(await entries('&side=debit')).toEqual([]);
    expect(await entries('&to=2020-01-01T00:00:00Z')).toEqual([]);
    const facts = await h.sql('IN', 'superuser')<{ result: string; detail: string }>(
      `select result, detail from audit.entry where action = 'ledger.looked' and resource = 'account ${wallet}' order by seq`);
    expect(facts[0]).toMatchObject({ result: 'refused' });
    expect(JSON.parse(facts[1]?.detail ?? '{}')).toEqual({ purpose: 'support' });
  });
  it('follow a balance to its request', async () => {
    const answer = await get(`accounts/acc_${wallet}/explain?purpose=review`);
    const story = answer.json<{ before: string; posted: string; entries: { transfer: string; trace: string }[] }>();
    expect(story).toMatchObject({ before: '0', posted: '1500' });
    const first = story.entries[0]?.transfer ?? '';
    expect((await get('transfers?ref=pay+5')).json()).toEqual({ transfer: first });
    expect((await get(`transfers?id=${first}`)).json()).toEqual({ transfer: first });
    expect((await get('transfers?ref=none')).json()).toEqual({ transfer: null });
    expect(typeOf(await get(`transfers/${first}/explain`))).toEqual([422, 'purpose-missing']);
    const explained = (await get(`transfers/${first}/explain?purpose=review`)).json<{ facts: { action: string; resource: string }[] }>();
    expect(explained).toMatchObject({
      transfer: { amount: '500', result: 'posted', debit: `acc_${till}`, credit: `acc_${wallet}` }, trace: story.entries[0]?.trace,
    });
    expect(explained.facts.map((f) => `${f.action} ${f.resource}`)).toContain(`ledger.posted ${first.replace('trf_', '')}`);
  });
  it('see both sides of the books come to the same', async () => {
    const trial = (await get('trial-balance')).json<{ lines: { code: string; balance: string }[]; totals: unknown[] }>();
    expect(trial.totals).toEqual([{ currency: 'INR', debit: '1500', credit: '1500' }]);
    expect(trial.lines.find((l) => l.code === 'wallet')).toMatchObject({ balance: '1500', kind: 'liability', normal: 'credit' });
    expect((await get('trial-balance?day=2020-01-01')).json<{ totals: unknown[] }>().totals).toEqual([{ currency: 'INR', debit: '0', credit: '0' }]);
  });
  it('find nothing in the books of others, and nothing without the permission', async () => {
    const other = await operatorOf(h, 'accountant', 'other');
    expect(typeOf(await get(`accounts/acc_${wallet}?purpose=support`, other.cookies, 'other'))).toEqual([404, 'ledger-account-unknown']);
    const feed = await operatorOf(h, 'feed');
    for (const path of ['accounts', `accounts/acc_${till}`, 'trial-balance', 'transfers?ref=x']) expect(typeOf(await get(path, feed.cookies)),
      path).toEqual([403, 'forbidden']);
  });
});
