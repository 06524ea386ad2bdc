import { Cron } from 'croner';
import { civilDateIn, perform, productOf, type Module, type Origin, type Schedule, type TenantRef, type Tx, type Worker } from '#kernel';
import { MISSED_MAX, SCHEDULE_EVERY_MS } from '../contract.ts';
import { moveSchedule, saveSchedule, schedulesOf, type ScheduleRow } from '../store.ts';

/** The first time of a pattern behind an instant. Throws for a pattern that has none. */
export function nextTime(cron: string, zone: string, after: Date): Date {
  const next = new Cron(cron, { timezone: zone, mode: '5-part' }).nextRun(after);
  if (!next) throw new RangeError(`no time fits the pattern ${cron}`);
  return next;
}

/** The schedules that a tenant has: those of the spine and platform, and of the products that it has turned on. */
const schedulesFor = (modules: readonly Module[], tenant: TenantRef): Schedule[] => modules.filter((m) => {
  const product = productOf(m);
  return product === undefined || tenant.products.includes(product);
}).flatMap((m) => m.schedules ?? []);

/** Makes the job of a time that has come, in the commit that moves the schedule on: of two processes one finds the row unmoved. */
async function fire(tx: Tx, s: Schedule, row: ScheduleRow): Promise<Date | undefined> {
  const after = s.missed === 'each' ? row.next_at : tx.now;
  const next = nextTime(row.cron, row.zone, after);
  if (!(await moveSchedule(tx.sql, tx.tenant.id, row.name, row.next_at, next)).length) return undefined;
  // Where each time counts, they follow each other.
  tx.later(s.job, s.data({ at: row.next_at, on: civilDateIn(row.zone, row.next_at) }), s.missed === 'each' ? { key: s.name } : {});
  return next;
}

/** Looks once at the schedules of a tenant. */
async function look(tx: Tx, schedules: readonly Schedule[]): Promise<void> {
  const known = new Map((await schedulesOf(tx.sql, tx.tenant.id)).map((r) => [r.name, r]));
  for (const s of schedules) {
    const zone = s.zone ?? tx.tenant.zone;
    const row = known.get(s.name);
    if (row?.cron !== s.cron || row.zone !== zone) {
      await saveSchedule(tx.sql, tx.tenant.id, { name: s.name, cron: s.cron, zone, next_at: nextTime(s.cron, zone, tx.now) });
      continue;
    }
    let next: Date | undefined = row.next_at;
    for (let n = 0; next && next <= tx.now && n < MISSED_MAX; n++) next = await fire(tx, s, { ...row, next_at: next });
  }
}

/** Fires what is due, by each tenant's own clock. */
export const scheduler: Worker = {
  name: 'jobs.scheduler', role: 'worker',
  async run(w) {
    const by: Origin = { actor: { kind: 'system', name: 'jobs.scheduler' }, trace: '0'.repeat(32) };
    while (!w.signal.aborted) {
      for (const tenant of w.tenants()) {
        const schedules = schedulesFor(w.modules, tenant);
        if (schedules.length) await perform(w.cell, tenant, by, (tx) => look(tx, schedules));
      }
      await w.clock.sleep(SCHEDULE_EVERY_MS, w.signal);
    }
  },
};
