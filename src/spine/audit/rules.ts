import { hash } from 'node:crypto';
import type { StoredFact } from './contract.ts';

/** The hash before the first leaf: 32 zero bytes. */
export const CHAIN_START = Buffer.alloc(32);

/** Canonical bytes of a stored fact: its columns as text in a fixed order, as a JSON array. Sealed columns enter as they are stored. */
export const canonicalFact = (f: StoredFact): string => JSON.stringify([
  f.seq.toString(), f.id, f.tenant, f.at, f.actor_kind, f.actor, f.session, f.action, f.result, f.subject, f.resource, f.problem, f.trace, f.latency_us,
  f.detail, f.origin,
]);

const LEAF_PREFIX = Buffer.from([0]);

/** Leaf hash of RFC 9162 §2.1.1: SHA-256(0x00 ‖ row), so that a Merkle tree can be laid over the same leaves. */
export const leafHash = (canonical: string): Buffer => hash('sha256', Buffer.concat([LEAF_PREFIX, Buffer.from(canonical, 'utf8')]), 'buffer');

/** Each link is SHA-256(link before ‖ leaf). */
export const chainHash = (before: Buffer, leaf: Buffer): Buffer => hash('sha256', Buffer.concat([before, leaf]), 'buffer');
