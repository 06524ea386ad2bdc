import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notice, provide, systemClock, uuidOf, type Tx, type Uuid } from '#kernel';
import { ensureMachine, signatureHeaders } from '#spine/identity';
import { loadTenantKeys } from '#spine/vault';
import { house, operatorOf, somebody, wallets, type House, type MadeOperator, type SignedIn } from '#test';
import { HOURLY, notify, notifyAll, type Inbox, type Preferences } from './index.ts';
import { Providers, type Mail, type Provider, type SendResult } from './port.ts';

const text = { label: 'Tests', title: 'Test {{ n }} of {{ office }}', body: 'Body {{ n }}', text: 'test {{ n }}' };
const spec = { doc: 'x', offered: ['inbox', 'text', 'email'], chosen: ['inbox', 'text', 'email'], lifeMs: 3 * 86_400_000, values: ['n'],
  texts: { en: text, hi: { ...text, title: 'परीक्षा {{ n }} {{ office }}' } } } as const;
const normal = notice('notify.test', { ...spec, lane: 'normal' });
const critical = notice('notify.code', { ...spec, lane: 'critical', lifeMs: 300_000 });

/** Mail that stays here, with moods. */
function memoryMail(): Provider<Mail> & { sent: (Mail & { key: string })[]; moods: ('fail' | 'refuse')[] } {
  const sent: (Mail & { key: string })[] = [];
  const moods: ('fail' | 'refuse')[] = [];
  return {
    name: 'memory-mail', sent, moods,
    async send(m): Promise<SendResult> {
      const mood = moods.shift();
      if (mood === 'fail') throw new Error('the line broke');
      if (mood === 'refuse') return { state: 'refused', reason: 'no such box', gone: true };
      sent.push(m);
      return { state: 'accepted', providerId: m.key };
    },
  };
}

let h: House;
let operator: MadeOperator;
const mail = memoryMail();
beforeAll(async () => {
  h = await house({
    limits: false,
    add: [{ name: 'products/notified', doc: 'Kinds of the tests.', needs: [], notices: [normal, critical] }],
    provided: () => [provide(Providers, () => ({
      text: [h.messages],
      email: [mail], push: [], from: 'office@example.com', linkBase: () => 'http://office.example',
    }))],
  });
  operator = await operatorOf(h);
});
afterAll(() => h.stop());

/** Brings the time of every waiting message here. */
const UNSTUCK = "update jobs.job set run_at = created_at, lease_until = null, worker = null, sent_at = sent_at - interval '1 minute' where name = $1";
const own = { 'sec-fetch-site': 'same-origin' };
const tell = (person: Uuid, n: number, kind = normal, slug = 'india'): Promise<boolean> =>
  h.perform(slug, (tx) => notify(tx, kind, { person, dedupe: `n${n}`, data: { n }, link: '/there' }));
const inboxOf = async (who: SignedIn): Promise<Inbox> => (await h.request({ path: '/api/notifications', bearer: who.bearer })).json<Inbox>();
const choose = (who: SignedIn, json: object): Promise<unknown> => h.request({ method: 'PUT', path: '/api/notifications/preferences', bearer: who.bearer,
  json });
const messagesOf = (person: Uuid): Promise<{ channel: string; state: string; reason: string | null; attempts: number }[]> =>
  h.sql()<{ channel: string; state: string; reason: string | null;
    attempts: number }>('select channel, state, reason, attempts from notify.message where person = $1 order by id', [person]);
const newest = <R extends Record<string, unknown>>(person: Uuid): Promise<R[]> =>
  h.sql()<R>("select provider_ref as ref, id from notify.message where person = $1 and channel = 'email' order by id desc limit 1", [person]);
const textsTo = (phone: string): string[] => h.messages.sent.filter((m) => m.to === phone && !/[0-9]{6}/.test(m.text)).map((m) => m.text);

async function withMail(): Promise<{ who: SignedIn; phone: string; email: string }> {
  const person = somebody();
  const who = await h.signIn(person);
  const email = `made.up.${who.person.slice(-8)}@example.com`;
  await h.request({ method: 'POST', path: '/api/notifications/emails', bearer: who.bearer, json: { email } });
  await h.runJobs();
  const link = /\/notifications\/confirm\/([\w.-]+)/.exec(mail.sent.findLast((m) => m.to === email)?.text ?? '')?.[1];
  const confirmed = await h.request({ method: 'POST', path: `/api/notifications/confirm/${link}` });
  if (confirmed.status !== 200) throw new Error(confirmed.text);
  return { who, phone: person.phone, email };
}

