import { useQuery } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, fill, pick, words } from '../../parts/client.ts';
import { Filters, Pages } from '../../parts/filters.tsx';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { spine } from './parts.ts';

const w = spine.events;
const ONCE = { staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false, retry: false } as const;

/** Facts and events of one request, as one line of time. */
function Story({ trace }: { trace: string }): ReactNode {
  const facts = useQuery({ queryKey: ['facts', 'story', trace], queryFn: ({ signal }) => client.getAuditFacts({ query: { trace } }, { signal }), ...ONCE });
  const events = useQuery({ queryKey: ['events', { trace }], queryFn: ({ signal }) => client.getEvents({ query: { trace } }, { signal }) });
  // Those whose role does not include them see the rest.
  const messages = useQuery({ queryKey: ['messages', { trace }], queryFn: ({ signal }) => client.getNotificationsOfficeMessages({ query: { trace } }, { signal }), ...ONCE });
  const told = (events.data?.events ?? []).map((e) => e.event).slice(0, 20);
  const sent = useQuery({ queryKey: ['deliveries', told], queryFn: ({ signal }) => client.getWebhooksDeliveries({ query: { events: told.join(',') } }, { signal }), enabled: told.length > 0, ...ONCE });
  const rows = [
    ...(facts.data?.facts ?? []).map((f) => ({ id: `f ${f.id}`, at: f.at, kind: 'fact' as const, what: f.action, on: f.resource ?? '', data: Object.entries(f.detail).map(([k, v]) => `${k} ${String(v)}`).join(', ') })),
    ...(events.data?.events ?? []).map((e) => ({ id: `e ${e.pos}`, at: e.at, kind: 'event' as const, what: e.topic, on: e.key, data: e.data })),
    ...(messages.data?.messages ?? []).map((m) => (
      { id: `m ${m.message}`, at: m.at, kind: 'message' as const, what: `${m.kind} · ${m.channel}`, on: m.message, data: [m.state, m.reason, m.provider].filter(Boolean).join(', ') })),
    ...(sent.data?.deliveries ?? []).map((d) => ({ id: `d ${d.delivery}`, at: d.doneAt ?? d.createdAt, kind: 'delivery' as const, what: d.type, on: d.delivery,
      data: [d.status, d.reason, `${d.attempts}×`].filter(Boolean).join(', ') })),
  ].toSorted((a, b) => (a.at === b.at ? 0 : a.at < b.at ? -1 : 1));
  return (
    <>
      <p className="quiet">{w.storyText}</p>
      <Table caption={w.story} empty={w.noStory} rows={rows} keyOf={(r) => r.id} columns={[
        { name: w.at, cell: (r) => <When at={r.at} />, text: (r) => whenText(r.at) }, { name: w.what, cell: (r) => `${w.kinds[r.kind]} ${r.what}` },
        { name: w.on, cell: (r) => (r.kind === 'event' ? <Link to="/events" search={{ key: r.on } as never}><code className="wrap">{r.on}</code></Link>
          : r.kind === 'delivery' ? <Link to="/webhooks/deliveries/$delivery" params={{ delivery: r.on }}><code>{r.on}</code></Link>
          : r.kind === 'message' ? <Link to="/messages/$message" params={{ message: r.on }}><code className="wrap">{r.on}</code></Link> : <span className="wrap">{r.on}</span>), text: (r) => r.on },
        { name: w.data, cell: (r) => <span className="wrap">{r.data}</span>, text: (r) => r.data },
      ]} />
    </>
  );
}

/** The log of this tenant: of an entity, a topic, or all of one request. */
export function Events(): ReactNode {
  const [search] = useSearchText();
  const query = pick(search, 'key', 'topic', 'trace', 'cursor');
  const found = useQuery({ queryKey: ['events', query], queryFn: ({ signal }) => client.getEvents({ query }, { signal }) });
  return (
    <Page title={words.rooms.events.name} asOf={found.dataUpdatedAt || undefined}>
      <Filters filters={[{ name: 'key', label: w.key }, { name: 'topic', label: w.topic }, { name: 'trace', label: w.trace }]} />
      {search.trace !== undefined && /^[0-9a-f]{32}$/.test(search.trace) && <Story trace={search.trace} />}
      <Answer query={found}>{(value) => (
        <>
          <Table caption={w.list} empty={w.empty} rows={value.events} keyOf={(e) => e.pos} columns={[
            { name: w.at, cell: (e) => <Link to="/events" search={{ trace: e.trace } as never}><When at={e.at} /></Link>, text: (e) => whenText(e.at) },
            { name: w.topic, cell: (e) => e.topic },
            { name: w.key, cell: (e) => <Link to="/events" search={{ key: e.key } as never}><code className="wrap">{e.key}</code></Link>, text: (e) => e.key },
            { name: w.data, cell: (e) => <span className="wrap">{e.data}</span>, text: (e) => e.data },
          ]} />
          {value.next !== null && value.lookedTo !== null && <p className="quiet">{fill(w.lookedTo, { time: whenText(value.lookedTo) })}</p>}
          <Pages next={value.next} label={words.more} />
        </>
      )}</Answer>
    </Page>
  );
}
