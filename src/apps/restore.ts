import { access, chmod, copyFile, mkdir, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { environment, readConfig, systemClock } from '#kernel';
import { fileSink, readArchive, type EntrySink } from './archive.ts';
import { plainOf, textOf, UsageFault } from './args.ts';
import { BACKUP_CONTEXT, type Manifest } from './backup.ts';
import { cellsFromEnvironment } from './cells.ts';
import { backupObjects, copyAll } from './copies.ts';
import { kekConfig, kekFile, openKek } from './keys.ts';
import { applyMigrations, connectAs, migrate, migrationFiles, type CellConnection } from './migrate.ts';
import { modules } from './modules.ts';
import { reach, tenantsOf } from './reach.ts';
import { verifyReached } from './verify.ts';
import { recoverUntil, untilOf } from './wal.ts';

const quoted = (name: string): string => name.split('.').map((part) => `"${part}"`).join('.');

/** Puts rows of a `rows` backup into the empty tables of a cell. */
async function insertRows(client: pg.Client, table: string, lines: string[]): Promise<void> {
  if (!lines.length) return;
  await client.query(`insert into ${quoted(table)} overriding system value select * from json_populate_recordset(null::${quoted(table)}, $1::json)`, [
    `[${lines.join(',')}]`,
  ]);
}

/** Sequences go on behind the highest number that stands in any column that draws from them, in their own steps. */
async function continueSequences(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ sequence: string; step: string; table: string; column: string }>(`
    select s.seqrelid::regclass::text as sequence, s.seqincrement as step, a.attrelid::regclass::text as table, quote_ident(a.attname) as column
    from pg_sequence s join pg_attribute a on (a.attrelid, a.attnum) in (
      select refobjid, refobjsubid from pg_depend where classid = 'pg_class'::regclass and objid = s.seqrelid and deptype in ('i', 'a') and refobjsubid > 0
      union select f.adrelid, f.adnum from pg_depend d join pg_attrdef f on f.oid = d.objid
      where d.classid = 'pg_attrdef'::regclass and d.refclassid = 'pg_class'::regclass and d.refobjid = s.seqrelid)`);
  for (const [sequence, columns] of Map.groupBy(rows, (r) => r.sequence)) {
    const highest = `greatest(${columns.map((c) => `(select max(${c.column}) from ${c.table})`).join(', ')}, 0)`;
    await client.query(`select setval('${sequence}', (${highest} / ${columns[0]?.step} + 1) * ${columns[0]?.step}, false)`);
  }
}

async function restoreRows(manifest: Manifest, archive: string, key: Buffer, cells: readonly CellConnection[]): Promise<void> {
  const known = (await migrationFiles(modules)).map((f) => `${f.module}/${f.file} ${f.sha256}`);
  const missing = manifest.migrations.filter((m) => !known.includes(m));
  if (missing.length) throw new UsageFault(`this backup was made by a release with other migrations: ${missing[0]}`);
  const clients = new Map<string, pg.Client>();
  try {
    for (const cell of cells) {
      const client = new pg.Client(connectAs(cell, 'owner'));
      await client.connect();
      clients.set(cell.name, client);
      // Tables first, rights after the rows: row-level security is put on by the rights.
      await applyMigrations(client, modules);
      const { rows } = await client.query('select 1 from tenancy.tenant limit 1');
      if (rows.length) throw new UsageFault(`cell ${cell.name} is not empty`);
    }
    await readArchive(archive, key, async (heading): Promise<EntrySink> => {
      const [, cell = '', table = ''] = heading.path.split('/');
      const client = clients.get(cell);
      if (!client) throw new UsageFault(`the backup holds cell ${cell}, and no database is named for it`);
      const parts: Buffer[] = [];
      return {
        write: async (part) => void parts.push(part),
        end: () => insertRows(client, table, Buffer.concat(parts).toString('utf8').split('\n').filter(Boolean)),
      };
    });
    for (const client of clients.values()) await continueSequences(client);
  } finally {
    for (const client of clients.values()) await client.end();
  }
  for (const cell of cells) await migrate(cell, modules);
}

