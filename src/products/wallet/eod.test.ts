import { spawn } from 'node:child_process';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, civilDate, money, perform, systemClock, uuid, uuidOf, type CivilDate, type Uuid } from '#kernel';
import { openAccounts, post } from '#spine/ledger';
import { house, probe, somebody, wallets, type Answer, type House, type Wallet, type Wallets } from '#test';
import { dailyInterest, isMonthEnd, payable } from './rules.ts';
import { eodBatch, startEod } from './service/eod.ts';

let h: House, w: Wallets;
const people = [73_000, 100_001, 250_000, 0, 499, 1_000_000, 33_333].map((fund) => ({ fund, person: somebody() }));
let made: Wallet[];
const [d27, d28, d29] = ['2028-02-27', '2028-02-28', '2028-02-29'].map((d) => civilDate(d)) as [CivilDate, CivilDate, CivilDate];

const goTo = (day: string): Promise<void> => h.clockOffset('india', Date.parse(`${day}T06:00:00Z`) - systemClock.now().getTime());
beforeAll(async () => {
  h = await house({ add: [probe()], limits: false });
  w = wallets(h);
  await goTo(d27);
  made = [];
  for (const { fund, person } of people) made.push(await w.wallet(fund, person));
});
afterAll(() => h.stop());

const office = (method: 'GET' | 'POST', path: string, json?: unknown): Promise<Answer> => h.request({
  method, path: `/api/wallet/office/eod${path}`, headers: { 'x-probe-machine': 'wallet:eod' }, ...(json === undefined ? {} : { json }),
});
const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
const batch = (day: CivilDate, most?: number): Promise<boolean> => h.perform('india', (tx) => eodBatch(tx.section, day, most));
const finish = async (day: CivilDate, most?: number): Promise<void> => { while (await batch(day, most)); };
const balanceOf = async (x: Wallet): Promise<bigint> => (await su<{ posted: bigint }>(
  'select l.posted from wallet.account a join ledger.account l on l.id = a.ledger where a.id = $1', [uuidOf(x.account)]))[0]?.posted as bigint;
const ledgerSum = async (code: string): Promise<bigint> => (await su<{ s: bigint }>(
  "select coalesce(sum(posted), 0)::bigint as s from ledger.account where code = $1 and currency = 'INR'", [code]))[0]?.s as bigint;
const accrued = async (): Promise<bigint> => BigInt((await su<{ s: string }>('select coalesce(sum(micro), 0)::text as s from wallet.accrual'))[0]?.s as string);
const owed = async (): Promise<bigint> =>
  BigInt((await su<{ s: string }>('select coalesce(sum(owed_micro), 0)::text as s from wallet.interest'))[0]?.s as string);
const zeroSum = async (): Promise<bigint> => (await su<{ s: bigint }>(
  'select coalesce(sum(case when flags & 1 = 1 then posted else -posted end), 0)::bigint as s from ledger.account'))[0]?.s as bigint;

describe('the rules of interest', () => {
  it('count the real days of a year', () => {
    expect(dailyInterest(36_500n, 10_000, civilDate('2027-02-28'))).toBe(1_000_000n);
    expect(dailyInterest(36_600n, 10_000, d29)).toBe(1_000_000n);
    expect(dailyInterest(100n, 25_000, civilDate('2100-02-28'))).toBe(6_849n);
    expect([dailyInterest(0n, 25_000, d28), dailyInterest(-5n, 25_000, d28), dailyInterest(5n, 0, d28)]).toEqual([0n, 0n, 0n]);
    expect(dailyInterest(2n ** 63n - 1n, 1_000_000, d28)).toBe(((2n ** 63n - 1n) * 1_000_000n + 183n) / 366n);
  });
  it('know a month’s end, and lose nothing between what is paid and what stays', () => {
    expect(['2028-02-28', '2028-02-29', '2027-02-28', '2027-12-31', '2027-12-30'].map((d) => isMonthEnd(civilDate(d)))).toEqual([false, true, true, true,
      false]);
    for (const micro of [0n, 1n, 999_999n, 1_000_000n, 123_456_789n]) {
      const { pay, stays } = payable(micro);
      expect([pay * 1_000_000n + stays, stays < 1_000_000n]).toEqual([micro, true]);
    }
  });
});

