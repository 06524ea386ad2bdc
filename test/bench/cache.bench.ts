/**
 * The cache: hits a second of the first level beside bentocache, and reads that are stale after an invalidation.
 *
 * Why the peer is fair: bentocache is the newest of the caches with levels that Node projects take. It runs with its memory level alone and the same 1,000
 * keys, all present; `getOrSet` is its read over a loader, as ours is `get`. The bar compares with it as it comes; its fastest setting, which keeps values
 * as they are (`serialize: false`), is printed beside.
 */
import { createTiered, memorySecondLevel } from '#spine/cache';
import { seededRandom, systemClock, testClock } from '#kernel';
import { finish, interleave, measure, medianOf, ratioOf, type Round } from './frame.ts';
import { interleave as interleavings, turns } from '../prove/interleavings.ts';

interface Bento { getOrSet(o: { key: string; factory: () => unknown; ttl: string }): Promise<unknown>; delete(o: { key: string }): Promise<unknown>; disconnectAll(): Promise<void> }
const { makeBento } = await import(new URL('./peers/cache.mjs', import.meta.url).href) as { makeBento: (serialize: boolean) => Bento };

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const MS = Number(process.env.BENCH_SECONDS ?? 1) * 1000;
const RUNS = Number(process.env.BENCH_RUNS ?? 100_000);
const KEYS = Array.from({ length: 1000 }, (_, i) => `key ${i}`);
const say = (line: string): void => void process.stdout.write(`${line}\n`);
say('bentocache 1.6.1');

const ours = createTiered<{ n: number }>({ name: 'bench', entriesMax: 10_000, freshMs: 3_600_000, keptMs: 3_600_000 }, { clock: systemClock });
const bento = makeBento(true);
const bentoAsIs = makeBento(false);
const load = async (): Promise<{ n: number }> => ({ n: 1 });
for (const key of KEYS) {
  await ours.get(key, load);
  await bento.getOrSet({ key, factory: load, ttl: '1h' });
  await bentoAsIs.getOrSet({ key, factory: load, ttl: '1h' });
}

async function round(work: (until: number) => Promise<number>): Promise<Round> {
  const m = await measure([process.pid], [], () => work(performance.now() + MS));
  return { perSecond: m.result / m.seconds, cpuUsEach: m.cpuUs / m.result, p99Ms: 0, foreign: 0, extra: {} };
}
const theirs = (peer: Bento): Promise<Round> => round(async (until) => {
  let n = 0;
  while (performance.now() < until) {
    for (const key of KEYS) await peer.getOrSet({ key, factory: load, ttl: '1h' });
    n += KEYS.length;
  }
  return n;
});
const kept = await interleave({
  ours: () => round(async (until) => {
    let n = 0;
    while (performance.now() < until) {
      for (const key of KEYS) if ((ours.get(key, load) as { n: number }).n !== 1) throw new Error('no hit');
      n += KEYS.length;
    }
    return n;
  }),
  bentocache: () => theirs(bento), bentocache_as_is: () => theirs(bentoAsIs),
}, ROUNDS, say);
if (ours.stats.misses > KEYS.length) throw new Error('the bench missed');

/** The plainest race: a load that began before the delete ends after it; what does the next reader get? */
async function staleOfPeer(times: number): Promise<number> {
  let stale = 0;
  for (let i = 0; i < times; i++) {
    let source = 1;
    let go: () => void = () => undefined;
    const held = new Promise<void>((done) => { go = done; });
    const first = bento.getOrSet({ key: `race ${i}`, ttl: '1h', factory: async () => {
      const read = source;
      await held;
      return read;
    } });
    await turns();
    source = 2;
    await bento.delete({ key: `race ${i}` });
    go();
    await first;
    if (await bento.getOrSet({ key: `race ${i}`, ttl: '1h', factory: async () => source }) !== 2) stale += 1;
  }
  return stale;
}
const peerStale = await staleOfPeer(1000);
const clock = testClock(new Date(0));
const found = await interleavings(RUNS, { random: seededRandom('bench cache'), clock, second: () => memorySecondLevel(clock), settle: turns, prefix: '' });
say(`${found.runs} interleavings: ${found.reads} reads, ${found.checked} after a change was heard of, ${found.fenced} fills refused, ${found.stale.length} stale`);
for (const line of found.stale.slice(0, 5)) say(`STALE: ${line}`);
await bento.disconnectAll();
await bentoAsIs.disconnectAll();
const of = (name: string): Round[] => kept[name] as Round[];
finish('cache', {
  ratio_rate_bentocache_hits: ratioOf(of('ours'), of('bentocache'), (r) => r.perSecond), ratio_rate_bentocache_as_is: ratioOf(of('ours'), of('bentocache_as_is'), (r) => r.perSecond), hits_per_s: medianOf(of('ours'), (r) => r.perSecond),
  cpu_us_hit: medianOf(of('ours'), (r) => r.cpuUsEach), stale_reads: found.stale.length, interleavings: found.runs, checked_reads: found.checked,
  fills_refused: found.fenced, bentocache_stale_of_1000: peerStale,
}, { ratio_rate_bentocache_hits: { min: 50 }, stale_reads: { max: 0 }, interleavings: { min: 100_000 } },
{ bentocache_hits_per_s: medianOf(of('bentocache'), (r) => r.perSecond) });
