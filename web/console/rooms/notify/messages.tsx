import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useParams } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, pick, Refused, words } from '../../parts/client.ts';
import { Filters, Pages } from '../../parts/filters.tsx';
import { FactLink, shortId } from '../../parts/ids.tsx';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Facts, Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { w } from './parts.ts';

type Message = Awaited<ReturnType<typeof client.getNotificationsOfficeMessages>>['messages'][number];
const LIVE_MS = 5_000;
const COUNTED_MAX = 1000;
const why = (m: Pick<Message, 'reason'>): string => (m.reason === null ? words.none : w.reasons[m.reason]);

function Providers(): ReactNode {
  const providers = useQuery({ queryKey: ['providers'], queryFn: ({ signal }) => client.getNotificationsOfficeProviders({}, { signal }), refetchInterval: LIVE_MS });
  return (
    <Answer query={providers}>{(value) => (
      <Table caption={w.providers} empty={w.noProviders} rows={value.providers} keyOf={(p) => `${p.channel} ${p.name}`} columns={[
        { name: w.channel, cell: (p) => w.channels[p.channel] }, { name: w.provider, cell: (p) => p.name }, { name: w.points, cell: (p) => p.points, number: true },
        { name: w.sent, cell: (p) => p.sent, number: true }, { name: w.failed, cell: (p) => p.failed, number: true },
        { name: w.lastFailed, cell: (p) => (p.lastFailedAt ? <When at={p.lastFailedAt} /> : words.none), text: (p) => (p.lastFailedAt ? whenText(p.lastFailedAt) : '') },
      ]} />
    )}</Answer>
  );
}

export function Messages(): ReactNode {
  const [search] = useSearchText();
  const query = pick(search, 'state', 'person', 'cursor');
  const list = useQuery({
    queryKey: ['messages', query], queryFn: ({ signal }) => client.getNotificationsOfficeMessages({ query: query as { state?: Message['state'] } }, { signal }), refetchInterval: LIVE_MS,
  });
  return (
    <Page title={words.rooms.messages.name} asOf={list.dataUpdatedAt || undefined}>
      <Filters filters={[{ name: 'state', label: w.state, options: w.states }, { name: 'person', label: w.person, hint: w.personHint }]} />
      <Answer query={list}>{(value) => (
        <>
          <Table caption={w.list} empty={w.empty} rows={value.messages} keyOf={(m) => m.message} columns={[
            { name: w.at, cell: (m) => <Link to="/messages/$message" params={{ message: m.message }}><When at={m.at} /></Link>, text: (m) => whenText(m.at) },
            { name: w.kind, cell: (m) => m.kind }, { name: w.channel, cell: (m) => w.channels[m.channel] }, { name: w.state, cell: (m) => w.states[m.state] },
            { name: w.why, cell: why }, { name: w.attempts, cell: (m) => m.attempts, number: true }, { name: w.provider, cell: (m) => m.provider ?? words.none },
            { name: w.person, cell: (m) => <FactLink as="subject" id={m.person} />, text: (m) => m.person },
          ]} />
          <Pages next={value.next} label={words.next} />
          <Table caption={w.counts} empty={w.empty} rows={value.counts.filter((c) => c.count > 0)} keyOf={(c) => c.state} columns={[
            { name: w.state, cell: (c) => w.states[c.state] }, { name: w.count, cell: (c) => (c.count >= COUNTED_MAX ? w.many : c.count), number: true },
          ]} />
        </>
      )}</Answer>
      <Providers />
    </Page>
  );
}

/** Tries a dead message again; one key for one look at it, so that a double click is one try. */
function Replay({ message }: { message: string }): ReactNode {
  const queries = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  const replay = useMutation({ mutationFn: () => client.postNotificationsOfficeMessagesMessageReplay({ params: { message } }, { key }),
    onSettled: () => Promise.all([['message', message], ['messages']].map((queryKey) => queries.invalidateQueries({ queryKey }))) });
  return (
    <section>
      <p className="quiet">{w.replayText}</p>
      <p><button type="button" className="main" disabled={replay.isPending || replay.isSuccess} onClick={() => replay.mutate()}>{w.replay}</button></p>
      <p role="status">{replay.isSuccess && w.replayed}{replay.error && (replay.error instanceof Refused ? replay.error.problem.title : words.states.away)}</p>
    </section>
  );
}

export function OneMessage(): ReactNode {
  const { message = '' } = useParams({ strict: false });
  const shown = useQuery({ queryKey: ['message', message], queryFn: ({ signal }) => client.getNotificationsOfficeMessagesMessage({ params: { message } }, { signal }),
    // A second look would be a second fact.
    staleTime: Number.POSITIVE_INFINITY, refetchOnWindowFocus: false, refetchOnReconnect: false });
  const at = (instant: string | null): ReactNode => (instant ? <When at={instant} /> : words.none);
  return (
    <Page title={fill(w.one, { id: shortId(message) })}>
      <p><Link to="/messages">{w.toList}</Link></p>
      <Answer query={shown}>{(m) => (
        <>
          <Facts rows={[
            [w.state, w.states[m.state]], [w.why, why(m)], [w.kind, m.kind], [w.channel, w.channels[m.channel]], [w.lane, w.lanes[m.lane]],
            [w.person, <FactLink key="person" as="subject" id={m.person} />], [w.provider, m.provider ?? words.none], [w.at, at(m.at)], [w.notBefore, at(m.notBefore)],
            [w.sentAt, at(m.sentAt)], [m.state === 'delivered' || m.state === 'opened' ? w.states[m.state] : w.doneAt, at(m.doneAt)], [w.expires, at(m.expiresAt)],
            [w.trace, <Link key="trace" to="/audit" search={{ trace: m.trace } as never}><code>{shortId(m.trace)}</code></Link>],
          ]} />
          <Table caption={w.tries} empty={w.noTries} rows={m.tries} keyOf={(t) => String(t.no)} columns={[
            { name: w.no, cell: (t) => t.no, number: true }, { name: w.at, cell: (t) => <When at={t.at} />, text: (t) => whenText(t.at) },
            { name: w.provider, cell: (t) => t.provider ?? words.none }, { name: w.result, cell: (t) => t.result ?? w.unknown },
          ]} />
          {(m.state === 'dead' || m.state === 'refused') && <Replay message={message} />}
        </>
      )}</Answer>
    </Page>
  );
}
