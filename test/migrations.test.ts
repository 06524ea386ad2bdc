import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock, type Module } from '#kernel';
import { createDirectory } from '#spine/tenancy';
import { asSuperuser, connectedTo, connectionTo, dropDatabase, house, makeDatabase, probe, templateOf, type House } from '#test';
import { modules } from '../src/apps/modules.ts';
import { migrate, migrationFiles, MigrationRefused, type CellConnection } from '../src/apps/migrate.ts';

const all: readonly Module[] = [...modules, probe()];
const tables = all.flatMap((m) => Object.entries(m.tables ?? {}));
const ROLES = ['app', 'spine', 'auditor'] as const;
const VERBS = ['select', 'insert', 'update', 'delete', 'truncate', 'references', 'trigger'] as const;

let h: House;
beforeAll(async () => { h = await house({ add: [probe()], serve: ['IN'] }); });
afterAll(() => h.stop());
const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const roleOf = (role: string): string => `${h.connections[0]?.rolePrefix}_${role}`;

describe('database roles', () => {
  it('may do with each table what its manifest says, and nothing else', async () => {
    const real: string[] = [], listed: string[] = [];
    for (const [table, spec] of tables) {
      for (const role of ROLES) {
        for (const verb of VERBS) {
          const [row] = await su<{ may: boolean }>('select has_table_privilege($1, $2, $3) as may', [roleOf(role), table, verb]);
          if (row?.may) real.push(`${role} ${verb} ${table}`);
          if ((spec[role] as readonly string[] | undefined)?.includes(verb)) listed.push(`${role} ${verb} ${table}`);
        }
      }
    }
    expect(real).toEqual(listed);
  });
  it('reach no table that no manifest lists', async () => {
    const rows = await su<{ name: string }>(`select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
      where c.relkind in ('r', 'p', 'v', 'm') and not c.relispartition and n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast') order by 1`);
    expect(rows.map((r) => r.name).filter((n) => n !== 'house.migration')).toEqual(tables.map(([t]) => t).toSorted());
    // A view shows what its owner may see, unless it asks as who looks; what the manifests call one is one.
    expect((await su<{ name: string }>("select c.oid::regclass::text as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where relkind = 'v' and nspname not in ('pg_catalog', 'information_schema')")).map((r) => r.name)).toEqual(
      tables.filter(([, spec]) => spec.view).map(([t]) => t).toSorted());
    expect(await su("select relname from pg_class c join pg_namespace n on n.oid = c.relnamespace where relkind in ('v', 'm') and nspname not in ('pg_catalog', 'information_schema') and not coalesce('security_invoker=true' = any(reloptions) or 'security_invoker=on' = any(reloptions), false)")).toEqual([]);
    for (const role of ROLES) await expect(h.sql('IN', role)('select * from house.migration'), role).rejects.toMatchObject({ code: '42501' });
  });
  it('cannot become another, pass over row-level security, or make anything', async () => {
    const rows = await su<{ name: string; bad: boolean }>(`select rolname as name, rolbypassrls or rolsuper or rolcreatedb or rolreplication or rolinherit or rolcreaterole as bad from pg_roles where rolname like $1`, [`${h.connections[0]?.rolePrefix}%`]);
    expect(rows.map((r) => r.bad)).toEqual([false, false, false]);
    const [owner] = await su<{ bad: boolean }>('select rolbypassrls or rolsuper as bad from pg_roles where rolname = $1', [h.connections[0]?.user]);
    expect(owner?.bad).toBe(false);
    for (const role of ROLES) {
      for (const verb of ['create table public.x (id int)', 'create schema x', `set role "${roleOf(role === 'app' ? 'spine' : 'app')}"`, 'set session_replication_role = replica', "select pg_read_file('/etc/passwd')"]) {
        await expect(h.sql('IN', role)(verb), `${role}: ${verb}`).rejects.toMatchObject({ code: '42501' });
      }
    }
  });
});

