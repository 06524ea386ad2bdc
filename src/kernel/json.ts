/** JSON as the outside sends it: what two readers could read in two ways is refused. */

export const JSON_DEPTH_MAX = 32;
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: false });

/** What was wrong with a body or a line, in words for its sender. */
export class BodyFault extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BodyFault';
  }
}

/** Text of bytes that must be UTF-8. */
export function utf8Text(bytes: Uint8Array): string {
  try {
    return utf8.decode(bytes);
  } catch {
    throw new BodyFault('the body is not UTF-8');
  }
}

/** Names that reach an object's prototype. */
export const RESERVED_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/** Parses JSON strictly: each key once, no prototype names, depth ≤ 32. */
export function strictJson(text: string): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new BodyFault('the body is not valid JSON');
  }
  checkKeys(text);
  return value;
}

const QUOTE = 34, COMMA = 44, BACKSLASH = 92, OPEN_LIST = 91, CLOSE_LIST = 93, OPEN_OBJECT = 123, CLOSE_OBJECT = 125;

/** Where a string of valid JSON ends whose text begins here: at the first quote that no odd number of backslashes stands before. */
function endOfString(text: string, from: number): number {
  for (let end = text.indexOf('"', from); ; end = text.indexOf('"', end + 1)) {
    let before = end;
    while (before > from && text.charCodeAt(before - 1) === BACKSLASH) before -= 1;
    if ((end - before) % 2 === 0) return end;
  }
}

/** JSON.parse keeps the last of two equal keys without a word; a payer and a bank may keep different ones, so two are refused. `text` is valid JSON. */
function checkKeys(text: string): void {
  const open: (Set<string> | null)[] = [];
  let key = false;
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i);
    if (c === QUOTE) {
      const start = i + 1;
      i = endOfString(text, start);
      if (key) addKey(open.at(-1) as Set<string>, text.slice(start, i));
      key = false;
    } else if (c === COMMA) key = open.at(-1) instanceof Set;
    else if (c === OPEN_OBJECT || c === OPEN_LIST) {
      key = c === OPEN_OBJECT;
      open.push(key ? new Set() : null);
      if (open.length > JSON_DEPTH_MAX) throw new BodyFault(`the JSON is nested deeper than ${JSON_DEPTH_MAX}`);
    } else if (c === CLOSE_OBJECT || c === CLOSE_LIST) open.pop();
  }
}

function addKey(keys: Set<string>, written: string): void {
  const name = written.includes('\\') ? JSON.parse(`"${written}"`) as string : written;
  if (keys.has(name)) throw new BodyFault('a key stands twice in one object');
  if (RESERVED_KEYS.has(name)) throw new BodyFault('a key has a reserved name');
  keys.add(name);
}
