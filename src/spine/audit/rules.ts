import { hash } from 'node:crypto';
import type { StoredFact, StoredLine } from './contract.ts';

/** The hash before the first leaf: 32 zero bytes. */
export const CHAIN_START = Buffer.alloc(32);

/** `audit.leaf.form` of leaves that are hashes of the columns as text in a JSON array; of all others it is the row as the server sends it. */
const TEXT_FORM = 1;

/** A stored fact's columns as text in a fixed order, as a JSON array. Sealed columns enter as they are stored. */
const canonicalText = (f: StoredFact): Buffer => Buffer.from(JSON.stringify([
  f.seq.toString(), f.id, f.tenant, f.at, f.actor_kind, f.actor, f.session, f.action, f.result, f.subject, f.resource, f.problem, f.trace, f.latency_us,
  f.detail, f.origin,
]));

const EPOCH_MS = Date.UTC(2000, 0, 1);
const SECOND_TEXT = 19;
const int8 = (n: bigint): Buffer => {
  const b = Buffer.alloc(8);
  b.writeBigInt64BE(n);
  return b;
};
const int4 = (n: number): Buffer => {
  const b = Buffer.alloc(4);
  b.writeInt32BE(n);
  return b;
};
const text = (t: string): Buffer => Buffer.from(t, 'utf8');
const id = (u: string): Buffer => Buffer.from(u.replaceAll('-', ''), 'hex');
/** Microseconds since 2000 of a time as text with six decimals. */
const micros = (at: string): bigint => BigInt(Date.parse(`${at.slice(0, SECOND_TEXT)}Z`) - EPOCH_MS) * 1000n + BigInt(at.slice(SECOND_TEXT + 1, -1));
/** A column as `record_send` writes it (PostgreSQL, src/backend/utils/adt/rowtypes.c): the type's number in pg_type, length, bytes; -1 for null. */
function column<T>(type: number, bytes: (value: T) => Buffer, value: T | null): Buffer {
  const b = value === null ? undefined : bytes(value);
  return Buffer.concat([int4(type), int4(b?.length ?? -1), ...(b ? [b] : [])]);
}
const INT8 = 20, INT4 = 23, TEXT = 25, TIMESTAMPTZ = 1184, UUID = 2950;

/** A stored fact as the server's `record_send` gives its columns in a fixed order: half as dear as text there, and as plain. */
function canonicalRow(f: StoredFact): Buffer {
  const columns = [
    column(INT8, int8, f.seq), column(UUID, id, f.id), column(UUID, id, f.tenant), column(TIMESTAMPTZ, (at: string) => int8(micros(at)), f.at),
    column(TEXT, text, f.actor_kind), column(UUID, id, f.actor), column(UUID, id, f.session), column(TEXT, text, f.action), column(TEXT, text, f.result),
    column(UUID, id, f.subject), column(TEXT, text, f.resource), column(TEXT, text, f.problem), column(TEXT, text, f.trace),
    column(INT4, (us: string) => int4(Number(us)), f.latency_us), column(TEXT, text, f.detail), column(TEXT, text, f.origin),
  ];
  return Buffer.concat([int4(columns.length), ...columns]);
}

const LEAF_PREFIX = Buffer.from([0]);

/** A fact of a sheet: its number, tenant and instant as the server sends them, then its line. */
const canonicalLine = (f: StoredLine): Buffer => Buffer.concat([int8(f.seq), id(f.tenant), int8(micros(f.at)), text(f.line)]);

/** Leaf hash of RFC 9162 §2.1.1: SHA-256(0x00 ‖ row), so that a Merkle tree can be laid over the same leaves. */
export const leafHash = (f: StoredFact | StoredLine, form: number): Buffer =>
  hash('sha256', Buffer.concat([LEAF_PREFIX, 'line' in f ? canonicalLine(f) : form === TEXT_FORM ? canonicalText(f) : canonicalRow(f)]), 'buffer');

/** Each link is SHA-256(link before ‖ the leaves of one step). */
export const chainHash = (before: Buffer, leaves: readonly Buffer[]): Buffer => hash('sha256', Buffer.concat([before, ...leaves]), 'buffer');
