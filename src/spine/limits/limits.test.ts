import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { testClock } from '#kernel';
import { house, type House } from '#test';
import { createLimiter, retryAfterSeconds, takeShared } from './index.ts';
import { take, type Bucket } from './rules.ts';
import { sweepBuckets } from './service.ts';

const policy = { name: 'p', capacity: 5, perMinute: 60 };

describe('a token bucket', () => {
  it('gives its capacity at once, then a token a second, and says when', () => {
    const bucket: Bucket = { tokens: 5, atMs: 0 };
    expect([1, 2, 3, 4, 5].map(() => take(policy, bucket, 0).ok)).toEqual([true, true, true, true, true]);
    expect(take(policy, bucket, 0)).toEqual({ ok: false, remaining: 0, retryAfterMs: 1000 });
    expect(take(policy, bucket, 999).ok).toBe(false);
    expect(take(policy, bucket, 1000).ok).toBe(true);
  });

  it('does not starve a caller who asks more often than a token comes', () => {
    const bucket: Bucket = { tokens: 0, atMs: 0 };
    let granted = 0;
    for (let ms = 2; ms <= 20_000; ms += 2) if (take({ ...policy, perMinute: 6000, capacity: 100 }, bucket, ms).ok) granted += 1;
    expect(granted).toBe(2000);
  });

  it('earns nothing and loses nothing when the clock runs backwards', () => {
    const bucket: Bucket = { tokens: 2.5, atMs: 10_000 };
    take(policy, bucket, 5000);
    expect(bucket).toEqual({ tokens: 1.5, atMs: 10_000 });
  });

  it('never gives more than its capacity and what the time earned', () => {
    fc.assert(fc.property(fc.array(fc.integer({ min: 0, max: 5000 }), { maxLength: 200 }), (waits) => {
      const bucket: Bucket = { tokens: 5, atMs: 0 };
      let now = 0;
      let granted = 0;
      for (const wait of waits) {
        now += wait;
        if (take(policy, bucket, now).ok) granted += 1;
      }
      expect(granted).toBeLessThanOrEqual(5 + now / 1000 + 1e-9);
    }));
  });

  it('rounds Retry-After up, and to one second at least', () => {
    expect([0, 1, 1000, 1001].map(retryAfterSeconds)).toEqual([1, 1, 1, 2]);
  });

  it('counts each key of each policy by itself', () => {
    const limiter = createLimiter(testClock(new Date(0)));
    const one = { ...policy, capacity: 1 };
    expect([limiter.take(one, 'a').ok, limiter.take(one, 'b').ok, limiter.take({ ...one, name: 'q' }, 'a').ok, limiter.take(one, 'a').ok]).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });
});

describe('a shared bucket', () => {
  let h: House;
  beforeAll(async () => { h = await house(); });
  afterAll(() => h.stop());

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
