import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { appendLine } from '#kernel';
import type { ChainHead, HeadKeeper } from '#spine/audit/port';

/** Keeps heads in one append-only file a cell, a JSON line each; put the folder on other storage than the database's. */
export function fileHeads(folder: string): HeadKeeper {
  const fileOf = (cell: string): string => join(folder, `${cell}.ndjson`);
  const all = async (cell: string): Promise<ChainHead[]> => {
    const text = await readFile(fileOf(cell), 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return '';
      throw error;
    });
    // Behind the last end of a line stands at most a head that was never kept whole.
    return text.split('\n').slice(0, -1).map((line) => {
      const head = JSON.parse(line) as { pos: string; chainHash: string; at: string };
      return { cell, pos: BigInt(head.pos), chainHash: head.chainHash, at: new Date(head.at) };
    });
  };
  return {
    all,
    newest: async (cell) => (await all(cell)).at(-1),
    write: (head) => appendLine(fileOf(head.cell), JSON.stringify({ pos: head.pos.toString(), chainHash: head.chainHash, at: head.at.toISOString() })),
  };
}
