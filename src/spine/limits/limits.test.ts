import { createSecretKey } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog, testClock, type Clock, type Log } from '#kernel';
import { house, limitsConform, type House } from '#test';
import { createLimiter, createSharedLimiter, retryAfterSeconds, takeShared, type Limiter, type LimitPolicy, type Verdict } from './index.ts';
import type { Granted, LimitStore } from './port.ts';
import { freshBucket, leaseMsOf, take } from './rules.ts';
import { sweepBuckets } from './service/database.ts';

const policy: LimitPolicy = { name: 'p', capacity: 5, perMinute: 60 };

limitsConform('this process', async () => {
  const limiter = createLimiter(testClock(new Date(0)));
  return {
    about: async () => 'a process', close: async () => undefined,
    async take(p, key, atMs, upTo) {
      return limiter.take(p, key, atMs, upTo);
    },
  };
});

let h: House;
beforeAll(async () => { h = await house(); });
afterAll(() => h.stop());

limitsConform('the database', async () => ({
  about: async () => `PostgreSQL ${String((await h.sql('IN', 'superuser')("select current_setting('server_version') as v"))[0]?.v)}`,
  close: async () => undefined,
  take: async (p, key, atMs, upTo) => (await h.perform('india', ({ sql, tenant, write }) =>
    takeShared({ sql, tenant, write, now: new Date(atMs) }, [{ policy: p, key, upTo }])))[0] as Verdict,
}));

describe('a limit', () => {
  it('grants what time earned to within one request in 10 minutes, at six rates, whatever the algorithm that smooths', () => {
    for (const algorithm of ['token-bucket', 'leaky-bucket'] as const) {
      for (const [perSecond, pollMs] of [[1, 500], [3, 7], [10, 99], [50, 3], [100, 7], [1000, 1]] as const) {
        const p = { name: 'r', capacity: 10, perMinute: perSecond * 60, algorithm };
        const bucket = freshBucket(p, 0);
        let granted = 0;
        let asked = 0;
        // As many as the rate wants at each look, and one more: never fewer questions than tokens.
        const each = Math.ceil(perSecond * pollMs / 1000) + 10;
        for (let ms = 0; ms <= 600_000; ms += pollMs) {
          for (let k = 0; k < each && take(p, bucket, ms).ok; k++) granted += 1;
          asked = ms;
        }
        expect(Math.abs(granted - (10 + perSecond * asked / 1000)), `${algorithm} ${perSecond}/s asked each ${pollMs} ms: ${granted}`).toBeLessThanOrEqual(1);
      }
    }
  });

  it('never gives more than its capacity and what the time earned', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 }), (waits) => {
      const bucket = freshBucket(policy, 0);
      let now = 0;
      let granted = 0;
      for (const wait of waits) {
        now += wait;
        if (take(policy, bucket, now).ok) granted += 1;
      }
      expect(granted).toBeLessThanOrEqual(5 + now / 1000 + 1e-5);
    }));
  });

  it('that says when to come again is right to the millisecond: a moment earlier it refuses, then it grants', () => {
    const step = fc.record({ wait: fc.integer({ min: 0, max: 3000 }), upTo: fc.integer({ min: 1, max: 6 }) });
    const algorithm = fc.constantFrom('token-bucket', 'leaky-bucket', 'fixed-window', 'sliding-window') as fc.Arbitrary<'token-bucket'>;
    fc.assert(fc.property(algorithm, fc.array(step, { maxLength: 60 }), (kind, steps) => {
      const p = { ...policy, algorithm: kind };
      const bucket = freshBucket(p, 0);
      let now = 0;
      for (const s of steps) {
        now += s.wait;
        const verdict = take(p, bucket, now, s.upTo);
        if (verdict.ok) continue;
        expect(take(p, { ...bucket }, now + verdict.retryAfterMs - 1).ok).toBe(false);
        expect(take(p, { ...bucket }, now + verdict.retryAfterMs).ok).toBe(true);
      }
    }), { numRuns: 500 });
  });

  it('by fixed windows lets twice as many through around an edge, by sliding windows it does not, and a leaky bucket spreads them', () => {
    const burst = (algorithm: 'fixed-window' | 'sliding-window'): number => {
      const p = { name: 'b', capacity: 100, perMinute: 100, algorithm };
      const bucket = freshBucket(p, 59_000);
      return take(p, bucket, 59_000, 100).granted + take(p, bucket, 60_999, 100).granted;
    };
    expect(burst('fixed-window')).toBe(200);
    expect(burst('sliding-window')).toBeLessThanOrEqual(102);
    const p = { name: 'b', capacity: 100, perMinute: 60_000, algorithm: 'leaky-bucket' as const };
    const bucket = freshBucket(p, 0);
    expect(Array.from({ length: 100 }, () => take(p, bucket, 0).waitMs)).toEqual(Array.from({ length: 100 }, (_, i) => i));
  });

  it('rounds Retry-After up, and to one second at least', () => {
    expect([0, 1, 1000, 1001].map(retryAfterSeconds)).toEqual([1, 1, 1, 2]);
  });

  it('counts each key of each policy by itself, and keeps the keys that are used', () => {
    const limiter = createLimiter(testClock(new Date(0)), 100);
    const one = { ...policy, capacity: 1, perMinute: 0.001 };
    expect([limiter.take(one, 'a').ok, limiter.take(one, 'b').ok, limiter.take({ ...one, name: 'q' }, 'a').ok, limiter.take(one, 'a').ok]).toEqual([
      true, true, true, false,
    ]);
    for (let i = 0; i < 1000; i++) {
      limiter.take(one, `k${i}`);
      expect(limiter.take(one, 'a').ok).toBe(false);
    }
    expect(limiter.counters().find((c) => c.name === 'p')?.keys).toBeLessThanOrEqual(100);
    expect(limiter.take(one, 'k1').ok).toBe(true);
  });
});

