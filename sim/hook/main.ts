// A made-up receiver of webhooks. See README.md beside this file.
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

// Imported, this module brings the whole of `fetch` along, 40 ms at each start.
const { createServer } = process.getBuiltinModule('node:http');
const at = process.argv.indexOf('--token');
const token = at >= 0 ? (process.argv[at + 1] ?? 'sim') : 'sim';
const OUTBOX_MAX = 1000;
const BODY_BYTES_MAX = 512 * 1024;
const AGE_SECONDS_MAX = 300;

interface Came { id: string; to: string; text: string; at: string; type: string; signed: boolean }
const outbox: Came[] = [];
let secret = Buffer.alloc(0);

async function bodyOf(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of req) {
    bytes += (part as Buffer).length;
    if (bytes > BODY_BYTES_MAX) throw new Error('too large');
    parts.push(part as Buffer);
  }
  return Buffer.concat(parts);
}

/** True when one of the signatures is ours over id, time and body, and the time is near. */
function holds(req: IncomingMessage, body: Buffer): boolean {
  const header = (name: string): string => { const v = req.headers[name]; return typeof v === 'string' ? v : ''; };
  const [id, time, given] = [header('webhook-id'), header('webhook-timestamp'), header('webhook-signature')];
  if (!(Math.abs(Date.now() / 1000 - Number(time)) <= AGE_SECONDS_MAX) || secret.length === 0) return false;
  const mac = createHmac('sha256', secret).update(`${id}.${time}.`).update(body).digest();
  return given.split(' ').some((one) => {
    const bytes = one.startsWith('v1,') ? Buffer.from(one.slice(3), 'base64') : Buffer.alloc(0);
    return bytes.length === mac.length && timingSafeEqual(bytes, mac);
  });
}

const answer = (res: ServerResponse, status: number, body?: unknown): void =>
  void res.writeHead(status, body === undefined ? {} : { 'content-type': 'application/json' }).end(body === undefined ? '' : JSON.stringify(body));

async function take(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const body = await bodyOf(req);
  if (req.method === 'POST' && req.url === '/hooks') {
    const signed = holds(req, body);
    const text = body.toString('utf8');
    const { type = '' } = JSON.parse(text) as { type?: string };
    const id = req.headers['webhook-id'];
    outbox.unshift({ id: typeof id === 'string' ? id : '', to: '/hooks', text, at: new Date().toISOString(), type, signed });
    if (outbox.length > OUTBOX_MAX) outbox.pop();
    return answer(res, signed ? 204 : 401);
  }
  if (req.headers.authorization !== `Bearer ${token}`) return answer(res, 401);
  if (req.method === 'PUT' && req.url === '/v1/secret') {
    secret = Buffer.from((JSON.parse(body.toString('utf8')) as { secret: string }).secret.replace(/^whsec_/, ''), 'base64');
    return answer(res, 204);
  }
  if (req.method === 'GET' && req.url === '/v1/outbox') return answer(res, 200, outbox.slice(0, 200));
  answer(res, 404);
}

const server = createServer((req, res) => { take(req, res).catch(() => { if (!res.headersSent) answer(res, 400); }); });
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ listening: typeof address === 'object' && address ? address.port : 0 })}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
