import type { KeyObject } from 'node:crypto';
import { problem, type Uuid } from '#kernel';

/** Where a sealed value stands. It is bound into the seal: a value moved to another row, column, table or tenant does not open. */
export interface Place { readonly table: string; readonly column: string; readonly row: string }

/** Seals and opens text under one key. `open` throws SealBroken when the text, the place or the key is not the one it was sealed with. */
export interface Sealer { seal(place: Place, text: string): string; open(place: Place, sealed: string): string }

export interface TenantKeys extends Sealer {
  /** Keyed hash of a normalized value, for equality search; 32 bytes, different per purpose. */
  blind(purpose: string, value: string): Buffer;
  /** Keyed hash for codes and tokens: 32 bytes. */
  mac(purpose: string, value: string | Buffer): Buffer;
  /** A secret key of this tenant for one purpose, 32 bytes; derived once. */
  key(purpose: string): KeyObject;
}

export interface SubjectKeys { readonly subject: Uuid; readonly sealer: Sealer }

/** `ENC:v1:<key id>:<base64url of nonce, ciphertext and tag>`. Key ids may hold colons; the body never does. */
export const SEALED = /^ENC:v1:(.{1,256}):([A-Za-z0-9_-]{38,})$/s;

export const kekUnavailable = problem('kek-unavailable', {
  status: 503, title: 'The key service cannot be reached.', doc: 'Sealed data stays closed until it answers. Nothing was changed.',
});

/** Keys of subjects that one process keeps opened. */
export const SUBJECT_KEYS_CACHED_MAX = 50_000;