describe('an end-of-day run', () => {
  it('is of a day that is over, one day after the other, and is started by whoever may', async () => {
    expect((await office('POST', '', { day: d27 })).json()).toMatchObject({ type: '/problems/day-not-over', latest: addDays(d27, -1) });
    expect((await w.post((made[0] as Wallet).who, '/wallet/office/eod', { day: d27 })).status).toBe(403);
    await goTo(d28);
    expect((await office('GET', `/${d27}`)).json()).toMatchObject({ type: '/problems/unknown-run' });
    expect((await office('POST', '', { day: d27 })).json()).toMatchObject({ state: 'running', total: 7, done: 0, secondsLeft: null });
    await goTo(d29);
    expect((await office('POST', '', { day: d28 })).json()).toMatchObject({ type: '/problems/day-out-of-order', next: d27 });
  });
  it('goes on where it stood when a batch was lost, in another process, and with several at once', async () => {
    expect(await batch(d27, 2)).toBe(true);
    await expect(h.perform('india', async (tx) => {
      await eodBatch(tx.section, d27, 2);
      throw new Error('killed before the commit');
    })).rejects.toThrow('killed');
    expect((await office('GET', `/${d27}`)).json()).toMatchObject({ state: 'running', done: 2, total: 7 });
    const [one, two] = [h.anotherCell(), h.anotherCell()];
    const turn = (cell: typeof one): Promise<boolean> =>
      perform(cell, h.tenant(), { actor: { kind: 'system', name: 'test' }, trace: '0'.repeat(32) }, (tx) => eodBatch(tx.section, d27, 2));
    await Promise.all([turn(one), turn(two), turn(one)]);
    await finish(d27, 2);
    expect((await office('GET', `/${d27}`)).json()).toMatchObject({ state: 'done', done: 7, total: 7, secondsLeft: 0 });
    const rows = await su<{ balance: bigint; micro: string }>('select balance, micro::text as micro from wallet.accrual where day = $1 order by balance',
      [d27]);
    const expected = people.map((p) => BigInt(p.fund)).filter((b) => b > 0n).toSorted((a, b) => (a < b ? -1 : 1));
    expect(rows.map((r) => r.balance)).toEqual(expected);
    for (const { balance, micro } of rows) expect(BigInt(micro) * 366n - balance * 25_000n, String(balance)).toSatisfy((x: bigint) => x <= 183n && x >= -183n);
  });
  it('of a month’s end pays whole units, takes the fee where it is due, and a repeat changes nothing', async () => {
    await goTo('2028-03-01');
    const frozen = made[2] as Wallet;
    await h.perform('india', (tx) => startEod(tx, { body: { day: d28 } }));
    await finish(d28);
    expect((await su<{ n: 1 }>('select 1 from ledger.transfer where code <> 0')).length).toBe(0);
    await h.perform('india', (tx) => tx.sql`update wallet.account set state = 'frozen', frozen_by = 'operator' where id = ${uuidOf(frozen.account)}`);
    await h.perform('india', (tx) => startEod(tx, { body: { day: d29 } }));
    await finish(d29, 3);
    const three = (balance: bigint): bigint => payable(3n * dailyInterest(balance, 25_000, d29)).pay;
    // Below the waiver a fee of 500; what cannot bear it keeps what it has; the frozen one waits.
    expect(await Promise.all(made.map(balanceOf))).toEqual([
      73_000n + three(73_000n) - 500n, 100_001n + three(100_001n), 250_000n, 0n, 499n, 1_000_000n + three(1_000_000n), 33_333n + three(33_333n) - 500n,
    ]);
    const run = (await office('GET', `/${d29}`)).json<{ totals: { interest: { amount: string }; fees: { amount: string }; putOff: number }[] }>();
    expect(run.totals).toMatchObject([{ fees: { amount: '1000' }, putOff: 1 }]);
    const paid = BigInt(run.totals[0]?.interest.amount ?? '0');
    expect([await ledgerSum('wallet.interest'), await ledgerSum('wallet.fees'), await zeroSum()]).toEqual([paid, 1_000n, 0n]);
    expect(await accrued()).toBe(paid * 1_000_000n + await owed());
    const count = async (): Promise<number> => (await su<{ n: 1 }>('select 1 from ledger.transfer')).length;
    const before = await count();
    expect((await office('POST', '', { day: d29 })).json()).toMatchObject({ state: 'done' });
    expect(await batch(d29)).toBe(false);
    // Even a run whose row was lost pays nothing twice: interest has its row a day, money its name in the books.
    await su("update wallet.eod_run set state = 'running', finished_at = null, reached = '00000000-0000-0000-0000-000000000000', done = 0 where day = $1",
      [d29]);
    await finish(d29, 3);
    expect([await accrued(), await ledgerSum('wallet.interest'), await ledgerSum('wallet.fees')]).toEqual([paid * 1_000_000n + await owed(), paid, 1_000n]);
    // A refused name leaves no second row either.
    expect(await count()).toBe(before);
  });
  it('shows in the account as interest and fee, dated on its day', async () => {
    const who = await h.signIn(people[0]?.person);
    const { account } = made[0] as Wallet;
    const { entries } = (await w.get(who, `/wallet/accounts/${account}/activity`)).json<{ entries: { kind: string; effective: string }[] }>();
    expect(entries.slice(0, 2).map((e) => [e.kind, e.effective])).toEqual([['fee', d29], ['interest', d29]]);
  });
  it('pays the frozen account what it is owed once it is let go', async () => {
    const frozen = made[2] as Wallet;
    const row = async (): Promise<bigint> => BigInt((await su<{ m: string }>('select owed_micro::text as m from wallet.interest where account = $1',
      [uuidOf(frozen.account)]))[0]?.m ?? '0');
    const waiting = await row();
    expect(waiting).toBe(3n * dailyInterest(250_000n, 25_000, d29));
    await h.perform('india', (tx) => tx.sql`update wallet.account set state = 'open', frozen_by = null where id = ${uuidOf(frozen.account)}`);
    await su('delete from wallet.eod_total');
    await su(`insert into wallet.eod_run
      select tenant, '2028-03-30', 'done', reached, 0, 0, started_at, batch_at, started_at from wallet.eod_run where day = $1`, [d29]);
    await goTo('2028-04-01');
    const last = civilDate('2028-03-31');
    await h.perform('india', (tx) => startEod(tx, { body: { day: last } }));
    await finish(last);
    const { pay, stays } = payable(waiting + dailyInterest(250_000n, 25_000, last));
    expect([await balanceOf(frozen), await row()]).toEqual([250_000n + pay, stays]);
  });
});

