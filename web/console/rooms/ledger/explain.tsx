import type { Client } from '@exchequer/sdk';
import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, words } from '../../parts/client.ts';
import { FactLink } from '../../parts/ids.tsx';
import { amountText } from '../../parts/money.ts';
import { Answer, Page, purposeOf } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts, Table } from '../../parts/table.tsx';
import { dayText, instantOf, tookText, When, whenText } from '../../parts/time.tsx';
import { Entries, ONE_LOOK, useLinks } from './parts.tsx';

const w = words.ledger;
type Story = Awaited<ReturnType<Client['getLedgerTransfersTransferExplain']>>;

/** Why a balance is what it is: the balance before, each change, and the balance: it adds up in view. */
export function ExplainBalance(): ReactNode {
  const { account = '' } = useParams({ strict: false });
  const [search] = useSearchText();
  const story = useQuery({
    queryKey: ['explain', account, search], ...ONE_LOOK,
    queryFn: ({ signal }) => client.getLedgerAccountsAccountExplain({ params: { account }, query: { ...purposeOf(search), ...instantOf(search.at) } }, { signal }),
  });
  const links = useLinks();
  return (
    <Page title={w.explainBalance} asOf={story.dataUpdatedAt || undefined}>
      <Answer query={story}>{(value) => (
        <>
          <Facts rows={[
            [w.account, links.account(account)], [w.before, amountText(value.before, value.account.currency)],
            [w.after, <strong key="after">{amountText(value.posted, value.account.currency)}</strong>],
          ]} />
          <Entries caption={w.entries} entries={value.entries} currency={value.account.currency} />
        </>
      )}</Answer>
    </Page>
  );
}

const money = (t: Story['transfer']): string => (t.currency === null ? t.amount : amountText(t.amount, t.currency));

/** A number followed to its request: the transfer, what it hangs together with, who asked, and the facts. */
export function ExplainTransfer(): ReactNode {
  const { transfer = '' } = useParams({ strict: false });
  const [search] = useSearchText();
  const links = useLinks();
  const story = useQuery({
    queryKey: ['transfer', transfer, search.purpose], ...ONE_LOOK,
    queryFn: ({ signal }) => client.getLedgerTransfersTransferExplain({ params: { transfer }, query: purposeOf(search) }, { signal }),
  });
  const or = (id: string | null, link: (id: string) => ReactNode): ReactNode => (id === null ? words.none : link(id));
  return (
    <Page title={`${w.transfer} ${transfer}`}>
      <Answer query={story}>{({ transfer: t, related, trace, facts }) => (
        <>
          <Facts rows={[
            [w.amount, <strong key="amount">{money(t)}</strong>], [w.result, t.result], [w.kind, t.kind], [w.debit, or(t.debit, links.account)], [w.credit, or(t.credit, links.account)],
            [w.at, <When key="at" at={t.at} />], [w.effective, t.effective === null ? words.none : dayText(t.effective)],
          ]} />
          <Table caption={w.story} empty={w.alone} rows={related} keyOf={(r) => r.transfer} columns={[
            { name: w.transfer, cell: (r) => links.transfer(r.transfer), text: (r) => r.transfer }, { name: w.kind, cell: (r) => r.kind },
            { name: w.at, cell: (r) => <When at={r.at} />, text: (r) => whenText(r.at) }, { name: w.amount, cell: money, number: true },
          ]} />
          <h2>{w.request}</h2>
          <Facts rows={[[w.trace, <Link key="trace" to="/audit" search={{ trace } as never}><code>{trace}</code></Link>]]} />
          <Table caption={w.facts} empty={w.noFacts} rows={facts} keyOf={(f) => f.id} columns={[
            { name: words.audit.at, cell: (f) => <When at={f.at} />, text: (f) => whenText(f.at) }, { name: words.audit.who, cell: (f) => <>{f.actorKind} {f.actor !== null && <FactLink as="actor" id={f.actor} />}</>, text: (f) => `${f.actorKind} ${f.actor ?? ''}` },
            { name: words.audit.what, cell: (f) => f.action }, { name: words.audit.result, cell: (f) => f.result }, { name: words.audit.on, cell: (f) => <span className="wrap">{f.resource ?? words.none}</span>, text: (f) => f.resource ?? '' },
            { name: words.audit.took, cell: (f) => tookText(f.latencyUs), number: true },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}
