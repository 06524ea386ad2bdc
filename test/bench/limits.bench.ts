/**
 * Limits: decisions a second in one process and over Redis, beside rate-limiter-flexible, and how exactly a rate is kept.
 *
 * Why the peer is fair: rate-limiter-flexible is the limiter that Node projects take when one process is not enough. It runs with the same number of keys,
 * the same questions under way at once, the same Redis and the same client with the same options (pipelining of a turn's commands on); its memory limiter is
 * asked one after another, its fastest way. Each request asks two limits (address and person), as the door of the program does, with one reading of the clock. No question is refused on either side: its refusals throw and would only slow it. It has no leases; what
 * ours without them does is printed beside.
 */
import { createSecretKey } from 'node:crypto';
import { connectRedis, redisLimits } from '#adapters/redis';
import { createLog, systemClock, testClock } from '#kernel';
import { createLimiter, createSharedLimiter, LEASE_MS, type Limiter, type LimitPolicy } from '#spine/limits';
import { startRedis } from '../house/redis.ts';
import { finish, interleave, measure, medianOf, ratioOf, type Round } from './frame.ts';

interface Peer { consume(key: string): Promise<unknown> }
interface Peers { RateLimiterMemory: new (o: object) => Peer; RateLimiterRedis: new (o: object) => Peer }
const { RateLimiterMemory, RateLimiterRedis } = await import(new URL('./peers/limits.mjs', import.meta.url).href) as Peers;

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const MS = Number(process.env.BENCH_SECONDS ?? 1) * 1000;
const KEYS = Array.from({ length: 2000 }, (_, i) => `203.0.113.${i}`);
const UNDER_WAY = 256;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const server = await startRedis();
const log = createLog({ level: 'error' });
const connection = await connectRedis(server.url, log);
// The bench measures rates, not the 50 ms after which a command counts as lost on a busy machine.
connection.redis.options.commandTimeout = undefined as never;
say(`${await connection.about()}; rate-limiter-flexible 11.4.0`);

const wide: LimitPolicy = { name: 'wide', capacity: 60_000_000, perMinute: 60_000_000, lease: 20 };
const own: LimitPolicy = { ...wide, name: 'own' };
const hideWith = createSecretKey(Buffer.alloc(32, 7));
const shared = (policy: LimitPolicy): { limiter: Limiter; policy: LimitPolicy } =>
  ({ limiter: createSharedLimiter({ store: redisLimits(connection, { leaseMs: LEASE_MS }), clock: systemClock, log, processes: 1, hideWith }), policy });

async function round(work: (until: number) => Promise<number>): Promise<Round> {
  const m = await measure([process.pid], [], () => work(performance.now() + MS));
  return { perSecond: m.result / m.seconds, cpuUsEach: m.cpuUs / m.result, p99Ms: 0, foreign: 0, extra: {} };
}

const local = createLimiter(systemClock);
const memory = new RateLimiterMemory({ points: 60_000_000, duration: 60 });
const memoryOwn = new RateLimiterMemory({ points: 60_000_000, duration: 60, keyPrefix: 'own' });
const flexible = new RateLimiterRedis({ storeClient: connection.redis, points: 60_000_000, duration: 60, keyPrefix: 'rlf' });
const leased = shared(wide);
const single = shared({ ...wide, name: 'single', lease: 1 });

const oursInProcess = (): Promise<Round> => round(async (until) => {
  let n = 0;
  while (performance.now() < until) {
    for (const key of KEYS) {
      const now = systemClock.monotonicMs();
      if (!local.take(wide, key, now).ok || !local.take(own, key, now).ok) throw new Error('nothing is refused here');
    }
    n += 2 * KEYS.length;
  }
  return n;
});
const theirsInProcess = (): Promise<Round> => round(async (until) => {
  let n = 0;
  while (performance.now() < until) {
    for (const key of KEYS) {
      await memory.consume(key);
      await memoryOwn.consume(key);
    }
    n += 2 * KEYS.length;
  }
  return n;
});
const overRedis = (decide: (key: string) => unknown) => (): Promise<Round> => round(async (until) => {
  let n = 0;
  const caller = async (from: number): Promise<void> => {
    for (let i = from; ; i += 1) {
      const answer = decide(KEYS[i % KEYS.length] as string);
      if (answer instanceof Promise) await answer;
      n += 1;
      if (n % 64 === 0 && performance.now() >= until) return;
      if (performance.now() >= until) return;
    }
  };
  await Promise.all(Array.from({ length: UNDER_WAY }, (_, k) => caller(k * 7)));
  return n;
});

