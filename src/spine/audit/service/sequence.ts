import { spineTransact, type CellContext, type Worker, type WorkerContext } from '#kernel';
import { whenInsertersEnd } from '#spine/events';
import { HEAD_EVERY_MS, SEQUENCE_BATCH_MAX, SEQUENCE_POLL_MS } from '../contract.ts';
import { HeadKeeper } from '../port.ts';
import { CHAIN_START } from '../rules.ts';
import { lastLeaf, lockChain, placeLeaves } from '../store.ts';

/** One step under the chain's lock. The rows stay in the database: to read, hash and send back two thousand would hold up every request meanwhile. */
const place = (cell: CellContext, settled: bigint | null): Promise<{ placed: bigint; high: bigint | null }> => spineTransact(cell, async (tx) => {
  // In one flight: the second statement begins when the first has the lock, so it sees what an earlier holder committed.
  const [, last] = await Promise.all([lockChain(tx.sql), lastLeaf(tx.sql)]);
  const after = { pos: last?.pos ?? 0n, seq: last?.fact_seq ?? 0n, link: last?.chain_hash ?? CHAIN_START };
  return placeLeaves(tx.sql, after, settled, SEQUENCE_BATCH_MAX);
});

/**
 * Gives settled facts their places in the chain; resolves to how many. As far as their numbers follow each other nothing can come
 * between; before a gap, every transaction that could still fill it has to end first (see `readSettled`).
 */
export async function sequence(cell: CellContext, w: Pick<WorkerContext, 'clock'>): Promise<number> {
  const { placed, high } = await place(cell, null);
  if (placed > 0n || high === null) return Number(placed);
  for (const table of ['audit.fact', 'audit.sheet']) await whenInsertersEnd(cell, table, w.clock);
  return Number((await place(cell, high)).placed);
}

/** Writes the newest link outside the database. */
export async function keepHead(cell: CellContext): Promise<void> {
  const last = await spineTransact(cell, async (tx) => ({ leaf: await lastLeaf(tx.sql), now: tx.now }));
  if (last.leaf) await cell.use(HeadKeeper).write({ cell: cell.name, pos: last.leaf.pos, chainHash: last.leaf.chain_hash.toString('hex'), at: last.now });
}

export const sequencer: Worker = {
  name: 'audit.sequencer', role: 'relay',
  async run(w) {
    let headAt = w.clock.monotonicMs() - HEAD_EVERY_MS;
    while (!w.signal.aborted) {
      const count = await sequence(w.cell, w);
      if (w.clock.monotonicMs() - headAt >= HEAD_EVERY_MS) {
        await keepHead(w.cell);
        headAt = w.clock.monotonicMs();
      }
      if (count < SEQUENCE_BATCH_MAX) await w.clock.sleep(SEQUENCE_POLL_MS, w.signal);
    }
  },
};
