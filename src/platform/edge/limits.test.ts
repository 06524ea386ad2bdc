import { parseList } from 'structured-headers';
import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { done, route, systemClock, type AnyRoute } from '#kernel';
import { ensureMachine, signatureHeaders, type MachineKey } from '#spine/identity';
import { house, probe, probeRoutes, testTenants, type Answer, type House, type HouseOptions } from '#test';

/** Says as whom the edge took the caller. */
const whoAsks: AnyRoute = route('GET /probe/address', {
  summary: 'The caller’s address.', scope: 'public', input: z.strictObject({}), output: z.strictObject({ address: z.string() }), problems: [],
  verb: async (tx) => done({ address: tx.address ?? 'nobody' }), example: { input: {} },
});
const houses: House[] = [];
afterAll(async () => { for (const h of houses) await h.stop(); });
async function open(o: HouseOptions = {}): Promise<House> {
  const h = await house({ add: [probe({ routes: [...probeRoutes, whoAsks] })], tenants: testTenants.filter((t) => t.slug === 'india'), ...o });
  houses.push(h);
  return h;
}
const code = (a: Answer): string => a.json<{ type: string }>().type.replace('/problems/', '');

describe('answers', () => {
  it('say to a person what is left of the limits, and over them how long to wait', async () => {
    const own = await open();
    const who = await own.signIn();
    const ask = (): Promise<Answer> => own.request({ path: '/api/session', bearer: who.bearer, address: '10.9.9.9' });
    const first = await ask();
    expect(first.headers['ratelimit-policy']).toBe('"address";q=1000;w=60, "person";q=100;w=60');
    expect(first.headers.ratelimit).toMatch(/^"address";r=999;t=1, "person";r=\d\d;t=\d+$/);
    // Many at once, since a token comes back every 600 ms.
    const crowd = (): Promise<Answer[]> => Promise.all(Array.from({ length: 24 }, ask));
    let last = first;
    for (let i = 0; i < 50 && last.status !== 429; i++) last = (await crowd()).find((a) => a.status === 429) ?? last;
    expect([last.status, code(last)]).toEqual([429, 'too-many-requests']);
    expect(last.headers.ratelimit).toMatch(/"person";r=0;t=1$/);
    expect([last.headers['retry-after'], last.headers['x-ratelimit-limit'], last.headers['x-ratelimit-reset']]).toEqual(['1', '100', '1']);
    for (const name of ['ratelimit', 'ratelimit-policy']) {
      const list = parseList(String(last.headers[name]));
      expect(list.map(([item]) => item), name).toEqual(['address', 'person']);
      for (const [, parameters] of list) for (const value of parameters.values()) expect(Number.isSafeInteger(value), name).toBe(true);
    }
    const look = (): Promise<Answer> => own.request({ path: '/tax-refunds', cookies: who.cookies, headers: { accept: 'text/html' }, address: '10.9.9.9' });
    let page = last;
    for (let i = 0; i < 50 && (i === 0 || page.status !== 429); i++) [, page] = await Promise.all([crowd(), look()]);
    expect([page.status, page.headers.ratelimit !== undefined, Number(page.headers['retry-after']) >= 1]).toEqual([429, true, true]);
  });

  it('say to a machine what is left of its own limit, which is not its address’s', async () => {
    const own = await open({ machinePerMinute: 20 });
    const [key, another] = await Promise.all(['one', 'two'].map((name) => own.perform('india', (tx) => ensureMachine(tx, name, ['taxrefund:feed']))));
    const ndjson = '{}\n';
    const ask = (by: MachineKey): Promise<Answer> => own.request({ path: '/api/tax-refunds/feed', ndjson, address: '10.9.9.9',
      headers: signatureHeaders(by, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime()) });
    const first = await ask(key as MachineKey);
    expect([first.status, first.headers['ratelimit-policy'], first.headers.ratelimit]).toEqual([200, '"machine";q=20;w=60', '"machine";r=19;t=3']);
    let last = first;
    for (let i = 0; i < 60 && last.status === 200; i++) last = await ask(key as MachineKey);
    expect([last.status, code(last)]).toEqual([429, 'too-many-requests']);
    expect(last.headers.ratelimit).toMatch(/^"machine";r=0;t=[123]$/);
    expect([last.headers['retry-after'], last.headers['x-ratelimit-limit']]).toEqual([expect.stringMatching(/^[123]$/) as string, '20']);
    expect(parseList(String(last.headers.ratelimit)).map(([item]) => item)).toEqual(['machine']);
    // Another machine goes on, and so does whoever else is behind that address: the machines took nothing of it.
    expect((await ask(another as MachineKey)).headers.ratelimit).toBe('"machine";r=19;t=3');
    expect((await own.request({ path: '/api/session', address: '10.9.9.9' })).headers.ratelimit).toBe('"address";r=999;t=1');
    // Who only says that they are that machine is nobody, and counts by the address.
    const forged = await ask({ ...key as MachineKey, secret: Buffer.alloc(32).toString('base64url') });
    expect([forged.status, forged.headers.ratelimit]).toEqual([401, expect.stringMatching(/^"address";r=99\d;t=1$/) as string]);
  });
  it('let a feed through unless a setting says otherwise', async () => {
    const own = await open();
    const key = await own.perform('india', (tx) => ensureMachine(tx, 'one', ['taxrefund:feed']));
    const answer = await own.request({ path: '/api/tax-refunds/feed', ndjson: '{}\n',
      headers: signatureHeaders(key, 'POST /api/tax-refunds/feed', '{}\n', systemClock.now().getTime()) });
    expect(answer.headers['ratelimit-policy']).toBe('"machine";q=6000;w=60');
  });
  it('count all of an IPv6 line as one', async () => {
    const own = await open();
    const left = async (address: string): Promise<number> =>
      Number(/"address";r=(\d+)/.exec(String((await own.request({ path: '/api/session', address })).headers.ratelimit))?.[1]);
    expect(await Promise.all(['2001:db8:1:2::1', '2001:db8:1:2:ffff::9'].map(left))).toEqual([999, 998]);
    expect(await left('2001:db8:1:3::1')).toBe(999);
  });
});

