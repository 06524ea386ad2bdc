import type { JobPriority, Writer } from '#kernel';
import { insertJobs, insertKeyed, type NewJobs } from '../store.ts';
import { heap, single } from './wake.ts';

const PRIO: Readonly<Record<JobPriority, number>> = { urgent: 0, usual: 1, bulk: 2 };

/** Writes the section's jobs in its commit: a statement for each mix of priority and kind, which is nearly always one. */
export const jobWriter: Writer = {
  name: 'spine/jobs', rank: 70,
  write(tx, pending) {
    if (!pending.jobs.length) return undefined;
    // The queue runs on the database's clock, whatever the tenant's clock says; a verb speaks in its tenant's time.
    const real = (at: Date): Date => new Date(at.getTime() - tx.tenant.clockOffsetMs);
    const now = real(tx.now);
    const groups = new Map<string, NewJobs>();
    const keys = new Set<string>();
    for (const { by, job } of pending.jobs) {
      const prio = PRIO[job.priority ?? job.type.priority];
      const keyed = job.key !== undefined;
      const group = `${prio} ${job.type.many} ${job.asked === true} ${keyed}`;
      let rows = groups.get(group);
      if (!rows) {
        rows = { prio, many: job.type.many, sentAt: job.asked ? now : null, name: [], key: [], blocked: [], dedupe: [], data: [], trace: [], runAt: [],
          attemptsMax: [], callKey: [] };
        groups.set(group, rows);
      }
      rows.name.push(job.type.name);
      rows.dedupe.push(job.dedupe ?? null);
      rows.data.push(JSON.stringify(job.type.data.parse(job.data)));
      rows.trace.push(by.trace);
      rows.runAt.push(real(job.runAt ?? tx.now));
      rows.attemptsMax.push(job.type.attemptsMax);
      rows.callKey.push(job.callKey ?? tx.uuid());
      if (job.key === undefined) continue;
      const name = `${job.type.name} ${job.key}`;
      rows.key.push(job.key);
      rows.blocked.push(keys.has(name));
      keys.add(name);
    }
    for (const many of new Set(pending.jobs.map(({ job }) => job.type.many))) tx.afterCommit(() => (many ? heap : single).wake(tx));
    return () => Promise.all([...groups.values()].map((g) => (g.key.length ? insertKeyed : insertJobs)(tx.sql, tx.tenant.id, now, g)));
  },
};
