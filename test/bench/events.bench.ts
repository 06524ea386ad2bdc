/**
 * Events. 16 writers, each a transaction with one business row: without events (the floor), and with one event each that a subscriber answers
 * with a row, until the last has its effect. Then half of that load, for the time from a writer's commit to the handler; and a backlog that one
 * relay drains. Effects are counted: each event has exactly one.
 */
import { child, finish, interleave, measure, medianOf, ratioOf, type Round } from './frame.ts';

/** Many short rounds: the pace of a shared machine changes within seconds, and a share is taken of two neighbours. */
const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 15);
/** Long enough that what the last events take to be handled is no part of the rate. */
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const BACKLOG = Number(process.env.BENCH_BACKLOG ?? 60_000);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
interface Ran { events: number; seconds: number; p50Ms: number; p99Ms: number }

const server = await child('./events.serve.ts');
let rate = 0;
const variant = (q: () => Record<string, unknown>, after?: (round: Round) => void, before?: () => Promise<unknown>) => async (): Promise<Round> => {
  await before?.();
  const m = await measure([server.pid], [], () => server.ask<Ran>({ seconds: SECONDS, ...q() }));
  const round: Round = { perSecond: m.result.events / m.result.seconds, cpuUsEach: m.cpuUs / m.result.events, p99Ms: m.result.p99Ms, foreign: m.foreign,
    extra: m.result.p50Ms ? { p50: m.result.p50Ms } : {} };
  await server.ask({ what: 'check' });
  after?.(round);
  return round;
};
const kept = await interleave({
  none: variant(() => ({ what: 'write', events: false })), events: variant(() => ({ what: 'write', events: true }), (r) => { rate = r.perSecond; }),
  half: variant(() => ({ what: 'paced', events: true, perSecond: rate / 2 })), // To write the backlog is not to drain it.
  drain: variant(() => ({ what: 'drain', count: BACKLOG }), undefined, () => server.ask({ what: 'backlog', count: BACKLOG })),
}, ROUNDS, say);
await server.stop();
const of = (name: string): Round[] => kept[name] ?? [];
finish('events', {
  ratio_rate_no_events: ratioOf(of('events'), of('none'), (r) => r.perSecond), events_per_s: medianOf(of('events'), (r) => r.perSecond),
  cpu_us: medianOf(of('events'), (r) => r.cpuUsEach), p99_ms_half: medianOf(of('half'), (r) => r.p99Ms), p50_ms_half: medianOf(of('half'), (r) => r.extra.p50 ?? 0),
  cpu_us_drain: medianOf(of('drain'), (r) => r.cpuUsEach), drained_per_s: medianOf(of('drain'), (r) => r.perSecond),
}, { ratio_rate_no_events: { min: 0.7 }, p99_ms_half: { max: 15 }, cpu_us_drain: { max: 12 } }, { writes_per_s: medianOf(of('none'), (r) => r.perSecond) });
