import { createServer, type Server } from 'node:http';
import { Webhook } from 'standardwebhooks';
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest';
import { provide } from '#kernel';
import { everyModule, house, ItemChanged, probe, type Answer, type House } from '#test';
import { CHALLENGE_TRIES, ProofAsked, Reach } from './contract.ts';
import { webhooksOver } from './module.ts';
import { tokenEchoed } from './rules.ts';

let h: House;
let server: Server;
let url = '';
const got: { headers: Record<string, string>; body: string; path: string }[] = [];
type Message = { type: string; data: { token?: string; n?: number } };
const messageOf = (body: string): Message => JSON.parse(body) as Message;
let answer: (message: Message) => string | number | Promise<string>;
const echo = (m: Message): string => m.data.token ?? 'thanks';
beforeAll(async () => {
  server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
      const body = Buffer.concat(chunks).toString('utf8');
      got.push({ headers: req.headers as Record<string, string>, body, path: req.url ?? '' });
      void Promise.resolve(answer(messageOf(body))).then((said) =>
        res.writeHead(typeof said === 'number' ? said : 200).end(typeof said === 'number' ? '' : said));
    });
  });
  await new Promise<void>((done) => { server.listen(0, '127.0.0.1', done); });
  url = `http://127.0.0.1:${(server.address() as { port: number }).port}`;
  h = await house({
    modules: everyModule.map((m) => (m.name !== 'platform/webhooks' ? m : webhooksOver(
      [...everyModule.flatMap((x) => x.events ?? []), ItemChanged].filter((e) => !e.name.startsWith('webhooks.'))))),
    add: [probe()], workers: true, limits: false,
    provided: () => [provide(Reach, () => ({ loopback: true, timeoutMs: 1500 })), provide(ProofAsked, () => true)],
  });
});
afterAll(async () => {
  await h.stop();
  server.closeAllConnections();
  await new Promise<void>((done) => { server.close(() => done()); });
});
afterEach(async () => {
  for (const e of (await as('GET', '')).json<{ endpoints: View[] }>().endpoints) await as('DELETE', `/${e.endpoint}`);
  got.length = 0;
});

interface View { endpoint: string; state: string; unproven: string | null; waiting: number }
const as = (method: 'GET' | 'POST' | 'PUT' | 'DELETE', path: string, json?: object, tenant = 'india'): Promise<Answer> => h.request({
  method, path: `/api/webhooks/endpoints${path}`, tenant, headers: { 'x-probe-machine': 'webhooks:read,webhooks:manage' }, ...(json ? { json } : {}) });
async function make(more: object = {}): Promise<{ endpoint: View; secret: string }> {
  const made = await as('POST', '', { url: `${url}/hook`, description: 'A test', events: ['probe.*'], ...more });
  expect(made.status, made.text).toBe(201);
  return made.json();
}
const look = async (e: View): Promise<View> => (await as('GET', `/${e.endpoint}`)).json<{ endpoint: View }>().endpoint;
const becomes = (e: View, want: Partial<View>): Promise<void> => expect.poll(() => look(e), { timeout: 15_000 }).toMatchObject(want);
let key = 0;
const happen = async (n: number): Promise<void> => {
  expect((await h.request({ method: 'POST', path: '/api/probe/one', json: { key: `p${key += 1}`, n } })).status).toBe(200);
};
const asked = (): typeof got => got.filter((g) => messageOf(g.body).type === 'endpoint.verification');
const told = (): (number | undefined)[] => got.filter((g) => messageOf(g.body).type !== 'endpoint.verification').map((g) => messageOf(g.body).data.n);

it('an endpoint is sent nothing before it gave the token back; then all that waited', async () => {
  answer = () => 'thanks';
  const { endpoint: e, secret } = await make();
  expect(e).toMatchObject({ state: 'unverified', unproven: null });
  await becomes(e, { state: 'unverified', unproven: 'not_echoed' });
  const [question] = asked();
  const { data } = new Webhook(secret).verify(question?.body ?? '', question?.headers ?? {}) as Message;
  expect(data.token).toMatch(/^[\w-]{32}$/);
  const stored = await h.sql('IN', 'superuser')('select e.*, (select string_agg(data::text, chr(32)) from jobs.job) from webhooks.endpoint e');
  expect(JSON.stringify(stored)).not.toContain(data.token);
  await happen(1);
  await as('POST', `/${e.endpoint}/test`);
  await becomes(e, { waiting: 2 });
  expect((await as('POST', `/${e.endpoint}/enable`)).json()).toMatchObject({ state: 'unverified' });
  expect(told()).toEqual([]);
  answer = echo;
  expect((await as('POST', `/${e.endpoint}/verify`)).json()).toMatchObject({ state: 'unverified', unproven: null });
  await becomes(e, { state: 'active', unproven: null, waiting: 0 });
  expect([told().length, told().filter((n) => n === 1).length]).toEqual([2, 1]);
  // Whoever has answered is asked no more.
  const before = asked().length;
  expect((await as('POST', `/${e.endpoint}/verify`)).json()).toMatchObject({ state: 'active' });
  await happen(2);
  await expect.poll(() => told().includes(2), { timeout: 15_000 }).toBe(true);
  expect(asked().length).toBe(before);
});

