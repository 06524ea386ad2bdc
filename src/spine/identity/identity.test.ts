import type { KeyObject } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { SignJWT } from 'jose';
import { civilDate, type Connection } from '#kernel';
import { tenantKeys } from '#spine/vault';
import { house, madeUpPan, newAddress, newBrowser, probe, somebody, type Answer, type House, type Person } from '#test';

let h: House;
beforeAll(async () => { h = await house({ add: [probe()], limits: false }); });
afterAll(() => h.stop());

const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const MINUTE = 60_000, HOUR = 60 * MINUTE;

interface Try { readonly browser?: string; readonly address?: string; readonly dateOfBirth?: string; readonly identifier?: string; readonly tenant?: string }
const start = (p: Pick<Person, 'identifier' | 'dateOfBirth'>, t: Try = {}): Promise<Answer> => h.request({
  tenant: t.tenant ?? 'india', address: t.address ?? newAddress(), path: '/api/sign-in/challenges',
  json: { identifier: t.identifier ?? p.identifier, dateOfBirth: t.dateOfBirth ?? p.dateOfBirth, year: 2026, browser: t.browser ?? newBrowser() },
});
const submit = (challenge: string, code: string, browser: string): Promise<Answer> =>
  h.request({ path: `/api/sign-in/challenges/${challenge}/code`, json: { code, browser } });
const resend = (challenge: string, browser: string): Promise<Answer> => h.request({ path: `/api/sign-in/challenges/${challenge}/resend`, json: { browser } });
const challengeOf = (a: Answer): string => a.json<{ challenge: string }>().challenge;
const session = (bearer: string, tenant = 'india'): Promise<Answer> => h.request({ tenant, path: '/api/session', bearer });
const refresh = (refreshToken: string): Promise<Answer> => h.request({ path: '/api/sign-in/refresh', json: { refreshToken } });
const wrongThan = (code: string): string => String((Number(code) + 1) % 1_000_000).padStart(6, '0');
const known = async (more: Partial<Person> = {}): Promise<Person> => {
  const person = somebody('india', more);
  await h.enrol(person);
  return person;
};
/** A started sign-in with its code. */
async function begun(person: Person, browser = newBrowser()): Promise<{ challenge: string; code: string; browser: string }> {
  const started = await start(person, { browser });
  expect(started.status, started.text).toBe(201);
  return { challenge: challengeOf(started), code: await h.codeFor(person.phone), browser };
}
const atOffset = async <T>(ms: number, run: () => Promise<T>): Promise<T> => {
  await h.clockOffset('india', ms);
  try {
    return await run();
  } finally {
    await h.clockOffset('india', 0);
  }
};
/** An answer with what differs for every request taken out. */
const masked = (a: Answer): unknown => ({
  status: a.status, headers: Object.fromEntries(Object.entries(a.headers).filter(([name]) => !['date', 'x-trace-id', 'retry-after'].includes(name))),
  text: a.text.replace(/chl_[0-9a-f]{32}/g, 'chl').replace(/\d{4}-\d\d-\d\dT[0-9:.]+Z/g, 'instant').replace(/"phoneEnding":"\d\d"/,
    '"phoneEnding":"nn"').replace(/"trace":"[0-9a-f]+"/, '"trace"'),
});
/** Statements that the work sends over the app's connections. */
async function statements(work: () => Promise<unknown>): Promise<number> {
  const { app } = h.cell().pools;
  const original = app.with.bind(app);
  let sent = 0;
  app.with = <T>(use: (c: Connection) => Promise<T>): Promise<T> => original(async (c) => {
    const result = await use(c);
    sent += c.sent;
    return result;
  });
  await work().finally(() => { app.with = original; });
  return sent;
}

