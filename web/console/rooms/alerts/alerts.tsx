import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import { useState, type ReactNode } from 'react';
import { client, fill, language, pick, Refused, words } from '../../parts/client.ts';
import { Filters, Pages } from '../../parts/filters.tsx';
import { FactLink, shortId } from '../../parts/ids.tsx';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { en, type AlertWords } from '../../words/alerts/en.ts';
import { hi } from '../../words/alerts/hi.ts';

const w: AlertWords = language === 'hi' ? hi : en;
const LIVE_MS = 5_000;
type Alert = Awaited<ReturnType<typeof client.getAlerts>>['alerts'][number];
const nameOf = (a: Alert): string => w.topics[a.topic as keyof AlertWords['topics']] ?? a.doc ?? a.topic;

/** The room in which something can be done about it; the log where there is none. */
function Where({ alert }: { alert: Alert }): ReactNode {
  const data = JSON.parse(alert.data) as Readonly<Record<string, string>>;
  if (alert.topic === 'webhooks.endpoint-disabled') return <Link to="/webhooks/$endpoint" params={{ endpoint: data.endpoint ?? '' }}>{nameOf(alert)}</Link>;
  if (alert.topic === 'webhooks.delivery-dead') return <Link to="/webhooks/deliveries/$delivery" params={{ delivery: data.delivery ?? '' }}>{nameOf(alert)}</Link>;
  if (alert.topic === 'notify.dead') return <Link to="/messages/$message" params={{ message: `msg_${data.message ?? ''}` }}>{nameOf(alert)}</Link>;
  if (alert.topic === 'saga.stuck') return <Link to="/sagas/$saga" params={{ saga: data.saga ?? '' }}>{nameOf(alert)}</Link>;
  if (alert.topic === 'jobs.dead') return <Link to="/jobs">{nameOf(alert)}</Link>;
  if (alert.topic === 'wallet.hit-found') return <Link to="/kyc">{nameOf(alert)}</Link>;
  return <Link to="/events" search={{ key: alert.key } as never}>{nameOf(alert)}</Link>;
}

/** One key for one look at it, so that a double click closes it once. */
function Close({ alert, said }: { alert: Alert; said: (text: string) => void }): ReactNode {
  const queries = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  const close = useMutation({
    mutationFn: () => client.postAlertsAlertClose({ params: { alert: alert.alert } }, { key }),
    onError: (error) => said(error instanceof Refused ? fill(w.failed, { title: error.problem.title }) : words.states.away),
    onSettled: () => queries.invalidateQueries({ queryKey: ['alerts'] }),
  });
  return <button type="button" className="second" disabled={close.isPending} onClick={() => close.mutate()}>{close.isPending ? w.closing : w.close}</button>;
}

/** What needs a person of this office. */
export function Alerts(): ReactNode {
  const [search] = useSearchText();
  const [said, setSaid] = useState('');
  const query = { state: 'open' as const, ...pick(search, 'state', 'cursor') as { state?: 'open' | 'closed'; cursor?: Alert['alert'] } };
  const found = useQuery({ queryKey: ['alerts', query], queryFn: ({ signal }) => client.getAlerts({ query }, { signal }), refetchInterval: LIVE_MS });
  const closed = query.state === 'closed';
  return (
    <Page title={words.rooms.alerts.name} asOf={found.dataUpdatedAt || undefined}>
      <Filters filters={[{ name: 'state', label: w.state, options: { closed: w.states.closed }, unset: w.states.open }]} />
      <p role="status">{said}</p>
      <Answer query={found}>{({ alerts, next }) => (
        <>
          <Table caption={w.list} empty={closed ? w.noneOf : w.empty} rows={alerts} keyOf={(a) => a.alert} columns={[
            { name: w.what, cell: (a) => <Where alert={a} />, text: nameOf },
            { name: w.about, cell: (a) => <code title={a.key}>{shortId(a.key)}</code>, text: (a) => a.key },
            { name: w.last, cell: (a) => <When at={a.lastAt} />, text: (a) => whenText(a.lastAt) },
            { name: w.times, cell: (a) => a.times, number: true },
            { name: w.request, cell: (a) => (/^0+$/.test(a.trace) ? words.none : <Link to="/events" search={{ trace: a.trace } as never}><code>{shortId(a.trace)}</code></Link>), text: (a) => a.trace },
            ...(closed ? [
              { name: w.closedAt, cell: (a: Alert) => (a.closedAt ? <When at={a.closedAt} /> : words.none), text: (a: Alert) => (a.closedAt ? whenText(a.closedAt) : '') },
              { name: w.closedBy, cell: (a: Alert) => <FactLink as="actor" id={a.closedBy} />, text: (a: Alert) => a.closedBy ?? '' },
            ] : [{ name: w.look, cell: (a: Alert) => <Close alert={a} said={setSaid} />, text: () => '' }]),
          ]} />
          <Pages next={next} label={words.next} />
        </>
      )}</Answer>
    </Page>
  );
}
