import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { provide, systemClock } from '#kernel';
import { everyModule, house, ItemChanged, probe, type Answer, type House } from '#test';
import { LADDER_SECONDS, Reach } from './contract.ts';
import { webhooksOver } from './module.ts';

interface Got { readonly headers: Record<string, string>; readonly body: string; readonly path: string }
type Reply = (got: Got, res: ServerResponse) => void;
interface Receiver { readonly port: number; readonly got: Got[]; reply: Reply; readonly server: Server }

async function receiver(): Promise<Receiver> {
  const r = { port: 0, got: [] as Got[], reply: (_: Got, res: ServerResponse): void => void res.end('thanks') };
  const server = createServer((req: IncomingMessage, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const got = { headers: req.headers as Record<string, string>, body: Buffer.concat(chunks).toString('utf8'), path: req.url ?? '' };
      r.got.push(got);
      r.reply(got, res);
    });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  r.port = (server.address() as { port: number }).port;
  return Object.assign(r, { server });
}

let h: House;
let r: Receiver;
const names = new Map<string, string[]>();
beforeAll(async () => {
  r = await receiver();
  h = await house({
    modules: everyModule.map((m) => (m.name === 'platform/webhooks' ? webhooksOver([...everyModule.flatMap((x) => x.events ?? []), ItemChanged]
      .filter((e) => !e.name.startsWith('webhooks.'))) : m)),
    add: [probe()], workers: true, limits: false,
    provided: () => [provide(Reach, () => ({ loopback: true, timeoutMs: 1500, resolve: async (host: string) => names.get(host)?.splice(0,
      1) ?? ['127.0.0.1'] }))],
  });
});
afterAll(async () => {
  await h.stop();
  r.server.closeAllConnections();
  await new Promise<void>((done) => { r.server.close(() => done()); });
});
afterEach(async () => {
  const { endpoints } = (await as('GET', '/api/webhooks/endpoints')).json<{ endpoints: { endpoint: string }[] }>();
  for (const e of endpoints) await as('DELETE', `/api/webhooks/endpoints/${e.endpoint}`);
  r.got.length = 0;
  r.reply = (_, res) => void res.end('thanks');
});

const as = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, json?: unknown, tenant = 'india',
  permissions = 'webhooks:read,webhooks:manage'): Promise<Answer> =>
  h.request({ method, path, tenant, headers: { 'x-probe-machine': permissions }, ...(json === undefined ? {} : { json }) });
interface Made { endpoint: { endpoint: string; publicKey: string | null }; secret: string }
async function endpoint(more: Record<string, unknown> = {}): Promise<Made> {
  const made = await as('POST', '/api/webhooks/endpoints', { url: `http://127.0.0.1:${r.port}/hook`, description: 'A test', events: ['probe.*'], ...more });
  expect(made.status, made.text).toBe(201);
  return made.json<Made>();
}
let key = 0;
const happen = async (n = 1, tenant = 'india'): Promise<void> => {
  const made = await h.request({ method: 'POST', path: '/api/probe/one', tenant, json: { key: `w${key += 1}`, n } });
  expect(made.status, made.text).toBe(200);
};
async function until(what: () => boolean | Promise<boolean>, why: string, ms = 10_000): Promise<void> {
  const end = systemClock.monotonicMs() + ms;
  while (!await what()) {
    if (systemClock.monotonicMs() > end) throw new Error(`never: ${why}`);
    await systemClock.sleep(20);
  }
}
const su = (): ReturnType<House['sql']> => h.sql('IN', 'superuser');
const dueNow = (): Promise<unknown> => su()('update webhooks.due set next_ms = next_ms - 30 * 86400000::bigint where next_ms > $1',
  [systemClock.now().getTime()]);
interface Delivery { delivery: string; status: string; attempts: number; reason: string | null; type: string; manual: boolean }
const deliveries = async (id: string): Promise<Delivery[]> =>
  (await as('GET', `/api/webhooks/endpoints/${id}/deliveries`)).json<{ deliveries: Delivery[] }>().deliveries;
const shown = async (id: string): Promise<{ state: string; breaker: string; failures: number; disabledReason: string | null; waiting: number }> =>
  (await as('GET', `/api/webhooks/endpoints/${id}`)).json<{ endpoint: never }>().endpoint;

