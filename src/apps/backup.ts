import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join, relative } from 'node:path';
import pg from 'pg';
import { systemClock, systemRandom } from '#kernel';
import { Kek } from '#spine/vault/port';
import { ArchiveWriter } from './archive.ts';
import { plainOf, UsageFault } from './args.ts';
import { backupObjects, copyAll } from './copies.ts';
import { connectAs, migrationFiles } from './migrate.ts';
import { modules } from './modules.ts';
import { reach, tenantsOf, type Reached } from './reach.ts';
import type { Cell } from './runtime.ts';

export interface Manifest {
  readonly format: 1;
  readonly kind: 'base' | 'rows';
  readonly at: string;
  readonly cells: readonly string[];
  /** The archive's key, wrapped by the key-encryption key under this name. */
  readonly keyId: string;
  readonly wrapped: string;
  readonly migrations: readonly string[];
}

export const BACKUP_CONTEXT = 'backup';
export const WAL_WAIT_MS = 200;

/** Parts of a data folder that a base backup leaves out: they belong to the running server, or recovery makes them anew. */
const LEFT_OUT =
  /^(postmaster\.(pid|opts)|pg_(dynshmem|notify|serial|snapshots|stat_tmp|subtrans|wal|replslot)\/.+|base\/pgsql_tmp.*|.*pg_internal\.init.*)$/;

async function* filesBelow(folder: string): AsyncGenerator<string> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path);
    else if (entry.isFile()) yield path;
  }
}

const walName = (text: string): boolean => /^[0-9A-F]{24}(\.[0-9A-F]{8}\.backup)?$/.test(text);

async function superuser(reached: Reached): Promise<pg.Client> {
  const { connection } = [...reached.cells.values()][0] as Cell;
  const password = await readFile(join(reached.dataDir, 'postgres.password'), 'utf8');
  const client = new pg.Client({ host: connection.host, port: connection.port, user: 'postgres', password, database: 'postgres' });
  await client.connect();
  return client;
}

/** Copies the live data folder between `pg_backup_start` and `pg_backup_stop`, with the WAL from one to the other. */
async function baseBackup(reached: Reached, out: ArchiveWriter): Promise<void> {
  const client = await superuser(reached);
  const folder = join(reached.dataDir, 'postgres');
  try {
    const start = (await client.query<{ file: string }>("select pg_walfile_name(pg_backup_start('exchequer', true)) as file")).rows[0]?.file as string;
    for await (const path of filesBelow(folder)) {
      const name = relative(folder, path);
      if (LEFT_OUT.test(name)) continue;
      // A table dropped since the folder was listed is gone from its file too; recovery does not miss it.
      if (await stat(path).then(() => true, () => false)) await out.file(`postgres/${name}`, path);
    }
    const stop = (await client.query<{ lsn: string; labelfile: string; spcmapfile: string }>('select lsn, labelfile, spcmapfile from pg_backup_stop(false)'))
      .rows[0];
    if (!stop) throw new Error('the backup could not be ended');
    await out.bytes('postgres/backup_label', Buffer.from(stop.labelfile));
    const last = (await client.query<{ file: string }>('select pg_walfile_name($1::pg_lsn) as file', [stop.lsn])).rows[0]?.file as string;
    await client.query('select pg_switch_wal()');
    await systemClock.sleep(WAL_WAIT_MS);
    const segments = (await readdir(join(folder, 'pg_wal'))).filter((f) => walName(f) && f.length === 24 && f >= start && f <= last).toSorted();
    if (segments[0] !== start || !segments.includes(last))
      throw new Error('the server has already recycled WAL that this backup needs; try again with a larger wal_keep_size');
    for (const segment of segments) await out.file(`postgres/pg_wal/${segment}`, join(folder, 'pg_wal', segment));
  } finally {
    await client.end();
  }
  for (const name of ['postgres.password', 'directory.json']) await out.file(name, join(reached.dataDir, name));
  for (const part of ['cells', 'audit-heads']) {
    for (const file of await readdir(join(reached.dataDir, part)).catch(() => [])) await out.file(`${part}/${file}`, join(reached.dataDir, part, file));
  }
}

