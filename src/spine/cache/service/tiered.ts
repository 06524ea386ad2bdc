import { LRUCache } from 'lru-cache';
import { systemRandom, type Cacheable, type Clock, type Random } from '#kernel';
import { ELSEWHERE_LOOK_MS, ELSEWHERE_MS_MAX, type CacheBook, type CacheSpec, type TieredCache, type TieredSpec, type TieredStats } from '../contract.ts';
import type { SecondLevel, SecondRead } from '../port.ts';
import { createCache } from './fenced.ts';

export interface TieredOptions {
  readonly clock: Clock;
  readonly second?: SecondLevel | undefined;
  readonly random?: Pick<Random, 'unit'>;
  readonly book?: CacheBook;
}

/** What stands in the first level: a value or the knowledge that there is none, how old it was when it came, and when to fetch the next. */
interface Slot<V> { readonly value: V | undefined; readonly atMs: number; readonly refreshAtMs: number }
interface Flight<V> { readonly promise: Promise<V | undefined> }
type Load<V> = () => Promise<V | undefined>;

const EARLY_SHARE = 0.8;
const NOTHING = '-';

/** When keys were last invalidated in this process: what the second level took from a load that began earlier is not believed. */
function invalidations(max: number): { note(key: string, nowMs: number): void; all(nowMs: number): void; of(key: string): number } {
  const at = new LRUCache<string, number>({ max });
  let floorMs = -Infinity;
  return {
    note(key, nowMs) {
      if (at.size >= max && !at.has(key)) floorMs = nowMs;
      at.set(key, nowMs);
    },
    all(nowMs) { floorMs = nowMs; },
    of: (key) => Math.max(floorMs, at.get(key) ?? -Infinity),
  };
}

interface Reading<V> { readonly value: V | undefined; readonly found: boolean; readonly ageMs: number; readonly fence: string | undefined }

/** Asks the second level, and while another process loads the key, a little later again. What it cannot say is as if it had nothing. */
function secondReader<V>(spec: TieredSpec<V>, o: TieredOptions, stats: TieredStats, invalidatedAt: (key: string) => number) {
  return async (key: string): Promise<Reading<V>> => {
    const nothing: Reading<V> = { value: undefined, found: false, ageMs: 0, fence: undefined };
    const { second } = o;
    const { text } = spec;
    if (!second || !text) return nothing;
    const began = o.clock.monotonicMs();
    for (;;) {
      const askedMs = o.clock.monotonicMs();
      let read: SecondRead;
      try {
        read = await second.read(key);
      } catch {
        stats.secondAway += 1;
        return nothing;
      }
      // By this process's clock the load of that value began no earlier than this.
      if (read.text !== undefined && askedMs - read.ageMs > invalidatedAt(key)) {
        stats.second += 1;
        return { value: read.text === NOTHING ? undefined : text.read(read.text.slice(1)), found: true, ageMs: read.ageMs, fence: read.fence };
      }
      const waitedMs = o.clock.monotonicMs() - began;
      if (read.text !== undefined || read.yours || waitedMs >= ELSEWHERE_MS_MAX) return { ...nothing, fence: read.fence };
      await o.clock.sleep(ELSEWHERE_LOOK_MS);
    }
  };
}

