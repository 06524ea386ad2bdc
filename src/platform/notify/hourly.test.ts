import { afterAll, beforeAll, expect, it } from 'vitest';
import { notice, provide } from '#kernel';
import { loadTenantKeys } from '#spine/vault';
import { house, type House, type SignedIn } from '#test';
import { HOURLY, notify, notifyAll } from './index.ts';
import { Providers, type Mail, type Provider, type PushMessage } from './port.ts';

const text = { label: 'Tests', title: 'Test {{ n }}', body: 'Body {{ n }}', text: 'test {{ n }}' };
const spec = { doc: 'x', offered: ['text', 'email', 'push'], chosen: ['text', 'email', 'push'], lifeMs: 3 * 86_400_000, values: ['n'],
  texts: { en: text, hi: text } } as const;
const normal = notice('notify.often', { ...spec, lane: 'normal' });
const critical = notice('notify.money', { ...spec, lane: 'critical' });
const MINUTE_MS = 60_000;

const letters: Mail[] = [];
const mail: Provider<Mail> = { name: 'memory-mail', send: async (m) => {
  letters.push(m);
  return { state: 'accepted', providerId: m.key };
} };
const browser: Provider<PushMessage> = { name: 'memory-push', send: async (m) => ({ state: 'accepted', providerId: m.key }) };
let h: House;
const carriers = (): Providers => ({ text: [h.messages], email: [mail], push: [browser], pushOrigins: ['https://push.example'], from: 'office@example.com',
  linkBase: () => 'http://office.example' });
beforeAll(async () => {
  h = await house({ limits: false, add: [{ name: 'products/notified', doc: 'Kinds of the tests.', needs: [], notices: [normal, critical] }],
    provided: () => [provide(Providers, carriers)] });
});
afterAll(() => h.stop());

async function reachable(): Promise<SignedIn> {
  const who = await h.signIn();
  const post = (path: string, json?: object): Promise<{ status: number }> =>
    h.request({ method: 'POST', path: `/api/notifications/${path}`, bearer: who.bearer, ...(json ? { json } : {}) });
  const email = `made.up.${who.person.slice(-8)}@example.com`;
  await post('emails', { email });
  await h.runJobs();
  const link = /\/notifications\/confirm\/([\w.-]+)/.exec(letters.findLast((m) => m.to === email)?.text ?? '')?.[1];
  expect((await post(`confirm/${link}`)).status).toBe(200);
  expect((await post('push', { endpoint: 'https://push.example/abc', keys: { p256dh: 'B'.repeat(87), auth: 'A'.repeat(22) } })).status).toBe(200);
  return who;
}
const MANY = HOURLY.push + 2;
const tellMany = (who: SignedIn, of: typeof normal, count = MANY): Promise<number> => h.perform('india', (tx) => notifyAll(tx.section, tx, of,
  Array.from({ length: count }, (_, n) => ({ person: who.person, dedupe: `${of.name} ${n}`, data: { n } }))));
const CHANNELS = ['email', 'text', 'push'] as const;
/** How many of a kind were sent on each channel, and wait. */
async function counted(who: SignedIn, kind: string): Promise<Record<string, Record<string, number>>> {
  const rows = await h.sql()<{ channel: string; how: string; n: number }>(`select channel, state || coalesce(' ' || reason, '') as how, count(*)::int as n
    from notify.message where person = $1 and kind = $2 group by channel, how order by channel, how`, [who.person, kind]);
  return Object.fromEntries(CHANNELS.map((c) => [c, Object.fromEntries(rows.filter((r) => r.channel === c).map((r) => [r.how, r.n]))]));
}
const due = (): Promise<unknown> => h.sql('IN', 'superuser')("update jobs.job set run_at = created_at where name = 'notify.send'");

it('a person gets so many an hour on each channel; the rest waits for room and is not dropped, and what is critical is not held', async () => {
  expect(HOURLY).toEqual({ email: 3, text: 2, push: 10 });
  const who = await reachable();
  await tellMany(who, normal);
  await h.runJobs();
  expect(await counted(who, normal.name)).toEqual(Object.fromEntries(CHANNELS.map((c) => [c, { sent: HOURLY[c], 'waiting too-many': MANY - HOURLY[c] }])));
  await tellMany(who, critical);
  await h.runJobs();
  expect(await counted(who, critical.name)).toEqual(Object.fromEntries(CHANNELS.map((c) => [c, { sent: MANY }])));
  // When one more fits: half an hour after the last of two, a third of an hour after the last of three.
  const waits = await h.sql()<{ channel: (typeof CHANNELS)[number]; ms: number }>(`
    select m.channel, (extract(epoch from m.not_before - max(s.sent_at)) * 1000)::int as ms
    from notify.message m join notify.message s on s.person = m.person and s.channel = m.channel and s.kind = m.kind and s.state = 'sent'
    where m.person = $1 and m.reason = 'too-many' group by m.id, m.channel, m.not_before`, [who.person]);
  for (const { channel, ms } of waits) expect(Math.abs(ms - 60 * MINUTE_MS / HOURLY[channel]), channel).toBeLessThan(MINUTE_MS);
  // Moved there, one more of each goes at least, and in the end all of them.
  await h.clockOffset('india', 31 * MINUTE_MS);
  await due();
  await h.runJobs();
  expect((await counted(who, normal.name)).text).toEqual({ sent: HOURLY.text + 1, 'waiting too-many': MANY - HOURLY.text - 1 });
  for (let hours = 1; hours <= MANY / HOURLY.text; hours++) {
    await h.clockOffset('india', (31 + 60 * hours) * MINUTE_MS);
    await due();
    await h.runJobs();
  }
  expect(await counted(who, normal.name)).toEqual(Object.fromEntries(CHANNELS.map((c) => [c, { sent: MANY }])));
  await h.clockOffset('india', 0);
});

it('the bucket of one channel, of one person, is nobody else’s; whoever runs the program may set another number', async () => {
  const [who, other] = [await reachable(), await reachable()];
  await tellMany(who, normal, HOURLY.text + 1);
  await h.perform('india', (tx) => notify(tx, normal, { person: other.person, dedupe: 'one', data: { n: 1 } }));
  await h.runJobs();
  expect(await counted(who, normal.name)).toEqual({ email: { sent: 3 }, text: { sent: 2, 'waiting too-many': 1 }, push: { sent: 3 } });
  expect(await counted(other, normal.name)).toEqual({ email: { sent: 1 }, text: { sent: 1 }, push: { sent: 1 } });
  const third = await reachable();
  const generous = h.anotherCell('IN', [provide(Providers, () => ({ ...carriers(), perHour: { text: 4 } }))]);
  await loadTenantKeys(generous, h.tenant());
  await tellMany(third, normal, 5);
  const running = h.startWorkers(generous, ['worker']);
  await expect.poll(() => counted(third, normal.name), { timeout: 10_000 })
    .toEqual({ email: { sent: 3, 'waiting too-many': 2 }, text: { sent: 4, 'waiting too-many': 1 }, push: { sent: 5 } });
  await running.stop();
});
