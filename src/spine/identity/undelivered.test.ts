import { afterAll, beforeAll, expect, it } from 'vitest';
import { provide } from '#kernel';
import { house, madeUpPan, newAddress, newBrowser, somebody, type House } from '#test';
import { TextMessages, type TextResult } from './port.ts';

let h: House;
/** A provider that refuses for good, or that does not answer and knows nothing. */
let refuses = true;
const provider: TextMessages = {
  name: 'unwilling',
  async send(): Promise<TextResult> {
    if (refuses) return { state: 'refused', reason: 'number' };
    throw new Error('no answer');
  },
  inquire: async () => 'not-found',
};
beforeAll(async () => { h = await house({ limits: false, provided: () => [provide(TextMessages, () => provider)] }); });
afterAll(() => h.stop());

const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
async function ask(tenant = 'india', identifier?: string): Promise<void> {
  const person = somebody(tenant);
  if (identifier === undefined) await h.enrol(person);
  const answer = await h.request({ tenant, address: newAddress(), path: '/api/sign-in/challenges',
    json: { identifier: identifier ?? person.identifier, dateOfBirth: person.dateOfBirth, year: 2026, browser: newBrowser() } });
  expect(answer.status, answer.text).toBe(201);
}
const waiting = (): Promise<{ why: string; minutes: number; office: string }[]> => su(`select j.data::json ->> 'why' as why, t.slug as office,
  extract(epoch from j.run_at - j.created_at)::int / 60 as minutes from jobs.job j join tenancy.tenant t on t.id = j.tenant
  where j.name = 'identity.tell-undelivered' order by t.slug, why`);
const told = async (): Promise<string[]> => (await su<{ key: string }>(
  "select key from events.log where topic = 'identity.codes-undelivered' order by pos")).map((e) => e.key);
const OVERDUE = `update jobs.job set run_at = created_at - interval '10 minutes', created_at = created_at - interval '10 minutes'
  where name = 'identity.send-code'`;
/** Some minutes later. */
async function tell(): Promise<void> {
  await su("update jobs.job set run_at = created_at where name = 'identity.tell-undelivered'");
  await h.settle();
}

it('codes that a provider refuses for good are told of once in some minutes, in each office, without a word of whose they were', async () => {
  for (let i = 0; i < 5; i++) await ask();
  await ask('other');
  await h.runJobs();
  expect((await su<{ state: string }>('select state from identity.message')).map((m) => m.state)).toEqual(Array.from({ length: 6 }, () => 'refused'));
  expect(await waiting()).toEqual([{ why: 'refused', minutes: 2, office: 'india' }, { why: 'refused', minutes: 2, office: 'other' }]);
  expect(await told()).toEqual([]);
  await tell();
  expect(await told()).toEqual(['refused', 'refused']);
  const data = await su<{ data: string }>("select data::text from events.log where topic = 'identity.codes-undelivered'");
  for (const event of data) expect(JSON.parse(event.data)).toEqual({ why: 'refused', since: expect.stringMatching(/^20\d\d-.*Z$/) as string });
  expect(await su('select topic, key, times from alerts.alert')).toEqual(
    Array.from({ length: 2 }, () => ({ topic: 'identity.codes-undelivered', key: 'refused', times: 1 })));

  // What is refused later is told of anew, and is the same alert.
  await ask();
  await h.runJobs();
  await tell();
  expect((await su<{ times: number }>('select times from alerts.alert order by times')).map((a) => a.times)).toEqual([1, 2]);
});

it('codes that nobody takes in time are told of too, by the clock of the job and of the code alike; what would have gone nowhere is not', async () => {
  refuses = false;
  const before = (await told()).length;
  await ask();
  await h.runJobs();
  // Asked and asked again, until the call's time is over.
  await su(OVERDUE);
  await h.runJobs();
  expect((await waiting()).map((j) => j.why)).toEqual(['late']);
  await tell();
  expect((await told()).slice(before)).toEqual(['late']);

  // Nobody worked until the code had expired.
  await ask();
  await su("update identity.message set expires_at = created_at where state = 'pending'");
  await h.runJobs();
  expect((await waiting()).map((j) => j.why)).toEqual(['late']);
  await tell();

  await ask('india', madeUpPan(16_000));
  await su(OVERDUE);
  await h.runJobs();
  expect(await su("select 1 from identity.message where decoy and state = 'expired'")).toHaveLength(1);
  expect(await waiting()).toEqual([]);
});
