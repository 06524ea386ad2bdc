import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { AnyRoute, Module } from '#kernel';
import { roles } from '#spine/operators';
import { modules } from '../src/apps/modules.ts';
import { house, operatorOf, probe, somebody, type Ask, type MadeOperator, type House, type SignedIn } from '#test';

/** Every route, page and form of every manifest × who asks: the answer follows from the scope alone. */
const all: readonly Module[] = [...modules, probe()];
const routes = all.flatMap((m) => m.routes ?? []);
const pages = all.flatMap((m) => m.pages ?? []);
const forms = all.flatMap((m) => m.forms ?? []);
const downloads = all.flatMap((m) => m.downloads ?? []);

let h: House;
let asha: SignedIn, neighbour: SignedIn;
let administrator: MadeOperator, accountant: MadeOperator, stranger: MadeOperator;
beforeAll(async () => {
  h = await house({ add: [probe()], limits: false });
  [asha, neighbour] = [await h.signIn(), await h.signIn(somebody('other'))];
  [administrator, accountant, stranger] = [await operatorOf(h), await operatorOf(h, 'accountant'), await operatorOf(h, 'administrator', 'other')];
});
afterAll(() => h.stop());

/** A route's example as a request. */
function example(r: AnyRoute): Ask {
  const { params = {}, query = {}, body } = r.example.input as { params?: Record<string, string>; query?: Record<string, string>; body?: unknown };
  const path = r.path.replace(/:(\w+)/g, (_, name: string) => encodeURIComponent(params[name] ?? 'x'));
  const search = Object.keys(query).length ? `?${new URLSearchParams(query).toString()}` : '';
  const key = r.idempotent ? { idempotencyKey: `matrix-${path}-0000`.replaceAll(/[^!-~]/g, '').slice(0, 100) } : {};
  const sent = r.method === 'GET' ? {} : r.consumes === 'ndjson' ? { ndjson: typeof body === 'string' ? body : '' } : body === undefined ? {} : { json: body };
  return { method: r.method, path: `/api${path}${search}`, ...sent, ...key };
}

type Who = 'nobody' | 'person' | 'person of another tenant' | 'machine without' | 'machine with' | 'administrator' | 'accountant' | 'operator of another tenant';
const ROLES: Readonly<Record<string, string>> = { administrator: 'administrator', accountant: 'accountant' };
/** What a browser says of a request of one of our own pages. */
const own = { 'sec-fetch-site': 'same-origin' };
const credentials = (who: Who, scope: string): Partial<Ask> => {
  if (who === 'person') return { bearer: asha.bearer };
  if (who === 'person of another tenant') return { bearer: neighbour.bearer };
  if (who === 'administrator') return { cookies: administrator.cookies, headers: own };
  if (who === 'accountant') return { cookies: accountant.cookies, headers: own };
  if (who === 'operator of another tenant') return { cookies: stranger.cookies, headers: own };
  if (who === 'machine without') return { headers: { 'x-probe-machine': 'something:else' } };
  return who === 'machine with' ? { headers: { 'x-probe-machine': scope } } : {};
};
/** What stands at the door: undefined lets through to the verb. */
function refusal(scope: string, who: Who): 401 | 403 | undefined {
  if (scope === 'public') return undefined;
  if (who === 'nobody' || who.endsWith('of another tenant')) return 401;
  const role = ROLES[who];
  if (role !== undefined) return scope === 'operator' || roles[role]?.includes(scope) ? undefined : 403;
  if (scope === 'operator') return 403;
  if (scope === 'person') return who === 'person' ? undefined : 403;
  return who === 'machine with' ? undefined : 403;
}
const everybody: Who[] = [
  'nobody', 'person', 'person of another tenant', 'machine without', 'machine with', 'administrator', 'accountant', 'operator of another tenant',
];
/** Ends the session of whoever asks, so it is asked last. */
const last = (r: AnyRoute): number => (r.path.endsWith('/sign-out') ? 1 : 0);

