import { createHash, createHmac } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import pg from 'pg';
import type { Module } from '#kernel';

/**
 * How a cell's server is reached over TLS: encrypted only (`nothing` is verified), by a chain that ends at the roots, or by that and the server's own name.
 * Without `roots` (PEM) the public authorities count. Plain data, since worker processes are told of it by message.
 */
export interface CellTls { readonly verify: 'nothing' | 'chain' | 'host'; readonly roots?: string }

/** A cell's database as its owner reaches it; the other roles' names and passwords follow from it. */
export interface CellConnection {
  readonly name: string;
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  readonly password: string;
  /** False where the address says so; where it says nothing the connection is in clear too. */
  readonly tls?: CellTls | false;
  /** Beginning of the lesser roles' names; the database's name unless said (a test's clone keeps its template's roles). */
  readonly rolePrefix?: string;
}
export type DatabaseRole = 'owner' | 'app' | 'spine' | 'auditor';

/** What `pg` is told of TLS. That it verifies is said each time, or a variable of the environment could turn it off. */
function tlsFor(tls: CellTls | false): pg.ClientConfig['ssl'] {
  if (!tls) return false;
  if (tls.verify === 'nothing') return { rejectUnauthorized: false };
  return {
    rejectUnauthorized: true, ...(tls.roots === undefined ? {} : { ca: tls.roots }),
    ...(tls.verify === 'chain' ? { checkServerIdentity: () => undefined } : {}),
  };
}

/** Settings of `pg` for one database role of a cell. Passwords of the lesser roles are derived, so that one secret opens a cell. */
export function connectAs(cell: CellConnection, role: DatabaseRole): pg.ClientConfig {
  const base = { host: cell.host, port: cell.port, database: cell.database, ...(cell.tls === undefined ? {} : { ssl: tlsFor(cell.tls) }) };
  if (role === 'owner') return { ...base, user: cell.user, password: cell.password };
  return { ...base, user: roleName(cell, role), password: createHmac('sha256', cell.password).update(`exchequer:${role}`).digest('hex') };
}
export const roleName = (cell: CellConnection, role: DatabaseRole): string => (role === 'owner' ? cell.user : `${cell.rolePrefix ?? cell.database}_${role}`);

export class MigrationRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'MigrationRefused';
  }
}

const schemaOf = (module: Module): string => module.name.slice(module.name.indexOf('/') + 1);
const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;
const LOCK = 0x6578_6368;

export interface MigrationFile { readonly module: string; readonly file: string; readonly text: string; readonly sha256: string }

/** The migrations of the modules in the order in which they run: modules as listed, files by number. */
export async function migrationFiles(modules: readonly Module[]): Promise<MigrationFile[]> {
  const all: MigrationFile[] = [];
  for (const module of modules) {
    if (!module.migrations) continue;
    for (const file of (await readdir(module.migrations)).filter((f) => f.endsWith('.sql')).toSorted()) {
      const text = await readFile(new URL(file, module.migrations), 'utf8');
      all.push({ module: module.name, file, text, sha256: createHash('sha256').update(text).digest('hex') });
    }
  }
  return all;
}

/** The SQL that gives each database role exactly what the manifests say, and puts row-level security on every tenant table. */
export function grantStatements(cell: CellConnection, modules: readonly Module[]): string[] {
  const role = { app: quoted(roleName(cell, 'app')), spine: quoted(roleName(cell, 'spine')), auditor: quoted(roleName(cell, 'auditor')) };
  const everyone = Object.values(role).join(', ');
  const mine = "tenant = (select nullif(current_setting('app.tenant', true), '')::uuid)";
  return modules.flatMap((module) => {
    if (!module.tables) return [];
    const schema = quoted(schemaOf(module));
    const head = [`grant usage on schema ${schema} to ${everyone}`, `revoke all on all tables in schema ${schema} from ${everyone}`];
    const rights = (what: string, of: Readonly<Record<string, readonly ('app' | 'spine')[]>> = {}): string[] => Object.entries(of).flatMap(([name, to]) =>
      to.map((r) => `grant ${what} ${name} to ${role[r]}`));
    head.push(...rights('usage on sequence', module.sequences), ...rights('execute on function', module.functions));
    return head.concat(Object.entries(module.tables).flatMap(([table, spec]) => {
      const lines = (['app', 'spine', 'auditor'] as const).flatMap((r) => (spec[r]?.length ? [`grant ${spec[r].join(', ')} on ${table} to ${role[r]}`] : []));
      if (spec.tenant === false) return lines;
      lines.push(`alter table ${table} enable row level security`, `alter table ${table} force row level security`);
      const policy = (name: string, to: string, rule: string): string[] =>
        [`drop policy if exists ${name} on ${table}`, `create policy ${name} on ${table} to ${to} using (${rule}) with check (${rule})`];
      // The owner reads all of its tables for a backup; it owns them, so this gives it nothing that it could not take.
      lines.push(`drop policy if exists owner_read on ${table}`, `create policy owner_read on ${table} for select to ${quoted(cell.user)} using (true)`);
      if (spec.app?.length) lines.push(...policy('app_tenant', role.app, mine));
      if (spec.spine?.length) lines.push(...policy('spine_all', role.spine, 'true'));
      if (spec.auditor?.length) lines.push(...policy('auditor_tenant', role.auditor, mine));
      return lines;
    }));
  });
}

