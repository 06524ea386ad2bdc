import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { Tx } from '#kernel';
import { authenticatorCode, fromBase32, house, newAddress, OPERATOR_PASSWORD, operatorOf, type Answer, type Ask, type House, type MadeOperator } from '#test';
import { changeRole, disableOperator } from './index.ts';

let h: House, boss: MadeOperator;
beforeAll(async () => {
  h = await house({ serve: ['IN'] });
  boss = await operatorOf(h);
});
afterAll(() => h.stop());

interface Listed { operator: string; name: string; role: string; state: string; lastSignInAt: string | null; sessions: number }
const ask = (by: MadeOperator, path: string, tenant = 'india', more: Partial<Ask> = {}): Promise<Answer> => h.request({
  tenant, path: `/api/operators${path}`, cookies: by.cookies, address: newAddress(), headers: { 'sec-fetch-site': 'same-origin' }, ...more,
});
const post = (by: MadeOperator, path: string, json?: unknown): Promise<Answer> =>
  ask(by, path, 'india', { method: 'POST', ...(json === undefined ? {} : { json }) });
const typeOf = (a: Answer): [number, string] => [a.status, a.json<{ type?: string }>().type?.replace('/problems/', '') ?? ''];
const all = async (by = boss): Promise<Listed[]> => (await ask(by, '')).json<{ operators: Listed[] }>().operators;
const listed = async (name: string): Promise<Listed> => (await all()).find((o) => o.name === name) as Listed;
const idOfOne = async (of: MadeOperator): Promise<string> => (await listed(of.name)).operator;
const me = async (of: MadeOperator): Promise<number> => (await ask(of, '/me')).status;
const facts = async (action: string, result: string): Promise<number> =>
  (await h.sql('IN', 'superuser')('select 1 from audit.entry where action = $1 and result = $2', [`operators.${action}`, result])).length;
const enrol = async (link: string): Promise<Answer> => {
  const offered = await h.request({ path: `/api/operators/enrolment?link=${link}`, address: newAddress() });
  if (offered.status !== 200) return offered;
  const code = authenticatorCode(fromBase32(offered.json<{ secret: string }>().secret));
  return h.request({ path: '/api/operators/enrolment/password', json: { link, password: OPERATOR_PASSWORD, code }, address: newAddress() });
};