const kept = await interleave({
  local: oursInProcess, flexible_memory: theirsInProcess,
  leased: overRedis((key) => leased.limiter.take(leased.policy, key)),
  single: overRedis((key) => single.limiter.take(single.policy, key)),
  flexible_redis: overRedis((key) => flexible.consume(key)),
}, ROUNDS, say);

/** Greatest distance from the ideal in 10 simulated minutes, at six rates, each asked more often than a token comes. */
function errorInProcess(): number {
  let worst = 0;
  for (const [perSecond, pollMs] of [[1, 99], [5, 33], [10, 7], [50, 3], [100, 7], [500, 1]] as const) {
    const clock = testClock(new Date(0));
    const limiter = createLimiter(clock);
    const policy: LimitPolicy = { name: 'r', capacity: 10, perMinute: perSecond * 60 };
    let granted = 0;
    let ms = 0;
    for (; ms + pollMs <= 600_000; ms += pollMs) {
      while (limiter.take(policy, 'k').ok) granted += 1;
      clock.advance(pollMs);
    }
    while (limiter.take(policy, 'k').ok) granted += 1;
    worst = Math.max(worst, Math.abs(granted - (10 + perSecond * ms / 1000)));
  }
  return worst;
}

/** The same over Redis in 20 real seconds, all six rates at once; the ideal goes by the server's own clock. */
async function errorOverRedis(): Promise<number> {
  const store = redisLimits(connection, { leaseMs: LEASE_MS });
  const nowMs = async (): Promise<number> => {
    const [s, us] = await connection.redis.time() as unknown as [number, number];
    return Number(s) * 1000 + Number(us) / 1000;
  };
  const errors = await Promise.all([1, 5, 10, 50, 100, 500].map(async (perSecond) => {
    // A second's worth fits in: a look that this machine delays loses no token, and the rate alone is measured.
    const policy: LimitPolicy = { name: 'exact', capacity: Math.max(10, perSecond), perMinute: perSecond * 60 };
    // Its bucket is made between the first two readings and asked for the last time between the last two: the ideal lies between them.
    const takeAll = async (): Promise<number> => (await store.take([{ policy, key: `r${perSecond}`, upTo: 1000 }]))[0]?.granted ?? 0;
    const before = await nowMs();
    let granted = await takeAll();
    const began = await nowMs();
    let at = began;
    while (at < began + 20_000) {
      await systemClock.sleep(Math.min(4, 300 / perSecond));
      granted += await takeAll();
      at = await nowMs();
    }
    granted += await takeAll();
    const [least, most] = [policy.capacity + perSecond * (at - began) / 1000, policy.capacity + perSecond * (await nowMs() - before) / 1000];
    say(`${String(perSecond).padStart(4)}/s over Redis: ${granted} granted, ${least.toFixed(1)} to ${most.toFixed(1)} ideal`);
    return Math.max(0, least - granted, granted - most);
  }));
  return Math.max(...errors);
}

const errorLocal = errorInProcess();
const errorRedis = await errorOverRedis();
await connection.close();
await server.stop();
const of = (name: string): Round[] => kept[name] as Round[];
const rate = (r: Round): number => r.perSecond;
finish('limits', {
  ratio_rate_flexible_in_process: ratioOf(of('local'), of('flexible_memory'), rate), ratio_rate_flexible_redis: ratioOf(of('leased'), of('flexible_redis'), rate),
  ratio_rate_flexible_redis_without_leases: ratioOf(of('single'), of('flexible_redis'), rate),
  decisions_per_s_in_process: medianOf(of('local'), rate), decisions_per_s_redis: medianOf(of('leased'), rate),
  cpu_us_in_process: medianOf(of('local'), (r) => r.cpuUsEach), error_requests_in_process: errorLocal, error_requests_redis: errorRedis,
}, {
  ratio_rate_flexible_in_process: { min: 4 }, ratio_rate_flexible_redis: { min: 8 }, error_requests_in_process: { max: 1 }, error_requests_redis: { max: 1 },
  cpu_us_in_process: { max: 1 },
}, { flexible_per_s_in_process: medianOf(of('flexible_memory'), rate), flexible_per_s_redis: medianOf(of('flexible_redis'), rate) });
