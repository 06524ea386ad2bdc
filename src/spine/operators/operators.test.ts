import { createHash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testClock } from '#kernel';
import {
  authenticatorCode, fromBase32, house, newAddress, OPERATOR_PASSWORD, operatorOf, type Answer, type Ask, type House, type MadeOperator,
} from '#test';
import { changeRole, disableOperator, inviteOperator, relinkOperator, roles } from './index.ts';
import { base32, totpCode, totpStep, weakPassword } from './rules.ts';

let h: House;
beforeAll(async () => { h = await house({ serve: ['IN'] }); });
afterAll(() => h.stop());

let made = 0;
async function invited(role = 'administrator', tenant = 'india'): Promise<{ name: string; link: string }> {
  const name = `Made Up Operator ${made += 1}`;
  const outcome = await h.perform(tenant, (tx) => inviteOperator(tx, name, role));
  if (!outcome.ok) throw new Error(outcome.problem.code);
  return { name, link: outcome.value.link };
}
const ask = (path: string, json?: unknown, more: Partial<Ask> = {}): Promise<Answer> =>
  h.request({ path: `/api/operators${path}`, address: newAddress(), ...(json === undefined ? {} : { json }), ...more });
const typeOf = (a: Answer): [number, string] => [a.status, a.json<{ type: string }>().type.replace('/problems/', '')];

const enrolled = (role?: string, tenant?: string): Promise<MadeOperator> => operatorOf(h, role, tenant);
const me = (cookies: Record<string, string>, tenant = 'india'): Promise<Answer> => ask('/me', undefined, { cookies, tenant });

describe('the authenticator', () => {
  it('makes the codes of RFC 6238, appendix B', () => {
    const key = Buffer.from('12345678901234567890');
    const codes = [59, 1_111_111_109, 1_111_111_111, 1_234_567_890, 2_000_000_000, 20_000_000_000].map((at) => totpCode(key, Math.floor(at / 30)));
    expect(codes).toEqual(['287082', '081804', '050471', '005924', '279037', '353130']);
  });
  it('writes keys as RFC 4648, section 10', () => {
    expect(['f', 'fo', 'foo', 'foob', 'fooba', 'foobar'].map((t) => base32(Buffer.from(t)))).toEqual(['MY', 'MZXQ', 'MZXW6', 'MZXW6YQ', 'MZXW6YTB',
      'MZXW6YTBOI']);
  });
  it('takes a code one step around now, and never one that is not newer than the last', () => {
    const key = Buffer.from('12345678901234567890'), now = testClock(new Date(59_000 + 30_000)).now();
    expect([1, 2, 3].map((step) => totpStep(key, totpCode(key, step), now, 0))).toEqual([1, 2, 3]);
    expect(totpStep(key, totpCode(key, 0), now, -1)).toBe(undefined);
    expect(totpStep(key, totpCode(key, 4), now, 0)).toBe(undefined);
    expect(totpStep(key, totpCode(key, 2), now, 2)).toBe(undefined);
  });
});

it('roles name permissions of the manifests only', async () => {
  const known = new Set((await import('#test')).everyModule.flatMap((m) => Object.keys(m.permissions ?? {})));
  expect(Object.values(roles).flat().filter((p) => !known.has(p))).toEqual([]);
});

it('passwords that are guessed first are refused', () => {
  expect(['short', 'aaaaaaaaaaaaaaaa', 'xx made up operator xx', OPERATOR_PASSWORD].map((p) => weakPassword(p, 'Made Up Operator'))).toEqual([true, true,
    true, false]);
});

