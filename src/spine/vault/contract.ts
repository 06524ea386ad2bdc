import type { KeyObject } from 'node:crypto';
import { z } from 'zod';
import { job, problem, type Uuid } from '#kernel';

/** Where a sealed value stands. It is bound into the seal: a value moved to another row, column, table or tenant does not open. */
export interface Place { readonly table: string; readonly column: string; readonly row: string }

/** Seals and opens text under one key. `open` throws SealBroken when the text, the place or the key is not the one it was sealed with. */
export interface Sealer { seal(place: Place, text: string): string; open(place: Place, sealed: string): string }

export interface TenantKeys extends Sealer {
  /** Id of the data key that seals now. */
  current(): string;
  /** Keyed hash of a normalized value, for equality search; 32 bytes, different per purpose. */
  blind(purpose: string, value: string): Buffer;
  /** Keyed hash for codes and tokens: 32 bytes. */
  mac(purpose: string, value: string | Buffer): Buffer;
  /** A secret key of this tenant for one purpose, 32 bytes; derived once. */
  key(purpose: string): KeyObject;
}

export interface SubjectKeys { readonly tenant: Uuid; readonly subject: Uuid; readonly sealer: Sealer }

/** `ENC:v1:<key id>:<base64url of nonce, ciphertext and tag>`. Key ids may hold colons; the body never does. */
export const SEALED = /^ENC:v1:(.{1,256}):([A-Za-z0-9_-]{38,})$/s;

export const kekUnavailable = problem('kek-unavailable', {
  status: 503, title: 'The key service cannot be reached.', doc: 'Sealed data stays closed until it answers. Nothing was changed.',
});

/** Keys of subjects that one process keeps opened. */
export const SUBJECT_KEYS_CACHED_MAX = 50_000;

/** A data key seals for so many days; then the next one does. */
export const KEY_DAYS = 90;
/** Every process reads the keys again this often; a new one seals after this long, when all have it. */
export const KEYS_FRESH_MS = 60_000;
export const SEALS_AFTER_MS = 10 * KEYS_FRESH_MS;
/** How often the age of the keys is looked at. */
export const ROTATION_EVERY_MS = 3_600_000;
/** Persons' keys that are sealed anew in one transaction. */
export const RESEAL_BATCH_MAX = 500;

export const ResealSubjects = job('vault.reseal-subjects', {
  doc: 'Seals the keys of persons anew by the data key that seals now, `after` a person; `moved` were so far.', data: { after: z.string(), moved: z.int() },
  priority: 'bulk', attemptsMax: 100,
});

export const rotationUnderWay = problem('rotation-under-way', {
  status: 409, title: 'The next key is on its way.', doc: 'It seals some minutes after it was made, when every process has it. Ask again then.',
});
