import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { vi } from 'vitest';
import { saveTenant } from '#spine/tenancy';
import { embeddedCells } from '../../src/apps/cells.ts';
import { noteRunning, reach } from '../../src/apps/reach.ts';
import type { Cell } from '../../src/apps/runtime.ts';
import { demoTenants } from '../../src/apps/tenants.ts';

/** Commands of the program in a data folder of their own, as while a program runs there: each finds its server, and the demo's tenants. */
export interface Commands {
  readonly folder: string;
  readonly dataDir: string;
  /** Runs a command; `text` is what it printed without the log lines, `all` with them. */
  run(command: (args: readonly string[]) => Promise<number>, ...args: string[]): Promise<{ code: number; text: string; all: string }>;
  stop(): Promise<void>;
}

export async function commandsIn(prefix: string): Promise<Commands> {
  const folder = mkdtempSync(`/tmp/exchequer-${prefix}-`);
  chmodSync(folder, 0o755);
  const dataDir = join(folder, 'data');
  const { server, cells } = await embeddedCells(dataDir, ['IN', 'US']);
  await noteRunning(dataDir, cells);
  await reach(['--data', dataDir], async (reached) => {
    for (const tenant of demoTenants) await saveTenant(reached.cells.get('IN') as Cell, tenant);
    return 0;
  });
  const said: string[] = [];
  const spies = [process.stdout, process.stderr].map((stream) => vi.spyOn(stream, 'write').mockImplementation((text) => said.push(String(text)) > 0));
  return {
    folder, dataDir,
    async run(command, ...args) {
      said.splice(0);
      const code = await command([...args, '--data', dataDir]);
      return { code, text: said.filter((s) => !s.startsWith('{')).join(''), all: said.join('') };
    },
    async stop() {
      for (const spy of spies) spy.mockRestore();
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
