import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#kernel';
import { asSuperuser, everyModule, house, probe, somebody, type Answer, type Ask, type House } from '#test';

let h: House;
beforeAll(async () => { h = await house({ add: [probe()], transport: 'http', limits: false, headersTimeoutMs: 300 }); });
afterAll(() => h.stop());

const one = (more: Partial<Ask>): Promise<Answer> => h.request({ method: 'POST', path: '/api/probe/one', ...more });
const json = (body: string | Buffer, headers: Record<string, string> = {}): Promise<Answer> =>
  one({ body, headers: { 'content-type': 'application/json', ...headers } });
const code = (a: Answer): string => a.json<{ type: string }>().type.replace('/problems/', '');
const items = async (): Promise<number> => (await h.sql('IN', 'superuser')<{ n: number }>('select count(*)::int as n from probe.item'))[0]?.n ?? -1;

/** Bytes over a socket of their own; resolves to what came back until the other side ended it. */
function raw(port: number, ...parts: (string | Buffer)[]): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(port, '127.0.0.1', () => parts.forEach((p) => socket.write(p)));
    socket.setEncoding('utf8').on('data', (text: string) => { said += text; }).on('error', () => undefined).on('close', () => resolve(said));
  });
}
const statusOf = (text: string): number => Number(/^HTTP\/1\.1 (\d{3})/.exec(text)?.[1] ?? 0);

