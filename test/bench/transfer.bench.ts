/**
 * POST /wallet/transfers over HTTP with session, idempotency, limits, audit and event: uniform over 10,000 accounts, and half of them to
 * one hot account. Baselines in the same run: the naive route (test/bench/transfer.naive.ts), which does what the wallet's does, and the same program
 * with group commit off. Printed without a bar: a plain route that moves the money and nothing else (ledger.naive.ts behind Fastify). What happens after the commit (places in the audit chain, notices of payer and payee) runs on neither side; what a
 * transfer costs with all of it is measured apart, in a second program, and printed.
 */
import { child, cpuUs, finish, interleave, KEY, measure, medianOf, ratioOf, type Round } from './frame.ts';

interface Setup { port: number; alonePort: number; tokens: string[]; accounts: { account: string; person: number }[] }
interface Counts { transfers: number; payments: number; facts: number; naive: number; naivePayments: number; sum: number; naiveSum: number; batches: number; items: number }
interface Load { answered: number; ok: number; p50Ms: number; p99Ms: number; seconds: number }

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const REQUESTS = 20_000;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const began = performance.now();
type Server = Awaited<ReturnType<typeof child>>;
interface Side { readonly server: Server; readonly setup: Setup }
async function start(what: 'bare' | 'followed'): Promise<Side> {
  const server = await child('./transfer.serve.ts', [what]);
  return { server, setup: await server.ask<Setup>({ what: 'setup' }) };
}
const load = await child('./load.ts');
const main = await start('bare');
say(`${main.setup.accounts.length} accounts of ${main.setup.tokens.length} people, set up in ${((performance.now() - began) / 1000).toFixed(0)} s`);

/** Draws that can be repeated: xorshift32. */
function draws(seed: number): (below: number) => number {
  let x = seed >>> 0 || 1;
  return (below) => {
    x ^= x << 13;
    x ^= x >>> 17;
    x = (x ^ (x << 5)) >>> 0;
    return x % below;
  };
}

