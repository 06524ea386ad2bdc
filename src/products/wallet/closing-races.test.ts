import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { perform, systemClock, uuidOf, type Actor, type Outcome } from '#kernel';
import { house, inrWire, races, wallets, type Answer, type House, type Races, type Wallet, type Wallets } from '#test';
import { CHART, type ClosedView } from './contract.ts';
import { close } from './service/closing.ts';
import { withdraw } from './service/orders.ts';
import { pay } from './service/transfer.ts';
import { checks } from './service/verify.ts';

let h: House, w: Wallets, held: Races['held'], waits: Races['waits'];
beforeAll(async () => { h = await house({ limits: false }); w = wallets(h); ({ held, waits } = races(h)); });
afterAll(() => h.stop());

const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
const code = (a: Answer): string => a.json<{ type?: string }>().type?.replace('/problems/', '') ?? String(a.status);
const posted = async (account: `wal_${string}`): Promise<bigint> => (await su<{ posted: bigint }>(
  'select l.posted from wallet.account a join ledger.account l on l.id = a.ledger where a.id = $1', [uuidOf(account)]))[0]?.posted as bigint;
const as = (x: Wallet): Actor => ({ kind: 'person', id: x.who.person } as Actor);
async function verified(): Promise<void> {
  const [sum] = await su<{ s: bigint }>('select coalesce(sum(case when flags & 1 = 1 then posted else -posted end), 0)::bigint as s from ledger.account');
  expect(sum?.s).toBe(0n);
  for (const check of checks) expect(await check.run({ cell: h.cell(), tenant: h.tenant() }), check.name).toEqual([]);
}
const closeOn = (cell: ReturnType<House['anotherCell']>, x: Wallet, into?: `wal_${string}`): Promise<Outcome<ClosedView>> =>
  perform(cell, h.tenant(), { actor: as(x), trace: '0'.repeat(32) }, (tx) => close(tx, { params: { account: x.account }, body: into ? { into } : {} }));
const payOn = (cell: ReturnType<House['anotherCell']>, from: Wallet, to: Wallet, amount: bigint): Promise<string> =>
  perform(cell, h.tenant(), { actor: as(from), trace: '0'.repeat(32) }, async (tx) => {
    const [o] = await pay(tx.section, [{ by: tx, person: from.who.person, from: uuidOf(from.account), to: { account: uuidOf(to.account) }, amount,
      currency: 'INR', cause: 'transfer', note: undefined }]);
    return o?.ok ? 'paid' : String(o?.problem.code);
  });

it('first payments and later ones, both ways from three processes, take their locks in one order', { timeout: 60_000 }, async () => {
  const cells = [h.cell(), h.anotherCell(), h.anotherCell()];
  const deadlocks = async (): Promise<unknown> => await su('select deadlocks from pg_stat_database where datname = current_database()');
  const before = await deadlocks();
  // Those of the first half have paid before, and every process knows it.
  const old = await Promise.all([1, 2, 3, 4].map(() => w.wallet(10_000)));
  for (const cell of cells) for (const [i, from] of old.entries()) expect(await payOn(cell, from, old[(i + 1) % old.length] as Wallet, 1n)).toBe('paid');
  for (let round = 0; round < 3; round++) {
    const all = [...old, ...(await Promise.all([1, 2, 3, 4].map(() => w.wallet(10_000))))];
    const pairs = all.flatMap((from) => all.filter((to) => to !== from).map((to) => [from, to] as const));
    const said = await Promise.all(pairs.map(([from, to], i) => payOn(cells[i % cells.length] as typeof cells[number], from, to, 10n)));
    expect(said.filter((one) => one !== 'paid')).toEqual([]);
  }
  expect(await deadlocks()).toEqual(before);
  await verified();
});

