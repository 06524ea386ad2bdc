import { afterAll, beforeAll, describe, expect, expectTypeOf, it } from 'vitest';
import { systemClock, testClock, type Cacheable, type NeverCached } from '#kernel';
import { add, house, ItemChanged, probe, secondLevelConforms, type House } from '#test';
import { createCache, createTiered, followCache, memorySecondLevel, type TieredCache, type TieredSpec } from './index.ts';
import type { SecondLevel } from './port.ts';

secondLevelConforms('this process', async () => ({ level: memorySecondLevel(systemClock) }));

interface Value { readonly v: number }
const SPEC: TieredSpec<Value> = {
  name: 't', entriesMax: 100, freshMs: 1000, staleMs: 500, keptMs: 10_000, negativeMs: 200, earlyShare: 1,
  text: { write: (x) => JSON.stringify(x), read: (text) => JSON.parse(text) as Value },
};
const clock = testClock(new Date(0));
const make = (more: Partial<TieredSpec<Value>> = {}, second?: SecondLevel): TieredCache<Value> => createTiered<Value>({ ...SPEC, ...more }, { clock, second });
const soon = async (): Promise<void> => { for (let i = 0; i < 30; i++) await Promise.resolve(); };

describe('a cache over a loader', () => {
  it('answers a hit at once, and lets a thousand who come at once share one load', async () => {
    const c = make();
    let loads = 0;
    const load = async (): Promise<Value> => {
      loads += 1;
      await soon();
      return { v: loads };
    };
    const all = await Promise.all(Array.from({ length: 1000 }, async () => c.get('a', load)));
    expect([loads, new Set(all).size]).toEqual([1, 1]);
    expect(c.get('a', load)).toEqual({ v: 1 });
    clock.advance(1499);
    expect(c.get('a', load)).toEqual({ v: 1 });
    await soon();
    await soon();
    expect(c.get('a', load)).toEqual({ v: 2 });
    clock.advance(1500);
    expect(await c.get('a', load)).toEqual({ v: 3 });
    expect(c.stats).toMatchObject({ loads: 3, stale: 1 });
  });

  it('serves what is stale while one load fetches the next, also when that load fails, and not what was invalidated', async () => {
    const c = make();
    let answer: Value | Error = { v: 1 };
    const load = async (): Promise<Value> => {
      if (answer instanceof Error) throw answer;
      return answer;
    };
    await c.get('a', load);
    clock.advance(1200);
    answer = new Error('away');
    expect(c.get('a', load)).toEqual({ v: 1 });
    await soon();
    expect(c.get('a', load)).toEqual({ v: 1 });
    await soon();
    expect(c.stats.loadsFailed).toBe(2);
    await c.invalidate('a');
    await expect(Promise.resolve(c.get('a', load))).rejects.toThrow('away');
    expect(c.kept('a')).toEqual({ value: { v: 1 }, ageMs: 1200 });
    answer = { v: 2 };
    expect(await c.get('a', load)).toEqual({ v: 2 });
  });

  it('believes “there is nothing” for a moment, where it is told to', async () => {
    let loads = 0;
    const nothing = async (): Promise<undefined> => void (loads += 1);
    const c = make();
    expect([await c.get('n', nothing), await c.get('n', nothing), loads]).toEqual([undefined, undefined, 1]);
    clock.advance(200);
    await c.get('n', nothing);
    expect(loads).toBe(2);
    const never = make({ negativeMs: 0 });
    await never.get('n', nothing);
    await never.get('n', nothing);
    expect(loads).toBe(4);
  });

  it('fetches the next ahead of time, at a point drawn for each value', async () => {
    const c = createTiered<Value>({ ...SPEC, earlyShare: 0.8 }, { clock, random: { unit: () => 0.5 } });
    let loads = 0;
    const load = async (): Promise<Value> => ({ v: loads += 1 });
    await c.get('a', load);
    clock.advance(899);
    expect(c.get('a', load)).toEqual({ v: 1 });
    await soon();
    expect(loads).toBe(1);
    clock.advance(1);
    expect(c.get('a', load)).toEqual({ v: 1 });
    await soon();
    expect(c.get('a', load)).toEqual({ v: 2 });
    expect(c.stats).toMatchObject({ early: 1, misses: 1 });
  });

  it('does not keep what a load read before an invalidation, here or on the second level, and starts another for who comes later', async () => {
    const second = memorySecondLevel(clock);
    const [a, b] = [make({}, second), make({}, second)];
    let source = 1;
    let go: () => void = () => undefined;
    const slow = async (): Promise<Value> => {
      const read = source;
      await new Promise<void>((done) => { go = done; });
      return { v: read };
    };
    const quick = async (): Promise<Value> => ({ v: source });
    const early = a.get('k', slow);
    await soon();
    source = 2;
    clock.advance(1);
    await a.invalidate('k');
    clock.advance(1);
    const late = a.get('k', quick);
    go();
    expect([await early, await late]).toEqual([{ v: 1 }, { v: 2 }]);
    await soon();
    clock.advance(1);
    expect([await a.get('k', quick), await b.get('k', quick)]).toEqual([{ v: 2 }, { v: 2 }]);
    expect(b.stats).toMatchObject({ loads: 0, second: 1 });
  });

  it('lets one process load for all that share a second level', async () => {
    const second = memorySecondLevel(systemClock);
    let loads = 0;
    const load = async (): Promise<Value> => {
      loads += 1;
      await systemClock.sleep(40);
      return { v: 1 };
    };
    const caches = Array.from({ length: 8 }, () => createTiered<Value>(SPEC, { clock: systemClock, second }));
    expect(new Set((await Promise.all(caches.map(async (c) => c.get('k', load)))).map((x) => x?.v))).toEqual(new Set([1]));
    expect(loads).toBe(1);
  });

  it('goes on without its second level while that is away, and does not believe what it kept from before an invalidation', async () => {
    const level = memorySecondLevel(clock);
    let away = false;
    const flaky: SecondLevel = { ...level, ...Object.fromEntries((['read', 'fill', 'invalidate'] as const).map((name) => [name, async (...given: never[]) => {
      if (away) throw new Error('away');
      return (level[name] as (...all: never[]) => Promise<unknown>)(...given);
    }])) };
    const c = make({}, flaky);
    await c.get('k', async () => ({ v: 1 }));
    await soon();
    away = true;
    clock.advance(5);
    await c.invalidate('k');
    expect(await c.get('k', async () => ({ v: 2 }))).toEqual({ v: 2 });
    await c.invalidate('k');
    away = false;
    clock.advance(5);
    expect((await level.read('k')).text).toBe('+{"v":1}');
    expect(await c.get('k', async () => ({ v: 3 }))).toEqual({ v: 3 });
    expect(c.stats.secondAway).toBeGreaterThanOrEqual(3);
  });
});

