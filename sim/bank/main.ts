// A made-up bank with books of its own. See README.md beside this file.
import { createHash } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';

// Imported, this module brings the whole of `fetch` along, 40 ms at each start.
const { createServer } = process.getBuiltinModule('node:http');
const option = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at >= 0 ? (process.argv[at + 1] ?? fallback) : fallback;
};
const token = option('token', 'sim');
const seed = option('seed', '1');
const faults = Number(option('faults', '0'));
/** Milliseconds that the bank takes to decide. */
const delayMs = Number(option('delay', '0'));
const BODY_MAX = 8192;
const LATE_MS = 7000;
const ORDERS_MAX = 100_000;
/** What an account of a customer of the bank holds when it is first heard of, in minor units. */
const OPENING = 10_000_000n;

type Direction = 'collect' | 'pay-out';
interface Order { key: string; direction: Direction; amount: bigint; currency: string; bank: string; state: 'booked' | 'refused'; reference: string; reason: string | null; at: string }
const orders = new Map<string, Order>();
const books = new Map<string, bigint>();
let requests = 0;

/** The n-th draw of this run: the same seed gives the same faults. */
const draw = (what: string): number => createHash('sha256').update(`${seed}:${requests}:${what}`).digest().readUInt32BE() / 2 ** 32;

function answer(res: ServerResponse, status: number, body: unknown): void {
  res.writeHead(status, { 'content-type': 'application/json' })
    .end(JSON.stringify(body, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v)));
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = '';
  for await (const part of req) {
    text += String(part);
    if (text.length > BODY_MAX) throw new Error('too large');
  }
  return text;
}

const balanceOf = (account: string): bigint => books.get(account) ?? OPENING;
function move(account: string, currency: string, amount: bigint): void {
  books.set(account, balanceOf(account) + amount);
  // The other side of every entry is the platform's own account here, which may be asked for its balance.
  const own = `platform ${currency}`;
  books.set(own, (books.get(own) ?? 0n) - amount);
}

/** Why the bank says no; accounts that end in 9 are closed. */
function reasonAgainst(direction: Direction, bank: string, amount: bigint): string | null {
  if (bank.endsWith('9')) return 'account-closed';
  return direction === 'collect' && balanceOf(bank) < amount ? 'insufficient-funds' : null;
}

function book(key: string, direction: Direction, amount: bigint, currency: string, bank: string): Order {
  const reason = reasonAgainst(direction, bank, amount);
  if (reason === null) move(bank, currency, direction === 'collect' ? -amount : amount);
  const reference = `BNK${createHash('sha256').update(`${seed}:${key}`).digest('hex').slice(0, 12).toUpperCase()}`;
  const order: Order = { key, direction, amount, currency, bank, state: reason === null ? 'booked' : 'refused', reference, reason, at: new Date().toISOString() };
  if (orders.size < ORDERS_MAX) orders.set(key, order);
  return order;
}

const resultOf = (o: Order): { status: number; body: unknown } => (o.state === 'booked'
  ? { status: 201, body: { state: 'booked', reference: o.reference } } : { status: 422, body: { state: 'refused', reason: o.reason } });

const wait = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

async function post(req: IncomingMessage, res: ServerResponse): Promise<void> {
  requests += 1;
  const fault = draw('any') < faults ? Math.floor(draw('which') * 4) : -1;
  if (fault === 0) return answer(res, 503, { error: 'busy' });
  const key = req.headers['idempotency-key'];
  const b = JSON.parse(await bodyOf(req)) as Record<string, unknown>;
  const { direction, amount, currency, bank } = b;
  if (typeof key !== 'string' || (direction !== 'collect' && direction !== 'pay-out') || typeof amount !== 'string' || !/^[1-9]\d{0,17}$/.test(amount)
    || typeof currency !== 'string' || typeof bank !== 'string' || !/^[A-Z0-9]{6,34}$/.test(bank)) return answer(res, 400, { error: 'invalid' });
  // Two deliveries of one order: the second one meets the first one's entry.
  const known = orders.get(key);
  const order = known ?? book(key, direction, BigInt(amount), currency, bank);
  if (order.direction !== direction || order.amount !== BigInt(amount) || order.bank !== bank) return answer(res, 409, { error: 'key of another order' });
  if (delayMs) await wait(delayMs);
  if (fault === 1) return void req.socket.destroy();
  if (fault === 2) await wait(LATE_MS);
  if (fault === 3) return answer(res, 500, { error: 'booked, and then it broke' });
  const { status, body } = resultOf(order);
  answer(res, status, body);
}

function get(url: string, res: ServerResponse): void {
  if (url.startsWith('/v1/orders/by-key/')) {
    const found = orders.get(decodeURIComponent(url.slice('/v1/orders/by-key/'.length)));
    if (!found) return answer(res, 404, { error: 'unknown' });
    return answer(res, 200, found.state === 'booked' ? { state: 'booked', reference: found.reference } : { state: 'refused', reason: found.reason });
  }
  if (url === '/v1/orders') return answer(res, 200, [...orders.values()].slice(-200));
  if (url.startsWith('/v1/balances/')) {
    const account = decodeURIComponent(url.slice('/v1/balances/'.length));
    return answer(res, 200, { account, balance: account.startsWith('platform ') ? books.get(account) ?? 0n : balanceOf(account) });
  }
  answer(res, 404, { error: 'no such address' });
}

const server = createServer((req, res) => {
  const url = req.url ?? '/';
  const work = async (): Promise<void> => {
    if (req.headers.authorization !== `Bearer ${token}`) return answer(res, 401, { error: 'token' });
    if (req.method === 'POST' && url === '/v1/orders') return post(req, res);
    if (req.method === 'GET') return get(url, res);
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
