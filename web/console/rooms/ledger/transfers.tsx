import { useQuery } from '@tanstack/react-query';
import { Navigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, words } from '../../parts/client.ts';
import { Filters, Pages } from '../../parts/filters.tsx';
import { Answer, Page, purposeOf } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { entryFilters, entryQuery } from './account.tsx';
import { Entries, ONE_LOOK } from './parts.tsx';

const w = words.ledger;
const ACCOUNT = /^acc_[0-9a-f]{32}$/;

function Named({ q }: { q: string }): ReactNode {
  const query = /^trf_[0-9a-f]{32}$/.test(q) ? { id: q } : { ref: q };
  const found = useQuery({ queryKey: ['find', q], queryFn: ({ signal }) => client.getLedgerTransfers({ query }, { signal }) });
  return (
    <Answer query={found}>{({ transfer }) => (transfer === null ? <p role="status">{w.notFound}</p>
      : <Navigate to="/transfers/$transfer" params={{ transfer }} replace />)}</Answer>
  );
}

function Found({ account, currency }: { account: string; currency: string }): ReactNode {
  const [search] = useSearchText();
  const found = useQuery({
    queryKey: ['transfers', search], ...ONE_LOOK,
    queryFn: ({ signal }) => client.getLedgerAccountsAccountEntries({ params: { account }, query: entryQuery(search, currency) }, { signal }),
  });
  return (
    <Answer query={found}>{(value) => (
      <>
        <Entries caption={w.entries} entries={value.entries} currency={currency} />
        <Pages next={value.next} label={words.more} />
      </>
    )}</Answer>
  );
}

/** The account says in which currency the amounts were typed. */
function InAccount({ account }: { account: string }): ReactNode {
  const [search] = useSearchText();
  const head = useQuery({
    queryKey: ['account', account, search.purpose], ...ONE_LOOK,
    queryFn: ({ signal }) => client.getLedgerAccountsAccount({ params: { account }, query: purposeOf(search) }, { signal }),
  });
  return <Answer query={head}>{({ currency }) => <Found account={account} currency={currency} />}</Answer>;
}

/** Transfers by id or name, or by account, side, amount and time. */
export function Transfers(): ReactNode {
  const [search] = useSearchText();
  const { q, account = '' } = search;
  return (
    <Page title={words.rooms.transfers.name}>
      <Filters keep={['purpose']} filters={[{ name: 'q', label: w.find, hint: w.findHint }, { name: 'account', label: w.accountId }, ...entryFilters]} />
      {q ? <Named q={q} /> : ACCOUNT.test(account) && <InAccount account={account} />}
    </Page>
  );
}
