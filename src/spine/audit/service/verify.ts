import { spineTransact, type CellContext, type SqlTag } from '#kernel';
import { type StoredFact, type StoredLine, type Violation } from '../contract.ts';
import { HeadKeeper } from '../port.ts';
import { CHAIN_START, chainHash, leafHash } from '../rules.ts';
import { anyFactFrom, factNumbers, factsBySeq, falseSheets, lastLeaf, leavesAfter, linesBetween, rowFrom, type LeafRow } from '../store.ts';

const PAGE = 2000;
/** Below every number that a fact can bear. */
const SEQ_MIN = -(2n ** 63n);

/** One fact's place. */
interface Leaf {
  readonly pos: bigint; readonly seq: bigint; readonly id: string; readonly hash: Buffer; readonly form: number;
  /** The link of its row follows from the one before. */
  readonly follows: boolean;
  /** It is the last of its row, whose link stands behind it. */
  readonly ends: boolean;
}
const LEAF_BYTES = 32;

/** The leaves of a row. */
function leavesOf(row: LeafRow, linkBefore: Buffer): Leaf[] {
  const seqs = [...row.seqs?.split(',').map(BigInt) ?? [], row.fact_seq];
  const ids = [...row.ids?.split(',') ?? [], row.fact_id];
  // Whoever may change the row may take its constraint away as well: what is not there is not the fact's.
  const before = row.leaves ?? Buffer.alloc(0);
  const hashes = [...seqs.slice(1).map((_, i) => before.subarray(i * LEAF_BYTES, (i + 1) * LEAF_BYTES)), row.leaf_hash];
  const follows = chainHash(linkBefore, hashes).equals(row.chain_hash);
  const last = seqs.length - 1;
  return seqs.map((seq, i) => ({
    pos: row.pos - BigInt(last - i), seq, id: ids[i] ?? '', hash: hashes[i] as Buffer, form: row.form, follows, ends: i === last,
  }));
}

/** An id as lines hold it. */
const bare = (id: string): string => id.replaceAll('-', '');

/** What `checkLeaf` looks at: a leaf, the fact that stands at its number, the leaves around it. */
interface Around { readonly leaf: Leaf; readonly fact: StoredFact | StoredLine | undefined; readonly before: Leaf | undefined; readonly next: Leaf | undefined }

function checkLeaf({ leaf, fact, before, next }: Around): Violation | undefined {
  const at = { pos: leaf.pos, fact: leaf.id };
  const expected = (before?.pos ?? 0n) + 1n;
  if (leaf.pos < expected) return { ...at, pos: expected, kind: 'inserted', detail: 'the row of this leaf holds more leaves than it has places' };
  if (leaf.pos !== expected) return { ...at, pos: expected, kind: 'missing', detail: `this leaf is gone: the chain goes on at ${leaf.pos}` };
  // A leaf whose fact was deleted still follows from the one before; one that somebody put in does not.
  if (!fact && !leaf.follows) return { ...at, kind: 'inserted', detail: 'this leaf has no fact and does not follow from the one before' };
  if (!fact) return { ...at, kind: 'missing', detail: 'the fact of this leaf is gone' };
  const ascending = (!before || before.seq < leaf.seq) && (!next || leaf.seq < next.seq);
  if (!ascending) return { ...at, kind: 'reordered', detail: 'this leaf does not stand in the order of its facts' };
  if (bare(fact.id) !== bare(leaf.id)) return { ...at, kind: 'reordered', detail: 'this leaf names another fact than the one that stands at its number' };
  if (!leafHash(fact, leaf.form).equals(leaf.hash)) return { ...at, kind: 'changed', detail: 'the fact is not what its leaf was made of' };
  if (leaf.ends && !leaf.follows) return { ...at, kind: 'changed', detail: 'the link does not follow from the one before' };
  return undefined;
}

/** A row counts its places from its end, so leaves taken out of it are missed at its beginning: a fact that has lost its own says where it stood. */
function lostFrom(found: Violation, leaves: readonly Leaf[], stray: { readonly seq: bigint; readonly id: string } | undefined): Violation {
  const behind = stray ? leaves.findIndex((l) => stray.seq < l.seq) : -1;
  if (!stray || behind < 0 || leaves.slice(0, behind).some((l) => l.ends)) return found;
  return { kind: 'missing', pos: found.pos + BigInt(behind), fact: stray.id, detail: 'the leaf of this fact is gone' };
}

/** Where a line was taken out of a sheet or put into one, those behind it bear each other's numbers: what happened shows by the ids. */
function inSheet(found: Violation, fact: StoredFact | StoredLine | undefined, lines: readonly StoredLine[], leaves: readonly Leaf[]): Violation {
  if (found.kind !== 'reordered' || !fact || !('line' in fact)) return found;
  if (!lines.some((l) => bare(l.id) === bare(found.fact ?? ''))) return { ...found, kind: 'missing', detail: 'the fact of this leaf is gone from its sheet' };
  if (leaves.some((l) => bare(l.id) === bare(fact.id))) return found;
  return { ...found, kind: 'inserted', fact: fact.id, detail: `fact ${fact.seq} stands in a sheet before the fact of this leaf and has no leaf` };
}

