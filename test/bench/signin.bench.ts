/**
 * A whole sign-in over HTTP: start, the code by the provider, the code given, a session; by as many people at once as the other benches have
 * connections, each followed by the next, and by 16, printed without a bar. And whether the answer to a start tells
 * known people from unknown ones: 2,000 interleaved tries, medians within 1 ms, and no difference that a rank test sees.
 */
import { createServer } from 'node:http';
import { seededRandom } from '#kernel';
import { child, finish, interleave, measure, median, medianOf, type Round } from './frame.ts';

interface Person { identifier: string; dateOfBirth: string; phone: string }
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
/** How many sign in at once, and how many in a round. */
const CROWD = { atOnce: 256, each: 1536 }, FEW = { atOnce: 16, each: 400 };
const TRIES = 2000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** The provider: takes messages over HTTP and hands each code to whoever waits for its phone. */
const waiting = new Map<string, (code: string) => void>();
const provider = createServer((req, res) => {
  let body = '';
  req.on('data', (part: Buffer) => { body += part.toString(); });
  req.on('end', () => {
    const { to, text } = JSON.parse(body) as { to: string; text: string };
    res.writeHead(202, { 'content-type': 'application/json' }).end('{"id":"1"}');
    waiting.get(to)?.(text.slice(0, 6));
  });
});
await new Promise<void>((done) => { provider.listen(0, '127.0.0.1', done); });
const server = await child('./signin.serve.ts', [`http://127.0.0.1:${(provider.address() as { port: number }).port}`]);
const setup = await server.ask<{ port: number; people: Person[] }>({ what: 'setup' });
const base = `http://127.0.0.1:${setup.port}/t/t0/api`;
let browsers = 0;
const browser = (): string => `bench${String(browsers += 1).padStart(20, '0')}`;

/** People come from addresses of their own; from one, its limit would stand in line with itself. */
let addresses = 0;
const address = (): string => `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${(addresses += 1) & 255}`;

async function post(path: string, body: unknown): Promise<{ status: number; json: Record<string, string> }> {
  const answer = await fetch(`${base}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-forwarded-for': address() }, body: JSON.stringify(body) });
  return { status: answer.status, json: await answer.json() as Record<string, string> };
}

async function signIn(p: Person): Promise<number> {
  const began = performance.now();
  const name = browser();
  const coming = new Promise<string>((done, fail) => {
    waiting.set(p.phone, done);
    setTimeout(() => fail(new Error('no code came')), 10_000).unref();
  });
  const started = await post('/sign-in/challenges', { identifier: p.identifier, dateOfBirth: p.dateOfBirth, year: 2026, browser: name });
  if (started.status !== 201) throw new Error(`start: ${JSON.stringify(started.json)}`);
  const done = await post(`/sign-in/challenges/${started.json.challenge}/code`, { code: await coming, browser: name });
  if (done.status !== 200) throw new Error(`code: ${JSON.stringify(done.json)}`);
  waiting.delete(p.phone);
  return performance.now() - began;
}

let used = 0;
async function round({ atOnce, each }: typeof CROWD): Promise<Round> {
  const people = setup.people.slice(used, used + each);
  if (people.length < each) throw new Error('nobody is left to sign in: too many noisy rounds');
  used += each;
  const m = await measure([server.pid], [], async () => {
    const times: number[] = [];
    const left = people.values();
    await Promise.all(Array.from({ length: atOnce }, async () => {
      for (const person of left) times.push(await signIn(person));
    }));
    return times;
  });
  const sorted = m.result.toSorted((a, b) => a - b);
  return { perSecond: each / m.seconds, cpuUsEach: m.cpuUs / each, p99Ms: sorted[Math.floor(sorted.length * 0.99)] ?? 0, foreign: m.foreign, extra: { p50: median(sorted) } };
}

const kept = await interleave({ crowd: () => round(CROWD), few: () => round(FEW) }, ROUNDS, say);

/**
 * Known and unknown people in an order drawn by a seed. In any fixed pattern the one kind stands behind the other more often, and what a known
 * person's start leaves to be done, the sending, slows what comes two behind it.
 */
async function timing(): Promise<{ differenceMs: number; z: number }> {
  const known: number[] = [];
  const unknown: number[] = [];
  const one = async (p: Person, into: number[]): Promise<void> => {
    const body = { identifier: p.identifier, dateOfBirth: p.dateOfBirth, year: 2026, browser: browser() };
    const began = performance.now();
    const answer = await post('/sign-in/challenges', body);
    into.push(performance.now() - began);
    if (answer.status !== 201) throw new Error(JSON.stringify(answer.json));
  };
  const people = setup.people.slice(used, used + TRIES / 2);
  const strangers = people.map((p) => ({ ...p, identifier: `${p.identifier.slice(0, 9)}Z` }));
  const order = shuffled([...people.map((p) => [p, known] as const), ...strangers.map((p) => [p, unknown] as const)]);
  for (const [p, into] of order) await one(p, into);
  return { differenceMs: Math.abs(median(known) - median(unknown)), z: Math.abs(rankZ(known, unknown)) };
}

/** Fisher–Yates. */
function shuffled<T>(list: readonly T[]): T[] {
  const random = seededRandom('known and unknown');
  const out = [...list];
  for (let i = out.length - 1; i > 0; i--) {
    const j = random.int(i + 1);
    [out[i], out[j]] = [out[j] as T, out[i] as T];
  }
  return out;
}

/** Mann–Whitney U as a normal deviate: beyond 3.3 (p < 0.001) the two can be told apart. */
function rankZ(a: readonly number[], b: readonly number[]): number {
  const all = [...a.map((v) => ({ v, a: true })), ...b.map((v) => ({ v, a: false }))].toSorted((x, y) => x.v - y.v);
  const rankSum = all.reduce((sum, x, i) => sum + (x.a ? i + 1 : 0), 0);
  const u = rankSum - (a.length * (a.length + 1)) / 2;
  const mean = (a.length * b.length) / 2;
  return (u - mean) / Math.sqrt((a.length * b.length * (a.length + b.length + 1)) / 12);
}

const t = await timing();
say(`known against unknown: medians ${t.differenceMs.toFixed(3)} ms apart, rank deviate ${t.z.toFixed(2)}`);
await server.stop();
provider.close();
const [rounds, few] = [kept.crowd, kept.few] as [Round[], Round[]];
finish('signin', {
  cpu_us: medianOf(rounds, (r) => r.cpuUsEach), per_s: medianOf(rounds, (r) => r.perSecond), p50_ms: medianOf(rounds, (r) => r.extra.p50 ?? 0),
  p99_ms: medianOf(rounds, (r) => r.p99Ms), cpu_us_16: medianOf(few, (r) => r.cpuUsEach), p50_ms_16: medianOf(few, (r) => r.extra.p50 ?? 0), known_unknown_ms: t.differenceMs, known_unknown_z: t.z,
}, { cpu_us: { max: 2500 }, known_unknown_ms: { max: 1 }, known_unknown_z: { max: 3.3 } }, {});