describe('enrolment', () => {
  it('by password and authenticator signs in, once', async () => {
    const { name, link } = await invited();
    const offered = (await ask(`/enrolment?link=${link}`)).json<{ name: string; secret: string; otpauth: string; rp: string }>();
    expect(offered).toMatchObject({ name, role: 'administrator', rp: 'india.localhost' });
    const key = fromBase32(offered.secret);
    expect(typeOf(await ask('/enrolment/password', { link, password: 'password', code: authenticatorCode(key) }))).toEqual([422, 'operator-password-weak']);
    expect(typeOf(await ask('/enrolment/password', { link, password: OPERATOR_PASSWORD, code: '000000' }))).toEqual([422, 'operator-code-wrong']);
    const answer = await ask('/enrolment/password', { link, password: OPERATOR_PASSWORD, code: authenticatorCode(key) });
    expect((await me({ xq_operator: answer.json<{ token: string }>().token })).json()).toMatchObject({ name, role: 'administrator',
      permissions: [...roles.administrator ?? []] });
    for (const again of [await ask(`/enrolment?link=${link}`), await ask('/enrolment/password', { link, password: OPERATOR_PASSWORD,
      code: authenticatorCode(key, 1) })]) {
      expect(typeOf(again)).toEqual([410, 'operator-link-over']);
    }
  });
  it('does not know a link with another secret, of another tenant, or after a day', async () => {
    const { link } = await invited();
    expect(typeOf(await ask(`/enrolment?link=${link.slice(0, -4)}AAAA`))).toEqual([410, 'operator-link-over']);
    expect(typeOf(await ask(`/enrolment?link=${link}`, undefined, { tenant: 'other' }))).toEqual([410, 'operator-link-over']);
    await h.clockOffset('india', 86_400_001);
    expect(typeOf(await ask(`/enrolment?link=${link}`))).toEqual([410, 'operator-link-over']);
    await h.clockOffset('india', 0);
    expect((await ask(`/enrolment?link=${link}`)).status).toBe(200);
  });
  it('again replaces the credentials and ends the sessions', async () => {
    const who = await enrolled();
    const next = await h.perform('india', (tx) => relinkOperator(tx, who.name.toUpperCase()));
    if (!next.ok) throw new Error(next.problem.code);
    expect((await me(who.cookies)).status).toBe(200);
    const { link } = next.value;
    const key = fromBase32((await ask(`/enrolment?link=${link}`)).json<{ secret: string }>().secret);
    expect((await ask('/enrolment/password', { link, password: `${OPERATOR_PASSWORD}!`, code: authenticatorCode(key) })).status).toBe(200);
    expect((await me(who.cookies)).status).toBe(401);
    expect(typeOf(await ask('/sign-in', { name: who.name, password: OPERATOR_PASSWORD, code: authenticatorCode(who.key, 1) }))).toEqual([422,
      'operator-refused']);
  });
  it('refuses a name that is taken and a role that is none', async () => {
    const { name } = await invited();
    const refused = async (n: string, role: string): Promise<string> => {
      const o = await h.perform('india', (tx) => inviteOperator(tx, n, role));
      return o.ok ? '' : o.problem.code;
    };
    expect([await refused(` ${name.toLowerCase()} `, 'auditor'), await refused('Somebody New', 'emperor')]).toEqual(['operator-name-taken',
      'operator-role-unknown']);
  });
});

