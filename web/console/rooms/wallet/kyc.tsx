import { useQuery } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { base, client, fill, words } from '../../parts/client.ts';
import { Filters } from '../../parts/filters.tsx';
import { FactLink, Id } from '../../parts/ids.tsx';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts, Table } from '../../parts/table.tsx';
import { dayText, When, whenText } from '../../parts/time.tsx';
import { useMe } from '../../shell.tsx';
import { Closings } from './closing.tsx';
import { Decide, type CaseOf, type State } from './decide.tsx';
import { Hits } from './hits.tsx';
import { countText, isMe, wallet } from './parts.ts';

const w = wallet.kyc;
const LIVE_MS = 10_000;
/** What the route gives at most. */
const SHOWN_MAX = 200;
const isState = (text: string | undefined): text is State => text !== undefined && text in w.states;

export function Cases(): ReactNode {
  const me = useMe();
  const [search] = useSearchText();
  const state = isState(search.state) ? search.state : 'open';
  const found = useQuery({
    queryKey: ['kyc', state], queryFn: ({ signal }) => client.getWalletOfficeKyc({ query: { state } }, { signal }), refetchInterval: LIVE_MS,
  });
  const { open: _, ...others } = w.states;
  return (
    <Page title={words.rooms.kyc.name} asOf={found.dataUpdatedAt || undefined}>
      <Filters filters={[{ name: 'state', label: w.state, options: others, unset: w.waiting }]} />
      <Answer query={found}>{({ cases }) => (
        <>
          <Table caption={w.list} empty={state === 'open' ? w.empty : w.emptyOther} rows={cases} keyOf={(c) => c.case} columns={[
            { name: w.opened, cell: (c) => <Link to="/kyc/$case" params={{ case: c.case }}><When at={c.openedAt} /></Link>, text: (c) => whenText(c.openedAt) },
            { name: w.case, cell: (c) => <Id id={c.case} />, text: (c) => c.case }, { name: w.state, cell: (c) => w.states[c.state] },
            { name: w.papers, cell: (c) => countText(c.documents), number: true }, { name: w.approvals, cell: (c) => countText(c.approvals), number: true },
            { name: w.hits, cell: (c) => countText(c.hits), number: true },
          ]} />
          {cases.length >= SHOWN_MAX && <p className="quiet">{fill(w.cut, { n: SHOWN_MAX })}</p>}
        </>
      )}</Answer>
      {me.permissions.includes('wallet:close') && <Closings />}
    </Page>
  );
}

const types = { 'image/jpeg': 'JPEG', 'image/png': 'PNG', 'application/pdf': 'PDF' } as const;

function Papers({ of }: { of: CaseOf }): ReactNode {
  return (
    <>
      <Table caption={w.papers} empty={w.noPapers} rows={of.papers} keyOf={(d) => d.document} columns={[
        { name: w.kind, cell: (d) => w.kinds[d.kind] },
        { name: w.download, text: (d) => d.document, cell: (d) => (d.disposedAt ? <>{w.disposed} <When at={d.disposedAt} /></> :
          <a href={`${base}/wallet/office/documents/${d.document}`}
            aria-label={fill(w.downloadOf, { kind: w.kinds[d.kind], type: types[d.type] })}>{w.download}</a>
        ) },
        { name: w.type, cell: (d) => types[d.type] },
        { name: w.size, cell: (d) => `${countText(Math.ceil(d.bytes / 1000))} kB`, number: true },
        { name: w.sent, cell: (d) => <When at={d.uploadedAt} />, text: (d) => whenText(d.uploadedAt) },
      ]} />
      {of.papers.some((d) => d.disposedAt === null) && <p className="quiet">{w.downloadText}</p>}
    </>
  );
}

function Shown({ of }: { of: CaseOf }): ReactNode {
  const me = useMe();
  return (
    <>
      <Facts rows={[
        [w.state, w.states[of.state]],
        ...(of.reason === null ? [] : [[w.reason, w.reasons[of.reason as keyof typeof w.reasons] ?? of.reason] as const]),
        [w.asked, w.askedText], [w.opened, <When key="opened" at={of.openedAt} />], [w.name, of.name ?? words.none],
        [w.birth, of.dateOfBirth === null ? words.none : dayText(of.dateOfBirth)],
        [w.person, me.permissions.includes('audit:read') ? <FactLink key="person" as="subject" id={of.person} /> : <Id key="person" id={of.person} />],
      ]} />
      <Papers of={of} />
      <Hits of={of} />
      <Table caption={w.votes} empty={w.noVotes} rows={of.votes} keyOf={(v) => v.operator} columns={[
        { name: w.operator, cell: (v) => (isMe(me.operator, v.operator) ? w.you : <Id id={v.operator} />), text: (v) => v.operator },
        { name: w.verdict, cell: (v) => w.verdicts[v.verdict] }, { name: w.at, cell: (v) => <When at={v.at} />, text: (v) => whenText(v.at) },
      ]} />
      <Decide of={of} me={me.operator} />
    </>
  );
}

export function Case(): ReactNode {
  const { case: id = '' } = useParams({ strict: false });
  const shown = useQuery({
    queryKey: ['case', id], queryFn: ({ signal }) => client.getWalletOfficeKycCase({ params: { case: id } }, { signal }),
    // A second look would be a second fact.
    staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false,
  });
  return (
    <Page title={fill(w.title, { id })} asOf={shown.dataUpdatedAt || undefined}>
      <p><Link to="/kyc">{w.toList}</Link></p>
      <Answer query={shown}>{(value) => <Shown key={id} of={value} />}</Answer>
    </Page>
  );
}
