import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, pick, Refused, words } from '../../parts/client.ts';
import { Pages } from '../../parts/filters.tsx';
import { Answer, Page } from '../../parts/page.tsx';
import { useSearchText } from '../../parts/search.ts';
import { Table } from '../../parts/table.tsx';
import { When, whenText } from '../../parts/time.tsx';
import { LIVE_MS, spine } from './parts.ts';

const w = spine.jobs;
const At = ({ at, none }: { at: string | null; none: string }): ReactNode => (at === null ? none : <When at={at} />);

function Dead(): ReactNode {
  const [search] = useSearchText();
  const queries = useQueryClient();
  const query = pick(search, 'cursor');
  const found = useQuery({ queryKey: ['dead', query], queryFn: ({ signal }) => client.getJobsDead({ query }, { signal }), refetchInterval: LIVE_MS });
  const decide = useMutation({
    mutationFn: ({ job, what }: { job: string; what: 'retry' | 'drop' }) => (what === 'retry' ? client.postJobsDeadJobRetry : client.postJobsDeadJobDrop)({ params: { job } },
      { key: crypto.randomUUID() }),
    onSettled: () => Promise.all([['dead'], ['jobs']].map((queryKey) => queries.invalidateQueries({ queryKey }))),
  });
  return (
    <Answer query={found}>{({ jobs, next }) => (
      <>
        <Table caption={w.deadList} empty={w.deadEmpty} rows={jobs} keyOf={(j) => j.job} columns={[
          { name: w.at, cell: (j) => <Link to="/events" search={{ trace: j.trace } as never}><When at={j.deadAt} /></Link>, text: (j) => whenText(j.deadAt) },
          { name: w.name, cell: (j) => j.name }, { name: w.error, cell: (j) => j.error ?? words.none }, { name: w.tries, cell: (j) => j.attempts, number: true },
          { name: w.data, cell: (j) => <span className="wrap">{j.data}</span>, text: (j) => j.data },
          { name: words.open, cell: (j) => (
            <span className="actions">
              <button type="button" className="second" disabled={decide.isPending} onClick={() => decide.mutate({ job: j.job, what: 'retry' })}>{w.retry}</button>
              <button type="button" className="link" disabled={decide.isPending} onClick={() => decide.mutate({ job: j.job, what: 'drop' })}>{w.drop}</button>
            </span>
          ), text: () => '' },
        ]} />
        <Pages next={next} label={words.next} />
        <p role="status">
          {decide.data && decide.variables && w.said[decide.variables.what]}
          {decide.error && (decide.error instanceof Refused ? decide.error.problem.title : words.states.away)}
        </p>
      </>
    )}</Answer>
  );
}

/** What is to be done later, what has used up its tries, and the schedules. */
export function Jobs(): ReactNode {
  const found = useQuery({ queryKey: ['jobs'], queryFn: ({ signal }) => client.getJobs({}, { signal }), refetchInterval: LIVE_MS });
  return (
    <Page title={words.rooms.jobs.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ queues, schedules }) => (
        <>
          <Table caption={w.list} empty={w.empty} rows={queues} keyOf={(q) => q.name} columns={[
            { name: w.name, cell: (q) => <span title={q.doc ?? undefined}>{q.name}</span>, text: (q) => q.name }, { name: w.waiting, cell: (q) => q.waiting, number: true },
            { name: w.running, cell: (q) => q.running, number: true }, { name: w.later, cell: (q) => q.later, number: true }, { name: w.dead, cell: (q) => q.dead, number: true },
            { name: w.oldest, cell: (q) => <At at={q.oldestAt} none={words.none} />, text: (q) => q.oldestAt ?? '' },
          ]} />
          <Dead />
          <Table caption={w.schedules} empty={w.noSchedules} rows={schedules} keyOf={(s) => s.name} columns={[
            { name: w.name, cell: (s) => <span title={s.doc ?? undefined}>{s.name}</span>, text: (s) => s.name }, { name: w.cron, cell: (s) => <code>{s.cron}</code>, text: (s) => s.cron },
            { name: w.zone, cell: (s) => s.zone }, { name: w.next, cell: (s) => <When at={s.nextAt} />, text: (s) => whenText(s.nextAt) },
            { name: w.last, cell: (s) => <At at={s.lastAt} none={w.never} />, text: (s) => s.lastAt ?? w.never },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}
