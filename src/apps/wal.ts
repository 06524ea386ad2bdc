import { access, mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import pg from 'pg';
import { giveToServer, launchPostgres } from '#adapters/postgres';
import { errorFields, systemClock, systemRandom, type Clock, type Log } from '#kernel';
import type { Kek } from '#spine/vault/port';
import { ArchiveWriter, readArchive } from './archive.ts';
import { UsageFault } from './args.ts';

/**
 * The log of the embedded server, kept beside a base backup so that any moment since can be brought back. The server hands each finished segment
 * over in the data folder (`archive_command`, run as its own user, which may not read keys); this process seals it into the backup folder and
 * takes it away. A segment that could not be kept stays with the server, which keeps its own copy until then.
 */
const WAL_CONTEXT = 'wal';
const LOOK_MS = 1000;
/** A segment has 16 MiB unless a server was made otherwise. */
const SEGMENT_BYTES_MAX = 64 * 1024 * 1024;
/** What an idle server may lose at most: after this long it finishes its segment. */
const SEGMENT_SECONDS_MAX = 60;
const SEGMENT = /^[0-9A-F]{8}(?:\.history|[0-9A-F]{16}(?:\.partial|\.[0-9A-F]{8}\.backup)?)$/;

const readyFolder = (dataDir: string): string => join(resolve(dataDir), 'wal-ready');

/** True for a folder whose server's log is kept; finished segments wait there while nobody seals them. */
export const keepsWal = (dataDir: string): Promise<boolean> => access(readyFolder(dataDir)).then(() => true, () => false);

/** Ends the keeping: what waits is dropped, since a start without an archive will not take it. */
export const endWal = (dataDir: string): Promise<void> => rm(readyFolder(dataDir), { recursive: true, force: true });

/** Makes the folder for finished segments; resolves to the server's settings for it. */
export async function archiveSettings(dataDir: string): Promise<Record<string, string>> {
  const folder = readyFolder(dataDir);
  if (/['%\\]/.test(folder)) throw new UsageFault('--archive: the data folder’s path may hold no quote, percent sign or backslash');
  // First the folder around it, which other users may pass through.
  await mkdir(resolve(dataDir), { recursive: true });
  await mkdir(folder, { recursive: true, mode: 0o700 });
  giveToServer(folder);
  const [part, whole] = [`'${folder}/%f.part'`, `'${folder}/%f'`];
  return {
    archive_mode: 'on', archive_timeout: String(SEGMENT_SECONDS_MAX),
    // On the disk before it is renamed, since the server forgets a segment that was taken.
    archive_command: `cp %p ${part} && sync ${part} && mv ${part} ${whole}`,
  };
}

interface Sealed { readonly keyId: string; readonly wrapped: string }

async function sealSegment(kek: Kek, source: string, folder: string, name: string): Promise<void> {
  const key = systemRandom.bytes(32);
  const to = join(folder, `${name}.sealed`);
  // What a process that was killed here left behind.
  await rm(to, { force: true });
  const out = await ArchiveWriter.create(to, key);
  // A segment that was finished by the clock is mostly empty; packed before it is sealed, since sealed bytes do not pack.
  await out.bytes(name, gzipSync(await readFile(source), { level: 1 }));
  await out.close();
  const sealed: Sealed = { keyId: kek.keyId, wrapped: await kek.wrap(key, `${WAL_CONTEXT} ${name}`) };
  await writeFile(join(folder, `${name}.part`), JSON.stringify(sealed), { flush: true });
  // Last: a segment with its key is whole.
  await rename(join(folder, `${name}.part`), join(folder, `${name}.json`));
}

/** Seals every finished segment into the backup folder; resolves to how many. */
export async function takeSegments(dataDir: string, backup: string, kek: Kek): Promise<number> {
  const folder = join(backup, 'wal');
  const names = (await readdir(readyFolder(dataDir))).filter((name) => SEGMENT.test(name)).toSorted();
  if (names.length) await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const name of names) {
    await sealSegment(kek, join(readyFolder(dataDir), name), folder, name);
    await rm(join(readyFolder(dataDir), name));
  }
  return names.length;
}

/** Keeps the log as long as it is not told to stop; `stop` takes what is finished by then. */
export function keepWal(o: { dataDir: string; backup: string; kek: Kek; clock: Clock; log: Log }): { stop(): Promise<void> } {
  const ending = new AbortController();
  const take = async (): Promise<void> => {
    try {
      await takeSegments(o.dataDir, o.backup, o.kek);
    } catch (error) {
      o.log.error('backup.wal-not-kept', errorFields(error));
    }
  };
  const running = (async () => {
    while (!ending.signal.aborted) {
      await take();
      await o.clock.sleep(LOOK_MS, ending.signal);
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

/** Opens the kept segments into a folder that the server may read; a damaged one is refused by its seal. */
async function openSegments(backup: string, kek: Kek, to: string): Promise<number> {
  const folder = join(backup, 'wal');
  const names = (await readdir(folder).catch(() => [])).filter((name) => name.endsWith('.json')).map((name) => name.slice(0, -'.json'.length));
  await mkdir(to, { recursive: true, mode: 0o700 });
  for (const name of names) {
    const { wrapped } = JSON.parse(await readFile(join(folder, `${name}.json`), 'utf8')) as Sealed;
    const key = await kek.unwrap(wrapped, `${WAL_CONTEXT} ${name}`);
    const parts: Buffer[] = [];
    await readArchive(join(folder, `${name}.sealed`), key, async () => ({ write: async (part) => void parts.push(part), end: async () => undefined }));
    await writeFile(join(to, name), gunzipSync(Buffer.concat(parts), { maxOutputLength: SEGMENT_BYTES_MAX }), { mode: 0o600 });
  }
  giveToServer(to);
  return names.length;
}

const RECOVERY_MS_MAX = 3_600_000;

/** How far to go: an instant, or all that was kept. */
export type Until = Date | 'end';

/** Runs the kept log over a restored base as far as asked; the server's files are then those of that moment, and it is stopped. */
export async function recoverUntil(o: { dataDir: string; backup: string; kek: Kek; until: Until }): Promise<void> {
  const segments = join(resolve(o.dataDir), 'wal-restore');
  if (/['%\\]/.test(segments)) throw new UsageFault('--data: the path may hold no quote, percent sign or backslash');
  const count = await openSegments(o.backup, o.kek, segments);
  if (count === 0) throw new UsageFault(`${o.backup} holds no log: it was not made with --archive`);
  const server = join(o.dataDir, 'postgres');
  await writeFile(join(server, 'recovery.signal'), '');
  const settings = {
    restore_command: `cp '${segments}/%f' %p`,
    ...(o.until === 'end' ? {} : { recovery_target_time: o.until.toISOString().replace('T', ' ').replace('Z', '+00') }),
    // No readers meanwhile: for them it would want at least the limits that the lost server had.
    recovery_target_action: 'promote', archive_mode: 'off', hot_standby: 'off',
  };
  try {
    const running = await launchPostgres({ dataDir: server, settings, timeoutMs: RECOVERY_MS_MAX });
    try {
      while (await stillRecovering(running.connection('postgres'))) await systemClock.sleep(RECOVERY_POLL_MS);
    } finally {
      await running.stop();
    }
  } catch (error) {
    // Where the log is too short the server ends itself, and says so in its own log.
    if (o.until === 'end' || !/recovery ended before configured recovery target/.test(await readFile(`${server}.log`, 'utf8'))) throw error;
    throw new UsageFault(`the log that was kept does not reach ${o.until.toISOString()}: choose an earlier moment, or end for all that was kept`);
  }
  await rm(segments, { recursive: true });
}

const RECOVERY_POLL_MS = 50;
const CANNOT_CONNECT_NOW = '57P03';

/** True until the server takes connections, which it does when it has come to the moment. Throws when it is gone. */
async function stillRecovering(connection: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client(connection);
  client.on('error', () => undefined); // the query fails as well, and says why
  try {
    await client.connect();
    return (await client.query<{ still: boolean }>('select pg_is_in_recovery() as still')).rows[0]?.still ?? true;
  } catch (error) {
    if ((error as { code?: string }).code === CANNOT_CONNECT_NOW) return true;
    throw error;
  } finally {
    await client.end();
  }
}

/** How far to go as it is typed: RFC 3339 with its offset, or the word end. */
export function untilOf(text: string): Until {
  if (text === 'end') return text;
  const at = /^\d{4}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?(?:Z|[+-]\d\d:\d\d)$/.test(text) ? new Date(text) : new Date(Number.NaN);
  if (Number.isNaN(at.getTime())) throw new UsageFault('--until is an instant with its offset, such as 2026-11-25T14:30:00+05:30, or end');
  return at;
}
