import { afterAll, beforeAll, expect, it } from 'vitest';
import { notice, provide, systemClock } from '#kernel';
import { ensureMachine, signatureHeaders } from '#spine/identity';
import { house, type House, type SignedIn } from '#test';
import { notify } from './index.ts';
import { Providers, type Provider, type PushMessage } from './port.ts';

const text = { label: 'Tests', title: 'Test {{ n }}', body: 'Body {{ n }}', text: 'test {{ n }}' };
const pushed = notice('notify.pushed', { doc: 'x', lane: 'normal', offered: ['inbox', 'push'], chosen: ['inbox', 'push'], lifeMs: 86_400_000, values: ['n'],
  texts: { en: text, hi: text } });
const pushes: (PushMessage & { key: string })[] = [];
const browser: Provider<PushMessage> = { name: 'memory-push', send: async (m) => {
  pushes.push(m);
  return { state: 'accepted', providerId: m.key };
} };
let h: House;
beforeAll(async () => {
  h = await house({ limits: false, add: [{ name: 'products/notified', doc: 'Kinds of the tests.', needs: [], notices: [pushed] }],
    provided: () => [provide(Providers, () => ({ text: [], email: [], push: [browser], pushOrigins: ['https://push.example'],
      linkBase: () => 'http://office.example' }))] });
});
afterAll(() => h.stop());

const openings = async (person: string): Promise<unknown[]> => (await h.sql('IN', 'superuser')<{ data: string }>(
  "select data from events.log where topic = 'notify.opened' and key = $1 order by pos", [person])).map((e) => JSON.parse(e.data) as unknown);
const noticeOf = async (person: string, dedupe: string): Promise<string> => `ntc_${(await h.sql()<{ id: string }>(
  "select replace(id::text, '-', '') as id from notify.notice where person = $1 and dedupe = $2", [person, dedupe]))[0]?.id}`;
async function withBrowser(): Promise<SignedIn> {
  const who = await h.signIn();
  const added = await h.request({ method: 'POST', path: '/api/notifications/push', bearer: who.bearer,
    json: { endpoint: 'https://push.example/abc', keys: { p256dh: 'B'.repeat(87), auth: 'A'.repeat(22) } } });
  expect(added.status, added.text).toBe(200);
  return who;
}
/** Tells and sends one; resolves to the path by which a browser says that it was opened, and the provider's name of it. */
async function pushTo(who: SignedIn, dedupe: string): Promise<{ path: string; ref: string }> {
  await h.perform('india', (tx) => notify(tx, pushed, { person: who.person, dedupe, data: { n: 1 }, link: '/there' }));
  await h.runJobs();
  const sent = pushes.at(-1) as PushMessage & { key: string };
  return { path: (JSON.parse(sent.payload) as { opened: string }).opened.slice('http://office.example'.length), ref: sent.key };
}

it('a push message is opened when the browser says so, by a link that came with it and is good for nothing else', async () => {
  const who = await withBrowser();
  await pushTo(who, 'one');
  const stateOf = async (): Promise<string | undefined> =>
    (await h.sql()<{ state: string }>("select state from notify.message where person = $1 and channel = 'push'", [who.person]))[0]?.state;
  expect(await stateOf()).toBe('sent');
  const { opened, link } = JSON.parse(pushes.at(-1)?.payload ?? '{}') as { opened: string; link: string };
  expect([link, opened]).toEqual(['http://office.example/there', expect.stringMatching(/^http:\/\/office\.example\/api\/notifications\/opened\/[\w.-]+$/)]);
  const say = async (path: string, tenant = 'india'): Promise<number> => (await h.request({ method: 'POST', path, tenant })).status;
  const path = opened.slice('http://office.example'.length);
  expect(await say(path, 'other')).toBe(410);
  // Base64 leaves bits of the last letter unused: other letters that mean the same bytes are another link.
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'.split('').filter((c) => !path.endsWith(c));
  const others = [...letters.map((c) => `${path.slice(0, -1)}${c}`), `${path}.`, `${path}.x`];
  expect(new Set(await Promise.all(others.map((other) => say(other))))).toEqual(new Set([410]));
  expect(await stateOf()).toBe('sent');
  expect([await say(path), await say(path)]).toEqual([200, 200]);
  expect(await stateOf()).toBe('opened');
  expect(await say(path.replace('/opened/', '/unsubscribe/'))).toBe(410);
  expect(await openings(who.person)).toEqual([{ person: who.person, notice: await noticeOf(who.person, 'one'), channel: 'push' }]);
});

it('an opening is told once for a channel: said many times at once, by browser and provider in either order, and seen in the inbox', async () => {
  const who = await withBrowser();
  const key = await h.perform('india', (tx) => ensureMachine(tx, 'push provider', ['notify:receipts']));
  const byProvider = async (ref: string, states: readonly string[]): Promise<void> => {
    const body = JSON.stringify({ provider: 'memory-push', receipts: states.map((state) => ({ id: ref, state })) });
    const answer = await h.request({ method: 'POST', path: '/api/notifications/receipts', body,
      headers: { 'content-type': 'application/json', ...signatureHeaders(key, 'POST /api/notifications/receipts', body, systemClock.now().getTime()) } });
    expect([answer.status, answer.json()]).toEqual([200, { taken: states.length, unknown: 0 }]);
  };
  const byBrowser = async (path: string): Promise<number> => (await h.request({ method: 'POST', path })).status;
  const first = await pushTo(who, 'browser first');
  expect(new Set(await Promise.all(Array.from({ length: 8 }, () => byBrowser(first.path))))).toEqual(new Set([200]));
  await byProvider(first.ref, ['opened', 'delivered', 'opened']);
  const second = await pushTo(who, 'provider first');
  await byProvider(second.ref, ['delivered', 'opened', 'opened', 'sent']);
  await byProvider(second.ref, ['opened']);
  expect([await byBrowser(second.path), await byBrowser(second.path)]).toEqual([200, 200]);
  const at = async (dedupe: string, channel: string): Promise<unknown> => ({ person: who.person, notice: await noticeOf(who.person, dedupe), channel });
  expect(await openings(who.person)).toEqual([await at('browser first', 'push'), await at('provider first', 'push')]);
  const see = (json: object): Promise<{ status: number }> => h.request({ method: 'POST', path: '/api/notifications/seen', bearer: who.bearer, json });
  await see({ notices: [await noticeOf(who.person, 'provider first')] });
  await see({});
  await see({});
  expect((await openings(who.person)).slice(2)).toEqual([await at('provider first', 'inbox'), await at('browser first', 'inbox')]);
});
