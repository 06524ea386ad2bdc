import { createDecipheriv, createECDH, createPublicKey, hkdfSync } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { jwtVerify } from 'jose';
import { systemRandom } from '#kernel';
import type { PushMessage } from '#platform/notify/port';
import { webPush } from './index.ts';

/** A browser and its push service, by the letter of RFC 8291 and RFC 8292; nothing of ours. */
const browser = createECDH('prime256v1');
const auth = systemRandom.bytes(16);
const server = createECDH('prime256v1');
const vapid = { subject: 'mailto:office@example.com', publicKey: server.generateKeys('base64url'), privateKey: '' };
vapid.privateKey = server.getPrivateKey('base64url');

function open(body: Buffer): string {
  const salt = body.subarray(0, 16);
  const idLength = body[20] as number;
  const theirs = body.subarray(21, 21 + idLength);
  const info = Buffer.concat([Buffer.from('WebPush: info\0'), browser.getPublicKey(), theirs]);
  const ikm = Buffer.from(hkdfSync('sha256', browser.computeSecret(theirs), auth, info, 32));
  const key = Buffer.from(hkdfSync('sha256', ikm, salt, Buffer.from('Content-Encoding: aes128gcm\0'), 16));
  const nonce = Buffer.from(hkdfSync('sha256', ikm, salt, Buffer.from('Content-Encoding: nonce\0'), 12));
  const sealed = body.subarray(21 + idLength);
  const decipher = createDecipheriv('aes-128-gcm', key, nonce);
  decipher.setAuthTag(sealed.subarray(-16));
  const plain = Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]);
  return plain.subarray(0, plain.lastIndexOf(2)).toString('utf8');
}

const got: { path: string; headers: IncomingMessage['headers']; text: string }[] = [];
const service = createServer((req, res) => {
  const parts: Buffer[] = [];
  req.on('data', (part: Buffer) => parts.push(part)).on('end', () => {
    const status = Number(/status-(\d+)/.exec(req.url ?? '')?.[1] ?? 201);
    got.push({ path: req.url ?? '', headers: req.headers, text: status === 201 ? open(Buffer.concat(parts)) : '' });
    res.writeHead(status, { location: '/message/1' }).end('x'.repeat(100));
  });
});
let origin = '';
beforeAll(async () => {
  browser.generateKeys();
  await new Promise<void>((done) => { service.listen(0, '127.0.0.1', done); });
  origin = `http://127.0.0.1:${(service.address() as { port: number }).port}`;
});
afterAll(() => void service.close());

const push = webPush({ vapid });
const message = (path: string, payload: string): PushMessage & { key: string } => ({
  endpoint: `${origin}${path}`, keys: { p256dh: browser.getPublicKey('base64url'), auth: auth.toString('base64url') }, payload, lifeSeconds: 600,
    urgent: true, key: 'k',
});
const send = (path: string, payload = '{}'): ReturnType<typeof push.send> => push.send(message(path, payload), AbortSignal.timeout(5000));

it('reaches the browser, and nobody else could have read it', async () => {
  const payload = JSON.stringify({ title: 'आपका रिफंड', body: '₹1,234.50' });
  expect(await send('/push/1', payload)).toEqual({ state: 'accepted', providerId: '/message/1' });
  const [first] = got;
  expect(JSON.parse(first?.text ?? '')).toEqual(JSON.parse(payload));
  expect(first?.headers).toMatchObject({ ttl: '600', urgency: 'high', 'content-encoding': 'aes128gcm' });
});

it('proves the sender (RFC 8292)', async () => {
  await send('/push/2');
  const [, token = '', key = ''] = /t=([^,]+),\s*k=(\S+)/.exec(got.at(-1)?.headers.authorization ?? '') ?? [];
  const raw = Buffer.from(key, 'base64url');
  const publicKey = createPublicKey({ key: { kty: 'EC', crv: 'P-256', x: raw.subarray(1, 33).toString('base64url'),
    y: raw.subarray(33).toString('base64url') }, format: 'jwk' });
  const { payload } = await jwtVerify(token, publicKey);
  expect(payload).toMatchObject({ aud: origin.replace('http:', 'https:'), sub: 'mailto:office@example.com' });
});

it.each([[404, { state: 'refused', gone: true }], [410, { state: 'refused', gone: true }], [413, { state: 'refused' }], [400, { state: 'refused' }]])(
  'an answer %i is for good', async (status, expected) => expect(await send(`/status-${status}`)).toMatchObject(expected));
it.each([301, 401, 429, 500, 503])('an answer %i leaves the outcome open, and no redirect is followed', async (status) => {
  const before = got.length;
  await expect(send(`/status-${status}`)).rejects.toThrow(String(status));
  expect(got.length).toBe(before + 1);
});