describe('a notice', () => {
  it('reaches the inbox at once, the phone and the mail by jobs, and is opened by being seen', async () => {
    const { who, phone, email } = await withMail();
    const office = h.tenant('india').name;
    expect(await tell(who.person, 1)).toBe(true);
    const before = await inboxOf(who);
    expect(before).toMatchObject({ unseen: 1, next: null, notices: [{ title: `Test 1 of ${office}`, body: 'Body 1', link: '/there', seen: false }] });
    await h.runJobs();
    expect(textsTo(phone)).toEqual([`${office}: test 1`]);
    const sent = mail.sent.findLast((m) => m.to === email) as Mail;
    expect(sent).toMatchObject({ subject: `Test 1 of ${office}`, from: 'office@example.com' });
    expect(sent.text).toContain('http://office.example/there');
    expect(sent.html).toContain(`href="http://office.example/there" style="color:${h.tenant('india').brand.accent}"`);
    expect(await messagesOf(who.person)).toMatchObject([
      { channel: 'email', state: 'sent' }, { channel: 'inbox', state: 'delivered' }, { channel: 'text', state: 'sent', attempts: 1 },
        { channel: 'email', state: 'sent', attempts: 1 },
    ]);
    const seen = await h.request({ method: 'POST', path: '/api/notifications/seen', bearer: who.bearer, json: {} });
    expect(seen.json()).toEqual({ unseen: 0 });
    expect((await messagesOf(who.person)).find((m) => m.channel === 'inbox')?.state).toBe('opened');
    expect((await inboxOf(who)).notices[0]?.seen).toBe(true);
  });

  it('told twice, also by two processes at once, is one notice and one message a channel', async () => {
    const person = somebody();
    const who = await h.signIn(person);
    const other = h.anotherCell();
    const { transact, bind } = await import('#kernel');
    const tellIn = (cell: typeof other): Promise<boolean> => transact(cell, cell.pools.app, [{
      tenant: h.tenant('india'), run: (tx) => notify(bind(tx, { actor: { kind: 'system', name: 'test' }, trace: 'a'.repeat(32) }), normal,
        { person: who.person, dedupe: 'same', data: { n: 7 } }),
    }]).then(([told]) => told as boolean);
    const told = await Promise.all(Array.from({ length: 20 }, (_, i) => tellIn(i % 2 ? other : h.cell())));
    expect(told.filter(Boolean)).toHaveLength(1);
    await h.runJobs();
    expect(textsTo(person.phone)).toHaveLength(1);
    expect((await inboxOf(who)).notices).toHaveLength(1);
  });

  it('of a transaction that is rolled back was never told', async () => {
    const who = await h.signIn();
    await expect(h.perform('india', async (tx) => {
      await notify(tx, normal, { person: who.person, dedupe: 'never', data: { n: 1 } });
      throw new Error('undone');
    })).rejects.toThrow('undone');
    expect(await messagesOf(who.person)).toEqual([]);
  });

  it('is one person’s and one office’s only', async () => {
    const [who, neighbour, elsewhere] = [await h.signIn(), await h.signIn(), await h.signIn(somebody('other'))];
    await tell(who.person, 1);
    const [item] = (await inboxOf(who)).notices;
    expect((await inboxOf(neighbour)).notices).toEqual([]);
    await h.request({ method: 'POST', path: '/api/notifications/seen', bearer: neighbour.bearer, json: { notices: [item?.notice] } });
    expect((await inboxOf(who)).unseen).toBe(1);
    const theirs = await h.request({ tenant: 'other', path: '/api/notifications', bearer: elsewhere.bearer });
    expect(theirs.json<Inbox>().notices).toEqual([]);
  });
});