/** A store in memory that several limiters share, as Redis is shared by processes. */
function memoryStore(c: Clock): LimitStore & { broken: boolean; asked: number } {
  const buckets = new Map<string, ReturnType<typeof freshBucket>>();
  const store = {
    name: 'memory', broken: false, asked: 0, about: async () => 'memory', close: async () => undefined,
    take: async (wants: Parameters<LimitStore['take']>[0]): Promise<Granted[]> => {
      store.asked += 1;
      await Promise.resolve();
      if (store.broken) throw new Error('away');
      const now = c.monotonicMs();
      return wants.map(({ policy: p, key, upTo = 1 }) => {
        const name = `${p.name} ${key}`;
        const bucket = buckets.get(name) ?? freshBucket(p, now);
        buckets.set(name, bucket);
        return { ...take(p, bucket, now, upTo), leaseMs: leaseMsOf(p, now, 1000) };
      });
    },
  };
  return store;
}

describe('tokens taken ahead', () => {
  const quiet: Log = createLog({ to: { write: () => undefined } });
  const sharing = (c: Clock, store: LimitStore, processes = 4): Limiter[] => Array.from({ length: processes }, () =>
    createSharedLimiter({ store, clock: c, log: quiet, processes, hideWith: createSecretKey(Buffer.alloc(32, 1)) }));

  it('never let all processes together through more than the limit, for each algorithm, and little less', async () => {
    for (const algorithm of ['token-bucket', 'leaky-bucket', 'fixed-window', 'sliding-window'] as const) {
      const c = testClock(new Date(1_800_000_000_000));
      const p: LimitPolicy = { name: 'hot', capacity: 50, perMinute: 6000, algorithm, lease: 20 };
      const began = c.monotonicMs();
      const limiters = sharing(c, memoryStore(c));
      let granted = 0;
      for (let ms = 0; ms <= 5000; ms += 5) {
        const verdicts = await Promise.all([...limiters, ...limiters].map(async (l): Promise<Verdict> => l.take(p, 'k')));
        granted += verdicts.filter((v) => v.ok).length;
        const passed = c.monotonicMs() - began;
        const windows = Math.floor(passed / 500) + 1;
        const most = algorithm === 'fixed-window' ? windows * 50 : algorithm === 'sliding-window' ? passed / 10 + 100 : 50 + passed / 10;
        expect(granted, `${algorithm} after ${passed} ms`).toBeLessThanOrEqual(most + 1e-6);
        c.advance(5);
      }
      expect(granted, algorithm).toBeGreaterThan(450);
    }
  });

  it('spare the store: a hot key is asked about a few times, a refused one not again at once', async () => {
    const c = testClock(new Date(0));
    const store = memoryStore(c);
    const [limiter] = sharing(c, store, 1) as [Limiter];
    const p: LimitPolicy = { name: 'hot', capacity: 1000, perMinute: 60, lease: 50 };
    let granted = 0;
    for (let i = 0; i < 1500; i++) if ((await limiter.take(p, 'k')).ok) granted += 1;
    expect(granted).toBe(1000);
    expect(store.asked).toBeLessThan(40);
    expect(limiter.counters()[0]).toMatchObject({ name: 'hot', asked: 1500, refused: 500 });
    expect(limiter.counters()[0]?.leased).toBeGreaterThan(900);
  });

  it('end with their time, and with their window', async () => {
    const c = testClock(new Date(1_800_000_000_000));
    const store = memoryStore(c);
    const [limiter] = sharing(c, store, 1) as [Limiter];
    const p: LimitPolicy = { name: 'w', capacity: 10, perMinute: 60, algorithm: 'fixed-window', lease: 8 };
    for (let i = 0; i < 3; i++) await limiter.take(p, 'k');
    const before = store.asked;
    c.advance(10_000);
    expect((await limiter.take(p, 'k')).ok).toBe(true);
    expect(store.asked).toBe(before + 1);
  });

  it('are replaced by the policy’s own word while the store is away, and asked for again when it is back', async () => {
    const c = testClock(new Date(0));
    const store = memoryStore(c);
    const [limiter] = sharing(c, store, 4) as [Limiter];
    store.broken = true;
    const many = async (p: LimitPolicy): Promise<number> =>
      (await Promise.all(Array.from({ length: 30 }, async () => limiter.take(p, 'k')))).filter((v) => v.ok).length;
    expect(await many({ name: 'local', capacity: 20, perMinute: 1 })).toBe(5);
    expect(await many({ name: 'shut', capacity: 20, perMinute: 1, whenAway: 'closed' })).toBe(0);
    expect(await many({ name: 'wide', capacity: 20, perMinute: 1, whenAway: 'open' })).toBe(30);
    const asked = store.asked;
    expect(asked).toBeLessThanOrEqual(3);
    store.broken = false;
    c.advance(300);
    expect(await many({ name: 'local', capacity: 20, perMinute: 1 })).toBe(20);
    expect(limiter.counters().find((x) => x.name === 'local')?.away).toBe(30);
  });

  it('leave no key of a person in the store', async () => {
    const c = testClock(new Date(0));
    const seen: string[] = [];
    const store = memoryStore(c);
    const [limiter] = sharing(c, { ...store, take: (wants) => {
      seen.push(...wants.map((w) => w.key));
      return store.take(wants);
    } }, 1) as [Limiter];
    await limiter.take(policy, '203.0.113.7');
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatch(/^[A-Za-z0-9_-]{22}$/);
  });
});

