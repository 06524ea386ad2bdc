import { spineTransact, type CellContext, type SqlTag } from '#kernel';
import { type StoredFact, type Violation } from '../contract.ts';
import { HeadKeeper } from '../port.ts';
import { canonicalFact, CHAIN_START, chainHash, leafHash } from '../rules.ts';
import { anyFactFrom, factNumbers, factsBySeq, lastLeaf, leafAt, leavesAfter, type LeafRow } from '../store.ts';

const PAGE = 2000;
/** Below every number that a fact can bear. */
const SEQ_MIN = -(2n ** 63n);

/** What `checkLeaf` looks at: a leaf, the fact that stands at its number, the leaves around it. */
interface Around { readonly leaf: LeafRow; readonly fact: StoredFact | undefined; readonly before: LeafRow | undefined; readonly next: LeafRow | undefined }

function checkLeaf({ leaf, fact, before, next }: Around): Violation | undefined {
  const at = { pos: leaf.pos, fact: leaf.fact_id };
  const expected = (before?.pos ?? 0n) + 1n;
  const follows = chainHash(before?.chain_hash ?? CHAIN_START, leaf.leaf_hash).equals(leaf.chain_hash);
  if (leaf.pos !== expected) return { ...at, pos: expected, kind: 'missing', detail: `this leaf is gone: the chain goes on at ${leaf.pos}` };
  // A leaf whose fact was deleted still follows from the one before; one that somebody put in does not.
  if (!fact && !follows) return { ...at, kind: 'inserted', detail: 'this leaf has no fact and does not follow from the one before' };
  if (!fact) return { ...at, kind: 'missing', detail: 'the fact of this leaf is gone' };
  const ascending = (!before || before.fact_seq < leaf.fact_seq) && (!next || leaf.fact_seq < next.fact_seq);
  if (!ascending) return { ...at, kind: 'reordered', detail: 'this leaf does not stand in the order of its facts' };
  if (fact.id !== leaf.fact_id) return { ...at, kind: 'reordered', detail: 'this leaf names another fact than the one that stands at its number' };
  if (!leafHash(canonicalFact(fact)).equals(leaf.leaf_hash)) return { ...at, kind: 'changed', detail: 'the fact is not what its leaf was made of' };
  if (!follows) return { ...at, kind: 'changed', detail: 'the link does not follow from the one before' };
  return undefined;
}

async function checkPage(sql: SqlTag, leaves: readonly LeafRow[], before: LeafRow | undefined): Promise<Violation | undefined> {
  const facts = new Map((await factsBySeq(sql, leaves.map((l) => l.fact_seq))).map((f) => [f.seq, f]));
  const last = leaves.at(-1) as LeafRow;
  const placed = new Set(leaves.map((l) => l.fact_seq));
  const stray = (await factNumbers(sql, before?.fact_seq ?? SEQ_MIN, last.fact_seq)).find((f) => !placed.has(f.seq));
  let previous = before;
  for (const [i, leaf] of leaves.entries()) {
    const found = checkLeaf({ leaf, fact: facts.get(leaf.fact_seq), before: previous, next: leaves[i + 1] });
    if (found?.kind === 'missing' && found.pos === leaf.pos && !facts.has(leaf.fact_seq) && !await anyFactFrom(sql, leaf.fact_seq)) {
      return { ...found, kind: 'tail-cut', detail: 'the facts end before this leaf: it and all behind it have none' };
    }
    if (found) return found;
    if (stray && stray.seq < leaf.fact_seq) {
      return { kind: 'inserted', pos: leaf.pos, fact: stray.id, detail: `fact ${stray.seq} stands before the fact of this leaf and has no leaf` };
    }
    previous = leaf;
  }
  return undefined;
}

/** Checks the chain against the heads kept outside the database: a tail that was cut is not there to be found inside. */
async function checkHeads(cell: CellContext): Promise<Violation | undefined> {
  for (const head of await cell.use(HeadKeeper).all(cell.name)) {
    const leaf = await spineTransact(cell, (tx) => leafAt(tx.sql, head.pos));
    const at = { pos: head.pos, fact: leaf?.fact_id ?? null };
    if (!leaf) return { ...at, kind: 'tail-cut', detail: `a head at position ${head.pos} was kept outside, and the chain no longer reaches it` };
    if (leaf.chain_hash.toString('hex') !== head.chainHash) return { ...at, kind: 'changed', detail: 'the chain is not the one whose head was kept outside' };
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
