import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest';
import { giveToServer, launchPostgres, type PostgresServer } from '#adapters/postgres';
import { ConfigFault } from '#kernel';
import { connectAs } from '#test';
import { cellsFromEnvironment } from '../../src/apps/cells.ts';
import type { CellConnection } from '../../src/apps/migrate.ts';
import { authority, certificateFor } from '../house/certificate.ts';

let folder: string;
let server: PostgresServer;
beforeAll(async () => {
  folder = mkdtempSync('/tmp/exchequer-cells-');
  chmodSync(folder, 0o755);
  // Two authorities of one name: only the signature tells them apart.
  const [ours, theirs] = [authority('Authority of the tests'), authority('Authority of the tests')];
  const own = certificateFor('localhost', ours);
  const files = { 'ours.pem': ours.pem, 'theirs.pem': theirs.pem, 'empty.pem': '', 'server.pem': own.pem,
    'server.key': own.key.export({ type: 'pkcs8', format: 'pem' }).toString() };
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text, { mode: name.endsWith('.key') ? 0o600 : 0o644 });
  for (const name of ['server.pem', 'server.key']) giveToServer(join(folder, name));
  server = await launchPostgres({ dataDir: join(folder, 'postgres'), settings: {
    fsync: 'off', shared_buffers: '16MB', ssl: 'on', ssl_cert_file: join(folder, 'server.pem'), ssl_key_file: join(folder, 'server.key'),
  } });
}, 60_000);
afterAll(async () => {
  await server.stop('immediate');
  rmSync(folder, { recursive: true, force: true });
});

const pem = (name: string): string => `sslrootcert=${encodeURIComponent(join(folder, name))}`;
const cellOf = (query: string, at = 'db.example'): CellConnection =>
  cellsFromEnvironment({ DATABASE_URL: `postgres://owner:secret@${at}/office${query}` })?.[0] as CellConnection;

