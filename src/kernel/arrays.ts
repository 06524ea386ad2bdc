const quotedElement = (text: string): string =>
  (text.includes('"') || text.includes('\\') ? `"${text.replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"` : `"${text}"`);

function element(value: unknown): string {
  if (typeof value === 'string') return quotedElement(value);
  if (value === null || value === undefined) return 'NULL';
  if (value instanceof Uint8Array) return `"\\\\x${(value as Buffer).toString('hex')}"`;
  if (value instanceof Date) return `"${value.toISOString()}"`;
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  throw new TypeError(`no element of an array parameter: ${typeof value}`);
}

/** An array as PostgreSQL's array literal. The driver's own takes two regular expressions an element, which a batch of a thousand rows feels. */
export function arrayText(values: readonly unknown[]): string {
  let text = '{';
  for (let i = 0; i < values.length; i++) text += i === 0 ? element(values[i]) : `,${element(values[i])}`;
  return `${text}}`;
}

/**
 * JSON texts as one text for `string_to_array(…, chr(30), '')`: JSON holds no control character, so nothing has to be quoted on this
 * side or unquoted on the other. Null stands as the empty text, which is no JSON.
 */
export const joinedJson = (texts: readonly (string | null)[]): string => texts.join('\u001e');

/**
 * Arrays as PostgreSQL reads them in binary: dimensions, whether one is null, the type, the length, and each value behind its own length
 * (`array_recv`). To read a uuid as text costs the server half a microsecond and an integer a tenth, of a row that costs it five; on this side a
 * long text has to be put together and encoded, and then thrown away.
 */
const HEAD_BYTES = 20;
/** Of pg_type; they never change. */
const OID = { smallint: 21, int: 23, bigint: 20, uuid: 2950, text: 25 } as const;
export type PackedType = keyof typeof OID;

/** Puts the head before values that were written; there are none without one. */
function ended(out: Buffer, end: number, type: PackedType, count: number, hasNull: boolean): Buffer {
  out.writeInt32BE(count === 0 ? 0 : 1, 0);
  out.writeInt32BE(hasNull ? 1 : 0, 4);
  out.writeInt32BE(OID[type], 8);
  if (count === 0) return out.subarray(0, 12);
  out.writeInt32BE(count, 12);
  out.writeInt32BE(1, 16);
  return out.subarray(0, end);
}

type Write<T> = (view: DataView, at: number, value: T) => void;
function packed<T>(type: PackedType, width: number, values: readonly (T | null | undefined)[], write: Write<T>): Buffer {
  const out = Buffer.allocUnsafe(HEAD_BYTES + values.length * (4 + width));
  const view = new DataView(out.buffer, out.byteOffset, out.length);
  let at = HEAD_BYTES;
  let hasNull = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i];
    if (value === null || value === undefined) {
      hasNull = true;
      view.setInt32(at, -1);
      at += 4;
      continue;
    }
    view.setInt32(at, width);
    write(view, at + 4, value);
    at += 4 + width;
  }
  return ended(out, at, type, values.length, hasNull);
}

const notIn = (type: PackedType, value: bigint | number | string): RangeError => new RangeError(`no ${type}: ${value}`);

const DASH = 45;
/** Of each character that is a hexadecimal digit its value; of others −1, which no sum of digits is. */
const DIGITS = new Int8Array(65_536).fill(-1);
for (let i = 0; i < 16; i++) for (const digit of [i.toString(16), i.toString(16).toUpperCase()]) DIGITS[digit.charCodeAt(0)] = i;

function writeUuid(view: DataView, start: number, text: string): void {
  if (text.length !== 36 && text.length !== 32) throw notIn('uuid', text);
  let at = start, wrong = 0;
  for (let k = 0; k < text.length; k += 2) {
    if (text.length === 36 && (k === 8 || k === 13 || k === 18 || k === 23)) {
      if (text.charCodeAt(k) !== DASH) throw notIn('uuid', text);
      k += 1;
    }
    const high = DIGITS[text.charCodeAt(k)] as number, low = DIGITS[text.charCodeAt(k + 1)] as number;
    wrong |= high | low;
    view.setUint8(at++, (high << 4) | low);
  }
  if (wrong < 0) throw notIn('uuid', text);
}
/** Ids, with dashes or without (as a trace is written). Throws RangeError for what is none. */
export const uuidArray = (values: readonly (string | null)[]): Buffer => packed('uuid', 16, values, writeUuid);