/** Makes a cache over a loader. Reads that hit cost a look and a reading of the clock, and no promise. */
export function createTiered<V>(spec: TieredSpec<V> & Cacheable<V>, o: TieredOptions): TieredCache<V> {
  const { clock } = o;
  const first = createCache<Slot<V>>(spec as unknown as CacheSpec & Cacheable<Slot<V>>, clock);
  const stats: TieredStats = Object.assign(first.stats, { stale: 0, early: 0, negative: 0, loads: 0, loadsFailed: 0, second: 0, secondAway: 0 });
  const flights = new Map<string, Flight<V>>();
  const dropped = invalidations(spec.entriesMax);
  const readSecond = secondReader(spec, o, stats, dropped.of);
  const random = o.random ?? systemRandom;
  const { freshMs, staleMs = 0, negativeMs = 0, earlyShare = EARLY_SHARE } = spec;

  const slotOf = (value: V | undefined, ageMs: number): Slot<V> => {
    const atMs = clock.monotonicMs() - ageMs;
    const share = earlyShare >= 1 ? Infinity : earlyShare + (1 - earlyShare) * random.unit();
    return { value, atMs, refreshAtMs: atMs + freshMs * share };
  };
  /** Also says that this process loads no longer when there is nothing to keep: another one may. */
  const fillSecond = (key: string, fence: string | undefined, keeps: boolean, value: V | undefined): void => {
    if (!o.second || !spec.text || fence === undefined) return;
    const text = !keeps ? undefined : value === undefined ? NOTHING : `+${spec.text.write(value)}`;
    o.second.fill(key, fence, text, value === undefined ? negativeMs : freshMs + staleMs).catch(() => { stats.secondAway += 1; });
  };
  /** Reads the next value behind a fence; what was invalidated meanwhile is given to those who waited for it, and kept nowhere. */
  const fetch = async (key: string, load: Load<V>, fresh: boolean): Promise<V | undefined> => {
    const fence = first.fence([key]);
    const found = await readSecond(key);
    if (found.found && (!fresh || found.ageMs < freshMs * earlyShare)) {
      first.fill(fence, key, slotOf(found.value, found.ageMs));
      return found.value;
    }
    stats.loads += 1;
    let value: V | undefined;
    try {
      value = await load();
    } catch (error) {
      stats.loadsFailed += 1;
      fillSecond(key, found.fence, false, undefined);
      throw error;
    }
    const keeps = (value !== undefined || negativeMs > 0) && first.fill(fence, key, slotOf(value, 0));
    fillSecond(key, found.fence, keeps, value);
    return value;
  };
  const fly = (key: string, load: Load<V>, fresh: boolean): Promise<V | undefined> => {
    const known = flights.get(key);
    if (known) return known.promise;
    const flight: Flight<V> = { promise: fetch(key, load, fresh).finally(() => {
      if (flights.get(key) === flight) flights.delete(key);
    }) };
    flights.set(key, flight);
    return flight.promise;
  };
  // Nobody waits for it: when it fails, the value that is there stays as long as it may, and the next reader tries again.
  const refresh = (key: string, load: Load<V>): void => void fly(key, load, true).catch(() => undefined);
  const made = tieredOver({ o, first, stats, flights, dropped, fly, refresh, limits: { freshMs, staleMs, negativeMs } });
  o.book?.caches.set(spec.name, { stats, get size() { return first.size; }, entriesMax: spec.entriesMax });
  return made;
}

interface Parts<V> {
  readonly o: TieredOptions; readonly first: ReturnType<typeof createCache<Slot<V>>>; readonly stats: TieredStats;
  readonly flights: Map<string, Flight<V>>; readonly dropped: ReturnType<typeof invalidations>;
  readonly fly: (key: string, load: Load<V>, fresh: boolean) => Promise<V | undefined>; readonly refresh: (key: string, load: Load<V>) => void;
  readonly limits: { readonly freshMs: number; readonly staleMs: number; readonly negativeMs: number };
}

function tieredOver<V>({ o, first, stats, flights, dropped, fly, refresh, limits }: Parts<V>): TieredCache<V> {
  const { clock } = o;
  return {
    stats,
    get size() { return first.size; },
    get(key, load) {
      const now = clock.recentMs();
      const slot = first.get(key, now);
      if (slot !== undefined) {
        if (now >= slot.refreshAtMs && !flights.has(key)) {
          stats.early += 1;
          refresh(key, load);
        }
        if (slot.value !== undefined) {
          if (now - slot.atMs < limits.freshMs) return slot.value;
        } else if (now - slot.atMs < limits.negativeMs) {
          stats.negative += 1;
          return undefined;
        }
      }
      const kept = first.kept(key);
      const old = kept && !kept.invalidated ? kept.value : undefined;
      if (old?.value !== undefined && now - old.atMs < limits.freshMs + limits.staleMs) {
        stats.stale += 1;
        refresh(key, load);
        return old.value;
      }
      return fly(key, load, false);
    },
    kept(key) {
      const kept = first.kept(key);
      return kept?.value.value === undefined ? undefined : { value: kept.value.value, ageMs: clock.monotonicMs() - kept.value.atMs };
    },
    async invalidate(key) {
      first.invalidate(key);
      dropped.note(key, clock.monotonicMs());
      // Who waits for a load that began earlier gets what it reads; who asks from now on starts another.
      flights.delete(key);
      await o.second?.invalidate(key).catch(() => { stats.secondAway += 1; });
    },
    expireAll() {
      first.expireAll();
      dropped.all(clock.monotonicMs());
      flights.clear();
    },
  };
}
