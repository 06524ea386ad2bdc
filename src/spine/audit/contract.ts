/** Facts sealed by one step of the sequencer. */
export const SEQUENCE_BATCH_MAX = 2000;
/** A fact gets its place in the chain within a second: this often the sequencer looks, and a step takes less than the rest. */
export const SEQUENCE_POLL_MS = 200;
/** How often the newest hash is written outside the database. */
export const HEAD_EVERY_MS = 60_000;

/** The newest link of a cell's chain. */
export interface ChainHead { readonly cell: string; readonly pos: bigint; readonly chainHash: string; readonly at: Date }

/** What verification found first: the position and what is wrong there. */
export interface Violation { readonly kind: 'changed' | 'missing' | 'inserted' | 'reordered' | 'tail-cut' | 'source-changed'; readonly pos: bigint;
  readonly fact: string | null; readonly detail: string }

/** A fact as it stands in its row, every column as text: what the leaf's hash is taken of. */
export interface StoredFact {
  readonly seq: bigint; readonly id: string; readonly tenant: string; readonly at: string; readonly actor_kind: string; readonly actor: string | null;
  readonly session: string | null;
  readonly action: string; readonly result: string; readonly subject: string | null; readonly resource: string | null; readonly problem: string | null;
  readonly trace: string;
  readonly latency_us: string | null; readonly detail: string | null; readonly origin: string | null;
}
