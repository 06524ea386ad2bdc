import { afterAll, beforeAll, expect, it } from 'vitest';
import { systemRandom, uuidv7, type SqlTag } from '#kernel';
import { post } from './index.ts';
import { books, house, inr, posting, type Books, type House } from '#test';
import { accountsOfHolder, fixedAccounts, lockAccounts, readAccounts, shareSeal, writeAccounts, writePosted } from './store/accounts.ts';
import { balanceAsOf, effectiveBalances, entriesBefore, lastSealed, movesSince } from './store/reads.ts';
import { deleteHolds, dueHolds, readHolds, readResolutions, readTransfers } from './store/transfers.ts';

let h: House, b: Books;
beforeAll(async () => {
  h = await house({ serve: ['IN'] });
  b = await books(h);
});
afterAll(() => h.stop());

const id = uuidv7(new Date(0), systemRandom);
const day = '2026-11-25' as never;
/** The statements that must read by their index, on a database whose tables had no rows when their plans were made. */
const statements: Record<string, { run: (sql: SqlTag) => Promise<unknown>; by: RegExp }> = {
  'fixed accounts': { run: (sql) => fixedAccounts(sql, [id]), by: /account_id/ },
  'lock accounts': { run: (sql) => lockAccounts(sql, [1]), by: /account_pkey/ },
  'read accounts': { run: (sql) => readAccounts(sql, [id]), by: /account_id/ },
  'write posted': { run: (sql) => writePosted(sql, []), by: /account_pkey/ },
  'write accounts': { run: (sql) => writeAccounts(sql, []), by: /account_pkey/ },
  'accounts of a holder': { run: (sql) => accountsOfHolder(sql, id), by: /account_holder/ },
  'read transfers': { run: (sql) => readTransfers(sql, [id]), by: /transfer_pkey/ },
  'read resolutions': { run: (sql) => readResolutions(sql, [id]), by: /transfer_resolves[\s\S]*transfer_reverses/ },
  'read holds': { run: (sql) => readHolds(sql, [id]), by: /hold_pkey/ },
  'delete holds': { run: (sql) => deleteHolds(sql, [id]), by: /hold_pkey/ },
  'due holds': { run: (sql) => dueHolds(sql, 1n, 1), by: /hold_expires/ },
  'seal': { run: (sql) => shareSeal(sql), by: /book_pkey/ },
  'last sealed': { run: (sql) => lastSealed(sql, day), by: /period_pkey/ },
  'balance as of': { run: (sql) => balanceAsOf(sql, 1, 1n), by: /transfer_debit[\s\S]*transfer_credit/ },
  'effective balances': { run: (sql) => effectiveBalances(sql, [1], { sealed: day, sealedEndUs: 1n, day, dayEndUs: 2n }), by: /dated_pkey|dated_effective/ },
  'entries': { run: (sql) => entriesBefore(sql, 1, 0n, 1n, 1), by: /transfer_debit[\s\S]*transfer_credit/ },
  'moves since': { run: (sql) => movesSince(sql, [1], day, 1n, 1), by: /transfer_debit/ },
};

it.each(Object.entries(statements))('%s reads by its index and nothing else', async (_, { run, by }) => {
  let text = '';
  await run((async (strings: TemplateStringsArray) => {
    text = strings.reduce((sum, part, i) => `${sum}$${i}${part}`);
    return [];
  }) as SqlTag);
  const app = h.sql('IN', 'app');
  for (const what of ['seqscan', 'hashjoin', 'mergejoin']) await app(`set enable_${what} = off`);
  const rows = await app<{ 'QUERY PLAN': string }>(`explain (costs off, generic_plan) ${text}`, [], { tenant: h.tenant().id });
  const plan = rows.map((row) => row['QUERY PLAN']).join('\n');
  expect(plan).toMatch(by);
  expect(plan).not.toContain('Seq Scan');
});

it('issues the same number of statements for one posting and for 256', async () => {
  const sent = async (count: number): Promise<number> => {
    const accounts = await b.openMany('bank', count + 1);
    const drafts = accounts.slice(1).map((credit) => posting({ kind: 'transfer', debit: accounts[0] as never, credit, amount: inr(1) }));
    let statementsSent = 0;
    await h.perform('india', async (tx) => {
      const counting = Object.assign(Object.create(tx.section) as typeof tx.section, {
        sql: ((strings: TemplateStringsArray, ...values: unknown[]) => {
          statementsSent += 1;
          return tx.sql(strings, ...values);
        }) as SqlTag,
      });
      return post(counting, drafts);
    });
    return statementsSent;
  };
  expect(await sent(256)).toBe(await sent(1));
});