describe('bad input', () => {
  const cases: Record<string, [() => Promise<Answer>, number, string]> = {
    'not JSON': [() => json('{"key":'), 400, 'bad-request'],
    'another type of value': [() => json('{"key":1,"n":"1"}'), 422, 'malformed'],
    'nothing': [() => json(''), 422, 'malformed'],
    'a list': [() => json('[]'), 422, 'malformed'],
    'null': [() => json('null'), 422, 'malformed'],
    'one field too many': [() => json('{"key":"a","n":1,"admin":true}'), 422, 'malformed'],
    'text that is too long': [() => json(JSON.stringify({ key: 'a'.repeat(41), n: 1 })), 422, 'malformed'],
    '2⁵³ + 1 as a number': [() => json('{"key":"a","n":9007199254740993}'), 422, 'malformed'],
    '1e400': [() => json('{"key":"a","n":1e400}'), 422, 'malformed'],
    'bytes that are no UTF-8': [() => json(Buffer.concat([Buffer.from('{"key":"'), Buffer.from([0xc3, 0x28]), Buffer.from('","n":1}')])), 400, 'bad-request'],
    'UTF-16': [() => json(Buffer.from('{"key":"a","n":1}', 'utf16le')), 400, 'bad-request'],
    'a key twice': [() => json('{"key":"a","n":1,"n":2}'), 400, 'bad-request'],
    'a prototype name': [() => json('{"key":"a","n":1,"__proto__":{"admin":true}}'), 400, 'bad-request'],
    'deep nesting': [() => json(`{"key":${'['.repeat(5000)}${']'.repeat(5000)}}`), 400, 'bad-request'],
    '10 MB': [() => json(Buffer.alloc(10_000_000, 32)), 413, 'too-large'],
    'a body over the limit by a byte': [() => json(Buffer.alloc(64 * 1024 + 1, 32)), 413, 'too-large'],
    'another content type': [() => one({ body: '<x/>', headers: { 'content-type': 'application/xml' } }), 415, 'unsupported-media'],
    'plain text, as a form of another site may send it': [() => one({ body: '{"key":"a","n":1}', headers: { 'content-type': 'text/plain' } }), 415,
      'unsupported-media'],
    'an address that cannot be decoded': [() => h.request({ path: '/api/%zz' }), 400, 'bad-request'],
    'an address that is too long': [() => h.request({ path: `/api/${'a'.repeat(4000)}` }), 404, 'not-found'],
    'an unknown host': [() => h.request({ path: '/api/session', headers: { host: 'nobody.localhost' } }), 404, 'unknown-tenant'],
    'an unknown address': [() => h.request({ path: '/api/nothing' }), 404, 'not-found'],
    'an unknown method of an address': [() => h.request({ method: 'DELETE', path: '/api/session' }), 405, 'method-not-allowed'],
    'an idempotency key twice': [() => one({ path: '/api/probe/required', json: { key: 'a', n: 1 }, headers: { 'idempotency-key': '' } }), 400, 'key-missing'],
  };
  it.each(Object.entries(cases))('%s is a listed problem and changes nothing', async (_, [ask, status, problem]) => {
    const before = await items();
    const answer = await ask();
    expect([answer.status, code(answer)]).toEqual([status, problem]);
    expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/);
    const body = answer.json();
    expect(body).toMatchObject({ type: `/problems/${problem}`, status, title: expect.any(String) as string,
      trace: expect.stringMatching(/^[0-9a-f]{32}$/) as string });
    expect(answer.text).not.toMatch(/node_modules|\.ts:|Error:/);
    expect(await items()).toBe(before);
  });
  it('names the methods that an address has', async () => {
    expect((await h.request({ method: 'DELETE', path: '/api/session' })).headers.allow).toBe('GET');
    expect((await h.request({ method: 'PUT', path: '/sign-in' })).headers.allow?.toString().split(', ').toSorted()).toEqual(['GET', 'POST']);
    expect((await h.request({ method: 'GET', path: '/api/probe/one' })).headers.allow).toBe('POST');
  });
  it('shows a page to people and a problem to machines', async () => {
    const page = await h.request({ path: '/nothing', headers: { accept: 'text/html' } });
    expect([page.status, page.headers['content-type']]).toEqual([404, 'text/html; charset=utf-8']);
    expect(page.text).toContain('<h1>');
    expect((await h.request({ path: '/nothing' })).headers['content-type']).toMatch(/problem\+json/);
  });
  it('is answered in the same words when it is not even HTTP', async () => {
    const { port } = h.program;
    const bad: Record<string, [string, number]> = {
      'no HTTP at all': ['hello there\r\n\r\n', 400], 'an unknown verb': ['BREW / HTTP/1.1\r\nHost: india.localhost\r\n\r\n', 400],
      'giant headers': [`GET / HTTP/1.1\r\nHost: india.localhost\r\nX: ${'a'.repeat(20_000)}\r\n\r\n`, 431],
      'a header with a line break in it': ['GET / HTTP/1.1\r\nHost: india.localhost\r\nX: a\rb\r\n\r\n', 400],
      'two lengths': ['POST /api/probe/one HTTP/1.1\r\nHost: india.localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef', 400],
      'length and chunks': ['POST /api/probe/one HTTP/1.1\r\nHost: india.localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
      'no host': ['GET / HTTP/1.1\r\nConnection: close\r\n\r\n', 400],
    };
    for (const [name, [bytes, status]] of Object.entries(bad)) {
      const said = await raw(port, bytes);
      expect(statusOf(said), `${name}: ${said.slice(0, 200)}`).toBe(status);
      expect(said, name).not.toMatch(/node_modules|\.ts:|Error:/);
    }
    for (const name of ['giant headers', 'no HTTP at all']) {
      expect(await raw(port, bad[name]?.[0] as string), name).toMatch(/application\/problem\+json[^]*"type":"\/problems\//);
    }
  });
  it('that drips in is cut off', async () => {
    const began = systemClock.monotonicMs();
    const said = await raw(h.program.port, 'GET / HTTP/1.1\r\nHost: india.localhost\r\nX-Slow: ');
    expect(statusOf(said)).toBe(408);
    expect(systemClock.monotonicMs() - began).toBeLessThan(5000);
  });
  it('in a header never becomes a header of the answer', async () => {
    const answer = await h.request({ path: `/sign-in?then=${encodeURIComponent('/\r\nSet-Cookie: evil=1')}&lang=${encodeURIComponent('hi\r\nX-Evil: 1')}`,
      headers: { accept: 'text/html' } });
    expect(answer.status).toBe(200);
    expect(answer.headers['x-evil']).toBeUndefined();
    expect(answer.cookies).not.toHaveProperty('evil');
  });
});

describe('other sites', () => {
  it('cannot post to a route with a person’s cookies, nor a form without its token', async () => {
    const who = await h.signIn();
    const body = { key: 'csrf', n: 1 };
    for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://evil.example' }, { origin: 'null' },
      {}] as Record<string, string>[]) {
      const answer = await one({ path: '/api/probe/mine', json: body, cookies: who.cookies, headers });
      expect([answer.status, code(answer)], JSON.stringify(headers)).toEqual([403, 'cross-site']);
    }
    expect((await one({ path: '/api/probe/mine', json: body, cookies: who.cookies, headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(200);
    expect((await one({ path: '/api/probe/mine', json: body, bearer: who.bearer })).status).toBe(200);
    // Not even without cookies, from a page of another site.
    expect((await one({ json: body, headers: { origin: 'https://evil.example' } })).status).toBe(403);
  });
  it('cannot sign a person out, and neither can a wrong form token', async () => {
    const who = await h.signIn();
    const out = (form: Record<string, string>, headers: Record<string, string>): Promise<Answer> =>
      h.request({ path: '/sign-out', form, cookies: who.cookies, headers: { accept: 'text/html', ...headers } });
    for (const [form, headers] of [
      [{}, {}], [{ _token: 'x' }, {}], [{ _token: 'A'.repeat(43) }, {}], [{ _token: 'A'.repeat(43) }, { 'sec-fetch-site': 'cross-site' }],
    ] as [Record<string, string>, Record<string, string>][]) expect((await out(form, headers)).status).toBe(403);
    expect((await h.request({ path: '/api/session', bearer: who.bearer })).status).toBe(200);
  });
  it('are never where a person is sent to after signing in', async () => {
    for (const then of ['//evil.example', '/\\evil.example', 'https://evil.example/', 'javascript:alert(1)', '/\\/evil.example', '/%5Cevil.example']) {
      const person = somebody();
      await h.enrol(person);
      const browser = h.browser();
      await browser.open(`/sign-in?then=${encodeURIComponent(then)}`);
      const [year, month, day] = person.dateOfBirth.split('-') as [string, string, string];
      // The browser of the house throws when it is sent to another site.
      await browser.submit('/sign-in', { identifier: person.identifier, day, month, birthYear: year, year: '2026' });
      const landed = await browser.submit('/sign-in/code', { code: await h.codeFor(person.phone) });
      expect(new URL(landed.path, 'http://india.localhost').host, then).toBe('india.localhost');
      expect(browser.cookies).toHaveProperty('xq_access');
    }
  });
  it('cannot smuggle an address into the code step', async () => {
    const person = somebody();
    await h.enrol(person);
    const browser = h.browser();
    await browser.open('/sign-in');
    const [year, month, day] = person.dateOfBirth.split('-') as [string, string, string];
    await browser.submit('/sign-in', { identifier: person.identifier, day, month, birthYear: year, year: '2026' });
    const kept = JSON.parse(Buffer.from(browser.hidden('/sign-in/code').c as string, 'base64url').toString()) as string[];
    const forged = Buffer.from(JSON.stringify([...kept.slice(0, 3), 'https://evil.example/'])).toString('base64url');
    await browser.submit('/sign-in/code', { c: forged, code: await h.codeFor(person.phone) });
    expect(browser.cookies).toHaveProperty('xq_access');
  });
});

describe('people', () => {
  it('with two tabs, one of which signed out, are asked to sign in and come back to a page', async () => {
    const person = somebody();
    const who = await h.signIn(person);
    const tab = h.browser();
    Object.assign(tab.cookies, who.cookies);
    await tab.open('/sign-in');
    const stale = tab.hidden('/sign-out');
    await h.request({ method: 'POST', path: '/api/sign-out', bearer: who.bearer });
    const answer = await h.request({ path: '/sign-out', form: stale, cookies: { xq_browser: who.browser }, headers: { accept: 'text/html' } });
    expect(answer.status).toBe(303);
    // Not back to an address that only takes forms.
    expect(answer.headers.location).toBe('/sign-in');
  });
  it('who send a form twice at once have one effect', async () => {
    const person = somebody();
    await h.enrol(person);
    const browser = h.browser();
    await browser.open('/sign-in');
    const [year, month, day] = person.dateOfBirth.split('-') as [string, string, string];
    const form = { ...browser.hidden('/sign-in'), identifier: person.identifier, day, month, birthYear: year, year: '2026' };
    const twice = await Promise.all([1, 2].map(() => h.request({ path: '/sign-in', form, cookies: { ...browser.cookies }, headers: { accept: 'text/html' } })));
    expect(twice.map((a) => a.status).filter((s) => s === 303).length).toBeGreaterThan(0);
    expect(await h.sql('IN', 'superuser')('select 1 from identity.challenge where person = $1', [await h.enrol(person)])).toHaveLength(1);
  });
  it('keep what they typed when a form is refused, but never the code', async () => {
    const browser = h.browser();
    await browser.open('/sign-in');
    const again = await browser.submit('/sign-in', { identifier: 'wrong <b>"', day: '99', month: '2', birthYear: '1990', year: '2026' });
    expect(again.status).toBe(422);
    expect(again.text).toContain('value="wrong &lt;b>&quot;"');
  });
});

describe('every answer', () => {
  const KEPT = /^(cache|content-(sec|type)|cross|perm|referrer|strict|vary|x-(content|frame))/;
  const kept = (a: Answer): Record<string, unknown> => Object.fromEntries(Object.entries(a.headers).filter(([name]) => KEPT.test(name))
    .map(([name, value]) => [name, name === 'content-security-policy' ? String(value).split('; ') : value]));
  it('of a page carries its security headers', async () => {
    for (const path of ['/sign-in', '/nothing', '/sign-in/code']) {
      const answer = await h.request({ path, headers: { accept: 'text/html' } });
      expect(kept(answer), path).toMatchInlineSnapshot(`
        {
          "cache-control": "no-store",
          "content-security-policy": [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            "img-src 'self' data:",
            "connect-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'self'",
            "frame-src 'self'",
          ],
          "content-type": "text/html; charset=utf-8",
          "cross-origin-opener-policy": "same-origin",
          "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()",
          "referrer-policy": "same-origin",
          "vary": "Cookie, Accept-Language",
          "x-content-type-options": "nosniff",
          "x-frame-options": "SAMEORIGIN",
        }
      `);
    }
  });
  it('of a machine’s address carries its security headers, whatever it says', async () => {
    for (const ask of [{ path: '/api/session' }, { path: '/api/nothing' }, { method: 'PUT', path: '/api/session' }] satisfies Ask[]) {
      expect(kept(await h.request(ask)), ask.path).toMatchInlineSnapshot(`
        {
          "cache-control": "no-store",
          "content-security-policy": [
            "default-src 'none'",
            "frame-ancestors 'none'",
          ],
          "content-type": "application/problem+json; charset=utf-8",
          "referrer-policy": "no-referrer",
          "x-content-type-options": "nosniff",
        }
      `);
    }
    for (const path of ['/healthz', '/readyz', '/metrics', '/api/openapi.json']) {
      expect((await h.request({ path })).headers['x-content-type-options'], path).toBe('nosniff');
    }
  });
  it('carries the trace of its request', async () => {
    const trace = 'c0ffee'.padEnd(32, '0');
    const answer = await h.request({ path: '/api/session', headers: { traceparent: `00-${trace}-${'1'.repeat(16)}-01` } });
    expect(answer.json()).toMatchObject({ trace });
  });
  it('of the API bears its version; one that is not known is a listed problem', async () => {
    for (const version of [undefined, '2026-11-01']) {
      const answer = await one({ json: { key: 'v', n: 1 }, headers: version === undefined ? {} : { 'exchequer-version': version } });
      expect([answer.status, answer.headers['exchequer-version']]).toEqual([200, '2026-11-01']);
    }
    const before = await items();
    for (const version of ['2020-01-01', 'newest', '', '2026-11-01, 2026-11-01']) {
      const answer = await one({ json: { key: 'w', n: 1 }, headers: { 'exchequer-version': version } });
      expect([answer.status, code(answer), answer.json().known], version).toEqual([400, 'unknown-version', ['2026-11-01']]);
      expect(answer.headers['exchequer-version']).toBe('2026-11-01');
    }
    expect(await items()).toBe(before);
  });
  it('that asks to wait says how long', async () => {
    const slow = await one({ json: { key: 'slow', n: 1, fault: 'slow' } });
    expect([slow.status, slow.headers['retry-after'], slow.json().retryAfterSeconds]).toEqual([429, '2', undefined]);
  });
  it('that failed is opaque', async () => {
    const failed = await one({ json: { key: 'failed', n: 1, fault: 'throw' } });
    expect([failed.status, code(failed)]).toEqual([500, 'internal']);
    expect(failed.text).not.toContain('poisoned');
    expect(JSON.stringify(h.lines())).not.toContain('a poisoned item');
  });
  it('to HEAD is that to GET without a body', async () => {
    const who = await h.signIn();
    for (const ask of [{ path: '/sign-in' }, { path: '/api/session', cookies: who.cookies }] satisfies Ask[]) {
      const head = await h.request({ method: 'HEAD', ...ask });
      expect([head.status, head.text]).toEqual([200, '']);
    }
  });
});

describe('the house’s own addresses', () => {
  it('tell health, readiness and figures', async () => {
    expect((await h.request({ path: '/healthz' })).json()).toEqual({ ok: true });
    expect((await h.request({ path: '/readyz' })).json()).toEqual({ ok: true, draining: false, cells: { IN: true, US: true } });
    expect((await h.request({ path: '/metrics' })).text).toMatch(/^exchequer_http_requests_total\{route="\/healthz",status="200"\} \d+$/m);
  });
  it('tell what the process uses, and who waits for a connection', async () => {
    const figures = async (): Promise<(name: string) => number> => {
      const { text } = await h.request({ path: '/metrics' });
      return (name) => Number(text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1));
    };
    const pool = h.cell().pools.auditor;
    const held = Promise.withResolvers<void>();
    const holders = Array.from({ length: 20 }, () => pool.with(() => held.promise));
    for (let i = 0; i < 500 && pool.counts().waiting + pool.counts().used < 20; i++) await systemClock.sleep(5);
    const of = await figures();
    held.resolve();
    await Promise.all(holders);
    const [used, waiting] = ['used', 'waiting'].map((state) => of(`exchequer_connections{cell="IN",pool="auditor",state="${state}"}`)) as [number, number];
    expect(used).toBeGreaterThan(0);
    expect([used + waiting, waiting > 0]).toEqual([20, true]);
    expect((await figures())('exchequer_connections{cell="IN",pool="auditor",state="waiting"}')).toBe(0);
    expect(of('process_resident_memory_bytes')).toBeGreaterThan(of('nodejs_heap_size_used_bytes'));
    expect(of('nodejs_heap_size_used_bytes')).toBeGreaterThan(1e6);
    const cpu = of('process_cpu_seconds_total');
    expect(cpu).toBeGreaterThan(0);
    expect((await figures())('process_cpu_seconds_total')).toBeGreaterThan(cpu);
    expect(Math.abs(of('process_start_time_seconds') + process.uptime() - systemClock.now().getTime() / 1000)).toBeLessThan(5);
  });
  it('say in the log that a disk is full, where a request answers 503 for it', async () => {
    const said = vi.spyOn(h.log, 'error');
    const answer = await h.request({ path: '/api/probe/one', json: { key: 'full', n: 1, fault: 'full' } });
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(said.mock.calls.map(([code, fields]) => [code, fields?.code, fields?.route])).toEqual([['edge.disk-full', '53100', 'POST /probe/one']]);
    said.mockRestore();
  });
  it('tell how far the databases’ clocks are ahead, and say once that they came apart', async () => {
    const warned = vi.spyOn(h.log, 'warn');
    const ahead = async (): Promise<number[]> => {
      await h.request({ path: '/readyz' });
      const { text } = await h.request({ path: '/metrics' });
      return ['IN', 'US'].map((cell) => Number(new RegExp(`^exchequer_database_clock_ahead_seconds\\{cell="${cell}"\\} (\\S+)$`, 'm').exec(text)?.[1]));
    };
    for (const seconds of await ahead()) expect(Math.abs(seconds)).toBeLessThan(2);
    const now = systemClock.now.bind(systemClock);
    const wrong = vi.spyOn(systemClock, 'now').mockImplementation(() => new Date(now().getTime() + 3_600_000));
    try {
      for (const seconds of [...await ahead(), ...await ahead()]) expect(Math.abs(seconds + 3600)).toBeLessThan(2);
    } finally {
      wrong.mockRestore();
    }
    for (const seconds of await ahead()) expect(Math.abs(seconds)).toBeLessThan(2);
    const said = warned.mock.calls.filter(([code]) => code.startsWith('edge.clocks-')).map(([code, fields]) => `${code} ${String(fields?.cell)}`).toSorted();
    expect(said).toEqual(['edge.clocks-apart IN', 'edge.clocks-apart US', 'edge.clocks-together IN', 'edge.clocks-together US']);
    warned.mockRestore();
  });
  it('say that the process lives and is not ready while a database is away, and that it is ready again', async () => {
    const own = await house({ transport: 'http', tenants: [h.tenant('india')] });
    const state = async (): Promise<unknown[]> => {
      const [ready, live] = [await own.request({ path: '/readyz' }), await own.request({ path: '/healthz' })];
      return [ready.status, ready.json(), live.status, live.json()];
    };
    const database = own.connections[0]?.database as string;
    const lets = (yes: boolean): Promise<unknown> => asSuperuser('postgres', async (client) => {
      await client.query(`alter database "${database}" with allow_connections ${String(yes)}`);
      await client.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [database]);
    });
    expect(await state()).toEqual([200, { ok: true, draining: false, cells: { IN: true } }, 200, { ok: true }]);
    await lets(false);
    try {
      for (let i = 0; i < 3; i++) expect(await state()).toEqual([503, { ok: false, draining: false, cells: { IN: false } }, 200, { ok: true }]);
    } finally {
      await lets(true);
    }
    let again = await own.request({ path: '/readyz' });
    for (let i = 0; i < 50 && again.status !== 200; i++) again = await own.request({ path: '/readyz' });
    expect([again.status, again.json()]).toEqual([200, { ok: true, draining: false, cells: { IN: true } }]);
    await own.stop();
  });
  it('describe every mounted route in OpenAPI 3.1', async () => {
    const api = (await h.request({ path: '/api/openapi.json' })).json<{ openapi: string; paths: Record<string, Record<string,
      { operationId: string; responses: object; parameters: { name: string; in: string }[] }>> }>();
    expect(api.openapi).toBe('3.1.0');
    const routes = [...everyModule, probe()].flatMap((m) => m.routes ?? []);
    const ids = new Set<string>();
    for (const r of routes) {
      const operation = api.paths[`/api${r.path.replace(/:(\w+)/g, '{$1}')}`]?.[r.method.toLowerCase()];
      expect(operation, r.path).toBeDefined();
      ids.add(operation?.operationId as string);
      for (const p of r.problems) expect(operation?.responses, `${r.path} ${p.code}`).toHaveProperty(String(p.status));
      const named = [...r.path.matchAll(/:(\w+)/g)].map((m) => m[1]);
      expect(operation?.parameters.filter((p) => p.in === 'path').map((p) => p.name)).toEqual(named);
    }
    expect(ids.size).toBe(routes.length);
    expect(JSON.stringify(api)).not.toMatch(/"\$ref":"(?!#\/components)/);
  });
});

it('an office is served under its path too, and only under its own', async () => {
  expect((await h.request({ path: '/t/us/sign-in', headers: { accept: 'text/html' } })).text).toContain('Social Security');
  expect((await h.request({ path: '/t/nobody/sign-in' })).status).toBe(404);
  const who = await h.signIn();
  expect((await h.request({ path: '/t/other/api/session', bearer: who.bearer })).status).toBe(401);
});
