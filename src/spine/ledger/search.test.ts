import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type Uuid } from '#kernel';
import { books, house, inr, operatorOf, posting, type Answer, type Books, type House, type MadeOperator } from '#test';
import { openAccounts, post } from './index.ts';

let h: House, b: Books, accountant: MadeOperator, wallet: Uuid, till: Uuid;
const DAY = 86_400_000;
let began: Date;
beforeAll(async () => {
  h = await house({ limits: false, serve: ['IN'] });
  b = await books(h);
  accountant = await operatorOf(h, 'accountant');
  wallet = await b.open('wallet');
  const opened = await h.perform('india', (tx) => openAccounts(tx.section, [{ code: 'bank', currency: 'INR' }]));
  if (!opened.ok) throw new Error(opened.problem.code);
  till = opened.value[0] as Uuid;
  began = systemClock.now();
});
afterAll(() => h.stop());

interface Found { transfers: { transfer: string; amount: string; at: string; currency: string }[]; next: string | null; lookedTo: string | null }
const ask = (query: Record<string, string>, tenant = 'india', cookies = accountant.cookies): Promise<Answer> =>
  h.request({ path: `/api/ledger/transfers/search?${new URLSearchParams({ purpose: 'review', ...query })}`, cookies, tenant });
const time = (fromMs: number, toMs: number): Record<string, string> => ({ from: new Date(fromMs).toISOString(), to: new Date(toMs).toISOString() });
const now = (): number => systemClock.now().getTime();
const today = (): Record<string, string> => time(began.getTime() - DAY, now() + DAY);
const amounts = (a: Answer): string[] => a.json<Found>().transfers.map((t) => t.amount);
const typeOf = (a: Answer): [number, string] => [a.status, a.json<{ type: string }>().type.replace('/problems/', '')];
const move = (amount: number): Promise<string> => b.move({ kind: 'transfer', debit: till, credit: wallet, amount: inr(amount), ref: `pay ${amount}` });

describe('transfers are found without an account', () => {
  it('by amount, exactly or in a range, by currency and by time, newest first', async () => {
    for (const amount of [100, 250, 250_001, 900]) expect(await move(amount)).toBe('posted');
    expect(await move(900)).toBe('posted');
    const middle = now() + 1;
    await systemClock.sleep(5);
    expect(await move(777)).toBe('posted');
    expect(amounts(await ask(today()))).toEqual(['777', '900', '250001', '250', '100']);
    expect(amounts(await ask({ ...today(), least: '250', most: '250' }))).toEqual(['250']);
    expect(amounts(await ask({ ...today(), least: '200', most: '900' }))).toEqual(['777', '900', '250']);
    expect(amounts(await ask({ ...today(), currency: 'USD' }))).toEqual([]);
    expect(amounts(await ask({ ...today(), currency: 'INR', least: '900' }))).toEqual(['900', '250001']);
    expect(amounts(await ask(time(began.getTime() - DAY, middle)))).toEqual(['900', '250001', '250', '100']);
    expect(amounts(await ask(time(middle, now() + DAY)))).toEqual(['777']);
    expect((await ask(time(began.getTime() - 300 * DAY, began.getTime() - DAY))).json()).toEqual({ transfers: [], next: null, lookedTo: null });
  });

  it('all legs of a journal, and nothing that was refused', async () => {
    const third = await b.open('wallet');
    const journal = await h.perform('india', (tx) => post(tx.section, [
      posting({ kind: 'transfer', debit: till, credit: wallet, amount: inr(31) }, { kind: 'transfer', debit: till, credit: third, amount: inr(32) }),
    ]));
    expect(journal[0]?.ok).toBe(true);
    expect(await b.move({ kind: 'transfer', debit: third, credit: wallet, amount: inr(33) })).toBe('below-minimum');
    expect(amounts(await ask({ ...today(), least: '31', most: '33' })).toSorted()).toEqual(['31', '32']);
  });

  it('page by page, each once, also while more are posted', async () => {
    const since = now();
    await systemClock.sleep(2);
    const wanted: string[] = [];
    for (let i = 0; i < 4; i++) {
      const drafts = Array.from({ length: 30 }, (_, n) => posting({ kind: 'transfer', debit: till, credit: wallet, amount: inr(10_000 + i * 100 + n) }));
      wanted.push(...drafts.map((_, n) => String(10_000 + i * 100 + n)));
      expect((await h.perform('india', (tx) => post(tx.section, drafts))).every((o) => o.ok)).toBe(true);
    }
    const seen: string[] = [];
    const query = time(since, now() + 1);
    for (let cursor = '', pages = 0; pages < 20; pages++) {
      const page = (await ask({ ...query, ...(cursor ? { cursor } : {}) })).json<Found>();
      expect(page.transfers.length).toBeLessThanOrEqual(50);
      seen.push(...page.transfers.map((t) => t.amount));
      await move(50_000 + pages);
      if (page.next === null) break;
      cursor = page.next;
    }
    expect(seen.toSorted()).toEqual(wanted.toSorted());
  });

  it('for a purpose, in a time that can be searched; another tenant’s are not there', async () => {
    const without = await h.request({ path: `/api/ledger/transfers/search?${new URLSearchParams(today())}`, cookies: accountant.cookies });
    expect(typeOf(without)).toEqual([422, 'purpose-missing']);
    for (const wrong of [time(now(), now() - 1), time(5, 5), time(now() - 367 * DAY, now())]) {
      expect(typeOf(await ask(wrong))).toEqual([422, 'ledger-span-wrong']);
    }
    for (const wrong of [{ least: '1.5' }, { currency: 'inr' }, { cursor: '1' }, { cursor: 'x.1' }, { from: 'yesterday' }]) {
      expect((await ask({ ...today(), ...wrong } as never)).status, JSON.stringify(wrong)).toBe(422);
    }
    const there = await operatorOf(h, 'accountant', 'other');
    expect(amounts(await ask(today(), 'other', there.cookies))).toEqual([]);
    const facts = await h.sql('IN', 'superuser')<{ resource: string }>("select resource from audit.entry where action = 'ledger.searched' and result = 'done'");
    expect(facts.length).toBeGreaterThan(5);
    expect(facts[0]?.resource).toMatch(/^transfers \d{4}-/);
  });
});
