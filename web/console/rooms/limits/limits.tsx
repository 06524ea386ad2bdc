import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { client, fill, language, locale, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Facts, Table } from '../../parts/table.tsx';
import { en, type LimitWords } from '../../words/limits/en.ts';
import { hi } from '../../words/limits/hi.ts';

const w: LimitWords = language === 'hi' ? hi : en;
const LIVE_MS = 5_000;
const counts = new Intl.NumberFormat(`${locale}-u-nu-latn`);
const count = (n: number): string => counts.format(n);
const known = (names: Readonly<Record<string, string>>, name: string): string => names[name] ?? name;

/** What each limit was asked and refused. */
export function Limits(): ReactNode {
  const found = useQuery({ queryKey: ['limits'], queryFn: ({ signal }) => client.getLimits({}, { signal }), refetchInterval: LIVE_MS });
  return (
    <Page title={words.rooms.limits.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ store, counters, shared }) => (
        <>
          <Facts rows={[[w.store, known(w.stores, store)]]} />
          <Table caption={w.own} empty={w.noCounters} rows={counters} keyOf={(c) => c.name} columns={[
            { name: w.name, cell: (c) => known(w.names, c.name) }, { name: w.asked, cell: (c) => count(c.asked), number: true },
            { name: w.refused, cell: (c) => count(c.refused), number: true }, { name: w.keys, cell: (c) => count(c.keys), number: true },
            { name: w.leased, cell: (c) => count(c.leased), number: true }, { name: w.away, cell: (c) => count(c.away), number: true },
          ]} />
          <Table caption={w.shared} empty={w.noShared} rows={shared} keyOf={(s) => s.name} columns={[
            { name: w.name, cell: (s) => s.name }, { name: w.buckets, cell: (s) => count(s.buckets), number: true },
            { name: w.emptyBuckets, cell: (s) => count(s.empty), number: true },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}

/** What the caches of the process that answers have done. */
export function Caches(): ReactNode {
  const found = useQuery({ queryKey: ['caches'], queryFn: ({ signal }) => client.getCaches({}, { signal }), refetchInterval: LIVE_MS });
  const rate = (hits: number, misses: number): string => (hits + misses ? fill(w.percent, { n: count(Math.round((100 * hits) / (hits + misses))) }) : words.none);
  return (
    <Page title={words.rooms.caches.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ second, caches }) => (
        <>
          <Facts rows={[[w.second, known(w.seconds, second)]]} />
          <Table caption={w.caches} empty={w.noCaches} rows={caches} keyOf={(c) => c.name} columns={[
            { name: w.cache, cell: (c) => <code>{c.name}</code>, text: (c) => c.name }, { name: w.entries, cell: (c) => count(c.entries), number: true },
            { name: w.most, cell: (c) => count(c.entriesMax), number: true }, { name: w.hitRate, cell: (c) => rate(c.hits, c.misses), number: true },
            { name: w.hits, cell: (c) => count(c.hits), number: true }, { name: w.misses, cell: (c) => count(c.misses), number: true },
            { name: w.fenced, cell: (c) => count(c.fenced), number: true }, { name: w.loads, cell: (c) => count(c.loads), number: true },
            { name: w.failed, cell: (c) => count(c.loadsFailed), number: true }, { name: w.stale, cell: (c) => count(c.stale), number: true },
            { name: w.early, cell: (c) => count(c.early), number: true }, { name: w.negative, cell: (c) => count(c.negative), number: true },
            { name: w.fromSecond, cell: (c) => count(c.second), number: true }, { name: w.secondAway, cell: (c) => count(c.secondAway), number: true },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}