async function ensureRoles(client: pg.Client, cell: CellConnection): Promise<void> {
  for (const role of ['app', 'spine', 'auditor'] as const) {
    const { user, password } = connectAs(cell, role) as { user: string; password: string };
    const found = await client.query('select 1 from pg_roles where rolname = $1', [user]);
    const secret = `'${password}'`;
    if (!found.rowCount) await client.query(`create role ${quoted(user)} login noinherit nobypassrls password ${secret}`);
    else await client.query(`alter role ${quoted(user)} password ${secret}`);
  }
  const names = (['app', 'spine', 'auditor'] as const).map((r) => quoted(roleName(cell, r))).join(', ');
  await client.query(`revoke connect, temporary on database ${quoted(cell.database)} from public`);
  await client.query(`grant connect on database ${quoted(cell.database)} to ${names}`);
  await client.query(`revoke create on schema public from public`);
}

async function applyFiles(client: pg.Client, files: readonly MigrationFile[]): Promise<number> {
  const applied = new Map((await client.query<{ module: string; file: string; sha256: string }>('select module, file, sha256 from house.migration')).rows
    .map((r) => [`${r.module}/${r.file}`, r.sha256]));
  let count = 0;
  for (const f of files) {
    const before = applied.get(`${f.module}/${f.file}`);
    if (before === f.sha256) continue;
    if (before !== undefined) {
      throw new MigrationRefused(`${f.module}/migrations/${f.file} was changed after it had run. Put it back as it was and write the change as a new file.`);
    }
    const schema = f.module.slice(f.module.indexOf('/') + 1);
    await client.query('begin');
    try {
      await client.query("set local lock_timeout = '10s'");
      await client.query(`create schema if not exists ${quoted(schema)}`);
      await client.query(f.text);
      await client.query('insert into house.migration (module, file, sha256, applied_at) values ($1, $2, $3, clock_timestamp())', [f.module, f.file, f.sha256]);
      await client.query('commit');
    } catch (error) {
      await client.query('rollback');
      throw new Error(`${f.module}/migrations/${f.file} failed`, { cause: error });
    }
    count += 1;
  }
  return count;
}

/** Applies what is missing of the modules' migrations, without rights. */
export async function applyMigrations(client: pg.Client, modules: readonly Module[]): Promise<number> {
  await client.query('create schema if not exists house');
  await client.query(`create table if not exists house.migration
    (module text, file text, sha256 text not null, applied_at timestamptz not null, primary key (module, file))`);
  return applyFiles(client, await migrationFiles(modules));
}

/** Brings a cell's database to the modules' newest step, as its owner. Several processes may call it at once. */
export async function migrate(cell: CellConnection, modules: readonly Module[]): Promise<{ applied: number; granted: boolean }> {
  const client = new pg.Client(connectAs(cell, 'owner'));
  // A server that goes away between two statements is heard of by the next one.
  client.on('error', () => undefined);
  await client.connect();
  try {
    await client.query('select pg_advisory_lock($1)', [LOCK]);
    const grants = grantStatements(cell, modules);
    const fingerprint = createHash('sha256').update(grants.join(';\n')).update(cell.password).digest('hex');
    const applied = await applyMigrations(client, modules);
    const known = await client.query("select 1 from house.migration where module = 'house' and file = 'grants' and sha256 = $1", [fingerprint]);
    const granted = !known.rowCount || applied > 0;
    if (granted) {
      await ensureRoles(client, cell);
      await client.query('begin');
      for (const line of grants) await client.query(line);
      await client.query(`insert into house.migration values ('house', 'grants', $1, clock_timestamp())
        on conflict (module, file) do update set sha256 = excluded.sha256, applied_at = excluded.applied_at`, [fingerprint]);
      await client.query('commit');
    }
    await client.query('select pg_advisory_unlock($1)', [LOCK]);
    return { applied, granted };
  } finally {
    await client.end();
  }
}
