import { createHash } from 'node:crypto';
import pg from 'pg';
import { inject } from 'vitest';
import { systemRandom, type Module } from '#kernel';
import { connectAs, grantStatements, migrate, migrationFiles, type CellConnection, type DatabaseRole } from '../../src/apps/migrate.ts';

/** Who a raw statement runs as; `superuser` is for tampering and for looking at everything. */
export type RawRole = DatabaseRole | 'superuser';

const OWNER = 'exchequer_test_owner';
const PASSWORD = 'a password of the tests';
const LOCK = 0x7465_7374;

const parsers = new pg.TypeOverrides();
parsers.setTypeParser(20, (text) => BigInt(text));

/** A connection as the run's superuser, for one piece of work. */
export async function asSuperuser<T>(database: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ ...inject('postgres'), database, types: parsers });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A database of the run's own server as its owner reaches it. */
export const connectionTo = (name: string, database: string, rolePrefix: string): CellConnection => {
  const { host, port } = inject('postgres');
  return { name, host, port, database, user: OWNER, password: PASSWORD, rolePrefix };
};

/** As an operator names it in `DATABASE_URL` or `EXCHEQUER_CELLS`. */
export const urlOf = ({ user, password, port, database }: CellConnection): string =>
  `postgres://${user}:${encodeURIComponent(password)}@127.0.0.1:${port}/${database}`;

/** An empty database with an owner of its own. */
export async function makeDatabase(database: string, from = 'template0'): Promise<void> {
  await asSuperuser('postgres', (client) => client.query(`create database "${database}" owner ${OWNER} template "${from}"`));
}

async function ensureOwner(client: pg.Client): Promise<void> {
  const found = await client.query('select 1 from pg_roles where rolname = $1', [OWNER]);
  if (!found.rowCount) await client.query(`create role ${OWNER} login createrole nobypassrls password '${PASSWORD}'`);
}

const templates = new Map<readonly Module[], Promise<string>>();

async function makeTemplate(modules: readonly Module[]): Promise<string> {
  const print = createHash('sha256');
  for (const file of await migrationFiles(modules)) print.update(`${file.module}/${file.file} ${file.sha256}\n`);
  print.update(grantStatements(connectionTo('', '', 't'), modules).join('\n'));
  const name = `template_${print.digest('hex').slice(0, 12)}`;
  // Test files run in several processes: the first that asks makes the template, the others wait for it.
  await asSuperuser('postgres', async (client) => {
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    await ensureOwner(client);
    const found = await client.query('select 1 from pg_database where datname = $1 and datistemplate', [name]);
    if (found.rowCount) return;
    await client.query(`drop database if exists "${name}" with (force)`);
    await client.query(`create database "${name}" owner ${OWNER} template template0`);
    await migrate(connectionTo('TEMPLATE', name, name), modules);
    await client.query(`alter database "${name}" is_template true`);
  });
  return name;
}

/** The migrated database of a set of modules, made once a run. */
export function templateOf(modules: readonly Module[]): Promise<string> {
  let known = templates.get(modules);
  if (!known) templates.set(modules, (known = makeTemplate(modules)));
  return known;
}

/** A clone of the modules' template as a cell; it keeps the template's database roles. */
export async function cloneCell(name: string, modules: readonly Module[]): Promise<CellConnection> {
  const template = await templateOf(modules);
  const database = `cell_${name.toLowerCase()}_${systemRandom.bytes(6).toString('hex')}`;
  await makeDatabase(database, template);
  return connectionTo(name, database, template);
}

export const dropDatabase = (database: string): Promise<unknown> =>
  asSuperuser('postgres', (client) => client.query(`drop database if exists "${database}" with (force)`));

/** Which programs are still connected to a database, by user and last statement; empty when nothing leaks. The server's own vacuum comes and goes. */
export const connectedTo = (database: string): Promise<string[]> => asSuperuser('postgres', async (client) => (await client.query<{ who: string }>(
  "select usename || ': ' || left(query, 80) as who from pg_stat_activity where datname = $1 and backend_type = 'client backend'", [database],
)).rows.map((r) => r.who));

/** Raw statements on one cell. `tenant` sets the section's tenant, as a verb's transaction does. */
export type Raw = <R extends pg.QueryResultRow = Record<string, unknown>>(text: string, values?: unknown[], options?: { tenant?: string }) => Promise<R[]>;

/** Raw query access to cells by database role; connections are kept until `end`. */
export function rawAccess(cells: readonly CellConnection[]): { sql: (cell: string, role?: RawRole) => Raw; end(): Promise<void> } {
  const open = new Map<string, Promise<pg.Client>>();
  const clientOf = (cell: CellConnection, role: RawRole): Promise<pg.Client> => {
    const key = `${cell.name} ${role}`;
    let known = open.get(key);
    if (!known) {
      const settings = role === 'superuser' ? { ...inject('postgres'), database: cell.database } : connectAs(cell, role);
      const client = new pg.Client({ ...settings, types: parsers });
      client.on('error', () => undefined);
      open.set(key, (known = client.connect().then(() => client)));
    }
    return known;
  };
  const turns = new Map<string, Promise<unknown>>();
  const inTurn = <T>(key: string, work: () => Promise<T>): Promise<T> => {
    const mine = (turns.get(key) ?? Promise.resolve()).then(work, work);
    turns.set(key, mine.catch(() => undefined));
    return mine;
  };
  return {
    sql: (name, role = 'owner') => {
      const cell = cells.find((c) => c.name === name);
      if (!cell) throw new Error(`this house has no cell ${name}`);
      // One statement after the other on a connection, also when a test asks many at once.
      return (text, values = [], options = {}) => inTurn(`${name} ${role}`, async () => {
        const client = await clientOf(cell, role);
        if (options.tenant === undefined) return (await client.query(text, values)).rows;
        await client.query('begin');
        try {
          await client.query("select set_config('app.tenant', $1, true)", [options.tenant]);
          const { rows } = await client.query(text, values);
          await client.query('commit');
          return rows;
        } catch (error) {
          await client.query('rollback');
          throw error;
        }
      });
    },
    end: async () => void await Promise.all([...open.values()].map(async (client) => (await client).end())),
  };
}
