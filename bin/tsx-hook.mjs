// Node 24 strips types from .ts by itself; .tsx goes through esbuild here, so no build step stands between clone and start.
import { readFileSync } from 'node:fs';
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { transformSync } from 'esbuild';

registerHooks({
  load(url, context, nextLoad) {
    if (!url.endsWith('.tsx')) return nextLoad(url, context);
    const file = fileURLToPath(url);
    const { code } = transformSync(readFileSync(file, 'utf8'), {
      loader: 'tsx', jsx: 'automatic', jsxImportSource: 'preact', format: 'esm', sourcemap: 'inline', sourcefile: file, target: 'es2024',
    });
    return { format: 'module', source: code, shortCircuit: true };
  },
});