async function checkSheets(sql: SqlTag, leaves: readonly Leaf[], after: bigint, upTo: bigint): Promise<Violation | undefined> {
  const wrong = new Set((await falseSheets(sql, after, upTo)).map((s) => s.seq));
  const leaf = leaves.find((l) => wrong.has(l.seq));
  return leaf && { kind: 'changed', pos: leaf.pos, fact: leaf.id, detail: 'the sheet that begins with this fact miscounts, or names others than it is about' };
}

/** All that stands between the numbers of these leaves. */
async function factsOf(sql: SqlTag, leaves: readonly Leaf[], after: bigint): Promise<{ facts: Map<bigint, StoredFact | StoredLine>; lines: StoredLine[];
  stray: { seq: bigint; id: string } | undefined }> {
  const upTo = (leaves.at(-1) as Leaf).seq;
  const lines = await linesBetween(sql, after, upTo);
  const facts = new Map([...await factsBySeq(sql, leaves.map((l) => l.seq)), ...lines].map((f) => [f.seq, f]));
  const placed = new Set(leaves.map((l) => l.seq));
  const all = [...await factNumbers(sql, after, upTo), ...lines].toSorted((a, b) => (a.seq < b.seq ? -1 : 1));
  return { facts, lines, stray: all.find((f) => !placed.has(f.seq)) };
}

async function checkPage(sql: SqlTag, leaves: readonly Leaf[], before: Leaf | undefined): Promise<Violation | undefined> {
  const last = leaves.at(-1) as Leaf;
  const { facts, lines, stray } = await factsOf(sql, leaves, before?.seq ?? SEQ_MIN);
  let previous = before;
  for (const [i, leaf] of leaves.entries()) {
    const fact = facts.get(leaf.seq);
    const seen = checkLeaf({ leaf, fact, before: previous, next: leaves[i + 1] });
    const found = seen && inSheet(seen, fact, lines, leaves);
    if (found?.kind === 'missing' && found.pos === leaf.pos && !facts.has(leaf.seq) && !await anyFactFrom(sql, leaf.seq)) {
      return { ...found, kind: 'tail-cut', detail: 'the facts end before this leaf: it and all behind it have none' };
    }
    if (found) return found.kind === 'missing' && found.pos !== leaf.pos ? lostFrom(found, leaves.slice(i), stray) : found;
    if (stray && stray.seq < leaf.seq) {
      return { kind: 'inserted', pos: leaf.pos, fact: stray.id, detail: `fact ${stray.seq} stands before the fact of this leaf and has no leaf` };
    }
    previous = leaf;
  }
  return checkSheets(sql, leaves, before?.seq ?? SEQ_MIN, last.seq);
}

/** Checks the chain against the heads kept outside the database: a tail that was cut is not there to be found inside. */
async function checkHeads(cell: CellContext): Promise<Violation | undefined> {
  for (const head of await cell.use(HeadKeeper).all(cell.name)) {
    const row = await spineTransact(cell, (tx) => rowFrom(tx.sql, head.pos));
    const at = { pos: head.pos, fact: row?.pos === head.pos ? row.fact_id : null };
    if (!row) return { ...at, kind: 'tail-cut', detail: `a head at position ${head.pos} was kept outside, and the chain no longer reaches it` };
    if (row.pos !== head.pos || row.chain_hash.toString('hex') !== head.chainHash) {
      return { ...at, kind: 'changed', detail: 'the chain is not the one whose head was kept outside' };
    }
  }
  return undefined;
}

/** Recomputes the whole chain of a cell; resolves to the first violation, or to how many leaves were sound. */
export async function verifyChain(cell: CellContext): Promise<{ violation: Violation } | { leaves: bigint }> {
  let before: Leaf | undefined;
  let link: Buffer = CHAIN_START;
  for (;;) {
    const after = before;
    const rows = await spineTransact(cell, (tx) => leavesAfter(tx.sql, after?.pos ?? 0n, PAGE));
    if (!rows.length) break;
    const leaves = rows.flatMap((row) => {
      const own = leavesOf(row, link);
      link = row.chain_hash;
      return own;
    });
    const violation = await spineTransact(cell, (tx) => checkPage(tx.sql, leaves, after));
    if (violation) return { violation };
    before = leaves.at(-1);
  }
  const cut = await checkHeads(cell);
  if (cut) return { violation: cut };
  const last = await spineTransact(cell, (tx) => lastLeaf(tx.sql));
  return { leaves: last?.pos ?? 0n };
}
