import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, pick, words } from '../../parts/client.ts';
import { Filters } from '../../parts/filters.tsx';
import { amountText } from '../../parts/money.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';

const LIVE_MS = 10_000;
const w = words.ledger;

/** On which side a line stands: a balance below zero stands on the other one. */
const sideOf = (normal: 'debit' | 'credit', balance: string): 'debit' | 'credit' =>
  (balance.startsWith('-') ? (normal === 'debit' ? 'credit' : 'debit') : normal);

export function Trial(): ReactNode {
  const [search] = useSearchText();
  const trial = useQuery({
    queryKey: ['trial', search.day ?? ''], queryFn: ({ signal }) => client.getLedgerTrialBalance({ query: pick(search, 'day') }, { signal }),
    refetchInterval: search.day ? false : LIVE_MS,
  });
  return (
    <Page title={words.rooms.trial.name} asOf={trial.data?.asOf}>
      <Filters filters={[{ name: 'day', label: w.day, type: 'date' }]} />
      <Answer query={trial}>{({ lines, totals }) => {
        const cell = (l: (typeof lines)[number], side: 'debit' | 'credit'): string =>
          (sideOf(l.normal, l.balance) === side ? amountText(l.balance.replace('-', ''), l.currency) : '');
        return (
          <>
            {totals.map((t) => <p key={t.currency} role="status"><strong>{t.debit === t.credit ? w.equal : w.unequal}</strong> {t.currency}</p>)}
            <Table caption={words.rooms.trial.name} empty={w.noAccounts} rows={lines} keyOf={(l) => `${l.code} ${l.currency}`} columns={[
              { name: w.code, cell: (l) => <Link to="/accounts" search={{ code: l.code, currency: l.currency } as never}>{l.code}</Link>, text: (l) => l.code },
              { name: w.kind, cell: (l) => w.kinds[l.kind as keyof typeof w.kinds] ?? l.kind },
              { name: w.accounts, cell: (l) => l.accounts.toLocaleString('en-IN'), text: (l) => String(l.accounts), number: true },
              { name: w.debit, cell: (l) => cell(l, 'debit'), number: true }, { name: w.credit, cell: (l) => cell(l, 'credit'), number: true },
            ]} foot={
              <tfoot>{totals.map((t) => (
                <tr key={t.currency}><th scope="row" colSpan={3}>{w.total}</th><td className="number">{amountText(t.debit, t.currency)}</td><td className="number">{amountText(t.credit, t.currency)}</td></tr>
              ))}</tfoot>
            } />
          </>
        );
      }}</Answer>
    </Page>
  );
}
