import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, systemClock, uuidOf, type Check, type CivilDate } from '#kernel';
import { house, probe, wallets, type House, type Wallet, type Wallets } from '#test';
import { eodBatch, startEod } from './service/eod.ts';
import { checks } from './service/verify.ts';

let h: House, w: Wallets, asha: Wallet, ravi: Wallet, shut: Wallet, day: CivilDate;
beforeAll(async () => {
  h = await house({ add: [probe()], limits: false });
  w = wallets(h);
  // The last day of a month, so that closing it pays interest.
  await h.clockOffset('india', Date.parse('2027-01-31T06:00:00Z') - systemClock.now().getTime());
  [asha, ravi] = [await w.wallet(500_000), await w.wallet(1_000)];
  shut = await w.wallet(900);
  expect((await w.close(shut, await w.another(shut.who))).status).toBe(200);
  for (const amount of [100, 200, 300]) expect((await w.send(asha, ravi, amount)).status).toBe(200);
  expect((await w.send(ravi, asha, 50)).status).toBe(200);
  await w.post(asha.who, '/wallet/withdrawals', { account: asha.account, amount: { amount: '5000', currency: 'INR' }, bank: 'DEMO0000000001' });
  await w.post(ravi.who, `/wallet/accounts/${ravi.account}/freeze`, { frozen: true });
  day = await h.perform('india', async (tx) => tx.today);
  await h.clockOffset('india', Date.parse(`${addDays(day, 1)}T06:00:00Z`) - systemClock.now().getTime());
  await h.perform('india', (tx) => startEod(tx, { body: { day } }));
  while (await h.perform('india', (tx) => eodBatch(tx.section, day)));
});
afterAll(() => h.stop());

const run = (check: Check): Promise<readonly string[]> => check.run({ cell: h.cell(), tenant: h.tenant() });
const su = (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => h.sql('IN', 'superuser')(text, values);

describe('exchequer verify', () => {
  it('finds nothing wrong where nothing is', async () => {
    expect((await su('select 1 from wallet.eod_total where interest > 0')).length).toBe(1);
    for (const check of checks) expect(await run(check), check.name).toEqual([]);
  });
  const account = (x: Wallet): string => uuidOf(x.account);
  /** What breaks a check, and what mends it again. */
  const broken: Record<string, { check: string; breaks: () => Promise<unknown>; mends: () => Promise<unknown>; says: RegExp }> = {
    'a hold that is gone': { check: 'wallet.order-holds', says: /its hold is gone/,
      breaks: () => su('create table wallet.kept as select * from ledger.hold').then(() => su('delete from ledger.hold')),
      mends: () => su('insert into ledger.hold select * from wallet.kept').then(() => su('drop table wallet.kept')) },
    'a hold of another amount': { check: 'wallet.order-holds', says: /its hold differ/,
      breaks: () => su('update wallet.bank_order set amount = amount + 1 where hold is not null'),
      mends: () => su('update wallet.bank_order set amount = amount - 1 where hold is not null') },
    'usage of nobody': { check: 'wallet.usage', says: /belongs to no account/,
      breaks: () => su("insert into wallet.usage select tenant, person, 'USD', day, 0, 0, month, 0 from wallet.usage where person = $1", [asha.who.person]),
      mends: () => su("delete from wallet.usage where currency = 'USD'") },
    'usage that was counted twice': { check: 'wallet.usage', says: /is not what was paid/,
      breaks: () => su('update wallet.usage set month_spent = month_spent + 1 where person = $1', [asha.who.person]),
      mends: () => su('update wallet.usage set month_spent = month_spent - 1 where person = $1', [asha.who.person]) },
    'a payment that is not in the books': { check: 'wallet.payments', says: /was not posted/,
      breaks: () => su(`insert into wallet.payment select tenant, gen_random_uuid(), payer, payee, amount, currency, cause, gen_random_uuid(), null, at
        from wallet.payment limit 1`),
      mends: () => su(`alter table wallet.payment disable trigger payment_is_final; delete from wallet.payment p
        where not exists (select 1 from ledger.transfer t where t.id = p.transfer); alter table wallet.payment enable trigger payment_is_final`) },
    'an account that is frozen in one place': { check: 'wallet.states', says: /is frozen here and open in the books/,
      breaks: () => su("update wallet.account set state = 'frozen', frozen_by = 'operator' where id = $1", [account(asha)]),
      mends: () => su("update wallet.account set state = 'open', frozen_by = null where id = $1", [account(asha)]) },
    'a closed account of which nothing is noted': { check: 'wallet.closings', says: /has no note of its closing/,
      breaks: () => su("update wallet.account set closed_at = closed_at - interval '1 second' where id = $1", [account(shut)]),
      mends: () => su("update wallet.account set closed_at = closed_at + interval '1 second' where id = $1", [account(shut)]) },
    'money in a closed account': { check: 'wallet.closings', says: /is closed and holds money/,
      breaks: () => su('update ledger.account set posted = 5 where id = (select ledger from wallet.account where id = $1)', [account(shut)]),
      mends: () => su('update ledger.account set posted = 0 where id = (select ledger from wallet.account where id = $1)', [account(shut)]) },
    'a payment from a closed account by schedule': { check: 'wallet.closings', says: /pays by schedule/,
      breaks: () => su(`insert into wallet.schedule (tenant, id, person, payer, payee, amount, currency, every, first_on, next_on, state, created_at)
        select tenant, gen_random_uuid(), person, id, gen_random_uuid(), 1, currency, 'once', '2027-01-01', '2027-01-01', 'active', opened_at
        from wallet.account where id = $1`, [account(shut)]),
      mends: () => su('delete from wallet.schedule where payer = $1', [account(shut)]) },
    'interest that was lost in rounding': { check: 'wallet.interest', says: /is off by what was rounded/,
      breaks: () => su('update wallet.interest set owed_micro = owed_micro + 1 where account = $1', [account(asha)]),
      mends: () => su('update wallet.interest set owed_micro = owed_micro - 1 where account = $1', [account(asha)]) },
    'interest that the books do not have': { check: 'wallet.interest', says: /the books say/,
      breaks: () => su(`alter table wallet.interest drop constraint interest_owed_micro_check; update wallet.eod_total set interest = interest + 1;
        update wallet.interest set owed_micro = owed_micro - 1000000 where account = '${account(asha)}'`),
      mends: () => su(`update wallet.eod_total set interest = interest - 1;
        update wallet.interest set owed_micro = owed_micro + 1000000 where account = '${account(asha)}'`) },
  };
  it.each(Object.entries(broken))('names %s', async (_, { check, breaks, mends, says }) => {
    await breaks();
    expect((await run(checks.find((c) => c.name === check) as Check)).join('\n')).toMatch(says);
    await mends();
    for (const each of checks) expect(await run(each), each.name).toEqual([]);
  });
});
