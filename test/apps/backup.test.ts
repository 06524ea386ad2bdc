import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { perform } from '#kernel';
import { demoFeed, ingest } from '#products/taxrefund';
import { saveTenant } from '#spine/tenancy';
import { loadTenantKeys } from '#spine/vault';
import { makeBackup } from '../../src/apps/backup.ts';
import { modules } from '../../src/apps/modules.ts';
import { reach, type Reached } from '../../src/apps/reach.ts';
import { restore } from '../../src/apps/restore.ts';
import { demoTenants } from '../../src/apps/tenants.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { asSuperuser, connectionTo, dropDatabase, makeDatabase, templateOf, urlOf } from '../house.ts';

const folder = mkdtempSync(join(tmpdir(), 'exq-backup-'));
const data = join(folder, 'data');
const tables = modules.flatMap((m) => Object.keys(m.tables ?? {})).toSorted();

async function hashesOf(client: pg.Client, cell: string): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const table of tables) {
    const { rows } = await client.query<{ h: string }>(`select coalesce(md5(string_agg(t::text, '\n' order by t::text)), '') || ' ' || count(*)::text as h from ${table} t`);
    hashes[`${cell} ${table}`] = (rows[0] as { h: string }).h;
  }
  return hashes;
}

/** A hash of every table's rows, in an order of their own. */
async function rowHashes(reached: Reached): Promise<Record<string, string>> {
  const hashes: Record<string, string> = {};
  for (const cell of reached.cells.values()) {
    const { host, port, database } = cell.connection;
    const client = new pg.Client({ host, port, database, user: 'postgres', password: readFileSync(join(reached.dataDir, 'postgres.password'), 'utf8') });
    await client.connect();
    Object.assign(hashes, await hashesOf(client, cell.name));
    await client.end();
  }
  return hashes;
}

/** Databases of the run's own server, for what is restored from rows. */
const outside = ['IN', 'US'].map((name) => connectionTo(name, `restored_${name.toLowerCase()}`, `restored_${name.toLowerCase()}`));

let before: Record<string, string> = {};
beforeAll(async () => {
  chmodSync(folder, 0o755);
  await reach(['--data', data], async (reached) => {
    const home = reached.cells.get('IN') as Cell;
    for (const tenant of demoTenants) {
      await saveTenant(home, tenant);
      const cell = reached.cells.get(tenant.cell) as Cell;
      await loadTenantKeys(cell, tenant);
      const lines = demoFeed(tenant).people(new Date('2026-11-01T00:00:00Z')).flatMap((p) => [p.taxpayer, ...p.events]);
      await perform(cell, tenant, { actor: { kind: 'system', name: 'test' }, trace: '0'.repeat(32) }, (tx) => ingest(tx.section, tx, 'test', lines.map((l, i) => ({ no: i + 1, text: JSON.stringify(l) }))));
    }
    await reached.directory.refresh();
    await makeBackup(reached, join(folder, 'backup'), 'base');
    await makeBackup(reached, join(folder, 'rows'), 'rows');
    before = await rowHashes(reached);
    return 0;
  });
});
afterEach(() => vi.unstubAllEnvs());
afterAll(async () => {
  for (const { database } of outside) await dropDatabase(database);
  rmSync(folder, { recursive: true, force: true });
});

/** Verifying gives the newest facts their leaves; all other rows are the ones that were backed up. */
const steady = (hashes: Record<string, string>): [string, string][] => Object.entries(hashes).filter(([name]) => !name.endsWith('audit.leaf'));

describe('a backup', () => {
  it('is restored into a new server row for row, and verifies', async () => {
    const restored = join(folder, 'restored');
    expect(await restore([join(folder, 'backup'), '--data', restored, '--kek', join(data, 'keys', 'kek')])).toBe(0);
    let after: Record<string, string> = {};
    await reach(['--data', restored], async (reached) => {
      after = await rowHashes(reached);
      return 0;
    });
    expect(steady(after)).toEqual(steady(before));
    expect(before['IN taxrefund.event']).not.toMatch(/ 0$/);
  });

  it('of rows is restored into servers of another, verifies, and goes on behind the last numbers', { timeout: 60_000 }, async () => {
    await templateOf(modules);
    for (const { database } of outside) await makeDatabase(database);
    vi.stubEnv('EXCHEQUER_CELLS', outside.map((c) => `${c.name}=${urlOf(c)}`).join(', '));
    expect(await restore([join(folder, 'rows'), '--data', join(folder, 'restored-rows'), '--kek', join(data, 'keys', 'kek')])).toBe(0);
    const after: Record<string, string> = {};
    for (const cell of outside) {
      await asSuperuser(cell.database, async (client) => {
        Object.assign(after, await hashesOf(client, cell.name));
        const next = (await client.query<Record<string, bigint>>(`select nextval('audit.fact_seq_seq') as fact, nextval('events.position') as event,
          greatest((select max(seq) from audit.fact), (select max(seq + n) from audit.sheet)) as facts, (select max(pos) from events.log) as events`)).rows[0];
        expect(next?.fact as bigint, cell.name).toBeGreaterThan(next?.facts as bigint);
        expect((next?.fact as bigint) % 4096n, cell.name).toBe(0n);
        expect(next?.event as bigint, cell.name).toBeGreaterThan(next?.events as bigint);
      });
    }
    expect(steady(after)).toEqual(steady(before));
    expect(before['IN audit.sheet']).not.toMatch(/ 0$/);
  });

  it('holds nothing in clear and not the key', () => {
    const sealed = readFileSync(join(folder, 'backup', 'data.sealed'));
    for (const text of ['AAAPR0000A', 'exchequer_in', 'ENC:v1:', readFileSync(join(data, 'keys', 'kek'), 'utf8').trim()]) expect(sealed.includes(text)).toBe(false);
  });

  it('is refused when a byte was changed, when its end is missing, and under another key', async () => {
    const bytes = readFileSync(join(folder, 'backup', 'data.sealed'));
    const copy = (name: string, change: (b: Buffer) => Buffer): string => {
      const dir = mkdtempSync(join(folder, name));
      writeFileSync(join(dir, 'manifest.json'), readFileSync(join(folder, 'backup', 'manifest.json')));
      writeFileSync(join(dir, 'data.sealed'), change(Buffer.from(bytes)));
      return dir;
    };
    const flipped = copy('flip', (b) => { b[b.length >> 1] = (b[b.length >> 1] as number) ^ 1; return b; });
    await expect(restore([flipped, '--data', join(folder, 'r1'), '--kek', join(data, 'keys', 'kek')])).rejects.toThrow(/damaged/);
    const cut = copy('cut', (b) => b.subarray(0, b.length - 1_048_600));
    await expect(restore([cut, '--data', join(folder, 'r2'), '--kek', join(data, 'keys', 'kek')])).rejects.toThrow(/damaged|cut off/);
    writeFileSync(join(folder, 'other-kek'), `${Buffer.alloc(32, 7).toString('base64url')}\n`);
    await expect(restore([join(folder, 'backup'), '--data', join(folder, 'r3'), '--kek', join(folder, 'other-kek')])).rejects.toThrow(/sealed under key/);
  });
});