const HALF = 2 ** 32;
function writeBigint(view: DataView, at: number, value: bigint | number): void {
  const n = Number(value);
  if (Number.isSafeInteger(n)) {
    const high = Math.floor(n / HALF);
    view.setInt32(at, high);
    view.setUint32(at + 4, n - high * HALF);
    return;
  }
  if (typeof value !== 'bigint' || BigInt.asIntN(64, value) !== value) throw notIn('bigint', value);
  view.setBigInt64(at, value);
}
/** Throws RangeError for what has more than 64 bits, or is no whole number. */
export const bigintArray = (values: readonly (bigint | number | null)[]): Buffer => packed('bigint', 8, values, writeBigint);

function writeInt(view: DataView, at: number, value: number): void {
  if ((value | 0) !== value) throw notIn('int', value);
  view.setInt32(at, value);
}
export const intArray = (values: readonly (number | null)[]): Buffer => packed('int', 4, values, writeInt);

function writeSmallint(view: DataView, at: number, value: number): void {
  if ((value << 16) >> 16 !== value) throw notIn('smallint', value);
  view.setInt16(at, value);
}
export const smallintArray = (values: readonly (number | null)[]): Buffer => packed('smallint', 2, values, writeSmallint);

/** Shorter texts are written letter by letter, which costs less than to leave the language for them. */
const SHORT_MAX = 64;
function writeText(out: Buffer, at: number, text: string): number {
  if (text.length > SHORT_MAX) return out.write(text, at);
  for (let i = 0; i < text.length; i++) {
    const letter = text.charCodeAt(i);
    if (letter > 0x7f) return out.write(text, at);
    out[at + i] = letter;
  }
  return text.length;
}
const textOf = (value: unknown): string | null => {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return null;
  return value instanceof Date ? value.toISOString() : element(value);
};
/** Texts, and numbers and instants as text. */
export function textArray(values: readonly unknown[]): Buffer {
  const texts = values.map(textOf);
  // A letter of UTF-16 has three bytes in UTF-8 at most.
  const out = Buffer.allocUnsafe(texts.reduce((n, t) => n + 4 + (t === null ? 0 : 3 * t.length), HEAD_BYTES));
  let at = HEAD_BYTES;
  for (const text of texts) {
    const length = text === null ? -1 : writeText(out, at + 4, text);
    out.writeInt32BE(length, at);
    at += 4 + Math.max(length, 0);
  }
  return ended(out, at, 'text', texts.length, texts.includes(null));
}

const PACKERS: Readonly<Record<PackedType, (values: readonly never[]) => Buffer>> = {
  uuid: uuidArray, bigint: bigintArray, int: intArray, smallint: smallintArray, text: textArray,
};
export const packArray = (type: PackedType, values: readonly unknown[]): Buffer => PACKERS[type](values as readonly never[]);

const CAST = /^::(uuid|bigint|int|smallint|text)\[\]/;
/** The type that a parameter is cast to by what stands behind it, where an array of it can be packed. */
export const packedType = (behind: string | undefined): PackedType | undefined => CAST.exec(behind ?? '')?.[1] as PackedType | undefined;

/** Digits of an int4 in hexadecimal. */
const INT4_DIGITS = 8;
const EPOCH_2000_MS = Date.UTC(2000, 0, 1);
/** A whole number that is not negative, as `int4send` gives it in hexadecimal. */
export const sentInt = (hex: string, at: number): number => Number.parseInt(hex.slice(at, at + INT4_DIGITS), 16);
/** An instant as `timestamptz_send` gives it in hexadecimal: microseconds since 2000, before it in two's complement. In milliseconds since 1970. */
export function sentMs(hex: string, at: number): number {
  // Half by half: three centuries of microseconds are more than a double counts.
  const high = sentInt(hex, at) | 0;
  return EPOCH_2000_MS + high * Math.floor(HALF / 1000) + Math.floor((high * (HALF % 1000) + sentInt(hex, at + INT4_DIGITS)) / 1000);
}
