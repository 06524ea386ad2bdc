import { afterAll, beforeAll, expect, it } from 'vitest';
import { uuid } from '#kernel';
import { house, somebody, type House } from '#test';
import { saveTenant, type TenantRecord } from './index.ts';

let h: House;
beforeAll(async () => { h = await house(); });
afterAll(() => h.stop());

const NEWS_MS_MAX = 3000;
const added = (slug: string): TenantRecord =>
  ({ ...h.tenant(), id: uuid(`00000000000040008000${slug.padStart(12, '0').replace(/[^0-9a-f]/g, '0').slice(0, 12)}`), slug, hosts: [`${slug}.localhost`] });

it('a tenant that is saved is told to every process, and served there with its keys without a restart', async () => {
  const office = added('beef');
  expect((await h.request({ tenant: 'beef', path: '/sign-in', headers: { accept: 'text/html' } })).status).toBe(404);
  await saveTenant(h.cell(), office);
  await expect.poll(() => h.program.directory.bySlug('beef')?.id, { timeout: NEWS_MS_MAX }).toBe(office.id);
  expect((await h.request({ tenant: 'beef', path: '/sign-in', headers: { accept: 'text/html' } })).status).toBe(200);
  // Its keys and its decoy are there: a sign-in works from end to end.
  expect((await h.signIn(somebody('beef'))).bearer).toBeTruthy();
});

it('a change of a tenant is served within seconds, in one event of the home cell', async () => {
  const before = await h.sql('IN', 'superuser')("select 1 from events.log where topic = 'tenancy.changed'");
  await saveTenant(h.cell(), { ...h.tenant('other'), brand: { ...h.tenant('other').brand, name_en: 'Renamed Demo Office' } });
  await expect.poll(async () => (await h.request({ tenant: 'other', path: '/sign-in', headers: { accept: 'text/html' } })).text, { timeout: NEWS_MS_MAX })
    .toContain('Renamed Demo Office');
  expect(await h.sql('IN', 'superuser')("select 1 from events.log where topic = 'tenancy.changed'")).toHaveLength(before.length + 1);
});

it('takes refreshes that are asked for at the same time', async () => {
  const refreshed = await Promise.allSettled(Array.from({ length: 40 }, () => h.program.directory.refresh()));
  expect(refreshed.filter((r) => r.status === 'rejected')).toEqual([]);
});