describe('a delivery', () => {
  it('is signed so that the official library takes it, with the event’s own id, once for each endpoint that wants it', async () => {
    const made = await endpoint({ headers: { 'x-shop': 'seven' } });
    await endpoint({ events: ['wallet.*'] });
    await happen(7);
    await until(() => r.got.length === 1, 'it arrives');
    const [got] = r.got as [Got];
    expect(new Webhook(made.secret).verify(got.body, got.headers)).toMatchObject({ type: 'probe.item-changed', data: { n: 7 } });
    expect(() => new Webhook(made.secret).verify(got.body.replace('7', '8'), got.headers)).toThrow();
    expect(got.headers).toMatchObject({ 'x-shop': 'seven', 'content-type': 'application/json',
      'webhook-id': expect.stringMatching(/^evt_[0-9a-f]{32}$/) as string });
    expect(got.body).toBe(JSON.stringify(JSON.parse(got.body)));
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.status === 'done', 'it is done');
    await systemClock.sleep(100);
    expect(r.got).toHaveLength(1);
    const stored = await su()('select secrets, headers from webhooks.endpoint');
    expect(JSON.stringify(stored)).not.toMatch(/whsec_|seven/);
  });

  it('bears the signatures of both secrets while they are changed over, and only the new one’s after', async () => {
    const made = await endpoint();
    const rotated = (await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/rotate`, { graceHours: 24 })).json<Made>();
    await happen();
    await until(() => r.got.length === 1, 'it arrives');
    const [got] = r.got as [Got];
    expect(got.headers['webhook-signature']?.split(' ')).toHaveLength(2);
    for (const secret of [made.secret, rotated.secret]) new Webhook(secret).verify(got.body, got.headers);
    const last = (await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/rotate`, { graceHours: 0 })).json<Made>();
    await happen();
    await until(() => r.got.length === 2, 'it arrives');
    const next = r.got[1] as Got;
    new Webhook(last.secret).verify(next.body, next.headers);
    for (const secret of [made.secret, rotated.secret]) expect(() => new Webhook(secret).verify(next.body, next.headers)).toThrow();
  });

  it('that fails is tried again with the same id and a time of its own, by the ladder, and shows each try', async () => {
    const made = await endpoint();
    r.reply = (_, res) => void res.writeHead(500).end('out of order');
    await happen();
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.reason === 'status 500', 'it fails');
    const [first] = await su()<{ s: number }>("select extract(epoch from next_at - created_at)::float8 as s from webhooks.delivery where status = 'waiting'");
    expect(first?.s).toBeGreaterThan(LADDER_SECONDS[0] * 0.8 - 0.1);
    expect(first?.s).toBeLessThan(LADDER_SECONDS[0] * 1.2 + 5);
    r.reply = (_, res) => void res.end('better');
    await dueNow();
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.status === 'done', 'it is done');
    expect(new Set(r.got.map((g) => g.headers['webhook-id'])).size).toBe(1);
    const [d] = await deliveries(made.endpoint.endpoint);
    const detail = (await as('GET', `/api/webhooks/deliveries/${d?.delivery}`)).json<{ attempts: { no: number; status: number; excerpt: string }[] }>();
    expect(detail.attempts.map((a) => [a.no, a.status, a.excerpt])).toEqual([[1, 500, 'out of order'], [2, 200, null]]);
    expect((await su()('select excerpt from webhooks.attempt where status = 500')).every((a) => String(a.excerpt).startsWith('ENC:'))).toBe(true);
    expect((await shown(made.endpoint.endpoint)).failures).toBe(0);
  });

  it('that fails to the last is dead, says so by an event, and can be replayed, as can all of a time', async () => {
    const made = await endpoint();
    r.reply = (_, res) => void res.writeHead(503, { 'retry-after': '1' }).end();
    await happen();
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.attempts === 1, 'it fails');
    await su()('update webhooks.due set attempts = 9');
    await dueNow();
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.status === 'dead', 'it is dead');
    await until(async () => (await su()("select 1 from events.log where topic = 'webhooks.delivery-dead'")).length === 1, 'the event');
    r.reply = (_, res) => void res.end();
    const [dead] = await deliveries(made.endpoint.endpoint);
    expect((await as('POST', `/api/webhooks/deliveries/${dead?.delivery}/replay`)).json()).toEqual({ deliveries: 1 });
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.status === 'done', 'the replay is done');
    const around = (ms: number): string => new Date(systemClock.now().getTime() + ms).toISOString();
    const range = { from: around(-60_000), to: around(60_000) };
    const many = (await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/replay`, range)).json<{ deliveries: number }>().deliveries;
    expect(many).toBeGreaterThanOrEqual(1);
    await until(async () => (await shown(made.endpoint.endpoint)).waiting === 0, 'all are sent');
    expect(new Set(r.got.filter((g) => g.headers['webhook-id'] === r.got[0]?.headers['webhook-id']).map((g) => g.body)).size).toBe(1);
  });

  it('of a worker that was killed is sent by another when its lease is over', async () => {
    const made = await endpoint();
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/disable`);
    await su()("update webhooks.endpoint set state = 'disabled'");
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/test`);
    const lease = 3000;
    await su()("update webhooks.endpoint set worker = gen_random_uuid(), lease_until = $1", [new Date(systemClock.now().getTime() + lease)]);
    const began = systemClock.monotonicMs();
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/enable`);
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.status === 'done', 'it is done', 20_000);
    expect(systemClock.monotonicMs() - began).toBeGreaterThan(lease - 100);
    expect(r.got).toHaveLength(1);
  });
});

