import { fill, formatDate, formatInstant, formatMoney, isCurrency, localeOf, money, type CivilDate, type PageContext } from '#kernel';
import type { Meaning } from '#kit';
import { words as en, type Words } from '../words/en.ts';
import { words as hi } from '../words/hi.ts';

export const wordsOf = (context: Pick<PageContext, 'language'>): Words => (context.language === 'hi' ? hi : en);

/** Text of a key that comes from data; a key that no language has shows its fallback, never nothing. */
export function said(table: unknown, key: string, fallback: string): string {
  const text = (table as Record<string, unknown>)[key];
  return typeof text === 'string' ? text : fallback;
}

export interface StatusText { label: string; sentence: string; short: string; meaning: string; reason: string; action: string }
export const statusText = (w: Words, code: string): StatusText =>
  ((w.status as unknown as Record<string, StatusText>)[code] ?? w.status.UNMAPPED) as StatusText;

export const locale = (context: Pick<PageContext, 'language' | 'tenant'>): string =>
  (context.language === 'en' && context.tenant.country === 'US' ? 'en-US' : localeOf(context.language));

const amountIn = (context: PageContext, amount: bigint, currency: string, place: 'table' | 'sentence'): string =>
  (isCurrency(currency) ? formatMoney(money(amount, currency), locale(context), place) : amount.toString());
/** ₹18,450.00: with its zeros, for columns that add up. */
export const amountText = (context: PageContext, amount: bigint, currency: string): string => amountIn(context, amount, currency, 'table');
/** ₹18,450: as one says it. */
export const sentenceAmount = (context: PageContext, amount: bigint, currency: string): string => amountIn(context, amount, currency, 'sentence');
export const dateText = (context: PageContext, date: CivilDate): string => formatDate(date, locale(context));
export const timeText = (context: PageContext, at: Date): string => formatInstant(at, locale(context), context.tenant.zone);

interface YearLabel { kind: 'assessment_year' | 'tax_year'; span: string }
export const yearText = (w: Words, label: YearLabel): string => fill(w.office.year[label.kind], { span: label.span });

/** 'Income-tax Act, 1961, section 143(1)'; a scheme or rule is named as it is, for it has no section. */
export function lawText(w: Words, law: { regime: string; section: string }): string {
  const act = said(w.regimes, law.regime, law.regime);
  const section = Object.entries(w.lawTerms).reduce((text, [term, own]) => text.replaceAll(term, own), law.section);
  return /^\d/.test(section) ? fill(w.refund.lawSection, { act, section }) : `${act}: ${section}`;
}

const MEANINGS: Record<string, Meaning> = {
  paid: 'done', nil: 'done', sent: 'waiting', approved: 'waiting', determined: 'waiting', processing: 'waiting', verified: 'waiting',
  reissue_requested: 'waiting', transferred: 'waiting', held: 'waiting', withheld: 'waiting', offset_applied: 'waiting', rectified: 'waiting',
  superseded: 'waiting', filed: 'needs-you', needs_action: 'needs-you', demand: 'needs-you', offset_proposed: 'needs-you', expired: 'needs-you',
  failed: 'failed', rejected: 'failed', lapsed: 'failed',
};
export const meaningOf = (phase: string): Meaning => MEANINGS[phase] ?? 'waiting';

/** What codes of the product are called in a language: for a page of another part that names them. */
export function refundWords(language: PageContext['language'], o: { code: string; source: string; law: { regime: string; section: string } | null;
  reason: string }): {
  label: string; source: string; law: string | null; reason: string;
} {
  const w = wordsOf({ language });
  const status = statusText(w, o.code);
  return {
    label: status.label, source: said(w.sources, o.source, w.sources.other), law: o.law && lawText(w, o.law), reason: said(w.reasons, o.reason, status.reason),
  };
}
