import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, civilDate, perform, systemClock, uuidOf, type Actor, type CivilDate } from '#kernel';
import { house, inrWire, probe, said, somebody, wallets, type House, type Person, type SignedIn, type Wallets } from '#test';
import { dailyInterest } from './rules.ts';
import { close } from './service/closing.ts';
import { eodBatch, startEod } from './service/eod.ts';
import { checks } from './service/verify.ts';

let h: House, w: Wallets;
beforeAll(async () => { h = await house({ add: [probe()], limits: false }); w = wallets(h); });
afterAll(() => h.stop());

const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
const goTo = (d: string): Promise<void> => h.clockOffset('india', Date.parse(`${d}T06:00:00Z`) - systemClock.now().getTime());
const batch = (d: CivilDate): Promise<boolean> => perform(h.cell(), h.tenant(), { actor: { kind: 'system', name: 'test' }, trace: '0'.repeat(32) },
  (tx) => eodBatch(tx.section, d));
async function run(d: CivilDate): Promise<void> {
  expect((await h.perform('india', (tx) => startEod(tx, { body: { day: d } }))).ok, d).toBe(true);
  while (await batch(d));
}
async function verified(): Promise<void> {
  for (const check of checks) expect(await check.run({ cell: h.cell(), tenant: h.tenant() }), check.name).toEqual([]);
}
const closing = async (account: `wal_${string}`): Promise<Record<string, unknown>[]> =>
  su('select interest, let_go_micro::text as let_go from wallet.closing where account = $1', [uuidOf(account)]);
const days = async (account: `wal_${string}`): Promise<number> => (await su('select 1 from wallet.accrual where account = $1', [uuidOf(account)])).length;

const FUND = 1_000_000n;
const start = civilDate('2029-03-10');
const daily = dailyInterest(FUND, 25_000, start);

interface Holder { readonly person: Person; readonly who: SignedIn; readonly account: `wal_${string}` }
async function holder(): Promise<Holder> {
  const person = somebody();
  return { person, ...await w.wallet(Number(FUND), person) };
}
/** The same holder on another day: the session before has run out. */
const again = async (x: Holder): Promise<Holder> => ({ ...x, who: await h.signIn(x.person) });

