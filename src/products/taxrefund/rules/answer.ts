/** The answer first: which sentence a page shows with which values, and the arithmetic that adds up in view. */
import { civilDateIn, type CivilDate } from '#kernel';
import type { Amounts, CountryPack, Projection, StatusCode, UNMAPPED } from './types.ts';

export interface AnswerValues { readonly amount?: bigint; readonly date?: CivilDate; readonly deadline?: CivilDate }
/** `field` is the text to show of `words.status[code]`; `values` fills it. */
export interface Answer { readonly code: StatusCode | typeof UNMAPPED; readonly field: 'sentence' | 'short'; readonly values: AnswerValues }

/**
 * Chooses the sentence. `template` is `words.status[code].sentence` of the reader's language; when a value that it names is not
 * known, the short form without values is the honest one. A zero amount is never announced as money.
 */
export function answerOf(pack: CountryPack, projection: Projection, template: string): Answer {
  const speaksOf = pack.statuses[projection.code]?.speaksOf ?? null;
  const amount = speaksOf === null ? null : speaksOf === 'payable' ? payableOf(pack, projection.amounts) : projection.amounts[speaksOf];
  const values: AnswerValues = {
    date: civilDateIn(pack.zone, projection.since),
    ...(amount === null || amount <= 0n ? {} : { amount }),
    ...(projection.deadline === null ? {} : { deadline: projection.deadline.date }),
  };
  const missing = [...template.matchAll(/\{(\w+)\}/g)].some(([, name]) => name === undefined || !Object.hasOwn(values, name));
  return { code: projection.code, field: missing ? 'short' : 'sentence', values: missing ? {} : values };
}

/** What is to be paid: the stated payment, else computed + interest − adjusted (never below zero); null before anything is computed. */
export function payableOf(pack: CountryPack, amounts: Amounts): bigint | null {
  if (amounts.paid !== null) return amounts.paid;
  if (amounts.computed === null) return null;
  const exact = amounts.computed + (amounts.interest ?? 0n) - (amounts.adjusted ?? 0n);
  return exact <= 0n ? 0n : exact + roundingOf(pack, exact);
}

const roundingOf = (pack: CountryPack, exact: bigint): bigint => {
  const rest = exact % pack.roundTo;
  return rest * 2n >= pack.roundTo ? pack.roundTo - rest : -rest;
};

export type ArithmeticRowName = 'claimed' | 'change' | 'computed' | 'interest' | 'adjusted' | 'rounding' | 'payable';
export interface ArithmeticRow { readonly name: ArithmeticRowName; readonly amount: bigint | null; readonly sum: boolean }
/** `unexplained` is the part of the stated payment that no row accounts for; 0 when the table adds up. */
export interface Arithmetic { readonly rows: readonly ArithmeticRow[]; readonly paid: bigint | null; readonly unexplained: bigint }

/**
 * The table claimed (+ change) = computed; computed + interest − adjusted (+ rounding) = payable. Set-off is a negative row. A
 * difference of less than one rounding step is rounding (India: section 288B, to ₹10); a larger one is unexplained and is said so.
 */
export function arithmeticOf(pack: CountryPack, amounts: Amounts): Arithmetic {
  const { claimed, computed, interest, adjusted, paid } = amounts;
  if (computed === null) return { rows: [row('claimed', claimed), row('computed', null, true)], paid, unexplained: 0n };
  const rows: ArithmeticRow[] = claimed === null ? [] : [row('claimed', claimed)];
  if (claimed !== null && claimed !== computed) rows.push(row('change', computed - claimed));
  rows.push(row('computed', computed, true));
  if (interest !== null && interest !== 0n) rows.push(row('interest', interest));
  if (adjusted !== null && adjusted !== 0n) rows.push(row('adjusted', -adjusted));
  const exact = computed + (interest ?? 0n) - (adjusted ?? 0n);
  const payable = payableOf(pack, amounts) ?? 0n;
  const difference = payable - exact;
  const rounding = (difference < 0n ? -difference : difference) < pack.roundTo ? difference : 0n;
  if (rounding !== 0n) rows.push(row('rounding', rounding));
  rows.push(row('payable', payable, true));
  return { rows, paid, unexplained: difference - rounding };
}

const row = (name: ArithmeticRowName, amount: bigint | null, sum = false): ArithmeticRow => ({ name, amount, sum });
