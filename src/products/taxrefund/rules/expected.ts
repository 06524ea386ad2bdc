/** When the money may come: a range with its basis, or the reason why no honest range exists. Never derived from a cycle code. */
import { addDays, civilDateIn, daysBetween, type CivilDate } from '#kernel';
import { payableOf } from './answer.ts';
import type { CountryPack, ExpectedBasis, NoExpected, Projection, Quantiles } from './types.ts';

/** Share of comparable cases that the range should hold. */
export const EXPECTED_PERCENT = 80;
/** Past this share of comparable cases a range would only move ahead of the reader day by day. */
const USUAL_PERMILLE_MAX = 950;

export type Expected =
  | { readonly from: CivilDate; readonly to: CivilDate; readonly percent: number; readonly basis: ExpectedBasis }
  | { readonly none: NoExpected };

/**
 * The range for a return seen on `today` (civil day in the pack's zone). Days already waited are taken into account: of the cases
 * that took at least as long, the middle 80 % give the range.
 */
export function expectedRefund(pack: CountryPack, projection: Projection, today: CivilDate): Expected {
  const rule = pack.expected[projection.phase];
  if ('none' in rule) return rule;
  const due = payableOf(pack, projection.amounts) ?? projection.amounts.claimed;
  if (due !== null && due <= 0n) return { none: 'no_refund' };
  if (due === null) return { none: 'not_known' };
  const since = civilDateIn(pack.zone, projection.since);
  const waited = Math.max(0, daysBetween(since, today));
  const passed = shareBelow(rule.days, waited);
  if (passed > USUAL_PERMILLE_MAX) return { none: 'longer_than_usual' };
  const left = 1000 - passed;
  const edge = (100 - EXPECTED_PERCENT) / 2;
  const from = quantile(rule.days, passed + (left * edge) / 100);
  const to = quantile(rule.days, passed + (left * (100 - edge)) / 100);
  return { from: addDays(since, Math.max(waited, Math.round(from))), to: addDays(since, Math.max(waited, Math.round(to))), percent: EXPECTED_PERCENT,
    basis: rule.basis };
}

/** The value below which `permille` of the cases lie; straight lines between the points of the table. */
export function quantile(table: Quantiles, permille: number): number {
  let [lowAt, low] = table[0] ?? [0, 0];
  for (const [at, value] of table) {
    if (permille <= at) return at === lowAt ? value : low + ((value - low) * (permille - lowAt)) / (at - lowAt);
    [lowAt, low] = [at, value];
  }
  return low;
}

/** The share, in permille, of cases below `value`. */
export function shareBelow(table: Quantiles, value: number): number {
  let [lowAt, low] = table[0] ?? [0, 0];
  if (value <= low) return 0;
  for (const [at, high] of table) {
    if (value < high) return lowAt + Math.floor(((at - lowAt) * (value - low)) / (high - low));
    [lowAt, low] = [at, high];
  }
  return 1000;
}