describe('what a person chose', () => {
  it('is what they get: no text, no mail, nothing in the inbox', async () => {
    const { who, phone, email } = await withMail();
    await choose(who, { choices: ['inbox', 'text', 'email'].map((channel) => ({ kind: 'notify.test', channel, on: false })) });
    await tell(who.person, 5);
    await h.runJobs();
    expect(textsTo(phone)).toEqual([]);
    expect(mail.sent.filter((m) => m.to === email && m.subject.startsWith('Test'))).toEqual([]);
    expect((await inboxOf(who)).notices).toEqual([]);
    expect((await messagesOf(who.person)).slice(1).map((m) => [m.state, m.reason])).toEqual(Array.from({ length: 3 }, () => ['suppressed', 'not-wanted']));
  });
  it('is asked when a message leaves, not when it was made', async () => {
    const person = somebody();
    const who = await h.signIn(person);
    await tell(who.person, 6);
    await choose(who, { choices: [{ kind: 'notify.test', channel: 'text', on: false }] });
    await h.runJobs();
    expect(textsTo(person.phone)).toEqual([]);
  });
  it('cannot turn off what is critical, nor choose what is not offered', async () => {
    const who = await h.signIn();
    const put = (json: object): Promise<number> => h.request({ method: 'PUT', path: '/api/notifications/preferences', bearer: who.bearer, json }).then((a) =>
      a.status);
    expect(await put({ choices: [{ kind: 'notify.code', channel: 'text', on: false }] })).toBe(422);
    expect(await put({ choices: [{ kind: 'notify.test', channel: 'push', on: true }] })).toBe(422);
    expect(await put({ choices: [{ kind: 'no.such', channel: 'text', on: true }] })).toBe(404);
    expect(await put({ quiet: { from: 0, to: 60, zone: 'Mars/Olympus' } })).toBe(422);
    expect(await put({ quiet: { from: 0, to: 1440, zone: 'UTC' } })).toBe(422);
  });
  it('quiet hours hold a message until the morning, but never a critical one', async () => {
    const person = somebody();
    const who = await h.signIn(person);
    const now = systemClock.now();
    const minute = now.getUTCHours() * 60 + now.getUTCMinutes();
    await choose(who, { quiet: { from: (minute + 1380) % 1440, to: (minute + 120) % 1440, zone: 'UTC' } });
    await tell(who.person, 8);
    await tell(who.person, 9, critical);
    await h.runJobs();
    expect(textsTo(person.phone)).toEqual([`${h.tenant('india').name}: test 9`]);
    const [waiting] = (await messagesOf(who.person)).filter((m) => m.channel === 'text' && m.state === 'waiting');
    expect(waiting).toMatchObject({ reason: 'quiet-hours' });
    await choose(who, { quiet: null });
    // The job waits for the morning; the morning is brought here.
    await h.sql('IN', 'superuser')('update jobs.job set run_at = created_at where name = $1', ['notify.send']);
    await h.runJobs();
    expect(textsTo(person.phone)).toHaveLength(2);
  });
  it('one click in a mail ends that kind of mail, without signing in, again and again', async () => {
    const { who, email } = await withMail();
    await tell(who.person, 10);
    await h.runJobs();
    const sent = mail.sent.findLast((m) => m.to === email) as Mail;
    expect(sent.headers['List-Unsubscribe-Post']).toBe('List-Unsubscribe=One-Click');
    const path = /<http:\/\/office\.example(\/api\/[^>]+)>/.exec(sent.headers['List-Unsubscribe'] ?? '')?.[1] as string;
    const click = (address = path): Promise<number> =>
      h.request({ method: 'POST', path: address, headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: 'List-Unsubscribe=One-Click' }).then((a) => a.status);
    expect(await click()).toBe(200);
    expect(await click()).toBe(200);
    expect(await click(`${path.slice(0, -20)}${path.at(-20) === 'A' ? 'B' : 'A'}${path.slice(-19)}`)).toBe(410);
    await tell(who.person, 11);
    await h.runJobs();
    expect((await messagesOf(who.person)).at(-1)).toMatchObject({ channel: 'email', state: 'suppressed', reason: 'not-wanted' });
    // The same link opened in a browser only asks.
    const page = await h.browser().open(path.replace('/api', ''));
    expect(page.text).toContain('Stop mail of this kind?');
  });
});

