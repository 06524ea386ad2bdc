import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fileKek } from '#adapters/kms';
import { auditorRead, createLog, perform, systemClock } from '#kernel';
import { ingest } from '#products/taxrefund';
import { saveTenant } from '#spine/tenancy';
import { loadTenantKeys } from '#spine/vault';
import { makeBackup } from '../../src/apps/backup.ts';
import { embeddedCells } from '../../src/apps/cells.ts';
import { noteRunning, reach, type Reached } from '../../src/apps/reach.ts';
import { restore } from '../../src/apps/restore.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { demoTenants } from '../../src/apps/tenants.ts';
import { archiveSettings, keepWal, takeSegments } from '../../src/apps/wal.ts';
import { madeUpPan } from '../house.ts';

const folder = mkdtempSync('/tmp/exchequer-wal-');
const data = join(folder, 'data');
const backup = join(folder, 'backup');
const kek = join(data, 'keys', 'kek');
const india = demoTenants[0] as (typeof demoTenants)[number];
const person = (n: number): Record<string, unknown> =>
  ({ kind: 'taxpayer', identifier: madeUpPan(400 + n), dateOfBirth: '1980-01-01', phone: `+91 00000 9${String(n).padStart(4, '0')}`, name: `Moment ${n}`, language: 'en' });
const event = (n: number): Record<string, unknown> => ({
  kind: 'event', identifier: madeUpPan(400 + n), year: 2026, returnNo: 1, source: 'efiling', sourceEventId: `moment-${n}`, sourceVersion: 1,
  occurredAt: '2026-07-01T10:00:00Z', code: 'IN_FILED_UNVERIFIED', facts: { claimed: '1000000' },
});

/** Takes a person and their return; resolves to the database's clock just after. */
async function take(reached: Reached, n: number): Promise<Date> {
  const cell = reached.cells.get('IN') as Cell;
  await perform(cell, india, { actor: { kind: 'system', name: 'test' }, trace: '0'.repeat(32) }, (tx) =>
    ingest(tx.section, tx, 'test', [person(n), event(n)].map((l, i) => ({ no: i + 1, text: JSON.stringify(l) }))));
  const at = await perform(cell, india, { actor: { kind: 'system', name: 'test' }, trace: '0'.repeat(32) }, async (tx) => tx.now);
  await systemClock.sleep(1200);
  return at;
}
const eventsIn = async (where: string): Promise<string[]> => {
  const found: string[] = [];
  await reach(['--data', where], async (reached) => {
    const rows = await auditorRead(reached.cells.get('IN') as Cell, india.id, (tx) =>
      tx.sql<{ source_event_id: string }>`select source_event_id from taxrefund.event order by source_event_id`);
    found.push(...rows.map((r) => r.source_event_id));
    return 0;
  });
  return found;
};

const moments: Date[] = [];
beforeAll(async () => {
  chmodSync(folder, 0o755);
  const { server, cells } = await embeddedCells(data, ['IN', 'US'], { ...await archiveSettings(data), max_connections: '130' });
  await noteRunning(data, cells);
  const keeping = keepWal({ dataDir: data, backup, kek: await fileKek(kek), clock: systemClock, log: createLog({ level: 'silent' }) });
  await reach(['--data', data], async (reached) => {
    for (const tenant of demoTenants) {
      await saveTenant(reached.cells.get('IN') as Cell, tenant);
      await loadTenantKeys(reached.cells.get(tenant.cell) as Cell, tenant);
    }
    await reached.directory.refresh();
    moments.push(await take(reached, 1));
    await makeBackup(reached, backup, 'base');
    moments.push(await take(reached, 2), await take(reached, 3));
    return 0;
  });
  await server.stop();
  await keeping.stop();
  // A command that starts the server by itself, while nobody seals: its segments wait for the next start.
  await reach(['--data', data], async (reached) => {
    await loadTenantKeys(reached.cells.get('IN') as Cell, india);
    await take(reached, 4);
    return 0;
  });
  expect(await takeSegments(data, backup, await fileKek(kek))).toBeGreaterThan(0);
}, 90_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('a log kept beside a backup', () => {
  it('brings back the moment between two changes, and verifies', { timeout: 120_000 }, async () => {
    const between = new Date((moments[1] as Date).getTime() + 500);
    const restored = join(folder, 'between');
    expect(await restore([backup, '--data', restored, '--kek', kek, '--until', between.toISOString()])).toBe(0);
    expect(await eventsIn(restored)).toEqual(['moment-1', 'moment-2']);
    expect(readdirSync(restored)).not.toContain('wal-restore');
  });

  it('brings back all that was kept', { timeout: 120_000 }, async () => {
    const restored = join(folder, 'end');
    expect(await restore([backup, '--data', restored, '--kek', kek, '--until', 'end'])).toBe(0);
    expect(await eventsIn(restored)).toEqual(['moment-1', 'moment-2', 'moment-3', 'moment-4']);
  });

  it('is not needed for the moment of the backup itself', { timeout: 60_000 }, async () => {
    const restored = join(folder, 'base');
    expect(await restore([backup, '--data', restored, '--kek', kek])).toBe(0);
    expect(await eventsIn(restored)).toEqual(['moment-1']);
  });

  it('holds nothing in clear, and leaves nothing with the server', () => {
    const kept = readdirSync(join(backup, 'wal'));
    expect(kept.filter((name) => name.endsWith('.json')).length).toBeGreaterThan(0);
    for (const name of kept) for (const text of ['moment-2', 'ENC:v1:', 'taxrefund']) expect(readFileSync(join(backup, 'wal', name)).includes(text), name).toBe(false);
    expect(readdirSync(join(data, 'wal-ready'))).toEqual([]);
  });

  it('refuses a moment before the backup, one that it does not reach, and what is no moment', { timeout: 120_000 }, async () => {
    const until = (text: string, name: string): Promise<number> => restore([backup, '--data', join(folder, name), '--kek', kek, '--until', text]);
    await expect(until((moments[0] as Date).toISOString(), 'r1')).rejects.toThrow(/holds moments from/);
    await expect(until('2099-01-01T00:00:00Z', 'r2')).rejects.toThrow(/does not reach/);
    for (const text of ['yesterday', '2026-11-25', '2026-11-25T14:30:00']) await expect(until(text, 'r3')).rejects.toThrow(/with its offset/);
  });

  it('refuses a segment of which one byte was changed', { timeout: 60_000 }, async () => {
    const name = readdirSync(join(backup, 'wal')).filter((n) => n.endsWith('.sealed')).toSorted().at(-1) as string;
    const bytes = readFileSync(join(backup, 'wal', name));
    bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] as number) ^ 1;
    writeFileSync(join(backup, 'wal', name), bytes);
    await expect(restore([backup, '--data', join(folder, 'r4'), '--kek', kek, '--until', (moments[1] as Date).toISOString()])).rejects.toThrow(/damaged/);
  });
});