describe('tenants', () => {
  const withTenant = tables.filter(([, spec]) => (spec.tenant !== false || spec.view) && spec.app?.includes('select')).map(([t]) => t);
  beforeAll(async () => {
    for (const slug of ['india', 'other']) {
      const who = await h.signIn({ ...(await import('#test')).somebody(slug) });
      await h.request({ tenant: slug, path: '/api/probe/mine', json: { key: 'a', n: 1 }, bearer: who.bearer, idempotencyKey: 'tenants-1' });
    }
    for (const slug of ['india', 'other']) await su("insert into events.parked values ('x', 1, $1, 'k', 'e', clock_timestamp()) on conflict do nothing", [h.tenant(slug).id]);
  });
  it('have row-level security forced on every table with a tenant', async () => {
    const rows = await su<{ name: string }>(`select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace where c.relrowsecurity and c.relforcerowsecurity order by 1`);
    expect(rows.map((r) => r.name)).toEqual(tables.filter(([, s]) => s.tenant !== false).map(([t]) => t).toSorted());
    const columns = await su<{ name: string }>("select table_schema || '.' || table_name as name from information_schema.columns where column_name = 'tenant' and is_nullable = 'NO' order by 1");
    expect(columns.map((r) => r.name)).toEqual(expect.arrayContaining(tables.filter(([, s]) => s.tenant !== false).map(([t]) => t)));
  });
  it.each(withTenant)('see nothing of %s unless they are named, and only their own rows then', async (table) => {
    const app = h.sql('IN', 'app');
    expect(await app(`select 1 from ${table}`)).toEqual([]);
    expect(await app(`select 1 from ${table}`, [], { tenant: '' }).catch((e: Error) => e)).toEqual([]);
    for (const slug of ['india', 'other']) {
      const foreign = await app(`select 1 from ${table} where tenant <> $1`, [h.tenant(slug).id], { tenant: h.tenant(slug).id });
      expect(foreign).toEqual([]);
    }
    // The auditor reads one tenant at a time as well.
    if (tables.find(([t]) => t === table)?.[1].auditor) {
      expect(await h.sql('IN', 'auditor')(`select 1 from ${table}`)).toEqual([]);
      expect(await h.sql('IN', 'auditor')(`select 1 from ${table} where tenant <> $1`, [h.tenant().id], { tenant: h.tenant().id })).toEqual([]);
    }
  });
  it.each(tables.filter(([, s]) => s.tenant !== false && s.app?.includes('insert')).map(([t]) => t))('cannot write another’s row into %s, nor take one over', async (table) => {
    const [row] = await su<{ line: object }>(`select to_jsonb(t) as line from ${table} t where tenant = $1 limit 1`, [h.tenant('other').id]);
    if (!row) return;
    const as = { tenant: h.tenant('india').id };
    const columns = (await su<{ name: string }>('select column_name as name from information_schema.columns where table_schema || \'.\' || table_name = $1 and is_identity = \'NO\'', [table])).map((c) => `"${c.name}"`).join(', ');
    await expect(h.sql('IN', 'app')(`insert into ${table} (${columns}) select ${columns} from jsonb_populate_record(null::${table}, $1)`, [JSON.stringify(row.line)], as), table).rejects.toMatchObject({ code: '42501' });
    if (tables.find(([t]) => t === table)?.[1].app?.includes('update')) {
      expect(await h.sql('IN', 'app')(`update ${table} set tenant = tenant where tenant = $1 returning 1`, [h.tenant('other').id], as)).toEqual([]);
      const [own] = await su(`select 1 from ${table} where tenant = $1`, [as.tenant]);
      if (own) await expect(h.sql('IN', 'app')(`update ${table} set tenant = $1`, [h.tenant('other').id], as)).rejects.toMatchObject({ code: '42501' });
    }
    if (tables.find(([t]) => t === table)?.[1].app?.includes('delete')) expect(await h.sql('IN', 'app')(`delete from ${table} where tenant = $1 returning 1`, [h.tenant('other').id], as)).toEqual([]);
  });
});

describe('cells', () => {
  it('a process with cell IN only answers 421 for US and holds no way into it', async () => {
    const answer = await h.request({ tenant: 'us', path: '/api/session' });
    expect([answer.status, answer.json<{ type: string }>().type]).toEqual([421, '/problems/misdirected']);
    expect((await h.request({ tenant: 'us', path: '/sign-in', headers: { accept: 'text/html' } })).status).toBe(421);
    expect(h.program.cells.has('US')).toBe(false);
    const of = (name: string): Promise<string[]> => connectedTo((h.connections.find((c) => c.name === name) as CellConnection).database);
    expect(await of('IN')).not.toEqual([]);
    expect(await of('US')).toEqual([]);
  });
  it('a process without the home cell lives on the directory’s file copy', async () => {
    const options = { home: undefined, file: join(h.folder, 'directory.json'), clock: systemClock, log: h.log };
    const directory = createDirectory(options);
    expect(directory.byHost('india.localhost')).toBeUndefined();
    await directory.refresh();
    expect(directory.byHost('us.localhost')).toEqual(h.program.directory.byHost('us.localhost'));
    expect(directory.all()).toEqual(h.program.directory.all());
    // A copy that is half there changes nothing of what is held.
    writeFileSync(options.file, '[{"id":');
    await expect(directory.refresh()).rejects.toThrow();
    expect(directory.all()).toHaveLength(3);
    await h.program.directory.refresh();
    await directory.refresh();
  });
});