describe('sign-in', () => {
  it('needs name, password and a fresh code, and does not say which was wrong', async () => {
    const who = await enrolled();
    const code = authenticatorCode(who.key, 1);
    const wrong = [
      { name: who.name, password: 'seven quiet green goats', code }, { name: 'Nobody Known', password: OPERATOR_PASSWORD, code },
      { name: who.name, password: OPERATOR_PASSWORD, code: code === '000000' ? '000001' : '000000' },
      { name: who.name, password: OPERATOR_PASSWORD, code: authenticatorCode(who.key) }, // used when enrolling
    ];
    const answers = await Promise.all(wrong.map((w) => ask('/sign-in', w)));
    expect(new Set(answers.map((a) => JSON.stringify({ ...a.json(), trace: '' }))).size).toBe(1);
    expect(typeOf(answers[0] as Answer)).toEqual([422, 'operator-refused']);
    const right = await ask('/sign-in', { name: `  ${who.name.toUpperCase()}`, password: OPERATOR_PASSWORD, code });
    expect(right.status, right.text).toBe(200);
    expect((await me({ xq_operator: right.json<{ token: string }>().token })).status).toBe(200);
    expect(typeOf(await ask('/sign-in', { name: who.name, password: OPERATOR_PASSWORD, code }))).toEqual([422, 'operator-refused']);
  });
  it('counts tries of a name from wherever, and of an address', async () => {
    const who = await enrolled();
    const tries = await Promise.all(Array.from({ length: 12 }, () => ask('/sign-in', { name: who.name, password: 'wrong', code: '000000' })));
    expect(tries.filter((a) => a.status === 429).length).toBe(2);
    expect(Number(tries.find((a) => a.status === 429)?.headers['retry-after'])).toBeGreaterThan(60);
    const address = newAddress();
    // More than a slow machine's minutes of hashing let in again.
    const strangers = await Promise.all(Array.from({ length: 44 }, (_, i) => ask('/sign-in', { name: `nobody ${i}`, password: 'x', code: '0' }, { address })));
    expect(strangers.filter((a) => a.status === 429).length).toBeGreaterThan(0);
    expect(strangers.filter((a) => a.status === 422).length).toBeGreaterThanOrEqual(30);
  });
  it('takes no passkey that it has not made, no invented challenge and no text', async () => {
    const clientDataJSON = Buffer.from(JSON.stringify({ type: 'webauthn.get', challenge: 'x', origin: 'http://india.localhost' })).toString('base64url');
    for (const credential of ['{}', 'no json', JSON.stringify({ id: 'x', rawId: 'x', type: 'public-key', response: { clientDataJSON, authenticatorData: '',
      signature: '' } })]) {
      expect(typeOf(await ask('/sign-in/passkey', { credential }))).toEqual([422, 'operator-refused']);
    }
    const { link } = await invited();
    expect(typeOf(await ask('/enrolment/passkey', { link, credential: '{}' }))).toEqual([422, 'operator-passkey-refused']);
    expect((await ask(`/enrolment?link=${link}`)).status).toBe(200);
  });
  it('leaves facts without a name', async () => {
    const who = await enrolled();
    await ask('/sign-in', { name: who.name, password: 'wrong', code: '000000' });
    const facts = await h.sql('IN', 'superuser')<{ action: string; result: string; text: string }>(
      "select action, result, f::text as text from audit.entry f where action like 'operators.%'");
    expect(facts.map((f) => `${f.action} ${f.result}`)).toEqual(expect.arrayContaining(['operators.enrol done', 'operators.sign-in done',
      'operators.sign-in refused']));
    expect(facts.filter((f) => f.text.includes(who.name))).toEqual([]);
    const hashed = createHash('sha256').update(OPERATOR_PASSWORD).digest('hex');
    expect(await h.findSecrets({ name: who.name, password: OPERATOR_PASSWORD, key: base32(who.key), hashed })).toEqual([]);
  });
});

