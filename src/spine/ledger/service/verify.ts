import { addDays, auditorRead, type CellContext, type Check, type SpineTx, type TenantRef } from '#kernel';
import { eachFact } from '#spine/audit';
import { dayStartUs } from '../rules/effective.ts';
import {
  accountRange, brokenBalances, brokenHolds, brokenSummaries, countPosted, outsideGuards, overdueHolds, periods, postedRows, unbalanced, type HashedRow,
} from '../store/checks.ts';
import { postingHash } from './post.ts';

/** Accounts that one statement of a check looks at. */
const ACCOUNTS_MAX = 500;
/** A hold may stand this long past its time before the sweeper must be thought dead. */
const OVERDUE_MS = 60_000;

type Context = { readonly cell: CellContext; readonly tenant: TenantRef };
const read = <T>({ cell, tenant }: Context, run: (tx: SpineTx) => Promise<T>): Promise<T> => auditorRead(cell, tenant.id, run);

/** Looks at all accounts of a tenant, some at a time, in one snapshot. */
async function eachRange(tx: SpineTx, look: (accounts: readonly number[]) => Promise<string[]>): Promise<string[]> {
  for (let after = 0; ;) {
    const accounts = await accountRange(tx.sql, after, ACCOUNTS_MAX);
    if (!accounts.length) return [];
    const wrong = await look(accounts);
    if (wrong.length) return wrong;
    after = accounts.at(-1) as number;
  }
}

const zeroSum: Check = {
  name: 'ledger.zero-sum', doc: 'Debits equal credits in each currency.',
  run: (c) => read(c, async (tx) => (await unbalanced(tx.sql)).map((r) => `${r.currency} is off by ${r.sum} minor units`)),
};
const guards: Check = {
  name: 'ledger.guards', doc: 'No account is outside its guards, pending movements counted.',
  run: (c) => read(c, async (tx) => (await outsideGuards(tx.sql)).map((r) => `account ${r.id} is outside its guards`)),
};
const holds: Check = {
  name: 'ledger.holds', doc: 'No hold stands past its time, and each account holds what its open holds say.',
  run: (c) => read(c, async (tx) => {
    const before = BigInt(tx.now.getTime() + c.tenant.clockOffsetMs - OVERDUE_MS) * 1000n;
    const late = (await overdueHolds(tx.sql, before)).map((r) => `hold ${r.id} stands past its time`);
    return late.length ? late : eachRange(tx, async (a) => (await brokenHolds(tx.sql, a)).map((r) => `account ${r.id} does not hold what its holds say`));
  }),
};
const entries: Check = {
  name: 'ledger.entries', doc: 'The rows of each account lead, one from the other, to its balance.',
  run: (c) => read(c, (tx) => eachRange(tx, async (a) => (await brokenBalances(tx.sql, a)).map((r) => (r.at_us === null
    ? `account ${r.id}: its balance is not that of its newest row`
    : `account ${r.id}: the row recorded at ${r.at_us} µs does not follow from the one before it`)))),
};
const sealed: Check = {
  name: 'ledger.periods', doc: 'Each sealed balance is the sum of everything dated up to its day.',
  run: (c) => read(c, async (tx) => {
    for (const day of await periods(tx.sql)) {
      const end = dayStartUs(c.tenant.zone, addDays(day, 1));
      const wrong = await eachRange(tx, async (a) => (await brokenSummaries(tx.sql, a, day, end)).map((r) =>
        `account ${r.id} was sealed at ${day} with another balance`));
      if (wrong.length) return wrong;
    }
    return [];
  }),
};
/** Every posting left a fact with the hash of its rows, and the facts stand in the chain: what was changed since no longer fits. */
const facts: Check = {
  name: 'ledger.facts', doc: 'Each posted transfer is the one whose hash its audit fact carries.',
  async run({ cell, tenant }) {
    const wrong: string[] = [];
    let counted = 0n;
    const count = (): Promise<bigint> => read({ cell, tenant }, (tx) => countPosted(tx.sql));
    const before = await count();
    await eachFact(cell, tenant, 'ledger.posted', async (some, sql) => {
      const hashed = some.filter((f) => typeof f.detail.sha256 === 'string' && f.resource !== null);
      if (wrong.length || !hashed.length) return;
      const rows = Map.groupBy(await postedRows(sql, hashed.map((f) => f.resource as string)), (r) => r.group);
      for (const fact of hashed) {
        const own: HashedRow[] = rows.get(fact.resource as string) ?? [];
        counted += BigInt(own.length);
        const hash = postingHash(own.map((r) => ({
          id: r.id as never, kind: r.kind, amount: r.amount, atUs: r.at_us, debitBalance: r.debit_balance, creditBalance: r.credit_balance,
            effective: r.effective,
          target: r.target as never, debitNo: r.debit, creditNo: r.credit,
        })));
        if (hash !== fact.detail.sha256) wrong.push(`posting ${fact.resource} is not what fact ${fact.id} recorded`);
        if (wrong.length) return;
      }
    });
    if (wrong.length) return wrong;
    // Posting goes on meanwhile: what stood before the facts were read has its fact, and what has a fact stands behind.
    if (before > counted) return [`${before - counted} transfers have no fact`];
    const after = await count();
    return after < counted ? [`${counted - after} transfers are gone`] : [];
  },
};

export const checks: readonly Check[] = [zeroSum, guards, holds, entries, sealed, facts];