describe('an endpoint', () => {
  it('that wants order gets its events one after another, also when one has to be tried again', async () => {
    const made = await endpoint({ ordered: true });
    let failed = false;
    r.reply = (_, res) => {
      if (!failed) {
        failed = true;
        return void res.writeHead(500).end();
      }
      res.end();
    };
    for (let n = 1; n <= 5; n++) await happen(n);
    await until(async () => (await deliveries(made.endpoint.endpoint)).some((d) => d.reason === 'status 500'), 'the first fails');
    await systemClock.sleep(300);
    expect(r.got).toHaveLength(1);
    await until(async () => {
      await dueNow();
      return (await deliveries(made.endpoint.endpoint)).filter((d) => d.status === 'done').length === 5;
    }, 'all are done');
    expect(r.got.map((g) => (JSON.parse(g.body) as { data: { n: number } }).data.n)).toEqual([1, 1, 2, 3, 4, 5]);
  });

  it('that answers 410 is disabled at once, with an event and a fact, and nothing that waits is lost', async () => {
    const made = await endpoint();
    r.reply = (_, res) => void res.writeHead(410).end();
    await happen();
    await until(async () => (await shown(made.endpoint.endpoint)).state === 'disabled', 'it is disabled');
    expect(await shown(made.endpoint.endpoint)).toMatchObject({ disabledReason: 'gone', waiting: 1 });
    expect(await su()("select 1 from audit.entry where action = 'webhooks.endpoint-disabled'")).not.toHaveLength(0);
    expect(await su()(`select 1 from events.log where topic = 'webhooks.endpoint-disabled' and data like '%gone%'`)).not.toHaveLength(0);
    r.reply = (_, res) => void res.end();
    await dueNow();
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/enable`);
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.status === 'done', 'it is sent after all');
  });

  it('that fails in a row rests, is probed once, and is given up only after many failures and days', async () => {
    const made = await endpoint();
    r.reply = (_, res) => void res.writeHead(500).end();
    for (let n = 0; n < 7; n++) await happen(n);
    await until(async () => (await shown(made.endpoint.endpoint)).breaker === 'open', 'it rests');
    const before = r.got.length;
    await dueNow();
    await systemClock.sleep(700);
    expect(r.got.length).toBe(before);
    await su()("update webhooks.endpoint set open_until = open_until - interval '1 hour'");
    await until(() => r.got.length === before + 1, 'one probe');
    await systemClock.sleep(700);
    expect(r.got.length).toBe(before + 1);
    await su()("update webhooks.endpoint set failures = 30, first_failure_at = created_at - interval '4 days', open_until = null");
    await until(() => r.got.length === before + 2, 'another');
    expect((await shown(made.endpoint.endpoint)).state).toBe('active');
    await until(async () => (await shown(made.endpoint.endpoint)).breaker === 'open', 'it rests again');
    await su()("update webhooks.endpoint set first_failure_at = created_at - interval '6 days', open_until = null");
    await until(async () => (await shown(made.endpoint.endpoint)).state === 'disabled', 'it is given up');
    expect(await shown(made.endpoint.endpoint)).toMatchObject({ disabledReason: 'failing' });
    const failures = (await shown(made.endpoint.endpoint)).failures;
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/enable`);
    expect((await shown(made.endpoint.endpoint)).failures).toBeGreaterThanOrEqual(failures);
  });

  it('of another tenant is not there', async () => {
    const { endpoint: { endpoint: id } } = await endpoint();
    for (const [method, path, json] of [['GET', ''], ['PUT', '', { events: ['*'] }], ['DELETE', ''], ['POST', '/rotate', {}], ['POST', '/enable'], ['POST',
      '/disable'],
      ['POST', '/test'], ['GET', '/deliveries']] as const) {
      expect((await as(method, `/api/webhooks/endpoints/${id}${path}`, json, 'other')).status, `${method} ${path}`).toBe(404);
    }
    await happen(1, 'other');
    await happen(2);
    await until(() => r.got.length >= 1, 'ours');
    await systemClock.sleep(200);
    expect(r.got.map((g) => (JSON.parse(g.body) as { data: { n: number } }).data.n)).toEqual([2]);
    expect((await as('POST', '/api/webhooks/endpoints', {}, 'india', 'webhooks:read')).status).toBe(403);
  });
});