describe('migrations', () => {
  const folder = mkdtempSync(join(tmpdir(), 'exchequer-migrations-'));
  const databases: string[] = [];
  afterAll(async () => {
    for (const database of databases) await dropDatabase(database);
    rmSync(folder, { recursive: true, force: true });
  });
  const fresh = async (name: string): Promise<CellConnection> => {
    await templateOf(all);
    databases.push(name);
    await makeDatabase(name);
    return connectionTo('TEST', name, `${name}`);
  };
  /** Everything that a schema says, in one text. */
  const schemaOf = (database: string): Promise<unknown> => asSuperuser(database, async (client) => (await client.query(`
    select 'column' as kind, table_schema || '.' || table_name || '.' || column_name as name, data_type || ' ' || is_nullable || ' ' || coalesce(column_default, '') || is_identity as what
      from information_schema.columns where table_schema not in ('pg_catalog', 'information_schema')
    union all select 'index', indexname, indexdef from pg_indexes where schemaname not in ('pg_catalog', 'information_schema')
    union all select 'constraint', conrelid::regclass::text || '.' || conname, pg_get_constraintdef(oid) from pg_constraint where connamespace::regnamespace::text not in ('pg_catalog', 'information_schema')
    union all select 'trigger', tgrelid::regclass::text || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal
    union all select 'policy', tablename || '.' || policyname, coalesce(qual, '') || coalesce(with_check, '') || cmd from pg_policies
    order by 1, 2, 3`)).rows);

  it('a fresh install equals all steps in order, and a second run does nothing', async () => {
    const [whole, steps] = [await fresh('m_whole'), await fresh('m_steps')];
    await migrate(whole, all);
    for (let n = 1; n <= all.length; n++) await migrate(steps, all.slice(0, n));
    expect(await schemaOf('m_steps')).toEqual(await schemaOf('m_whole'));
    expect(await migrate(whole, all)).toEqual({ applied: 0, granted: false });
  });
  it('run once when four processes start at once', async () => {
    const cell = await fresh('m_race');
    const applied = await Promise.all(Array.from({ length: 4 }, () => migrate(cell, all)));
    expect(applied.filter((a) => a.applied > 0)).toHaveLength(1);
    expect(applied.reduce((sum, a) => sum + a.applied, 0)).toBe((await migrationFiles(all)).length);
  });
  it('a past file that was changed is refused by its checksum, with the way out, and nothing runs', async () => {
    const cell = await fresh('m_changed');
    const copy = join(folder, 'copy/');
    mkdirSync(copy);
    const probing = probe();
    cpSync(probing.migrations as URL, copy, { recursive: true });
    const changed: Module = { ...probing, migrations: pathToFileURL(copy) };
    await migrate(cell, [changed]);
    const [file = ''] = readdirSync(copy);
    writeFileSync(join(copy, '0002_create_more.sql'), "create table probe.more (tenant uuid not null);\ncomment on table probe.more is 'One more.';");
    const before = readFileSync(join(copy, file), 'utf8');
    writeFileSync(join(copy, file), `${before}\n-- a harmless remark`);
    const refused = await migrate(cell, [changed]).catch((e: unknown) => e);
    expect(refused).toBeInstanceOf(MigrationRefused);
    expect((refused as Error).message).toMatch(/0001_create_item\.sql was changed .* as a new file/);
    writeFileSync(join(copy, file), before);
    expect((await migrate(cell, [changed])).applied).toBe(1);
  });
  it('a file that fails leaves nothing of itself', async () => {
    const cell = await fresh('m_failed');
    const broken = join(folder, 'broken/');
    mkdirSync(broken);
    writeFileSync(join(broken, '0001_create_half.sql'), 'create table probe.half (id int); select no_such_column;');
    const module: Module = { ...probe(), tables: {}, migrations: pathToFileURL(broken) };
    await expect(migrate(cell, [module])).rejects.toThrow('0001_create_half.sql failed');
    expect(await asSuperuser('m_failed', async (c) => (await c.query("select to_regclass('probe.half') as t")).rows)).toEqual([{ t: null }]);
    expect(await asSuperuser('m_failed', async (c) => (await c.query('select * from house.migration')).rows)).toEqual([]);
  });
});
