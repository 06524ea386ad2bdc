/** A string literal, or one fixed part of a template. `value` is the source text between the quotes. */
export interface Literal { readonly at: number; readonly value: string; readonly quote: '\'' | '"' | '`' }
export interface Scanned {
  /** The text with the insides of strings, templates, regular expressions and comments as spaces: same length, same lines. */
  readonly code: string;
  /** The text with only comments as spaces. */
  readonly bare: string;
  readonly literals: readonly Literal[];
  readonly comments: readonly { readonly at: number; readonly value: string }[];
}

const BEFORE_REGEX = /(?:^|[(,=:[!&|?{};~^+\-*%>]|\b(?:return|typeof|case|in|of|throw|await|yield|else|do))\s*$/;
const REGEX = /\/(?![*/>])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/[a-z]*/y;
const STRING = { "'": /'((?:\\[\s\S]|[^'\\\n])*)'/y, '"': /"((?:\\[\s\S]|[^"\\\n])*)"/y };
const COMMENT = /\/\/[^\n]*|\/\*[\s\S]*?\*\//y;
const TEMPLATE_PART = /((?:\\[\s\S]|\$(?!\{)|[^`\\$])*)(`|\$\{|$)/y;
const PLAIN = /[^'"`/]+/y;
/** Where a template's code may end, braces count. */
const PLAIN_IN_TEMPLATE = /[^'"`/{}]+/y;
const blank = (text: string): string => (text.includes('\n') ? text.replace(/[^\n]+/g, (run) => ' '.repeat(run.length)) : ' '.repeat(text.length));

function match(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at;
  return pattern.exec(text);
}

/**
 * Tells code from strings and comments, well enough for rules: there is no parser of TypeScript in the dependencies.
 * A quote without its partner on the line (an apostrophe in JSX text) is taken as plain text.
 */
export function scan(text: string): Scanned {
  const code: string[] = [], bare: string[] = [];
  /** The end of the code so far: enough to tell a regular expression from a division. */
  let tail = '', at = 0;
  const literals: Literal[] = [];
  const comments: { at: number; value: string }[] = [];
  /** Open braces since each template's `${`; the last one belongs to the innermost template. */
  const depths: number[] = [];
  const put = (asCode: string, asBare = asCode): void => {
    code.push(asCode);
    bare.push(asBare);
    tail = asCode.length >= 40 ? asCode.slice(-40) : (tail + asCode).slice(-40);
    at += asCode.length;
  };
  const templatePart = (): void => {
    const [, value = '', end = ''] = match(TEMPLATE_PART, text, at) ?? [];
    if (value) literals.push({ at, value, quote: '`' });
    put(blank(value) + end, value + end);
    if (end === '${') depths.push(0);
  };
  while (at < text.length) {
    const plain = match(depths.length ? PLAIN_IN_TEMPLATE : PLAIN, text, at);
    if (plain) put(plain[0]);
    const c = text[at];
    if (c === undefined) break;
    const last = depths.length - 1;
    if (c === '/') {
      const comment = match(COMMENT, text, at);
      const regex = comment || !BEFORE_REGEX.test(tail) ? null : match(REGEX, text, at);
      if (comment) {
        comments.push({ at, value: comment[0] });
        put(blank(comment[0]));
      } else put(regex ? `/${blank(regex[0].slice(1))}` : c, regex ? regex[0] : c);
    } else if (c === "'" || c === '"') {
      const found = match(STRING[c], text, at);
      if (found) literals.push({ at: at + 1, value: found[1] ?? '', quote: c });
      put(found ? c + blank(found[1] ?? '') + c : c, found ? found[0] : c);
    } else if (c === '`') {
      put(c);
      templatePart();
    } else if (c === '}' && depths[last] === 0) {
      depths.pop();
      put(c);
      templatePart();
    } else {
      if (last >= 0) depths[last] = (depths[last] ?? 0) + (c === '{' ? 1 : -1);
      put(c);
    }
  }
  return { code: code.join(''), bare: bare.join(''), literals, comments };
}

/** Index of the bracket that closes the one at `open` in blanked code; the end of the text when there is none. */
export function closing(code: string, open: number): number {
  let depth = 0;
  for (let i = open; i < code.length; i++) {
    const c = code[i];
    if (c === '(' || c === '[' || c === '{') depth += 1;
    if ((c === ')' || c === ']' || c === '}') && --depth === 0) return i;
  }
  return code.length;
}
