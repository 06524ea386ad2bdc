import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { parse, type CsvError } from 'csv-parse';
import type { RawLine } from '#products/taxrefund';

/** A line longer than this is cut here; what is left of it is enough to be set aside as too long. */
const KEPT_CHARS_MAX = 20_000;

async function encodingOf(file: string): Promise<{ encoding: 'utf-8' | 'utf-16le' | 'utf-16be'; gzip: boolean }> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    const head = bytesRead === 2 ? buffer.readUInt16BE(0) : 0;
    return { encoding: head === 0xfffe ? 'utf-16le' : head === 0xfeff ? 'utf-16be' : 'utf-8', gzip: head === 0x1f8b };
  } finally {
    await handle.close();
  }
}

/** Text of a file, piece by piece: UTF-8 or UTF-16 by its mark, gunzipped by its magic; bytes that are no text become U+FFFD and fail later, by line. */
async function* textOfFile(file: string): AsyncGenerator<{ text: string; bytes: number }> {
  const { encoding, gzip } = await encodingOf(file);
  const decoder = new TextDecoder(encoding, { ignoreBOM: false });
  const source = createReadStream(file, { highWaterMark: 256 * 1024 });
  const bytes = gzip ? source.pipe(createGunzip()) : source;
  if (gzip) source.on('error', (error) => (bytes as ReturnType<typeof createGunzip>).destroy(error));
  for await (const part of bytes) yield { text: decoder.decode(part as Buffer, { stream: true }), bytes: source.bytesRead };
  yield { text: decoder.decode(), bytes: source.bytesRead };
}

export interface FileLine extends RawLine { readonly bytes: number }

/** Lines of an NDJSON file. Memory stays flat whatever a line's length. */
export async function* ndjsonLines(file: string): AsyncGenerator<FileLine> {
  let no = 0;
  let rest = '';
  let bytes = 0;
  for await (const part of textOfFile(file)) {
    bytes = part.bytes;
    let from = 0;
    for (let at = part.text.indexOf('\n'); at >= 0; at = part.text.indexOf('\n', from)) {
      const text = `${rest}${part.text.slice(from, at).slice(0, KEPT_CHARS_MAX)}`.replace(/\r$/, '');
      rest = '';
      no += 1;
      from = at + 1;
      if (text.trim() !== '') yield { no, text, bytes };
    }
    if (rest.length < KEPT_CHARS_MAX) rest += part.text.slice(from, from + KEPT_CHARS_MAX);
  }
  if (rest.trim() !== '') yield { no: no + 1, text: rest, bytes };
}

const NUMBERS = new Set(['year', 'returnNo', 'sourceVersion']);
const FACTS = new Set([
  'claimed',
  'computed',
  'adjusted',
  'interest',
  'paid',
  'demandYear',
  'respondBy',
  'reasonCode',
  'noticeNo',
  'trackingNo',
  'formType',
  'revisedReturnOf',
]);
const FACT_NUMBERS = new Set(['demandYear', 'revisedReturnOf']);
const number = (text: string): number | string => (/^\d{1,9}$/.test(text) ? Number.parseInt(text, 10) : text);

/** A CSV row as a line of the feed: the same names as in NDJSON, facts by their plain names, empty cells left out. */
export function lineOfRow(row: Readonly<Record<string, string>>): string {
  const line: Record<string, unknown> = {};
  const facts: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(row)) {
    if (value === '') continue;
    if (FACTS.has(name)) facts[name] = FACT_NUMBERS.has(name) ? number(value) : value;
    else line[name] = NUMBERS.has(name) ? number(value) : value;
  }
  return JSON.stringify(line.kind === 'event' ? { ...line, facts } : line);
}

/** Lines of a CSV file with a heading row; a row that cannot be read is handed on as it stands, to be set aside. */
export async function* csvLines(file: string): AsyncGenerator<FileLine> {
  const skipped: FileLine[] = [];
  let bytes = 0;
  const parser = parse({
    bom: true, columns: true, skip_empty_lines: true, max_record_size: KEPT_CHARS_MAX, skip_records_with_error: true, info: true, raw: true, trim: true,
    on_skip: (error: CsvError | undefined, raw: string | undefined): undefined => {
      skipped.push({ no: Number(error?.lines ?? 0), text: (raw ?? '').slice(0, KEPT_CHARS_MAX), bytes });
      return undefined;
    },
  });
  const feeding = (async () => {
    for await (const part of textOfFile(file)) {
      bytes = part.bytes;
      if (!parser.write(part.text)) await new Promise((done) => parser.once('drain', done));
    }
    parser.end();
  })();
  feeding.catch((error: unknown) => parser.destroy(error as Error));
  for await (const { record, info } of parser as AsyncIterable<{ record: Record<string, string>; info: { lines: number } }>) {
    yield* skipped.splice(0);
    yield { no: info.lines, text: lineOfRow(record), bytes };
  }
  yield* skipped.splice(0);
  await feeding;
}
