import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { client, fill, Refused, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { LIVE_MS, spine } from './parts.ts';

const w = spine.subscribers;
type Asked = { subscriber: string; key: string; decision: 'release' | 'skip' };

function Parked(): ReactNode {
  const queries = useQueryClient();
  const found = useQuery({ queryKey: ['parked'], queryFn: ({ signal }) => client.getEventsParked({}, { signal }), refetchInterval: LIVE_MS });
  const decide = useMutation({
    mutationFn: (params: Asked) => client.postEventsParkedSubscriberKeyDecision({ params }, { key: crypto.randomUUID() }),
    onSettled: () => Promise.all([['parked'], ['subscribers']].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
  return (
    <Answer query={found}>{({ keys }) => (
      <>
        <Table caption={w.parkedList} empty={w.parkedEmpty} rows={keys} keyOf={(k) => `${k.subscriber} ${k.key}`} columns={[
          { name: w.name, cell: (k) => k.subscriber }, { name: w.key, cell: (k) => <code className="wrap">{k.key}</code>, text: (k) => k.key },
          { name: w.topics, cell: (k) => k.topic }, { name: w.events, cell: (k) => k.events, number: true }, { name: w.error, cell: (k) => k.error },
          { name: w.since, cell: (k) => <When at={k.at} />, text: (k) => whenText(k.at) },
          { name: w.state, cell: (k) => (k.released ? w.released : (
            <span className="actions">
              <button type="button" className="second" disabled={decide.isPending} onClick={() => decide.mutate({ subscriber: k.subscriber, key: k.key, decision: 'release' })}>{w.release}</button>
              <button type="button" className="link" disabled={decide.isPending} onClick={() => decide.mutate({ subscriber: k.subscriber, key: k.key, decision: 'skip' })}>{w.skip}</button>
            </span>
          )), text: (k) => (k.released ? w.released : w.waits) },
        ]} />
        {keys.length > 0 && <p className="quiet">{w.text}</p>}
        <p role="status">
          {decide.data && decide.variables && fill(w.said[decide.variables.decision], { key: decide.variables.key })}
          {decide.error && (decide.error instanceof Refused ? decide.error.problem.title : words.states.away)}
        </p>
      </>
    )}</Answer>
  );
}

/** Who follows the log, how far behind, and what was set aside. */
export function Subscribers(): ReactNode {
  const found = useQuery({ queryKey: ['subscribers'], queryFn: ({ signal }) => client.getEventsSubscribers({}, { signal }), refetchInterval: LIVE_MS });
  return (
    <Page title={words.rooms.subscribers.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ subscribers }) => (
        <Table caption={w.list} empty={w.empty} rows={subscribers} keyOf={(s) => s.name} columns={[
          { name: w.name, cell: (s) => s.name }, { name: w.topics, cell: (s) => <span className="wrap">{s.topics.join(', ')}</span>, text: (s) => s.topics.join(' ') },
          { name: w.lag, cell: (s) => { const lag = Math.max(...s.parts.map((p) => p.lag)); return lag ? fill(w.behind, { n: lag }) : w.none; } },
          { name: w.held, cell: (s) => `${s.parts.filter((p) => p.held).length} / ${s.parts.length}`, number: true }, { name: w.parked, cell: (s) => s.parked, number: true },
          { name: w.failing, cell: (s) => s.parts.filter((p) => p.failures > 0).map((p) => p.error).join(', ') || words.none },
        ]} />
      )}</Answer>
      <Parked />
    </Page>
  );
}
