// npm run bench -- <name> [options]: runs test/bench/<name>.ts under Node 24; without a name, all of them, one after another.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const folder = join(root, 'test/bench');
const [name, ...rest] = process.argv.slice(2);
const all = readdirSync(folder).filter((f) => f.endsWith('.bench.ts')).map((f) => f.slice(0, -'.bench.ts'.length)).sort();
if (name !== undefined && !existsSync(join(folder, `${name}.bench.ts`))) {
  process.stderr.write(`benches: ${all.join(', ')}\n`);
  process.exit(2);
}
// Peers are the benches' own: their lock is installed here, where it was not or has changed since.
const peers = join(folder, 'peers');
const lock = (path) => (existsSync(path) ? Object.keys(JSON.parse(readFileSync(path, 'utf8')).packages).filter(Boolean).sort().join() : '');
if (lock(join(peers, 'package-lock.json')) !== lock(join(peers, 'node_modules/.package-lock.json'))) {
  const install = spawnSync('npm', ['ci', '--workspaces=false', '--ignore-scripts'], { stdio: 'inherit', cwd: peers });
  if (install.status !== 0) process.exit(install.status ?? 1);
}
let failed = 0;
for (const one of name === undefined ? all : [name]) {
  const run = spawnSync(process.execPath, ['--import', join(root, 'bin/tsx-hook.mjs'), join(folder, `${one}.bench.ts`), ...rest], { stdio: 'inherit', cwd: root });
  if (run.status !== 0) failed += 1;
}
process.exit(failed ? 1 : 0);
