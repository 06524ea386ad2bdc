import { useQuery } from '@tanstack/react-query';
import { Navigate } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, words } from '../../parts/client.ts';
import { Filters, Pages } from '../../parts/filters.tsx';
import { amountText } from '../../parts/money.ts';
import { Answer, Page, purposeOf } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { entryFilters, entryQuery } from './account.tsx';
import { Entries, ONE_LOOK, useLinks } from './parts.tsx';

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

type AllFound = Awaited<ReturnType<typeof client.getLedgerTransfersSearch>>;

/** Transfers seen from no account: both sides, and one amount. */
function Both({ found }: { found: AllFound }): ReactNode {
  const links = useLinks();
  const side = (id: string | null): ReactNode => (id === null ? words.none : links.account(id));
  return (
    <>
      <Table caption={w.everywhere} empty={w.noneFound} rows={found.transfers} keyOf={(t) => t.transfer} columns={[
        { name: w.transfer, cell: (t) => links.transfer(t.transfer), text: (t) => t.transfer },
        { name: w.at, cell: (t) => <When at={t.at} />, text: (t) => whenText(t.at) },
        { name: w.debit, cell: (t) => side(t.debit), text: (t) => t.debit ?? '' }, { name: w.credit, cell: (t) => side(t.credit), text: (t) => t.credit ?? '' },
        { name: w.amount, cell: (t) => amountText(t.amount, t.currency ?? 'INR'), number: true },
      ]} />
      {found.next && found.lookedTo && <p className="quiet">{fill(w.lookedTo, { time: whenText(found.lookedTo) })}</p>}
      <Pages next={found.next} label={words.more} />
    </>
  );
}

const DAY_MS = 86_400_000;
const YEAR_MS = 366 * DAY_MS;
const CURRENCY = /^[A-Z]{3}$/;

/** All accounts, in a time. An amount that is typed needs to know its currency, and then only that one is looked for. */
function Everywhere(): ReactNode {
  const [search] = useSearchText();
  const [opened] = useState(() => Date.now());
  const typed = search.exact ?? search.least ?? search.most;
  const currency = (search.currency ?? (typed === undefined ? '' : 'INR')).toUpperCase();
  const { from, to, side: _, ...rest } = entryQuery(search, CURRENCY.test(currency) ? currency : 'INR');
  const end = to === undefined ? opened : Date.parse(to);
  const start = from === undefined ? end - DAY_MS : Date.parse(from);
  const right = start < end && end - start <= YEAR_MS;
  const query = { ...rest, from: new Date(start).toISOString(), to: new Date(end).toISOString(), ...(CURRENCY.test(currency) ? { currency } : {}) };
  const found = useQuery({
    queryKey: ['transfers', 'all', query], ...ONE_LOOK, enabled: right, queryFn: ({ signal }) => client.getLedgerTransfersSearch({ query }, { signal }),
  });
  return right ? <Answer query={found}>{(value) => <Both found={value} />}</Answer> : <p role="status">{w.timeWrong}</p>;
}

/** Transfers by id or name; or by account, side, amount and time; or of all accounts by amount and time. */
export function Transfers(): ReactNode {
  const [search] = useSearchText();
  const { q, account } = search;
  const asked = ['exact', 'least', 'most', 'currency', 'from', 'to'].some((name) => search[name]);
  return (
    <Page title={words.rooms.transfers.name}>
      <Filters keep={['purpose']} filters={[
        { name: 'q', label: w.find, hint: w.findHint }, { name: 'account', label: w.accountId }, ...entryFilters,
        { name: 'currency', label: w.currency, hint: w.currencyHint },
      ]} />
      {!account && <p className="quiet">{w.timeHint}</p>}
      {q ? <Named q={q} /> : account ? ACCOUNT.test(account) && <InAccount account={account} /> : asked && <Everywhere />}
    </Page>
  );
}
