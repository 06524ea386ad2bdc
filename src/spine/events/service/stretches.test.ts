import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onMany, provide, systemClock, transact } from '#kernel';
import { house, ItemChanged, ItemGrown, ItemShut, probe, sectionOf, type House } from '#test';
import { RelayProbe, STRETCH_SIZE, STRETCHES_KEPT } from '../contract.ts';
import { createStretches } from './stretches.ts';

const SIZE = Number(STRETCH_SIZE);
let h: House;
const looked: string[] = [];
beforeAll(async () => {
  h = await house({ limits: false, add: [probe({ reactions: [onMany(ItemShut, 'shut', async () => undefined)] })],
    provided: () => [provide(RelayProbe, () => ({ at: async (point, subscriber) => void (point === 'read' && looked.push(subscriber)) }))] });
  // Three stretches and a half; one event of another kind in the second.
  await write(SIZE, ItemChanged);
  await write(10, ItemChanged);
  await write(1, ItemGrown);
  await write(SIZE * 2.5 - 11, ItemChanged);
});
afterAll(() => h.stop());
const item = { actor: { kind: 'nobody' as const }, trace: '0'.repeat(32) };
const write = (count: number, type: typeof ItemChanged | typeof ItemGrown): Promise<unknown> =>
  transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
    for (let n = 0; n < count; n++) {
      if (type === ItemGrown) tx.emit(item, ItemGrown, 'k', { sum: '1', currency: 'INR' });
      else tx.emit(item, ItemChanged, `k${n}`, { n });
    }
  })]);
const su = <R extends Record<string, unknown>>(text: string): Promise<R[]> => h.sql('IN', 'superuser')<R>(text);
const end = async (): Promise<bigint> => (await su<{ n: bigint }>('select max(pos) as n from events.log'))[0]?.n ?? 0n;

/** The cell's pools; something happens before each statement of the spine. */
function before(statement: () => void): ReturnType<House['cell']>['pools'] {
  const { pools } = h.cell();
  return { ...pools, spine: new Proxy(pools.spine, { get: (on, name) => {
    const value: unknown = Reflect.get(on, name);
    if (typeof value !== 'function') return value;
    return name === 'with' ? async (...args: unknown[]): Promise<unknown> => {
      statement();
      return (value as (...all: unknown[]) => unknown).apply(on, args);
    } : value.bind(on);
  } }) };
}

describe('what is known of a stretch of the log', () => {
  const [grown, changed, other] = [new Set([ItemGrown.name]), new Set([ItemChanged.name]), new Set(['probe.never'])];
  it('passes a subscriber by what is for others, to the stretch that holds something for it or is not settled', async () => {
    const settled = await end();
    expect(settled).toBeGreaterThan(3n * STRETCH_SIZE);
    expect(settled).toBeLessThan(4n * STRETCH_SIZE);
    const s = createStretches(h.cell());
    expect(await s.past(0n, settled, settled, grown)).toBe(STRETCH_SIZE);
    expect(await s.past(STRETCH_SIZE, settled, settled, grown)).toBe(STRETCH_SIZE);
    expect(await s.past(STRETCH_SIZE + 100n, settled, settled, grown)).toBe(STRETCH_SIZE + 100n);
    expect(await s.past(2n * STRETCH_SIZE + 7n, settled, settled, grown)).toBe(3n * STRETCH_SIZE);
    expect(await s.past(0n, settled, settled, changed)).toBe(0n);
    expect(await s.past(0n, settled, settled, other)).toBe(3n * STRETCH_SIZE);
    expect(await s.past(0n, settled, 2n * STRETCH_SIZE + 1n, other)).toBe(2n * STRETCH_SIZE);
    // Never further than it was asked to look.
    expect(await s.past(0n, 17n, settled, other)).toBe(17n);
    expect(await s.past(40n, 40n, settled, other)).toBe(40n);
  });
  it('is asked once for all, and once more when it was not answered', async () => {
    const settled = await end();
    let asked = 0;
    const s = createStretches({ pools: before(() => { asked += 1; }) });
    await Promise.all([s.past(0n, settled, settled, other), s.past(0n, settled, settled, other), s.past(0n, settled, settled, grown)]);
    expect(asked).toBe(3);
    await s.past(0n, settled, settled, other);
    expect(asked).toBe(3);
    let failing = true;
    const again = createStretches({ pools: before(() => { if (failing) throw new Error('no database'); }) });
    await expect(again.past(0n, settled, settled, other)).rejects.toThrow('no database');
    failing = false;
    expect(await again.past(0n, settled, settled, other)).toBe(3n * STRETCH_SIZE);
  });
  it('is forgotten when much else was asked since', async () => {
    let asked = 0;
    const s = createStretches({ pools: before(() => { asked += 1; }) });
    const far = BigInt(STRETCHES_KEPT + 1) * STRETCH_SIZE;
    await s.past(0n, far, far, other);
    expect(asked).toBe(STRETCHES_KEPT + 1);
    await s.past(0n, STRETCH_SIZE, far, other);
    expect(asked).toBe(STRETCHES_KEPT + 2);
  });
});

it('a relay that ends notes how far it has looked, so that whoever goes on begins there', async () => {
  looked.length = 0;
  const workers = h.startWorkers(h.cell(), ['relay']);
  const late = systemClock.monotonicMs() + 20_000;
  while (!looked.includes('shut') && systemClock.monotonicMs() < late) await systemClock.sleep(1);
  // Before it has been quiet for long enough to note it anyway.
  await workers.stop();
  const [least] = await su<{ n: bigint }>("select min(pos) as n from events.cursor where subscriber = 'shut'");
  expect(least?.n).toBeGreaterThanOrEqual(3n * STRETCH_SIZE);
  expect(least?.n).toBeLessThanOrEqual(await end());
});
