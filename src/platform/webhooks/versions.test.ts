import { createServer, type Server } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { event, provide, systemClock, type EventData, type EventType } from '#kernel';
import { everyModule, house, ItemChanged, ItemGrown, ItemShut, probe, type Answer, type House } from '#test';
import { z } from 'zod';
import { FIRST_PAYLOAD_VERSION, Reach } from './contract.ts';
import { webhooksOver } from './module.ts';
import { canMake, dataIn, payloadVersions, versionAt, versionsFault } from './rules.ts';

const NEWEST = '2027-02-01';
let h: House;
let server: Server;
let url = '';
const got: { headers: Record<string, string>; body: string }[] = [];
beforeAll(async () => {
  server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      got.push({ headers: req.headers as Record<string, string>, body: Buffer.concat(chunks).toString('utf8') });
      res.end();
    });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`;
  h = await house({
    modules: everyModule.map((m) => (m.name !== 'platform/webhooks' ? m : webhooksOver(
      [...everyModule.flatMap((x) => x.events ?? []), ItemChanged, ItemGrown, ItemShut].filter((e) => !e.name.startsWith('webhooks.'))))),
    add: [probe()], workers: true, limits: false, provided: () => [provide(Reach, () => ({ loopback: true }))],
  });
});
afterAll(async () => {
  await h.stop();
  server.closeAllConnections();
  await new Promise<void>((done) => { server.close(() => done()); });
});
afterEach(async () => {
  for (const e of (await as('GET', '')).json<{ endpoints: { endpoint: string }[] }>().endpoints) await as('DELETE', `/${e.endpoint}`);
  got.length = 0;
});

const machine = { 'x-probe-machine': 'webhooks:read,webhooks:manage' };
const as = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, json?: object, tenant = 'india'): Promise<Answer> =>
  h.request({ method, path: `/api/webhooks/endpoints${path}`, tenant, headers: machine, ...(json ? { json } : {}) });
const make = (more: object): Promise<Answer> => as('POST', '', { url, description: 'A test', ...more });
interface Made { endpoint: { endpoint: string; version: string }; secret: string }
const made = async (more: object): Promise<Made> => {
  const answer = await make(more);
  expect(answer.status, answer.text).toBe(201);
  return answer.json();
};
let key = 0;
const happen = <E extends EventType>(type: E, data: EventData<E>): Promise<unknown> =>
  h.perform('india', async (tx) => tx.emit(type, `v${key += 1}`, data));
async function until(what: () => boolean | Promise<boolean>, why: string): Promise<void> {
  const end = systemClock.monotonicMs() + 15_000;
  while (!await what()) {
    if (systemClock.monotonicMs() > end) throw new Error(`never: ${why}`);
    await systemClock.sleep(20);
  }
}
interface Versions { version: string; newest: string; known: string[]; changes: { type: string; since: string; pinned: { version: number; body: string | null };
  newest: { version: number; body: string | null } }[] }
const versions = async (id: string): Promise<Versions> => (await as('GET', `/${id}/versions`)).json();
const dataOfBody = (body: string | null): unknown => (body === null ? null : (JSON.parse(body) as { data: unknown }).data);
const su = (): ReturnType<House['sql']> => h.sql('IN', 'superuser');

describe('an endpoint', () => {
  it('gets each event in the shape that it was made for: the newest as of then, or an older one that it names', async () => {
    const events = ['probe.item-grown', 'probe.item-changed'];
    const all = await Promise.all([{}, { version: '2027-01-10' }, { version: FIRST_PAYLOAD_VERSION }].map((v) => made({ events, ...v })));
    expect(all.map((m) => m.endpoint.version)).toEqual([NEWEST, '2027-01-10', FIRST_PAYLOAD_VERSION]);
    await happen(ItemGrown, { sum: '12', currency: 'USD' });
    await until(() => got.length === 3, 'each gets it');
    const shapes = all.map((m) => got.flatMap((g) => {
      try {
        return [(new Webhook(m.secret).verify(g.body, g.headers) as { data: unknown }).data];
      } catch {
        return [];
      }
    }));
    expect(shapes).toEqual([[{ sum: '12', currency: 'USD' }], [{ sum: '12' }], [{ n: 12 }]]);
    expect(new Set(got.map((g) => g.headers['webhook-id'])).size).toBe(1);
    // What never changed is the same for all, byte for byte.
    got.length = 0;
    await happen(ItemChanged, { n: 3 });
    await until(() => got.length === 3, 'each gets it');
    expect(new Set(got.map((g) => g.body)).size).toBe(1);
  });

  it('is moved to the newest after a look at both shapes, and gets what waits in the new one', async () => {
    const { endpoint: e } = await made({ events: ['probe.item-grown', 'probe.item-changed', 'wallet.*'], version: FIRST_PAYLOAD_VERSION });
    const seen = await versions(e.endpoint);
    expect(seen).toMatchObject({ version: FIRST_PAYLOAD_VERSION, newest: NEWEST, known: [FIRST_PAYLOAD_VERSION, '2027-01-10', NEWEST] });
    expect(seen.changes.map(({ pinned, newest, ...c }) => [c, pinned.version, dataOfBody(pinned.body), newest.version, dataOfBody(newest.body)])).toEqual([
      [{ type: 'probe.item-grown', since: NEWEST }, 1, { n: 5 }, 3, { sum: '5', currency: 'INR' }]]);
    await su()("update webhooks.endpoint set open_until = $1 where id = $2",
      [new Date(systemClock.now().getTime() + 3_600_000), e.endpoint.slice(4)]);
    await happen(ItemGrown, { sum: '8', currency: 'INR' });
    await until(async () => (await as('GET', `/${e.endpoint}`)).json<{ endpoint: { waiting: number } }>().endpoint.waiting === 1, 'it waits');
    expect((await as('PUT', `/${e.endpoint}`, { version: seen.newest })).json()).toMatchObject({ version: NEWEST });
    expect((await versions(e.endpoint)).changes).toEqual([]);
    await su()('update webhooks.endpoint set open_until = null where id = $1', [e.endpoint.slice(4)]);
    await until(() => got.length === 1, 'it arrives');
    expect(dataOfBody(got[0]?.body ?? null)).toEqual({ sum: '8', currency: 'INR' });
    // And back, as long as its shape can be made.
    expect((await as('PUT', `/${e.endpoint}`, { version: '2027-01-10' })).status).toBe(200);
    await happen(ItemGrown, { sum: '9', currency: 'INR' });
    await until(() => got.length === 2, 'it arrives');
    expect(dataOfBody(got[1]?.body ?? null)).toEqual({ sum: '9' });
  });

  it('gets what an older program kept in the shape it wants, and waits for what only a newer one can read', async () => {
    const { endpoint: e } = await made({ events: ['probe.item-grown'] });
    await happen(ItemGrown, { sum: '1', currency: 'INR' });
    await until(() => got.length === 1, 'it arrives');
    await su()(`update webhooks.message set version = 1, data = '{"n":40}' where topic = 'probe.item-grown'`);
    const { deliveries: [first] } = (await as('GET', `/${e.endpoint}/deliveries`)).json<{ deliveries: [{ delivery: string }] }>();
    const again = (): Promise<Answer> => h.request({ method: 'POST', path: `/api/webhooks/deliveries/${first.delivery}/replay`, tenant: 'india',
      headers: machine });
    expect((await again()).status).toBe(200);
    await until(() => got.length === 2, 'it comes again');
    expect(dataOfBody(got[1]?.body ?? null)).toEqual({ sum: '40', currency: 'INR' });
    await su()("update webhooks.message set version = 4 where topic = 'probe.item-grown'");
    await again();
    const newest = async (): Promise<{ status: string; reason: string | null } | undefined> =>
      (await as('GET', `/${e.endpoint}/deliveries`)).json<{ deliveries: { status: string; reason: string | null }[] }>().deliveries[0];
    await until(async () => (await newest())?.reason === 'internal', 'it was tried');
    expect(await newest()).toMatchObject({ status: 'waiting' });
    expect(got).toHaveLength(2);
    await su()("delete from webhooks.message where topic = 'probe.item-grown' and version = 4");
  });

  it('cannot be pinned to what nobody makes any more; one that was gets it dead, with its reason, and again once it has moved', async () => {
    const known = ['2027-01-10', NEWEST];
    for (const events of [['*'], ['probe.*'], ['probe.item-shut']])
      expect((await make({ events, version: FIRST_PAYLOAD_VERSION })).json())
        .toMatchObject({ status: 422, type: '/problems/payload-version-retired', types: ['probe.item-shut'], known });
    expect((await make({ events: ['*'], version: '2020-01-01' })).json())
      .toMatchObject({ type: '/problems/unknown-payload-version', known: [FIRST_PAYLOAD_VERSION, ...known] });
    const { endpoint: e } = await made({ events: ['probe.item-grown'], version: FIRST_PAYLOAD_VERSION });
    expect((await as('PUT', `/${e.endpoint}`, { events: ['probe.*'] })).json()).toMatchObject({ type: '/problems/payload-version-retired' });
    expect((await as('PUT', `/${e.endpoint}`, { events: ['probe.*'], version: NEWEST })).status).toBe(200);
    expect((await as('PUT', `/${e.endpoint}`, { version: FIRST_PAYLOAD_VERSION })).json()).toMatchObject({ type: '/problems/payload-version-retired' });
    // Pinned by a program that could still make it.
    await su()('update webhooks.endpoint set version = $1, revision = revision + 1 where id = $2', [FIRST_PAYLOAD_VERSION, e.endpoint.slice(4)]);
    expect((await as('PUT', `/${e.endpoint}`, { description: 'The same' })).status).toBe(200);
    expect((await versions(e.endpoint)).changes.find((c) => c.type === 'probe.item-shut')).toMatchObject({ pinned: { version: 1, body: null } });
    await happen(ItemShut, { why: 'sold' });
    interface Row { delivery: string; type: string; status: string; reason: string | null }
    const rows = async (): Promise<Row[]> =>
      (await as('GET', `/${e.endpoint}/deliveries`)).json<{ deliveries: Row[] }>().deliveries.filter((d) => d.type === 'probe.item-shut');
    await until(async () => (await rows())[0]?.status === 'dead', 'it is dead');
    const [dead] = await rows() as [Row];
    expect(dead.reason).toBe('version_retired');
    expect(got).toEqual([]);
    const one = (method: 'GET' | 'POST', path: string): Promise<Answer> => h.request({
      method, path: `/api/webhooks/deliveries/${dead.delivery}${path}`, tenant: 'india', headers: machine });
    expect((await one('GET', '')).json()).toMatchObject({ body: null });
    // The receiver has no part in it.
    expect((await as('GET', `/${e.endpoint}`)).json()).toMatchObject({ endpoint: { failures: 0, state: 'active' } });
    await as('PUT', `/${e.endpoint}`, { version: NEWEST });
    expect(dataOfBody((await one('GET', '')).json<{ body: string }>().body)).toEqual({ why: 'sold' });
    await one('POST', '/replay');
    await until(() => got.length === 1, 'it arrives');
    expect(dataOfBody(got[0]?.body ?? null)).toEqual({ why: 'sold' });
  });

  it('of another tenant shows none of its versions', async () => {
    const { endpoint: e } = await made({ events: ['*'] });
    expect((await as('GET', `/${e.endpoint}/versions`, undefined, 'other')).status).toBe(404);
    expect((await as('PUT', `/${e.endpoint}`, { version: NEWEST }, 'other')).status).toBe(404);
  });
});

describe('a version', () => {
  it('is a day: each event is told as it was on it', () => {
    expect(payloadVersions([ItemChanged, ItemGrown, ItemShut])).toEqual([FIRST_PAYLOAD_VERSION, '2027-01-10', NEWEST]);
    const days = [FIRST_PAYLOAD_VERSION, '2027-01-09', '2027-01-10', '2027-01-31', NEWEST, '2099-01-01'];
    expect(days.map((day) => versionAt(ItemGrown, day))).toEqual([1, 1, 2, 2, 3, 3]);
    expect([1, 2, 3].map((v) => canMake(ItemGrown, v))).toEqual([true, true, true]);
    expect([1, 2].map((v) => canMake(ItemShut, v))).toEqual([false, true]);
  });

  it('is reached from whatever was written, without leaving what was written in it alone', () => {
    const in_ = (day: string, written: number, data: object): unknown => JSON.parse(dataIn(day, ItemGrown, written, JSON.stringify(data)) ?? 'null');
    expect(in_(FIRST_PAYLOAD_VERSION, 3, { sum: '7', currency: 'USD' })).toEqual({ n: 7 });
    expect(in_(FIRST_PAYLOAD_VERSION, 1, { n: 7 })).toEqual({ n: 7 });
    expect(in_('2027-01-10', 1, { n: 7 })).toEqual({ sum: '7' });
    expect(in_(NEWEST, 2, { sum: '7' })).toEqual({ sum: '7', currency: 'INR' });
    // Kept from when it was the newest: it needs nobody to make it.
    expect(dataIn(FIRST_PAYLOAD_VERSION, ItemShut, 1, '{}')).toBe('{}');
    expect(dataIn(FIRST_PAYLOAD_VERSION, ItemShut, 2, '{"why":"sold"}')).toBeUndefined();
    expect(dataIn(NEWEST, undefined, 9, '{"any":1}')).toBe('{"any":1}');
    expect(() => dataIn(NEWEST, ItemGrown, 4, '{}')).toThrow(RangeError);
  });

  it('of every event is told from its day on, with an example, or the program does not start', () => {
    for (const type of everyModule.flatMap((m) => m.events ?? [])) expect(versionsFault(type)).toBeUndefined();
    const grown = (downcast: EventType['downcast']): EventType =>
      event('probe.grown', { version: 2, doc: 'x', data: { n: z.string() }, ...(downcast ? { downcast } : {}) });
    const fit = { since: '2027-03-01', example: { n: '1' } };
    expect(versionsFault(grown({ 2: fit }))).toBeUndefined();
    for (const wrong of [undefined, {}, { 2: { ...fit, since: 'soon' } },
      { 2: { ...fit, since: FIRST_PAYLOAD_VERSION } }, { 2: { ...fit, example: { n: 1 } } }])
      expect(versionsFault(grown(wrong))).toMatch('probe.grown');
    expect(() => webhooksOver([grown(undefined)])).toThrow('since when its version 2 is');
  });
});
