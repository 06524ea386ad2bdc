import { createCipheriv, createDecipheriv, createHmac, createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import { systemRandom, type Random } from '#kernel';
import { SEALED, type Place, type Sealer, type TenantKeys } from './contract.ts';

/** Nonce of AES-GCM (NIST SP 800-38D §8.2.2): 96 random bits; at most 2³² seals under one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

export class SealBroken extends Error {
  constructor(reason: 'format' | 'key' | 'authentication') {
    super(`a sealed value did not open: ${reason}`);
    this.name = 'SealBroken';
  }
}

/** Splits a sealed value; throws SealBroken for anything else, so that plain text never passes as sealed. */
export function parseSealed(sealed: string): { keyId: string; body: Buffer } {
  const match = SEALED.exec(sealed);
  if (!match) throw new SealBroken('format');
  const body = Buffer.from(match[2] as string, 'base64url');
  if (body.length < NONCE_BYTES + TAG_BYTES) throw new SealBroken('format');
  return { keyId: match[1] as string, body };
}

const counted = (part: string): string => `${Buffer.byteLength(part)}:${part}`;
/** Associated data: every part with its length, so that no two places give the same bytes. */
const associated = (tenant: string, keyId: string, p: Place): Buffer =>
  Buffer.from(`${counted(tenant)}|${counted(keyId)}|${counted(p.table)}|${counted(p.column)}|${counted(p.row)}`);

/** AES-256-GCM of bytes: nonce, ciphertext, tag. */
export function encrypt(key: KeyObject, plain: Buffer, aad: Buffer, random: Random = systemRandom): Buffer {
  const nonce = random.bytes(NONCE_BYTES);
  const cipher = createCipheriv('aes-256-gcm', key, nonce);
  cipher.setAAD(aad);
  return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]);
}

/** The plain bytes; throws SealBroken when anything was changed. */
export function decrypt(key: KeyObject, body: Buffer, aad: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
  decipher.setAAD(aad);
  decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
  try {
    // A stream mode keeps nothing back for the end: what `final` does is to check the tag.
    const plain = decipher.update(body.subarray(NONCE_BYTES, body.length - TAG_BYTES));
    decipher.final();
    return plain;
  } catch {
    throw new SealBroken('authentication');
  }
}

/** A key and when its turn to seal begins. */
export interface Turn { readonly keyId: string; readonly fromMs: number }
/** Whose turn it is, of keys in their order: the last one that has begun; the first where none has. */
export const keyAt = (turns: readonly Turn[], atMs: number): string => (turns.findLast((t) => t.fromMs <= atMs) ?? turns[0] as Turn).keyId;

const noKey = (): Error => new SealBroken('key');

/** A sealer over the key whose turn it is and the older ones that still open. `missing` says what is thrown for a key that is not among them. */
export function sealer(tenant: string, current: () => string, keys: ReadonlyMap<string, KeyObject>, missing: (id: string) => Error = noKey): Sealer {
  const keyOf = (id: string): KeyObject => {
    const key = keys.get(id);
    if (!key) throw missing(id);
    return key;
  };
  return {
    seal(place, text) {
      const id = current();
      return `ENC:v1:${id}:${encrypt(keyOf(id), Buffer.from(text, 'utf8'), associated(tenant, id, place)).toString('base64url')}`;
    },
    open: (place, sealed) => {
      const { keyId, body } = parseSealed(sealed);
      return decrypt(keyOf(keyId), body, associated(tenant, keyId, place)).toString('utf8');
    },
  };
}

export const secretKey = (bytes: Uint8Array): KeyObject => createSecretKey(bytes);

/** A tenant's keys from its data keys and its index root. Purposes are separated by HKDF-SHA-256 (RFC 5869). */
export function tenantKeys(tenant: string, current: () => string, keys: ReadonlyMap<string, KeyObject>, indexRoot: Buffer,
  missing?: (id: string) => Error): TenantKeys {
  const derived = new Map<string, KeyObject>();
  const keyFor = (purpose: string): KeyObject => {
    let key = derived.get(purpose);
    if (!key) derived.set(purpose, (key = secretKey(new Uint8Array(hkdfSync('sha256', indexRoot, tenant, `exchequer ${purpose}`, 32)))));
    return key;
  };
  const mac = (purpose: string, value: string | Buffer): Buffer => createHmac('sha256', keyFor(purpose)).update(value).digest();
  return { ...sealer(tenant, current, keys, missing), current, blind: (purpose, value) => mac(`blind ${purpose}`, value), mac, key: keyFor };
}
