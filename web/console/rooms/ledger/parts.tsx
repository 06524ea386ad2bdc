import type { Client } from '@exchequer/sdk';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { words } from '../../parts/client.ts';
import { shortId } from '../../parts/ids.tsx';
import { amountText } from '../../parts/money.ts';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { dayText, When, whenText } from '../../parts/time.tsx';

export type Statement = Awaited<ReturnType<Client['getLedgerAccountsAccountEntries']>>;
export type Entry = Statement['entries'][number];

/** A look at a number is not a look into another's data again and again: it is asked once, and anew only by whoever wants it. */
export const ONE_LOOK = { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false } as const;

/** The other side of an entry, and the transfer itself: the purpose of this look goes along. */
export function useLinks(): { account: (id: string) => ReactNode; transfer: (id: string) => ReactNode } {
  const [search] = useSearchText();
  const kept = (search.purpose ? { purpose: search.purpose } : {}) as never;
  return {
    account: (id) => <Link to="/accounts/$account" params={{ account: id }} search={kept} title={id}><code>{shortId(id)}</code></Link>,
    transfer: (id) => <Link to="/transfers/$transfer" params={{ transfer: id }} search={kept} title={id}><code>{shortId(id)}</code></Link>,
  };
}

export function Entries({ caption, entries, currency }: { caption: string; entries: readonly Entry[]; currency: string }): ReactNode {
  const w = words.ledger;
  const links = useLinks();
  return (
    <Table caption={caption} empty={w.empty} rows={entries} keyOf={(e) => e.transfer} columns={[
      { name: w.transfer, cell: (e) => links.transfer(e.transfer), text: (e) => e.transfer },
      { name: w.at, cell: (e) => <When at={e.at} />, text: (e) => whenText(e.at) }, { name: w.effective, cell: (e) => dayText(e.effective) },
      { name: w.side, cell: (e) => w[e.side] }, { name: w.other, cell: (e) => links.account(e.other), text: (e) => e.other },
      { name: w.change, cell: (e) => amountText(e.change, currency), number: true }, { name: w.balance, cell: (e) => amountText(e.balance, currency), number: true },
    ]} />
  );
}
