import { hash } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { tenantKeys } from '#spine/vault';
import { house, probe, type Answer, type Ask, type House } from '#test';

let h: House;
beforeAll(async () => { h = await house({ add: [probe()], limits: false }); });
afterAll(() => h.stop());

let keys = 0;
const sha256 = (what: unknown): Buffer => hash('sha256', JSON.stringify(what), 'buffer');
const newKey = (): string => `test-key-${String(keys++).padStart(8, '0')}`;
const post = (path: string, body: Record<string, unknown>, more: Partial<Ask> = {}): Promise<Answer> =>
  h.request({ path: `/api/probe/${path}`, json: body, ...more });
/** Status, and whether the answer was given again. */
const told = (a: Answer): [number, boolean] => [a.status, a.headers['idempotency-replayed'] === 'true'];
const value = async (key: string, slug = 'india'): Promise<number> =>
  (await h.sql('IN', 'superuser')<{ n: number }>('select n::int as n from probe.item where tenant = $1 and key = $2', [h.tenant(slug).id, key]))[0]?.n ?? 0;

describe.each(['many', 'one'])('a repeated request (%s)', (path) => {
  it('has one effect when it comes 50 times at once; the others wait or see the same answer', async () => {
    const idempotencyKey = newKey();
    const key = `fifty-${path}`;
    const answers = await Promise.all(Array.from({ length: 50 }, () => post(path, { key, n: 1 }, { idempotencyKey })));
    const done = answers.filter((a) => a.status === 200);
    expect(done.length).toBeGreaterThan(0);
    for (const a of done) expect(a.json()).toEqual({ n: 1 });
    expect(done.filter((a) => a.headers['idempotency-replayed'] === undefined)).toHaveLength(1);
    const waiting = answers.filter((a) => a.status !== 200);
    for (const a of waiting) {
      expect(a.json()).toMatchObject({ type: '/problems/in-flight', status: 409 });
      expect(a.headers['retry-after']).toBe('1');
    }
    expect(await value(key)).toBe(1);
    expect(await post(path, { key, n: 1 }, { idempotencyKey })).toMatchObject({ status: 200, headers: { 'idempotency-replayed': 'true' } });
    const facts = await h.sql('IN', 'superuser')("select 1 from audit.entry where action = 'probe.added' and resource = $1", [key]);
    const events = await h.sql('IN', 'superuser')('select 1 from events.log where key = $1', [key]);
    expect([facts.length, events.length]).toEqual([1, 1]);
  });
  it('with another body is refused and changes nothing', async () => {
    const idempotencyKey = newKey();
    const key = `body-${path}`;
    await post(path, { key, n: 1 }, { idempotencyKey });
    expect((await post(path, { key, n: 2 }, { idempotencyKey })).json()).toMatchObject({ type: '/problems/key-reused', status: 422 });
    expect(await value(key)).toBe(1);
  });
  it('is told the same refusal again', async () => {
    const idempotencyKey = newKey();
    const key = `refused-${path}`;
    const [first, second] = [await post(path, { key, n: 1, fault: 'refuse' }, { idempotencyKey }),
      await post(path, { key, n: 1, fault: 'refuse' }, { idempotencyKey })];
    expect([first.status, second.status, second.headers['idempotency-replayed']]).toEqual([409, 409, 'true']);
    expect(second.json()).toMatchObject({ type: '/problems/too-big', detail: 'as asked' });
    expect(await value(key)).toBe(path === 'one' ? 1 : 0);
  });
  it('may succeed after a 429 and after a 500: neither is kept', async () => {
    for (const [fault, status] of [['slow', 429], ['throw', 500]] as const) {
      const idempotencyKey = newKey();
      const key = `later-${fault}-${path}`;
      expect(await post(path, { key, n: 1, fault }, { idempotencyKey })).toMatchObject({ status });
      // The body may be another one: nothing was kept to compare it with.
      expect(told(await post(path, { key, n: 1 }, { idempotencyKey }))).toEqual([200, false]);
      expect(await value(key)).toBe(1);
    }
  });
});

it('with a 401 is not kept either', async () => {
  const who = await h.signIn();
  const idempotencyKey = newKey();
  await h.request({ method: 'POST', path: '/api/sign-out', bearer: who.bearer });
  expect(await post('mine', { key: 'gone', n: 1 }, { idempotencyKey, bearer: who.bearer })).toMatchObject({ status: 401 });
  expect(await h.sql('IN', 'superuser')('select 1 from probe.item where key = $1', ['gone'])).toEqual([]);
});

it('a key belongs to its tenant, its actor and its route', async () => {
  const idempotencyKey = newKey();
  const [asha, ravi] = [await h.signIn(), await h.signIn()];
  const body = { key: 'scoped', n: 1 };
  const answers = [
    await post('one', body, { idempotencyKey }), await post('many', body, { idempotencyKey }), await post('one', body, { idempotencyKey, tenant: 'other' }),
    await post('mine', body, { idempotencyKey, bearer: asha.bearer }), await post('mine', body, { idempotencyKey, bearer: ravi.bearer }),
  ];
  expect(answers.map((a) => [a.status, a.headers['idempotency-replayed']])).toEqual(answers.map(() => [200, undefined]));
  expect([await value('scoped'), await value('scoped', 'other')]).toEqual([4, 1]);
});