describe('known and unknown people', () => {
  it('get equal answers after the same number of statements, in start, code and resend', async () => {
    const kinds: Record<string, Try> = {
      known: {}, 'another birth date': { dateOfBirth: '1901-02-03' }, nobody: { identifier: madeUpPan(15_000) },
      'nobody else': { identifier: madeUpPan(15_001), dateOfBirth: '1990-01-01' },
    };
    const seen: Record<string, unknown> = {};
    for (const [kind, t] of Object.entries(kinds)) {
      const browser = newBrowser();
      const asha = await known();
      let started: Answer | undefined, wrong: Answer | undefined, early: Answer | undefined, again: Answer | undefined;
      const sent = {
        start: await statements(async () => { started = await start(asha, { ...t, browser }); }),
        wrong: await statements(async () => { wrong = await submit(challengeOf(started as Answer), '000000', browser); }),
        early: await statements(async () => { early = await resend(challengeOf(started as Answer), browser); }),
        again: await atOffset(61_000, () => statements(async () => { again = await resend(challengeOf(started as Answer), browser); })),
      };
      seen[kind] = { sent, answers: [started, wrong, early, again].map((a) => masked(a as Answer)) };
    }
    for (const kind of Object.keys(kinds)) expect(seen[kind], kind).toEqual(seen.known);
  });
  it('stay alike when somebody keeps trying: a right birth date is no way past a limit', async () => {
    const asha = await known();
    const statuses = async (t: Try): Promise<number[]> => {
      const seen: number[] = [];
      for (let i = 0; i < 5; i++) seen.push((await start(asha, t)).status);
      return seen;
    };
    const wrong = await statuses({ dateOfBirth: '1901-02-03' });
    expect(wrong).toEqual([201, 201, 201, 429, 429]);
    // The bucket of the identifier is empty now, for whoever asks.
    expect((await start(asha)).status).toBe(429);
    const ravi = await known();
    expect(await statuses({ identifier: ravi.identifier, dateOfBirth: ravi.dateOfBirth })).toEqual(wrong);
    expect((await start(ravi, { dateOfBirth: '1901-02-03' })).status).toBe(429);
  });
  it('show invented phone endings that differ from birth date to birth date', async () => {
    const asha = await known();
    const ending = async (dateOfBirth: string): Promise<string> => (await start(asha, { dateOfBirth })).json<{ phoneEnding: string }>().phoneEnding;
    const endings = new Map<string, string[]>();
    for (let person = 0; person < 8; person++) {
      const identifier = madeUpPan(16_000 + person);
      const seen: string[] = [];
      for (const date of ['1960-01-01', '1970-01-01', '1980-01-01']) seen.push(
        (await start(asha, { identifier, dateOfBirth: date })).json<{ phoneEnding: string }>().phoneEnding);
      endings.set(identifier, seen);
    }
    // One ending for every wrong date would tell the right one apart.
    expect([...endings.values()].some((seen) => new Set(seen).size > 1)).toBe(true);
    // The same question gets the same answer.
    expect(await ending('1950-05-05')).toBe(await ending('1950-05-05'));
    expect((await start(asha)).json()).toMatchObject({ phoneEnding: asha.phone.slice(-2) });
  });
  it('get a code only when everything matches; the decoy’s goes to nobody', async () => {
    const asha = await known();
    await h.runJobs();
    const before = h.messages.sent.length;
    const browser = newBrowser();
    const started = await start(asha, { dateOfBirth: '1901-02-03', browser });
    await h.runJobs();
    expect(h.messages.sent.length).toBe(before);
    const [row] = await su<{ decoy: boolean }>('select decoy from identity.challenge where id = $1', [challengeOf(started).slice(4)]);
    expect(row?.decoy).toBe(true);
  });
  it('are refused alike in a country’s form only', async () => {
    for (const identifier of ['ABCPK000L', '123456789', 'ABCPK0000L; drop', '', 'ÀBCPK0000L']) {
      const answer = await start({ identifier, dateOfBirth: civilDate('1990-01-01') });
      expect([answer.status, answer.json<{ type: string }>().type],
        identifier).toEqual([422, identifier === '' ? '/problems/malformed' : '/problems/wrong-identifier']);
    }
  });
});

