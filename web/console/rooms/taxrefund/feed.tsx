import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, fill, pick, words } from '../../parts/client.ts';
import { Filters } from '../../parts/filters.tsx';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { duration, When, whenText } from '../../parts/time.tsx';

const LIVE_MS = 10_000;

export function Feed(): ReactNode {
  const [search] = useSearchText();
  const w = words.feed;
  const health = useQuery({
    queryKey: ['feed', search.hours], queryFn: ({ signal }) => client.getTaxRefundsFeedHealth({ query: pick(search, 'hours') }, { signal }), refetchInterval: LIVE_MS,
  });
  return (
    <Page title={words.rooms.feed.name} asOf={health.data?.asOf}>
      <Filters filters={[{ name: 'hours', label: w.hours, options: { 1: '1', 24: '24', 72: '72', 168: '168' } }]} />
      <Answer query={health}>{(value) => (
        <>
          <Table caption={fill(w.sources, { hours: value.hours })} empty={w.empty} rows={value.sources} keyOf={(s) => s.source} columns={[
            { name: w.source, cell: (s) => s.source },
            { name: w.events, cell: (s) => s.events.toLocaleString('en-IN'), text: (s) => String(s.events), number: true },
            { name: w.last, cell: (s) => <When at={s.lastReceivedAt} />, text: (s) => whenText(s.lastReceivedAt) },
            { name: w.silent, cell: (s) => duration(s.silentSeconds), number: true }, { name: w.delay, cell: (s) => duration(s.delaySeconds), number: true },
          ]} />
          {value.cut && <p className="quiet">{w.cut}</p>}
          <Table caption={w.waiting} empty={w.nothing} rows={value.quarantine} keyOf={(q) => q.reason} columns={[
            { name: w.reason, cell: (q) => <Link to="/quarantine" search={{ reason: q.reason } as never}>{words.quarantine.reasons[q.reason]}</Link>, text: (q) => q.reason },
            { name: w.open, cell: (q) => q.open, number: true }, { name: w.oldest, cell: (q) => <When at={q.oldestAt} />, text: (q) => whenText(q.oldestAt) },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}
