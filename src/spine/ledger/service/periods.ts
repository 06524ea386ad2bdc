import { addDays, done, refuse, type CivilDate, type Outcome, type Tx } from '#kernel';
import { periodRefused, SEAL_ACCOUNTS_MAX, SEAL_GRACE_MS } from '../contract.ts';
import { dayStartUs } from '../rules/effective.ts';
import { holdSeal, moveSeal } from '../store/accounts.ts';
import { accountNumbers, effectiveBalances, insertPeriod, insertSummaries } from '../store/reads.ts';
import { daySpan } from './days.ts';

/**
 * Seals the books up to a day: nothing may be dated to it or before any more, and each account's balance at its end, counted by
 * effective date, is kept. Refuses `period-refused`: `not-in-order`, `not-ended` (`SEAL_GRACE_MS` must have passed since its end).
 */
export async function sealPeriod(tx: Tx, endsOn: CivilDate): Promise<Outcome<{ readonly accounts: number }>> {
  tx.locks('spine/ledger');
  const sealed = await holdSeal(tx.sql);
  if (sealed !== null && endsOn <= sealed) return refuse(periodRefused, { reason: 'not-in-order', sealedThrough: sealed });
  const endMs = Number(dayStartUs(tx.tenant.zone, addDays(endsOn, 1)) / 1000n);
  if (tx.now.getTime() < endMs + SEAL_GRACE_MS) return refuse(periodRefused, { reason: 'not-ended' });
  const span = await daySpan(tx, endsOn);
  let accounts = 0;
  for (let after = 0; ;) {
    const numbers = (await accountNumbers(tx.sql, after, SEAL_ACCOUNTS_MAX)).map((row) => row.no);
    if (!numbers.length) break;
    await insertSummaries(tx.sql, tx.tenant.id, endsOn, await effectiveBalances(tx.sql, numbers, span));
    accounts += numbers.length;
    after = numbers.at(-1) as number;
  }
  await insertPeriod(tx.sql, tx.tenant.id, endsOn, tx.now);
  await moveSeal(tx.sql, endsOn);
  tx.audit({ action: 'ledger.period-sealed', result: 'done', resource: endsOn, detail: { accounts } });
  return done({ accounts });
}
