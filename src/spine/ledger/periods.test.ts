import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, type CivilDate, type TenantRef, type Tx, type Uuid } from '#kernel';
import {
  balanceAt, balanceOn, balanceSheet, exchange, explainBalance, explainTransfer, incomeStatement, journal, post, sealPeriod, statement, trialBalance,
    type Entry,
  type Posted, type TransferDraft,
} from './index.ts';
import ledger from './module.ts';
import { books, house, inr, posting, told, type Books, type House } from '#test';

let h: House, b: Books;
const DAY_MS = 86_400_000;
beforeAll(async () => {
  h = await house({ serve: ['IN'] });
  b = await books(h);
});
afterAll(() => h.stop());

const run = <T>(verb: (tx: Tx) => Promise<T>): Promise<T> => h.perform('india', verb);
let day = 0;
/** Moves the tenant's clock on; days passed in a test are never taken back. */
const later = async (days: number): Promise<CivilDate> => {
  day += days;
  await h.clockOffset('india', day * DAY_MS);
  return run(async (tx) => tx.today);
};
const transfer = (debit: Uuid, credit: Uuid, amount: number, effective?: CivilDate): TransferDraft =>
  ({ kind: 'transfer', debit, credit, amount: inr(amount), ...(effective ? { effective } : {}) });
const firstOf = async (draft: TransferDraft): Promise<Posted['transfers'][0]> => {
  const [o] = await b.post(posting(draft));
  if (!o?.ok) throw new Error(told(o));
  return o.value.transfers[0] as Posted['transfers'][0];
};
const check = (name: string): Promise<readonly string[]> => {
  const found = ledger.checks?.find((c) => c.name === `ledger.${name}`);
  if (!found) throw new Error(`no check ${name}`);
  return found.run({ cell: h.cell(), tenant: h.tenant() as TenantRef });
};
const allChecks = async (): Promise<string[]> => (await Promise.all((ledger.checks ?? []).map(async (c) => c.run({ cell: h.cell(),
  tenant: h.tenant() })))).flat();

describe('dates', () => {
  it('an effective date beside the recorded one: as of means recorded unless asked', async () => {
    const start = await later(1);
    const a = await b.open('wallet');
    await b.fund(a, 1000);
    const known = BigInt(await run(async (tx) => tx.now.getTime())) * 1000n + 999_999n;
    const today = await later(3);
    const bank = await b.open('bank');
    expect(await b.move(transfer(a, bank, 400, addDays(today, -2)))).toBe('posted');
    // What was known then has not changed; what counts for then has.
    expect(await run((tx) => balanceAt(tx, a, known))).toMatchObject({ posted: 1000n });
    expect(await run(async (tx) => [await balanceOn(tx, a, start), await balanceOn(tx, a, addDays(today, -2)), await balanceOn(tx, a,
      today)])).toEqual([1000n, 600n, 600n]);
    const page = await run((tx) => statement(tx, { account: a }));
    expect(page?.entries.map((e) => [e.effective, e.change, e.balance])).toEqual([[addDays(today, -2), -400n, 600n], [start, 1000n, 1000n]]);
  });
  it('a back-dated transfer that any later balance cannot bear is refused', async () => {
    const first = await later(1);
    const [a, bank] = [await b.open('wallet'), await b.open('bank')];
    await b.fund(a, 100);
    await later(2);
    await b.move(transfer(a, bank, 90));
    await later(2);
    await b.fund(a, 500);
    // 510 now, and 10 in between: 50 out of the first day would have left −40.
    expect(await b.move(transfer(a, bank, 50, first))).toBe('below-minimum');
    expect(await b.move(transfer(a, bank, 10, first))).toBe('posted');
    expect(await b.move(transfer(a, bank, 1, first))).toBe('below-minimum');
    expect(await b.move(transfer(a, bank, 50))).toBe('posted');
    const capped = await b.open('wallet', { maximum: 600n });
    await b.fund(capped, 550);
    expect(await b.move(transfer(bank, capped, 60, first))).toBe('above-maximum');
  });
  it('two back-dated ones of one batch see each other', async () => {
    const first = await later(1);
    const [a, bank] = [await b.open('wallet'), await b.open('bank')];
    await b.fund(a, 100);
    await later(1);
    expect((await b.post(posting(transfer(a, bank, 60, first)), posting(transfer(a, bank, 60, first)), posting(transfer(a, bank, 40, first)))).map(told))
      .toEqual(['posted', 'below-minimum', 'posted']);
  });
  it('may not lie ahead, nor too far back', async () => {
    const today = await later(0);
    const [a, c] = await b.openMany('bank', 2) as [Uuid, Uuid];
    expect(await b.move(transfer(a, c, 1, addDays(today, 1)))).toBe('effective-in-future');
    expect(await b.move(transfer(a, c, 1, addDays(today, -367)))).toBe('backdate-too-far');
  });
});

