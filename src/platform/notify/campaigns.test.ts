import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { notice, provide, systemClock, type Uuid } from '#kernel';
import { house, operatorOf, somebody, type House, type MadeOperator } from '#test';
import { notify, SPREAD_AHEAD_MS } from './index.ts';
import { Providers } from './port.ts';

const text = { label: 'Tests', title: 'Test', body: 'Body', text: 'test' };
const told = notice('notify.told', { doc: 'x', lane: 'normal', offered: ['inbox', 'text'], chosen: ['inbox', 'text'], lifeMs: 86_400_000, values: [],
  texts: { en: text, hi: text } });
const texts = { en: { title: 'Closed', body: 'We are closed.', text: 'closed on Friday' }, hi: { title: 'बंद', body: 'बंद', text: 'शुक्रवार को बंद' } };
const own = { 'sec-fetch-site': 'same-origin' };

interface Shown { campaign: `cmp_${string}`; state: string; people: number; wanted: number; version: number; endsAt: string | null; lastAt: string | null;
  progress: { total: number; sent: number; skipped: number; delayed: number; waiting: number; failed: number }; code?: string; type?: string;
  reasons: { state: string; reason: string | null; count: number }[] }
interface Answer { status: number; json<T>(): T }

let h: House;
let operator: MadeOperator, stranger: MadeOperator;
const phones: string[] = [];
const people: Uuid[] = [];
beforeAll(async () => {
  h = await house({ limits: false, add: [{ name: 'products/told', doc: 'A kind of the tests.', needs: [], notices: [told] }],
    // All campaigns of this file reach the same six people.
    provided: () => [provide(Providers, () => ({ text: [h.messages], email: [], push: [], perHour: { text: 1000 },
      linkBase: () => 'http://office.example' }))] });
  [operator, stranger] = [await operatorOf(h), await operatorOf(h, 'administrator', 'other')];
  for (let i = 0; i < 6; i++) {
    const person = somebody();
    phones.push(person.phone);
    people.push(await h.enrol(person));
  }
  for (const person of people.slice(0, 4)) await h.perform('india', (tx) => notify(tx, told, { person, dedupe: 'one', data: {} }));
  await h.runJobs();
});
afterAll(() => h.stop());

let asked = 0;
const ask = (method: 'GET' | 'POST' | 'PUT', path: string, json?: object, by = operator, tenant = 'india'): Promise<Answer> => h.request({
  tenant, method, path: `/api/notifications/office/campaigns${path}`, cookies: by.cookies, headers: own, ...(json ? { json } : {}),
  ...(method === 'POST' && path === '' ? { idempotencyKey: `campaign-of-a-test-${asked += 1}` } : {}),
});
const write = async (more: object): Promise<Shown> => {
  const answer = await ask('POST', '', { texts, perMinute: 600, ...more });
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.json()));
  return answer.json();
};
const steer = (c: Shown, verb: string): Promise<Answer> => ask('POST', `/${c.campaign}/${verb}`);
const look = async (c: Shown): Promise<Shown> => (await ask('GET', `/${c.campaign}`)).json();
const textsTo = (phone: string): number => h.messages.sent.filter((m) => m.to === phone && m.text.endsWith('closed on Friday')).length;
const all = (): number[] => phones.map(textsTo);
const bring = (): Promise<unknown> => h.sql('IN', 'superuser')("update jobs.job set run_at = created_at where name like 'notify.%' and lease_until is null");
/** Everything that is to come comes now. */
async function comeAll(): Promise<void> {
  for (let i = 0; i < 4; i++) {
    await bring();
    await h.runJobs();
  }
}