/** `exchequer restore <backup> --data <new folder> [--until <instant>|end] [--kek <file>]`: ends in `verify`. */
export async function restore(args: readonly string[]): Promise<number> {
  const [folder] = plainOf(args, ['--data', '--kek', '--until']);
  const data = textOf(args, '--data');
  if (!folder || !data) throw new UsageFault('exchequer restore <backup folder> --data <new, empty folder> [--until <instant>|end] [--kek <key file>]');
  const asked = textOf(args, '--until');
  const until = asked === undefined ? undefined : untilOf(asked);
  const dataDir = resolve(data);
  const manifest = JSON.parse(
    await readFile(join(folder, 'manifest.json'), 'utf8').catch(() => {
      throw new UsageFault(`${folder} holds no whole backup`);
    }),
  ) as Manifest;
  if (until && (manifest.kind !== 'base' || (until !== 'end' && until < new Date(manifest.at))))
    throw new UsageFault(`--until: this backup holds moments from ${manifest.at} on, of the embedded server only`);
  await mkdir(dataDir, { recursive: true });
  const present = (await readdir(dataDir)).filter((f) => f !== 'keys');
  if (present.length) throw new UsageFault(`${dataDir} is not empty`);
  const keyFile = textOf(args, '--kek') ?? kekFile(dataDir);
  const service = readConfig(kekConfig, environment()).url;
  if (!service) await access(keyFile).catch(() => {
    throw new UsageFault(`the key-encryption key is restored first: put it at ${kekFile(dataDir)}, or name it with --kek`);
  });
  const kek = await openKek(keyFile);
  const began = systemClock.monotonicMs();
  const key = await kek.unwrap(manifest.wrapped, BACKUP_CONTEXT).catch(() => {
    throw new UsageFault(`this backup is sealed under key ${manifest.keyId}, and ${service ?? keyFile} is ${kek.keyId}`);
  });
  const archive = join(folder, 'data.sealed');
  if (manifest.kind === 'base') await readArchive(archive, key, (heading) => fileSink(dataDir, heading));
  else {
    const cells = cellsFromEnvironment(environment());
    if (!cells) throw new UsageFault('this backup holds rows: name the new servers in EXCHEQUER_CELLS or DATABASE_URL');
    await restoreRows(manifest, archive, key, cells);
  }
  if (textOf(args, '--kek') && !service) await placeKey(keyFile, dataDir);
  if (manifest.kind === 'base') await emptyFolders(dataDir);
  if (until) await recoverUntil({ dataDir, backup: resolve(folder), kek, until });
  const seconds = ((systemClock.monotonicMs() - began) / 1000).toFixed(1);
  const reached = until === 'end' ? 'the last change that was kept' : (until?.toISOString() ?? manifest.at);
  process.stdout.write(`restored the state of ${reached} in ${seconds} s; verifying\n`);
  return reach(['--data', dataDir], async (restored) => {
    const { copied, missing, damaged } = await copyAll(tenantsOf(restored), backupObjects(folder, key), 'out-of-backup');
    const lost = missing.length ? `, ${missing.length} are not in this backup` : '';
    process.stdout.write(`objects: ${copied} put back${lost}${damaged.map((name) => `; damaged: ${name}`).join('')}\n`);
    return verifyReached(restored);
  });
}

async function placeKey(keyFile: string, dataDir: string): Promise<void> {
  await mkdir(join(dataDir, 'keys'), { recursive: true });
  await copyFile(keyFile, kekFile(dataDir));
}

/** Folders that a server expects and an archive of files does not carry. */
async function emptyFolders(dataDir: string): Promise<void> {
  for (const name of [
    'pg_commit_ts',
    'pg_dynshmem',
    'pg_logical/mappings',
    'pg_logical/snapshots',
    'pg_notify',
    'pg_replslot',
    'pg_serial',
    'pg_snapshots',
    'pg_stat',
    'pg_stat_tmp',
    'pg_subtrans',
    'pg_tblspc',
    'pg_twophase',
    'pg_wal/archive_status',
    'pg_wal/summaries',
  ])
    await mkdir(join(dataDir, 'postgres', name), { recursive: true, mode: 0o700 });
  await chmod(join(dataDir, 'postgres'), 0o700);
}
