import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';
import { NodeCompiler } from '@myriaddreamin/typst-ts-node-compiler';
import type { Answer, SetSheet } from './index.ts';

const { fonts } = workerData as { fonts: string[] };
const compiler = NodeCompiler.create({ workspace: fileURLToPath(new URL('.', import.meta.url)), fontArgs: [{ fontBlobs: fonts.map((font) =>
  readFileSync(font)) }] });
const templates = new Map<string, string>();
/** Sheets after which what the compiler remembers of earlier ones is let go. */
const REMEMBERED = 10;

function textOf(href: string): string {
  let text = templates.get(href);
  if (text === undefined) templates.set(href, (text = readFileSync(new URL(href), 'utf8')));
  return text;
}

function set({ id, template, data }: SetSheet): Answer {
  try {
    // What people wrote goes in as data, never as a part of the template.
    const pdf = compiler.pdf({ mainFileContent: textOf(template), inputs: { data } });
    compiler.evictCache(REMEMBERED);
    return { id, pdf };
  } catch (error) {
    return { id, error: error instanceof Error ? error.message : String(error) };
  }
}

parentPort?.on('message', (what: SetSheet) => parentPort?.postMessage(set(what)));
