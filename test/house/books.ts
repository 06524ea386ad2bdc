import type { Currency, Money, Origin, Outcome, Uuid } from '#kernel';
import { addChart, openAccounts, post, type ChartLine, type Guards, type Posted, type Posting, type TransferDraft } from '#spine/ledger';
import type { House } from '../house.ts';

/** Books of a test: a small chart, accounts by name, and postings by draft. */

const CHART: readonly ChartLine[] = [
  { code: 'bank', kind: 'asset' }, { code: 'wallet', kind: 'liability', guards: { minimum: 0n } }, { code: 'capital', kind: 'equity' },
  { code: 'fees', kind: 'income' }, { code: 'costs', kind: 'expense' }, { code: 'liquidity', kind: 'asset' },
];

export const by: Origin = { actor: { kind: 'system', name: 'books' }, trace: 'b00c'.repeat(8) };
export const inr = (amount: bigint | number): Money => ({ amount: BigInt(amount), currency: 'INR' });
export const posting = (...transfers: TransferDraft[]): Posting => ({ by, transfers });

export interface Books {
  open(code: string, guards?: Guards, currency?: Currency): Promise<Uuid>;
  openMany(code: string, count: number, guards?: Guards, currency?: Currency): Promise<Uuid[]>;
  post(...postings: Posting[]): Promise<Outcome<Posted>[]>;
  /** One transfer; its outcome as 'posted' or the reason of its refusal. */
  move(draft: TransferDraft): Promise<string>;
  /** Puts money into an account from the bank. */
  fund(account: Uuid, amount: bigint | number): Promise<void>;
}

/** 'posted', or the reason for which an outcome was refused. */
export const told = (outcome: Outcome<Posted> | undefined): string =>
  (outcome === undefined ? 'nothing' : outcome.ok ? 'posted' : String(outcome.data.reason ?? outcome.data.field));

export async function books(h: House, tenant = 'india'): Promise<Books> {
  let holders = 0;
  await h.perform(tenant, (tx) => addChart(tx.section, CHART));
  const openMany = (code: string, count: number, guards?: Guards, currency: Currency = 'INR'): Promise<Uuid[]> => h.perform(tenant, async (tx) => {
    const drafts = Array.from({ length: count }, () => ({ code, currency, holder: tx.uuid(), ...(guards ? { guards } : {}) }));
    holders += count;
    const opened = await openAccounts(tx.section, drafts);
    if (!opened.ok) throw new Error(`account ${holders}: ${JSON.stringify(opened.data)}`);
    return opened.value;
  });
  const open = async (code: string, guards?: Guards, currency?: Currency): Promise<Uuid> => (await openMany(code, 1, guards, currency))[0] as Uuid;
  const run = (...postings: Posting[]): Promise<Outcome<Posted>[]> => h.perform(tenant, (tx) => post(tx.section, postings));
  const bank = await open('bank');
  return {
    open, openMany, post: run,
    move: async (draft) => told((await run(posting(draft)))[0]),
    async fund(account, amount) {
      const said = told((await run(posting({ kind: 'transfer', debit: bank, credit: account, amount: inr(amount) })))[0]);
      if (said !== 'posted') throw new Error(`not funded: ${said}`);
    },
  };
}
