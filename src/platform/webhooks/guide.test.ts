import { createHmac } from 'node:crypto';
import { createServer, type Server } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { event, provide, systemClock, systemRandom, uuid } from '#kernel';
import { everyModule, house, ItemChanged, ItemGrown, ItemShut, operatorOf, probe, testTenants, type Answer, type House } from '#test';
import { z } from 'zod';
import { LADDER_SECONDS, Reach, VERDICTS, type Verdict } from './contract.ts';
import { webhooksOver } from './module.ts';
import { newSecret, signature, signingKey } from './rules.ts';
import { openSecrets, sealSecrets } from './service/endpoints.ts';
import { readHeaders } from './service/check.ts';
import { catalogued, exampleOf, happening, valueOf } from './service/examples.ts';
import { endpointsOf, writeEndpoint, type EndpointRow } from './store/endpoints.ts';

let h: House;
let server: Server;
let url = '';
let status = 200;
interface Got { readonly headers: Record<string, string>; readonly body: string }
const got: Got[] = [];
beforeAll(async () => {
  server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      got.push({ headers: req.headers as Record<string, string>, body: Buffer.concat(chunks).toString('utf8') });
      res.writeHead(status).end();
    });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}/hook`;
  h = await house({
    modules: everyModule.map((m) => (m.name !== 'platform/webhooks' ? m : webhooksOver(
      [...everyModule.flatMap((x) => x.events ?? []), ItemChanged].filter((e) => !e.name.startsWith('webhooks.'))))),
    tenants: testTenants, add: [probe()], workers: true, limits: false, provided: () => [provide(Reach, () => ({ loopback: true }))],
  });
});
afterAll(async () => {
  await h.stop();
  server.closeAllConnections();
  await new Promise<void>((done) => { server.close(() => done()); });
});

const as = (method: 'GET' | 'POST' | 'DELETE', path: string, json?: object, tenant = 'india', permissions = 'webhooks:read,webhooks:manage'): Promise<Answer> =>
  h.request({ method, path: `/api/webhooks/${path}`, tenant, headers: { 'x-probe-machine': permissions }, ...(json ? { json } : {}) });
interface Made { readonly endpoint: { readonly endpoint: string }; readonly secret: string }
const made = async (more: object = {}, tenant = 'india'): Promise<Made> => {
  const answer = await as('POST', 'endpoints', { url, description: 'A test', events: ['probe.*'], ...more }, tenant);
  expect(answer.status, answer.text).toBe(201);
  return answer.json();
};
async function until(what: () => boolean | Promise<boolean>, why: string): Promise<void> {
  const end = systemClock.monotonicMs() + 15_000;
  while (!await what()) {
    if (systemClock.monotonicMs() > end) throw new Error(`never: ${why}`);
    await systemClock.sleep(20);
  }
}
/** A test, as it arrived. */
async function received(endpoint: string): Promise<Got> {
  got.length = 0;
  expect((await as('POST', `endpoints/${endpoint}/test`)).status).toBe(200);
  await until(() => got.length > 0, 'the test arrives');
  return got[0] as Got;
}
const lines = (headers: Readonly<Record<string, string>>): string => Object.entries(headers).map(([name, value]) => `${name}: ${value}`).join('\r\n');
interface Checked { valid: boolean; verdict: Verdict; header: string | null; secret: string | null; ageSeconds: number | null; endpoint: string | null }
async function check(endpoint: string, headers: Readonly<Record<string, string>> | string, body: string): Promise<Checked> {
  const json = { headers: typeof headers === 'string' ? headers : lines(headers), body };
  const answer = await as('POST', `endpoints/${endpoint}/check`, json, 'india', 'webhooks:read');
  expect(answer.status, answer.text).toBe(200);
  return answer.json();
}
interface Guide { start: { endpoints: number; endpoint: string | null; tested: boolean; answeredAt: string | null; filters: string[];
  wanted: number; offered: number }; rules: { ladderSeconds: number[] } }
const guide = async (tenant = 'india'): Promise<Guide> => (await as('GET', 'guide', undefined, tenant)).json();

describe('the guide', () => {
  it('says how far the tenant is, step by step, and nothing of another tenant', async () => {
    const before = await guide();
    expect(before.start).toMatchObject({ endpoints: 0, endpoint: null, tested: false, answeredAt: null, filters: [], wanted: 0 });
    expect(before.rules.ladderSeconds).toEqual(LADDER_SECONDS);
    const { endpoint: e } = await made({ events: ['identity.*'] });
    const wanted = everyModule.flatMap((m) => m.events ?? []).filter((event) => event.name.startsWith('identity.')).length;
    expect(wanted).toBeGreaterThan(1);
    expect((await guide()).start).toMatchObject({ endpoints: 1, endpoint: e.endpoint, tested: false, answeredAt: null, filters: ['identity.*'], wanted });
    status = 500;
    await received(e.endpoint);
    expect((await guide()).start).toMatchObject({ tested: true, answeredAt: null });
    status = 200;
    await received(e.endpoint);
    await until(async () => (await guide()).start.answeredAt !== null, 'it answered');
    // A newer one that is not as far does not stand before it.
    const { endpoint: newer } = await made();
    expect((await guide()).start).toMatchObject({ endpoints: 2, endpoint: e.endpoint, tested: true });
    expect((await guide('other')).start).toMatchObject({ endpoints: 0, endpoint: null });
    for (const one of [e, newer]) await as('DELETE', `endpoints/${one.endpoint}`);
  });

  it('lists what may happen at the tenant, and nothing of products that it has not turned on', async () => {
    const { events } = (await as('GET', 'catalogue')).json<{ events: { name: string; doc: string; versions: { body: string }[] }[] }>();
    const names = events.map((e) => e.name);
    expect(names).toEqual(names.toSorted());
    expect(names).toEqual(expect.arrayContaining(['taxrefund.changed', 'identity.signed-in', 'webhooks.endpoint-changed']));
    expect(names.filter((n) => /^wallet\.|delivery-dead/.test(n))).toEqual([]);
    for (const e of events) expect([e.doc.length > 10, ...Object.keys(JSON.parse(e.versions[0]?.body ?? '') as object)])
      .toEqual([true, 'type', 'timestamp', 'data']);
    const offered = new Map(everyModule.flatMap((m) => m.events ?? []).map((e) => [e.name, e]));
    expect(happening(offered, everyModule, ['wallet']).map((e) => e.name)).toContain('wallet.paid');
  });
});

describe('an example', () => {
  it.each(everyModule.flatMap((m) => m.events ?? []).map((e) => [e.name, e] as const))('of %s is of its own shape, as are its older ones', (_, type) => {
    expect(type.data.safeParse(exampleOf(type)).error).toBeUndefined();
    const shown = catalogued(type);
    const body = JSON.parse(shown.versions[0]?.body ?? '') as { type: string; timestamp: string; data: unknown };
    expect(body).toEqual({ type: type.name, timestamp: '2026-11-01T08:00:00.000Z', data: exampleOf(type) });
    expect(shown.fields.map((f) => f.name.replace(/\?$/, ''))).toEqual(Object.keys(type.data.shape));
    expect(catalogued(type)).toEqual(shown);
  });

  it('of an event with versions has the body of each, and none of one that nobody makes', () => {
    const data = (type: typeof ItemGrown | typeof ItemShut): unknown[] => catalogued(type).versions.map((v) => [v.version, v.since,
      v.body === null ? null : (JSON.parse(v.body) as { data: unknown }).data]);
    expect(data(ItemGrown)).toEqual([[3, '2027-02-01', { sum: '5', currency: 'INR' }], [2, '2027-01-10', { sum: '5' }], [1, '2026-11-01', { n: 5 }]]);
    expect(data(ItemShut)).toEqual([[2, '2027-01-10', { why: 'sold' }], [1, '2026-11-01', null]]);
  });

  it('fits whatever a module may declare, or says that it cannot', () => {
    const odd = event('odd.one', { version: 1, doc: 'x', data: {
      list: z.array(z.strictObject({ day: z.iso.date(), at: z.iso.datetime({ offset: true }) })).min(2), map: z.record(z.string(), z.int()), yes: z.boolean(),
      one: z.literal('x'), few: z.int().min(5).max(9), less: z.int().max(-3), above: z.number().gt(4), either: z.union([z.int(), z.string()]),
      maybe: z.string().optional(), none: z.null(), id: z.string().regex(/^abc_[0-9a-f]{32}$/), short: z.string().max(3), long: z.string().min(40),
      said: z.string().regex(/^rare-\d$/).meta({ examples: ['rare-7'] }),
    } });
    expect(odd.data.safeParse(exampleOf(odd)).error).toBeUndefined();
    expect(exampleOf(odd).said).toBe('rare-7');
    expect(() => valueOf({ type: 'string', pattern: '^rare-\\d$' })).toThrow('give the field one');
  });
});

describe('a pasted request', () => {
  it.each(['v1', 'v1a'] as const)('that really came is found good (%s), also after a rotation, and each change to it is named', async (kind) => {
    const { endpoint: e } = await made({ signature: kind });
    const { endpoint: other } = await made({ signature: kind, description: 'Another' });
    const [id, foreign] = [e.endpoint, other.endpoint];
    const { headers, body } = await received(id);
    expect(await check(id, headers, body)).toMatchObject({ valid: true, verdict: 'valid', secret: 'current', header: null, endpoint: null });
    expect(await check(id, JSON.stringify(headers), body)).toMatchObject({ verdict: 'valid' });
    expect(await check(id, Object.entries(headers).map(([n, v]) => `  -H '${n}: ${v}' \\`).join('\n'), body)).toMatchObject({ verdict: 'valid' });
    const verdict = async (h2: Record<string, string> | string, b = body, to = id): Promise<Verdict> => (await check(to, h2, b)).verdict;
    const signed = headers['webhook-signature'] as string;
    const swapped = `${signed.slice(0, -6)}${signed.slice(-6, -5) === 'A' ? 'B' : 'A'}${signed.slice(-5)}`;
    expect(await Promise.all([
      verdict(headers, body.replace('true', 'false')), verdict(headers, `${body}\n`), verdict(headers, JSON.stringify(JSON.parse(body), null, 2)),
      verdict(headers, ''), verdict(headers, body, foreign), verdict({ ...headers, 'webhook-signature': swapped }),
      verdict({ ...headers, 'webhook-timestamp': '1795248000' }), verdict({ ...headers, 'webhook-id': `evt_${'f'.repeat(32)}` }),
      verdict({ ...headers, 'webhook-id': 'x' }), verdict({ ...headers, 'webhook-timestamp': '1795248000000' }), verdict(''),
      verdict({ ...headers, 'webhook-signature': 'sha256=00' }), verdict({ ...headers, 'webhook-signature': swapped }, '{}'),
      verdict({ ...headers, 'webhook-signature': kind === 'v1' ? `v1a,${'A'.repeat(86)}==` : `v1,${'A'.repeat(43)}=` }),
    ])).toEqual(['body-changed', 'body-changed', 'body-changed', 'body-changed', 'other-endpoint', 'signature-changed', 'signature-changed', 'unknown-id',
      'unknown-id', 'timestamp-malformed', 'header-missing', 'signature-malformed', 'wrong-secret', 'other-scheme']);
    expect(await check(foreign, headers, body)).toMatchObject({ endpoint: id });
    expect(await check(id, { 'webhook-id': 'x', 'webhook-timestamp': '1' }, '')).toMatchObject({ verdict: 'header-missing', header: 'webhook-signature' });
    expect((await as('POST', `endpoints/${id}/rotate`, { graceHours: 1 })).status).toBe(200);
    expect(await check(id, headers, body)).toMatchObject({ valid: true, secret: 'previous' });
    expect((await as('POST', `endpoints/${id}/rotate`, { graceHours: 1 })).status).toBe(200);
    // Twice rotated, no key of today made it; its id and body are what was sent.
    expect(await verdict(headers)).toBe('signature-changed');
    for (const one of [id, foreign]) await as('DELETE', `endpoints/${one}`);
  });

  it('of the developer’s own making is judged by the secret: how old, and which mistake', async () => {
    const { endpoint: e, secret } = await made();
    const now = Math.floor(systemClock.now().getTime() / 1000);
    const body = '{"a":1}';
    const at = (seconds: number, signed: string): Record<string, string> =>
      ({ 'webhook-id': 'mine', 'webhook-timestamp': String(seconds), 'webhook-signature': signed });
    const by = (seconds: number, key = secret): Record<string, string> => at(seconds, signature(signingKey(key), 'mine', seconds, Buffer.from(body)));
    const v1 = (key: string | Buffer, content: string): string => `v1,${createHmac('sha256', key).update(content).digest('base64')}`;
    const verdict = async (headers: Record<string, string>): Promise<Verdict> => (await check(e.endpoint, headers, body)).verdict;
    const raw = secret.replace('whsec_', '');
    expect(await Promise.all([by(now), by(now - 200), by(now - 400), by(now + 400), by(now, newSecret('v1', systemRandom.bytes(32)).secret),
      at(now, v1(secret, `mine.${now}.${body}`)), at(now, v1(raw, `mine.${now}.${body}`)), at(now, v1(Buffer.from(raw, 'base64'), body)),
      at(now, v1(Buffer.from(raw, 'base64'), `${now}.${body}`))].map(verdict)))
      .toEqual(['valid', 'valid', 'too-old', 'too-new', 'unknown-id', 'secret-as-text', 'secret-as-text', 'parts-missing', 'parts-missing']);
    expect(await check(e.endpoint, by(now - 400), body)).toMatchObject({ valid: false, secret: 'current', ageSeconds: expect.closeTo(400, -1) });
    // Beside another signature, as while a secret is changed over.
    expect(await verdict(at(now, `v1,${'A'.repeat(43)}= ${by(now)['webhook-signature']}`))).toBe('valid');
    expect((await as('POST', `endpoints/${e.endpoint}/rotate`, { graceHours: 24 })).status).toBe(200);
    expect(await check(e.endpoint, by(now), body)).toMatchObject({ valid: true, secret: 'previous' });
    // As it stands when the hours are over.
    await h.perform('india', async (tx) => {
      const row = (await endpointsOf(tx.sql, tx.tenant.id)).find((one) => e.endpoint.endsWith(uuid(one.id))) as EndpointRow;
      const over = { ...openSecrets(tx, row), previousUntil: '2026-01-01T00:00:00.000Z' };
      await writeEndpoint(tx.sql, tx.tenant.id, { ...row, secrets: sealSecrets(tx, uuid(row.id), over) });
    });
    expect(await check(e.endpoint, by(now), body)).toMatchObject({ valid: false, verdict: 'old-secret', secret: 'over' });
    await as('DELETE', `endpoints/${e.endpoint}`);
  });

  it('too large, of nobody’s endpoint or of another tenant’s is refused; each look leaves a fact, and never a secret or what was pasted', async () => {
    const { endpoint: e, secret } = await made();
    const ask = (json: object, tenant = 'india', permissions = 'webhooks:read'): Promise<Answer> =>
      as('POST', `endpoints/${e.endpoint}/check`, json, tenant, permissions);
    expect((await ask({ headers: 'x'.repeat(8193), body: '' })).json()).toMatchObject({ status: 422,
      type: '/problems/webhook-check-too-large', field: 'headers', limit: 8192 });
    expect((await ask({ headers: '', body: '€'.repeat(90_000) })).json()).toMatchObject({ type: '/problems/webhook-check-too-large', field: 'body' });
    expect((await ask({ headers: '', body: '"'.repeat(256 * 1024) })).status).toBe(200);
    expect((await ask({ headers: '', body: 'x'.repeat(1_100_000) })).status).toBe(413);
    expect((await ask({ headers: '', body: '' }, 'other')).status).toBe(404);
    expect((await ask({ headers: '', body: '' }, 'india', 'webhooks:manage')).status).toBe(403);
    const pasted = 'CANARY-PASTED';
    const answer = await ask({ headers: `webhook-id: ${pasted}\nwebhook-timestamp: 1\nwebhook-signature: v1,${'A'.repeat(43)}=`, body: pasted });
    expect(answer.json()).toMatchObject({ valid: false, verdict: 'unknown-id' });
    expect(answer.text).not.toContain(secret.slice(6));
    const facts = await h.sql('IN', 'superuser')<{ fact: string }>(
      "select to_jsonb(f)::text as fact from audit.entry f where action = 'webhooks.signature-checked' and f.resource = $1 order by seq", [e.endpoint]);
    expect(facts.filter((f) => f.fact.includes('unknown-id'))).toHaveLength(1);
    expect(facts.map((f) => f.fact).join()).not.toContain(pasted);
    // Hostile texts come to an end.
    for (const headers of ['webhook-id:'.repeat(700), `${' '.repeat(8000)}x`, `${'"'.repeat(8000)}`, 'webhook-signature: v1,\u0000'])
      expect(readHeaders(headers, 'v1')).toHaveProperty('verdict');
    await as('DELETE', `endpoints/${e.endpoint}`);
  });

  it('is for operators of the role developer', async () => {
    const [developer, accountant] = [await operatorOf(h, 'developer'), await operatorOf(h, 'accountant')];
    const look = (who: typeof developer, path: string): Promise<Answer> => h.request({ path: `/api/webhooks/${path}`, cookies: who.cookies });
    for (const path of ['guide', 'catalogue']) expect([(await look(developer, path)).status, (await look(accountant, path)).status]).toEqual([200, 403]);
    expect(VERDICTS[0]).toBe('valid');
  });
});
