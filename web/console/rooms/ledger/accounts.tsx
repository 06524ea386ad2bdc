import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, fill, pick, words } from '../../parts/client.ts';
import { Pages } from '../../parts/filters.tsx';
import { Id } from '../../parts/ids.tsx';
import { amountText } from '../../parts/money.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { useLinks } from './parts.tsx';

const LIVE_MS = 10_000;
type Kind = keyof typeof words.ledger.kinds;

/** The accounts of one code. */
function OfCode({ code }: { code: string }): ReactNode {
  const [search] = useSearchText();
  const w = words.ledger;
  const links = useLinks();
  const query = { code, ...pick(search, 'cursor', 'currency') };
  const found = useQuery({ queryKey: ['accounts', query], queryFn: ({ signal }) => client.getLedgerAccounts({ query }, { signal }) });
  return (
    <Answer query={found}>{(value) => (
      <>
        <Table caption={fill(w.accountsOf, { code })} empty={w.noAccounts} rows={value.accounts} keyOf={(a) => a.account} columns={[
          { name: w.account, cell: (a) => links.account(a.account), text: (a) => a.account }, { name: w.currency, cell: (a) => a.currency },
          { name: w.state, cell: (a) => (a.frozen ? w.frozen : w.states[a.state as keyof typeof w.states] ?? a.state) },
          { name: w.holder, cell: (a) => (a.holder === null ? w.nobody : <Id id={a.holder} />), text: (a) => a.holder ?? w.nobody },
          { name: w.posted, cell: (a) => amountText(a.posted, a.currency), number: true }, { name: w.available, cell: (a) => amountText(a.available, a.currency), number: true },
        ]} />
        <Pages next={value.next} label={words.next} />
      </>
    )}</Answer>
  );
}

/** The chart as a tree: kinds, below them codes with the sum of their accounts, below them the accounts. */
export function Accounts(): ReactNode {
  const [search] = useSearchText();
  const w = words.ledger;
  const trial = useQuery({ queryKey: ['trial', ''], queryFn: ({ signal }) => client.getLedgerTrialBalance({}, { signal }), refetchInterval: LIVE_MS });
  return (
    <Page title={words.rooms.accounts.name} asOf={trial.data?.asOf}>
      <Answer query={trial}>{({ lines }) => (lines.length === 0 ? <p className="quiet">{w.noAccounts}</p> : (
        <ul className="tree">
          {[...Map.groupBy(lines, (l) => l.kind)].map(([kind, codes]) => (
            <li key={kind}>
              <span className="kind">{w.kinds[kind as Kind] ?? kind}</span>
              <ul>{codes.map((l) => (
                <li key={`${l.code} ${l.currency}`}>
                  <Link to="/accounts" search={{ code: l.code, currency: l.currency } as never} aria-current={search.code === l.code && search.currency === l.currency ? 'true' : undefined}>{l.code}</Link>
                  <span className="quiet">{`${w.accounts}: ${l.accounts.toLocaleString('en-IN')}`}</span>
                  <span className="number">{amountText(l.balance, l.currency)}</span>
                </li>
              ))}</ul>
            </li>
          ))}
        </ul>
      ))}</Answer>
      {search.code !== undefined && <OfCode code={search.code} />}
    </Page>
  );
}
