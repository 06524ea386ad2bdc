import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { perform, spineTransact } from '#kernel';
import { EndpointDisabled } from '#platform/webhooks';
import { DayOver } from '#products/wallet';
import { saveTenant } from '#spine/tenancy';
import { events } from '../../src/apps/events.ts';
import { jobs } from '../../src/apps/jobs.ts';
import { reach, type Reached } from '../../src/apps/reach.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { demoTenants } from '../../src/apps/tenants.ts';

const ENDPOINT = `wep_${'1'.repeat(32)}`;

describe('the commands for whoever is on call', () => {
  let folder: string;
  const said: string[] = [];
  const inCell = <T>(work: (cell: Cell, reached: Reached) => Promise<T>): Promise<T> => {
    let result: T;
    return reach(['--data', join(folder, 'data')], async (reached) => {
      result = await work(reached.cells.get('IN') as Cell, reached);
      return 0;
    }).then(() => result);
  };
  const by = { actor: { kind: 'system', name: 'test' }, trace: '0'.repeat(32) } as const;
  beforeAll(async () => {
    folder = mkdtempSync('/tmp/exchequer-desk-');
    chmodSync(folder, 0o755);
    await inCell(async (cell) => { for (const tenant of demoTenants) await saveTenant(cell, tenant); });
    await inCell(async (cell, reached) => {
      const tenant = reached.directory.bySlug('india');
      if (!tenant) throw new Error('no tenant');
      await perform(cell, tenant, by, async (tx) => {
        for (const day of ['2026-11-01', '2026-11-02']) tx.later(DayOver, { day });
        for (let n = 0; n < 3; n++) tx.emit(EndpointDisabled, ENDPOINT, { endpoint: ENDPOINT, reason: 'gone', failures: n });
      });
      await spineTransact(cell, async (tx) => {
        await tx.sql`update jobs.job set dead_at = ${tx.now}, attempts = 10, last_error = 'Broken'`;
        await tx.sql`insert into events.parked (subscriber, pos, tenant, key, error, at)
          select 'alerts', pos, tenant, key, 'Broken', at from events.log where topic = ${EndpointDisabled.name}`;
        await tx.sql`insert into events.cursor (subscriber, part, pos) select 'alerts', p, 99 from generate_series(0, 3) p`;
      });
    });
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => {
      // The log of a server that is stopping goes the same way.
      if (!String(text).startsWith('{')) said.push(String(text));
      return true;
    });
  }, 120_000);
  afterEach(() => void said.splice(0));
  afterAll(() => {
    vi.restoreAllMocks();
    rmSync(folder, { recursive: true, force: true });
  });
  const here = (): string[] => ['--data', join(folder, 'data')];

  it('list dead letters, give one its tries anew and let one go; another office’s are not there', { timeout: 120_000 }, async () => {
    expect(await jobs(['dead', '--tenant', 'india', ...here()])).toBe(0);
    const listed = said.splice(0).join('').trim().split('\n');
    expect(listed).toHaveLength(2);
    expect(listed[0]).toMatch(/^\d+ {2}wallet\.day-over {2}\d{4}-.*Z {2}10 tries {2}Broken$/);
    const [second, first] = listed.map((line) => line.split(' ')[0] as string) as [string, string];
    expect(await jobs(['retry', first, '--tenant', 'bank', ...here()])).toBe(1);
    expect(await jobs(['retry', first, '--tenant', 'india', ...here()])).toBe(0);
    expect(await jobs(['drop', second, '--tenant', 'india', ...here()])).toBe(0);
    expect(await jobs(['drop', second, '--tenant', 'india', ...here()])).toBe(1);
    expect(said.join('')).toContain('There is no such dead letter.');
    const left = await inCell((cell) => spineTransact(cell, (tx) => tx.sql`select id::text as id, attempts, dead_at is null as alive from jobs.job`));
    expect(left).toEqual([{ id: first, attempts: 0, alive: true }]);
    for (const args of [[], ['fly'], ['retry'], ['drop', 'x']]) await expect(jobs([...args, '--tenant', 'india', ...here()])).rejects.toThrow(/exchequer jobs dead/);
  });

  it('release or skip what was set aside, and give a subscriber everything behind a position again', { timeout: 120_000 }, async () => {
    const parked = (): Promise<unknown[]> => inCell((cell) => spineTransact(cell, (tx) => tx.sql`
      select pos, released_at is not null as released from events.parked order by pos`));
    expect(await events(['skip', '--subscriber', 'alerts', '--key', ENDPOINT, '--tenant', 'india', ...here()])).toBe(0);
    expect((await parked()).map((p) => (p as { released: boolean }).released)).toEqual([true, true]);
    expect(await events(['release', '--subscriber', 'alerts', '--key', 'nobody', '--tenant', 'india', ...here()])).toBe(1);
    expect(await events(['replay', '--subscriber', 'alerts', '--from', '0', '--cell', 'IN', ...here()])).toBe(0);
    expect(said.join('')).toContain('IN: 4 parts of alerts go on behind 0');
    expect(await inCell((cell) => spineTransact(cell, (tx) => tx.sql`select distinct pos from events.cursor where subscriber = 'alerts'`))).toEqual([{ pos: 0n }]);
    for (const args of [['fly', '--subscriber', 'alerts'], ['replay', '--subscriber', 'alerts', '--from', 'x'], ['skip', '--subscriber', 'alerts']]) {
      await expect(events([...args, '--tenant', 'india', ...here()])).rejects.toThrow(/exchequer events replay/);
    }
  });
});