describe('what is never cached', () => {
  interface Balance extends NeverCached<'balance'> { readonly amount: bigint }
  interface Order { readonly id: string; readonly parts: readonly { readonly of: ReadonlyMap<string, Balance | null> }[] }
  it('does not compile, at whatever depth it stands', () => {
    // @ts-expect-error a balance comes from its source
    createCache<Balance>({ name: 'x', entriesMax: 1, freshMs: 1, keptMs: 1 }, clock);
    // @ts-expect-error it holds one
    createTiered<Order>({ name: 'x', entriesMax: 1, freshMs: 1, keptMs: 1 }, { clock });
    createTiered<{ name: string; at: Date }>({ name: 'x', entriesMax: 1, freshMs: 1, keptMs: 1 }, { clock });
    expectTypeOf<Cacheable<Value>>().toEqualTypeOf<unknown>();
  });
  it('are balances, payment states, tokens and fraud flags of this program', async () => {
    type Ledger = import('#spine/ledger').AccountView;
    type Wallet = import('#products/wallet').OrderView;
    type Hit = import('#products/wallet').HitView;
    type Tokens = import('zod').output<typeof import('#spine/identity').zTokens>;
    type Opened = import('#spine/operators').Opened;
    type Never = { readonly 'this value is never cached': never };
    expectTypeOf<Cacheable<Ledger>>().toEqualTypeOf<Never>();
    expectTypeOf<Cacheable<Wallet>>().toEqualTypeOf<Never>();
    expectTypeOf<Cacheable<Hit>>().toEqualTypeOf<Never>();
    expectTypeOf<Cacheable<Tokens>>().toEqualTypeOf<Never>();
    expectTypeOf<Cacheable<readonly Opened[]>>().toEqualTypeOf<Never>();
  });
});

describe('invalidation from the event log', () => {
  let h: House;
  beforeAll(async () => { h = await house({ add: [probe()] }); });
  afterAll(() => h.stop());

  it('reaches every process after the commit, whoever wrote it, and nothing counts as fresh from before a process began to follow', async () => {
    const cells = [h.cell(), h.anotherCell()];
    const ending = new AbortController();
    const second = memorySecondLevel(systemClock);
    const caches = cells.map(() => createTiered<Value>({ ...SPEC, freshMs: 60_000, keptMs: 60_000 }, { clock: systemClock, second }));
    const following = cells.map((cell, i) => followCache({
      cell, clock: systemClock, signal: ending.signal, types: [ItemChanged], cache: caches[i] as TieredCache<Value>, keys: (e) => [`${e.tenant} ${e.key}`],
    }));
    const { id } = h.tenant();
    const load = async (): Promise<Value> => ({ v: Number((await h.sql('IN', 'superuser')("select n from probe.item where key = 'x'"))[0]?.n ?? 0) });
    const read = async (i: number): Promise<number> => (await caches[i]?.get(`${id} x`, load))?.v ?? -1;
    await systemClock.sleep(100);
    for (let n = 1; n <= 3; n++) {
      await h.perform('india', async (tx) => {
        await add(tx, 'x', 1);
        tx.emit(ItemChanged, 'x', { n });
      });
      for (const i of [0, 1]) {
        const until = systemClock.monotonicMs() + 5000;
        while (await read(i) < n && systemClock.monotonicMs() < until) await systemClock.sleep(5);
        expect(await read(i)).toBe(n);
      }
    }
    expect(caches[1]?.stats.loads).toBeLessThanOrEqual(4);
    ending.abort();
    await Promise.all(following);
  });

  it('shows what caches did to an operator who may see it, and to nobody else', async () => {
    expect((await h.request({ path: '/api/caches' })).status).toBe(401);
    const seen = await h.request({ path: '/api/caches', headers: { 'x-probe-machine': 'cache:read' } });
    expect(seen.json()).toMatchObject({ second: 'none' });
    const limits = await h.request({ path: '/api/limits', headers: { 'x-probe-machine': 'limits:read' } });
    expect(limits.json<{ counters: { name: string }[] }>().counters.map((c) => c.name)).toContain('address');
  });
});
