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
import { LIVE_MS, spine } from './parts.ts';

const w = spine.sagas;
type State = keyof typeof w.states;
type Story = Awaited<ReturnType<typeof client.getSagasSaga>>;

export function Sagas(): ReactNode {
  const [search] = useSearchText();
  const query = pick(search, 'state', 'open', 'cursor') as { state?: State; open?: 'yes'; cursor?: string };
  const found = useQuery({ queryKey: ['sagas', query], queryFn: ({ signal }) => client.getSagas({ query }, { signal }), refetchInterval: LIVE_MS });
  return (
    <Page title={words.rooms.sagas.name} asOf={found.dataUpdatedAt || undefined}>
      <Filters filters={[{ name: 'state', label: w.state, options: w.states }, { name: 'open', label: w.show, options: { yes: w.open } }]} />
      <Answer query={found}>{({ sagas, next }) => (
        <>
          <Table caption={w.list} empty={w.empty} rows={sagas} keyOf={(s) => s.saga} columns={[
            { name: w.since, cell: (s) => <Link to="/sagas/$saga" params={{ saga: s.saga }}><When at={s.createdAt} /></Link>, text: (s) => whenText(s.createdAt) },
            { name: w.name, cell: (s) => s.name }, { name: w.key, cell: (s) => <code className="wrap">{s.key}</code>, text: (s) => s.key },
            { name: w.state, cell: (s) => `${w.states[s.state]}${s.overdue ? `, ${w.overdue}` : ''}` }, { name: w.step, cell: (s) => s.step ?? words.none },
            { name: w.owner, cell: (s) => s.owner ?? words.none },
          ]} />
          <Pages next={next} label={words.next} />
        </>
      )}</Answer>
    </Page>
  );
}

/** A person's word; one key for one look at it, so that a double click is one decision. */
function Decide({ story }: { story: Story }): ReactNode {
  const queries = useQueryClient();
  const [key] = useState(() => crypto.randomUUID());
  const { saga } = story.saga;
  const decide = useMutation({
    mutationFn: ({ decision, reason }: { decision: Story['may'][number]; reason: keyof typeof w.reasons }) =>
      client.postSagasSagaDecision({ params: { saga, decision }, body: { reason } }, { key: `${key}-${decision}` }),
    onSettled: () => Promise.all([['saga', saga], ['sagas']].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
  if (!story.may.length && !decide.data && !decide.error) return null;
  return (
    <section>
      {story.may.length > 0 && (
        <form className="card" onSubmit={(event) => {
          event.preventDefault();
          const { submitter } = event.nativeEvent as SubmitEvent;
          const { value } = event.currentTarget.elements.namedItem('reason') as HTMLSelectElement;
          decide.mutate({ decision: (submitter as HTMLButtonElement).value as Story['may'][number], reason: value as keyof typeof w.reasons });
        }}>
          <h2 className="flat">{w.decide}</h2>
          <p>{w.decideText}</p>
          <label htmlFor="reason">{w.reason}</label>
          <select id="reason" name="reason" required defaultValue="">
            <option value="" disabled>{words.none}</option>
            {Object.entries(w.reasons).map(([code, text]) => <option key={code} value={code}>{text}</option>)}
          </select>
          <div className="actions">{story.may.map((d, i) => <button key={d} type="submit" value={d} className={i === 0 ? 'main' : 'second'} disabled={decide.isPending}>{w.decisions[d]}</button>)}</div>
        </form>
      )}
      <p role="status">
        {decide.data && fill(w.said, { state: w.states[decide.data.state] })}
        {decide.error && (decide.error instanceof Refused ? decide.error.problem.title : words.states.away)}
      </p>
    </section>
  );
}

export function Saga(): ReactNode {
  const { saga = '' } = useParams({ strict: false });
  const found = useQuery({ queryKey: ['saga', saga], queryFn: ({ signal }) => client.getSagasSaga({ params: { saga } }, { signal }), refetchInterval: LIVE_MS });
  return (
    <Page title={fill(w.title, { id: shortId(saga) })} asOf={found.dataUpdatedAt || undefined}>
      <p><Link to="/sagas">{w.toList}</Link></p>
      <Answer query={found}>{(story) => (
        <>
          <Facts rows={[
            [w.name, story.saga.name], [w.key, <code key="key">{story.saga.key}</code>], [w.state, <strong key="state">{w.states[story.saga.state]}</strong>],
            [w.step, story.saga.step ?? words.none], [w.owner, story.saga.owner ?? words.none], [w.problem, story.saga.problem ?? words.none], [w.error, story.saga.error ?? words.none],
            [w.deadline, <When key="deadline" at={story.saga.deadlineAt} />],
            [words.ledger.trace, <Link key="trace" to="/events" search={{ trace: story.saga.trace } as never}><code>{shortId(story.saga.trace)}</code></Link>],
          ]} />
          <Decide key={`${story.saga.state} ${story.steps.length}`} story={story} />
          <Table caption={w.steps} empty={w.noSteps} rows={story.steps} keyOf={(s) => String(s.no)} columns={[
            { name: w.no, cell: (s) => s.no, number: true }, { name: w.at, cell: (s) => <When at={s.at} />, text: (s) => whenText(s.at) }, { name: w.step, cell: (s) => s.step },
            { name: w.move, cell: (s) => w.moves[s.move] }, { name: w.result, cell: (s) => `${w.results[s.result as keyof typeof w.results] ?? s.result} ${s.problem ?? ''}` },
            { name: w.by, cell: (s) => <FactLink as="actor" id={s.by} />, text: (s) => s.by ?? '' }, { name: w.reason, cell: (s) => w.reasons[s.reason as keyof typeof w.reasons] ?? words.none },
          ]} />
          <Table caption={w.plan} empty={words.none} rows={story.plan} keyOf={(s) => s.step} columns={[
            { name: w.step, cell: (s) => <span title={s.doc}>{s.step}</span>, text: (s) => s.step }, { name: w.kind, cell: (s) => w.kinds[s.kind as keyof typeof w.kinds] ?? s.kind },
            { name: w.undo, cell: (s) => `${s.undo ? words.yes : words.no}${s.pivot ? `, ${w.pivot}` : ''}` },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}
