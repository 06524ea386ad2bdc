import { afterAll, beforeAll, expect, it } from 'vitest';
import { event, handle, systemClock } from '#kernel';
import { EndpointDisabled } from '#platform/webhooks';
import { Chore, everyModule, house, probe, type Answer, type House } from '#test';
import { alertsOver } from './module.ts';
import type { Alert } from './contract.ts';

let h: House;
beforeAll(async () => { h = await house({ workers: true, limits: false, add: [probe({
  handlers: [handle(Chore, async () => { throw new TypeError('a canary of a message'); })],
})] }); });
afterAll(() => h.stop());

const ENDPOINT = `wep_${'1'.repeat(32)}`;
const as = (method: 'GET' | 'POST', path: string, tenant = 'india', permissions = 'alerts:read,alerts:close'): Promise<Answer> => h.request({ method, path,
  tenant,
  headers: { 'x-probe-machine': permissions, ...(method === 'POST' ? { 'idempotency-key': `alerts-${systemClock.monotonicMs()}` } : {}) } });
const list = async (query = '', tenant = 'india'): Promise<{ alerts: Alert[]; open: number; next: string | null }> =>
  (await as('GET', `/api/alerts${query}`, tenant)).json<{ alerts: Alert[]; open: number; next: string | null }>();
const disabled = (endpoint: string, failures: number, tenant = 'india'): Promise<void> =>
  h.perform(tenant, async (tx) => tx.emit(EndpointDisabled, endpoint, { endpoint, reason: 'failing', failures }));
const until = async (there: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; !await there(); i++) {
    if (i > 500) throw new Error('what was waited for did not come');
    await systemClock.sleep(20);
  }
};

it('stand once for what happens again while they are open, and anew once somebody has seen to them', async () => {
  await disabled(ENDPOINT, 20);
  await until(async () => (await list()).open === 1);
  await disabled(ENDPOINT, 25);
  await until(async () => (await list()).alerts[0]?.times === 2);
  const [alert] = (await list('?state=open')).alerts as [Alert];
  expect(alert).toMatchObject({ topic: 'webhooks.endpoint-disabled', key: ENDPOINT, times: 2, doc: EndpointDisabled.doc, closedAt: null });
  expect(JSON.parse(alert.data)).toEqual({ endpoint: ENDPOINT, reason: 'failing', failures: 25 });

  const closed = await as('POST', `/api/alerts/${alert.alert}/close`);
  expect(closed.status, closed.text).toBe(200);
  expect((await as('POST', `/api/alerts/${alert.alert}/close`)).json<{ type: string }>().type).toBe('/problems/alert-unknown');
  expect(await list('?state=open')).toMatchObject({ alerts: [], open: 0 });
  expect((await list('?state=closed')).alerts.map((a) => a.alert)).toEqual([alert.alert]);
  expect(await h.sql('IN',
    'superuser')("select resource from audit.entry where action = 'alerts.closed' and result = 'done'")).toEqual([{ resource: alert.alert }]);

  await disabled(ENDPOINT, 20);
  await until(async () => (await list()).open === 1);
  expect((await list()).alerts.map((a) => a.times)).toEqual([1, 2]);
});

it('are their tenant’s alone, and only for whoever may see them', async () => {
  await disabled(`wep_${'2'.repeat(32)}`, 20);
  await until(async () => (await list()).open === 2);
  const [theirs] = (await list()).alerts as [Alert];
  expect(await list('', 'other')).toEqual({ alerts: [], open: 0, next: null });
  expect((await as('POST', `/api/alerts/${theirs.alert}/close`, 'other')).status).toBe(404);
  expect((await as('GET', '/api/alerts', 'india', 'events:read')).status).toBe(403);
  expect((await as('POST', `/api/alerts/${theirs.alert}/close`, 'india', 'alerts:read')).status).toBe(403);
});

it('stand for jobs whose last try failed: one for each kind, as often as one died', async () => {
  const jobs = 'update jobs.job set attempts = attempts_max - 1, run_at = created_at where name = $1 and dead_at is null';
  const die = async (count: number): Promise<void> => {
    await h.perform('us', async (tx) => { for (let n = 0; n < count; n++) tx.later(Chore, { n }, { runAt: new Date(tx.now.getTime() + 3_600_000) }); });
    await h.sql('US', 'superuser')(jobs, [Chore.name]);
  };
  await die(1);
  await until(async () => (await list('', 'us')).open === 1);
  const [alert] = (await list('', 'us')).alerts as [Alert];
  const [letter] = await h.sql('US', 'superuser')<{ id: bigint }>('select id from jobs.job where dead_at is not null');
  expect(alert).toMatchObject({ topic: 'jobs.dead', key: 'probe.chore', times: 1 });
  expect(JSON.parse(alert.data)).toEqual({ job: String(letter?.id), name: 'probe.chore', attempts: 3, error: 'TypeError' });
  await die(4);
  await until(async () => (await list('', 'us')).alerts[0]?.times === 5);
  expect((await list('', 'us')).open).toBe(1);
  // Somebody gives them their tries anew, and they die again.
  const again = await as('POST', `/api/jobs/dead/${String(letter?.id)}/retry`, 'us', 'jobs:decide');
  expect(again.status, again.text).toBe(200);
  await h.sql('US', 'superuser')(jobs, [Chore.name]);
  await until(async () => (await list('', 'us')).alerts[0]?.times === 6);
  expect((await list('', 'india')).alerts.some((a) => a.topic === 'jobs.dead')).toBe(false);
});

it('come by pages', async () => {
  for (let i = 0; i < 52; i++) await disabled(`wep_${String(i).padStart(32, '0')}`, 20);
  await until(async () => (await list()).open === 54);
  const first = await list('?state=open');
  expect(first.alerts).toHaveLength(50);
  const rest = await list(`?state=open&cursor=${first.next}`);
  expect(rest.next).toBeNull();
  expect(new Set([...first.alerts, ...rest.alerts].map((a) => a.key)).size).toBe(54);
});

it('are raised by every event type that says so, and by no other', () => {
  const quiet = event('test.quiet', { version: 1, doc: 'Nobody has to look.', data: {} });
  const loud = event('test.loud', { version: 1, alert: true, doc: 'Somebody has to look.', data: {} });
  expect(alertsOver([quiet, loud]).reactions?.map((r) => [r.on.name, r.subscriber])).toEqual([['test.loud', 'alerts']]);
  expect(everyModule.flatMap((m) => m.events ?? []).filter((e) => e.alert).map((e) => e.name).toSorted())
    .toEqual(['identity.codes-undelivered', 'jobs.dead', 'notify.dead', 'saga.stuck', 'wallet.hit-found', 'webhooks.delivery-dead',
      'webhooks.endpoint-disabled']);
});
