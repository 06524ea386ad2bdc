import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { fileHeads } from '#adapters/heads';
import { typst } from '#adapters/typst';
import { createBreakers, createLog, environment, newTrace, provide, systemClock, uuid, type Breakers, type Origin, type Provided } from '#kernel';
import { Typesetter } from '#platform/edge/port';
import { ObjectStore } from '#platform/objects/port';
import { HeadKeeper, SpoolFolder } from '#spine/audit/port';
import { createDirectory, type Directory, type TenantRecord } from '#spine/tenancy';
import { loadTenantKeys, vaultState } from '#spine/vault';
import { Kek } from '#spine/vault/port';
import { textOf, UsageFault } from './args.ts';
import { cellsFromEnvironment, embeddedCells } from './cells.ts';
import { dataFolder } from './folder.ts';
import { followKeys, kekFile, openKek } from './keys.ts';
import { connectAs, migrate, type CellConnection } from './migrate.ts';
import { modules } from './modules.ts';
import { objectStore } from './objects.ts';
import { openCell, type Cell } from './runtime.ts';
import { spoolOf } from './workers.ts';

/** What a command works with: the cells that this machine may open, and the directory. */
export interface Reached {
  readonly cells: ReadonlyMap<string, Cell>;
  readonly directory: Directory;
  readonly dataDir: string;
  /** True where the server is the embedded one, whose files lie in the data folder. */
  readonly embedded: boolean;
}

interface Running { host: string; port: number; cells: string[] }

/** Lets commands on this data folder find the server that this process runs. */
export const noteRunning = (dataDir: string, cells: readonly CellConnection[]): Promise<void> => writeFile(join(dataDir, 'running.json'),
  JSON.stringify({ host: cells[0]?.host, port: cells[0]?.port, cells: cells.map((c) => c.name) }), { mode: 0o600 });

/** The server of a running program on this data folder, if it answers. */
async function running(dataDir: string): Promise<CellConnection[] | undefined> {
  let known: Running;
  try {
    known = JSON.parse(await readFile(join(dataDir, 'running.json'), 'utf8')) as Running;
  } catch {
    return undefined;
  }
  const cells = await Promise.all(known.cells.map(async (name): Promise<CellConnection> => {
    const database = `exchequer_${name.toLowerCase()}`;
    const { password } = JSON.parse(await readFile(join(dataDir, 'cells', `${name}.json`), 'utf8')) as { password: string };
    return { name, host: known.host, port: known.port, database, user: `${database}_owner`, password };
  }));
  const client = new pg.Client(connectAs(cells[0] as CellConnection, 'owner'));
  try {
    await client.connect();
    await client.end();
    return cells;
  } catch {
    return undefined;
  }
}

/** Adapters of every command: the key-encryption key, and beside the data folder heads and spool. */
export async function localAdapters(dataDir: string, breakers: Breakers, spool = spoolOf(dataDir, 0)): Promise<Provided[]> {
  const kek = await openKek(kekFile(dataDir), breakers);
  const typesetter = typst();
  const objects = objectStore(dataDir, breakers);
  return [
    provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(join(dataDir, 'audit-heads'))), provide(SpoolFolder, () => spool),
    provide(Typesetter, () => typesetter), provide(ObjectStore, () => objects),
  ];
}

/** A command goes through people once; keys of the last ones are enough. */
const SUBJECT_KEYS_HELD = 2000;

/** Opens what a command needs, runs it and closes everything again. */
export async function reach(args: readonly string[], use: (reached: Reached) => Promise<number>): Promise<number> {
  const dataDir = dataFolder(textOf(args, '--data'));
  const named = cellsFromEnvironment(environment());
  const outside = named ?? await running(dataDir);
  const embedded = outside ? undefined : await embeddedCells(dataDir, ['IN', 'US']);
  const connections = outside ?? (embedded?.cells as CellConnection[]);
  const log = createLog({ level: 'warn' });
  const provided = [...await localAdapters(dataDir, createBreakers(systemClock, log)), vaultState(SUBJECT_KEYS_HELD)];
  for (const connection of connections) await migrate(connection, modules);
  const cells = new Map(connections.map((connection) => [connection.name, openCell({
    connection, modules, clock: systemClock, log, provided, sizes: { app: 2, batch: 1, spine: 2, auditor: 1 },
  })]));
  const stopKeys = followKeys([...cells.values()], { clock: systemClock, log });
  try {
    const directory = createDirectory({
      home: cells.get((connections[0] as CellConnection).name),
      file: join(dataDir, 'directory.json'),
      clock: systemClock,
      log,
    });
    await directory.refresh();
    return await use({ cells, directory, dataDir, embedded: named === undefined });
  } finally {
    stopKeys();
    await Promise.all([...cells.values()].map((c) => c.close()));
    await embedded?.server.stop();
  }
}

/** The tenants of the cells that this machine may open. */
export const tenantsOf = ({ cells, directory }: Pick<Reached, 'cells' | 'directory'>): { cell: Cell; tenant: TenantRecord }[] =>
  directory.all().flatMap((tenant) => {
    const cell = cells.get(tenant.cell);
    return cell ? [{ cell, tenant }] : [];
  });

/** The tenant that is named, by `--tenant` unless said (the only one, when there is one), with its keys loaded. */
export async function tenantOf(reached: Reached, args: readonly string[], slug = textOf(args, '--tenant')): Promise<{ tenant: TenantRecord; cell: Cell }> {
  const all = reached.directory.all();
  const tenant = slug === undefined ? (all.length === 1 ? all[0] : reached.directory.bySlug('india')) : reached.directory.bySlug(slug);
  if (!tenant) throw new UsageFault(`the tenant must be one of: ${all.map((t) => t.slug).join(', ')}`);
  const cell = reached.cells.get(tenant.cell);
  if (!cell) throw new UsageFault(`this machine holds no credential for cell ${tenant.cell}`);
  await loadTenantKeys(cell, tenant);
  return { tenant, cell };
}

/** A person at this machine's command line; their account name is hashed into an id, not stored. */
export function operatorOrigin(permissions: readonly string[]): Origin {
  const id = uuid(createHash('sha256').update(`operator ${userInfo().username}`).digest('hex').slice(0, 32));
  return { actor: { kind: 'operator', id, permissions }, trace: newTrace() };
}
