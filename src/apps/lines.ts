import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { parse, type CsvError } from 'csv-parse';
import { RESERVED_KEYS } from '#kernel';
import type { RawLine } from '#products/taxrefund';

/** A line longer than this is cut here; what is left of it is enough to be set aside as too long. */
const KEPT_CHARS_MAX = 20_000;

/** Bytes of a feed as they come, with how many of them were read from the file so far. */
export type Bytes = AsyncIterable<{ readonly part: Uint8Array; readonly bytes: number }>;

/** The feed ends in the middle of its compression, or is no whole gzip: what came before was taken. */
export class FeedCut extends Error {
  constructor(cause: unknown) {
    super('the compressed file is damaged or ends too early', { cause });
    this.name = 'FeedCut';
  }
}

const PART_BYTES = 256 * 1024;
const GZIP = 0x1f8b, UTF16_LITTLE = 0xfffe, UTF16_BIG = 0xfeff;

async function headOf(file: string): Promise<number> {
  const handle = await open(file);
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(2), 0, 2, 0);
    return bytesRead === 2 ? buffer.readUInt16BE(0) : 0;
  } finally {
    await handle.close();
  }
}

/** Bytes of a file, gunzipped by its magic. Throws FeedCut where the compression breaks off. */
async function* bytesOf(file: string): Bytes {
  const source = createReadStream(file, { highWaterMark: PART_BYTES });
  if (await headOf(file) !== GZIP) {
    for await (const part of source) yield { part: part as Buffer, bytes: source.bytesRead };
    return;
  }
  const plain = source.pipe(createGunzip());
  source.on('error', (error) => plain.destroy(error));
  try {
    for await (const part of plain) yield { part: part as Buffer, bytes: source.bytesRead };
  } catch (error) {
    throw String((error as NodeJS.ErrnoException).code).startsWith('Z_') ? new FeedCut(error) : error;
  }
}

/** Text piece by piece: UTF-8, or UTF-16 by its mark; bytes that are no text become U+FFFD and fail later, by line. */
async function* textOf(source: Bytes): AsyncGenerator<{ text: string; bytes: number }> {
  let decoder: TextDecoder | undefined;
  let last = 0;
  for await (const { part, bytes } of source) {
    if (!decoder) {
      const head = part.length > 1 ? ((part[0] as number) << 8) | (part[1] as number) : 0;
      decoder = new TextDecoder(head === UTF16_LITTLE ? 'utf-16le' : head === UTF16_BIG ? 'utf-16be' : 'utf-8');
    }
    last = bytes;
    yield { text: decoder.decode(part, { stream: true }), bytes };
  }
  if (decoder) yield { text: decoder.decode(), bytes: last };
}

const sourceOf = (from: string | Bytes): Bytes => (typeof from === 'string' ? bytesOf(from) : from);

export interface FileLine extends RawLine { readonly bytes: number }

/** Lines of an NDJSON file (or of bytes from elsewhere). Memory stays flat whatever a line’s length. */
export async function* ndjsonLines(from: string | Bytes): AsyncGenerator<FileLine> {
  let no = 0;
  let rest = '';
  let bytes = 0;
  for await (const part of textOf(sourceOf(from))) {
    bytes = part.bytes;
    let start = 0;
    for (let at = part.text.indexOf('\n'); at >= 0; at = part.text.indexOf('\n', start)) {
      const text = `${rest}${part.text.slice(start, at).slice(0, KEPT_CHARS_MAX)}`.replace(/\r$/, '');
      rest = '';
      no += 1;
      start = at + 1;
      if (text.trim() !== '') yield { no, text, bytes };
    }
    if (rest.length < KEPT_CHARS_MAX) rest += part.text.slice(start, start + KEPT_CHARS_MAX);
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

/** What the parser hands on: a row, or one that it could not read. */
type Parsed = { readonly record: Record<string, string>; readonly info: { lines: number } } | { readonly unread: FileLine };

/** Lines of a CSV file (or of bytes from elsewhere) with a heading row; a row that cannot be read is handed on as it stands, to be set aside. */
export async function* csvLines(from: string | Bytes): AsyncGenerator<FileLine> {
  let bytes = 0;
  let unreadNo = -1;
  const parser = parse({
    // A heading such as __proto__ would vanish on its way into an object; under another name its rows are set aside.
    bom: true, columns: (names: string[]) => names.map((name) => (RESERVED_KEYS.has(name) ? `reserved ${name}` : name)),
    skip_empty_lines: true, max_record_size: KEPT_CHARS_MAX, skip_records_with_error: true, info: true, raw: true, trim: true,
    on_skip: (error: CsvError | undefined, raw: string | undefined): undefined => {
      const no = Number(error?.lines ?? 0);
      // The parser gives a line that is too long up piece by piece; its head is enough to set it aside, once.
      if (no !== unreadNo) parser.push({ unread: { no, text: (raw ?? '').slice(0, KEPT_CHARS_MAX), bytes } } satisfies Parsed);
      unreadNo = no;
      return undefined;
    },
  });
  const feeding = (async () => {
    for await (const part of textOf(sourceOf(from))) {
      bytes = part.bytes;
      if (!parser.write(part.text)) await new Promise((done) => parser.once('drain', done));
    }
    parser.end();
  })();
  feeding.catch((error: unknown) => parser.destroy(error as Error));
  for await (const parsed of parser as AsyncIterable<Parsed>) {
    yield 'unread' in parsed ? parsed.unread : { no: parsed.info.lines, text: lineOfRow(parsed.record), bytes };
  }
  await feeding;
}
