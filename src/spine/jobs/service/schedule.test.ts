import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { handle, job, schedule, systemClock } from '#kernel';
import { house, leave, probe, type House } from '#test';
import { nextTime } from './schedule.ts';

const Timed = job('probe.timed', { doc: 'A chore of a test that a schedule makes.', data: { at: z.string(), on: z.string() } });
const made = { job: Timed, data: ({ at, on }: { at: Date; on: string }) => ({ at: at.toISOString(), on }) };
const everyHour = schedule('probe.every-hour', { ...made, doc: 'Each hour of a test.', cron: '0 * * * *', missed: 'each' });
const atNoon = schedule('probe.at-noon', { ...made, doc: 'Each noon of a test.', cron: '0 12 * * *', missed: 'last' });

let h: House;
beforeAll(async () => {
  h = await house({ add: [probe({ schedules: [everyHour, atNoon], handlers: [
    handle(Timed, async (tx, data) => void await leave(tx, { subscriber: 'fired', event: data.at, key: data.on, n: 1 })),
  ] })], limits: false });
});
afterAll(() => h.stop());
const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const until = async (there: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; !await there(); i++) {
    if (i > 2000) throw new Error('what was waited for did not come');
    await systemClock.sleep(3);
  }
};
const waiting = (): Promise<unknown[]> => su("select 1 from jobs.job where name = 'probe.timed'");

describe('a schedule', () => {
  const fired = (): Promise<{ event: string; key: string }[]> => su("select event, key from probe.effect where subscriber = 'fired' order by event");
  it('fires once for each time with three processes, makes up for those that were missed, and one that counts last fires once for all', async () => {
    const workers = [h.cell(), h.anotherCell(), h.anotherCell()].map((cell) => h.startWorkers(cell, ['worker']));
    const rows = (): Promise<{ name: string; next_at: Date }[]> =>
      su("select name, next_at from jobs.schedule where tenant = $1 and name like 'probe.%' order by name", [h.tenant().id]);
    await until(async () => (await rows()).length === 2);
    // Hours of a zone that is half an hour off; noon of each day is one of them, and the one that counts last comes for the first of three days only.
    const HOUR = 3_600_000, DAY = 24 * HOUR;
    const now = systemClock.now().getTime();
    const lastHalf = Math.floor((now - HOUR / 2) / HOUR) * HOUR + HOUR / 2;
    const [hours, noon] = [lastHalf - 40 * HOUR, Math.floor(now / DAY) * DAY - 3 * DAY + 6.5 * HOUR];
    const set = (name: string, at: number): Promise<unknown> =>
      su('update jobs.schedule set next_at = $1 where name = $2 and tenant = $3', [new Date(at), name, h.tenant().id]);
    await set('probe.every-hour', hours);
    await set('probe.at-noon', noon);
    await until(async () => (await rows()).every((r) => r.next_at > systemClock.now()) && !(await waiting()).length);
    await Promise.all(workers.map((w) => w.stop()));
    const expected = [noon, ...Array.from({ length: 41 }, (_, i) => hours + i * HOUR)].map((at) => new Date(at).toISOString()).toSorted();
    // Half an hour may have struck meanwhile.
    const all = (await fired()).map((f) => f.event).filter((e) => e <= new Date(lastHalf).toISOString());
    expect(all).toEqual(expected);
  });
  it('keeps to the clock of its zone when that is moved', () => {
    const at = (after: string): string => nextTime('30 2 * * *', 'America/New_York', new Date(after)).toISOString();
    expect(at('2026-03-07T12:00:00Z')).toBe('2026-03-08T07:00:00.000Z'); // half past two does not exist on this day: it is when the gap ends
    expect(at('2026-03-08T12:00:00Z')).toBe('2026-03-09T06:30:00.000Z');
    const once = nextTime('30 1 * * *', 'America/New_York', new Date('2026-11-01T04:00:00Z'));
    // Half past one comes twice on this day, and counts once.
    expect([once.toISOString(), nextTime('30 1 * * *', 'America/New_York', once).toISOString()]).toEqual(['2026-11-01T05:30:00.000Z',
      '2026-11-02T06:30:00.000Z']);
  });
});
