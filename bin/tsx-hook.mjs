// Node 24 strips types from .ts by itself; .tsx goes through esbuild here, so no build step stands between clone and start.
// What esbuild and V8 made of a file is kept beside the dependencies, under the hash of what it was made from: a second start makes neither again.
import { hash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire, enableCompileCache, registerHooks } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
// Another esbuild or Preact may make other code of the same text.
const versions = hash('sha256', readFileSync(join(root, 'package-lock.json')));
enableCompileCache(join(root, 'node_modules', '.cache', 'exchequer', 'v8'));
// Behind that, so that it is kept as well.
const { kept } = await import('../src/apps/kept.ts');

function transform(file, source) {
  const { transformSync } = createRequire(import.meta.url)('esbuild');
  return transformSync(source, {
    loader: 'tsx', jsx: 'automatic', jsxImportSource: 'preact', format: 'esm', sourcemap: 'inline', sourcefile: file, target: 'es2024',
  }).code;
}

/** The module of a .tsx file: as it was kept, or made and kept where the folder can be written. */
function moduleOf(file) {
  const source = readFileSync(file, 'utf8');
  return kept('tsx', `${versions}\n${file}\n${source}`, () => Buffer.from(transform(file, source)));
}

registerHooks({
  load: (url, context, nextLoad) => (url.endsWith('.tsx') ? { format: 'module', source: moduleOf(fileURLToPath(url)), shortCircuit: true } : nextLoad(url, context)),
});