const FETCH_ROWS = 2000;

/** Every row of a cell's tables in one snapshot, as JSON; the structure comes from the migrations. */
async function rowBackup(cell: Cell, out: ArchiveWriter): Promise<void> {
  const client = new pg.Client(connectAs(cell.connection, 'owner'));
  await client.connect();
  try {
    await client.query('begin isolation level repeatable read read only');
    for (const module of modules) {
      for (const [table, { view }] of Object.entries(module.tables ?? {})) {
        if (view) continue;
        await client.query(`declare c cursor for select row_to_json(t)::text as row from ${table} t`);
        for (let part = 0; ; part++) {
          const { rows } = await client.query<{ row: string }>(`fetch ${FETCH_ROWS} from c`);
          if (!rows.length) break;
          await out.bytes(`rows/${cell.name}/${table}/${String(part).padStart(8, '0')}.ndjson`, Buffer.from(rows.map((r) => r.row).join('\n')));
        }
        await client.query('close c');
      }
    }
    await client.query('rollback');
  } finally {
    await client.end();
  }
}

/** What a backup holds. `missing` are rows whose object the store does not have. */
export interface Backed { readonly bytes: number; readonly objects: number; readonly missing: readonly string[] }

/** Writes a backup into a folder: what is in it is sealed under a key of its own, and that key under the key-encryption key. */
export async function makeBackup(reached: Reached, folder: string, kind: Manifest['kind']): Promise<Backed> {
  await mkdir(folder, { recursive: true });
  // The log of an earlier base may lie there already; it belongs to this one as well.
  if ((await readdir(folder)).some((name) => name !== 'wal')) throw new UsageFault(`${folder} is not empty`);
  const kek = ([...reached.cells.values()][0] as Cell).use(Kek);
  const key = systemRandom.bytes(32);
  const out = await ArchiveWriter.create(join(folder, 'data.sealed'), key);
  if (kind === 'base') await baseBackup(reached, out);
  else for (const cell of reached.cells.values()) await rowBackup(cell, out);
  await out.close();
  // After the rows: whatever object a row of the backup stands for was there before the row.
  const objects = await copyAll(tenantsOf(reached), backupObjects(folder, key), 'into-backup');
  const manifest: Manifest = {
    format: 1, kind, at: systemClock.now().toISOString(), cells: [...reached.cells.keys()], keyId: kek.keyId, wrapped: await kek.wrap(key, BACKUP_CONTEXT),
    migrations: (await migrationFiles(modules)).map((f) => `${f.module}/${f.file} ${f.sha256}`),
  };
  // Last: a folder with a manifest is a whole backup.
  await writeFile(join(folder, 'manifest.json'), JSON.stringify(manifest, null, 1));
  return { bytes: out.bytesWritten + objects.bytes, objects: objects.copied, missing: objects.missing };
}

/** `exchequer backup <dir>` */
export async function backup(args: readonly string[]): Promise<number> {
  const [folder] = plainOf(args, ['--data']);
  if (!folder) throw new UsageFault('exchequer backup <empty folder>');
  return reach(args, async (reached) => {
    const began = systemClock.monotonicMs();
    const kind = reached.embedded ? 'base' : 'rows';
    const { bytes, objects, missing } = await makeBackup(reached, folder, kind);
    const seconds = ((systemClock.monotonicMs() - began) / 1000).toFixed(1);
    process.stdout.write(`${(bytes / 1e6).toFixed(1)} MB in ${seconds} s, ${objects} objects among them, sealed, in ${folder}\n`
      + 'The key-encryption key is not in it. Keep that key elsewhere: without it this backup cannot be read by anybody.\n');
    for (const row of missing) process.stderr.write(`not in the object store, and so not in this backup: the object of ${row}\n`);
    return missing.length ? 1 : 0;
  });
}
