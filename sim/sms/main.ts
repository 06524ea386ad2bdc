// A made-up text message provider. See README.md beside this file.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createReceipts, type Listener } from './receipts.ts';

// Imported, this module brings the whole of `fetch` along, 40 ms at each start.
const { createServer } = process.getBuiltinModule('node:http');
const option = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at >= 0 ? (process.argv[at + 1] ?? fallback) : fallback;
};
const token = option('token', 'sim');
const seed = option('seed', '1');
const faults = Number(option('faults', '0'));
const receipts = createReceipts({ seed, delayMs: Number(option('receipt-ms', '1500')), faults: Number(option('receipt-faults', '0')) });
const OUTBOX_MAX = 10_000;
const LATE_MS = 6000;

interface Message { id: string; key: string; to: string; text: string; at: string }
const outbox: Message[] = [];
const byKey = new Map<string, Message>();
let requests = 0;

/** The n-th draw of this run: the same seed gives the same faults. */
const draw = (): number => createHash('sha256').update(`${seed}:${requests}`).digest().readUInt32BE() / 2 ** 32;

function answer(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of req) {
    text += String(part);
    if (text.length > 8192) throw new Error('too large');
  }
  return text;
}

function take(key: string, to: string, text: string, callback: string | undefined): Message {
  const known = byKey.get(key);
  if (known) return known;
  const message = { id: `msg_${createHash('sha256').update(`${seed}:${key}`).digest('hex').slice(0, 20)}`, key, to, text, at: new Date().toISOString() };
  byKey.set(key, message);
  outbox.unshift(message);
  receipts.taken(message.id, callback);
  const dropped = outbox.length > OUTBOX_MAX ? outbox.pop() : undefined;
  if (dropped) byKey.delete(dropped.key);
  return message;
}

async function post(req: IncomingMessage, res: ServerResponse): Promise<void> {
  requests += 1;
  const fault = draw() < faults ? Math.floor(draw() * 3000) % 3 : -1;
  if (fault === 0) return answer(res, 503, { error: 'busy' });
  const key = req.headers['idempotency-key'];
  const { to, text, callback } = JSON.parse(await bodyOf(req)) as { to?: unknown; text?: unknown; callback?: unknown };
  if (typeof key !== 'string' || typeof to !== 'string' || typeof text !== 'string' || !/^\+[0-9 ]{6,20}$/.test(to) || text.length > 1000)
    return answer(res, 422, { error: 'invalid' });
  const message = take(key, to, text, typeof callback === 'string' ? callback : undefined);
  if (fault === 1) return void req.socket.destroy();
  if (fault === 2) await new Promise((done) => setTimeout(done, LATE_MS));
  answer(res, 202, { id: message.id });
}

/** The other dialect: fields, name and password, the caller's key as `Reference`. */
async function form(req: IncomingMessage, res: ServerResponse, url: string): Promise<void> {
  if (req.headers.authorization !== `Basic ${Buffer.from(`sim:${token}`).toString('base64')}`) return answer(res, 401, { error: 'token' });
  if (req.method === 'GET') {
    const found = byKey.get(new URL(url, 'http://sim').searchParams.get('Reference') ?? '');
    return answer(res, 200, { messages: found ? [{ sid: found.id }] : [] });
  }
  requests += 1;
  const fault = draw() < faults ? Math.floor(draw() * 3000) % 3 : -1;
  if (fault === 0) return answer(res, 503, { error: 'busy' });
  const fields = new URLSearchParams(await bodyOf(req));
  const [to, text, key] = ['To', 'Body', 'Reference'].map((name) => fields.get(name) ?? '') as [string, string, string];
  if (key === '' || !/^\+[0-9 ]{6,20}$/.test(to) || text.length > 1000) return answer(res, 400, { error: 'invalid' });
  const message = take(key, to, text, fields.get('StatusCallback') ?? undefined);
  if (fault === 1) return void req.socket.destroy();
  if (fault === 2) await new Promise((done) => setTimeout(done, LATE_MS));
  answer(res, 201, { sid: message.id });
}

const server = createServer((req, res) => {
  const url = req.url ?? '/';
  const work = async (): Promise<void> => {
    if (url.startsWith('/form/messages')) return form(req, res, url);
    if (req.headers.authorization !== `Bearer ${token}`) return answer(res, 401, { error: 'token' });
    if (req.method === 'POST' && url === '/v1/messages') return post(req, res);
    if (req.method === 'GET' && url.startsWith('/v1/messages/by-key/')) {
      const found = byKey.get(decodeURIComponent(url.slice('/v1/messages/by-key/'.length)));
      return found ? answer(res, 200, { id: found.id }) : answer(res, 404, { error: 'unknown' });
    }
    if (req.method === 'PUT' && url === '/v1/receipts') {
      const { to, ...listener } = JSON.parse(await bodyOf(req)) as Listener & { to: string };
      receipts.listen(to, listener);
      return void res.writeHead(204).end();
    }
    if (req.method === 'GET' && url === '/v1/receipts') return answer(res, 200, receipts.book().slice(0, 200));
    if (req.method === 'GET' && url === '/v1/outbox') return answer(res, 200, outbox.slice(0, 200));
    if (req.method === 'GET' && url.startsWith('/v1/outbox?to=')) {
      const plain = (number: string): string => number.replaceAll(' ', '');
      const to = plain(decodeURIComponent(url.slice('/v1/outbox?to='.length)));
      return answer(res, 200, outbox.filter((m) => plain(m.to) === to));
    }
    answer(res, 404, { error: 'no such address' });
  };
  work().catch(() => { if (!res.headersSent) answer(res, 400, { error: 'unreadable' }); });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ listening: typeof address === 'object' && address ? address.port : 0 })}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