describe('a sealed period', () => {
  it('takes nothing any more, and balances by date go through its summaries', async () => {
    const first = await later(1);
    const [a, bank] = [await b.open('wallet'), await b.open('bank')];
    await b.fund(a, 1000);
    const second = await later(1);
    await b.move(transfer(a, bank, 100));
    await b.move(transfer(a, bank, 30, first));
    expect(await run((tx) => sealPeriod(tx, second))).toMatchObject({ ok: false, data: { reason: 'not-ended' } });
    const today = await later(2);
    await b.move(transfer(a, bank, 7, second));
    expect(await run((tx) => sealPeriod(tx, first))).toMatchObject({ ok: true });
    expect(await run((tx) => sealPeriod(tx, first))).toMatchObject({ ok: false, data: { reason: 'not-in-order' } });
    expect(await b.move(transfer(a, bank, 1, first))).toBe('period-sealed');
    await b.move(transfer(a, bank, 3, second));
    await b.move(transfer(a, bank, 1));
    const on = (...days: CivilDate[]): Promise<(bigint | undefined)[]> => run(async (tx) => Promise.all(days.map((d) => balanceOn(tx, a, d))));
    expect(await on(addDays(first, -1), first, second, addDays(second, 1), today)).toEqual([0n, 970n, 860n, 860n, 859n]);
    expect(await run((tx) => sealPeriod(tx, second))).toMatchObject({ ok: true });
    expect(await on(first, second, addDays(second, 1), today)).toEqual([970n, 860n, 860n, 859n]);
    expect(await allChecks()).toEqual([]);
  });
  it('does not come between a back-dated transfer and its books', async () => {
    const first = await later(1);
    const [a, bank] = [await b.open('wallet'), await b.open('bank')];
    await b.fund(a, 100);
    await later(2);
    // Both are at work at once, many times: the transfer is either in the summary or refused.
    const [sealed, ...moved] = await Promise.all([run((tx) => sealPeriod(tx, first)), ...Array.from({ length: 8 }, () => b.move(transfer(a, bank, 1, first)))]);
    expect(sealed).toMatchObject({ ok: true });
    for (const said of moved) expect(['posted', 'period-sealed']).toContain(said);
    expect(await run((tx) => balanceOn(tx, a, first))).toBe(100n - BigInt(moved.filter((said) => said === 'posted').length));
    expect(await check('periods')).toEqual([]);
  });
});

