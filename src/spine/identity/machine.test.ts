import { createHmac } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel';
import { house, type Answer, type Ask, type House } from '#test';
import { ensureMachine, type MachineKey } from './index.ts';

let h: House, key: MachineKey;
beforeAll(async () => {
  h = await house({ serve: ['IN'], transport: 'http', limits: false });
  key = await h.perform('india', (tx) => ensureMachine(tx, 'signer', ['taxrefund:feed', 'taxrefund:quarantine', 'webhooks:read', 'webhooks:manage']));
});
afterAll(() => h.stop());

/** Signs as the document says, on its own: what the other side would write. */
function signed(request: string, body: string | Buffer = '', text = (at: string): string => `${at}\n${request}\n`): Record<string, string> {
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
  it('is not what it was: over second and body alone, or with parts that run into each other', async () => {
    const ndjson = '{}\n';
    const old = signed('', ndjson, (at) => `${at}.`);
    expect(await ask('POST', '/api/tax-refunds/feed', old, { ndjson })).toBe(401);
    const shifted = signed('POST /api/tax-refunds/feed?x=1\n{}', '', (at) => `${at}\nPOST /api/tax-refunds/feed`);
    expect(await ask('POST', '/api/tax-refunds/feed', shifted)).toBe(401);
  });
});