describe('a code', () => {
  it('lives 5 minutes', async () => {
    const early = await begun(await known());
    expect(await atOffset(4 * MINUTE + 59_000, () => submit(early.challenge, early.code, early.browser))).toMatchObject({ status: 200 });
    const late = await begun(await known());
    const answer = await atOffset(5 * MINUTE + 1000, () => submit(late.challenge, late.code, late.browser));
    expect([answer.status, answer.json<{ type: string }>().type]).toEqual([410, '/problems/code-over']);
  });
  it('opens exactly one session when it is submitted 50 times at once', async () => {
    const person = await known();
    const b = await begun(person);
    const answers = await Promise.all(Array.from({ length: 50 }, () => submit(b.challenge, b.code, b.browser)));
    expect(answers.filter((a) => a.status === 200)).toHaveLength(1);
    expect(answers.filter((a) => a.status === 410)).toHaveLength(49);
    const id = await h.enrol(person);
    expect(await su('select 1 from identity.session where person = $1', [id])).toHaveLength(1);
    expect(await submit(b.challenge, b.code, b.browser)).toMatchObject({ status: 410 });
  });
  it('is bound to its challenge, its browser and its tenant', async () => {
    const [one, two] = [await begun(await known()), await begun(await known())];
    if (one.code !== two.code) expect((await submit(two.challenge, one.code, two.browser)).status).toBe(422);
    // Not even where somebody who can write the table moved it.
    const three = await begun(await known());
    await su('update identity.challenge set code_mac = (select code_mac from identity.challenge where id = $1) where id = $2',
      [one.challenge.slice(4), three.challenge.slice(4)]);
    expect((await submit(three.challenge, one.code, three.browser)).status).toBe(422);
    expect((await submit(one.challenge, one.code, newBrowser())).status).toBe(410);
    expect((await h.request({ tenant: 'other', path: `/api/sign-in/challenges/${one.challenge}/code`,
      json: { code: one.code, browser: one.browser } })).status).toBe(410);
    expect((await submit(one.challenge, one.code, one.browser)).status).toBe(200);
  });
  it.each([['Devanagari', (c: string) => [...c].map((d) => String.fromCodePoint(0x966 + Number(d))).join('')],
    ['full-width digits', (c: string) => [...c].map((d) => String.fromCodePoint(0xff10 + Number(d))).join('')],
    ['pasted spaces', (c: string) => ` ${c.slice(0, 3)}\u00a0${c.slice(3)}\u200b `], ['a hyphen', (c: string) => `${c.slice(0, 3)}-${c.slice(3)}`]] as const)(
      'may be typed in %s', async (_, typed) => {
    const b = await begun(await known());
    expect((await submit(b.challenge, typed(b.code), b.browser)).status).toBe(200);
  });
  it('has five tries, which a refusal does not give back', async () => {
    const b = await begun(await known());
    for (const triesLeft of [4, 3, 2, 1, 0]) expect((await submit(b.challenge, wrongThan(b.code), b.browser)).json()).toMatchObject({ status: 422, triesLeft });
    expect((await submit(b.challenge, b.code, b.browser)).status).toBe(410);
  });
  it('may be wrong ten times a day, then waits double each time, to 24 hours; a right one forgives', async () => {
    const person = await known();
    let offset = 0;
    const tenWrong = async (): Promise<Answer> => {
      let last: Answer | undefined;
      for (let i = 0; i < 2; i++) {
        await h.clockOffset('india', offset += 11 * MINUTE);
        const browser = newBrowser();
        const started = await start(person, { browser });
        expect(started.status, started.text).toBe(201);
        for (let k = 0; k < 5; k++) last = await submit(challengeOf(started), '999999x'.slice(0, 6), browser);
      }
      return last as Answer;
    };
    try {
      for (const [i, minutes] of [15, 30, 60, 120, 240, 480, 960, 1440, 1440].entries()) {
        await tenWrong();
        const locked = await start(person);
        expect(locked.json(), `lock ${i + 1}`).toMatchObject({ type: '/problems/locked-out', status: 429 });
        expect(Number(locked.headers['retry-after'])).toBeGreaterThan(minutes * 60 - 60);
        expect(Number(locked.headers['retry-after'])).toBeLessThanOrEqual(minutes * 60);
        offset += minutes * MINUTE + 1000;
      }
      await h.clockOffset('india', offset += 11 * MINUTE);
      const b = await begun(person);
      expect((await submit(b.challenge, b.code, b.browser)).status).toBe(200);
      await tenWrong();
      expect(Number((await start(person)).headers['retry-after'])).toBeLessThanOrEqual(15 * 60);
    } finally {
      await h.clockOffset('india', 0);
    }
  });
  it('that a stranger gets wrong does not lock the owner out of a device that signed in before', async () => {
    const person = await known();
    const own = newBrowser();
    await h.signIn(person, { browser: own });
    await atOffset(HOUR, async () => {
      for (let i = 0; i < 2; i++) {
        const browser = newBrowser();
        const started = await start(person, { browser });
        for (let k = 0; k < 5; k++) await submit(challengeOf(started), '999999', browser);
      }
    });
    await atOffset(HOUR + 12 * MINUTE, async () => {
      expect((await start(person)).json()).toMatchObject({ type: '/problems/locked-out' });
      const b = await begun(person, own);
      expect((await submit(b.challenge, b.code, own)).status).toBe(200);
    });
  });
  it('may be sent again after a minute, three times in all, and the one before stops working', async () => {
    const person = await known();
    const b = await begun(person);
    const early = await atOffset(59_000, () => resend(b.challenge, b.browser));
    expect([early.json<{ type: string }>().type, early.status]).toEqual(['/problems/resend-too-soon', 429]);
    expect(Number(early.headers['retry-after'])).toBeLessThanOrEqual(2);
    const again = await atOffset(61_000, async () => {
      expect((await resend(b.challenge, b.browser)).status).toBe(200);
      expect((await resend(b.challenge, newBrowser())).status).toBe(410);
      const code = await h.codeFor(person.phone);
      if (code !== b.code) expect((await submit(b.challenge, b.code, b.browser)).status).toBe(422);
      return code;
    });
    expect(again).toMatch(/^\d{6}$/);
    await atOffset(122_000, async () => expect((await resend(b.challenge, b.browser)).status).toBe(200));
    const enough = await atOffset(183_000, () => resend(b.challenge, b.browser));
    expect(enough.json()).toMatchObject({ type: '/problems/sends-used' });
  });
  it('reaches a phone no more often than its limit, whoever shares it, and nobody can tell', async () => {
    const phone = '+91 00000 55555';
    const family = [await known({ phone }), await known({ phone }), await known({ phone })];
    const before = h.messages.sent.filter((m) => m.to === phone).length;
    const answers: number[] = [];
    for (const person of family) for (let i = 0; i < 2; i++) answers.push((await start(person)).status);
    expect(answers).toEqual([201, 201, 201, 201, 201, 201]);
    await h.runJobs();
    expect(h.messages.sent.filter((m) => m.to === phone).length - before).toBe(3);
  });
  it('is asked for no more often than one address may', async () => {
    const address = newAddress();
    const statuses: number[] = [];
    for (let i = 0; i < 27; i++) statuses.push((await start({ identifier: madeUpPan(12_000 + i), dateOfBirth: civilDate('1980-01-01') }, { address })).status);
    expect(statuses).toEqual([...Array.from({ length: 25 }, () => 201), 429, 429]);
  });
});