describe('sending', () => {
  it('too many for one person wait, and none is dropped', async () => {
    const person = somebody();
    const who = await h.signIn(person);
    const count = HOURLY.text + 3;
    await h.perform('india', (tx) => notifyAll(tx.section, tx, normal, Array.from({ length: count },
      (_, n) => ({ person: who.person, dedupe: `many ${n}`, data: { n } }))));
    await h.runJobs();
    expect(textsTo(person.phone)).toHaveLength(HOURLY.text);
    const rows = (await messagesOf(who.person)).filter((m) => m.channel === 'text');
    expect(rows.filter((m) => m.state === 'waiting' && m.reason === 'too-many')).toHaveLength(3);
    expect(rows.filter((m) => m.state === 'sent')).toHaveLength(HOURLY.text);
  });
  it('a provider that takes only so many a minute is sent them one after another, and what is critical at once', async () => {
    const people = await Promise.all(Array.from({ length: 4 }, async () => h.signIn(somebody('other'))));
    const slow = h.anotherCell('IN', [provide(Providers, () => ({
      text: [{ name: 'slow', send: async (m) => ({ state: 'accepted', providerId: m.key }) }], email: [], push: [], perMinute: { text: 60 },
    }))]);
    await loadTenantKeys(slow, h.tenant('other'));
    const { transact } = await import('#kernel');
    await transact(slow, slow.pools.app, [{ tenant: h.tenant('other'), run: async (tx) => {
      const by = { actor: { kind: 'system', name: 'test' }, trace: 'b'.repeat(32) } as const;
      await notifyAll(tx, by, normal, people.map((p) => ({ person: p.person, dedupe: 'paced', data: { n: 1 } })));
      await notifyAll(tx, by, critical, [{ person: (people[0] as SignedIn).person, dedupe: 'paced', data: { n: 2 } }]);
    } }]);
    const stop = h.startWorkers(slow, ['worker']);
    const rows = async (): Promise<{ state: string; lane: string; reason: string | null; at: Date | null }[]> => h.sql()(
      "select state, lane, reason, not_before as at from notify.message where person = any($1::uuid[]) and channel = 'text' order by not_before nulls first",
        [people.map((p) => p.person)]);
    for (let i = 0; i < 1000 && (await rows()).some((r) => r.state === 'sending' || (r.state === 'waiting' && r.reason === null));
      i++) await systemClock.sleep(20);
    const all = await rows();
    await stop.stop();
    expect(all.find((r) => r.lane === 'critical')?.state).toBe('sent');
    const waiting = all.filter((r) => r.reason === 'provider-busy').map((r) => r.at?.getTime() ?? 0);
    expect(waiting.length).toBeGreaterThanOrEqual(3);
    waiting.slice(1).forEach((at, i) => expect(at - (waiting[i] as number)).toBeGreaterThanOrEqual(1000));
  });
  it('a line that breaks loses nothing: the message comes by the next try', async () => {
    const { who, email } = await withMail();
    mail.moods.push('fail');
    await tell(who.person, 20);
    await h.runJobs();
    expect((await messagesOf(who.person)).at(-1)).toMatchObject({ channel: 'email', state: 'sending', attempts: 1 });
    for (let i = 0; i < 4; i++) {
      await h.sql('IN', 'superuser')(UNSTUCK, ['notify.send']);
      await h.runJobs();
    }
    expect((await messagesOf(who.person)).at(-1)).toMatchObject({ channel: 'email', state: 'sent' });
    expect(mail.sent.filter((m) => m.to === email && m.subject.startsWith('Test 20'))).toHaveLength(1);
  });
  it('a message that nobody takes in time is dead, says so, and can be tried again by an operator', async () => {
    const { who } = await withMail();
    mail.moods.push('fail');
    await tell(who.person, 21);
    await h.runJobs();
    await h.sql('IN', 'superuser')('update notify.attempt set at = at - interval \'2 days\'');
    await h.sql('IN', 'superuser')('update jobs.job set run_at = created_at, lease_until = null, worker = null where name = $1', ['notify.send']);
    await h.runJobs();
    expect((await messagesOf(who.person)).at(-1)).toMatchObject({ state: 'dead', reason: 'no-answer' });
    const [row] = await h.sql()<{ id: string }>("select replace(id::text, '-', '') as id from notify.message where person = $1 and state = 'dead'",
      [who.person]);
    const path = `/api/notifications/office/messages/msg_${row?.id}`;
    const shown = await h.request({ path, cookies: operator.cookies, headers: own });
    expect(shown.json()).toMatchObject({ state: 'dead', tries: [{ no: 1, provider: null, result: null }] });
    expect((await h.request({ method: 'POST', path: `${path}/replay`, cookies: operator.cookies, headers: own })).status).toBe(200);
    await h.runJobs();
    expect((await messagesOf(who.person)).at(-1)).toMatchObject({ state: 'sent', attempts: 2 });
    expect((await h.request({ method: 'POST', path: `${path}/replay`, cookies: operator.cookies, headers: own })).status).toBe(409);
  });
  it('without a mail address, says so', async () => {
    const who = await h.signIn();
    await tell(who.person, 22);
    await h.runJobs();
    expect((await messagesOf(who.person)).find((m) => m.channel === 'email')).toMatchObject({ state: 'suppressed', reason: 'no-address' });
  });
});

