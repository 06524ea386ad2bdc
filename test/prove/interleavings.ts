/**
 * Loads, writes and invalidations in every order that a seed draws: several processes with a first level each, one second level, one source. Each message
 * between them is held back before and after it takes effect, and released one at a time. What must never be: a read that begins after a process heard
 * of a change and gives what was before it.
 */
import type { Clock, Random } from '#kernel';
import { createTiered, type TieredCache } from '#spine/cache';
import type { SecondLevel } from '#spine/cache/port';

export interface Interleaved { readonly runs: number; readonly steps: number; readonly reads: number; readonly checked: number; readonly fenced: number; readonly stale: string[] }

interface Ground { readonly random: Random; readonly clock: Clock & { advance?(ms: number): void }; readonly second: () => SecondLevel; /** Waits for what has no gate. */
  readonly settle: () => Promise<void>; readonly prefix: string }
interface Value { readonly version: number }

const PROCESSES = 3;
const STEPS = 28;

/** Holds each message back until the draw lets it go on. */
class Gates {
  readonly #held: (() => void)[] = [];
  hold(): Promise<void> {
    return new Promise((go) => { this.#held.push(go); });
  }
  get waiting(): number {
    return this.#held.length;
  }
  release(which: number): void {
    this.#held.splice(which, 1)[0]?.();
  }
}

function gated(second: SecondLevel, gates: Gates): SecondLevel {
  const slowly = async <T>(work: () => Promise<T>): Promise<T> => {
    await gates.hold();
    const result = await work();
    await gates.hold();
    return result;
  };
  return { ...second, read: (key) => slowly(() => second.read(key)), fill: (...given) => slowly(() => second.fill(...given)),
    invalidate: (key) => slowly(() => second.invalidate(key)) };
}

interface World { readonly g: Ground; readonly gates: Gates; readonly caches: readonly TieredCache<Value>[]; readonly source: Map<string, number>;
  readonly news: { process: number; key: string; version: number }[]; readonly heard: ReadonlyMap<string, number>[] }

function read(w: World, key: string, found: { reads: number; checked: number; stale: string[] }): Promise<void> {
  const process = w.g.random.int(PROCESSES);
  const least = w.heard[process]?.get(key) ?? 0;
  const load = async (): Promise<Value> => {
    await w.gates.hold();
    const version = w.source.get(key) ?? 0;
    await w.gates.hold();
    return { version };
  };
  found.reads += 1;
  return (async () => {
    const got = await (w.caches[process] as TieredCache<Value>).get(key, load);
    if (least > 0) found.checked += 1;
    if ((got?.version ?? -1) < least) found.stale.push(`process ${process} gave version ${got?.version} of ${key} after it had heard of ${least}`);
  })();
}

/** Releases whatever is held, in a drawn order, until all of these have ended. */
async function drained(open: readonly Promise<void>[], { g, gates }: World): Promise<void> {
  let done = false;
  const all = Promise.all(open).finally(() => { done = true; });
  for (let looks = 0; !done; looks++) {
    if (looks > 100_000) throw new Error('the readers do not end');
    while (gates.waiting) gates.release(g.random.int(gates.waiting));
    g.clock.advance?.(1);
    await g.settle();
  }
  await all;
}

async function run(g: Ground, at: number, found: { reads: number; checked: number; steps: number; fenced: number; stale: string[] }): Promise<void> {
  const gates = new Gates();
  const second = gated(g.second(), gates);
  const spec = { name: `run ${at}`, entriesMax: 2, freshMs: 1000, staleMs: 1000, keptMs: 10_000, earlyShare: 0.01, text: {
    write: (v: Value) => String(v.version), read: (text: string): Value => ({ version: Number(text) }) } };
  const caches = Array.from({ length: PROCESSES }, () => createTiered<Value>(spec, { clock: g.clock, second, random: g.random }));
  const heard = caches.map(() => new Map<string, number>());
  const w: World = { g, gates, caches, source: new Map(), news: [], heard };
  const keys = [`${g.prefix}${at}a`, `${g.prefix}${at}b`, `${g.prefix}${at}c`];
  const open: Promise<void>[] = [];
  const hear = (which: number): void => {
    const [n] = w.news.splice(which, 1);
    if (!n) return;
    void caches[n.process]?.invalidate(n.key);
    heard[n.process]?.set(n.key, Math.max(n.version, heard[n.process]?.get(n.key) ?? 0));
  };
  for (let i = 0; i < STEPS; i++) {
    const key = keys[g.random.int(6)] ?? keys[0] as string;
    const what = g.random.int(10);
    if (what < 2) open.push(read(w, key, found));
    else if (what === 2) {
      const version = (w.source.get(key) ?? 0) + 1;
      w.source.set(key, version);
      w.news.push(...caches.map((_, process) => ({ process, key, version })));
    } else if (what < 4 && w.news.length) hear(g.random.int(w.news.length));
    else if (gates.waiting) gates.release(g.random.int(gates.waiting));
    g.clock.advance?.(1);
    await g.settle();
    found.steps += 1;
  }
  while (w.news.length) hear(0);
  await drained(open, w);
  // When all is quiet, everybody sees the newest.
  await drained(keys.flatMap((key) => Array.from({ length: 2 }, () => read(w, key, found))), w);
  found.fenced += caches.reduce((sum, c) => sum + c.stats.fenced, 0);
}

export async function interleave(runs: number, g: Ground): Promise<Interleaved> {
  const found = { reads: 0, checked: 0, steps: 0, fenced: 0, stale: [] as string[] };
  for (let at = 0; at < runs; at++) await run(g, at, found);
  return { runs, ...found };
}

/** Lets every promise that can go on do so, without a turn of the loop. */
export const turns = async (): Promise<void> => { for (let i = 0; i < 24; i++) await Promise.resolve(); };
