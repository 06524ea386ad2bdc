/** Years, forms and the law that governs them. Keys of years are explained at `YearRule`. */
import type { CivilDate } from '#kernel';
import type { CountryPack, LawRef, Regime, StatusRow } from './types.ts';

/** How a year is named: a key of `words.office.year`, and the text for `{span}`. AY 2026-27 and tax year 2026-27 are different years. */
export interface YearLabel { readonly kind: 'assessment_year' | 'tax_year'; readonly span: string }

export function yearLabel(pack: CountryPack, year: number): YearLabel {
  const { taxYearFrom, taxYearOffset, span } = pack.year;
  const byTaxYear = taxYearFrom === null || year >= taxYearFrom;
  const first = byTaxYear ? year + taxYearOffset : year;
  return { kind: byTaxYear ? 'tax_year' : 'assessment_year', span: span ? `${first}-${String((first + 1) % 100).padStart(2, '0')}` : String(first) };
}

/** The act that governs returns of a year; null when the pack knows none. */
export function regimeOf(pack: CountryPack, year: number): Regime | null {
  return pack.regimes.find((one) => year >= one.firstYear && (one.lastYear === null || year <= one.lastYear))?.regime ?? null;
}

/** The section to cite for a status of a return of this year; null when there is none. */
export function lawOf(pack: CountryPack, row: StatusRow, year: number): LawRef | null {
  const regime = regimeOf(pack, year);
  return row.law.find((ref) => ref.regime === regime) ?? null;
}

/** The last day to file a form for a year; null when the pack does not hold it. */
export function dueDateOf(pack: CountryPack, form: string, year: number): CivilDate | null {
  const dueBy = pack.forms.find((one) => one.code === form)?.dueBy;
  return (dueBy === undefined ? undefined : pack.year.dates[year]?.[dueBy]) ?? null;
}

/** The years that a person sees, newest first. */
export const yearsShown = (pack: CountryPack): readonly number[] => Array.from({ length: pack.year.history }, (_, index) => pack.year.current - index);