describe('killed with -9 in the middle', () => {
  const ACCOUNTS = 2_600;
  it('the command goes on where it was, and every account has its interest once', async () => {
    const day = civilDate('2028-04-01');
    await h.perform('india', async (tx) => {
      const person = tx.uuid();
      const ids = Array.from({ length: ACCOUNTS }, () => tx.uuid());
      const opened = await openAccounts(tx.section, ids.map((holder) => ({ code: 'wallet.customer', currency: 'INR', holder })));
      if (!opened.ok) throw new Error('not opened');
      await tx.sql`insert into wallet.account (tenant, id, person, currency, ledger, state, opened_at)
        select ${tx.tenant.id}, i, ${person}, 'INR', l, 'open', ${tx.now} from unnest(${ids}::uuid[], ${opened.value}::uuid[]) u (i, l)`;
      const [bank] = await tx.sql<{ id: Uuid }>`select replace(id::text, '-', '') as id from ledger.account where code = 'wallet.bank' and currency = 'INR'`;
      await post(tx.section, opened.value.map((credit) => ({ by: tx, transfers: [{
        kind: 'transfer' as const, debit: uuid((bank as { id: string }).id), credit, amount: money(1_000_000n, 'INR'),
      }] })));
    });
    await goTo('2028-04-02');
    const order = JSON.stringify({ connection: h.connections.find((c) => c.name === 'IN'), tenant: h.tenant(), day });
    const command = (): ReturnType<typeof spawn> => spawn(process.execPath, ['--import', './bin/tsx-hook.mjs', 'test/house/close-day.ts', order],
      { stdio: 'ignore' });
    const ended = (child: ReturnType<typeof spawn>): Promise<number | null> => new Promise((resolve) => { child.once('exit', (code) => resolve(code)); });
    const doneNow = async (): Promise<number> => (await su<{ done: number }>('select done from wallet.eod_run where day = $1', [day]))[0]?.done ?? 0;
    const first = command();
    const gone = ended(first);
    for (let i = 0; i < 2000 && await doneNow() === 0; i++) await systemClock.sleep(5);
    first.kill('SIGKILL');
    expect(await gone).toBeNull();
    const reached = await doneNow();
    expect(reached).toBeGreaterThan(0);
    expect(reached).toBeLessThan(ACCOUNTS);
    expect(await ended(command())).toBe(0);
    expect((await office('GET', `/${day}`)).json()).toMatchObject({ state: 'done', total: ACCOUNTS + 7, done: ACCOUNTS + 7 });
    const rows = await su<{ account: string; n: number }>('select account, count(*)::int as n from wallet.accrual where day = $1 group by account', [day]);
    expect([rows.length, rows.every((r) => r.n === 1), await zeroSum()]).toEqual([ACCOUNTS + 6, true, 0n]);
  }, 60_000);
});

