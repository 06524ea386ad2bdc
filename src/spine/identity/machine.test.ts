import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type Tx } from '#kernel';
import { everyModule, house, newAddress, operatorOf, type Answer, type Ask, type House, type MadeOperator } from '#test';
import { ensureMachine, signatureHeaders, type MachineKey } from './index.ts';
import { readMachines } from './service/machine.ts';
import { en } from './words/en.ts';

let h: House, key: MachineKey;
beforeAll(async () => {
  h = await house({ serve: ['IN'], transport: 'http', limits: false });
  key = await h.perform('india', (tx) => ensureMachine(tx, 'signer', ['taxrefund:feed', 'taxrefund:quarantine', 'webhooks:read', 'webhooks:manage',
    'notify:send']));
});
afterAll(() => h.stop());

/** Signs as the document says, on its own: what the other side would write. */
function signed(request: string, body: string | Buffer = '', text = (at: string): string => `${at}\n${request}\n\n`): Record<string, string> {
  const at = String(Math.floor(systemClock.now().getTime() / 1000));
  const mac = createHmac('sha256', Buffer.from(key.secret, 'base64url')).update(text(at)).update(body).digest('hex');
  return { 'x-exchequer-key': key.id, 'x-exchequer-timestamp': at, 'x-exchequer-signature': `v1=${mac}` };
}
const ask = async (method: string, path: string, headers: Record<string, string>, more: Partial<Ask> = {}): Promise<number> => {
  const answer: Answer = await h.request({ method, path, headers, ...more });
  if (answer.status === 401 && method !== 'HEAD') expect(answer.text).toContain('/problems/signed-out');
  return answer.status;
};

