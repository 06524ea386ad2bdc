import { createCipheriv, createDecipheriv, createSecretKey, hkdfSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { folderObjects } from '#adapters/objects';
import { errorFields, systemRandom, type CellContext, type Clock, type Log, type TenantRef, type Uuid } from '#kernel';
import { copyObjects } from '#platform/objects';
import { ObjectStore } from '#platform/objects/port';
import { Kek } from '#spine/vault/port';
import { BACKUP_CONTEXT, type Manifest } from './backup.ts';

/** Objects beside a backup: each a file of the folder `objects` in it, sealed again under a key of the backup's, so that a damaged one is known as such. */

const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** A file of a backup that is not as it was written, or not of this backup. */
class Damaged extends Error {}

/** The store of a backup's objects. A changed, cut or exchanged file is refused when it is asked for. */
export function backupObjects(folder: string, backupKey: Buffer): ObjectStore {
  // A key of its own: the archive counts its nonces, here they are drawn.
  const key = createSecretKey(Buffer.from(hkdfSync('sha256', backupKey, 'exchequer', 'backup objects', 32)));
  const files = folderObjects(join(folder, 'objects'));
  return {
    ...files, name: 'backup',
    put(name, bytes) {
      const nonce = systemRandom.bytes(NONCE_BYTES);
      const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(name));
      return files.put(name, Buffer.concat([nonce, cipher.update(bytes), cipher.final(), cipher.getAuthTag()]));
    },
    async get(name) {
      const sealed = await files.get(name);
      if (!sealed) return undefined;
      try {
        const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, NONCE_BYTES), { authTagLength: TAG_BYTES }).setAAD(Buffer.from(name));
        decipher.setAuthTag(sealed.subarray(-TAG_BYTES));
        return Buffer.concat([decipher.update(sealed.subarray(NONCE_BYTES, -TAG_BYTES)), decipher.final()]);
      } catch (cause) {
        throw new Damaged(`objects/${name}`, { cause });
      }
    },
  };
}

/** What came of the objects of all tenants: how many were copied, how large, which rows have none, and which files of a backup are damaged. */
export interface AllCopied { readonly copied: number; readonly bytes: number; readonly missing: readonly string[]; readonly damaged: readonly string[] }
type Tenants = readonly { readonly cell: CellContext; readonly tenant: TenantRef }[];
/** Where the cell's own objects lie, and the other way round. */
export type Way = 'into-backup' | 'out-of-backup';

/** Copies the objects of tenants into a backup or out of it; `after` says from which row on, tenant by tenant. */
export async function copyAll(tenants: Tenants, backup: ObjectStore, way: Way, after?: (tenant: TenantRef) => Uuid): Promise<AllCopied> {
  const total = { copied: 0, bytes: 0, missing: [] as string[], damaged: [] as string[] };
  // One damaged file must not keep the others back: it counts as missing, and is named.
  const whole: ObjectStore = {
    ...backup,
    get: (key) => backup.get(key).catch((error: unknown) => {
      if (!(error instanceof Damaged)) throw error;
      total.damaged.push(error.message);
      return undefined;
    }),
  };
  for (const { cell, tenant } of tenants) {
    const own = cell.use(ObjectStore);
    const [from, to] = way === 'into-backup' ? [own, whole] : [whole, own];
    const one = await copyObjects({ cell, tenant }, from, to, after?.(tenant));
    total.copied += one.copied;
    total.bytes += one.bytes;
    total.missing.push(...one.missing.map((row) => `${tenant.slug} ${row}`));
  }
  return total;
}

const COPY_EVERY_MS = 60_000;
/** Rows are committed some time after their ids were made: each look goes back this far before the one before it. */
const OVERLAP_MS = 3_600_000;

const idFrom = (at: number): Uuid => `${Math.max(0, at).toString(16).padStart(12, '0')}${'0'.repeat(20)}` as Uuid;

/** Brings new objects into a backup folder once a minute, beside the log that is kept in it, until it is told to stop; then once more. */
export function keepCopies(o: { folder: string; kek: Kek; tenants: () => Tenants; clock: Clock; log: Log }): { stop(): Promise<void> } {
  const ending = new AbortController();
  let seen: { wrapped: string; atMs: number } | undefined;
  const take = async (): Promise<void> => {
    try {
      // No base backup yet, no key: what is there by then goes with it.
      const text = await readFile(join(o.folder, 'manifest.json'), 'utf8').catch((error: unknown) => {
        if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
        throw error;
      });
      if (text === undefined) return;
      const { wrapped } = JSON.parse(text) as Manifest;
      const atMs = o.clock.now().getTime();
      const since = seen?.wrapped === wrapped ? seen.atMs - OVERLAP_MS : 0;
      const store = backupObjects(o.folder, await o.kek.unwrap(wrapped, BACKUP_CONTEXT));
      const { missing } = await copyAll(o.tenants(), store, 'into-backup', (tenant) => idFrom(since && since + tenant.clockOffsetMs));
      if (missing.length) o.log.error('backup.objects-missing', { count: missing.length, first: missing[0] });
      seen = { wrapped, atMs };
    } catch (error) {
      o.log.error('backup.objects-not-kept', errorFields(error));
    }
  };
  const running = (async () => {
    while (!ending.signal.aborted) {
      await take();
      await o.clock.sleep(COPY_EVERY_MS, ending.signal);
    }
  })();
  return {
    async stop() {
      ending.abort();
      await running;
      await take();
    },
  };
}
