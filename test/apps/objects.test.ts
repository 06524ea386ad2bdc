import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { fileKek } from '#adapters/kms';
import { civilDate, createLog, newTrace, perform, systemClock, type AnyRoute, type PrepareContext, type Uuid } from '#kernel';
import { ObjectStore } from '#platform/objects/port';
import { enrol } from '#spine/identity';
import { saveTenant } from '#spine/tenancy';
import { loadTenantKeys } from '#spine/vault';
import { startSim, type Sim } from '#test';
import { makeBackup } from '../../src/apps/backup.ts';
import { keepCopies } from '../../src/apps/copies.ts';
import { modules } from '../../src/apps/modules.ts';
import { objectStore } from '../../src/apps/objects.ts';
import { reach, tenantsOf, type Reached } from '../../src/apps/reach.ts';
import { restore } from '../../src/apps/restore.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { demoTenants } from '../../src/apps/tenants.ts';
import { madeUpPan } from '../house.ts';

const bank = demoTenants.find((t) => t.slug === 'bank') as (typeof demoTenants)[number];
const route = modules.flatMap((m) => m.routes ?? []).find((r) => r.path === '/wallet/kyc/documents') as AnyRoute;
const bytesOf = (n: number): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.alloc(30_000, n)]);
const files = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((f) => f.isFile())
  .map((f) => join(f.parentPath, f.name).slice(folder.length + 1)).toSorted();

let folder: string, said: string;
beforeAll(() => {
  folder = mkdtempSync('/tmp/exchequer-objects-');
  chmodSync(folder, 0o755);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => {
  said = '';
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
    said += String(text);
    return true;
  });
});
afterEach(() => void vi.restoreAllMocks());

const inside = (data: string, work: (reached: Reached, cell: Cell) => Promise<void>): Promise<number> => reach(['--data', data], async (reached) => {
  await work(reached, reached.cells.get('IN') as Cell);
  return 0;
});

/** A person of the bank who sends documents as the route does: kept first, then named by a row. */
async function sender(cell: Cell): Promise<(...numbers: number[]) => Promise<void>> {
  const by = { actor: { kind: 'system', name: 'test' }, trace: newTrace() } as const;
  const [made] = await perform(cell, bank, by, (tx) => enrol(tx.section, [
    { identifier: madeUpPan(700), dateOfBirth: civilDate('1980-01-01'), phone: '+91 00000 97000', name: 'Some Body', language: 'en' },
  ]));
  const person = made?.person as Uuid;
  return async (...numbers) => {
    const c: PrepareContext = { cell, tenant: bank, by: { actor: { kind: 'person', id: person, session: person }, trace: newTrace() } } as PrepareContext;
    for (const n of numbers) {
      const input = { body: { kind: 'identity', type: 'image/png', data: { base64: bytesOf(n).toString('base64') } } };
      const kept = await route.prepare?.(c, input);
      if (!kept?.ok) throw new Error('not kept');
      const told = await perform(cell, bank, c.by, (tx) => (route as { verb: (t: typeof tx, i: unknown) => Promise<{ ok: boolean }> }).verb(tx, kept.value));
      if (!told.ok) throw new Error('not told');
    }
  };
}

async function bankOf(reached: Reached, cell: Cell): Promise<void> {
  await saveTenant(cell, bank);
  await loadTenantKeys(cell, bank);
  await reached.directory.refresh();
}

