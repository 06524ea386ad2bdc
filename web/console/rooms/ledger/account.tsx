import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, pick, words, type Search } from '../../parts/client.ts';
import { Filters, Pages, type Filter } from '../../parts/filters.tsx';
import { amountText, minorOf } from '../../parts/money.ts';
import { Answer, Page, purposeOf } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts } from '../../parts/table.tsx';
import { instantOf } from '../../parts/time.tsx';
import { Entries, ONE_LOOK, type Statement } from './parts.tsx';

const w = words.ledger;
export const entryFilters: readonly Filter[] = [
  { name: 'side', label: w.side, options: { debit: w.debit, credit: w.credit } }, { name: 'exact', label: w.exact }, { name: 'least', label: w.least }, { name: 'most', label: w.most },
  { name: 'from', label: w.from, type: 'datetime-local' }, { name: 'to', label: w.to, type: 'datetime-local' },
];

/** Filters as the route takes them: amounts in minor units, times as instants. What cannot be read is left out. */
export function entryQuery(search: Search, currency: string): Record<string, string> {
  const minor = (name: string): Record<string, string> => {
    const amount = search[name] ? minorOf(search[name], currency) : undefined;
    return amount === undefined ? {} : { [name]: amount };
  };
  const at = (name: string): Record<string, string> => {
    const instant = instantOf(search[name]).at;
    return instant === undefined ? {} : { [name]: instant };
  };
  const exact = minor('exact').exact;
  const range = exact === undefined ? { ...minor('least'), ...minor('most') } : { least: exact, most: exact };
  return { ...pick(search, 'side', 'cursor'), ...range, ...at('from'), ...at('to'), ...purposeOf(search) };
}

function Head({ account: a }: { account: Statement['account'] }): ReactNode {
  const [search] = useSearchText();
  const money = (minor: string | null): string => (minor === null ? words.none : amountText(minor, a.currency));
  const guards = [a.frozen && w.frozen, a.noDebit && w.noDebit, a.noCredit && w.noCredit].filter(Boolean).join(', ');
  return (
    <>
      <Facts rows={[
        [w.posted, <strong key="posted">{money(a.posted)} <Link to="/accounts/$account/explain" params={{ account: a.account }} search={(search.purpose ? { purpose: search.purpose } : {}) as never}>{w.explain}</Link></strong>],
        [w.available, money(a.available)], [w.pendingIn, money(a.pendingIn)], [w.pendingOut, money(a.pendingOut)],
        [w.code, <Link key="code" to="/accounts" search={{ code: a.code, currency: a.currency } as never}>{a.code}</Link>],
        [w.kind, w.kinds[a.kind as keyof typeof w.kinds] ?? a.kind], [w.holder, a.holder ?? w.nobody],
        [w.state, w.states[a.state as keyof typeof w.states] ?? a.state], [w.guards, guards || words.none], [w.minimum, money(a.minimum)], [w.maximum, money(a.maximum)],
      ]} />
    </>
  );
}

/** One account: its balances, what stands around them, and its entries. */
export function Account(): ReactNode {
  const { account = '' } = useParams({ strict: false });
  const [search] = useSearchText();
  // The currency of amounts that are typed is known when the account is: until then they are taken as two decimals.
  const shown = useQuery({
    queryKey: ['entries', account, search], ...ONE_LOOK,
    queryFn: ({ signal }) => client.getLedgerAccountsAccountEntries({ params: { account }, query: entryQuery(search, search.currency ?? 'INR') }, { signal }),
  });
  return (
    <Page title={`${w.account} ${account}`} asOf={shown.dataUpdatedAt || undefined}>
      <Answer query={shown}>{(value) => (
        <>
          <Head account={value.account} />
          <Filters filters={entryFilters} keep={['purpose']} toSearch={(typed) => ({ ...typed, currency: typed.exact || typed.least || typed.most ? value.account.currency : undefined })} />
          <Entries caption={w.entries} entries={value.entries} currency={value.account.currency} />
          <Pages next={value.next} label={words.more} />
        </>
      )}</Answer>
    </Page>
  );
}
