import { afterAll, beforeAll, expect, it } from 'vitest';
import { addDays, civilDate, systemClock } from '#kernel';
import { house, probe, somebody, wallets, type House } from '#test';

let h: House;
beforeAll(async () => { h = await house({ add: [probe()], limits: false }); });
let workers: { stop(): Promise<void> } | undefined;
afterAll(async () => {
  await workers?.stop();
  await h.stop();
});
const su = <T extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<T[]> => h.sql('IN', 'superuser')<T>(text, values);
const goTo = (at: string): Promise<void> => h.clockOffset('india', Date.parse(at) - systemClock.now().getTime());
const until = async (there: () => Promise<boolean>, why: string): Promise<void> => {
  for (let i = 0; !await there(); i++) {
    if (i > 600) throw new Error(`never: ${why}`);
    await systemClock.sleep(50);
  }
};

it('the days that ended while nothing ran are closed one after the other, each once, when it runs again', { timeout: 90_000 }, async () => {
  const first = civilDate('2028-03-06');
  await goTo(`${first}T12:00:00+05:30`);
  await wallets(h).wallet(100_000, somebody());
  workers = h.startWorkers(h.cell(), ['worker']);
  const next = async (): Promise<Date | undefined> =>
    (await su<{ next_at: Date }>("select next_at from jobs.schedule where name = 'wallet.every-day' and tenant = $1",
    [h.tenant().id]))[0]?.next_at;
  await until(async () => (await next())?.toISOString() === new Date(`${addDays(first, 1)}T00:05:00+05:30`).toISOString(),
    'the schedule stands on five past midnight');
  // Three nights pass at once, as for a program that was away.
  await goTo(`${addDays(first, 3)}T09:00:00+05:30`);
  const runs = (): Promise<{ day: string; state: string }[]> => su('select day::text as day, state from wallet.eod_run order by started_at, day');
  await until(async () => {
    // What waits to look again is not waited for here.
    await su("update jobs.job set run_at = least(run_at, $1) where name = 'wallet.day-over' and lease_until is null",
      [systemClock.now()]);
    return (await runs()).filter((r) => r.state === 'done').length === 3;
  }, 'three days are closed');
  expect(await runs()).toEqual([0, 1, 2].map((n) => ({ day: addDays(first, n), state: 'done' })));
  expect((await next())?.toISOString()).toBe(new Date(`${addDays(first, 4)}T00:05:00+05:30`).toISOString());
  await until(async () => (await su("select 1 from jobs.job where name = 'wallet.day-over'")).length === 0, 'nothing is left to be looked at');
  expect(await runs()).toHaveLength(3);
});