it('another address is asked anew, in every order of changing, disabling and enabling', async () => {
  answer = (m) => (m.data.token ? JSON.stringify({ token: m.data.token }) : 'thanks');
  const { endpoint: e } = await make();
  await becomes(e, { state: 'active' });
  answer = () => 500;
  // The same address again proves nothing anew.
  expect((await as('PUT', `/${e.endpoint}`, { url: `${url}/hook`, description: 'The same' })).json()).toMatchObject({ state: 'active' });
  expect((await as('PUT', `/${e.endpoint}`, { url: `${url}/other` })).json()).toMatchObject({ state: 'unverified' });
  await becomes(e, { unproven: 'status 500' });
  await happen(3);
  await becomes(e, { waiting: 1 });
  expect((await as('POST', `/${e.endpoint}/disable`)).json()).toMatchObject({ state: 'disabled' });
  expect((await as('PUT', `/${e.endpoint}`, { url: `${url}/third` })).json()).toMatchObject({ state: 'disabled' });
  answer = echo;
  expect((await as('POST', `/${e.endpoint}/enable`)).json()).toMatchObject({ state: 'unverified' });
  await becomes(e, { state: 'active', waiting: 0 });
  expect(got.filter((g) => messageOf(g.body).data.n === 3).map((g) => g.path)).toEqual(['/third']);
});

it('a challenge is tried a few times by itself; an answer to an older one counts for nothing', async () => {
  answer = () => 410;
  const { endpoint: e } = await make();
  await becomes(e, { unproven: 'status 410', state: 'unverified' });
  const su = h.sql('IN', 'superuser');
  // The next try is written when the one before is over, which is after it was asked: its time is moved again until there is none.
  await expect.poll(async () => {
    await su("update jobs.job set run_at = created_at where name = 'webhooks.challenge' and run_at > created_at");
    return [asked().length, (await su("select 1 from jobs.job where name = 'webhooks.challenge'")).length];
  }, { timeout: 30_000 }).toEqual([CHALLENGE_TRIES, 0]);
  // While one is under way another is asked: its answer comes too late.
  answer = async (m) => {
    answer = () => 'never';
    await as('POST', `/${e.endpoint}/verify`);
    return echo(m);
  };
  const from = asked().length;
  await as('POST', `/${e.endpoint}/verify`);
  await expect.poll(() => asked().length, { timeout: 15_000 }).toBe(from + 2);
  await becomes(e, { unproven: 'not_echoed' });
});

it('another tenant has none to ask, and one that is removed is asked no more', async () => {
  answer = () => 500;
  const { endpoint: e } = await make();
  expect((await as('POST', `/${e.endpoint}/verify`, undefined, 'other')).status).toBe(404);
  await becomes(e, { unproven: 'status 500' });
  await as('DELETE', `/${e.endpoint}`);
  const su = h.sql('IN', 'superuser');
  await expect.poll(async () => {
    await su("update jobs.job set run_at = created_at where name = 'webhooks.challenge' and run_at > created_at");
    return (await su("select 1 from jobs.job where name = 'webhooks.challenge'")).length;
  }, { timeout: 15_000 }).toBe(0);
  expect(asked()).toHaveLength(1);
});

it('only the token itself is an answer, plain or as JSON', () => {
  expect(['abc', ' abc\n', '{"token":"abc","ok":true}'].map((text) => tokenEchoed(text, 'abc'))).toEqual([true, true, true]);
  const echoOfAll = '{"type":"endpoint.verification","data":{"token":"abc"}}';
  expect([echoOfAll, '', 'abcd', '{"token":"ab"}', 'null', '["abc"]', '"abc"'].map((text) => tokenEchoed(text, 'abc'))).toEqual(Array(7).fill(false));
});
