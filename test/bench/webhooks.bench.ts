/**
 * A backlog of durable deliveries beside raw signed POSTs of the same body to the same receiver: claimed, sent, written each with what became of it, at least once whatever
 * dies. And what one endpoint that answers in 30 seconds does to the others. The raw sender is the best simple one: undici's Pool.dispatch with 128 under
 * way and our own signature; it keeps nothing. No peer runs here: Svix, Convoy and Hook0 are servers of other languages without a package.
 */
import { PER_ENDPOINT_MAX } from '../../src/platform/webhooks/contract.ts';
import { child, cpuUs, DISK_SLOW_SHARE_MAX, finish, interleave, measure, median, medianOf, NOISY_REPEATS_MAX, ratioOf, watchDisk, type Round } from './frame.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const COUNT = Number(process.env.BENCH_COUNT ?? 80_000);
const PACED = 1000;
const [SLICES, SLICE_SECONDS, LEAD_SECONDS] = [ROUNDS * 16, 1.5, 0.2];
const SLOW_WAITING = 300;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const server = await child('./webhooks.serve.ts');
const receiver = await child('./webhooks.receiver.ts');
const { port } = await receiver.ask<{ port: number }>({});
interface Delivered { seconds: number; done: number; ok: number; /** From written to done, of each. */ ms: number[] }

const p99Of = (ms: readonly number[]): number => ms.toSorted((a, b) => a - b)[Math.ceil(ms.length * 0.99) - 1] as number;

async function durable(): Promise<Round> {
  await server.ask({ what: 'setup', port, slow: false });
  await server.ask({ what: 'fill', count: COUNT });
  const node = cpuUs(server.pid);
  const m = await measure([server.pid], [receiver.pid], () => server.ask<Delivered>({ what: 'deliver', count: COUNT, slow: 0 }));
  const nodeUs = cpuUs(server.pid) - node;
  const { seconds, done, ok, ms } = m.result;
  if (done < COUNT || ok < COUNT) throw new Error(`${done} done, ${ok} answered 200 at once, for ${COUNT} deliveries`);
  return { perSecond: COUNT / seconds, cpuUsEach: m.cpuUs / COUNT, p99Ms: p99Of(ms), foreign: m.foreign, extra: { 'node µs': nodeUs / COUNT } };
}
async function raw(): Promise<Round> {
  const m = await measure([server.pid], [receiver.pid], () => server.ask<{ seconds: number; ok: number }>({ what: 'raw', port, count: COUNT }));
  if (m.result.ok !== COUNT) throw new Error(`${m.result.ok} of ${COUNT} answered 200`);
  return { perSecond: COUNT / m.result.seconds, cpuUsEach: m.cpuUs / COUNT, p99Ms: 0, foreign: m.foreign, extra: {} };
}
const kept = await interleave({ durable, raw }, ROUNDS, say);

/**
 * p99 from written to done of the others, paced, without and with an endpoint that answers in 30 s and always has something waiting: short slices in turn
 * among the same endpoints, and the middle of their p99s. A slice's slowest hundredth is two of its bursts, so there are many slices.
 */
const p99s: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
const disk = watchDisk();
await server.ask({ what: 'setup', port, slow: true });
async function slice(slow: boolean): Promise<{ ms: number[]; slowDisk: number }> {
  if (slow) await slowOn();
  disk.slowShare();
  const { ms } = await server.ask<Delivered>({ what: 'deliver', count: PACED * SLICE_SECONDS, slow: 0, perSecond: PACED, untimed: PACED * LEAD_SECONDS });
  const slowDisk = disk.slowShare();
  if (slow) await slowOff();
  return { ms, slowDisk };
}
async function slowOn(): Promise<void> {
  await server.ask({ what: 'slowOn', waiting: SLOW_WAITING });
  for (let looks = 0; (await receiver.ask<{ waiting: number }>({})).waiting < PER_ENDPOINT_MAX; looks++) {
    if (looks > 500) throw new Error('the slow endpoint has too little under way');
    await new Promise((done) => { setTimeout(done, 10); });
  }
}
async function slowOff(): Promise<void> {
  await server.ask({ what: 'rest' });
  const { released } = await receiver.ask<{ released: number }>({ release: true });
  await server.ask({ what: 'rested', released });
}
for (let i = 0; i <= SLICES; i++) {
  for (const side of ['alone', 'beside'] as const) {
    let one = await slice(side === 'beside');
    // What stops the disk for a while would be counted against the side that it happens to meet.
    for (let again = 0; one.slowDisk > DISK_SLOW_SHARE_MAX && again < NOISY_REPEATS_MAX; again++) {
      say(`${side}: noisy (${Math.round(one.slowDisk * 100)} % of writes to the disk were slow), again`);
      one = await slice(side === 'beside');
    }
    if (i > 0) p99s[side].push(p99Of(one.ms));
  }
  if (i > 0 && i % 10 === 0) say(`slice ${i}  p99 so far: alone ${median(p99s.alone).toFixed(1)} ms, beside a slow one ${median(p99s.beside).toFixed(1)} ms`);
}
disk.stop();
await server.stop();
await receiver.stop();
const of = (name: string): Round[] => kept[name] as Round[];
finish('webhooks', {
  ratio_rate_raw: ratioOf(of('durable'), of('raw'), (r) => r.perSecond), deliveries_per_s: medianOf(of('durable'), (r) => r.perSecond),
  cpu_us_delivery: medianOf(of('durable'), (r) => r.cpuUsEach), p99_ms_alone: median(p99s.alone), p99_ms_beside_slow: median(p99s.beside),
  ratio_p99_beside_slow: median(p99s.beside) / median(p99s.alone),
}, { ratio_rate_raw: { min: 0.55 }, ratio_p99_beside_slow: { max: 1.1 } },
{ raw_per_s: medianOf(of('raw'), (r) => r.perSecond), raw_cpu_us: medianOf(of('raw'), (r) => r.cpuUsEach) });
