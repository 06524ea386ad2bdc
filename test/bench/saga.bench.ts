/**
 * Sagas of three local steps, begun by 64 callers, all ended at the end of a round. Ours: each step's effect and record in one commit, sagas that
 * come to one step at once share it (`plural`), and the same with a transaction for each (`singular`). Beside it DBOS 5 (test/bench/peers/dbos.mjs)
 * in the same server and run.
 */
import { child, finish, interleave, measure, medianOf, ratioOf, type Round } from './frame.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const COUNT = Number(process.env.BENCH_COUNT ?? 3000);
const CALLERS = 64;
const say = (line: string): void => void process.stdout.write(`${line}\n`);
interface Ran { sagas: number; seconds: number; effects: number }

const server = await child('./saga.serve.ts');
const { url, pid } = await server.ask<{ url: string; pid: number }>({ what: 'peer' });
const dbos = await child('./peers/dbos.mjs', [url]);
let dbosEffects = 0;

const variant = (ask: (count: number) => Promise<Ran>, count: number, pids: readonly number[], others: readonly number[]) => async (): Promise<Round> => {
  const m = await measure(pids, others, () => ask(count));
  if (m.result.effects !== count * 3) throw new Error(`${m.result.effects} effects of ${count} sagas`);
  return { perSecond: count / m.result.seconds, cpuUsEach: m.cpuUs / count, p99Ms: 0, foreign: m.foreign, extra: {} };
};
const ours = (kind: string) => variant((count) => server.ask({ what: 'run', kind, count, callers: CALLERS }), COUNT, [server.pid], [dbos.pid]);
const kept = await interleave({
  plural: ours('plural'), singular: ours('singular'),
  dbos: variant(async (count) => {
    const ran = await dbos.ask<Ran>({ count, callers: CALLERS });
    const effects = ran.effects - dbosEffects;
    dbosEffects = ran.effects;
    return { ...ran, effects };
  }, Math.ceil(COUNT / 4), [dbos.pid, pid], [server.pid]),
}, ROUNDS, say);
await dbos.stop();
await server.stop();

const of = (name: string): Round[] => kept[name] ?? [];
const [cpu, rate] = [(r: Round): number => r.cpuUsEach, (r: Round): number => r.perSecond];
finish('saga', {
  ratio_rate_dbos: ratioOf(of('plural'), of('dbos'), rate), ratio_rate_dbos_singular: ratioOf(of('singular'), of('dbos'), rate),
  ratio_cpu_dbos: ratioOf(of('dbos'), of('plural'), cpu), ratio_cpu_dbos_singular: ratioOf(of('dbos'), of('singular'), cpu),
  cpu_us: medianOf(of('plural'), cpu), cpu_us_singular: medianOf(of('singular'), cpu), sagas_per_s: medianOf(of('plural'), rate),
  sagas_per_s_singular: medianOf(of('singular'), rate),
}, { ratio_rate_dbos: { min: 5 }, cpu_us: { max: 2500 } }, { dbos_per_s: medianOf(of('dbos'), rate), dbos_cpu_us: medianOf(of('dbos'), cpu) });
