import { spineTransact, type CellContext, type SqlTag } from '#kernel';
import { type StoredFact, type Violation } from '../contract.ts';
import { HeadKeeper } from '../port.ts';
import { canonicalFact, CHAIN_START, chainHash, leafHash } from '../rules.ts';
import { factsBySeq, factsWithoutLeaf, lastLeaf, leafAt, leavesAfter, type LeafRow } from '../store.ts';

const PAGE = 2000;

function checkLeaf(leaf: LeafRow, fact: StoredFact | undefined, before: LeafRow | undefined, link: Buffer): Violation | undefined {
  const at = { pos: leaf.pos, fact: leaf.fact_id };
  const expected = (before?.pos ?? 0n) + 1n;
  if (leaf.pos !== expected) return { ...at, kind: 'missing', detail: `leaf ${expected} is gone: the chain goes on at ${leaf.pos}` };
  if (!fact) return { ...at, kind: 'missing', detail: 'the fact of this leaf is gone' };
  if (before && leaf.fact_seq <= before.fact_seq) return { ...at, kind: 'reordered', detail: 'this leaf and the one before it have changed places' };
  if (fact.id !== leaf.fact_id) return { ...at, kind: 'reordered', detail: 'this leaf names another fact than the one that stands at its number' };
  if (!leafHash(canonicalFact(fact)).equals(leaf.leaf_hash)) return { ...at, kind: 'changed', detail: 'the fact is not what its leaf was made of' };
  if (!chainHash(link, leaf.leaf_hash).equals(leaf.chain_hash)) return { ...at, kind: 'changed', detail: 'the link does not follow from the one before' };
  return undefined;
}

async function checkPage(sql: SqlTag, leaves: readonly LeafRow[], before: LeafRow | undefined): Promise<Violation | undefined> {
  const facts = new Map((await factsBySeq(sql, leaves.map((l) => l.fact_seq))).map((f) => [f.seq, f]));
  let previous = before;
  for (const leaf of leaves) {
    const found = checkLeaf(leaf, facts.get(leaf.fact_seq), previous, previous?.chain_hash ?? CHAIN_START);
    if (found) return found;
    previous = leaf;
  }
  const stray = (await factsWithoutLeaf(sql, before?.fact_seq ?? 0n, (leaves.at(-1) as LeafRow).fact_seq))[0];
  return stray && { kind: 'inserted', pos: (leaves.at(-1) as LeafRow).pos, fact: stray.id, detail: `fact ${stray.seq} stands between sequenced facts and has no leaf` };
}

/** Checks the chain against the heads kept outside the database: a tail that was cut is not there to be found inside. */
async function checkHeads(cell: CellContext): Promise<Violation | undefined> {
  for (const head of await cell.use(HeadKeeper).all(cell.name)) {
    const leaf = await spineTransact(cell, (tx) => leafAt(tx.sql, head.pos));
    if (!leaf) return { kind: 'tail-cut', pos: head.pos, fact: null, detail: `a head at position ${head.pos} was kept outside, and the chain no longer reaches it` };
    if (leaf.chain_hash.toString('hex') !== head.chainHash) return { kind: 'changed', pos: head.pos, fact: leaf.fact_id, detail: 'the chain is not the one whose head was kept outside' };
  }
  return undefined;
}

/** Recomputes the whole chain of a cell; resolves to the first violation, or to how many leaves were sound. */
export async function verifyChain(cell: CellContext): Promise<{ violation: Violation } | { leaves: bigint }> {
  let before: LeafRow | undefined;
  for (;;) {
    const after = before;
    const leaves = await spineTransact(cell, (tx) => leavesAfter(tx.sql, after?.pos ?? 0n, PAGE));
    if (!leaves.length) break;
    const violation = await spineTransact(cell, (tx) => checkPage(tx.sql, leaves, after));
    if (violation) return { violation };
    before = leaves.at(-1);
  }
  const cut = await checkHeads(cell);
  if (cut) return { violation: cut };
  const last = await spineTransact(cell, (tx) => lastLeaf(tx.sql));
  return { leaves: last?.pos ?? 0n };
}
