import { afterAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { done, route, type AnyRoute } from '#kernel';
import { house, probe, probeRoutes, testTenants, type House, type HouseOptions } from '#test';

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

describe('answers', () => {
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