function requests(setup: Setup, path: string, shape: 'uniform' | 'hot'): string[] {
  const draw = draws(shape === 'hot' ? 7 : 5);
  const { accounts, tokens } = setup;
  return Array.from({ length: REQUESTS }, () => {
    const from = draw(accounts.length);
    let to = draw(accounts.length);
    // A shop that half of all payments go to. It pays nobody: what one person may send in a day would be what is measured.
    if (shape === 'hot' && draw(2) === 0) to = 0;
    if (from === to) to = (to + 1) % accounts.length;
    const payer = accounts[from] as Setup['accounts'][number];
    const body = JSON.stringify({ from: payer.account, to: (accounts[to] as Setup['accounts'][number]).account, amount: { amount: '1', currency: 'INR' } });
    return `POST ${path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ${tokens[payer.person]}\r\nidempotency-key: ${KEY}\r\ncontent-type: application/json\r\n`
      + `user-agent: bench\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  });
}

const PATHS = { ours: '/t/t0/api/wallet/transfers', alone: '/t/t0/api/wallet/transfers', naive: '/api/naive-transfers', plain: '/api/plain-transfers' };
let seed = 0;
function variant(side: keyof typeof PATHS, shape: 'uniform' | 'hot', connections: number,
  { server, setup }: Side = main): () => Promise<Round> {
  const list = requests(setup, PATHS[side], shape);
  const port = side === 'alone' ? setup.alonePort : setup.port;
  return async () => {
    await server.ask({ what: 'fresh' });
    const before = await server.ask<Counts>({ what: 'counts' });
    const node = cpuUs(server.pid);
    const m = await measure([server.pid], [load.pid], () => load.ask<Load>({ port, connections, seconds: SECONDS, requests: list, seed: seed += 1 }));
    const nodeUs = cpuUs(server.pid) - node;
    const after = await server.ask<Counts>({ what: 'counts' });
    const { answered, ok, p50Ms, p99Ms } = m.result;
    if (ok !== answered) throw new Error(`${side}: ${answered - ok} of ${answered} answers were not 200`);
    const grown = (name: keyof Counts): number => after[name] - before[name];
    const want: (keyof Counts)[] = side === 'plain' ? ['naive'] : side === 'naive' ? ['naive', 'naivePayments'] : ['transfers', 'payments', 'facts'];
    for (const name of want) if (grown(name) !== answered) throw new Error(`${side} ${shape}: ${grown(name)} ${name} for ${answered} answers`);
    if (after.sum !== 0 || after.naiveSum !== before.naiveSum) throw new Error(`the books are broken: ${JSON.stringify(after)}`);
    return {
      perSecond: answered / m.result.seconds, cpuUsEach: m.cpuUs / answered, p99Ms, foreign: m.foreign,
      extra: { p50: p50Ms, 'node µs': nodeUs / answered, ...(grown('batches') ? { batch: grown('items') / grown('batches') } : {}) },
    };
  };
}

const variants = {
  ours_256: variant('ours', 'uniform', 256), naive_256: variant('naive', 'uniform', 256),
  ours_hot_256: variant('ours', 'hot', 256), naive_hot_256: variant('naive', 'hot', 256),
  plain_256: variant('plain', 'uniform', 256),
  ours_16: variant('ours', 'uniform', 16), alone_16: variant('alone', 'uniform', 16),
};
const kept = await interleave(variants, ROUNDS, say);
await main.server.stop();
const whole = await start('followed');
const { followed_256: followed = [] } = await interleave({ followed_256: variant('ours', 'uniform', 256, whole) }, ROUNDS, say);
await whole.server.stop();
await load.stop();
const of = (name: keyof typeof variants): Round[] => kept[name] as Round[];
const cpu = (r: Round): number => r.cpuUsEach;
const rate = (r: Round): number => r.perSecond;
const p50 = (r: Round): number => r.extra.p50 ?? 0;
finish('transfer', {
  cpu_us_256: medianOf(of('ours_256'), cpu), transfers_per_s_256: medianOf(of('ours_256'), rate), p99_ms_256: medianOf(of('ours_256'), (r) => r.p99Ms),
  cpu_us_hot_256: medianOf(of('ours_hot_256'), cpu), transfers_per_s_hot_256: medianOf(of('ours_hot_256'), rate),
  ratio_cpu_naive_256: ratioOf(of('naive_256'), of('ours_256'), cpu), ratio_rate_naive_256: ratioOf(of('ours_256'), of('naive_256'), rate),
  ratio_cpu_naive_hot_256: ratioOf(of('naive_hot_256'), of('ours_hot_256'), cpu), ratio_rate_naive_hot_256: ratioOf(of('ours_hot_256'), of('naive_hot_256'), rate),
  ratio_cpu_plain_256: ratioOf(of('plain_256'), of('ours_256'), cpu), ratio_rate_plain_256: ratioOf(of('ours_256'), of('plain_256'), rate),
  ratio_rate_alone_16: ratioOf(of('ours_16'), of('alone_16'), rate), ratio_p50_alone_16: ratioOf(of('ours_16'), of('alone_16'), p50),
  cpu_us_256_followed: medianOf(followed, cpu), transfers_per_s_256_followed: medianOf(followed, rate), p50_ms_16: medianOf(of('ours_16'), p50), batch_256: medianOf(of('ours_256'), (r) => r.extra.batch ?? 0),
}, {
  cpu_us_256: { max: 200 }, ratio_cpu_naive_256: { min: 10 }, ratio_cpu_naive_hot_256: { min: 13 }, ratio_rate_naive_256: { min: 7 },
  ratio_rate_naive_hot_256: { min: 11 }, ratio_rate_alone_16: { min: 1.7 }, ratio_p50_alone_16: { max: 1 },
}, { naive_per_s_256: medianOf(of('naive_256'), rate), naive_cpu_us_256: medianOf(of('naive_256'), cpu), alone_cpu_us_16: medianOf(of('alone_16'), cpu) });