describe('the address of a cell', () => {
  it('says how far its server is believed', () => {
    expect(cellOf('?sslmode=disable').tls).toBe(false);
    expect(cellOf('').tls).toBeUndefined();
    expect(cellOf('?sslmode=require').tls).toEqual({ verify: 'nothing' });
    expect(cellOf('?sslmode=verify-full').tls).toEqual({ verify: 'host' });
    expect(cellOf('?sslmode=verify-full&sslrootcert=system').tls).toEqual({ verify: 'host' });
    const roots = expect.stringContaining('BEGIN CERTIFICATE') as string;
    expect(cellOf(`?sslmode=verify-full&${pem('ours.pem')}`).tls).toEqual({ verify: 'host', roots });
    // Who names roots wants them to count.
    for (const mode of ['require', 'verify-ca']) expect(cellOf(`?sslmode=${mode}&${pem('ours.pem')}`).tls, mode).toEqual({ verify: 'chain', roots });
    expect(cellsFromEnvironment({ EXCHEQUER_CELLS: `IN=postgresql://a:b@c/d?sslmode=verify-full&${pem('ours.pem')}, US=postgres://a:b@c/e` })?.map((c) =>
      [c.name, c.database, c.tls && c.tls.verify])).toEqual([['IN', 'd', 'host'], ['US', 'e', undefined]]);
    expect(cellOf('', '[::1]:5433')).toMatchObject({ host: '::1', port: 5433 });
  });
  it('goes to another process whole', () => {
    const cell = cellOf(`?sslmode=verify-full&${pem('ours.pem')}`);
    expect(JSON.parse(JSON.stringify(cell))).toEqual(cell);
  });
  it('is refused, by name, where it asks for what is not known', () => {
    const refused = (query: string): string => {
      try {
        cellOf(query);
      } catch (error) {
        expect(error).toBeInstanceOf(ConfigFault);
        return (error as ConfigFault).message;
      }
      throw new Error(`${query} was taken`);
    };
    for (const mode of ['prefer', 'allow', 'verify-all', 'VERIFY-FULL', 'true', 'toString', '']) {
      expect(refused(`?sslmode=${mode}`), mode).toContain(`DATABASE_URL: the address of cell MAIN: sslmode "${mode}" is not known`);
    }
    expect(refused(`?${pem('ours.pem')}`)).toContain('sslmode is missing');
    expect(refused('?sslmode=require&sslmode=disable')).toContain('not "sslmode"');
    for (const name of ['ssl', 'sslcert', 'sslkey', 'SSLMODE', 'sslnegotiation']) expect(refused(`?${name}=true`), name).toContain(`not "${name}"`);
    for (const query of ['?sslmode=verify-ca', '?sslmode=verify-ca&sslrootcert=system', '?sslmode=require&sslrootcert=system']) {
      expect(refused(query)).toContain('needs sslrootcert=<file>');
    }
    expect(refused(`?sslmode=verify-full&${pem('nobody.pem')}`)).toMatch(/nobody\.pem" cannot be read/);
    expect(refused(`?sslmode=verify-full&${pem('empty.pem')}`)).toMatch(/empty\.pem" holds no certificate/);
    for (const url of ['mysql://a:b@c/d', 'somewhere', 'postgres://a:%zz@c/d']) {
      expect(() => cellsFromEnvironment({ EXCHEQUER_CELLS: `IN=${url}` })).toThrow('EXCHEQUER_CELLS: the address of cell IN is not a postgres:// URL');
      expect(() => cellsFromEnvironment({ DATABASE_URL: url })).toThrow(ConfigFault);
    }
    expect(refused('?sslmode=maybe')).not.toContain('secret');
  });
});

/** Whether the connection is encrypted, as the server sees it. */
async function encrypted(at: string, query: string, to: { port: number; user: string; password: string } = server.connection('postgres')): Promise<boolean> {
  const url = `postgres://${to.user}:${encodeURIComponent(to.password)}@${at}:${to.port}/postgres${query}`;
  const [cell] = cellsFromEnvironment({ DATABASE_URL: url }) as [CellConnection];
  const client = new pg.Client(connectAs(cell, 'owner'));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<{ ssl: boolean }>('select ssl from pg_stat_ssl where pid = pg_backend_pid()')).rows[0]?.ssl === true;
  } finally {
    await client.end();
  }
}

describe('a server that speaks TLS', () => {
  it('is reached by its own name under the right authority', async () => {
    expect(await encrypted('localhost', `?sslmode=verify-full&${pem('ours.pem')}`)).toBe(true);
  });
  it('is refused under another authority, whatever is verified', async () => {
    for (const mode of ['verify-full', 'verify-ca', 'require']) {
      await expect(encrypted('localhost', `?sslmode=${mode}&${pem('theirs.pem')}`), mode).rejects.toThrow(/certificate/);
    }
    await expect(encrypted('localhost', '?sslmode=verify-full')).rejects.toThrow(/certificate/);
  });
  it('is refused under another name, where the name counts', async () => {
    await expect(encrypted('127.0.0.1', `?sslmode=verify-full&${pem('ours.pem')}`)).rejects.toThrow(/does not match certificate/);
    expect(await encrypted('127.0.0.1', `?sslmode=verify-ca&${pem('ours.pem')}`)).toBe(true);
  });
  it('is believed unseen where only encryption is asked for', async () => {
    expect(await encrypted('127.0.0.1', '?sslmode=require')).toBe(true);
    expect(await encrypted('127.0.0.1', '?sslmode=disable')).toBe(false);
  });
});

it('a server without TLS is not reached in clear where TLS is asked for', async () => {
  const plain = inject('postgres');
  for (const query of ['?sslmode=require', '?sslmode=verify-full', `?sslmode=verify-ca&${pem('ours.pem')}`]) {
    await expect(encrypted('127.0.0.1', query, plain), query).rejects.toThrow('does not support SSL');
  }
  expect(await encrypted('127.0.0.1', '?sslmode=disable', plain)).toBe(false);
});