describe('a session', () => {
  it('rotates its refresh token, gives two tabs a moment of grace, and ends when an old one is shown again', async () => {
    const who = await h.signIn();
    const first = await refresh(who.refreshToken);
    const next = first.json<{ accessToken: string; refreshToken: string }>();
    expect(first.status).toBe(200);
    expect(next.refreshToken).not.toBe(who.refreshToken);
    const tab = await refresh(who.refreshToken);
    expect(tab.json()).toMatchObject({ refreshToken: null });
    expect((await session(tab.json<{ accessToken: string }>().accessToken)).status).toBe(200);
    expect((await atOffset(11_000, () => refresh(who.refreshToken))).json()).toMatchObject({ type: '/problems/session-over', status: 401 });
    for (const token of [who.bearer, next.accessToken]) expect((await session(token)).status).toBe(401);
    expect((await refresh(next.refreshToken)).status).toBe(401);
    expect(await su("select 1 from events.log where topic = 'identity.signed-out' and data like $1", [`%${who.person}%`])).toHaveLength(1);
  });
  it('does not end for an invented refresh token, whoever knows the session’s id', async () => {
    const who = await h.signIn();
    const invented = `${who.refreshToken.split('.')[0]}.${Buffer.alloc(32, 7).toString('base64url')}`;
    expect((await refresh(invented)).status).toBe(401);
    expect((await h.request({ path: '/api/session', bearer: who.bearer })).status).toBe(200);
    expect((await refresh(who.refreshToken)).status).toBe(200);
  });

  it('rotates once when twenty tabs refresh at once', async () => {
    const who = await h.signIn();
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(who.refreshToken)));
    expect(answers.map((a) => a.status)).toEqual(answers.map(() => 200));
    expect(answers.filter((a) => a.json<{ refreshToken: string | null }>().refreshToken !== null)).toHaveLength(1);
  });
  it('ends for the same access token at once when it is signed out, in every process', async () => {
    const who = await h.signIn();
    expect((await session(who.bearer)).status).toBe(200);
    expect((await h.request({ method: 'POST', path: '/api/sign-out', bearer: who.bearer })).status).toBe(200);
    expect((await session(who.bearer)).status).toBe(401);
    // Also at a route that does not look at the session itself.
    const elsewhere = await h.request({ path: '/api/probe/mine', json: { key: 'a', n: 1 }, bearer: who.bearer });
    expect(elsewhere.json()).toMatchObject({ type: '/problems/session-over' });
    expect((await h.request({ path: '/api/session', cookies: who.cookies })).status).toBe(401);
    expect((await refresh(who.refreshToken)).status).toBe(401);
  });
  it('is listed for its person, who ends another one from here; nobody else can', async () => {
    const person = somebody();
    const [here, lost, stranger] = [await h.signIn(person), await h.signIn(person), await h.signIn()];
    const list = async (): Promise<{ session: string; current: boolean }[]> =>
      (await h.request({ path: '/api/sessions', bearer: here.bearer })).json<{ sessions: { session: string; current: boolean }[] }>().sessions;
    const mine = (await session(here.bearer)).json<{ session: string }>().session;
    const other = (await session(lost.bearer)).json<{ session: string }>().session;
    expect((await list()).filter((s) => [mine, other].includes(s.session))).toEqual([
      expect.objectContaining({ session: other, current: false }), expect.objectContaining({ session: mine, current: true })]);
    const end = (bearer: string): ReturnType<House['request']> => h.request({ method: 'POST', path: `/api/sessions/${other}/end`, bearer });
    expect((await end(stranger.bearer)).json()).toMatchObject({ type: '/problems/unknown-session' });
    expect((await session(lost.bearer)).status).toBe(200);
    expect((await end(here.bearer)).status).toBe(200);
    expect((await end(here.bearer)).status).toBe(200);
    expect((await session(lost.bearer)).status).toBe(401);
    expect((await session(here.bearer)).status).toBe(200);
    expect((await list()).map((s) => s.session)).not.toContain(other);
  });
  it('lasts 30 minutes by its access token, 2 hours by its refresh token, 12 hours in all', async () => {
    const who = await h.signIn();
    expect((await atOffset(29 * MINUTE, () => session(who.bearer))).status).toBe(200);
    expect((await atOffset(31 * MINUTE, () => session(who.bearer))).status).toBe(401);
    expect((await atOffset(2 * HOUR + 1000, () => refresh(who.refreshToken))).status).toBe(401);
    const long = await h.signIn();
    let token = long.refreshToken;
    let status = 200;
    let hours = 0;
    while (status === 200 && hours < 14) {
      hours += 1;
      const answer = await atOffset(hours * HOUR, () => refresh(token));
      status = answer.status;
      token = status === 200 ? answer.json<{ refreshToken: string }>().refreshToken : token;
    }
    expect(hours).toBe(12);
  });
  it('is renewed by its cookies when only the access cookie ran out', async () => {
    const who = await h.signIn();
    const answer = await atOffset(31 * MINUTE, () => h.request({ path: '/api/session', cookies: who.cookies }));
    expect(answer.status).toBe(200);
    expect(answer.cookies.xq_access).toBeTruthy();
    expect(answer.cookies.xq_refresh).not.toBe(who.refreshToken);
  });
  it('is nobody’s with a token that we did not make for it', async () => {
    const who = await h.signIn();
    const [head, body, signature] = who.bearer.split('.') as [string, string, string];
    const b64 = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const payload = JSON.parse(Buffer.from(body, 'base64url').toString()) as Record<string, unknown>;
    const header = JSON.parse(Buffer.from(head, 'base64url').toString()) as Record<string, unknown>;
    const forged = (key: Uint8Array | KeyObject, claims: Record<string, unknown>, headers: Record<string, unknown> = {}): Promise<string> =>
      new SignJWT(claims).setProtectedHeader({ ...header, ...headers } as { alg: string }).sign(key);
    const right = await h.perform('india', async (tx) => tenantKeys(tx).key('identity.access-token'));
    const other = await h.perform('other', async (tx) => tenantKeys(tx).key('identity.access-token'));
    expect((await session(await forged(right, payload))).status).toBe(200);
    const bad: Record<string, string> = {
      'alg none': `${b64({ ...header, alg: 'none' })}.${body}.`, 'alg none with the signature': `${b64({ ...header, alg: 'none' })}.${body}.${signature}`,
      'another person': `${head}.${b64({ ...payload, sub: 'f'.repeat(32) })}.${signature}`,
      'another key': await forged(new Uint8Array(32), payload), 'the other tenant’s key': await forged(other, payload),
      'the other tenant’s audience': await forged(right, { ...payload, aud: h.tenant('other').id }),
      'another issuer': await forged(right, { ...payload, iss: 'x' }), 'another type': await forged(right, payload, { typ: 'JWT' }),
      'no end': await forged(right, { ...payload, exp: undefined }),
      'another hash': await forged(right, payload, { alg: 'HS512' }), empty: '', junk: 'a.b.c', 'half a token': `${head}.${body}`,
      'a session that is not': await forged(right, { ...payload, sid: 'e'.repeat(32) }),
    };
    for (const [name, token] of Object.entries(bad)) expect((await session(token)).status, name).toBe(401);
    for (const slug of ['other', 'us']) expect((await session(who.bearer, slug)).status, slug).toBe(401);
    for (const token of ['', 'x'.repeat(50), `ses_${'0'.repeat(32)}.${'A'.repeat(43)}`,
      who.refreshToken.replace(/.$/, (c) => (c === 'A' ? 'B' : 'A'))]) expect([401, 422]).toContain((await refresh(token)).status);
  });
});

