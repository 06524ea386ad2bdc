import { spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const at = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
/** Its exit code: 7, or 1 where what it printed ended it. */
async function runs(code: string): Promise<number | null> {
  const full = openSync('/dev/full', 'w');
  const child = spawn(process.execPath, ['--import', at('../../bin/tsx-hook.mjs'), '--input-type=module', '-e', `${code}; setTimeout(() => process.exit(7), 200);`], {
    cwd: at('../..'), env: { ...process.env, NODE_ENV: 'production' }, stdio: ['ignore', full, full],
  });
  closeSync(full);
  return new Promise((done) => { child.once('close', done); });
}

it('what serves is not ended by a full disk behind the streams that it prints on', async () => {
  const main = `const { main } = await import('${at('../../src/apps/main.ts')}'); await main(['demo']); process.stdout.write('a line\\n')`;
  expect(await runs(main)).toBe(7);
  expect(await runs(`const { toldOf } = await import('${at('../../src/apps/cells.ts')}'); toldOf('a line'); toldOf('another')`)).toBe(7);
  // What the two are for.
  expect(await runs("process.stderr.write('a line\\n')")).toBe(1);
}, 30_000);