describe('reports', () => {
  it('agree with each other: both sides equal, assets carry liabilities, equity and the result', async () => {
    const from = await later(1);
    const [bank, wallet, fees, costs] = [await b.open('bank'), await b.open('wallet'), await b.open('fees'), await b.open('costs')];
    await b.fund(wallet, 1000);
    const legs = journal([
      { account: wallet, side: 'debit', amount: inr(300) }, { account: costs, side: 'debit', amount: inr(20) },
      { account: fees, side: 'credit', amount: inr(50) }, { account: bank, side: 'credit', amount: inr(270) },
    ]);
    if (!legs.ok) throw new Error('no journal');
    expect(told((await b.post({ ...posting(), transfers: legs.value }))[0])).toBe('posted');
    const rupees = await run(async (tx) => ({ trial: await trialBalance(tx), then: await trialBalance(tx, addDays(from, -1)), on: await trialBalance(tx, from),
      sheet: await balanceSheet(tx), income: await incomeStatement(tx, from, from) }));
    const both = rupees.trial.totals.get('INR');
    expect(both?.debit).toBe(both?.credit);
    expect(rupees.on.lines).toEqual(rupees.trial.lines);
    expect(rupees.then.lines.find((l) => l.code === 'fees')?.balance ?? 0n).toBe(0n);
    const sheet = rupees.sheet.totals.get('INR');
    expect(sheet?.assets).toBe((sheet?.liabilities ?? 0n) + (sheet?.equity ?? 0n) + (sheet?.result ?? 0n));
    expect(rupees.income.totals.get('INR')).toEqual({ income: 50n, expenses: 20n, result: 30n });
  });
  it('an exchange moves two currencies and shows its spread', async () => {
    const [rupees, dollars] = [await b.open('wallet'), await b.open('wallet', undefined, 'USD')];
    const liquidity = { sold: await b.open('liquidity'), bought: await b.open('liquidity', undefined, 'USD'), spread: await b.open('fees') };
    await b.fund(rupees, 10_001);
    const made = exchange({ from: rupees, to: dollars, sell: inr(10_001), buy: 'USD', rate: { numerator: 100n, denominator: 8317n }, liquidity,
      spreadParts: 10_000 });
    if (!made.ok) throw new Error('no exchange');
    expect(told((await b.post({ ...posting(), transfers: made.value.transfers }))[0])).toBe('posted');
    const after = await run(async (tx) => Promise.all([rupees, dollars, liquidity.sold, liquidity.bought, liquidity.spread].map((id) => balanceAt(tx, id,
      2n ** 62n))));
    expect(after.map((a) => a?.posted)).toEqual([0n, 119n, -9900n, 119n, 101n]);
  });
});

describe('reading', () => {
  it('pages hand out every entry once, and each balance is the one before it and its change', async () => {
    const [a, c] = [await b.open('wallet'), await b.open('wallet')];
    await b.fund(a, 1000);
    for (let i = 1; i <= 12; i++) await b.move(i % 3 ? transfer(a, c, i) : transfer(c, a, 1));
    await firstOf({ kind: 'pending', debit: a, credit: c, amount: inr(5) });
    const entries: Entry[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page = await run((tx) => statement(tx, { account: a, limit: 5, ...(cursor ? { cursor } : {}) }));
      entries.push(...page?.entries ?? []);
      cursor = page?.next ?? null;
    }
    expect(entries).toHaveLength(13);
    for (const [i, e] of entries.entries()) expect(e.balance).toBe((entries[i + 1]?.balance ?? 0n) + e.change);
    const at = await run((tx) => balanceAt(tx, a, entries[4]?.atUs as bigint));
    expect(at?.posted).toBe(entries[4]?.balance);
    expect(await run((tx) => balanceAt(tx, a, 2n ** 62n))).toMatchObject({ pendingOut: 5n });
    expect(await run((tx) => statement(tx, { account: 'f'.repeat(32) as Uuid }))).toBeUndefined();
  });
  it('explains a number: balance, entries, transfer, request, actor, fact', async () => {
    const [a, c] = [await b.open('wallet'), await b.open('wallet')];
    await b.fund(a, 1000);
    const actor = { kind: 'person', id: 'a'.repeat(32) as Uuid, session: 'b'.repeat(32) as Uuid } as const;
    await h.perform('india', (tx) => post(tx.section, [{ by: tx, transfers: [transfer(a, c, 10), transfer(a, c, 5)] }]), actor);
    const story = await run((tx) => explainBalance(tx, a));
    expect(story).toMatchObject({ balance: { posted: 985n }, before: 0n, entries: [{ change: -5n }, { change: -10n }, { change: 1000n }] });
    const of = await run((tx) => explainTransfer(tx, story?.entries[1]?.transfer as Uuid));
    expect(of).toMatchObject({
      transfer: { name: 'transfer', outcome: 'posted', debit: a, credit: c }, related: [{ amount: 5n }], trace: '7e57'.repeat(8),
    });
    expect(of?.facts.filter((f) => f.actor === actor.id)).toMatchObject([{ action: 'ledger.posted', result: 'done', actorKind: 'person',
      resource: of?.transfer.id }]);
    const refused = await h.perform('india', (tx) => post(tx.section, [{ by: tx, transfers: [transfer(a, c, 5000)] }]), actor);
    expect(refused.map(told)).toEqual(['below-minimum']);
    const [row] = await h.sql('IN', 'superuser')<{
      id: string }>("select replace(id::text, '-', '') as id from ledger.transfer where result = 160 order by id desc limit 1");
    expect(await run((tx) => explainTransfer(tx, row?.id as Uuid))).toMatchObject({ transfer: { outcome: 'below-minimum' }, related: [] });
  });
});