describe('a shared bucket', () => {
  it('holds exactly over transactions that run at once', async () => {
    const slow = { name: 'shared', capacity: 7, perMinute: 0.001 };
    const verdicts = await Promise.all(Array.from({ length: 30 }, () => h.perform('india', (tx) => takeShared(tx, [{ policy: slow, key: 'one' }]))));
    expect(verdicts.flat().filter((v) => v.ok)).toHaveLength(7);
  });

  it('is dropped when nobody touched it for a week, and no other', async () => {
    const policy = { name: 'swept', capacity: 2, perMinute: 1 };
    for (const key of ['old', 'fresh']) await h.perform('india', (tx) => takeShared(tx, [{ policy, key }]));
    await h.perform('other', (tx) => takeShared(tx, [{ policy, key: 'old' }]));
    const su = h.sql('IN', 'superuser');
    await su("update limits.bucket set at = at - interval '8 days' where key = 'swept old'");
    expect(await sweepBuckets(h.cell())).toBe(2);
    expect((await su("select key from limits.bucket where key like 'swept %'")).map((r) => r.key)).toEqual(['swept fresh']);
    expect((await h.perform('india', (tx) => takeShared(tx, [{ policy, key: 'old' }])))[0]).toMatchObject({ ok: true, remaining: 1 });
    const glacial = { name: 'glacial', capacity: 100, perMinute: 0.001 };
    await expect(h.perform('india', (tx) => takeShared(tx, [{ policy: glacial, key: 'k' }]))).rejects.toThrow(/too slowly/);
  });

  it('is another tenant’s own', async () => {
    const once = { name: 'once', capacity: 1, perMinute: 0.001 };
    expect((await h.perform('india', (tx) => takeShared(tx, ['k', 'k'].map((key) => ({ policy: once, key }))))).map((v) => v.ok)).toEqual([true, false]);
    expect((await h.perform('other', (tx) => takeShared(tx, [{ policy: once, key: 'k' }])))[0]?.ok).toBe(true);
  });
});