describe('a campaign', () => {
  it('that is a draft tells nobody; started, it finds everyone who was told of its kind, and is done', async () => {
    const c = await write({ draft: true, perMinute: 6, audience: { told: 'notify.told' } });
    expect(c).toMatchObject({ state: 'draft', people: 0, wanted: 4, endsAt: null });
    await comeAll();
    expect((await look(c)).progress.total).toBe(0);
    expect((await ask('POST', `/${c.campaign}/people`, { persons: [people[5]] })).json()).toMatchObject({ type: '/problems/campaign-state', state: 'draft' });
    expect((await steer(c, 'pause')).status).toBe(409);
    const before = all();
    const [one, two] = await Promise.all([steer(c, 'start'), steer(c, 'start')]);
    expect([one.status, two.status].toSorted((a, b) => a - b)).toEqual([200, 409]);
    await h.runJobs();
    expect(await look(c)).toMatchObject({ state: 'running', people: 4, wanted: 4, progress: { total: 12, skipped: 8 } });
    await comeAll();
    expect(await look(c)).toMatchObject({ state: 'done', endsAt: null, progress: { total: 12, sent: 4, skipped: 8, waiting: 0, delayed: 0, failed: 0 } });
    expect(all().map((n, i) => n - (before[i] as number))).toEqual([1, 1, 1, 1, 0, 0]);
    expect((await ask('GET', '')).json<{ campaigns: Shown[] }>().campaigns[0]).toMatchObject({ campaign: c.campaign, state: 'done', titles: { en: 'Closed' } });
  });

  it('keeps to its rate, however its people are found, and says when it ends', async () => {
    const c = await write({ perMinute: 60, audience: { persons: [...people, people[0]] } });
    expect(c).toMatchObject({ state: 'running', wanted: 6 });
    await h.runJobs();
    // The first may have left meanwhile.
    const rows = await h.sql()<{ at: Date }>("select not_before as at from notify.message where campaign = $1 and state = 'waiting' order by not_before",
      [c.campaign.slice(4)]);
    expect(rows.length).toBeGreaterThanOrEqual(4);
    rows.slice(1).forEach((r, i) => expect(r.at.getTime() - (rows[i] as { at: Date }).at.getTime()).toBe(1000));
    const [shown, last] = [await look(c), rows.at(-1)?.at.getTime() ?? 0];
    expect([new Date(shown.lastAt ?? 0).getTime() - last, new Date(shown.endsAt ?? 0).getTime() - last]).toEqual([0, 1000]);
    await steer(c, 'stop');
    await comeAll();
  });

  it('that pauses holds what comes to its place; what was held goes to the end of the line, once', async () => {
    const before = all();
    const c = await write({ perMinute: 60, audience: { persons: people } });
    await h.runJobs();
    expect((await steer(c, 'pause')).json()).toMatchObject({ state: 'paused', endsAt: null });
    await comeAll();
    const paused = await look(c);
    const sentBefore = paused.progress.sent;
    expect(sentBefore).toBeLessThanOrEqual(1);
    expect(paused).toMatchObject({ state: 'paused', progress: { delayed: 6 - sentBefore, waiting: 0 } });
    const [one, two] = await Promise.all([steer(c, 'resume'), steer(c, 'resume')]);
    expect([one.status, two.status].toSorted((a, b) => a - b)).toEqual([200, 409]);
    await h.runJobs();
    const rows = await h.sql()<{ at: Date; until: Date }>(`select m.not_before as at, n.expires_at as until from notify.message m
      join notify.notice n on n.tenant = m.tenant and n.id = m.notice where m.campaign = $1 and m.state = 'waiting' order by m.not_before`,
      [c.campaign.slice(4)]);
    expect(rows.length).toBeGreaterThanOrEqual(4);
    rows.slice(1).forEach((r, i) => expect(r.at.getTime() - (rows[i] as { at: Date }).at.getTime()).toBe(1000));
    for (const r of rows) expect(r.until.getTime() - r.at.getTime()).toBe(7 * 86_400_000);
    await comeAll();
    expect(await look(c)).toMatchObject({ state: 'done', progress: { sent: 6 } });
    expect(all().map((n, i) => n - (before[i] as number))).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('that is stopped sends nothing more, whatever it holds and whatever is on its way', async () => {
    const before = all();
    const c = await write({ perMinute: 1, audience: { persons: people } });
    await h.runJobs();
    await steer(c, 'pause');
    await bring();
    await h.runJobs();
    expect((await steer(c, 'stop')).json()).toMatchObject({ state: 'stopped' });
    await comeAll();
    const shown = await look(c);
    expect(shown).toMatchObject({ state: 'stopped', progress: { waiting: 0, delayed: 0 } });
    expect(shown.reasons).toContainEqual({ state: 'suppressed', reason: 'stopped', count: 6 - shown.progress.sent });
    expect(all().reduce((a, n) => a + n, 0) - before.reduce((a, n) => a + n, 0)).toBe(shown.progress.sent);
    for (const verb of ['start', 'pause', 'resume', 'stop']) expect((await steer(c, verb)).status, verb).toBe(409);
  });

  it('loses nothing and sends nothing twice while it is paused and let go again and again', { timeout: 60_000 }, async () => {
    const before = all();
    const c = await write({ perMinute: 600_000, audience: { persons: people } });
    const worker = h.startWorkers(h.cell(), ['worker']);
    const second = h.startWorkers(h.anotherCell(), ['worker']);
    for (let i = 0; i < 30; i++) {
      await steer(c, i % 2 ? 'resume' : 'pause');
      await systemClock.sleep(i % 7);
    }
    for (let i = 0; (await look(c)).state !== 'done'; i++) {
      if (i > 500) throw new Error(JSON.stringify(await look(c)));
      await systemClock.sleep(20);
    }
    await Promise.all([worker.stop(), second.stop()]);
    expect(all().map((n, i) => n - (before[i] as number))).toEqual([1, 1, 1, 1, 1, 1]);
  });

  it('does not run ahead of its line', async () => {
    const c = await write({ perMinute: 1, audience: { told: '*' } });
    const su = h.sql('IN', 'superuser');
    await su("update notify.campaign set next_at = next_at + interval '10 minutes' where id = $1", [c.campaign.slice(4)]);
    await h.runJobs();
    expect((await look(c)).people).toBe(0);
    const [job] = await su<{ wait: number }>(`select extract(epoch from j.run_at - c.next_at)::int as wait from jobs.job j, notify.campaign c
      where j.name = 'notify.spread' and c.id = $1 and j.data like '%' || $2 || '%'`, [c.campaign.slice(4), c.campaign.slice(4)]);
    expect(job?.wait).toBe(-SPREAD_AHEAD_MS / 1000);
    await steer(c, 'stop');
    await comeAll();
  });

  it('tells nobody after its end, and none begins whose end lies behind', async () => {
    const c = await write({ perMinute: 1, audience: { persons: people }, expiresAt: new Date(systemClock.now().getTime() + 90_000).toISOString() });
    await h.runJobs();
    await h.sql('IN', 'superuser')("update notify.notice set expires_at = created_at where campaign = $1", [c.campaign.slice(4)]);
    await comeAll();
    expect((await look(c)).reasons.find((r) => r.reason === 'too-late')?.count).toBeGreaterThanOrEqual(5);
    const past = { texts, perMinute: 1, expiresAt: '2020-01-01T00:00:00Z' };
    expect((await ask('POST', '', past)).json()).toMatchObject({ type: '/problems/campaign-over' });
  });

  it('that is a draft can be changed in all that it was written with, and is sent as it was changed', async () => {
    const before = all();
    const c = await write({ draft: true, perMinute: 1, audience: { told: 'notify.told' } });
    expect((await ask('GET', `/${c.campaign}`)).json()).toMatchObject({ version: 0, told: 'notify.told', persons: null });
    const expiresAt = new Date(systemClock.now().getTime() + 3_600_000).toISOString();
    const change = { texts: { ...texts, en: { ...texts.en, title: 'Closed on Monday' } },
      perMinute: 600, audience: { persons: [people[4], people[5]] }, expiresAt };
    expect((await ask('PUT', `/${c.campaign}`, { ...change, version: 0 })).json())
      .toMatchObject({ state: 'draft', version: 1, perMinute: 600, wanted: 2, expiresAt });
    expect((await ask('GET', `/${c.campaign}`)).json()).toMatchObject({ version: 1, told: null, persons: [people[4], people[5]], texts: change.texts });
    const bad: [object, string][] = [[{ texts: { en: texts.en } }, 'template-wrong'], [{ audience: { told: 'no.such' } }, 'notice-kind-unknown'],
      [{ expiresAt: '2020-01-01T00:00:00Z' }, 'campaign-over'], [{ perMinute: 0 }, 'malformed']];
    for (const [wrong, problem] of bad)
      expect((await ask('PUT', `/${c.campaign}`, { ...change, ...wrong, version: 1 })).json()).toMatchObject({ type: `/problems/${problem}` });
    expect((await look(c)).version).toBe(1);
    expect((await steer(c, 'start')).status).toBe(200);
    expect((await ask('GET', `/${c.campaign}`)).json()).toMatchObject({ persons: null });
    await comeAll();
    expect(await look(c)).toMatchObject({ state: 'done', people: 2 });
    expect(all().map((n, i) => n - (before[i] as number))).toEqual([0, 0, 0, 0, 1, 1]);
    expect(await h.sql()(`select title from (select texts::jsonb->'en'->>'title' as title from notify.campaign where id = $1) t`, [c.campaign.slice(4)]))
      .toEqual([{ title: 'Closed on Monday' }]);
    for (const [method, path, json] of [['PUT', '', { ...change, version: 2 }], ['POST', '/discard', { version: 2 }]] as const)
      expect((await ask(method, `/${c.campaign}${path}`, json)).json()).toMatchObject({ status: 409, type: '/problems/campaign-state', state: 'running' });
  });

  it('keeps the words of who changed it first: the other is told, and begins or discards nothing unseen', async () => {
    const c = await write({ draft: true });
    const by = (title: string, version: number): Promise<Answer> =>
      ask('PUT', `/${c.campaign}`, { texts: { ...texts, en: { ...texts.en, title } }, perMinute: 600, version });
    const both = await Promise.all([by('Mine', 0), by('Yours', 0)]);
    expect(both.map((a) => a.status).toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect(both.find((a) => a.status === 409)?.json()).toMatchObject({ type: '/problems/campaign-changed', version: 1 });
    const first = both[0]?.status === 200 ? 'Mine' : 'Yours';
    expect((await ask('GET', `/${c.campaign}`)).json()).toMatchObject({ version: 1, texts: { en: { title: first } }, told: null, persons: null });
    for (const verb of ['start', 'discard'])
      expect((await ask('POST', `/${c.campaign}/${verb}`, { version: 0 })).json()).toMatchObject({ type: '/problems/campaign-changed', version: 1 });
    expect((await by('Theirs known', 1)).status).toBe(200);
    // Changed and begun at once: whichever is first, the words that begin are those that were seen.
    const [changed, begun] = await Promise.all([by('Late', 2), ask('POST', `/${c.campaign}/start`, { version: 2 })]);
    expect([changed.status, begun.status].toSorted((a, b) => a - b)).toEqual([200, 409]);
    expect((await ask('GET', `/${c.campaign}`)).json()).toMatchObject(begun.status === 200 ? { state: 'running', texts: { en: { title: 'Theirs known' } } }
      : { state: 'draft', texts: { en: { title: 'Late' } } });
    if (begun.status === 200) await steer(c, 'stop');
  });

  it('that was discarded is gone, and only its facts are left', async () => {
    const c = await write({ draft: true, audience: { told: '*' } });
    const [one, two] = await Promise.all([1, 2].map(() => ask('POST', `/${c.campaign}/discard`, { version: 0 })));
    expect([one?.status, two?.status].toSorted((a, b) => (a ?? 0) - (b ?? 0))).toEqual([200, 404]);
    for (const verb of ['start', 'stop']) expect((await steer(c, verb)).status).toBe(404);
    expect((await ask('GET', '')).json<{ campaigns: Shown[] }>().campaigns.map((x) => x.campaign)).not.toContain(c.campaign);
    const facts = await h.sql()<{ detail: string }>(
      "select detail::text as detail from audit.entry where action = 'notify.campaign' and resource = $1 and result = 'done'", [c.campaign]);
    expect(facts.map((f) => f.detail).join()).toContain('discarded');
  });

  it('is one office’s only, and its words and audience must be fit', async () => {
    const c = await write({ draft: true, audience: { told: '*' } });
    for (const verb of ['start', 'pause', 'resume', 'stop'])
      expect((await ask('POST', `/${c.campaign}/${verb}`, undefined, stranger, 'other')).status).toBe(404);
    expect((await ask('POST', `/${c.campaign}/discard`, { version: 0 }, stranger, 'other')).status).toBe(404);
    expect((await ask('PUT', `/${c.campaign}`, { texts, perMinute: 1, version: 0 }, stranger, 'other')).status).toBe(404);
    expect((await ask('GET', `/${c.campaign}`, undefined, stranger, 'other')).status).toBe(404);
    expect((await ask('GET', '', undefined, stranger, 'other')).json<{ campaigns: unknown[] }>().campaigns).toEqual([]);
    const wrong = { ...texts, en: { ...texts.en, title: '{{ phone }}' } };
    expect((await ask('POST', '/preview', { texts: wrong })).json()).toMatchObject({ type: '/problems/template-wrong', part: 'title' });
    const fit = { en: { ...texts.en, body: 'By {{ office }}' }, hi: { ...texts.hi, body: '{{ office }} से' } };
    expect((await ask('POST', '/preview', { texts: fit })).json())
      .toMatchObject({ previews: [{ language: 'en', body: `By ${h.tenant('india').name}` }, { language: 'hi' }] });
    expect((await ask('POST', '', { texts, perMinute: 1, audience: { told: 'no.such' } })).status).toBe(404);
    expect((await ask('POST', '', { texts, perMinute: 1, audience: { persons: [] } })).status).toBe(422);
    expect((await ask('POST', '', { texts, perMinute: 0 })).status).toBe(422);
  });
});