describe('interest of an account that closes', () => {
  it('of runs, and of days that no run has looked at, is paid before; less than a unit is let go, and runs go on', async () => {
    await goTo(start);
    let asha = await holder();
    await goTo(addDays(start, 1));
    await run(start);
    await goTo(addDays(start, 3));
    asha = await again(asha);
    const into = await w.another(asha.who);
    const micro = 3n * daily, paid = micro / 1_000_000n;
    expect((await w.get(asha.who, `/wallet/accounts/${asha.account}/close`)).json()).toMatchObject({ interest: inrWire(paid), rest: inrWire(FUND + paid) });
    expect((await w.close(asha, into)).json()).toMatchObject({ interest: inrWire(paid), rest: inrWire(FUND + paid) });
    expect(await closing(asha.account)).toEqual([{ interest: paid, let_go: String(micro % 1_000_000n) }]);
    expect(await days(asha.account)).toBe(3);
    const { entries } = (await w.get(asha.who, `/wallet/accounts/${asha.account}/activity`)).json<{ entries: { kind: string }[] }>();
    expect(entries.map((e) => e.kind)).toEqual(['closing-to', 'interest', 'added']);
    await verified();
    for (const d of [addDays(start, 1), addDays(start, 2)]) await run(d);
    await goTo(addDays(start, 4));
    await run(addDays(start, 3));
    expect(await days(asha.account)).toBe(3);
    await verified();
  });
  it('of an empty one needs another account, or is let go when its holder says so', async () => {
    let asha = await holder();
    await goTo(addDays(start, 5));
    await run(addDays(start, 4));
    asha = await again(asha);
    await w.post(asha.who, '/wallet/withdrawals', { account: asha.account, amount: inrWire(FUND), bank: 'DEMO0000000001' });
    await h.runJobs();
    const refused = await w.close(asha);
    const owed = String(daily / 1_000_000n);
    expect([said(refused), refused.json()]).toMatchObject([[422, 'rest-needs-account'], { rest: owed, interest: owed }]);
    expect((await w.close(asha, undefined, { letGo: true })).json()).toMatchObject({ rest: inrWire(0), interest: inrWire(0), into: null });
    expect(await closing(asha.account)).toEqual([{ interest: 0n, let_go: String(daily) }]);
    await verified();
  });
  it('is nothing to let go where money is left', async () => {
    const asha = await holder();
    expect(said(await w.close(asha, undefined, { letGo: true }))).toEqual([422, 'rest-needs-account']);
  });
  it('comes once where a month’s end and closings meet in any order, and no closed account is owed any', async () => {
    const end = civilDate('2029-03-31');
    await goTo(end);
    await su(`insert into wallet.eod_run (tenant, day, state, reached, total, done, started_at, batch_at, finished_at)
      select tenant, $1, 'done', reached, 0, 0, started_at, batch_at, started_at from wallet.eod_run limit 1`, [addDays(end, -1)]);
    const made = await Promise.all(Array.from({ length: 6 }, holder));
    const intos = await Promise.all(made.map((m) => w.another(m.who)));
    await goTo(addDays(end, 1));
    const fresh = await Promise.all(made.map(again));
    expect((await h.perform('india', (tx) => startEod(tx, { body: { day: end } }))).ok).toBe(true);
    const closes = fresh.map(async (m, i) => {
      await systemClock.sleep(5 * i);
      return w.close(m, intos[i]);
    });
    const [, ...answers] = await Promise.all([batch(end), ...closes]);
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200, 200, 200, 200]);
    while (await batch(end));
    expect(await Promise.all(made.map((m) => days(m.account)))).toEqual([1, 1, 1, 1, 1, 1]);
    const left = await Promise.all(intos.map(async (id) => (await su<{ posted: bigint }>(
      'select l.posted from wallet.account a join ledger.account l on l.id = a.ledger where a.id = $1', [uuidOf(id)]))[0]?.posted));
    // A run that comes first may take nothing but pay interest: the balance is above the one that a fee is taken under.
    expect(left).toEqual(made.map(() => FUND + daily / 1_000_000n));
    await verified();
  });
  it('is not taken for the day of the closing, although the run of that day began before the closing was over', async () => {
    const day = civilDate('2029-04-01');
    await goTo(day);
    const asha = await holder();
    const into = await w.another(asha.who);
    const gate = Promise.withResolvers<void>(), closed = Promise.withResolvers<void>();
    const closes = h.perform('india', async (tx) => {
      const outcome = await close(tx, { params: { account: asha.account }, body: { into } });
      closed.resolve();
      await gate.promise;
      return outcome;
    }, { kind: 'person', id: asha.who.person } as Actor);
    await closed.promise;
    await goTo(addDays(day, 1));
    expect((await h.perform('india', (tx) => startEod(tx, { body: { day } }))).ok).toBe(true);
    const ran = batch(day);
    const waits = (): Promise<unknown[]> => su("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
    for (let i = 0; i < 200 && !(await waits()).length; i++) await systemClock.sleep(10);
    expect(await waits()).not.toEqual([]);
    gate.resolve();
    expect((await closes).ok).toBe(true);
    await ran;
    while (await batch(day));
    expect(await days(asha.account)).toBe(0);
    await verified();
  });
  it('is waited for where the runs are too far behind', async () => {
    const asha = await holder();
    await goTo(addDays(start, 90));
    const late = await again(asha);
    const into = await w.another(late.who);
    expect(said(await w.close(late, into))).toEqual([409, 'days-open']);
    expect((await w.get(late.who, `/wallet/accounts/${asha.account}/close`)).json()).toMatchObject({ stands: 'days-open' });
  });
});
