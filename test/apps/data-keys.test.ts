import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { PostgresServer } from '#adapters/postgres';
import { saveTenant } from '#spine/tenancy';
import { embeddedCells } from '../../src/apps/cells.ts';
import { keys } from '../../src/apps/data-keys.ts';
import { noteRunning, reach } from '../../src/apps/reach.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { demoTenants } from '../../src/apps/tenants.ts';

describe('exchequer keys', () => {
  let folder: string;
  let server: PostgresServer;
  const said: string[] = [];
  const at = (): string => join(folder, 'data');
  beforeAll(async () => {
    folder = mkdtempSync('/tmp/exchequer-keys-');
    chmodSync(folder, 0o755);
    const embedded = await embeddedCells(at(), ['IN', 'US']);
    ({ server } = embedded);
    await noteRunning(at(), embedded.cells);
    await reach(['--data', at()], async (reached) => {
      for (const tenant of demoTenants) await saveTenant(reached.cells.get('IN') as Cell, tenant);
      return 0;
    });
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => said.push(String(text)) > 0);
  }, 60_000);
  afterAll(async () => {
    vi.restoreAllMocks();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  const run = async (...args: string[]): Promise<[number, string]> => {
    said.splice(0);
    const code = await keys([...args, '--data', at()]);
    return [code, said.filter((s) => !s.startsWith('{')).join('')];
  };

  it('lists, makes the next one, and no second before that one seals', { timeout: 60_000 }, async () => {
    const one = /^current file:\S+ {2}seals from \S+Z {2}persons' keys: 0\n$/;
    expect(await run('list', 'india')).toEqual([0, expect.stringMatching(one)]);
    const [code, made] = await run('rotate', 'india');
    const [, id = ''] = /^(file:\S+) seals from \S+Z\n$/.exec(made) ?? [];
    expect([code, id]).toEqual([0, expect.stringMatching(/^file:/)]);
    expect((await run('list', 'india'))[1].split('\n')).toEqual([expect.stringMatching(/^current file:/), expect.stringContaining(`next    ${id}  seals from`), '']);
    expect(await run('rotate', 'india')).toEqual([1, expect.stringContaining('The next key is on its way.')]);
    expect(await run('list', 'us')).toEqual([0, expect.stringMatching(one)]);
    for (const args of [[], ['list'], ['fly', 'india']]) await expect(run(...args), args.join(' ')).rejects.toThrow(/exchequer keys/);
  });
});
