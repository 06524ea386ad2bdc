import { expect, it } from 'vitest';
import { event, systemClock, Unavailable, type CellContext, type Clock, type Connection, type EventType, type Statement } from '#kernel';
import { Tail, tailState } from './tail.ts';
import { watchEvents } from './watch.ts';

const Noted = event('test.noted', { version: 1, doc: 'Something to follow.', data: {} });
const TENANT = 'a'.repeat(32);
const digits = (n: number, bytes: number): string => n.toString(16).padStart(bytes * 2, '0');

/** A log in memory behind the statements that the watcher sends; it can be taken away. */
function logInMemory(): { cell: CellContext; append(): void; readonly reads: number; away: boolean } {
  const state = { away: false, last: 3, reads: 0 };
  const rows = (what: Statement): unknown[] => {
    if (what.text.includes('pg_locks')) return [];
    if (!what.text.includes('string_agg')) return [{ pos: BigInt(state.last) }];
    state.reads += 1;
    const after = Number(what.values.find((v) => typeof v === 'bigint'));
    const events = Array.from({ length: Math.max(0, state.last - after) }, (_, i) =>
      [`${digits(after + i + 1, 8)}${TENANT}${TENANT}${digits(0, 8)}${digits(1, 2)}${digits(0, 2)}`, '', Noted.name, `k${after + i + 1}`, '{}'].join('\u001f'));
    return [{ all: events.length ? events.join('\u001f') : null, n: events.length, high: events.length ? BigInt(state.last) : null }];
  };
  const connection = {
    query: async (what: Statement | string) => (typeof what === 'string' ? [{ rows: [] }, { rows: [{ now: systemClock.now() }] }] : { rows: rows(what) }),
    commit: async () => ({ command: 'COMMIT' }), settle: async () => undefined,
  } as unknown as Connection;
  const spine = { with: async <T>(use: (c: Connection) => Promise<T>): Promise<T> => {
    if (state.away) throw new Unavailable('taken away');
    return use(connection);
  } };
  const signal = { wake: () => undefined, wait: (_: number, ending: AbortSignal) => systemClock.sleep(5, ending) };
  const cell = { name: 'T', clock: systemClock, pools: { spine }, use: (what: unknown) => (what === Tail ? tail : signal) } as unknown as CellContext & {
    clock: Clock };
  const tail = tailState.make(cell as never);
  return {
    cell, append: () => { state.last += 1; }, get reads() { return state.reads; },
    get away() { return state.away; }, set away(yes) { state.away = yes; },
  };
}

it('misses nothing that was written while the log could not be read, and says that what is kept may be old', async () => {
  const log = logInMemory();
  const ending = new AbortController();
  const seen: string[] = [];
  let lost = 0;
  // As a process runs its workers: what throws is started again.
  const running = (async () => {
    while (!ending.signal.aborted) {
      await watchEvents({ cell: log.cell, clock: systemClock, signal: ending.signal, types: [Noted], see: (e) => void seen.push(e.key), 
        lost: () => { lost += 1; } })
        .catch(() => systemClock.sleep(5));
    }
  })();
  await expect.poll(() => lost).toBe(1); // what was loaded before the watch began may have missed an event as well
  log.append();
  await expect.poll(() => seen).toEqual(['k4']);
  log.away = true;
  await expect.poll(() => lost).toBeGreaterThan(1);
  log.append();
  log.away = false;
  await expect.poll(() => seen).toEqual(['k4', 'k5']);
  ending.abort();
  await running;
});

it('reads the log once for all who follow it, tells each of its own topics, and a follower that fails leaves the others alone', async () => {
  const log = logInMemory();
  const Other = event('test.other', { version: 1, doc: 'Something that does not happen.', data: {} });
  const ending = new AbortController();
  const seen: string[] = [];
  const follow = (name: string, type: EventType, see: (key: string) => void): Promise<unknown> => watchEvents({ cell: log.cell, clock: systemClock,
    signal: ending.signal, types: [type], see: (e) => see(`${name} ${e.key}`), lost: () => void seen.push(`${name} knows nothing`) }).then(() => 'ended',
      (e: Error) => e.message);
  const running = [follow('a', Noted, (k) => seen.push(k)), follow('b', Noted, () => { throw new Error('b fails'); }), follow('c', Other, (k) => seen.push(k))];
  await expect.poll(() => seen).toEqual(['a knows nothing', 'b knows nothing', 'c knows nothing']);
  log.append();
  expect(await running[1]).toBe('b fails');
  const late = follow('d', Noted, (k) => seen.push(k));
  await expect.poll(() => seen).toContain('d knows nothing');
  log.append();
  await expect.poll(() => seen).toContain('d k5');
  expect(seen).toEqual(['a knows nothing', 'b knows nothing', 'c knows nothing', 'a k4', 'b knows nothing', 'd knows nothing', 'a k5', 'd k5']);
  const reads = log.reads;
  await systemClock.sleep(50);
  expect(log.reads - reads, 'looks of three followers in 50 ms, one of which takes 5 ms').toBeLessThan(15);
  ending.abort();
  expect(await Promise.all([running[0], running[2], late])).toEqual(['ended', 'ended', 'ended']);
  const after = log.reads;
  await systemClock.sleep(30);
  expect(log.reads).toBe(after);
});
