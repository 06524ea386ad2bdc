import type { SectionTx, Uuid } from '#kernel';
import { factsOfTrace, type TraceFact } from '#spine/audit';
import type { Balance, Entry, Kind, Result } from '../contract.ts';
import { kindName, resultName } from '../rules/check.ts';
import type { StoredTransfer } from '../store/rows.ts';
import { linkedTransfers, readTransfers, traceOf } from '../store/transfers.ts';
import { balanceAt, statement } from './reads.ts';

type Reading = Pick<SectionTx, 'sql' | 'tenant'>;

/** How many entries a balance is explained by; a statement has the rest. */
export const EXPLAIN_ENTRIES = 10;
const FAR_US = 2n ** 62n;

/** A transfer with everything that it hangs together with, the request that made it, who asked, and what the audit log says of it. */
export interface TransferStory {
  readonly transfer: StoredTransfer & { readonly name: Kind; readonly outcome: Result };
  /** The others of its group, what it is about, and what was done to it later. */
  readonly related: readonly StoredTransfer[];
  readonly trace: string;
  readonly facts: readonly TraceFact[];
}

/** Follows a transfer to its request: undefined when there is none of this id. */
export async function explainTransfer(tx: Reading, id: Uuid): Promise<TransferStory | undefined> {
  const [transfer] = await readTransfers(tx.sql, [id]);
  if (!transfer) return undefined;
  const [links, trace] = await Promise.all([linkedTransfers(tx.sql, id, transfer.group, transfer.target), traceOf(tx.sql, id)]);
  const [related, facts] = await Promise.all([
    links.length ? readTransfers(tx.sql, links.map((l) => l.id)) : [], factsOfTrace(tx, trace, new Date(Number(transfer.atUs / 1000n))),
  ]);
  return {
    transfer: { ...transfer, name: kindName(transfer.kind), outcome: resultName(transfer.result) },
    related: related.toSorted((a, b) => (a.atUs < b.atUs ? -1 : 1)), trace, facts,
  };
}

/** A balance, and the entries that led to it, newest first: each balance is the one before it and its change. */
export interface BalanceStory { readonly balance: Balance; readonly entries: readonly Entry[];
  /** The balance before the first of these. */ readonly before: bigint }

export async function explainBalance(tx: Reading, account: Uuid, atUs: bigint = FAR_US): Promise<BalanceStory | undefined> {
  const [balance, page] = await Promise.all([balanceAt(tx, account, atUs), statement(tx, { account, beforeUs: atUs + 1n, limit: EXPLAIN_ENTRIES })]);
  if (!balance || !page) return undefined;
  const first = page.entries.at(-1);
  return { balance, entries: page.entries, before: first ? first.balance - first.change : balance.posted };
}
