import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { csvLines, lineOfRow, ndjsonLines, type FileLine } from '../../src/apps/lines.ts';

const folder = mkdtempSync(join(tmpdir(), 'lines-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
let files = 0;
const put = (bytes: Buffer | string, ending = 'ndjson'): string => {
  const path = join(folder, `${files += 1}.${ending}`);
  writeFileSync(path, bytes);
  return path;
};
const all = async (lines: AsyncIterable<FileLine>): Promise<{ no: number; text: string }[]> => {
  const out: { no: number; text: string }[] = [];
  for await (const { no, text } of lines) out.push({ no, text });
  return out;
};
const two = [{ no: 1, text: '{"a":1}' }, { no: 2, text: '{"b":"रिफंड"}' }];
const plain = '{"a":1}\n{"b":"रिफंड"}\n';

describe('lines of a file', () => {
  it.each([
    ['as they should be', Buffer.from(plain)], ['without a last newline', Buffer.from(plain.trimEnd())], ['with CRLF', Buffer.from(plain.replaceAll('\n', '\r\n'))],
    ['with a UTF-8 mark', Buffer.from(`\ufeff${plain}`)], ['in UTF-16, little end first', Buffer.from(`\ufeff${plain}`, 'utf16le')],
    ['in UTF-16, big end first', Buffer.from(`\ufeff${plain}`, 'utf16le').swap16()], ['gzipped', gzipSync(plain)],
  ])('are read %s', async (_, bytes) => {
    expect(await all(ndjsonLines(put(bytes)))).toEqual(two);
  });

  it('skips empty lines and keeps their numbers', async () => {
    expect((await all(ndjsonLines(put('\n{"a":1}\n\n  \n{"b":2}')))).map((l) => l.no)).toEqual([2, 5]);
  });

  it('says that a gzipped file was cut off', async () => {
    const cut = gzipSync(plain.repeat(500));
    await expect(all(ndjsonLines(put(cut.subarray(0, cut.length - 40))))).rejects.toThrow(/ends too early/);
  });

  it('keeps memory flat on one endless line, and goes on behind it', async () => {
    const lines = await all(ndjsonLines(put(Buffer.concat([Buffer.alloc(40 * 1024 * 1024, 'x'), Buffer.from('\n{"b":2}\n')]))));
    expect(lines.map((l) => [l.no, l.text.length])).toEqual([[1, expect.any(Number)], [2, 7]]);
    expect(lines[0]?.text.length).toBeLessThan(600_000);
  });

  it('gives any lines back as they were', async () => {
    await fc.assert(fc.asyncProperty(fc.array(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }).filter((s) => s.trim() !== '' && !/[\n\r\ufeff]/.test(s)), { maxLength: 30 }), async (texts) => {
      expect((await all(ndjsonLines(put(texts.join('\n'))))).map((l) => l.text)).toEqual(texts);
    }), { numRuns: 60 });
  });
});

describe('rows of a CSV file', () => {
  const head = 'kind,identifier,year,returnNo,source,sourceEventId,sourceVersion,occurredAt,code,claimed\r\n';
  it('become lines of the feed, amounts as text', async () => {
    const lines = await all(csvLines(put(`\ufeff${head}event,AAAPR0000A,2026,1,cpc,"x,1",1,2026-08-01T00:00:00Z,IN_PROCESSING,9007199254740993\r\n`, 'csv')));
    expect(lines.map((l) => JSON.parse(l.text) as unknown)).toEqual([{
      kind: 'event', identifier: 'AAAPR0000A', year: 2026, returnNo: 1, source: 'cpc', sourceEventId: 'x,1', sourceVersion: 1, occurredAt: '2026-08-01T00:00:00Z',
      code: 'IN_PROCESSING', facts: { claimed: '9007199254740993' },
    }]);
  });

  it('come back as they were, whatever stands in their cells, in every encoding', async () => {
    const cell = fc.string({ unit: 'grapheme', maxLength: 12 }).filter((s) => !s.includes('\ufeff')).map((s) => s.trim());
    const encodings: ((text: string) => Buffer)[] = [(t) => Buffer.from(t), (t) => Buffer.from(`\ufeff${t}`), (t) => Buffer.from(`\ufeff${t}`, 'utf16le'),
      (t) => gzipSync(t)];
    await fc.assert(fc.asyncProperty(fc.array(fc.tuple(cell, cell), { minLength: 1, maxLength: 15 }), fc.constantFrom('\n', '\r\n'), fc.constantFrom(...encodings),
      async (rows, end, encode) => {
        const quoted = (c: string): string => `"${c.replaceAll('"', '""')}"`;
        const text = ['kind,"identifier","name"', ...rows.map((r) => ['taxpayer', ...r.map(quoted)].join(','))].join(end);
        const read = (await all(csvLines(put(encode(text), 'csv')))).map((l) => JSON.parse(l.text) as Record<string, string>);
        expect(read.map((r) => [r.identifier ?? '', r.name ?? ''])).toEqual(rows);
      }), { numRuns: 60 });
  });

  it('hand on a row that cannot be read, and the rows behind it', async () => {
    const lines = await all(csvLines(put(`${head}event,too,few\r\nevent,AAAPR0000A,2026,1,cpc,x2,1,2026-08-01T00:00:00Z,IN_PROCESSING,\r\n`, 'csv')));
    expect(lines).toHaveLength(2);
    expect(lines.some((l) => l.text.includes('too,few'))).toBe(true);
  });

  it('leave a cell that looks like a formula as the text that it is', () => {
    expect(JSON.parse(lineOfRow({ kind: 'event', sourceEventId: '=1+1', year: '+2026' }))).toEqual({ kind: 'event', sourceEventId: '=1+1', year: '+2026', facts: {} });
  });
});