describe.each(routes.toSorted((a, b) => last(a) - last(b)).map((r) => [`${r.method} ${r.path}`, r] as const))('%s', (_, r) => {
  it.each(everybody.filter((who) => who !== 'machine with' || r.scope.includes(':')))(`(${r.scope}) for %s`, async (who) => {
    const answer = await h.request({ ...example(r), ...credentials(who, r.scope) });
    const expected = refusal(r.scope, who);
    if (expected !== undefined) {
      expect([answer.status, answer.json<{ type: string }>().type]).toEqual([expected, expected === 401 ? '/problems/signed-out' : '/problems/forbidden']);
      return;
    }
    // Past the door: done, or a problem that the route lists.
    expect(answer.status, answer.text).not.toBe(500);
    expect([r.status ?? 200, 422, ...r.problems.map((p) => p.status)]).toContain(answer.status);
  });
});

describe.each(pages.map((p) => [p.path, p] as const))('page %s', (_, p) => {
  const scope = p.scope ?? p.route?.scope ?? 'public';
  const path = p.path.replace(/:(\w+)/g, (__, name: string) => {
    const { params = {} } = (p.route?.example.input ?? {}) as { params?: Record<string, string> };
    return encodeURIComponent(String(params[name] ?? 'x'));
  });
  it.each(['nobody', 'person of another tenant'] as const)(`(${scope}) for %s`, async (who) => {
    const answer = await h.request({ path, ...credentials(who, scope), headers: { accept: 'text/html' } });
    expect(answer.status).toBeLessThan(500);
    if (scope === 'public') return;
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toMatch(scope === 'person' ? /^\/sign-in(\?|$)/ : /^\/operator\/sign-in(\?|$)/);
  });
  it(`(${scope}) for the person`, async () => {
    const who = await h.signIn();
    const answer = await h.request({ path, cookies: who.cookies, headers: { accept: 'text/html' } });
    expect(answer.headers['content-type'], answer.text.slice(0, 200)).toMatch(/text\/html/);
    expect(answer.status).toBeLessThan(500);
  });
});

describe.each(downloads.map((d) => [d.path, d] as const))('download %s', (_, d) => {
  const { params = {}, query = {} } = d.route.example.input as { params?: Record<string, string>; query?: Record<string, string> };
  const path = `${d.path.replace(/:(\w+)/g, (__, name: string) => encodeURIComponent(params[name] ?? 'x'))}?${new URLSearchParams(query).toString()}`;
  it.each(['nobody', 'person of another tenant'] as const)(`(${d.route.scope}) for %s`, async (who) => {
    const answer = await h.request({ path, ...credentials(who, d.route.scope), headers: { accept: 'text/html' } });
    expect(answer.status).toBe(303);
    expect(answer.headers.location).toMatch(d.route.scope === 'person' ? /^\/sign-in(\?|$)/ : /^\/operator\/sign-in(\?|$)/);
  });
  it(`(${d.route.scope}) for the person whose it is not`, async () => {
    const answer = await h.request({ path, cookies: (await h.signIn()).cookies, headers: { accept: 'text/html' } });
    expect(d.route.scope === 'person' ? d.route.problems.map((p) => p.status) : [403]).toContain(answer.status);
    expect(answer.headers['content-disposition']).toBeUndefined();
  });
});

it.each(forms.map((f) => [f.path, f] as const))('form %s takes nothing without its token', async (_, f) => {
  const who = await h.signIn();
  const answer = await h.request({ path: f.path.replace(/:\w+/g, 'x'), form: {}, cookies: who.cookies, headers: { accept: 'text/html' } });
  expect(answer.status).toBe(403);
});

it('a permission that a route asks for stands in a manifest of the program', () => {
  const listed = new Set(modules.flatMap((m) => Object.keys(m.permissions ?? {})));
  const asked = modules.flatMap((m) => m.routes ?? []).map((r) => r.scope).filter((s) => s.includes(':'));
  expect(asked.filter((s) => !listed.has(s))).toEqual([]);
});
