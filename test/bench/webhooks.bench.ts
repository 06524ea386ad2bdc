/**
 * A backlog of durable deliveries beside raw signed POSTs of the same body to the same receiver: claimed, sent, written each with what became of it, at least once whatever
 * dies. And what one endpoint that answers in 30 seconds does to the others. The raw sender is the best simple one: undici's Pool.dispatch with 128 under
 * way and our own signature; it keeps nothing. No peer runs here: Svix, Convoy and Hook0 are servers of other languages without a package.
 */
import { child, cpuUs, finish, interleave, measure, medianOf, ratioOf, type Round } from './frame.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const COUNT = Number(process.env.BENCH_COUNT ?? 80_000);
const PACED = 1000;
const SLICE_SECONDS = 3;
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
 * p99 from written to done of the others, paced, without and with an endpoint that answers in 30 s and always has something waiting. Short slices in turn,
 * and one p99 over all slices of a side: a slice's own would be its four slowest bursts. Each slice begins with nothing under way.
 */
const others: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
for (let i = 0; i <= ROUNDS * 4; i++) {
  for (const side of ['alone', 'beside'] as const) {
    const slow = side === 'beside';
    await server.ask({ what: 'setup', port, slow });
    const { ms } = await server.ask<Delivered>({ what: 'deliver', count: PACED * SLICE_SECONDS, slow: slow ? 300 : 0, perSecond: PACED });
    if (i > 0) others[side].push(...ms);
    if (!slow) continue;
    await server.ask({ what: 'rest' });
    const { released } = await receiver.ask<{ released: number }>({ release: true });
    if (released === 0) throw new Error('the slow endpoint had nothing under way');
    await server.ask({ what: 'rested', released });
  }
  say(`${i === 0 ? 'warm-up' : `slice ${i}`}  p99 so far: alone ${p99Of(others.alone.concat(0)).toFixed(1)} ms, beside a slow one ${p99Of(others.beside.concat(0)).toFixed(1)} ms`);
}
await server.stop();
await receiver.stop();
const of = (name: string): Round[] => kept[name] as Round[];
finish('webhooks', {
  ratio_rate_raw: ratioOf(of('durable'), of('raw'), (r) => r.perSecond), deliveries_per_s: medianOf(of('durable'), (r) => r.perSecond),
  cpu_us_delivery: medianOf(of('durable'), (r) => r.cpuUsEach), p99_ms_alone: p99Of(others.alone), p99_ms_beside_slow: p99Of(others.beside),
  ratio_p99_beside_slow: p99Of(others.beside) / p99Of(others.alone),
}, { ratio_rate_raw: { min: 0.55 }, ratio_p99_beside_slow: { max: 1.1 } },
{ raw_per_s: medianOf(of('raw'), (r) => r.perSecond), raw_cpu_us: medianOf(of('raw'), (r) => r.cpuUsEach) });
