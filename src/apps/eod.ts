import { addDays, isCivilDate, perform, systemClock, type CivilDate, type Origin } from '#kernel';
import { eodBatch, showEod, startEod, type EodRun } from '#products/wallet';
import type { TenantRecord } from '#spine/tenancy';
import { textOf, UsageFault } from './args.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';
import type { Cell } from './runtime.ts';

const TOLD_EVERY_MS = 1000;
const USAGE = 'exchequer eod --tenant <slug> [--date <year-month-day>]: closes a day that is over; yesterday unless said';

const told = (r: EodRun): string => `${r.day}: ${r.done} of ${r.total} accounts, ${r.accountsPerSecond} a second${
  r.secondsLeft ? `, ${r.secondsLeft} s left` : ''}`;

async function look(cell: Cell, tenant: TenantRecord, by: Origin, day: CivilDate): Promise<EodRun> {
  const answer = await perform(cell, tenant, by, (tx) => showEod(tx, { params: { day } }));
  if (!answer.ok) throw new Error('a run that was started is gone');
  return answer.value;
}

/** Runs the end of a day to its end, from wherever it stands; `tell` gets a line a second. Resolves to the finished run, or to why it was refused. */
export async function closeDay(cell: Cell, tenant: TenantRecord, by: Origin, asked: CivilDate | undefined, tell: (line: string) => void):
  Promise<EodRun | string> {
  const started = await perform(cell, tenant, by, (tx) => startEod(tx, { body: { day: asked ?? addDays(tx.today, -1) } }));
  if (!started.ok) return `${started.problem.title} ${Object.entries(started.data).map(([name, value]) => `${name}: ${String(value)}`).join(', ')}`;
  const { day } = started.value;
  let saidMs = systemClock.monotonicMs();
  for (let more = true; more;) {
    more = await perform(cell, tenant, by, (tx) => eodBatch(tx.section, day));
    const now = systemClock.monotonicMs();
    if (!more || now - saidMs < TOLD_EVERY_MS) continue;
    saidMs = now;
    tell(told(await look(cell, tenant, by, day)));
  }
  return look(cell, tenant, by, day);
}

/** `exchequer eod --tenant <slug> [--date <day>]` */
export async function eod(args: readonly string[]): Promise<number> {
  const date = textOf(args, '--date');
  if (date !== undefined && !isCivilDate(date)) throw new UsageFault(USAGE);
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args);
    if (!tenant.products.includes('wallet')) throw new UsageFault(`${tenant.slug} has no wallets. ${USAGE}`);
    const say = (line: string): void => void process.stdout.write(`${line}\n`);
    const run = await closeDay(cell, tenant, operatorOrigin(['wallet:eod']), date, say);
    if (typeof run === 'string') {
      process.stderr.write(`${run}\n`);
      return 1;
    }
    say(told(run));
    for (const t of run.totals) say(`${t.currency}: interest ${t.interest.amount}, fees ${t.fees.amount} in minor units; ${t.putOff} put off`);
    return 0;
  });
}