it('a key is asked for where the route says so, and must look like one', async () => {
  expect((await post('required', { key: 'r', n: 1 })).json()).toMatchObject({ type: '/problems/key-missing', status: 400 });
  for (const bad of ['short', 'x'.repeat(129), 'has space in it', 'ключ-ключ-ключ'].map((k) => Buffer.from(k).toString('latin1'))) {
    expect((await post('required', { key: 'r', n: 1 }, { idempotencyKey: bad })).json(), bad).toMatchObject({ type: '/problems/key-missing' });
  }
  expect(await value('r')).toBe(0);
  expect(await post('required', { key: 'r', n: 1 }, { idempotencyKey: newKey() })).toMatchObject({ status: 200 });
});

it('an answer is sealed where it stands, and the hash of what was asked with it', async () => {
  const note = 'only the caller knows this sentence';
  await post('one', { key: 'sealed', n: 41, note }, { idempotencyKey: newKey() });
  const rows = await h.sql('IN', 'superuser')<{ answer: string; row: string }>(
    'select answer, to_jsonb(a)::text as row from idempotency.answer a order by expires_at desc limit 1');
  expect(rows[0]?.answer).toMatch(/^ENC:v1:/);
  const guess = sha256({ body: { key: 'sealed', n: 41, fault: 'none', note } });
  for (const form of ['hex', 'base64url', 'base64'] as const) expect(rows[0]?.row).not.toContain(guess.toString(form, 0, 15).replaceAll('=', ''));
  expect(await h.findSecrets({ note })).toEqual([]);
});

it('an answer from before keys were shortened is given again, and no other body has it', async () => {
  const idempotencyKey = newKey();
  const body = { key: 'old', n: 1 };
  expect(await post('one', body, { idempotencyKey })).toMatchObject({ status: 200 });
  // As it was written then: under its whole scope, with the body's keyed hash beside it.
  const scope = sha256([h.tenant().id, 'nobody', 'POST /probe/one', idempotencyKey]);
  const old = await h.perform('india', async (tx) => ({
    hash: tenantKeys(tx).mac('idempotency.body', sha256({ body: { key: 'old', n: 1, fault: 'none' } })),
    answer: tenantKeys(tx).seal({ table: 'idempotency.answer', column: 'answer', row: scope.toString('hex') }, '{"ok":true,"value":{"n":7}}'),
  }));
  expect(await h.sql('IN', 'superuser')('update idempotency.answer set scope = $1, body_hash = $2, answer = $3 where key = $4 returning 1',
    [scope, old.hash, old.answer, scope.toString('hex', 0, 16)])).toHaveLength(1);
  const again = await post('one', body, { idempotencyKey });
  expect([told(again), again.json()]).toEqual([[200, true], { n: 7 }]);
  expect((await post('one', { ...body, n: 2 }, { idempotencyKey })).json()).toMatchObject({ type: '/problems/key-reused' });
});

it('an answer past its time no longer stands, whenever the sweeper comes', async () => {
  const idempotencyKey = newKey();
  await post('one', { key: 'week', n: 1 }, { idempotencyKey });
  await h.clockOffset('india', 7 * 86_400_000 - 60_000);
  expect(await post('one', { key: 'week', n: 1 }, { idempotencyKey })).toMatchObject({ headers: { 'idempotency-replayed': 'true' } });
  await h.clockOffset('india', 7 * 86_400_000 + 60_000);
  expect(told(await post('one', { key: 'week', n: 1 }, { idempotencyKey }))).toEqual([200, false]);
  expect(await value('week')).toBe(2);
  expect(await post('one', { key: 'week', n: 1 }, { idempotencyKey })).toMatchObject({ headers: { 'idempotency-replayed': 'true' } });
  await h.clockOffset('india', 0);
});

it('a request whose process dies before the commit leaves nothing, and its twin has the effect', async () => {
  const idempotencyKey = newKey();
  const body = { key: 'killed', n: 1 };
  await h.sql('IN', 'superuser')(`create function probe.hold() returns trigger language plpgsql as $$ begin perform pg_sleep(60); return new; end $$;
    create trigger hold before insert on probe.item for each row when (new.key = 'killed') execute function probe.hold()`);
  const first = post('one', body, { idempotencyKey });
  const holder = "select pid from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'";
  let pids: { pid: number }[] = [];
  while (!pids.length) pids = await h.sql('IN', 'superuser')<{ pid: number }>(holder);
  expect(await post('one', body, { idempotencyKey })).toMatchObject({ status: 409 });
  for (const { pid } of pids) await h.sql('IN', 'superuser')('select pg_terminate_backend($1)', [pid]);
  expect((await first).status).toBe(503);
  await h.sql('IN', 'superuser')('drop trigger hold on probe.item; drop function probe.hold()');
  expect(told(await post('one', body, { idempotencyKey }))).toEqual([200, false]);
  expect(await value('killed')).toBe(1);
});
