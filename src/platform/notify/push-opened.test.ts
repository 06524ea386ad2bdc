import { afterAll, beforeAll, expect, it } from 'vitest';
import { notice, provide } from '#kernel';
import { house, type House } from '#test';
import { notify } from './index.ts';
import { Providers, type Provider, type PushMessage } from './port.ts';

const text = { label: 'Tests', title: 'Test {{ n }}', body: 'Body {{ n }}', text: 'test {{ n }}' };
const pushed = notice('notify.pushed', { doc: 'x', lane: 'normal', offered: ['inbox', 'push'], chosen: ['inbox', 'push'], lifeMs: 86_400_000, values: ['n'],
  texts: { en: text, hi: text } });
const pushes: PushMessage[] = [];
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

it('a push message is opened when the browser says so, by a link that came with it and is good for nothing else', async () => {
  const who = await h.signIn();
  const added = await h.request({ method: 'POST', path: '/api/notifications/push', bearer: who.bearer,
    json: { endpoint: 'https://push.example/abc', keys: { p256dh: 'B'.repeat(87), auth: 'A'.repeat(22) } } });
  expect(added.status, added.text).toBe(200);
  await h.perform('india', (tx) => notify(tx, pushed, { person: who.person, dedupe: 'one', data: { n: 1 }, link: '/there' }));
  await h.runJobs();
  const stateOf = async (): Promise<string | undefined> =>
    (await h.sql()<{ state: string }>("select state from notify.message where person = $1 and channel = 'push'", [who.person]))[0]?.state;
  expect(await stateOf()).toBe('sent');
  const { opened, link } = JSON.parse(pushes.at(-1)?.payload ?? '{}') as { opened: string; link: string };
  expect([link, opened]).toEqual(['http://office.example/there', expect.stringMatching(/^http:\/\/office\.example\/api\/notifications\/opened\/[\w.-]+$/)]);
  const say = async (path: string, tenant = 'india'): Promise<number> => (await h.request({ method: 'POST', path, tenant })).status;
  const path = opened.slice('http://office.example'.length);
  expect(await say(path, 'other')).toBe(410);
  expect(await say(`${path.slice(0, -1)}${path.endsWith('A') ? 'B' : 'A'}`)).toBe(410);
  expect(await stateOf()).toBe('sent');
  expect([await say(path), await say(path)]).toEqual([200, 200]);
  expect(await stateOf()).toBe('opened');
  expect(await say(path.replace('/opened/', '/unsubscribe/'))).toBe(410);
});
