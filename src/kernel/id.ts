import type { Random } from './random.ts';

/**
 * Ids are UUIDv7 (RFC 9562 §5.7). Outside a row they carry their kind: `tret_0198c5d0f0c07cc08a5f3c6b1d2e4f60`.
 * In a row they are plain `uuid` columns; PostgreSQL reads the 32 hexadecimal digits as they are.
 */
export type Id<Prefix extends string = string> = `${Prefix}_${string}`;
/** 32 lower-case hexadecimal digits, no dashes. */
export type Uuid = string & { readonly uuid: 'hex' };

let asked = 0;
let ms = 0;
let counter = 0;
/** The digits before the count: the time and the version. */
const headOf = (at: number): string => `${at.toString(16).padStart(12, '0')}7`;
let head = headOf(ms);
const VARIANTS = '89ab';

/**
 * A new UUIDv7: 48 bits of time, 12 bits that count within the millisecond, 62 random bits. Ids of one instant sort by their
 * making in one process: where the count is full, the time written into them runs a millisecond ahead (RFC 9562 §6.2).
 */
export function uuidv7(at: Date, random: Random): Uuid {
  const drawn = random.hex(20);
  if (at.getTime() !== asked) {
    asked = ms = at.getTime();
    counter = Number.parseInt(drawn.slice(16), 16) & 0x3ff;
    head = headOf(ms);
  } else if (counter < 0xfff) counter += 1;
  else {
    ms += 1;
    counter = 0;
    head = headOf(ms);
  }
  return `${head}${counter.toString(16).padStart(3, '0')}${VARIANTS[Number.parseInt(drawn[0] as string, 16) & 3]}${drawn.slice(1, 16)}` as Uuid;
}

const HEX32 = /^[0-9a-f]{32}$/;

/** Checks and brands a uuid written with or without dashes. Throws RangeError. */
export function uuid(text: string): Uuid {
  const hex = text.length === 36 ? text.replaceAll('-', '') : text;
  if (!HEX32.test(hex)) throw new RangeError('not a uuid');
  return hex as Uuid;
}

export const isUuid = (text: string): text is Uuid => HEX32.test(text);

/** The public form of a stored uuid. */
export const idOf = <P extends string>(prefix: P, stored: string): Id<P> =>
  `${prefix}_${stored.length === 36 ? stored.replaceAll('-', '') : stored}`;

/** The stored uuid of a public id. Throws RangeError when it is none. */
export const uuidOf = (id: Id): Uuid => uuid(id.slice(id.lastIndexOf('_') + 1));
