import { existsSync, readFileSync } from 'node:fs';
import { mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import pg from 'pg';
import { keepPostgres, type PostgresServer } from '#adapters/postgres';
import { ConfigFault, lineTo, systemRandom, writeOnce, type Environment } from '#kernel';
import type { CellConnection, CellTls } from './migrate.ts';
import { archiveSettings, keepsWal } from './wal.ts';

export const CELL_NAME = /^[A-Z][A-Z0-9]{1,15}$/;

/** `sslmode` as libpq has it. `allow` and `prefer` are not taken: both fall back to clear text for whoever stands between. */
const TLS_MODES: ReadonlyMap<string, CellTls['verify'] | false> = new Map<string, CellTls['verify'] | false>([
  ['disable', false], ['require', 'nothing'], ['verify-ca', 'chain'], ['verify-full', 'host'],
]);

function rootsIn(where: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    throw new ConfigFault([`${where}: sslrootcert "${file}" cannot be read`]);
  }
  if (!text.includes('-----BEGIN CERTIFICATE-----')) throw new ConfigFault([`${where}: sslrootcert "${file}" holds no certificate (PEM)`]);
  return text;
}

/** What an address says of TLS; undefined where it says nothing. What is not understood is refused, or it would be reached in clear by mistake. */
function tlsOf(where: string, { searchParams: said }: URL): CellTls | false | undefined {
  const strange = [...said.keys()].find((key) => key.toLowerCase().startsWith('ssl')
    && (!['sslmode', 'sslrootcert'].includes(key) || said.getAll(key).length > 1));
  if (strange !== undefined) throw new ConfigFault([`${where}: of TLS only sslmode and sslrootcert are known, each once, not "${strange}"`]);
  const [mode, file] = [said.get('sslmode'), said.get('sslrootcert')];
  if (mode === null && file === null) return undefined;
  const verify = TLS_MODES.get(mode ?? '');
  if (verify === undefined) {
    throw new ConfigFault([`${where}: sslmode ${mode === null ? 'is missing' : `"${mode}" is not known`}; it is one of ${[...TLS_MODES.keys()].join(', ')}`]);
  }
  if (verify === false) return false;
  // As libpq does it: who names roots and only `require` wants them to count.
  const chain = verify === 'chain' || (verify === 'nothing' && file !== null);
  if (chain && (file === null || file === 'system')) {
    throw new ConfigFault([`${where}: sslmode "${mode}" needs sslrootcert=<file>: the public authorities vouch for anybody's server`]);
  }
  return { verify: chain ? 'chain' : verify, ...(file === null || file === 'system' ? {} : { roots: rootsIn(where, file) }) };
}

function fromUrl(where: string, name: string, text: string): CellConnection {
  const url = new URL(text);
  if (!['postgres:', 'postgresql:'].includes(url.protocol)) throw new TypeError('another protocol');
  const tls = tlsOf(where, url);
  return {
    name, host: url.hostname.replace(/^\[(.*)\]$/, '$1'), port: Number(url.port || 5432), database: decodeURIComponent(url.pathname.slice(1)),
    user: decodeURIComponent(url.username), password: decodeURIComponent(url.password), ...(tls === undefined ? {} : { tls }),
  };
}

function cellAt(setting: string, name: string, text: string): CellConnection {
  const where = `${setting}: the address of cell ${name}`;
  try {
    return fromUrl(where, name, text);
  } catch (error) {
    if (error instanceof ConfigFault) throw error;
    throw new ConfigFault([`${where} is not a postgres:// URL`]);
  }
}

/** Cells on outside servers, from `EXCHEQUER_CELLS='IN=postgres://…,US=postgres://…'` or one from `DATABASE_URL`; undefined means the embedded server. */
export function cellsFromEnvironment(env: Environment): CellConnection[] | undefined {
  if (env.EXCHEQUER_CELLS) {
    return env.EXCHEQUER_CELLS.split(',').map((part) => {
      const at = part.indexOf('=');
      const name = part.slice(0, at).trim();
      if (!CELL_NAME.test(name)) throw new ConfigFault([`EXCHEQUER_CELLS: "${name}" is no cell name (capital letters and digits, at least two)`]);
      return cellAt('EXCHEQUER_CELLS', name, part.slice(at + 1).trim());
    });
  }
  return env.DATABASE_URL ? [cellAt('DATABASE_URL', 'MAIN', env.DATABASE_URL)] : undefined;
}

const errors = lineTo(2);
/** On the error stream, for whoever looks after the machine: also where that leads to the full disk which ended the server. */
export const toldOf = (line: string): void => errors.write(`${line}\n`);

/** Starts the embedded server and gives each cell a database with an owner of its own; a cell's secret lies in a file of its own. */
export async function embeddedCells(dataDir: string, names: readonly string[], settings: Record<string, string> = {}): Promise<{ server: PostgresServer;
  cells: CellConnection[] }> {
  await mkdir(dataDir, { recursive: true });
  // Whoever starts the server of a folder whose log is kept hands its segments over too: a gap would end every later recovery.
  const kept = await keepsWal(dataDir) ? await archiveSettings(dataDir) : {};
  const server = await keepPostgres({ dataDir: join(dataDir, 'postgres'), settings: { ...kept, ...settings } }, toldOf);
  const cells: CellConnection[] = [];
  for (const name of names) cells.push(await embeddedCell(server, dataDir, name));
  return { server, cells };
}

/** A cell's database on a running embedded server, made when it is missing. */
export async function embeddedCell(server: PostgresServer, dataDir: string, name: string): Promise<CellConnection> {
  const database = `exchequer_${name.toLowerCase()}`;
  await mkdir(join(dataDir, 'cells'), { recursive: true, mode: 0o700 });
  const file = join(dataDir, 'cells', `${name}.json`);
  if (!existsSync(file)) await writeOnce(file, JSON.stringify({ password: systemRandom.bytes(24).toString('hex') }));
  const { password } = JSON.parse(await readFile(file, 'utf8')) as { password: string };
  const user = `${database}_owner`;
  const client = new pg.Client(server.connection('postgres'));
  // A server that goes away between two statements is heard of by the next one.
  client.on('error', () => undefined);
  await client.connect();
  try {
    const role = await client.query('select 1 from pg_roles where rolname = $1', [user]);
    await client.query(`${role.rowCount ? 'alter' : 'create'} role ${user} login createrole nobypassrls password '${password}'`);
    const found = await client.query('select 1 from pg_database where datname = $1', [database]);
    if (!found.rowCount) await client.query(`create database ${database} owner ${user}`);
  } finally {
    await client.end();
  }
  const { host, port } = server.connection(database);
  return { name, host, port, database, user, password };
}