describe('the caller’s address over HTTP', () => {
  const socket = '127.0.0.1', person = '203.0.113.7', proxy = '10.0.0.1';
  const many = Array.from({ length: 900 }, (_, i) => `198.51.100.${i % 250}`).join(', ');
  /** What stands in X-Forwarded-For, and who it is then with no, one and two trusted proxies before us. */
  const cases: Record<string, [header: string | undefined, none: string, one: string, two: string]> = {
    'no header': [undefined, socket, socket, socket],
    'an empty one': ['', socket, socket, socket],
    'commas only': [', ,,', socket, socket, socket],
    'one name': [person, socket, person, person],
    'two names': [`${person}, ${proxy}`, socket, proxy, person],
    'a forged name before them': [`192.0.2.66, ${person}, ${proxy}`, socket, proxy, person],
    'very many forged names': [`${many}, ${person}, ${proxy}`, socket, proxy, person],
    'no blanks': [`192.0.2.66,${person},${proxy}`, socket, proxy, person],
    'garbage': ['not an address', socket, socket, socket],
    'garbage before a name': [`<script>, ${proxy}`, socket, proxy, proxy],
    'garbage behind a name': [`${person}, unknown`, socket, socket, socket],
    'nothing behind a name': [`${person}, `, socket, socket, socket],
    'numbers that are no address': [`${person}, 999.1.1.1`, socket, socket, socket],
    'an address of octal digits': [`${person}, 010.0.0.1`, socket, socket, socket],
    'IPv6': ['2001:DB8:0:0::0:1', socket, '2001:db8::1', '2001:db8::1'],
    'IPv6 twice': [`2001:db8::7, 2001:db8::1`, socket, '2001:db8::1', '2001:db8::7'],
    'IPv6 in brackets, with a port': ['[2001:db8::1]:4711', socket, '2001:db8::1', '2001:db8::1'],
    'IPv4 with a port': [`${person}:4711`, socket, person, person],
    'IPv4 within IPv6': [`::ffff:${person}`, socket, person, person],
    'IPv4 within IPv6, as digits': ['::ffff:cb00:7107', socket, person, person],
    'a zone': ['fe80::1%eth0', socket, 'fe80::1', 'fe80::1'],
  };
  it.each([0, 1, 2])('is what %d trusted proxies say', async (trustedProxies) => {
    const own = await open({ transport: 'http', trustedProxies });
    const asked = async (headers: Readonly<Record<string, string>>): Promise<string> => {
      const answer = await own.request({ path: '/api/probe/address', headers });
      expect(answer.status, answer.text).toBe(200);
      return answer.json<{ address: string }>().address;
    };
    const found: Record<string, string> = {};
    for (const [name, [header]] of Object.entries(cases)) found[name] = await asked(header === undefined ? {} : { 'x-forwarded-for': header });
    expect(found).toEqual(Object.fromEntries(Object.entries(cases).map(([name, of]) => [name, of[1 + trustedProxies]])));
    // No other header says who it is, and none where we are.
    expect(await asked({ 'x-real-ip': person, forwarded: `for=${person}`, 'true-client-ip': person, 'x-client-ip': person })).toBe(socket);
    expect((await own.request({ path: '/api/probe/address', headers: { host: 'nobody.localhost', 'x-forwarded-host': 'india.localhost' } })).status).toBe(404);
  });
  it('does not let whoever forges names get round the limit of their own', async () => {
    const own = await open({ transport: 'http', trustedProxies: 1 });
    const left = async (forwarded: string): Promise<number> =>
      Number(/"address";r=(\d+)/.exec(String((await own.request({ path: '/api/session', headers: { 'x-forwarded-for': forwarded } })).headers.ratelimit))?.[1]);
    // Each takes one more of the same bucket, which refills by a few meanwhile.
    const seen = await Promise.all(Array.from({ length: 60 }, (_, i) => left(`192.0.2.${i}, ${person}`)));
    expect(Math.min(...seen)).toBeLessThan(990);
    expect(await left(`${person}, 192.0.2.200`)).toBe(999);
  });
});
