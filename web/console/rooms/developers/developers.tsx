import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, fill, locale, words } from '../../parts/client.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { duration, whenText } from '../../parts/time.tsx';
import { useMe } from '../../shell.tsx';
import { Catalogue } from './catalogue.tsx';
import { Signature } from './check.tsx';
import { d, refusal } from './parts.tsx';

type Guide = Awaited<ReturnType<typeof client.getWebhooksGuide>>;
const LIVE_MS = 3000;

const Step = ({ no, name, done, text, children }
  : { no: number; name: string; done: boolean; text: string; children: ReactNode }): ReactNode => (
  <li>
    <h3 className="flat">{no}. {name}</h3>
    <p><strong><span aria-hidden="true">{done ? '✓ ' : '○ '}</span>{done ? d.done : d.toDo}</strong></p>
    <p>{text}</p>
    <p>{children}</p>
  </li>
);

/** What there is to do, as far as the tenant has come. */
function Start({ start: s }: { start: Guide['start'] }): ReactNode {
  const me = useMe();
  const queries = useQueryClient();
  const test = useMutation({ mutationFn: (endpoint: string) => client.postWebhooksEndpointsEndpointTest({ params: { endpoint } }),
    onSettled: () => queries.invalidateQueries({ queryKey: ['webhooks', 'guide'] }) });
  const { endpoint } = s;
  const { steps } = d;
  const toIt = (text: string): ReactNode => (endpoint === null ? <span className="quiet">{d.first}</span> : <Link to="/webhooks/$endpoint" params={{ endpoint }}>{text}</Link>);
  return (
    <section>
      <h2>{d.start}</h2>
      <ul className="room-list">
        <Step no={1} name={steps.endpoint.name} done={endpoint !== null} text={endpoint === null ? steps.endpoint.none : fill(steps.endpoint.some, { n: s.endpoints, name: s.description ?? '' })}>
          <Link to="/webhooks">{endpoint === null ? steps.endpoint.go : steps.endpoint.open}</Link>
        </Step>
        <Step no={2} name={steps.test.name} done={s.tested} text={s.tested ? steps.test.some : steps.test.none}>
          {endpoint !== null && me.permissions.includes('webhooks:manage')
            ? <button type="button" className="second" disabled={test.isPending} onClick={() => test.mutate(endpoint)}>{steps.test.go}</button> : toIt(steps.events.go)}
        </Step>
        <Step no={3} name={steps.answer.name} done={s.answeredAt !== null} text={s.answeredAt === null ? steps.answer.none : fill(steps.answer.some, { time: whenText(s.answeredAt) })}>
          {toIt(steps.answer.go)}
        </Step>
        <Step no={4} name={steps.events.name} done={s.wanted > 0} text={s.wanted > 0 ? fill(steps.events.some, { filters: s.filters.join(' '), n: s.wanted, all: s.offered }) : endpoint === null ? steps.events.before : steps.events.none}>
          {toIt(steps.events.go)}
        </Step>
      </ul>
      <p role="status">{refusal(test.error) ?? (test.isSuccess ? d.testSaid : undefined)}</p>
    </section>
  );
}

function Rules({ rules: r }: { rules: Guide['rules'] }): ReactNode {
  const { list } = d;
  const lines = [
    fill(list.answer, { seconds: r.timeoutSeconds }), fill(list.ladder, { ladder: r.ladderSeconds.map(duration).join(', '), percent: r.jitterPercent, tries: r.ladderSeconds.length + 1 }),
    list.gone, fill(list.disabled, { breaker: r.breakerAfter, failures: r.disableFailures, days: r.disableDays }), list.once, list.order, fill(list.size, { kib: r.payloadKib }),
    fill(list.kept, { days: r.keptDays, replay: new Intl.NumberFormat(locale).format(r.replayMax) }), fill(list.secret, { hours: r.graceHours }),
  ];
  return <section><h2>{d.rules}</h2><ul>{lines.map((line) => <li key={line}>{line}</li>)}</ul></section>;
}

/** All that somebody needs who receives events and has never seen this program. */
export function Developers(): ReactNode {
  const found = useQuery({ queryKey: ['webhooks', 'guide'], queryFn: ({ signal }) => client.getWebhooksGuide({}, { signal }), refetchInterval: LIVE_MS });
  return (
    <Page title={words.rooms.developers.name} asOf={found.dataUpdatedAt || undefined}>
      <p className="lead">{d.lead}</p>
      <Answer query={found}>{({ start }) => <Start start={start} />}</Answer>
      <Catalogue />
      {found.data && <Signature days={found.data.rules.keptDays} tolerance={found.data.rules.toleranceSeconds} />}
      {found.data && <Rules rules={found.data.rules} />}
    </Page>
  );
}
