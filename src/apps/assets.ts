import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build, transform, type Metafile } from 'esbuild';
import type { Module } from '#kernel';
import type { Assets } from '#platform/edge';
import { kept } from './kept.ts';

const TYPES: Record<string, string> = { css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8' };
const root = fileURLToPath(new URL('../', import.meta.url));

interface Made { readonly files: Map<string, { body: Buffer; type: string; encoding: string }>; readonly sizes: Record<string, number> }
const brotli = (text: string): Buffer => kept('br9', text, () => brotliCompressSync(text, { params: { [constants.BROTLI_PARAM_QUALITY]: 9 } }));

/** What one part of an application brings along: itself and all that it imports at once. */
function closure(outputs: Metafile['outputs'], entry: string, seen = new Set<string>()): Set<string> {
  if (seen.has(entry)) return seen;
  seen.add(entry);
  for (const each of outputs[entry]?.imports ?? []) if (each.kind === 'import-statement') closure(outputs, each.path, seen);
  return seen;
}

/** Bundles an application: its entry and stylesheet under their folder's name, and a file for each part that is loaded later. */
async function addApplication(entry: string, add: (name: string, text: string) => void, addStyle: (folder: string, file: string) => Promise<void>,
  { files, sizes }: Made): Promise<void> {
  const folder = dirname(entry);
  const name = basename(folder);
  const { outputFiles, metafile } = await build({
    entryPoints: [{ in: entry, out: name }], bundle: true, splitting: true, minify: true, write: false, metafile: true, format: 'esm', target: 'es2022',
    jsx: 'automatic', jsxImportSource: 'react', legalComments: 'none', define: { 'process.env.NODE_ENV': '"production"' }, outdir: folder,
      absWorkingDir: folder,
    chunkNames: `${name}-[name]-[hash]`,
  });
  const weights = new Map<string, number>();
  for (const { path, text } of outputFiles) {
    const file = basename(path);
    if (file === `${name}.js`) add(file, text);
    else files.set(file, { body: brotli(text), type: TYPES.js as string, encoding: 'br' });
    weights.set(file, files.get(file)?.body.length ?? sizes[file] as number);
  }
  await addStyle(folder, `${name}.css`);
  const weigh = (parts: Iterable<string>): number => [...parts].reduce((sum, file) => sum + (weights.get(file) ?? 0), 0);
  const shell = closure(metafile.outputs, `${name}.js`);
  sizes[`${name} shell`] = weigh(shell) + (sizes[`${name}.css`] ?? 0);
  for (const [file, output] of Object.entries(metafile.outputs)) {
    if (!output.entryPoint || file === `${name}.js`) continue;
    sizes[`${name} ${output.entryPoint.replace(/\.tsx$/, '')}`] = weigh([...closure(metafile.outputs, file)].filter((part) => !shell.has(part)));
  }
}

/**
 * Bundles the stylesheet, every module's islands and applications, and the islands of `more` folders with their stylesheets; names carry the content's
 * hash, so a browser may keep them for ever.
 */
export async function buildAssets(modules: readonly Module[], more: readonly URL[] = []): Promise<Assets & { sizes: Record<string, number> }> {
  const files = new Map<string, { body: Buffer; type: string; encoding: string }>();
  const urls = new Map<string, string>();
  const sizes: Record<string, number> = {};
  const add = (name: string, text: string): void => {
    const body = brotli(text);
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
  for (const { application } of modules) if (application) await addApplication(fileURLToPath(application), add, addStyle, { files, sizes });
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
