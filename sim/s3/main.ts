// A made-up object store, strict about signatures and conditions. See README.md beside this file.
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

// Imported, this module brings the whole of `fetch` along, 40 ms at each start.
const { createServer } = process.getBuiltinModule('node:http');
const option = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at >= 0 ? (process.argv[at + 1] ?? fallback) : fallback;
};
const secret = option('token', 'sim');
const seed = option('seed', '1');
const faults = Number(option('faults', '0'));
const ACCESS_KEY = 'sim', REGION = 'sim-1', BUCKET = 'objects';
const BODY_MAX = 20 * 1024 * 1024;
const AWAY_MS_MAX = 15 * 60_000;
const OBJECTS_MAX = 10_000;
const MUST_SIGN = ['host', 'x-amz-content-sha256', 'x-amz-date'];

const objects = new Map<string, Buffer>();
const taken = new Map<string, number>();
let requests = 0;
const draw = (what: string): number => createHash('sha256').update(`${seed}:${requests}:${what}`).digest().readUInt32BE() / 2 ** 32;

const sha256 = (data: string | Buffer): string => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, data: string): Buffer => createHmac('sha256', key).update(data).digest();
const encode = (text: string): string => encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function answer(res: ServerResponse, status: number, code?: string): void {
  res.writeHead(status, { 'content-type': 'application/xml' }).end(code === undefined ? '' : `<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
}

/** What is wrong with a request's signature, by S3's own name for it (AWS, Signature Version 4 for S3: canonical request, string to sign, key). */
function signatureFault(req: IncomingMessage, path: string, query: string, body: Buffer): string | undefined {
  const [, id, scope, signed, signature] = /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/([^,]+), ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/
    .exec(req.headers.authorization ?? '') ?? [];
  if (!id || !scope || !signed || !signature) return 'AccessDenied';
  const stamp = String(req.headers['x-amz-date']);
  const at = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(stamp);
  if (!at) return 'AccessDenied';
  const [y, mo, d, hh, mm, ss] = at.slice(1).map(Number) as [number, number, number, number, number, number];
  if (Math.abs(Date.UTC(y, mo - 1, d, hh, mm, ss) - Date.now()) > AWAY_MS_MAX) return 'RequestTimeTooSkewed';
  const names = signed.split(';');
  const must = [...MUST_SIGN, ...(req.headers['if-none-match'] === undefined ? [] : ['if-none-match'])];
  if (must.some((name) => !names.includes(name)) || names.join() !== names.toSorted().join()) return 'AccessDenied';
  const hash = String(req.headers['x-amz-content-sha256']);
  if (!/^[0-9a-f]{64}$/.test(hash)) return 'AccessDenied';
  if (scope !== `${stamp.slice(0, 8)}/${REGION}/s3/aws4_request`) return 'AuthorizationHeaderMalformed';
  const canonical = [
    req.method, path.split('/').map((part) => encode(decodeURIComponent(part))).join('/'), query,
    ...names.map((name) => `${name}:${String(req.headers[name] ?? '').trim().replace(/\s+/g, ' ')}`), '', signed, hash,
  ].join('\n');
  const toSign = ['AWS4-HMAC-SHA256', stamp, scope, sha256(canonical)].join('\n');
  const key = hmac(hmac(hmac(hmac(`AWS4${secret}`, stamp.slice(0, 8)), REGION), 's3'), 'aws4_request');
  const right = hmac(key, toSign);
  if (id !== ACCESS_KEY) return 'InvalidAccessKeyId';
  if (!timingSafeEqual(right, Buffer.from(signature, 'hex'))) return 'SignatureDoesNotMatch';
  return sha256(body) === hash ? undefined : 'XAmzContentSHA256Mismatch';
}

async function bodyOf(req: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let size = 0;
  for await (const part of req as AsyncIterable<Buffer>) {
    size += part.length;
    if (size > BODY_MAX) throw new Error('too large');
    parts.push(part);
  }
  return Buffer.concat(parts);
}

function put(req: IncomingMessage, res: ServerResponse, key: string, body: Buffer): void {
  if (req.headers['if-none-match'] !== '*') return answer(res, 400, 'InvalidRequest');
  if (objects.has(key)) return answer(res, 412, 'PreconditionFailed');
  if (objects.size >= OBJECTS_MAX) return answer(res, 507, 'Full');
  objects.set(key, body);
  answer(res, 200);
}

function get(res: ServerResponse, key: string, broken: boolean): void {
  const found = objects.get(key);
  if (!found) return answer(res, 404, 'NoSuchKey');
  res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': String(found.length), etag: `"${sha256(found).slice(0, 32)}"` });
  if (!broken) return void res.end(found);
  res.write(found.subarray(0, found.length >> 1), () => res.destroy());
}

async function serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = '/', query = ''] = (req.url ?? '/').split('?');
  const key = path.startsWith(`/${BUCKET}/`) ? path.slice(BUCKET.length + 2) : undefined;
  const body = await bodyOf(req);
  if (!key) return answer(res, 404, 'NoSuchBucket');
  if (query === 'sim=count') return void res.end(String(taken.get(key) ?? 0));
  requests += 1;
  const fault = draw('any') < faults ? Math.floor(draw('which') * 4) : -1;
  if (fault === 0) return answer(res, 503, 'SlowDown');
  if (fault === 1) return void req.socket.destroy();
  const wrong = signatureFault(req, path, query, body);
  if (wrong) return answer(res, wrong === 'XAmzContentSHA256Mismatch' ? 400 : 403, wrong);
  taken.set(key, (taken.get(key) ?? 0) + 1);
  if (fault === 2 && (req.method === 'PUT' || req.method === 'DELETE')) {
    if (req.method === 'DELETE') objects.delete(key);
    else if (!objects.has(key)) objects.set(key, body);
    return void req.socket.destroy();
  }
  if (req.method === 'PUT') return put(req, res, key, body);
  if (req.method === 'HEAD') {
    const found = objects.get(key);
    return void res.writeHead(found ? 200 : 404, found ? { 'content-length': String(found.length) } : {}).end();
  }
  if (req.method === 'GET') return get(res, key, fault === 3);
  if (req.method === 'DELETE') {
    objects.delete(key);
    return answer(res, 204);
  }
  answer(res, 405, 'MethodNotAllowed');
}

const server = createServer((req, res) => {
  serve(req, res).catch(() => { if (!res.headersSent) answer(res, 400, 'InvalidRequest'); });
});
server.listen(0, '127.0.0.1', () => {
  const address = server.address();
  process.stdout.write(`${JSON.stringify({ listening: typeof address === 'object' && address ? address.port : 0 })}\n`);
});
process.stdin.resume();
process.stdin.on('end', () => process.exit(0));