describe('receipts', () => {
  it('are believed when signed, change what they name, and end mail that bounces', async () => {
    const { who } = await withMail();
    await tell(who.person, 30);
    await h.runJobs();
    const key = await h.perform('india', (tx: Tx) => ensureMachine(tx, 'mail provider', ['notify:receipts']));
    const [row] = await h.sql()<{ ref: string;
      id: string }>('select provider_ref as ref, id from notify.message where person = $1 and channel = $2 order by id desc limit 1', [who.person, 'email']);
    const send = (states: string[], change: (headers: Record<string, string>) => Record<string, string> = (x) => x): Promise<{ status: number;
      text: string }> => {
      const body = JSON.stringify({ provider: 'memory-mail', receipts: [...states.map((state) => ({ id: row?.ref, state })),
        { id: 'nobody', state: 'delivered' }] });
      return h.request({ method: 'POST', path: '/api/notifications/receipts', body,
        headers: { 'content-type': 'application/json',
          ...change(signatureHeaders(key, 'POST /api/notifications/receipts', body, systemClock.now().getTime())) } });
    };
    expect((await send(['delivered'], (x) => ({ ...x, 'x-exchequer-signature': `v1=${'0'.repeat(64)}` }))).status).toBe(401);
    expect((await send(['delivered'], (x) => ({ ...x, 'x-exchequer-timestamp': String(1) }))).status).toBe(401);
    expect(JSON.parse((await send(['delivered'])).text)).toEqual({ taken: 1, unknown: 1 });
    const stateOf = async (): Promise<unknown> => (await h.sql()('select state, reason from notify.message where id = $1', [row?.id]))[0];
    expect(await stateOf()).toEqual({ state: 'delivered', reason: null });
    await send(['opened', 'delivered']);
    expect(await stateOf()).toEqual({ state: 'opened', reason: null });
    await tell(who.person, 31);
    await h.runJobs();
    const [second] = await newest<{ ref: string }>(who.person);
    if (row) row.ref = second?.ref as string;
    await send(['bounced']);
    await tell(who.person, 32);
    await h.runJobs();
    expect((await messagesOf(who.person)).at(-1)).toMatchObject({ channel: 'email', state: 'suppressed', reason: 'no-address' });
  });
});

describe('an office’s own texts', () => {
  const put = (json: object, kind = 'notify.test'): Promise<{ status: number; json(): Record<string, unknown> }> =>
    h.request({ method: 'PUT', path: `/api/notifications/office/templates/${kind}`, cookies: operator.cookies, headers: own, json });
  const texts = (title: string): object => ({ en: { title, body: 'Own body', text: 'own {{ n }}' }, hi: { title, body: 'अपना', text: 'own {{ n }}' } });
  it('are used from the next message on, by this office only, and can be given up', async () => {
    const [who, elsewhere] = [await h.signIn(), await h.signIn(somebody('other'))];
    expect((await put({ texts: texts('Own {{ n }}') })).status).toBe(200);
    await tell(who.person, 40);
    await tell(elsewhere.person, 40, normal, 'other');
    expect((await inboxOf(who)).notices[0]?.title).toBe('Own 40');
    expect((await h.request({ tenant: 'other', path: '/api/notifications', bearer: elsewhere.bearer })).json<Inbox>().notices[0]?.title).toContain('Test 40');
    expect((await put({ texts: null })).status).toBe(200);
    expect((await inboxOf(who)).notices[0]?.title).toContain('Test 40');
  });
  it('that do not work are refused before anybody is sent them', async () => {
    for (const title of ['{{ phone }}', '{% for i in (1..9999999) %}{% for j in (1..9999999) %}x{% endfor %}{% endfor %}', '{% if %}', '{{ n | nothing }}'])
      expect((await put({ texts: texts(title) })).json(), title).toMatchObject({ type: '/problems/template-wrong' });
    expect((await put({ texts: { en: { title: 't', body: 'b', text: 'x' } } })).status).toBe(422);
    expect((await put({ texts: texts('x'.repeat(1_000_000)) })).status).toBe(413);
    expect((await put({ texts: texts('x') }, 'no.such')).status).toBe(404);
  });
  it('can be looked at first', async () => {
    const answer = await h.request({ method: 'POST', path: '/api/notifications/office/templates/notify.test/preview', cookies: operator.cookies, headers: own,
      json: { texts: texts('See {{ n }}') } });
    expect(answer.json()).toMatchObject({ previews: [{ language: 'en', title: 'See 2026', text: 'own 2026' }, { language: 'hi', body: 'अपना' }] });
  });
});

