import { expect, it } from 'vitest';
import { event, systemClock, Unavailable, type CellContext, type Connection, type Statement } from '#kernel';
import { watchEvents } from './watch.ts';

const Noted = event('test.noted', { version: 1, doc: 'Something to follow.', data: {} });
const TENANT = 'a'.repeat(32);

/** A log in memory behind the statements that the watcher sends; it can be taken away. */
function logInMemory(): { cell: CellContext; append(): void; away: boolean } {
  const state = { away: false, last: 3 };
  const rows = (what: Statement): unknown[] => {
    if (what.text.includes('pg_locks')) return [];
    if (!what.text.includes('up_to')) return [{ pos: BigInt(state.last) }];
    const after = Number(what.values.find((v) => typeof v === 'bigint'));
    const ends = state.last > after ? { up_to: BigInt(state.last), high: BigInt(state.last) } : { up_to: null, high: null };
    const seen = Array.from({ length: Math.max(0, state.last - after) }, (_, i) => (
      { ...ends, pos: BigInt(after + i + 1), tenant: TENANT, topic: Noted.name, key: `k${after + i + 1}`, id: TENANT, version: 1, at: systemClock.now(),
        trace: '', data: '{}' }));
    return seen.length ? seen : [{ ...ends, pos: null }];
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
  return {
    cell: { name: 'T', pools: { spine }, use: () => signal } as unknown as CellContext, append: () => { state.last += 1; },
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
