import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, fill, pick, words, type Search } from '../../parts/client.ts';
import { Filters, Pages } from '../../parts/filters.tsx';
import { FactLink } from '../../parts/ids.tsx';
import { Answer, Page, purposeOf } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { instantOf, tookText, When, whenText } from '../../parts/time.tsx';

const w = words.audit;
type Found = Awaited<ReturnType<typeof client.getAuditFacts>>['facts'][number];

function queryOf(search: Search): Record<string, string> {
  const from = instantOf(search.from).at, to = instantOf(search.to).at;
  return { ...pick(search, 'subject', 'actor', 'action', 'resource', 'result', 'trace', 'cursor'), ...purposeOf(search), ...(from ? { from } : {}), ...(to ? { to } : {}) };
}

const deviceText = (device: Found['device']): string => (device === null ? words.none
  : device.state === 'open' ? [device.address, device.agent].filter(Boolean).join(', ') : w.device[device.state]);

/** A browser's name takes lines of a table, and is looked for in few of them. */
const Device = ({ device }: { device: Found['device'] }): ReactNode => (device?.state === 'open' && device.agent
  ? <details className="wrap"><summary>{device.address ?? words.none}</summary>{device.agent}</details> : deviceText(device));

const detailText = (detail: Readonly<Record<string, string | number | boolean | null>>): string =>
  Object.entries(detail).map(([name, value]) => `${name} ${value ?? words.none}`).join(', ');

/** Facts, newest first. Each search is one itself, so nothing is asked again by itself. */
export function AuditSearch(): ReactNode {
  const [search] = useSearchText();
  const facts = useQuery({
    queryKey: ['facts', search], queryFn: ({ signal }) => client.getAuditFacts({ query: queryOf(search) }, { signal }),
    staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false,
  });
  return (
    <Page title={words.rooms.audit.name} asOf={facts.dataUpdatedAt || undefined}>
      <Filters keep={['purpose']} filters={[
        { name: 'subject', label: w.subject }, { name: 'actor', label: w.actor }, { name: 'action', label: w.action }, { name: 'resource', label: w.on },
        { name: 'result', label: w.result, options: w.results }, { name: 'trace', label: w.trace },
        { name: 'from', label: w.from, type: 'datetime-local' }, { name: 'to', label: w.to, type: 'datetime-local' },
      ]} />
      <Answer query={facts}>{(value) => (
        <>
          <Table caption={w.found} empty={w.empty} rows={value.facts} keyOf={(f) => f.id} columns={[
            { name: w.at, cell: (f) => <Link to="/audit" search={{ trace: f.trace } as never}><When at={f.at} /></Link>, text: (f) => whenText(f.at) },
            { name: w.who, cell: (f) => <>{f.actorKind} {f.actor !== null && <FactLink as="actor" id={f.actor} />}</>, text: (f) => `${f.actorKind} ${f.actor ?? ''}` }, { name: w.what, cell: (f) => f.action },
            { name: w.result, cell: (f) => `${w.results[f.result as keyof typeof w.results] ?? f.result} ${f.problem ?? ''}` },
            { name: w.about, cell: (f) => <FactLink as="subject" id={f.subject} />, text: (f) => f.subject ?? '' },
            { name: w.on, cell: (f) => <span className="wrap">{f.resource ?? words.none}</span>, text: (f) => f.resource ?? '' },
            // Only a look at a person opens what device it was done by.
            ...(value.facts.some((f) => f.device) ? [{ name: w.device.name, cell: (f: Found) => <Device device={f.device} />,
              text: (f: Found) => deviceText(f.device) }] : []),
            { name: w.took, cell: (f) => tookText(f.latencyUs), number: true },
            { name: w.detail, cell: (f) => <span className="wrap">{detailText(f.detail)}</span>, text: (f) => detailText(f.detail) },
          ]} />
          {value.next !== null && value.lookedTo !== null && <p className="quiet">{fill(w.lookedTo, { time: whenText(value.lookedTo) })}</p>}
          <Pages next={value.next} label={words.more} />
        </>
      )}</Answer>
    </Page>
  );
}
