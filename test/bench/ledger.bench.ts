/**
 * Single transfers in process, each with an answer, an idempotency key, an event and an audit fact of its own: uniform over 10,000
 * accounts, half of them through one hot account, three linked ones, and 100 tenants at once. The key is the transfer's name and stands in
 * its row; after each round its first requests are sent once more and must be told the same. The baseline is test/bench/ledger.naive.ts, in
 * the same server and run. What happens after the commit (places in the audit chain, subscribers) is the business of the status and ingest
 * benches and does not run here, on neither side.
 */
import { child, cpuUs, finish, interleave, measure, medianOf, ratioOf, type Round } from './frame.ts';

interface Ran { answers: number; refused: number; seconds: number; p50Ms: number; p99Ms: number; batch: number }
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const ONLY = process.env.BENCH_ONLY;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const server = await child('./ledger.serve.ts');
const counts = (): Promise<Record<string, number>> => server.ask({ what: 'counts' });

/** Fails unless every answer of a round left its rows and the books are whole. */
function check(side: 'ours' | 'naive', shape: string, ran: Ran, before: Record<string, number>, after: Record<string, number>): void {
  const grown = (name: string): number => (after[name] ?? 0) - (before[name] ?? 0);
  const size = shape === 'linked' ? 3 : 1;
  const want: Record<string, number> = side === 'naive' ? { naiveAnswers: ran.answers, naiveFacts: ran.answers }
    : { transfers: ran.answers * size, facts: ran.answers, events: (ran.answers - ran.refused) * size };
  for (const [name, n] of Object.entries(want)) if (grown(name) !== n) throw new Error(`${side} ${shape}: ${grown(name)} ${name}, ${n} expected`);
  if (after.sum !== 0 || after.naiveSum !== 0 || after.broken !== 0) throw new Error(`the books are broken: ${JSON.stringify(after)}`);
}

/** What is sent again is answered from the rows that stand: nothing else is written but the facts that say so. */
async function sentAgain(): Promise<void> {
  const before = await counts();
  const { told } = await server.ask<{ told: number }>({ what: 'again' });
  const after = await counts();
  for (const name of ['transfers', 'events']) if (after[name] !== before[name]) throw new Error(`${told} requests sent again left ${name}`);
  if (told === 0) throw new Error('nothing was sent again');
}

function variant(side: 'ours' | 'naive', shape: string, callers: number): () => Promise<Round> {
  return async () => {
    const before = await counts();
    const node = cpuUs(server.pid);
    const m = await measure([server.pid], [], () => server.ask<Ran>({ what: 'run', side, shape, callers, seconds: SECONDS }));
    const nodeUs = cpuUs(server.pid) - node;
    const ran = m.result;
    check(side, shape, ran, before, await counts());
    if (side === 'ours') await sentAgain();
    return {
      perSecond: ran.answers / ran.seconds, cpuUsEach: m.cpuUs / ran.answers, p99Ms: ran.p99Ms, foreign: m.foreign,
      extra: { p50: ran.p50Ms, 'node µs': nodeUs / ran.answers, 'refused %': (100 * ran.refused) / ran.answers, ...(ran.batch ? { batch: ran.batch } : {}) },
    };
  };
}

const all = {
  ours_2048: variant('ours', 'uniform', 2048), naive_2048: variant('naive', 'uniform', 2048),
  ours_hot_2048: variant('ours', 'hot', 2048), naive_hot_2048: variant('naive', 'hot', 2048),
  ours_256: variant('ours', 'uniform', 256), naive_256: variant('naive', 'uniform', 256),
  ours_hot_256: variant('ours', 'hot', 256), naive_hot_256: variant('naive', 'hot', 256),
  ours_linked: variant('ours', 'linked', 2048), naive_linked: variant('naive', 'linked', 2048),
  ours_tenants100: variant('ours', 'tenants', 2048),
};
type Name = keyof typeof all;
const variants = Object.fromEntries(Object.entries(all).filter(([name]) => !ONLY || name.includes(ONLY)));
// First, while the tables hold nothing else.
const sizes = ONLY && ONLY !== 'bytes' ? {} : await server.ask<Record<string, number>>({ what: 'bytes' });
const kept = await interleave(variants, ROUNDS, say);
await server.stop();

const of = (name: Name): Round[] => kept[name] ?? [];
const cpu = (r: Round): number => r.cpuUsEach;
const rate = (r: Round): number => r.perSecond;
const ratios = (suffix: string, ours: Name, naive: Name): Record<string, number> => (!kept[ours] || !kept[naive] ? {} : {
  [`ratio_cpu_naive_${suffix}`]: ratioOf(of(naive), of(ours), cpu), [`ratio_rate_naive_${suffix}`]: ratioOf(of(ours), of(naive), rate),
});
finish('ledger', {
  ...ratios('2048', 'ours_2048', 'naive_2048'), ...ratios('hot_2048', 'ours_hot_2048', 'naive_hot_2048'), ...ratios('256', 'ours_256', 'naive_256'),
  ...ratios('hot_256', 'ours_hot_256', 'naive_hot_256'), ...ratios('linked', 'ours_linked', 'naive_linked'),
  cpu_us_2048: medianOf(of('ours_2048'), cpu), transfers_per_s_2048: medianOf(of('ours_2048'), rate), cpu_us_hot_2048: medianOf(of('ours_hot_2048'), cpu),
  cpu_us_256: medianOf(of('ours_256'), cpu), p99_ms_256: medianOf(of('ours_256'), (r) => r.p99Ms), p99_ms_hot_256: medianOf(of('ours_hot_256'), (r) => r.p99Ms),
  cpu_us_linked: medianOf(of('ours_linked'), cpu), requests_per_s_linked: medianOf(of('ours_linked'), rate), cpu_us_tenants100: medianOf(of('ours_tenants100'), cpu),
  transfers_per_s_tenants100: medianOf(of('ours_tenants100'), rate), batch_2048: medianOf(of('ours_2048'), (r) => r.extra.batch ?? 0),
  bytes_transfer: sizes.transfer ?? 0, bytes_idempotency: sizes.idempotency ?? 0, bytes_event: sizes.event ?? 0, bytes_audit: sizes.audit ?? 0, bytes_wal: sizes.wal ?? 0,
}, ONLY ? {} : {
  ratio_cpu_naive_2048: { min: 18 }, ratio_rate_naive_2048: { min: 11 }, ratio_cpu_naive_hot_2048: { min: 18 }, ratio_rate_naive_hot_2048: { min: 14 },
  ratio_cpu_naive_256: { min: 12 }, ratio_rate_naive_256: { min: 8 }, ratio_cpu_naive_hot_256: { min: 16 }, ratio_rate_naive_hot_256: { min: 11 },
  p99_ms_256: { max: 60 }, p99_ms_hot_256: { max: 60 }, cpu_us_2048: { max: 80 }, bytes_transfer: { max: 260 }, bytes_wal: { max: 900 },
}, { naive_per_s_2048: medianOf(of('naive_2048'), rate), naive_cpu_us_2048: medianOf(of('naive_2048'), cpu) });
