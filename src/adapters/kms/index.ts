import { createCipheriv, createDecipheriv, createSecretKey, hash, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { systemRandom, writeOnce } from '#kernel';
import type { Kek } from '#spine/vault/port';

export { transitKek, type TransitOptions } from './transit.ts';

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/**
 * A key-encryption key in a file beside the data: whoever reads the disk reads everything. For the demo and development;
 * a start with NODE_ENV=production refuses it.
 */
export async function fileKek(file: string): Promise<Kek> {
  let bytes: Buffer;
  try {
    bytes = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64url');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    bytes = systemRandom.bytes(32);
    // On the disk before anything is wrapped by it. Never over another process's key: the one that was there first wins.
    if (!await writeOnce(file, `${bytes.toString('base64url')}\n`)) bytes = Buffer.from((await readFile(file, 'utf8')).trim(), 'base64url');
  }
  if (bytes.length !== 32) throw new Error(`${file} holds no key of 32 bytes`);
  const key: KeyObject = createSecretKey(bytes);
  const keyId = `file:${hash('sha256', bytes).slice(0, 12)}`;
  return {
    keyId,
    wrap: async (plain, context) => {
      const nonce = systemRandom.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce);
      cipher.setAAD(Buffer.from(`${keyId} ${context}`));
      return Buffer.concat([nonce, cipher.update(plain), cipher.final(), cipher.getAuthTag()]).toString('base64url');
    },
    unwrap: async (wrapped, context) => {
      const body = Buffer.from(wrapped, 'base64url');
      const decipher = createDecipheriv('aes-256-gcm', key, body.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES });
      decipher.setAAD(Buffer.from(`${keyId} ${context}`));
      decipher.setAuthTag(body.subarray(body.length - TAG_BYTES));
      return Buffer.concat([decipher.update(body.subarray(NONCE_BYTES, body.length - TAG_BYTES)), decipher.final()]);
    },
  };
}
