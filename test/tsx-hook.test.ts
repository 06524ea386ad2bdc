import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const run = promisify(execFile);

it('a page’s module is kept for the next start, and one whose text has changed is made anew', async () => {
  // Below the dependencies, so that it finds Preact.
  mkdirSync(join(root, 'node_modules', '.cache'), { recursive: true });
  const folder = mkdtempSync(join(root, 'node_modules', '.cache', 'page-'));
  const file = join(folder, 'page.tsx');
  const shown = async (): Promise<string> => (await run(process.execPath, ['--import', join(root, 'bin/tsx-hook.mjs'), '--input-type=module', '-e',
    `import { page } from ${JSON.stringify(file)}; process.stdout.write(page.type + ' ' + page.props.children)`])).stdout;
  const write = (text: string): void => writeFileSync(file, `export const page: unknown = <p>${text}</p>;`);
  try {
    write('first');
    expect([await shown(), await shown()]).toEqual(['p first', 'p first']);
    write('second');
    expect(await shown()).toBe('p second');
    write('first');
    expect(await shown()).toBe('p first');
    // One process that makes it and eight that look at once: whole, or made by each.
    write('third');
    expect(new Set(await Promise.all(Array.from({ length: 8 }, shown)))).toEqual(new Set(['p third']));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
