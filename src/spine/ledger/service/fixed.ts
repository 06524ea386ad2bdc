import { LRUCache } from 'lru-cache';
import { provide, token, type Provided, type SectionTx } from '#kernel';
import { FIXED_ACCOUNTS_MAX } from '../contract.ts';
import { fixedAccounts, type FixedAccount } from '../store/accounts.ts';

const Fixed = token<LRUCache<string, FixedAccount>>('ledger.fixed');
/** Numbers and currencies of accounts, which never change: what is looked up once is locked by its number from then on. */
export const fixedState: Provided = provide(Fixed, () => new LRUCache<string, FixedAccount>({ max: FIXED_ACCOUNTS_MAX }));

/** The fixed part of accounts by id; an account that is not there is left out, one of another tenant may be in and is then not found under the lock. */
export async function fixedOf(tx: Pick<SectionTx, 'sql' | 'use' | 'afterCommit'>, ids: ReadonlySet<string>): Promise<FixedAccount[]> {
  const held = tx.use(Fixed);
  const found: FixedAccount[] = [];
  const missing: string[] = [];
  for (const id of ids) {
    // Not moved by its use, which would cost more than to find it: one that makes room for 200,000 newer ones is read once more.
    const known = held.peek(id);
    if (known) found.push(known);
    else missing.push(id);
  }
  if (!missing.length) return found;
  const fresh = await fixedAccounts(tx.sql, missing);
  // Kept when this commits: the account may have been opened by this very transaction.
  tx.afterCommit(() => { for (const account of fresh) held.set(account.id, account); });
  return [...found, ...fresh];
}
