/** Interest on Indian refunds: section 244A of the Act of 1961 (section 437 of the Act of 2025, number to be confirmed), Rule 119A. */
import { divideRounded, type CivilDate } from '#kernel';

const PAISE_PER_RUPEE = 100n;
/** Rule 119A: the amount on which interest runs is rounded down to a multiple of ₹100. */
const BASE_STEP = 100n * PAISE_PER_RUPEE;
const ZERO = 0n;

/** Months from `from` to `to`, a part of a month counting as a whole one; 0 when `to` is before `from`. Calendar months, both days included. */
export function monthsOrPart(from: CivilDate, to: CivilDate): number {
  if (to < from) return 0;
  const [first, last] = [new Date(`${from}T00:00:00Z`), new Date(`${to}T00:00:00Z`)];
  const whole = (last.getUTCFullYear() - first.getUTCFullYear()) * 12 + (last.getUTCMonth() - first.getUTCMonth());
  return last.getUTCDate() >= first.getUTCDate() ? whole + 1 : whole;
}

/**
 * Simple interest of 0.5 % a month or part of a month, in paise, rounded to the rupee. None when the refund is below a tenth of the
 * tax determined (the floor of section 244A) or while the PAN was inoperative (`to` is then the day before it became so).
 */
export function refundInterest(refund: bigint, taxDetermined: bigint | null, from: CivilDate, to: CivilDate): bigint {
  if (refund <= ZERO) return ZERO;
  if (taxDetermined !== null && refund * 10n < taxDetermined) return ZERO;
  const base = refund - (refund % BASE_STEP);
  const raw = divideRounded(base * 5n * BigInt(monthsOrPart(from, to)), 1000n, 'half-up');
  return divideRounded(raw, PAISE_PER_RUPEE, 'half-up') * PAISE_PER_RUPEE;
}
