/**
 * A code against the crowd: while 100,000 promotions wait in the bulk lane and leave as fast as the provider takes them, people ask for
 * sign-in codes. Measured from the answer to the request (accepted) to the code's arrival at the provider, over HTTP both ways. The same
 * without promotions, in the same run, says what the crowd costs.
 */
import { createServer } from 'node:http';
import { child, finish, measure, median } from './frame.ts';

interface Person { identifier: string; dateOfBirth: string; phone: string }
const SECONDS = Number(process.env.BENCH_SECONDS ?? 20);
const CODES_PER_SECOND = 20;
/** What a provider takes to answer. */
const PROVIDER_MS = 20;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const arrived = new Map<string, number>();
let promotions = 0;
const provider = createServer((req, res) => {
  let body = '';
  req.on('data', (part: Buffer) => { body += part.toString(); });
  req.on('end', () => {
    const { to, text } = JSON.parse(body) as { to: string; text: string };
    if (/^\d{6}/.test(text)) arrived.set(to, performance.now());
    else promotions += 1;
    setTimeout(() => res.writeHead(202, { 'content-type': 'application/json' }).end('{"id":"1"}'), PROVIDER_MS);
  });
});
await new Promise<void>((done) => { provider.listen(0, '127.0.0.1', done); });
const began = performance.now();
const server = await child('./notify.serve.ts', [`http://127.0.0.1:${(provider.address() as { port: number }).port}`]);
const setup = await server.ask<{ port: number; people: Person[] }>({ what: 'setup' });
say(`set up in ${((performance.now() - began) / 1000).toFixed(0)} s`);
const base = `http://127.0.0.1:${setup.port}/t/t0/api`;

let used = 0;
async function codes(seconds: number): Promise<{ p50: number; p99: number; lost: number; count: number }> {
  const waits: number[] = [];
  let lost = 0;
  const all: Promise<void>[] = [];
  for (let i = 0; i < seconds * CODES_PER_SECOND; i++) {
    const p = setup.people[used] as Person;
    const n = used += 1;
    all.push((async () => {
      const answer = await fetch(`${base}/sign-in/challenges`, {
        method: 'POST', headers: { 'content-type': 'application/json', 'x-forwarded-for': `10.${(n >> 16) & 255}.${(n >> 8) & 255}.${n & 255}` },
        body: JSON.stringify({ identifier: p.identifier, dateOfBirth: p.dateOfBirth, year: 2026, browser: `bench${String(n).padStart(20, '0')}` }),
      });
      const accepted = performance.now();
      if (answer.status !== 201) throw new Error(`start: ${await answer.text()}`);
      for (let k = 0; k < 2000 && !arrived.has(p.phone); k++) await new Promise((done) => setTimeout(done, 5));
      const at = arrived.get(p.phone);
      if (at === undefined) lost += 1;
      else waits.push(Math.max(0, at - accepted));
    })());
    await new Promise((done) => setTimeout(done, 1000 / CODES_PER_SECOND));
  }
  await Promise.all(all);
  const sorted = waits.toSorted((a, b) => a - b);
  return { p50: median(sorted), p99: sorted[Math.floor(sorted.length * 0.99)] ?? Number.NaN, lost, count: sorted.length };
}

await codes(3);
const quiet = await codes(Math.min(10, SECONDS));
say(`without promotions: ${quiet.count} codes, p50 ${quiet.p50.toFixed(1)} ms, p99 ${quiet.p99.toFixed(1)} ms`);
const due = await server.ask<{ left: number }>({ what: 'due' });
const from = promotions;
const { result: crowd, seconds, cpuUs } = await measure([server.pid], [], () => codes(SECONDS));
const sent = promotions - from;
const after = await server.ask<{ left: number }>({ what: 'left' });
say(`with ${due.left.toLocaleString('en')} promotions waiting: ${crowd.count} codes, p50 ${crowd.p50.toFixed(1)} ms, p99 ${crowd.p99.toFixed(1)} ms; ${sent} promotions left meanwhile, ${after.left.toLocaleString('en')} still wait`);
await server.stop();
provider.close();
if (quiet.lost + crowd.lost > 0) throw new Error(`${quiet.lost + crowd.lost} codes were lost`);
if (after.left === 0) throw new Error('the promotions ended before the codes: there was no crowd');
finish('notify', {
  p99_ms_code: crowd.p99, p50_ms_code: crowd.p50, p99_ms_code_alone: quiet.p99, promotions_per_s: sent / seconds, cpu_us_promotion: cpuUs / Math.max(1, sent), waiting: due.left,
}, { p99_ms_code: { max: 500 } }, {});
