import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build, transform } from 'esbuild';
import type { Module } from '#kernel';
import type { Assets } from '#platform/edge';

const TYPES: Record<string, string> = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' };
const root = fileURLToPath(new URL('../', import.meta.url));

/** Bundles the stylesheet and every module's islands; names carry the content's hash, so a browser may keep them for ever. */
export async function buildAssets(modules: readonly Module[]): Promise<Assets & { sizes: Record<string, number> }> {
  const files = new Map<string, { body: Buffer; type: string; encoding: string }>();
  const urls = new Map<string, string>();
  const sizes: Record<string, number> = {};
  const add = (name: string, text: string): void => {
    const body = brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } });
    const extension = name.slice(name.lastIndexOf('.') + 1);
    const hashed = `${name.slice(0, -extension.length - 1)}-${createHash('sha256').update(text).digest('hex').slice(0, 12)}.${extension}`;
    files.set(hashed, { body, type: TYPES[extension] as string, encoding: 'br' });
    urls.set(name, `/assets/${hashed}`);
    sizes[name] = body.length;
  };
  const css = await transform(await readFile(join(root, 'kit/kit.css'), 'utf8'), { loader: 'css', minify: true });
  add('kit.css', css.code);
  for (const module of modules.filter((m) => m.islands)) {
    const folder = fileURLToPath(module.islands as URL);
    for (const file of (await readdir(folder)).filter((f) => f.endsWith('.tsx'))) {
      const bundle = await build({
        entryPoints: [join(folder, file)], bundle: true, minify: true, write: false, format: 'esm', target: 'es2022',
        jsx: 'automatic', jsxImportSource: 'preact', legalComments: 'none',
      });
      add(file.replace(/\.tsx$/, '.js'), (bundle.outputFiles[0] as { text: string }).text);
    }
  }
  return {
    sizes,
    url(name) {
      const url = urls.get(name);
      if (url === undefined) throw new Error(`no such asset: ${name}`);
      return url;
    },
    find: (path) => files.get(path),
  };
}