describe('a session', () => {
  it('ends at once: signed out, disabled, of another tenant, changed', async () => {
    const who = await enrolled();
    expect((await me(who.cookies, 'other')).status).toBe(401);
    const token = who.cookies.xq_operator as string;
    const changed = await me({ xq_operator: `${token.slice(0, -4)}AAAA` });
    expect([changed.status, changed.cookies.xq_operator]).toEqual([401, null]);
    expect((await ask('/sign-out', undefined, { method: 'POST',
      cookies: who.cookies })).status).toBe(403); // no origin: a page of another site could have sent it
    expect((await ask('/sign-out', undefined, { method: 'POST', cookies: who.cookies, headers: { 'sec-fetch-site': 'same-origin' } })).status).toBe(200);
    expect((await me(who.cookies)).status).toBe(401);
    const other = await enrolled();
    await h.perform('india', (tx) => disableOperator(tx, other.name));
    expect((await me(other.cookies)).status).toBe(401);
    expect(typeOf(await ask('/sign-in', { name: other.name, password: OPERATOR_PASSWORD, code: authenticatorCode(other.key, 1) }))).toEqual([422,
      'operator-refused']);
  });
  it('ends after half an hour without a request, and after eight hours', async () => {
    const who = await enrolled();
    for (let minutes = 20; minutes < 8 * 60; minutes += 20) {
      await h.clockOffset('india', minutes * 60_000);
      expect((await me(who.cookies)).status, `after ${minutes} minutes`).toBe(200);
    }
    await h.clockOffset('india', 8 * 3_600_000 + 1000);
    expect((await me(who.cookies)).status).toBe(401);
    await h.clockOffset('india', 0);
    const idle = await enrolled();
    await h.clockOffset('india', 31 * 60_000);
    expect((await me(idle.cookies)).status).toBe(401);
    await h.clockOffset('india', 0);
  });
  it('is not kept by a screen that asks by itself', async () => {
    const who = await enrolled();
    for (const minutes of [10, 20, 29]) {
      await h.clockOffset('india', minutes * 60_000);
      expect((await ask('/me', undefined, { cookies: who.cookies, headers: { 'exchequer-unattended': '1' } })).status).toBe(200);
    }
    await h.clockOffset('india', 31 * 60_000);
    expect((await me(who.cookies)).status).toBe(401);
    await h.clockOffset('india', 0);
  });
  it('has another role from the next request on', async () => {
    const who = await enrolled('accountant');
    expect((await ask('', undefined, { cookies: who.cookies })).status).toBe(403);
    await h.perform('india', (tx) => changeRole(tx, who.name, 'auditor'));
    expect((await ask('', undefined, { cookies: who.cookies })).status).toBe(200);
    expect((await h.perform('india', (tx) => changeRole(tx, who.name, 'emperor'))).ok).toBe(false);
  });
  it('of a person in the same browser does not stand in its way, nor the other way round', async () => {
    const [operator, person] = [await enrolled(), await h.signIn()];
    const cookies = { ...person.cookies, ...operator.cookies };
    expect((await me(cookies)).status).toBe(200);
    expect((await h.request({ path: '/api/session', cookies })).status).toBe(200);
    expect((await h.request({ path: '/api/session', cookies: operator.cookies })).status).toBe(403);
    expect((await me(person.cookies)).status).toBe(403);
  });
  it('may do what its role says', async () => {
    const [administrator, accountant] = [await enrolled(), await enrolled('accountant')];
    expect((await ask('', undefined, { cookies: administrator.cookies })).json<{ operators: unknown[] }>().operators.length).toBeGreaterThan(2);
    expect(typeOf(await ask('', undefined, { cookies: accountant.cookies }))).toEqual([403, 'forbidden']);
  });
});

describe('pages', () => {
  it('enrol and sign in without script, and lead back', async () => {
    const { name, link } = await invited();
    const browser = h.browser();
    const page = await browser.open(`/operator/enrol?link=${link}`);
    const key = fromBase32((/key to an authenticator on your phone: ([A-Z2-7 ]+)/.exec(page.text)?.[1] ?? '').replaceAll(' ', ''));
    const refused = await browser.submit('/operator/enrol', { password: 'short', code: authenticatorCode(key) });
    expect([refused.status, refused.text.includes('too easy to guess')]).toEqual([422, true]);
    await browser.open(`/operator/enrol?link=${link}`);
    await browser.submit('/operator/enrol', { password: OPERATOR_PASSWORD, code: authenticatorCode(key) });
    expect(browser.cookies.xq_operator).toMatch(/^osn_/);
    delete browser.cookies.xq_operator;
    await browser.open('/operator/sign-in');
    const empty = await browser.submit('/operator/sign-in', { name: '', password: '', code: '' });
    expect([empty.status, empty.text.includes('Enter your password')]).toEqual([422, true]);
    const wrong = await browser.submit('/operator/sign-in', { name, password: OPERATOR_PASSWORD, code: '000000' });
    expect([wrong.status, wrong.text.includes('That did not match'), wrong.text.includes(OPERATOR_PASSWORD)]).toEqual([422, true, false]);
    await browser.submit('/operator/sign-in', { name, password: OPERATOR_PASSWORD, code: authenticatorCode(key, 1) });
    expect(browser.cookies.xq_operator).toMatch(/^osn_/);
    const over = await h.browser().open(`/operator/enrol?link=${link}&lang=hi`);
    expect([over.status, over.text.includes('यह लिंक अब नहीं चलेगा')]).toEqual([410, true]);
  });
});
