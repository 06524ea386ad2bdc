import { expect, it } from 'vitest';
import { csvLines, ndjsonLines, type Bytes, type FileLine } from '../../src/apps/lines.ts';

const MB = 1024 * 1024;
const GROWTH_MB_MAX = 160;

/** A head, one line of so many megabytes and an ordinary one behind it; made on the way, kept nowhere. */
async function* endless(megabytes: number, head: string, behind: string, look: () => void): Bytes {
  yield { part: Buffer.from(head), bytes: 0 };
  const part = Buffer.alloc(MB / 4, 'x');
  for (let i = 0; i < megabytes * 4; i++) {
    if (i % 64 === 0) look();
    yield { part, bytes: i * part.length };
  }
  yield { part: Buffer.from(`\n${behind}\n`), bytes: megabytes * MB };
}

/** What came out of the reader, and by how many megabytes the process grew meanwhile. */
async function reading(read: (from: Bytes) => AsyncIterable<FileLine>, megabytes: number, head: string, behind: string): Promise<{ lines: FileLine[]; grewMb: number }> {
  const start = process.memoryUsage().rss;
  let most = start;
  const lines: FileLine[] = [];
  for await (const line of read(endless(megabytes, head, behind, () => { most = Math.max(most, process.memoryUsage().rss); }))) lines.push(line);
  return { lines, grewMb: (most - start) / MB };
}

it('1 GB line of NDJSON: memory stays flat, the line is cut short enough to be set aside, and the next one is read', { timeout: 60_000 }, async () => {
  const { lines, grewMb } = await reading(ndjsonLines, 1024, '', '{"b":2}');
  expect(lines.map((l) => l.no)).toEqual([1, 2]);
  expect(lines[0]?.text.length).toBeGreaterThan(16 * 1024);
  expect(lines[0]?.text.length).toBeLessThan(600_000);
  expect(lines[1]?.text).toBe('{"b":2}');
  expect(grewMb).toBeLessThan(GROWTH_MB_MAX);
});

it.each([['plain', ''], ['in quotes that never end', '"']])('1 GB line of CSV, %s: memory stays flat, and the line is set aside once', { timeout: 60_000 }, async (_, quote) => {
  const { lines, grewMb } = await reading(csvLines, 1024, `kind,identifier\n${quote}`, 'taxpayer,x');
  expect(lines[0]).toMatchObject({ no: 2, text: expect.stringMatching(/x{1000}/) as string });
  expect(lines.length).toBeLessThan(4);
  expect(grewMb).toBeLessThan(GROWTH_MB_MAX);
});

it('a file of nothing but bad rows: is handed on row by row, not gathered', { timeout: 60_000 }, async () => {
  const rows = Buffer.from('too,many,cells,in,this,row\n'.repeat(10_000));
  async function* bad(): Bytes {
    yield { part: Buffer.from('kind,identifier\n'), bytes: 0 };
    for (let i = 0; i < 20; i++) yield { part: rows, bytes: 0 };
  }
  let seen = 0;
  let ahead = 0;
  async function* watched(): Bytes {
    for await (const part of bad()) {
      ahead += part.part === rows ? 10_000 : 0;
      expect(ahead - seen).toBeLessThan(30_000);
      yield part;
    }
  }
  for await (const line of csvLines(watched())) {
    expect(line.text).toContain('too,many,cells');
    seen += 1;
  }
  expect(seen).toBe(200_000);
});