it('leaves no canary in clear: tables, files, write-ahead log, log lines, tokens', async () => {
  const canary = await known({ identifier: 'QZJPX0000K', name: 'Zarathustra Quillfeather', nameLocal: 'ज़रथुस्त्र क्विलफेदर', phone: '+91 00713 31999',
    dateOfBirth: civilDate('1931-07-19') });
  const who = await h.signIn(canary);
  const wrong = await begun(canary);
  await submit(wrong.challenge, wrongThan(wrong.code), wrong.browser);
  await refresh(who.refreshToken);
  await h.settle();
  const code = h.messages.sent.filter((m) => m.to === canary.phone).map((m) => /\d{6}/.exec(m.text)?.[0] as string);
  const secrets = { identifier: canary.identifier, name: canary.name, local: canary.nameLocal as string, phone: canary.phone, digits: '910071331999',
    birth: canary.dateOfBirth };
  expect(await h.findSecrets(secrets)).toEqual([]);
  const logged = JSON.stringify(h.lines());
  for (const c of code) expect(logged).not.toContain(c);
  const token = Buffer.from(who.bearer.split('.')[1] as string, 'base64url').toString();
  for (const secret of Object.values(secrets)) expect(token).not.toContain(secret);
  expect(Object.keys(JSON.parse(token) as object).toSorted()).toEqual(['aud', 'exp', 'iat', 'iss', 'sid', 'sub']);
});