describe('verification', () => {
  /** Changes rows as only a superuser can, who switches the triggers off. */
  const tamper = async (change: string, values: unknown[] = []): Promise<void> => {
    const su = h.sql('IN', 'superuser');
    await su('set session_replication_role = replica');
    await su(change, values);
    await su('set session_replication_role = default');
  };
  it('finds nothing in sound books', async () => expect(await allChecks()).toEqual([]));
  it('names a balance that no row leads to', async () => {
    const [a, c] = [await b.open('bank'), await b.open('bank')];
    await b.move(transfer(a, c, 10));
    await tamper('update ledger.account set posted = posted + 1 where id = $1', [a]);
    expect((await check('zero-sum'))[0]).toContain('INR is off by 1');
    expect((await check('entries'))[0]).toContain(`account ${a}`);
    await tamper('update ledger.account set posted = posted - 1 where id = $1', [a]);
    expect(await allChecks()).toEqual([]);
  });
  it('names a row that was changed, one that is gone and one that nobody posted', async () => {
    const [a, c] = [await b.open('bank'), await b.open('bank')];
    const t = await firstOf(transfer(a, c, 10));
    await firstOf(transfer(a, c, 1));
    await tamper('update ledger.transfer set amount = 11 where id = $1', [t.id]);
    expect((await check('entries'))[0]).toContain(`account ${a}`);
    expect((await check('facts'))[0]).toContain(`posting ${t.id}`);
    await tamper('update ledger.transfer set amount = 10, trace = gen_random_uuid() where id = $1', [t.id]);
    expect(await allChecks()).toEqual([]);
    await tamper('create table public.kept as select * from ledger.transfer where id = $1', [t.id]);
    await tamper('delete from ledger.transfer where id = $1', [t.id]);
    expect((await check('facts'))[0]).toContain(`posting ${t.id}`);
    await tamper('insert into ledger.transfer select * from public.kept');
    await tamper('update public.kept set id = gen_random_uuid()');
    await tamper('insert into ledger.transfer select * from public.kept');
    expect((await check('facts'))[0]).toContain('1 transfers have no fact');
    await tamper('delete from ledger.transfer where id in (select id from public.kept)');
    expect(await allChecks()).toEqual([]);
  });
  it('names a hold that the sweeper forgot, and a seal that was changed', async () => {
    const [a, c] = [await b.open('bank'), await b.open('bank')];
    const hold = await firstOf({ kind: 'pending', debit: a, credit: c, amount: inr(1), expiresInSeconds: 5 });
    await later(1);
    expect((await check('holds'))[0]).toContain(`hold ${hold.id} stands past its time`);
    expect(await b.move({ kind: 'expire', target: hold.id })).toBe('posted');
    expect(await check('holds')).toEqual([]);
    await tamper('update ledger.summary set balance = balance + 1 where account = (select no from ledger.account where code = $1 order by no limit 1)',
      ['bank']);
    expect((await check('periods'))[0]).toContain('was sealed at');
  });
});
