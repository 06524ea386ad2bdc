import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { onMany, provide, systemClock, transact } from '#kernel';
import { house, ItemChanged, ItemGrown, probe, sectionOf, type House } from '#test';
import { PARTS, RELAY_MANY_MAX, RELAY_SCAN_MAX, RelayProbe } from '../contract.ts';

const LOOKED = 15_000;
const AHEAD = 33_000;
/** The part that another process had brought further than all the others are. */
const PART = 1;

let h: House;
let witnessed = 0;
const moves: string[] = [];
let held: (() => void) | undefined;
let holding = true;
beforeAll(async () => {
  h = await house({
    add: [probe({ reactions: [
      onMany(ItemChanged, 'heaps', async (tx, items) => void await tx.sql`
        insert into probe.effect (tenant, subscriber, event, key, n) select ${tx.tenant.id}, 'heaps', 'x', k, n
        from unnest(${items.map((i) => i.input.key)}::text[], ${items.map((i) => i.input.data.n)}::bigint[]) r (k, n)`),
      onMany(ItemChanged, 'witness', async (_, items) => { witnessed += items.length; }),
    ] })],
    limits: false,
    provided: () => [provide(RelayProbe, () => ({ at: async (point, subscriber) => {
      if (subscriber !== 'heaps') return;
      if (point === 'read' && holding) await new Promise<void>((go) => { held = go; });
      if (point === 'moved') moves.push((await cursors()).join(' '));
    } }))],
  });
});
afterAll(() => h.stop());
const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const cursors = async (): Promise<string[]> =>
  (await su<{ pos: bigint }>("select pos from events.cursor where subscriber = 'heaps' order by part")).map((r) => String(r.pos));
/** Events that stand in the log from a position on, without a gap. */
async function write(pos: number, keys: readonly string[], type: typeof ItemChanged | typeof ItemGrown = ItemChanged): Promise<void> {
  await su("select setval('events.position', $1)", [pos - 1]);
  await transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => keys.forEach((key, n) => {
    const item = { actor: { kind: 'nobody' as const }, trace: '0'.repeat(32) };
    if (type === ItemGrown) tx.emit(item, ItemGrown, key, { sum: '1', currency: 'INR' });
    else tx.emit(item, ItemChanged, key, { n: pos + n });
  }))]);
}
const many = (n: number, key: string): string[] => Array.from({ length: n }, () => key);
async function keyOf(own: boolean): Promise<string> {
  const [found] = await su<{ key: string }>(`select key from (select 'k' || g as key from generate_series(1, 100) g) k
    where (abs(hashtext($1::uuid::text || key)::bigint) % ${PARTS} = ${PART}) = $2 limit 1`, [h.tenant('india').id, own]);
  return (found as { key: string }).key;
}
async function until(there: () => boolean | Promise<boolean>, why: string): Promise<void> {
  const end = systemClock.monotonicMs() + 40_000;
  while (!await there()) {
    if (systemClock.monotonicMs() > end) throw new Error(`never: ${why}`);
    await systemClock.sleep(5);
  }
}

describe('a part that is ahead', () => {
  it('stays there while the others, more than a look behind, come after it through what is not theirs', { timeout: 90_000 }, async () => {
    const [behind, ahead] = [await keyOf(false), await keyOf(true)];
    const lease = new Date(systemClock.now().getTime() + 3_600_000);
    for (let part = 0; part < PARTS; part++)
      await su("insert into events.cursor (subscriber, part, pos, owner, lease_until) values ('heaps', $1, 0, $2, $3)",
        [part, part === PART ? '11111111-1111-4111-8111-111111111111' : null, part === PART ? lease : null]);
    // Up to here nothing is for this subscriber: it has been looked through, and that is not written down yet.
    await write(LOOKED, ['nobody’s'], ItemGrown);
    const workers = h.startWorkers(h.cell(), ['relay']);
    await until(() => held !== undefined, 'the first look');
    // Meanwhile: the other process brought its part to AHEAD, past all of these but the last, and died.
    await write(21_000, many(RELAY_MANY_MAX, ahead));
    await write(21_000 + RELAY_MANY_MAX, [behind, ...many(RELAY_MANY_MAX + 500, ahead)]);
    await write(AHEAD + 1000, [ahead, behind, ahead]);
    await su("update events.cursor set pos = $1, owner = null, lease_until = null where subscriber = 'heaps' and part = $2", [AHEAD, PART]);
    await until(() => witnessed === 2 * RELAY_MANY_MAX + 504, 'the log is settled to its end');
    await until(async () => (await su("select 1 from events.cursor where subscriber = 'heaps' and owner is null")).length === 0, 'its part is taken');
    // What was taken is known to the relay a moment after that is committed.
    await systemClock.sleep(100);
    holding = false;
    held?.();
    const end = AHEAD + 1002;
    await until(async () => (await cursors()).every((pos) => pos === String(end)), 'all are at the end');
    await workers.stop();
    const effects = await su<{ key: string; n: bigint }>("select key, n from probe.effect where subscriber = 'heaps' order by n");
    expect(effects.map((e) => `${e.key} ${e.n}`))
      .toEqual([`${behind} ${21_000 + RELAY_MANY_MAX}`, `${ahead} ${end - 2}`, `${behind} ${end - 1}`, `${ahead} ${end}`]);
    // These were the looks: one that found only what the part ahead had had, from more than a look behind; one that found one event among such; the rest.
    expect(LOOKED).toBeLessThan(RELAY_SCAN_MAX);
    const cut = 21_000 + RELAY_MANY_MAX - 1;
    const at = (pos: number): string => Array.from({ length: PARTS }, (_, part) => (part === PART ? Math.max(AHEAD, pos) : pos)).join(' ');
    expect(moves.slice(0, 3)).toEqual([at(cut), at(cut + RELAY_MANY_MAX), at(end)]);
  });
});
