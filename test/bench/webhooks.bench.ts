/**
 * A backlog of durable deliveries beside raw signed POSTs of the same body to the same receiver: claimed, sent, written each with what became of it, at least once whatever
 * dies. And what one endpoint that answers in 30 seconds does to the others. The raw sender is the best simple one: undici's Pool.dispatch with 128 under
 * way and our own signature; it keeps nothing. No peer runs here: Svix, Convoy and Hook0 are servers of other languages without a package.
 */
import { child, cpuUs, finish, interleave, measure, median, medianOf, ratioOf, type Round } from './frame.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const COUNT = Number(process.env.BENCH_COUNT ?? 80_000);
const PACED = 1000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
const server = await child('./webhooks.serve.ts');
const receiver = await child('./webhooks.receiver.ts');
const { port } = await receiver.ask<{ port: number }>({});
interface Delivered { seconds: number; done: number; ok: number; p99Ms: number }

async function durable(): Promise<Round> {
  await server.ask({ what: 'setup', port, slow: false });
  await server.ask({ what: 'fill', count: COUNT });
  const node = cpuUs(server.pid);
  const m = await measure([server.pid], [receiver.pid], () => server.ask<Delivered>({ what: 'deliver', count: COUNT, slow: 0 }));
  const nodeUs = cpuUs(server.pid) - node;
  const { seconds, done, ok, p99Ms } = m.result;
  if (done < COUNT || ok < COUNT) throw new Error(`${done} done, ${ok} answered 200 at once, for ${COUNT} deliveries`);
  return { perSecond: COUNT / seconds, cpuUsEach: m.cpuUs / COUNT, p99Ms, foreign: m.foreign, extra: { 'node µs': nodeUs / COUNT } };
}
async function raw(): Promise<Round> {
  const m = await measure([server.pid], [receiver.pid], () => server.ask<{ seconds: number; ok: number }>({ what: 'raw', port, count: COUNT }));
  if (m.result.ok !== COUNT) throw new Error(`${m.result.ok} of ${COUNT} answered 200`);
  return { perSecond: COUNT / m.result.seconds, cpuUsEach: m.cpuUs / COUNT, p99Ms: 0, foreign: m.foreign, extra: {} };
}
const kept = await interleave({ durable, raw }, ROUNDS, say);

/** p99 from written to done of the others, paced, without and with an endpoint that answers in 30 s and always has something waiting. */
// A slowest hundredth is forty deliveries, and one pause of the machine can be all of them: twice the rounds, and the middle of each side.
const p99s: { alone: number[]; beside: number[] } = { alone: [], beside: [] };
for (let i = 0; i <= ROUNDS * 2; i++) {
  for (const slow of [false, true]) {
    await server.ask({ what: 'setup', port, slow });
    const { p99Ms } = await server.ask<Delivered>({ what: 'deliver', count: PACED * 4, slow: slow ? 300 : 0, perSecond: PACED });
    say(`${i === 0 ? 'warm-up' : `round ${i}`}  ${slow ? 'beside a slow one' : 'alone'}: p99 ${p99Ms.toFixed(1)} ms`);
    if (i > 0) p99s[slow ? 'beside' : 'alone'].push(p99Ms);
  }
}
await server.stop();
await receiver.stop();
const of = (name: string): Round[] => kept[name] as Round[];
finish('webhooks', {
  ratio_rate_raw: ratioOf(of('durable'), of('raw'), (r) => r.perSecond), deliveries_per_s: medianOf(of('durable'), (r) => r.perSecond),
  cpu_us_delivery: medianOf(of('durable'), (r) => r.cpuUsEach), p99_ms_alone: median(p99s.alone), p99_ms_beside_slow: median(p99s.beside),
  ratio_p99_beside_slow: median(p99s.beside) / median(p99s.alone),
}, { ratio_rate_raw: { min: 0.55 }, ratio_p99_beside_slow: { max: 1.1 } },
{ raw_per_s: medianOf(of('raw'), (r) => r.perSecond), raw_cpu_us: medianOf(of('raw'), (r) => r.cpuUsEach) });