describe('a closing meets', () => {
  it('a payment from the account, on two connections: one comes first, and nothing is lost', { timeout: 60_000 }, async () => {
    const [one, two] = [h.anotherCell(), h.anotherCell()];
    for (let round = 0; round < 8; round++) {
      const [asha, ravi] = [await w.wallet(10_000), await w.wallet()];
      const into = await w.another(asha.who);
      const late = round % 3;
      const [closed, paid] = await Promise.all([
        systemClock.sleep(late === 1 ? 3 : 0).then(() => closeOn(one, asha, into)),
        systemClock.sleep(late === 2 ? 3 : 0).then(() => payOn(two, asha, ravi, 4_000n)),
      ]);
      expect(closed.ok).toBe(true);
      const rest = closed.ok ? closed.value.rest.amount : 0n;
      expect([paid, rest]).toEqual(paid === 'paid' ? ['paid', 6_000n] : ['account-closed', 10_000n]);
      expect([await posted(asha.account), await posted(into), await posted(ravi.account)]).toEqual([0n, rest, 10_000n - rest]);
    }
    await verified();
  });
  it('a payment of which it knows nothing yet: whichever holds the books comes first', async () => {
    const [asha, ravi] = [await w.wallet(10_000), await w.wallet()];
    const into = await w.another(asha.who);
    const first = await held(as(asha), (tx) => close(tx, { params: { account: asha.account }, body: { into } }));
    const later = payOn(h.anotherCell(), asha, ravi, 4_000n);
    await waits();
    expect((await first.go()).ok).toBe(true);
    expect(await later).toBe('account-closed');
    expect([await posted(into), await posted(ravi.account)]).toEqual([10_000n, 0n]);
    await verified();
  });
  it('money that comes into what was empty: it is not closed over it, and nothing becomes the house’s', async () => {
    const [asha, ravi] = [await w.wallet(), await w.wallet(5_000)];
    const first = await held(as(ravi), async (tx) => {
      const [o] = await pay(tx.section, [{ by: tx, person: ravi.who.person, from: uuidOf(ravi.account), to: { account: uuidOf(asha.account) }, amount: 700n,
        currency: 'INR', cause: 'transfer', note: undefined }]);
      return o?.ok;
    });
    const later = w.close(asha);
    await waits();
    expect(await first.go()).toBe(true);
    expect(code(await later)).toBe('rest-needs-account');
    expect(await posted(asha.account)).toBe(700n);
    expect((await su('select 1 from ledger.account where code = $1 and posted <> 0', [CHART.nothing])).length).toBe(0);
    const into = await w.another(asha.who);
    expect((await w.close(asha, into)).status).toBe(200);
    await verified();
  });
  it('an order to a bank that is being made: it waits for it, and then does not close', async () => {
    const asha = await w.wallet(5_000);
    const into = await w.another(asha.who);
    const first = await held(as(asha), (tx) => withdraw(tx, { body: { account: asha.account, amount: { amount: 100n, currency: 'INR' },
      bank: 'DEMO0000000001' } }));
    const later = w.close(asha, into);
    await waits();
    expect((await first.go()).ok).toBe(true);
    expect(code(await later)).toBe('money-under-way');
    const shut = await w.wallet();
    const closing = await held(as(shut), (tx) => close(tx, { params: { account: shut.account }, body: {} }));
    const order = w.post(shut.who, '/wallet/top-ups', { account: shut.account, amount: inrWire(100), bank: 'DEMO0000000001' });
    await waits();
    expect((await closing.go()).ok).toBe(true);
    expect(code(await order)).toBe('account-closed');
    await h.runJobs();
    await verified();
  });
  it('the closing of the account that is to take the rest: one of the two is refused', async () => {
    for (let round = 0; round < 6; round++) {
      const asha = await w.wallet(3_000);
      const other = await w.another(asha.who);
      const answers = await Promise.all([w.close(asha, other), w.close({ who: asha.who, account: other }, asha.account)]);
      expect(answers.map(code).toSorted()).toEqual(['200', 'payee-cannot-receive']);
      expect([await posted(asha.account), await posted(other)]).toEqual(answers[0]?.status === 200 ? [0n, 3_000n] : [3_000n, 0n]);
    }
    await verified();
  });
  it('itself, many times over, under keys of their own', async () => {
    const asha = await w.wallet(3_000);
    const into = await w.another(asha.who);
    const answers = (await Promise.all(Array.from({ length: 12 }, () => w.close(asha, into)))).map(code);
    expect([answers.filter((a) => a === '200').length, answers.filter((a) => a === 'account-closed').length]).toEqual([1, 11]);
    expect(await posted(into)).toBe(3_000n);
    await verified();
  });
  it('a request to it that is being paid: it is paid or declined, never both', async () => {
    for (let round = 0; round < 6; round++) {
      const [asha, ravi] = [await w.wallet(3_000), await w.wallet()];
      const into = await w.another(asha.who);
      const { request } = (await w.post(ravi.who, '/wallet/requests', { into: ravi.account, from: asha.handle,
        amount: inrWire(1_000) })).json<{ request: `wreq_${string}` }>();
      const [closed, accepted] = await Promise.all([w.close(asha, into), w.post(asha.who, `/wallet/requests/${request}/accept`)]);
      expect(closed.status).toBe(200);
      const [row] = await su<{ state: string }>('select state from wallet.request where id = $1', [uuidOf(request)]);
      const paid = accepted.status === 200;
      expect([row?.state, await posted(ravi.account), await posted(into), closed.json<{ requests: number }>().requests])
        .toEqual(paid ? ['accepted', 1_000n, 2_000n, 0] : ['declined', 0n, 3_000n, 1]);
      expect(paid || ['request-over', 'account-closed'].includes(code(accepted))).toBe(true);
    }
    await verified();
  });
});
