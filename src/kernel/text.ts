/** Languages and the text that people read. Text lives in a module's `words/<lang>.ts`; this fills and picks it. */

export const languages = ['en', 'hi'] as const;
export type Language = (typeof languages)[number];
export const isLanguage = (code: string): code is Language => (languages as readonly string[]).includes(code);

/** The BCP 47 tag by which a language's numbers and dates are set. */
export const localeOf = (language: Language): string => (language === 'hi' ? 'hi-IN' : 'en-IN');

/** Same keys in every language; leaves are strings with `{name}` places. */
export type Words<T> = { readonly [K in keyof T]: T[K] extends string ? string : Words<T[K]> };

/** Puts values into the places of a sentence. A place without a value throws: a half-filled sentence must not reach a person. */
export const fill = (template: string, values: Readonly<Record<string, string | number>> = {}): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => {
    const value = Object.hasOwn(values, name) ? values[name] : undefined;
    if (value === undefined) throw new RangeError(`no value for {${name}} in: ${template}`);
    return String(value);
  });

/** The first language of an `Accept-Language` header that is offered, else the first offered. */
export function negotiate(header: string | undefined, offered: readonly Language[]): Language {
  const wanted = (header ?? '').slice(0, 500).split(',').map((part) => {
    const [tag = '', ...rest] = part.trim().toLowerCase().split(';');
    const q = rest.map((p) => /^\s*q=([01](?:\.\d{1,3})?)\s*$/.exec(p)?.[1]).find((v) => v !== undefined);
    return { tag: tag.split('-')[0] ?? '', q: q === undefined ? 1000 : Number.parseInt(q.replace('.', '').padEnd(4, '0'), 10) };
  }).filter((w) => w.q > 0).sort((a, b) => b.q - a.q);
  return wanted.map((w) => w.tag).find((tag): tag is Language => isLanguage(tag) && offered.includes(tag)) ?? offered[0] ?? 'en';
}

const ZERO_DIGITS = [0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66, 0x0660, 0x06f0, 0xff10];

/** What a person typed, made plain: compatibility forms folded, digits of Indian scripts to ASCII, invisible and space characters dropped. */
export function plainInput(typed: string): string {
  if (/^[\x21-\x7e]*$/.test(typed)) return typed;
  return [...typed.normalize('NFKC').replace(/[\p{Cf}\p{Z}\s]/gu, '')].map((c) => {
    const code = c.codePointAt(0) as number;
    const zero = ZERO_DIGITS.find((z) => code >= z && code <= z + 9);
    return zero === undefined ? c : String(code - zero);
  }).join('');
}