describe('documents in a backup', () => {
  it('come back byte for byte; one that is missing is named, and nothing is written over', { timeout: 120_000 }, async () => {
    const [data, backup] = [join(folder, 'data'), join(folder, 'backup')];
    const kek = join(data, 'keys', 'kek');
    let fourth = '';
    await inside(data, async (reached, cell) => {
      await bankOf(reached, cell);
      const send = await sender(cell);
      await send(1, 2, 3);
      expect(await makeBackup(reached, backup, 'base')).toMatchObject({ objects: 3, missing: [] });
      // What comes later goes into the folder too, while somebody keeps it.
      const keeping = keepCopies({ folder: backup, kek: await fileKek(kek), tenants: () => tenantsOf(reached), clock: systemClock, log: createLog({ level: 'silent' }) });
      await vi.waitFor(() => expect(files(join(backup, 'objects'))).toHaveLength(3));
      const before = files(join(backup, 'objects'));
      await send(4);
      await keeping.stop();
      fourth = files(join(backup, 'objects')).find((name) => !before.includes(name)) as string;
    });
    const here = files(join(data, 'objects'));
    expect(files(join(backup, 'objects'))).toEqual(here);
    for (const name of here) expect(readFileSync(join(backup, 'objects', name), 'latin1')).not.toContain('ENC:v1:');

    // One is lost and one is damaged.
    const [gone, spoilt] = here.filter((name) => name !== fourth) as [string, string];
    rmSync(join(backup, 'objects', gone));
    const bytes = readFileSync(join(backup, 'objects', spoilt));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(join(backup, 'objects', spoilt), bytes);
    const restored = join(folder, 'restored');
    expect(await restore([backup, '--data', restored, '--kek', kek])).toBe(1);
    const back = files(join(restored, 'objects'));
    for (const name of back) expect(readFileSync(join(restored, 'objects', name)).equals(readFileSync(join(data, 'objects', name)))).toBe(true);
    expect(back).not.toContain(gone);
    expect(back).not.toContain(spoilt);
    expect(said).toMatch(/NOT SOUND: IN bank objects\.kept: wdoc_[0-9a-f]{32} stands, and its object is not in the store \(folder\)\n/);
    // The base has three rows; the fourth document is of no row that stands in it.
    expect(said).toContain(`objects: 1 put back, 2 are not in this backup; damaged: objects/${spoilt}\n`);

    // A store that has lost one says so when it is backed up, and keeps what it has.
    rmSync(join(data, 'objects', gone));
    await inside(data, async (reached) => {
      const made = await makeBackup(reached, join(folder, 'second'), 'base');
      expect([made.objects, made.missing.length, made.missing[0]?.startsWith('bank wdoc_')]).toEqual([3, 1, true]);
    });
  });

  describe('of an S3 store', () => {
    let sim: Sim, empty: Sim;
    beforeAll(async () => { [sim, empty] = await Promise.all([startSim('s3'), startSim('s3')]); });
    afterAll(async () => {
      vi.unstubAllEnvs();
      await Promise.all([sim.stop(), empty.stop()]);
    });
    const at = (s: Sim): void => {
      for (const [name, value] of Object.entries({ URL: s.base, BUCKET: 'objects', REGION: 'sim-1', KEY_ID: 'sim', SECRET: s.token })) {
        vi.stubEnv(`EXCHEQUER_S3_${name}`, value);
      }
    };
    it('are put into the bucket that is named at the restore; what stands there stays', { timeout: 120_000 }, async () => {
      const [data, backup] = [join(folder, 'data-s3'), join(folder, 'backup-s3')];
      at(sim);
      const kept = new Map<string, Buffer>();
      await inside(data, async (reached, cell) => {
        await bankOf(reached, cell);
        await (await sender(cell))(1, 2);
        expect(await makeBackup(reached, backup, 'base')).toMatchObject({ objects: 2, missing: [] });
        for (const key of files(join(backup, 'objects'))) kept.set(key, await cell.use(ObjectStore).get(key) as Buffer);
      });
      expect(kept.size).toBe(2);
      at(empty);
      const taken = [...kept.keys()][0] as string;
      await objectStore(folder).put(taken, Buffer.from('another'));
      const kek = join(data, 'keys', 'kek');
      expect(await restore([backup, '--data', join(folder, 'restored-s3'), '--kek', kek])).toBe(0);
      expect(said).toContain('objects: 1 put back\n');
      for (const [key, bytes] of kept) expect((await objectStore(folder).get(key))?.toString()).toBe(key === taken ? 'another' : bytes.toString());
    });
  });
});
