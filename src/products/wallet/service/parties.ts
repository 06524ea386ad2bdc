import { LRUCache } from 'lru-cache';
import { allOf, provide, token, type Provided, type SectionTx, type Uuid } from '#kernel';
import { accountsByHandle, fixedById, type FixedRow } from '../store/accounts.ts';

/** To whom: by name, or by account, which its caller may know the name of. */
export type Payee = { readonly handle: string } | { readonly account: Uuid; readonly called?: string | null };

/** Who pays or is paid, and the name that was asked for. */
export interface Party extends FixedRow { readonly handle: string | null }
export interface Known { readonly byId: ReadonlyMap<string, FixedRow>; readonly byHandle: ReadonlyMap<string, Party> }

const Fixed = token<LRUCache<string, FixedRow & { readonly tenant: Uuid }>>('wallet.fixed');
const FIXED_MAX = 100_000;
/** Whose accounts are, in which currency and where in the books: none of it ever changes. Whether an account is open is the books' to say, under their lock. */
export const partiesState: Provided = provide(Fixed, () => new LRUCache<string, FixedRow & { readonly tenant: Uuid }>({ max: FIXED_MAX }));

const NONE = Promise.resolve([]);

async function readMissing(tx: SectionTx, missing: readonly string[], byId: Map<string, FixedRow>): Promise<void> {
  const fixed = tx.use(Fixed);
  const rows = await fixedById(tx.sql, tx.tenant.id, missing);
  for (const row of rows) byId.set(row.id, row);
  // Kept when this commits: the account may have been opened by this very transaction.
  tx.afterCommit(() => { for (const row of rows) fixed.set(row.id, { ...row, tenant: tx.tenant.id }); });
}

/** The accounts that these payments name: from memory, and what it does not hold in one flight. */
export async function partiesOf(tx: SectionTx, wishes: readonly { readonly from: Uuid; readonly to: Payee | undefined }[]): Promise<Known> {
  const fixed = tx.use(Fixed);
  const byId = new Map<string, FixedRow>(), missing = new Set<string>(), handles = new Set<string>();
  const look = (id: string): void => {
    if (byId.has(id)) return;
    // Not moved by its use, as in the ledger's memory of fixed accounts.
    const known = fixed.peek(id);
    if (known?.tenant === tx.tenant.id) byId.set(id, known);
    else missing.add(id);
  };
  for (const { from, to } of wishes) {
    look(from);
    if (to && 'handle' in to) handles.add(to.handle);
    else if (to) look(to.account);
  }
  // Nothing is awaited that is not asked: what is locked next then leaves with what was sent before.
  const [named] = await allOf<unknown>([
    handles.size ? accountsByHandle(tx.sql, tx.tenant.id, [...handles]) : NONE, missing.size ? readMissing(tx, [...missing], byId) : NONE,
  ]) as [Party[], unknown];
  return { byId, byHandle: new Map(named.map((a) => [a.handle as string, a])) };
}
