// Node 24 strips types from .ts by itself; .tsx goes through esbuild here, so no build step stands between clone and start.
// What esbuild and V8 made of a file is kept beside the dependencies, under the hash of what it was made from: a second start makes neither again.
import { hash, randomBytes } from 'node:crypto';
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire, enableCompileCache, registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const kept = join(root, 'node_modules', '.cache', 'exchequer');
// Another esbuild or Preact may make other code of the same text.
const versions = hash('sha256', readFileSync(join(root, 'package-lock.json')));
enableCompileCache(join(kept, 'v8'));

function transform(file, source) {
  const { transformSync } = createRequire(import.meta.url)('esbuild');
  return transformSync(source, {
    loader: 'tsx', jsx: 'automatic', jsxImportSource: 'preact', format: 'esm', sourcemap: 'inline', sourcefile: file, target: 'es2024',
  }).code;
}

/** The module of a .tsx file: as it was kept, or made and kept where the folder can be written. */
function moduleOf(file) {
  const source = readFileSync(file, 'utf8');
  const path = join(kept, 'tsx', `${hash('sha256', `${versions}\n${file}\n${source}`)}.js`);
  try {
    return readFileSync(path, 'utf8');
  } catch {
    const code = transform(file, source);
    try {
      mkdirSync(join(kept, 'tsx'), { recursive: true });
      // Whole or not at all: two processes may start at once.
      const whole = `${path}.${randomBytes(6).toString('hex')}`;
      writeFileSync(whole, code);
      renameSync(whole, path);
    } catch {
      // An installation that cannot be written makes it each time.
    }
    return code;
  }
}

registerHooks({
  load: (url, context, nextLoad) => (url.endsWith('.tsx') ? { format: 'module', source: moduleOf(fileURLToPath(url)), shortCircuit: true } : nextLoad(url, context)),
});
