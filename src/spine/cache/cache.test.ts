import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { provide, testClock } from '#kernel';
import { SpoolFolder } from '#spine/audit/port';
import { everyModule, house } from '#test';
import { CacheBook, createCache, type FencedCache } from './index.ts';

const clock = testClock(new Date(0));
const make = (entriesMax = 100): FencedCache<{ v: number }> => createCache({ name: 't', entriesMax, freshMs: 1000, keptMs: 10_000 }, clock);
const put = (c: FencedCache<{ v: number }>, key: string, v: number): boolean => c.fill(c.fence([key]), key, { v });

describe('a fenced cache', () => {
  it('answers while a value is fresh, and keeps it with its age for a while after', () => {
    const c = make();
    put(c, 'a', 1);
    clock.advance(999);
    expect(c.get('a')).toEqual({ v: 1 });
    clock.advance(1);
    expect(c.get('a')).toBeUndefined();
    expect(c.kept('a')).toEqual({ value: { v: 1 }, ageMs: 1000, invalidated: false });
    clock.advance(9000);
    expect(c.kept('a')).toBeUndefined();
  });

  it('does not store what was read before an invalidation', () => {
    const c = make();
    const fence = c.fence(['a', 'b']);
    c.invalidate('a');
    expect(c.fill(fence, 'a', { v: 1 })).toBe(false);
    expect(c.get('a')).toBeUndefined();
    expect(c.fill(fence, 'b', { v: 2 })).toBe(true);
  });

  it('takes what was forgotten for invalidated, oldest first, whatever was invalidated again or expired between', () => {
    const max = 4;
    const step = fc.oneof(
      { weight: 8, arbitrary: fc.record({ kind: fc.constant('invalidate' as const), key: fc.integer({ min: 0, max: 9 }) }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('look' as const), key: fc.integer({ min: 0, max: 9 }) }) },
      { weight: 1, arbitrary: fc.record({ kind: fc.constant('expire' as const), key: fc.constant(0) }) },
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const c = make(max);
      // The keys invalidated of late, oldest first; all others count as invalidated when the last of them was forgotten.
      let late: number[] = [];
      const began = new Map<number, { fence: ReturnType<typeof c.fence>; stands: boolean }>();
      const overthrow = (...keys: number[]): void => { for (const key of keys) { const b = began.get(key); if (b) b.stands = false; } };
      for (const { kind, key } of steps) {
        if (kind === 'look') began.set(key, { fence: c.fence([`${key}`]), stands: true });
        if (kind === 'expire') {
          c.expireAll();
          late = [];
          overthrow(...began.keys());
        }
        if (kind !== 'invalidate') continue;
        c.invalidate(`${key}`);
        late = late.filter((k) => k !== key);
        const full = late.length >= max;
        if (full) late.shift();
        late.push(key);
        overthrow(key, ...(full ? [...began.keys()].filter((k) => !late.includes(k)) : []));
      }
      for (const [key, { fence, stands }] of began) expect(c.fill(fence, `${key}`, { v: key })).toBe(stands);
    }), { numRuns: 500 });
  });

  it('keeps what is used and never more than it may, however much comes by once', () => {
    const c = make(10);
    put(c, 'used', 1);
    for (let i = 0; i < 1000; i++) {
      if (i % 5 === 0) expect(c.get('used'), String(i)).toEqual({ v: 1 });
      put(c, `once ${i}`, i);
      expect(c.size).toBeLessThanOrEqual(10);
    }
    expect(c.size).toBe(10);
    expect(c.get('once 999')).toEqual({ v: 999 });
    expect(c.get('once 0')).toBeUndefined();
  });

  it('makes room also where everything is used, and where one entry is all that it may keep', () => {
    const c = make(40);
    for (let i = 0; i < 400; i++) {
      put(c, String(i), i);
      for (let k = 0; k <= i; k++) c.get(String(k));
      expect(c.size).toBe(Math.min(i + 1, 40));
    }
    expect(c.get('399')).toEqual({ v: 399 });
    const one = make(1);
    for (let i = 0; i < 3; i++) {
      put(one, String(i), i);
      expect(one.get(String(i))).toEqual({ v: i });
      expect(one.size).toBe(1);
    }
  });

  it('fences every load under way when invalidations may have been missed', () => {
    const c = make();
    put(c, 'a', 1);
    const fence = c.fence(['b']);
    c.expireAll();
    expect(c.get('a')).toBeUndefined();
    expect(c.kept('a')?.value).toEqual({ v: 1 });
    expect(c.fill(fence, 'b', { v: 2 })).toBe(false);
  });

  it('is never overtaken, in whatever order loads, writes and invalidations come, also when it forgets generations', () => {
    const step = fc.oneof(
      fc.record({ do: fc.constant('write' as const), key: fc.integer({ min: 0, max: 7 }) }),
      fc.record({ do: fc.constant('start' as const), key: fc.integer({ min: 0, max: 7 }) }),
      fc.record({ do: fc.constant('finish' as const), key: fc.integer({ min: 0, max: 3 }) }),
    );
    fc.assert(fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const c = make(4);
      const source = new Map<string, number>();
      const loads: { key: string; fence: ReturnType<typeof c.fence>; read: number }[] = [];
      for (const s of steps) {
        const key = String(s.key);
        if (s.do === 'write') {
          source.set(key, (source.get(key) ?? 0) + 1);
          c.invalidate(key);
        } else if (s.do === 'start') loads.push({ key, fence: c.fence([key]), read: source.get(key) ?? 0 });
        else {
          const load = loads.splice(s.key % Math.max(1, loads.length), 1)[0];
          if (load) c.fill(load.fence, load.key, { v: load.read });
        }
        for (const [k, v] of source) {
          const cached = c.get(k);
          if (cached) expect(cached.v).toBe(v);
        }
      }
    }), { numRuns: 500 });
  });
});

it('the README lists the caches that the program makes, and no other', async () => {
  const h = await house({ provided: () => [provide(SpoolFolder, () => join(tmpdir(), 'nothing is spooled here'))] });
  let made: string[];
  try {
    for (const { token } of everyModule.flatMap((m) => m.state ?? [])) h.cell().use(token);
    made = [...h.cell().use(CacheBook).caches.keys()];
  } finally {
    await h.stop();
  }
  const readme = readFileSync(new URL('./README.md', import.meta.url), 'utf8');
  const listed = [...readme.slice(readme.indexOf('| cache |')).matchAll(/^\| `([^`]+)` \|/gm)].map((row) => row[1]);
  expect(made.length).toBeGreaterThan(0);
  expect(listed).toHaveLength(made.length);
  expect(new Set(listed)).toEqual(new Set(made));
});
