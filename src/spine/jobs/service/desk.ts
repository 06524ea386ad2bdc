import type { z } from 'zod';
import { done, Manifests, realNow, refuse, type Outcome, type Tx } from '#kernel';
import { DEAD_PAGE_MAX, jobUnknown, type zDeadDecided, type zDeadOut, type zDeadQuery, type zJobsOut, type zOfDead } from '../contract.ts';
import { deadJobs, dropJob, queues, reviveJob, schedulesOf, type DeadRow } from '../store.ts';
import { wakeHere } from './wake.ts';

type Out<S extends z.ZodType> = Promise<Outcome<z.output<S>>>;

export async function overview(tx: Tx): Out<typeof zJobsOut> {
  const modules = tx.use(Manifests);
  const docs = new Map(modules.flatMap((m) => [...m.handlers ?? [], ...m.calls ?? [], ...(m.sagas ?? []).flatMap((s) => s.calls)]).map((h) =>
    [h.job.name, h.job.doc]));
  const schedules = new Map(modules.flatMap((m) => m.schedules ?? []).map((s) => [s.name, s.doc]));
  return done({
    queues: (await queues(tx.sql, tx.tenant.id, realNow(tx))).map(({ oldest_at: oldestAt, ...q }) => ({ ...q, doc: docs.get(q.name) ?? null, oldestAt })),
    schedules: (await schedulesOf(tx.sql, tx.tenant.id)).map((s) => ({ name: s.name, doc: schedules.get(s.name) ?? null, cron: s.cron, zone: s.zone,
      nextAt: s.next_at,
      lastAt: s.last_at })),
  });
}

export async function dead(tx: Tx, { query: q = {} }: z.output<typeof zDeadQuery>): Out<typeof zDeadOut> {
  const rows = await deadJobs(tx.sql, tx.tenant.id, q.cursor === undefined ? null : BigInt(q.cursor), DEAD_PAGE_MAX + 1);
  const page = rows.slice(0, DEAD_PAGE_MAX);
  return done({
    jobs: page.map((r) => ({ job: r.id.toString(), name: r.name, key: r.key, data: r.data, attempts: r.attempts, error: r.last_error, trace: r.trace,
      createdAt: r.created_at, deadAt: r.dead_at })),
    next: rows.length > page.length ? (page.at(-1) as DeadRow).id.toString() : null,
  });
}

const decide = (what: 'retried' | 'dropped', work: (tx: Tx, id: bigint) => Promise<{ name: string }[]>) =>
  async (tx: Tx, { params }: z.output<typeof zOfDead>): Out<typeof zDeadDecided> => {
    const [found] = await work(tx, BigInt(params.job));
    if (!found) return refuse(jobUnknown);
    tx.audit({ action: `jobs.${what}`, result: 'done', resource: `job ${params.job}`, detail: { name: found.name } });
    tx.afterCommit(() => wakeHere(tx));
    return done({ job: params.job });
  };
/** A dead letter begins its tries anew; a call among them inquires first where it may have been sent. */
export const retry = decide('retried', (tx, id) => reviveJob(tx.sql, tx.tenant.id, id, realNow(tx)));
/** A dead letter is let go: what it was to do is not done. */
export const drop = decide('dropped', (tx, id) => dropJob(tx.sql, tx.tenant.id, id));
