import { Liquid, type Template } from 'liquidjs';
import { LRUCache } from 'lru-cache';
import { formatInstant, formatMoney, isCurrency, localeOf, type Currency, type Language, type TenantRef } from '#kernel';
import { BODY_CHARS_MAX, TEXT_CHARS_MAX, TITLE_CHARS_MAX, type TemplateTexts } from '../contract.ts';
import { linkColours } from '../rules.ts';

/**
 * Templates that a tenant may edit run here: no files, no host code, no properties of objects, an end to time, output and depth. What they
 * render is text; markup is made around it, and only there.
 */
const RENDER_MS_MAX = 50;
/** The clock also runs while the process itself is held up: what was accepted is given more, and to accept it is tried more than once. */
const SENDING_MS_MAX = 1000;
const CHECKS = 3;
const SOURCE_CHARS_MAX = 20_000;
const MEMORY_MAX = 200_000;
const KEPT_MAX = 2000;

export type Values = Readonly<Record<string, string | number>>;
export interface RenderedTexts { readonly title: string; readonly body: string; readonly text: string }
export class TemplateFault extends Error {
  readonly part: keyof RenderedTexts;
  constructor(part: keyof RenderedTexts, why: string) {
    super(why);
    this.name = 'TemplateFault';
    this.part = part;
  }
}

const parts = ['title', 'body', 'text'] as const;
const LENGTHS = { title: TITLE_CHARS_MAX, body: BODY_CHARS_MAX, text: TEXT_CHARS_MAX } as const;

function makeEngine(language: Language): Liquid {
  const engine = new Liquid({
    templates: {}, relativeReference: false, dynamicPartials: false, ownPropertyOnly: true, strictFilters: true, strictVariables: true, catchAllErrors: false,
    parseLimit: SOURCE_CHARS_MAX, memoryLimit: MEMORY_MAX,
  });
  engine.registerFilter('money', (amount: unknown, currency: unknown) => {
    if (typeof currency !== 'string' || !isCurrency(currency)
      || !/^-?\d{1,19}$/.test(String(amount))) throw new Error('money takes an amount in minor units and a currency');
    return formatMoney({ amount: BigInt(String(amount)), currency: currency as Currency }, localeOf(language));
  });
  engine.registerFilter('instant', (at: unknown, zone: unknown) => formatInstant(new Date(String(at)), localeOf(language), String(zone)));
  return engine;
}
const engines: Readonly<Record<Language, Liquid>> = { en: makeEngine('en'), hi: makeEngine('hi') };
const parsed = new LRUCache<string, Template[]>({ max: KEPT_MAX });

function parse(language: Language, source: string): Template[] {
  const name = `${language} ${source}`;
  let template = parsed.get(name);
  if (!template) parsed.set(name, (template = engines[language].parse(source)));
  return template;
}

/** Names that a template reads. */
export const valuesOf = (language: Language, source: string): string[] =>
  [...new Set(engines[language].globalVariablesSync(parse(language, source)))].toSorted();

/** Fills one part; throws TemplateFault where it does not parse, misses a value or takes too long. Text stays one line. */
export function render(language: Language, part: keyof RenderedTexts, source: string, values: Values, ms = SENDING_MS_MAX): string {
  let text: string;
  try {
    text = String(engines[language].renderSync(parse(language, source), values, { renderLimit: ms }));
  } catch (error) {
    throw new TemplateFault(part, (error instanceof Error ? error.message : 'unreadable').split('\n')[0]?.slice(0, 200) ?? '');
  }
  const plain = part === 'body' ? text.trim() : text.replaceAll(/\s+/g, ' ').trim();
  if (plain.length > LENGTHS[part]) throw new TemplateFault(part, `more than ${LENGTHS[part]} characters`);
  return plain;
}

export const renderAll = (language: Language, texts: TemplateTexts[Language], values: Values): RenderedTexts => {
  if (!texts) throw new TemplateFault('title', 'no text in this language');
  return { title: render(language, 'title', texts.title, values), body: render(language, 'body', texts.body, values),
    text: render(language, 'text', texts.text, values) };
};

/** Throws TemplateFault unless one of a few tries ends within what a tenant's text may take. */
function inTime(language: Language, part: keyof RenderedTexts, source: string, example: Values): void {
  for (let left = CHECKS; ; left--) {
    try {
      render(language, part, source, example, RENDER_MS_MAX);
      return;
    } catch (error) {
      if (left === 1 || !(error instanceof Error && error.message.includes('render limit'))) throw error;
    }
  }
}

export interface Wrong { readonly language: Language; readonly part: string; readonly why: string }

/** What is wrong with a tenant's texts: each language is there, parses, knows only the kind's values, and says no less than the others. */
export function faultOf(texts: TemplateTexts, languages: readonly Language[], known: readonly string[], example: Values): Wrong | undefined {
  const used = new Map<string, string>();
  for (const language of languages) {
    const own = texts[language];
    if (!own) return { language, part: 'title', why: 'no text in this language' };
    for (const part of parts) {
      try {
        const names = valuesOf(language, own[part]);
        const foreign = names.find((n) => !known.includes(n));
        if (foreign !== undefined) return { language, part, why: `there is no value ${foreign}` };
        const said = names.join(' ');
        if (used.has(part) && used.get(part) !== said) return { language, part, why: 'uses other values than another language' };
        used.set(part, said);
        inTime(language, part, own[part], example);
      } catch (error) {
        return { language, part, why: error instanceof Error ? error.message.slice(0, 200) : 'unreadable' };
      }
    }
  }
  return undefined;
}

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');

const FONTS = 'system-ui,-apple-system,Segoe UI,Noto Sans,Noto Sans Devanagari,sans-serif';

/** A mail's markup: one column, system fonts, links in the office's colours, nothing loaded from anywhere. */
export function mailHtml(o: { language: Language; office: string; title: string; body: string; link?: { href: string; label: string } | undefined;
  foot?: { href: string; label: string } | undefined; brand?: TenantRef['brand'] }): string {
  const paragraphs = o.body.split(/\n\s*\n/).map((p) => `<p style="margin:0 0 16px">${escaped(p).replaceAll('\n', '<br>')}</p>`).join('');
  const colours = linkColours(o.brand);
  const link = o.link
    ? `<p style="margin:24px 0"><a class="go" href="${escaped(o.link.href)}" style="color:${colours.light}">${escaped(o.link.label)}</a></p>` : '';
  // By night where the program takes styles of a mail's head; elsewhere it stays with the day's, or changes them itself.
  const night = o.link ? `<style>@media (prefers-color-scheme:dark){a.go{color:${colours.dark}!important}}</style>` : '';
  const foot = o.foot ? `<p style="margin:32px 0 0;font-size:13px;opacity:.75">`
    + `<a href="${escaped(o.foot.href)}" style="color:inherit">${escaped(o.foot.label)}</a></p>`
    : '';
  return [
    `<!doctype html><html lang="${o.language}"><head><meta charset="utf-8"><meta name="color-scheme" content="light dark">`,
    `<title>${escaped(o.title)}</title>${night}</head><body style="margin:0;padding:24px;font:16px/1.5 ${FONTS}"><div style="max-width:560px;margin:0 auto">`,
    `<p style="margin:0 0 24px;font-weight:600">${escaped(o.office)}</p><h1 style="font-size:20px;margin:0 0 16px">${escaped(o.title)}</h1>`,
    paragraphs, link, foot, '</div></body></html>',
  ].join('');
}
