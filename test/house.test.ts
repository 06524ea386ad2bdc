import { afterAll, beforeAll, expect, it } from 'vitest';
import { findIn, house, somebody, testTenants, type House } from '#test';

let h: House;
beforeAll(async () => { h = await house(); });
afterAll(() => h.stop());

it('signs a person in through the real routes, and the session answers', async () => {
  const who = await h.signIn();
  const answer = await h.request({ path: '/api/session', bearer: who.bearer });
  expect(answer.status).toBe(200);
  expect(await h.request({ path: '/api/session', cookies: who.cookies })).toMatchObject({ status: 200 });
  expect(await h.request({ path: '/api/session' })).toMatchObject({ status: 401 });
});

it('signs in at the other cell and in another tenant of the same cell', async () => {
  for (const tenant of ['us', 'other']) {
    const who = await h.signIn(somebody(tenant));
    expect(await h.request({ tenant, path: '/api/session', bearer: who.bearer })).toMatchObject({ status: 200 });
    expect(await h.request({ tenant: 'india', path: '/api/session', bearer: who.bearer })).toMatchObject({ status: 401 });
  }
});

it('brings every cell to rest: jobs done, log read, facts in the chain', async () => {
  await h.signIn();
  await h.settle();
  const [counts] = await h.sql('IN', 'superuser')<{ facts: number; leaves: number; jobs: number }>(
    'select (select count(*)::int from audit.entry) as facts, (select max(pos)::int from audit.leaf) as leaves, (select count(*)::int from jobs.job) as jobs');
  expect(counts?.facts).toBeGreaterThan(0);
  expect(counts).toMatchObject({ leaves: counts?.facts, jobs: 0 });
});

it('shows each database role its own view', async () => {
  expect((await h.sql('IN', 'superuser')('select current_user as who'))[0]?.who).toBeDefined();
  expect((await h.sql('IN', 'app')('select count(*)::int as n from identity.person'))[0]).toEqual({ n: 0 });
  expect((await h.sql('IN', 'app')<{ n: number }>('select count(*)::int as n from identity.person', [], { tenant: h.tenant().id }))[0]?.n).toBeGreaterThan(0);
});

it('moves a tenant’s clock and nobody else’s', async () => {
  const before = await h.perform('india', async (tx) => tx.now.getTime());
  await h.clockOffset('india', 86_400_000);
  expect(await h.perform('india', async (tx) => tx.now.getTime())).toBeGreaterThanOrEqual(before + 86_400_000);
  expect(await h.perform('other', async (tx) => tx.now.getTime())).toBeLessThan(before + 3_600_000);
  await h.clockOffset('india', 0);
});

it('walks through pages with a browser’s cookies and hidden fields', async () => {
  const person = somebody();
  await h.enrol(person);
  const browser = h.browser();
  await browser.open('/sign-in');
  const [year, month, day] = person.dateOfBirth.split('-') as [string, string, string];
  const code = await browser.submit('/sign-in', { identifier: person.identifier, day, month, birthYear: year, year: '2026' });
  expect(code).toMatchObject({ status: 200, path: expect.stringContaining('/sign-in/code') as string });
  await browser.submit('/sign-in/code', { code: await h.codeFor(person.phone) });
  expect(browser.cookies).toHaveProperty('xq_access');
});

it('finds a planted secret in every spelling, and none in a hash of it', () => {
  const secret = 'Aśoka Plănted-1931';
  const planted = Buffer.from(secret);
  const bytes = {
    clear: planted, wide: Buffer.from(secret, 'utf16le'), hex: Buffer.from(planted.toString('hex')),
    base64: Buffer.from(Buffer.concat([Buffer.from('x'), planted, Buffer.from('yz')]).toString('base64')),
    base64url: Buffer.from(Buffer.concat([Buffer.from('xx'), planted, Buffer.from('y')]).toString('base64url')),
  };
  for (const [name, where] of Object.entries(bytes)) expect(findIn(name, where, { secret }), name).not.toEqual([]);
  expect(findIn('nothing', Buffer.from('nothing of it'), { secret })).toEqual([]);
});

it('a program that is stopped as soon as it began ends, whatever its workers were about to do', async () => {
  for (let i = 0; i < 3; i++) await (await house({ tenants: [testTenants[0] as (typeof testTenants)[number]], workers: i > 0 })).stop();
});
