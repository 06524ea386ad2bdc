/**
 * Jobs that do nothing: put in one by one by 16 callers, each waiting for its own commit; and worked off from a full queue. Beside ours
 * graphile-worker (local queue, completion in batches) and pg-boss (500 at a time), each in a database of its own on the same server.
 */
import { child, finish, interleave, measure, medianOf, ratioOf, type Child, type Round } from './frame.ts';

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const COUNT = Number(process.env.BENCH_COUNT ?? 20_000);
const SINGLE = Number(process.env.BENCH_SINGLE ?? 3000);
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const server = await child('./jobs.serve.ts');
const { base, pid } = await server.ask<{ base: string; pid: number }>({ what: 'peers' });
const [graphile, pgboss] = [await child('./peers/graphile.mjs', [`${base}graphile`]), await child('./peers/pgboss.mjs', [`${base}pgboss`])];
const all = [server, graphile, pgboss];

const variant = (side: Child, what: 'enqueue' | 'process', count: number) => async (): Promise<Round> => {
  if (what === 'process') await side.ask({ what: 'fill', count, callers: 1 });
  const others = all.filter((c) => c !== side && c !== server).map((c) => c.pid);
  const m = await measure(side === server ? [server.pid] : [side.pid, pid], others,
    () => side.ask<{ jobs: number; seconds: number }>({ what, count, callers: 16 }));
  return { perSecond: count / m.result.seconds, cpuUsEach: m.cpuUs / count, p99Ms: 0, foreign: m.foreign, extra: {} };
};
const kept = await interleave({
  ours: variant(server, 'process', COUNT), graphile: variant(graphile, 'process', COUNT), pgboss: variant(pgboss, 'process', COUNT),
  ours_enqueue: variant(server, 'enqueue', SINGLE * 4), graphile_enqueue: variant(graphile, 'enqueue', SINGLE),
    pgboss_enqueue: variant(pgboss, 'enqueue', SINGLE),
}, ROUNDS, say);
for (const c of [graphile, pgboss, server]) await c.stop();

const of = (name: string): Round[] => kept[name] ?? [];
const [cpu, rate] = [(r: Round): number => r.cpuUsEach, (r: Round): number => r.perSecond];
const beside = (peer: string): Record<string, number> => ({
  [`ratio_rate_${peer}`]: ratioOf(of('ours'), of(peer), rate), [`ratio_cpu_${peer}`]: ratioOf(of(peer), of('ours'), cpu),
  [`ratio_rate_${peer}_enqueue`]: ratioOf(of('ours_enqueue'), of(`${peer}_enqueue`), rate),
  [`ratio_cpu_${peer}_enqueue`]: ratioOf(of(`${peer}_enqueue`), of('ours_enqueue'), cpu),
});
finish('jobs', {
  ...beside('graphile'), ...beside('pgboss'), cpu_us: medianOf(of('ours'), cpu), jobs_per_s: medianOf(of('ours'), rate),
  cpu_us_enqueue: medianOf(of('ours_enqueue'), cpu), enqueued_per_s: medianOf(of('ours_enqueue'), rate),
}, {
  ratio_rate_graphile: { min: 2 }, ratio_rate_pgboss: { min: 2 }, ratio_rate_graphile_enqueue: { min: 3 }, ratio_rate_pgboss_enqueue: { min: 3 },
}, { graphile_per_s: medianOf(of('graphile'), rate), pgboss_per_s: medianOf(of('pgboss'), rate) });
