import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { client, fill, Refused, words } from '../../parts/client.ts';
import { useKeys } from '../../parts/keys.ts';
import { amountText, microText } from '../../parts/money.ts';
import { Answer, Page } from '../../parts/page.tsx';
import { Facts, Table } from '../../parts/table.tsx';
import { dayAfter, dayText, duration, isDay, today, When, whenText } from '../../parts/time.tsx';
import { countText, refusalText, wallet } from './parts.ts';

type Run = Awaited<ReturnType<typeof client.getWalletOfficeEodDay>>;
const w = wallet.eod;
const LIVE_MS = 2_000;

const done = (run: Run): string => fill(w.of, { done: countText(run.done), total: countText(run.total) });
const sums = (run: Run, of: 'interest' | 'fees'): string => run.totals.map((t) => amountText(t[of].amount, t.currency)).join(' · ') || words.none;

/** Starts the run of a day: the one behind the last, where there is one. */
function Start({ last }: { last: Run | undefined }): ReactNode {
  const queries = useQueryClient();
  const navigate = useNavigate();
  const { keyOf, end } = useKeys();
  const start = useMutation({
    mutationFn: (day: string) => client.postWalletOfficeEod({ body: { day } }, { key: keyOf(day) }),
    onSuccess: (run) => {
      queries.setQueryData(['eod', run.day], run);
      void navigate({ to: '/eod/$day', params: { day: run.day } });
    },
    onError: (error) => { if (error instanceof Refused) end(); },
    onSettled: () => queries.invalidateQueries({ queryKey: ['eod'], exact: true }),
  });
  if (last?.state === 'running') {
    return (
      <section>
        <h2>{w.start}</h2>
        <p>{w.under} <Link to="/eod/$day" params={{ day: last.day }}>{fill(w.watch, { day: dayText(last.day) })}</Link></p>
      </section>
    );
  }
  const next = dayAfter(last ? last.day : today(), last ? 1 : -1);
  return (
    <section>
      <h2>{w.start}</h2>
      <p className="quiet">{w.startText}</p>
      <form className="filters" key={next} onSubmit={(event) => {
        event.preventDefault();
        start.mutate((event.currentTarget.elements.namedItem('day') as HTMLInputElement).value);
      }}>
        <div>
          <label htmlFor="eod-day">{w.startDay}</label>
          <input id="eod-day" name="day" type="date" required defaultValue={next} aria-describedby="eod-said" />
        </div>
        <div className="filter-actions"><button type="submit" className="main" disabled={start.isPending || start.isSuccess}>{w.go}</button></div>
      </form>
      <p role="status" id="eod-said">{start.error && refusalText(start.error, w.problems, (value) => (isDay(value) ? dayText(value) : value))}</p>
    </section>
  );
}

export function Runs(): ReactNode {
  const found = useQuery({
    queryKey: ['eod'], queryFn: ({ signal }) => client.getWalletOfficeEod({}, { signal }),
    refetchInterval: (query) => (query.state.data?.runs[0]?.state === 'running' ? LIVE_MS : false),
  });
  return (
    <Page title={words.rooms.eod.name} asOf={found.dataUpdatedAt || undefined}>
      <Answer query={found}>{({ runs }) => (
        <>
          <Start last={runs[0]} />
          <Table caption={w.list} empty={w.empty} rows={runs} keyOf={(r) => r.day} columns={[
            { name: w.day, cell: (r) => <Link to="/eod/$day" params={{ day: r.day }}><time dateTime={r.day}>{dayText(r.day)}</time></Link>, text: (r) => r.day },
            { name: w.state, cell: (r) => w.states[r.state] }, { name: w.accounts, cell: done, number: true },
            { name: w.interest, cell: (r) => sums(r, 'interest'), number: true }, { name: w.fees, cell: (r) => sums(r, 'fees'), number: true },
            { name: w.started, cell: (r) => <When at={r.startedAt} />, text: (r) => whenText(r.startedAt) },
          ]} />
        </>
      )}</Answer>
    </Page>
  );
}

function Shown({ run }: { run: Run }): ReactNode {
  const running = run.state === 'running';
  return (
    <>
      <p role="status">{running ? w.runNow : w.runDone}</p>
      {running && <progress aria-label={w.progress} max={Math.max(run.total, 1)} value={run.done}>{done(run)}</progress>}
      <Facts rows={[
        [w.state, w.states[run.state]], [w.progress, done(run)],
        ...(run.done ? [[w.pace, fill(w.rate, { n: countText(run.accountsPerSecond) })] as const] : []),
        ...(running ? [[w.left, run.secondsLeft === null ? w.noLeft : duration(run.secondsLeft)] as const] : []),
        [w.started, <When key="started" at={run.startedAt} />],
        ...(run.finishedAt ? [[w.finished, <When key="finished" at={run.finishedAt} />] as const] : []),
      ]} />
      <Table caption={w.totals} empty={running ? w.notYet : w.noTotals} rows={run.totals} keyOf={(t) => t.currency} columns={[
        { name: w.currency, cell: (t) => t.currency }, { name: w.accrued, cell: (t) => microText(t.accruedMicro, t.currency), number: true },
        { name: w.interest, cell: (t) => amountText(t.interest.amount, t.currency), number: true },
        { name: w.fees, cell: (t) => amountText(t.fees.amount, t.currency), number: true }, { name: w.putOff, cell: (t) => countText(t.putOff), number: true },
      ]} />
      {run.totals.length > 0 && <p className="quiet">{w.accruedText}</p>}
    </>
  );
}

export function RunOfDay(): ReactNode {
  const { day = '' } = useParams({ strict: false });
  const run = useQuery({
    queryKey: ['eod', day], queryFn: ({ signal }) => client.getWalletOfficeEodDay({ params: { day } }, { signal }),
    refetchInterval: (query) => (query.state.data?.state === 'running' ? LIVE_MS : false),
  });
  const unknown = run.error instanceof Refused && run.error.code === 'unknown-run';
  return (
    <Page title={fill(w.title, { day: isDay(day) ? dayText(day) : day })} asOf={run.dataUpdatedAt || undefined}>
      <p><Link to="/eod">{w.toList}</Link></p>
      {unknown ? <p>{w.unknown}</p> : <Answer query={run}>{(value) => <Shown run={value} />}</Answer>}
    </Page>
  );
}