describe('bad receivers', () => {
  const fails = async (id: string, reason: string): Promise<void> =>
    until(async () => (await deliveries(id)).some((d) => d.reason === reason), `it fails with ${reason}`);

  it('that redirect for ever are asked once, and one that drips is left when its time is over; others do not wait', async () => {
    const loop = await endpoint({ url: `http://127.0.0.1:${r.port}/loop` });
    const drip = await endpoint({ url: `http://127.0.0.1:${r.port}/drip` });
    const good = await endpoint({ url: `http://127.0.0.1:${r.port}/good` });
    r.reply = (got, res) => {
      if (got.path === '/loop') return void res.writeHead(302, { location: `http://127.0.0.1:${r.port}/loop` }).end();
      if (got.path !== '/drip') return void res.end();
      res.writeHead(200);
      const stop = systemClock.every(50, () => void res.write('x'));
      res.on('close', stop);
    };
    const began = systemClock.monotonicMs();
    await happen();
    await until(async () => (await deliveries(good.endpoint.endpoint))[0]?.status === 'done', 'the good one is done');
    expect(systemClock.monotonicMs() - began).toBeLessThan(1400);
    await fails(loop.endpoint.endpoint, 'status 302');
    await fails(drip.endpoint.endpoint, 'timeout');
    expect(r.got.filter((g) => g.path === '/loop')).toHaveLength(1);
  });

  it('that answer with a flood are read no further, and only the beginning is kept', async () => {
    const made = await endpoint();
    let closed = false;
    r.reply = (_, res) => {
      res.writeHead(400);
      res.on('close', () => { closed = true; });
      const pour = (): void => {
        while (!closed && res.write(Buffer.alloc(65_536, 'y')));
        if (!closed) res.once('drain', pour);
      };
      pour();
    };
    await happen();
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.reason === 'status 400', 'it has failed');
    await until(() => closed, 'the connection is closed');
    const [d] = await deliveries(made.endpoint.endpoint);
    const detail = (await as('GET', `/api/webhooks/deliveries/${d?.delivery}`)).json<{ attempts: { excerpt: string }[] }>();
    expect(detail.attempts[0]?.excerpt).toBe('y'.repeat(500));
  });

  it('whose name leads somewhere else at the connection are refused there, and nothing arrives', async () => {
    names.set('moves.example', ['10.0.0.7', '10.0.0.7', '10.0.0.7', '10.0.0.7']);
    const made = await endpoint({ url: `http://moves.example:${r.port}/hook` });
    await happen();
    await fails(made.endpoint.endpoint, 'blocked_address');
    expect(r.got).toHaveLength(0);
    for (const url of ['http://10.0.0.7/', 'http://[::ffff:10.0.0.7]/', 'http://169.254.169.254/latest/meta-data']) {
      const refused = await as('POST', '/api/webhooks/endpoints', { url, description: 'x', events: ['*'] });
      expect([refused.status, refused.json<{ type: string }>().type], url).toEqual([422, '/problems/url-refused']);
    }
    // An address that came in by another way is refused when it is connected to.
    await su()(`update webhooks.endpoint set url = 'http://10.0.0.7:${r.port}/', revision = revision + 1, open_until = null`);
    await dueNow();
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.attempts === 2, 'it is tried again');
    expect(r.got).toHaveLength(0);
  });

  it('are not sent what is too large, which is dead with its reason and leaves the endpoint alone', async () => {
    const made = await endpoint();
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/disable`);
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/test`);
    await su()(`update webhooks.message set data = '{"x":"' || repeat('z', 1048576) || '"}' where topic = 'webhooks.test'`);
    await as('POST', `/api/webhooks/endpoints/${made.endpoint.endpoint}/enable`);
    await until(async () => (await deliveries(made.endpoint.endpoint))[0]?.status === 'dead', 'it is dead');
    expect((await deliveries(made.endpoint.endpoint))[0]?.reason).toBe('payload_too_large');
    expect(await shown(made.endpoint.endpoint)).toMatchObject({ state: 'active', failures: 0 });
    await happen();
    await until(() => r.got.length === 1, 'the next one arrives');
  });
});
