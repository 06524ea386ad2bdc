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

/**
 * Bundles the stylesheet and every module's islands, and those of `more` folders with their stylesheets; names carry the content's
 * hash, so a browser may keep them for ever.
 */
export async function buildAssets(modules: readonly Module[], more: readonly URL[] = []): Promise<Assets & { sizes: Record<string, number> }> {
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
  const addStyle = async (folder: string, file: string): Promise<void> => {
    add(file, (await transform(await readFile(join(folder, file), 'utf8'), { loader: 'css', minify: true })).code);
  };
  await addStyle(join(root, 'kit'), 'kit.css');
  for (const url of [...modules.flatMap((m) => m.islands ?? []), ...more]) {
    const folder = fileURLToPath(url);
    for (const file of (await readdir(folder)).filter((f) => f.endsWith('.css'))) await addStyle(folder, file);
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