describe('operators are managed by whoever may', () => {
  it('invited by a link that works once; listed with when they were last here', async () => {
    const made = await post(boss, '', { name: 'Made Up Newcomer', role: 'auditor' });
    expect([made.status, made.headers['cache-control']]).toEqual([201, 'no-store']);
    const { link, operator } = made.json<{ link: string; operator: string }>();
    expect(await listed('Made Up Newcomer')).toEqual({ operator, name: 'Made Up Newcomer', role: 'auditor', state: 'invited', lastSignInAt: null,
      sessions: 0 });
    expect(typeOf(await post(boss, '', { name: 'made up  NEWCOMER', role: 'auditor' }))).toEqual([409, 'operator-name-taken']);
    expect(typeOf(await post(boss, '', { name: 'Somebody Else', role: 'emperor' }))).toEqual([422, 'operator-role-unknown']);
    expect((await enrol(link)).status).toBe(200);
    expect((await enrol(link)).status).toBe(410);
    expect(await listed('Made Up Newcomer')).toMatchObject({ state: 'active', sessions: 1, lastSignInAt: expect.stringMatching(/^20/) as string });
    // A link made anew ends the one before it, and brings a new password.
    const [first, second] = [await post(boss, `/${operator}/link`), await post(boss, `/${operator}/link`)].map((a) => a.json<{ link: string }>().link);
    expect([(await enrol(first as string)).status, (await enrol(second as string)).status]).toEqual([410, 200]);
    const [logged] = h.lines().filter((line) => JSON.stringify(line).includes(link.slice(-43)));
    expect(logged).toBeUndefined();
  });

  it('given another role, put out, let in again and signed out, at once and with a fact each', async () => {
    const other = await operatorOf(h, 'developer');
    const id = await idOfOne(other);
    expect((await post(boss, `/${id}/role`, { role: 'auditor' })).status).toBe(200);
    expect((await ask(other, '/me')).json()).toMatchObject({ role: 'auditor' });
    expect((await post(boss, `/${id}/sessions/end`)).status).toBe(200);
    expect(await me(other)).toBe(401);
    expect((await post(boss, `/${id}/disable`)).status).toBe(200);
    expect((await listed(other.name))).toMatchObject({ state: 'disabled', sessions: 0 });
    expect(typeOf(await post(boss, `/${id}/link`))).toEqual([409, 'operator-disabled']);
    const signIn = (ahead: number): Promise<Answer> => h.request({
      path: '/api/operators/sign-in', address: newAddress(), json: { name: other.name, password: OPERATOR_PASSWORD, code: authenticatorCode(other.key, ahead) },
    });
    expect((await signIn(1)).status).toBe(422);
    expect((await post(boss, `/${id}/enable`)).status).toBe(200);
    expect((await post(boss, `/${id}/enable`)).status).toBe(200);
    expect((await signIn(1)).status).toBe(200);
    // One who had never enrolled is only invited once more.
    const invited = (await post(boss, '', { name: 'Made Up Latecomer', role: 'feed' })).json<{ operator: string }>().operator;
    await post(boss, `/${invited}/disable`);
    await post(boss, `/${invited}/enable`);
    expect(await listed('Made Up Latecomer')).toMatchObject({ state: 'invited' });
    expect([await facts('role', 'done'), await facts('sessions-ended', 'done'), await facts('disabled', 'done'), await facts('enabled', 'done')])
      .toEqual([1, 1, 2, 2]);
  });

  it('nobody changes themselves, whoever else there is', async () => {
    const id = await idOfOne(boss);
    await operatorOf(h);
    for (const [path, json] of [['role', { role: 'auditor' }], ['disable', undefined], ['enable', undefined], ['link', undefined]] as const) {
      expect(typeOf(await post(boss, `/${id}/${path}`, json)), path).toEqual([409, 'operator-self']);
    }
    expect(await listed(boss.name)).toMatchObject({ role: 'administrator', state: 'active' });
    expect(await facts('disabled', 'refused')).toBe(1);
  });

  it('the last administrator stays, also when two take each other out at the same moment', async () => {
    const su = h.sql('IN', 'superuser');
    const others = (state: string, ids: readonly string[]): Promise<unknown[]> => su(
      "update operators.operator set state = $3 where tenant = $1 and role = 'administrator' and not id = any($2::uuid[])", [h.tenant().id, ids, state]);
    for (const [path, json] of [['disable', undefined], ['role', { role: 'auditor' }]] as const) {
      const two = [await operatorOf(h), await operatorOf(h)] as const;
      const ids = [await idOfOne(two[0]), await idOfOne(two[1])] as const;
      await others('disabled', ids.map((id) => id.slice(4)));
      const answers = await Promise.all([post(two[0], `/${ids[1]}/${path}`, json), post(two[1], `/${ids[0]}/${path}`, json)]);
      const [left] = await su<{ n: number }>(
        "select count(*)::int as n from operators.operator where tenant = $1 and role = 'administrator' and state = 'active'", [h.tenant().id]);
      expect([answers.filter((a) => a.status === 200).length, left?.n], path).toEqual([1, 1]);
      const winner = answers[0].status === 200 ? two[0] : two[1];
      // Nor at the command line.
      for (const verb of [disableOperator, (tx: Tx, name: string) => changeRole(tx, name, 'feed')]) {
        const outcome = await h.perform('india', (tx) => verb(tx, winner.name));
        expect(outcome.ok ? '' : outcome.problem.code).toBe('operator-last-administrator');
      }
      await others('active', []);
    }
  });

  it('another tenant’s are not there, and who only reads changes nothing', async () => {
    const there = await operatorOf(h, 'administrator', 'other');
    const theirs = (await ask(there, '', 'other')).json<{ operators: Listed[] }>().operators[0]?.operator as string;
    for (const path of ['disable', 'enable', 'link', 'sessions/end']) {
      expect(typeOf(await post(boss, `/${theirs}/${path}`)), path).toEqual([404, 'operator-unknown']);
    }
    expect(typeOf(await post(boss, `/${theirs}/role`, { role: 'auditor' }))).toEqual([404, 'operator-unknown']);
    const auditor = await operatorOf(h, 'auditor');
    expect((await ask(auditor, '')).status).toBe(200);
    for (const path of ['/link', '/role', '/disable', '/enable', '/sessions/end']) {
      expect((await post(auditor, `/${await idOfOne(boss)}${path}`, path === '/role' ? { role: 'auditor' } : undefined)).status, path).toBe(403);
    }
    expect((await post(auditor, '', { name: 'Made Up Friend', role: 'administrator' })).status).toBe(403);
  });
});