it('an announcement reaches each once, one after another', async () => {
  const people = await Promise.all([somebody(), somebody(), somebody()].map(async (p) => ({ phone: p.phone, person: await h.enrol(p) })));
  const texts = { en: { title: 'Closed', body: 'We are closed.', text: 'closed on Friday' }, hi: { title: 'बंद', body: 'बंद', text: 'शुक्रवार को बंद' } };
  const office = { cookies: operator.cookies, headers: own };
  const started = await h.request({ method: 'POST', path: '/api/notifications/office/campaigns', ...office, idempotencyKey: 'campaign-of-a-test-1',
    json: { texts, perMinute: 60 } });
  const { campaign } = started.json<{ campaign: `cmp_${string}` }>();
  const add = (): Promise<{ json(): Record<string, unknown> }> =>
    h.request({ method: 'POST', path: `/api/notifications/office/campaigns/${campaign}/people`, ...office, json: { persons: people.map((p) => p.person) } });
  expect((await add()).json()).toMatchObject({ people: 3 });
  expect((await add()).json()).toMatchObject({ people: 3 });
  const rows = await h.sql()<{ at: Date }>(
    "select not_before as at from notify.message where kind = 'notify.announcement' and channel = 'text' order by not_before");
  expect(rows.map((r) => r.at.getTime() - (rows[0]?.at.getTime() ?? 0))).toEqual([0, 1000, 2000]);
  await h.sql('IN', 'superuser')('update jobs.job set run_at = created_at where name = $1', ['notify.send']);
  await h.runJobs();
  expect(people.map((p) => textsTo(p.phone))).toEqual(people.map(() => [`${h.tenant('india').name}: closed on Friday`]));
  expect(uuidOf(campaign)).toMatch(/^[0-9a-f]{32}$/);
});

it('a payment is told to both sides', async () => {
  const w = wallets(h);
  const [from, to] = [await w.wallet(100_000), await w.wallet()];
  expect((await w.send(from, to, 12_345)).status).toBe(200);
  await h.settle();
  expect((await inboxOf(to.who)).notices[0]).toMatchObject({ kind: 'wallet.received', title: 'You received ₹123.45', link: `/wallet/accounts/${to.account}` });
  // What the bank brought is told of by a subscription of its own, which may come after the payment's.
  expect((await inboxOf(from.who)).notices.filter((n) => n.kind === 'wallet.sent')).toEqual([expect.objectContaining({ title: 'You sent ₹123.45' })]);
});

it('the pages work without script', async () => {
  const person = somebody();
  const who = await h.signIn(person);
  await tell(who.person, 50);
  const browser = h.browser();
  Object.assign(browser.cookies, who.cookies);
  expect((await browser.open('/notifications')).text).toContain('Test 50');
  expect((await browser.submit('/notifications/seen')).text).not.toContain('Mark all as seen');
  const page = await browser.open('/notifications/preferences');
  expect(page.text).toContain('Quiet hours');
  const wrong = await browser.submit('/notifications/preferences', { from: '99', to: '' });
  expect(wrong.status).toBe(422);
  await browser.open('/notifications/preferences');
  await browser.submit('/notifications/preferences', { from: '२२:००', to: '7:00', 'on notify.test inbox': 'yes' });
  const p = (await h.request({ path: '/api/notifications/preferences', bearer: who.bearer })).json<Preferences>();
  expect(p.quiet).toMatchObject({ from: 1320, to: 420 });
  expect(p.kinds.find((k) => k.kind === 'notify.test')?.choices).toMatchObject([{ channel: 'inbox', on: true }, { channel: 'text', on: false },
    { channel: 'email', on: false }]);
});

it('nothing of a person stands anywhere in clear', async () => {
  const { who, email, phone } = await withMail();
  await tell(who.person, 60);
  await h.runJobs();
  expect(await h.findSecrets({ email, phone: phone.replaceAll(' ', '') })).toEqual([]);
});
