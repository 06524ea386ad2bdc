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

/** JSON.parse keeps the last of two equal keys without a word; a payer and a bank may keep different ones, so two are refused. */
function checkKeys(text: string): void {
  const open: (Set<string> | null)[] = [];
  let i = 0;
  let key = false;
  while (i < text.length) {
    const c = text[i];
    if (c === '{' || c === '[') {
      open.push(c === '{' ? new Set() : null);
      if (open.length > JSON_DEPTH_MAX) throw new BodyFault(`the JSON is nested deeper than ${JSON_DEPTH_MAX}`);
      key = c === '{';
    } else if (c === '}' || c === ']') open.pop();
    else if (c === ',') key = open.at(-1) instanceof Set;
    else if (c === '"') {
      const start = i;
      for (i += 1; text[i] !== '"'; i += 1) if (text[i] === '\\') i += 1;
      if (key) {
        const name = JSON.parse(text.slice(start, i + 1)) as string;
        const keys = open.at(-1) as Set<string>;
        if (keys.has(name)) throw new BodyFault('a key stands twice in one object');
        if (RESERVED_KEYS.has(name)) throw new BodyFault('a key has a reserved name');
        keys.add(name);
        key = false;
      }
    }
    i += 1;
  }
}
