// npm run prove -- <name> [--seed <text>] [--rounds <n>]: runs test/prove/<name>.prove.ts under Node 24; without a name, all of them.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'test/prove');
const [name, ...rest] = process.argv.slice(2);
const all = readdirSync(folder).filter((f) => f.endsWith('.prove.ts')).map((f) => f.slice(0, -'.prove.ts'.length)).sort();
if (name !== undefined && !existsSync(join(folder, `${name}.prove.ts`))) {
  process.stderr.write(`proofs: ${all.join(', ')}\n`);
  process.exit(2);
}
let failed = 0;
for (const one of name === undefined ? all : [name]) {
  const run = spawnSync(process.execPath, ['--import', join(root, 'bin/tsx-hook.mjs'), join(folder, `${one}.prove.ts`), ...rest], { stdio: 'inherit', cwd: root });
  if (run.status !== 0) failed += 1;
}
process.exit(failed ? 1 : 0);
