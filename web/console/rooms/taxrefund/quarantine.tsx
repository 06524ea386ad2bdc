import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, pick, Refused, words } from '../../parts/client.ts';
import { Filters, Pages } from '../../parts/filters.tsx';
import { Answer, Page, purposeOf } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts, Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';

type Reason = keyof typeof words.quarantine.reasons;
const reasonText = (reason: string): string => words.quarantine.reasons[reason as Reason] ?? reason;
const LIVE_MS = 10_000;

export function Quarantine(): ReactNode {
  const [search] = useSearchText();
  const w = words.quarantine;
  const query = pick(search, 'reason', 'cursor');
  const lines = useQuery({
    queryKey: ['quarantine', query], queryFn: ({ signal }) => client.getTaxRefundsQuarantine({ query: query as { reason?: Reason; cursor?: string } }, { signal }),
    refetchInterval: LIVE_MS,
  });
  return (
    <Page title={words.rooms.quarantine.name} asOf={lines.dataUpdatedAt || undefined}>
      <Filters filters={[{ name: 'reason', label: w.reason, options: w.reasons }]} />
      <Answer query={lines}>{(value) => (
        <>
          <Table caption={w.list} empty={w.empty} rows={value.lines} keyOf={(l) => l.line} columns={[
            { name: w.at, cell: (l) => <Link to="/quarantine/$line" params={{ line: l.line }}><When at={l.at} /></Link>, text: (l) => whenText(l.at) },
            { name: w.reason, cell: (l) => reasonText(l.reason) }, { name: w.feed, cell: (l) => l.feed }, { name: w.no, cell: (l) => l.lineNo, number: true },
          ]} />
          <Pages next={value.next} label={words.next} />
        </>
      )}</Answer>
    </Page>
  );
}

const pretty = (text: string): string => {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // What is not readable is shown as it came: that is why it is here.
    return text;
  }
};

/** Takes the line again; one key for one look at it, so that a double click is one try. */
function Replay({ line, open }: { line: string; open: boolean }): ReactNode {
  const w = words.quarantine;
  const queries = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  const replay = useMutation({ mutationFn: () => client.postTaxRefundsQuarantineLineReplay({ params: { line } }, { key }),
    onSettled: () => Promise.all([['line', line], ['quarantine'], ['feed']].map((queryKey) => queries.invalidateQueries({ queryKey }))) });
  return (
    <section>
      {open && <p className="quiet">{w.replayText}</p>}
      {open && <p><button type="button" className="main" disabled={replay.isPending || replay.isSuccess} onClick={() => replay.mutate()}>{w.replay}</button></p>}
      <p role="status">
        {replay.data && (replay.data.taken ? w.taken : fill(w.back, { reason: reasonText(replay.data.reason ?? '') }))}
        {replay.error && (replay.error instanceof Refused ? replay.error.problem.title : words.states.away)}
      </p>
    </section>
  );
}

export function Line(): ReactNode {
  const { line = '' } = useParams({ strict: false });
  const [search] = useSearchText();
  const w = words.quarantine;
  const shown = useQuery({
    queryKey: ['line', line, search.purpose], queryFn: ({ signal }) => client.getTaxRefundsQuarantineLine({ params: { line }, query: purposeOf(search) }, { signal }),
    // A second look would be a second fact.
    staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false,
  });
  return (
    <Page title={fill(w.line, { id: line })}>
      <p><Link to="/quarantine">{w.toList}</Link></p>
      <Answer query={shown}>{(value) => (
        <>
          <Facts rows={[
            [w.state, { open: w.openState, replayed: w.replayed, dismissed: w.dismissed }[value.state]], [w.reason, reasonText(value.reason)],
            [w.at, <When key="at" at={value.at} />], [w.feed, value.feed], [w.no, value.lineNo],
          ]} />
          <h2>{w.text}</h2>
          <pre tabIndex={0}>{pretty(value.text)}</pre>
          <Replay line={line} open={value.state === 'open'} />
        </>
      )}</Answer>
    </Page>
  );
}