describe('a machine’s signature', () => {
  it('covers the path: the same body signed for one is refused at another that the machine may use', async () => {
    const ndjson = '{}\n';
    const headers = signed('POST /api/tax-refunds/feed', ndjson);
    expect(await ask('POST', '/api/tax-refunds/feed', headers, { ndjson })).toBe(200);
    const json = { url: 'https://receiver.example/hooks', description: 'here', events: ['taxrefund.news'] };
    const endpoint = signed('POST /api/webhooks/endpoints', JSON.stringify(json));
    expect(await ask('POST', '/api/tax-refunds/feed', endpoint, { ndjson: JSON.stringify(json) })).toBe(401);
    expect(await ask('POST', '/api/webhooks/endpoints', headers, { ndjson })).toBe(401);
    expect(await ask('POST', '/api/webhooks/endpoints', endpoint, { json })).toBe(201);
  });
  it('covers the method', async () => {
    const read = signed('GET /api/webhooks/endpoints');
    expect(await ask('POST', '/api/webhooks/endpoints', read)).toBe(401);
    expect(await ask('HEAD', '/api/webhooks/endpoints', read)).toBe(401);
    expect(await ask('GET', '/api/webhooks/endpoints', read)).toBe(200);
    expect(await ask('HEAD', '/api/webhooks/endpoints', signed('HEAD /api/webhooks/endpoints'))).toBe(200);
    const path = `/api/webhooks/endpoints/wep_${'0'.repeat(32)}`;
    expect(await ask('DELETE', path, signed(`GET ${path}`))).toBe(401);
    expect(await ask('DELETE', path, signed(`DELETE ${path}`))).toBe(404);
  });
  it('covers the query, byte by byte as it was sent', async () => {
    const path = '/api/tax-refunds/quarantine';
    const headers = signed(`GET ${path}?feed=a%20b`);
    expect(await ask('GET', `${path}?feed=a%20b`, headers)).not.toBe(401);
    for (const other of ['', '?', '?feed=a', '?feed=a+b', '?feed=a%20b&', '?feed=a%20B']) expect(await ask('GET', `${path}${other}`, headers), other).toBe(401);
    expect(await ask('GET', path, signed(`GET ${path}`))).toBe(200);
    expect(await ask('GET', `${path}?`, signed(`GET ${path}?`))).toBe(200);
  });
  it('covers the tenant’s prefix, where the request line has one', async () => {
    const [plain, named] = ['/api/webhooks/endpoints', '/t/india/api/webhooks/endpoints'];
    expect(await ask('GET', named, signed(`GET ${named}`))).toBe(200);
    expect(await ask('GET', named, signed(`GET ${plain}`))).toBe(401);
    expect(await ask('GET', plain, signed(`GET ${named}`))).toBe(401);
    // A key is one tenant's: the same request elsewhere is nobody's.
    expect(await ask('GET', '/t/other/api/webhooks/endpoints', signed('GET /t/other/api/webhooks/endpoints'))).toBe(401);
  });
  it('covers the idempotency key: who has seen a request can send it again, and cannot make it count twice', async () => {
    const texts = { en: { title: 'Closed', body: 'We are closed.', text: 'closed on Friday' }, hi: { title: 'बंद', body: 'बंद', text: 'शुक्रवार को बंद' } };
    const [path, json] = ['/api/notifications/office/campaigns', { texts, perMinute: 600, draft: true }];
    const request = `POST ${path}`;
    const headers = signed(request, JSON.stringify(json), (at) => `${at}\n${request}\nfirst-order-0001\n`);
    const send = (idempotencyKey?: string): Promise<Answer> => h.request({ path, json, headers, ...(idempotencyKey === undefined ? {} : { idempotencyKey }) });
    const first = await send('first-order-0001');
    const again = await send('first-order-0001');
    expect([first.status, again.status, again.headers['idempotency-replayed']]).toEqual([201, 201, 'true']);
    expect(again.json()).toEqual(first.json());
    expect([(await send('first-order-0002')).status, (await send()).status]).toEqual([401, 401]);
    // Nor can it be taken for the head of a body.
    const feed = 'POST /api/tax-refunds/feed';
    const shifted = signed(feed, '{}\n', (at) => `${at}\n${feed}\nfirst-order-0001\n`);
    expect(await ask('POST', '/api/tax-refunds/feed', shifted, { ndjson: '{}\n', idempotencyKey: 'first-order-0001' })).toBe(200);
    expect(await ask('POST', '/api/tax-refunds/feed', shifted, { ndjson: 'first-order-0001\n{}\n' })).toBe(401);
  });
  it('is not what it was: over second and body alone, or with parts that run into each other', async () => {
    const ndjson = '{}\n';
    const old = signed('', ndjson, (at) => `${at}.`);
    expect(await ask('POST', '/api/tax-refunds/feed', old, { ndjson })).toBe(401);
    const shifted = signed('POST /api/tax-refunds/feed?x=1\n{}', '', (at) => `${at}\nPOST /api/tax-refunds/feed`);
    expect(await ask('POST', '/api/tax-refunds/feed', shifted)).toBe(401);
    const keyless = signed('POST /api/tax-refunds/feed', ndjson, (at) => `${at}\nPOST /api/tax-refunds/feed\n`);
    expect(await ask('POST', '/api/tax-refunds/feed', keyless, { ndjson })).toBe(401);
  });
});

