// A made-up key service. See README.md beside this file.
import { createCipheriv, createDecipheriv, createHash, randomBytes as bytesOfTheSystem } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';

// Imported, this module brings the whole of `fetch` along, 40 ms at each start.
const { createServer } = process.getBuiltinModule('node:http');
const option = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at >= 0 ? (process.argv[at + 1] ?? fallback) : fallback;
};
const token = option('token', 'sim');
const store = option('store', '');
const seed = option('seed', '1');
const faults = Number(option('faults', '0'));
const BODY_CHARS_MAX = 64 * 1024;
const LATE_MS = 5000;

/** Versions of each key, the newest last, in base64. */
const keys = new Map<string, string[]>(store && existsSync(store) ? Object.entries(JSON.parse(readFileSync(store, 'utf8')) as Record<string, string[]>) : []);
let sealed = false;
let requests = 0;

/** The n-th draw of this run: the same seed gives the same faults. */
const draw = (): number => createHash('sha256').update(`${seed}:${requests}`).digest().readUInt32BE() / 2 ** 32;

function rotate(name: string): void {
  keys.set(name, [...(keys.get(name) ?? []), bytesOfTheSystem(32).toString('base64')]);
  if (store) writeFileSync(store, JSON.stringify(Object.fromEntries(keys)), { mode: 0o600 });
}

function answer(res: ServerResponse, status: number, body?: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' }).end(body === undefined ? undefined : JSON.stringify(body));
}
const refuse = (res: ServerResponse, status: number, why: string): void => answer(res, status, { errors: [why] });

async function bodyOf(req: IncomingMessage): Promise<Record<string, unknown>> {
  let text = '';
  for await (const part of req) {
    text += String(part);
    if (text.length > BODY_CHARS_MAX) throw new Error('too large');
  }
  return text === '' ? {} : JSON.parse(text) as Record<string, unknown>;
}

const bytes = (value: unknown): Buffer => Buffer.from(typeof value === 'string' ? value : '', 'base64');

function encrypt(name: string, body: Record<string, unknown>): string {
  if (!keys.has(name)) rotate(name);
  const versions = keys.get(name) as string[];
  const nonce = bytesOfTheSystem(12);
  const cipher = createCipheriv('aes-256-gcm', bytes(versions.at(-1)), nonce);
  cipher.setAAD(bytes(body.associated_data));
  return `vault:v${versions.length}:${Buffer.concat([nonce, cipher.update(bytes(body.plaintext)), cipher.final(), cipher.getAuthTag()]).toString('base64')}`;
}

function decrypt(name: string, body: Record<string, unknown>): string | undefined {
  const [, version = '', text = ''] = /^vault:v(\d{1,4}):([A-Za-z0-9+/=]+)$/.exec(String(body.ciphertext)) ?? [];
  const key = keys.get(name)?.[Number(version) - 1];
  const all = bytes(text);
  if (key === undefined || all.length < 28) return undefined;
  try {
    const decipher = createDecipheriv('aes-256-gcm', bytes(key), all.subarray(0, 12));
    decipher.setAAD(bytes(body.associated_data));
    decipher.setAuthTag(all.subarray(all.length - 16));
    return Buffer.concat([decipher.update(all.subarray(12, all.length - 16)), decipher.final()]).toString('base64');
  } catch {
    // Which part did not fit is nobody's business, as at the real service.
    return undefined;
  }
}

async function transit(req: IncomingMessage, res: ServerResponse, what: string, name: string): Promise<void> {
  requests += 1;
  const fault = draw() < faults ? Math.floor(draw() * 3000) % 3 : -1;
  if (fault === 0) return refuse(res, 503, 'busy');
  if (fault === 1) return void req.socket.destroy();
  if (fault === 2) await new Promise((done) => setTimeout(done, LATE_MS));
  const body = await bodyOf(req);
  if (what === 'encrypt') return answer(res, 200, { data: { ciphertext: encrypt(name, body) } });
  const plaintext = decrypt(name, body);
  if (plaintext === undefined) return refuse(res, 400, 'message authentication failed');
  answer(res, 200, { data: { plaintext } });
}

const server = createServer((req, res) => {
  const work = async (): Promise<void> => {
    if (req.headers['x-vault-token'] !== token) return refuse(res, 403, 'permission denied');
    const url = req.url ?? '/';
    if (req.method === 'POST' && url === '/v1/sim/sealed') {
      sealed = (await bodyOf(req)).sealed === true;
      return answer(res, 204);
    }
    if (sealed) return refuse(res, 503, 'sealed');
    const rotated = /^\/v1\/transit\/keys\/([\w-]+)\/rotate$/.exec(url)?.[1];
    if (req.method === 'POST' && rotated !== undefined) {
      rotate(rotated);
      return answer(res, 204);
    }
    const [, what, name] = /^\/v1\/transit\/(encrypt|decrypt)\/([\w-]+)$/.exec(url) ?? [];
    if (req.method === 'POST' && what !== undefined && name !== undefined) return transit(req, res, what, name);
    refuse(res, 404, 'no such address');
  };
  work().catch(() => { if (!res.headersSent) refuse(res, 400, 'unreadable'); });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ listening: typeof address === 'object' && address ? address.port : 0 })}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
