import { spineTransact, type CellContext, type Worker, type WorkerContext } from '#kernel';
import { readSettled } from '#spine/events';
import { HEAD_EVERY_MS, SEQUENCE_BATCH_MAX, SEQUENCE_POLL_MS } from '../contract.ts';
import { HeadKeeper } from '../port.ts';
import { canonicalFact, CHAIN_START, chainHash, leafHash } from '../rules.ts';
import { factsAfter, insertLeaves, lastLeaf, lockChain, type LeafRow } from '../store.ts';

/** Gives settled facts their places in the chain; resolves to how many. */
export async function sequence(cell: CellContext, w: Pick<WorkerContext, 'clock'>): Promise<number> {
  const known = await spineTransact(cell, (tx) => lastLeaf(tx.sql));
  const facts = await readSettled(cell, 'audit.fact', known?.fact_seq ?? 0n, (sql, after) => factsAfter(sql, after, SEQUENCE_BATCH_MAX), w.clock);
  if (!facts.length) return 0;
  return spineTransact(cell, async (tx) => {
    await lockChain(tx.sql);
    const last = await lastLeaf(tx.sql);
    if (last?.pos !== known?.pos) return 0;
    let pos = last?.pos ?? 0n;
    let link = last?.chain_hash ?? CHAIN_START;
    const leaves = facts.map((f): LeafRow => {
      const leaf = leafHash(canonicalFact(f));
      link = chainHash(link, leaf);
      pos += 1n;
      return { pos, fact_seq: f.seq, fact_id: f.id, leaf_hash: leaf, chain_hash: link };
    });
    await insertLeaves(tx.sql, leaves);
    return leaves.length;
  });
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