describe('the room for machines', () => {
  let boss: MadeOperator;
  beforeAll(async () => { boss = await operatorOf(h); });
  const own = { 'sec-fetch-site': 'same-origin' };
  const api = (path: string, more: Partial<Ask> = {}): Promise<Answer> =>
    h.request({ path: `/api/machines${path}`, cookies: boss.cookies, headers: own, ...more });
  const add = (name: string, permissions: string[] = ['taxrefund:feed'], more: Partial<Ask> = {}): Promise<Answer> =>
    api('', { json: { name, permissions }, ...more });
  const type = (answer: Answer): [number, string] => [answer.status, answer.json<{ type?: string }>().type ?? ''];
  const fed = async (by: MachineKey): Promise<number> => (await h.request({
    path: '/api/tax-refunds/feed', ndjson: '{}\n', headers: signatureHeaders(by, 'POST /api/tax-refunds/feed', '{}\n', systemClock.now().getTime()),
  })).status;
  interface Made { machine: MachineKey['id']; name: string; secret: string | null }

  it('lists, adds with a key that is answered once, disables; each look and change is a fact', async () => {
    const made = await add('central office', ['taxrefund:feed', 'notify:receipts'], { idempotencyKey: 'room-central-0001' });
    expect([made.status, made.headers['cache-control']]).toEqual([201, 'no-store']);
    const { machine, secret } = made.json<Made>();
    expect(secret).toMatch(/^[A-Za-z0-9_-]{43}$/);
    const again = await add('central office', ['taxrefund:feed', 'notify:receipts'], { idempotencyKey: 'room-central-0001' });
    expect([again.status, again.headers['idempotency-replayed'], again.json()]).toEqual([201, 'true', { machine, name: 'central office', secret: null }]);
    expect(await fed({ id: machine, secret: secret as string })).toBe(200);

    const { machines, permissions } = (await api('')).json<{ machines: { machine: string }[]; permissions: { permission: string; doc: string }[] }>();
    expect(machines.find((m) => m.machine === machine))
      .toMatchObject({ name: 'central office', permissions: ['taxrefund:feed', 'notify:receipts'], disabledAt: null });
    expect(permissions).toContainEqual({ permission: 'taxrefund:feed', doc: 'Send the authority’s feed.' });
    expect(JSON.stringify(machines)).not.toContain('secret');
    expect((await api(`/${machine}`)).json()).toEqual(machines.find((m) => m.machine === machine));

    expect((await api(`/${machine}/disable`, { method: 'POST' })).json()).toEqual({ machine });
    expect(await fed({ id: machine, secret: secret as string })).toBe(401);
    expect((await api(`/${machine}`)).json<{ disabledAt: string | null }>().disabledAt).not.toBeNull();
    expect((await api(`/${machine}/disable`, { method: 'POST' })).status).toBe(200);
    await h.settle();
    const facts = await h.sql('IN', 'superuser')<{ action: string; result: string }>(
      "select action, result from audit.entry where action like 'identity.machine%' and actor_kind = 'operator' order by seq");
    expect(facts.map((f) => `${f.action.slice('identity.machine'.length)} ${f.result}`)).toEqual([
      '-added done', 's-listed done', '-read done', '-disabled done', '-read done', '-disabled done',
    ]);
    expect(await h.findSecrets({ secret: secret as string })).toEqual([]);
  });

  it('says what is wrong: name taken, also by a disabled one; name, permission, machine unknown', async () => {
    expect(type(await add('central office'))).toEqual([409, '/problems/machine-known']);
    for (const name of ['', ' x', '?', `mac_${'0'.repeat(32)}`, 'x'.repeat(81)])
      expect(type(await add(name)), name).toEqual([422, '/problems/machine-name-wrong']);
    for (const permissions of [[], ['taxrefund:everything'], ['taxrefund:feed', 'x'], ['taxrefund:feed', 'operators:manage'], ['machines:manage']]) {
      expect(type(await add('another', permissions)), permissions.join()).toEqual([422, '/problems/permission-unknown']);
    }
    const nobody = `/mac_${'0'.repeat(32)}`;
    expect([type(await api(nobody)), type(await api(`${nobody}/disable`, { method: 'POST' }))])
      .toEqual(Array.from({ length: 2 }, () => [404, '/problems/machine-unknown']));
    expect((await api('/x')).status).toBe(422);
  });

  it('is for those who hold its permission, each in their own office', async () => {
    const [, there] = [await add('kept', ['taxrefund:feed']), await operatorOf(h, 'administrator', 'other')];
    const kept = (await api('')).json<{ machines: { machine: string; name: string }[] }>().machines.find((m) => m.name === 'kept')?.machine as string;
    for (const role of ['auditor', 'accountant', 'compliance', 'developer', 'feed']) {
      const { cookies } = await operatorOf(h, role);
      const answers = await Promise.all([
        api('', { cookies }), api(`/${kept}`, { cookies }), add('more', ['taxrefund:feed'], { cookies }), api(`/${kept}/disable`, { method: 'POST', cookies }),
      ]);
      expect(answers.map(type), role).toEqual(Array.from({ length: 4 }, () => [403, '/problems/forbidden']));
    }
    const elsewhere = { tenant: 'other', cookies: there.cookies };
    expect((await api('', elsewhere)).json<{ machines: unknown[] }>().machines).toEqual([]);
    expect([await api(`/${kept}`, elsewhere), await api(`/${kept}/disable`, { method: 'POST', ...elsewhere })].map(type))
      .toEqual(Array.from({ length: 2 }, () => [404, '/problems/machine-unknown']));
    expect((await api(`/${kept}`)).json<{ disabledAt: string | null }>().disabledAt).toBeNull();
    // Names are each office's own.
    expect((await add('kept', ['taxrefund:feed'], elsewhere)).status).toBe(201);
    // By a cookie from another site nothing is changed.
    expect((await add('more', ['taxrefund:feed'], { headers: { 'sec-fetch-site': 'cross-site' } })).status).toBe(403);
  });

  it('works without script: the key stands in one answer, and what was typed is kept', async () => {
    const browser = h.browser('india', newAddress());
    Object.assign(browser.cookies, boss.cookies);
    const [list, empty] = [await browser.open('/console/machines'), await browser.submit('/console/machines')];
    expect([list.status, empty.status]).toEqual([200, 422]);
    expect(list.text).not.toContain('<script');
    for (const error of [en.machines.errors.name, en.machines.errors.permissions]) expect(empty.text).toContain(error);
    const taken = await browser.submit('/console/machines', { name: 'kept', 'may taxrefund:feed': 'on' });
    expect(taken.status).toBe(409);
    expect(taken.text).toContain(en.machines.errors.taken);
    expect(taken.text).toMatch(/value="kept"/);
    expect([...taken.text.matchAll(/name="may ([^"]*)"[^>]*checked/g)].map(([, p]) => p)).toEqual(['taxrefund:feed']);
    const typed = { ...browser.hidden('/console/machines'), name: 'by form', 'may taxrefund:feed': 'on' };
    const made = await browser.submit('/console/machines', typed);
    const [id, secret] = [/mac_[0-9a-f]{32}/.exec(made.text)?.[0] as MachineKey['id'], /<code>([A-Za-z0-9_-]{43})<\/code>/.exec(made.text)?.[1] as string];
    expect([made.status, made.headers['cache-control'], await fed({ id, secret })]).toEqual([201, 'no-store', 200]);
    // The page again, as a reload or a second click sends it: one effect, and no key.
    await browser.open('/console/machines');
    const again = await browser.submit('/console/machines', typed);
    expect(again.status).toBe(201);
    expect(again.text).toContain('is not shown again');
    for (const page of [again, await browser.open('/console/machines'), await browser.open(`/console/machines/${id}`)]) expect(page.text).not.toContain(secret);
    const gone = await browser.submit(`/console/machines/${id}/disable`);
    expect([gone.status, gone.path, await fed({ id, secret })]).toEqual([200, `/console/machines/${id}`, 401]);
    expect(gone.text).toContain('by form is disabled');
    const nobody = await browser.open(`/console/machines/mac_${'0'.repeat(32)}`);
    expect(nobody.status).toBe(404);
    expect(nobody.text).toContain(en.machines.unknown);
  });

  it('offers nothing of a product that the office does not have, and says of each permission what its manifest says', async () => {
    const docs = Object.assign({}, ...everyModule.map((m) => m.permissions ?? {})) as Record<string, string>;
    expect(en.machines.permissions).toEqual(docs);
    const [all, few] = await Promise.all([['taxrefund', 'wallet'], ['taxrefund']].map((products) => h.perform('india', async (tx) =>
      (await readMachines({ ...tx, tenant: { ...tx.tenant, products } } as Tx)))));
    const names = (outcome: typeof all): string[] => (outcome?.ok ? outcome.value.permissions.map((p) => p.permission) : []);
    expect(names(all).filter((p) => !names(few).includes(p))).toEqual(['wallet:eod', 'wallet:freeze']);
  });
});
