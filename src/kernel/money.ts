import { plainInput } from './text.ts';

/**
 * Money is a bigint count of minor units with its currency. Nothing in the program holds an amount as a
 * floating point number; on the wire an amount is a decimal string of minor units.
 */

/** ISO 4217 minor-unit exponents of the currencies that the program speaks (list one, 2024 edition). */
const EXPONENTS = {
  AED: 2, AUD: 2, BHD: 3, BRL: 2, CAD: 2, CHF: 2, CLP: 0, CNY: 2, CZK: 2, DKK: 2, EUR: 2, GBP: 2, HKD: 2, HUF: 2, IDR: 2,
  ILS: 2, INR: 2, ISK: 0, JOD: 3, JPY: 0, KRW: 0, KWD: 3, MXN: 2, MYR: 2, NOK: 2, NPR: 2, NZD: 2, OMR: 3, PHP: 2, PKR: 2,
  PLN: 2, RON: 2, SAR: 2, SEK: 2, SGD: 2, THB: 2, TND: 3, TRY: 2, TWD: 2, UGX: 0, USD: 2, VND: 0, ZAR: 2,
} as const;

export type Currency = keyof typeof EXPONENTS;
export interface Money { readonly amount: bigint; readonly currency: Currency }

/** Amounts fit a PostgreSQL bigint: |amount| < 2⁶³. */
export const MONEY_AMOUNT_MAX = 2n ** 63n - 1n;

/** How a quotient that is not whole is brought to minor units; the caller always names one. */
export type Rounding = 'down' | 'up' | 'floor' | 'half-up' | 'half-even';

export const currencies = Object.keys(EXPONENTS) as Currency[];
export const isCurrency = (code: string): code is Currency => Object.hasOwn(EXPONENTS, code);
export const exponentOf = (currency: Currency): number => EXPONENTS[currency];

/** Builds money and checks its range. Throws RangeError outside |amount| < 2⁶³. */
export function money(amount: bigint, currency: Currency): Money {
  if (amount > MONEY_AMOUNT_MAX || amount < -MONEY_AMOUNT_MAX) throw new RangeError(`amount out of range: ${amount}`);
  return { amount, currency };
}

const same = (a: Money, b: Money): void => {
  if (a.currency !== b.currency) throw new TypeError(`currencies differ: ${a.currency}, ${b.currency}`);
};

/** Sum of two amounts of one currency. */
export const addMoney = (a: Money, b: Money): Money => (same(a, b), money(a.amount + b.amount, a.currency));
/** Difference of two amounts of one currency. */
export const subtractMoney = (a: Money, b: Money): Money => (same(a, b), money(a.amount - b.amount, a.currency));

/** Quotient of two integers, rounded as named; `denominator` > 0. */
export function divideRounded(numerator: bigint, denominator: bigint, rounding: Rounding): bigint {
  if (denominator <= 0n) throw new RangeError('denominator must be positive');
  const whole = numerator / denominator;
  const rest = numerator % denominator;
  if (rest === 0n) return whole;
  const away = numerator < 0n ? whole - 1n : whole + 1n;
  if (rounding === 'down') return whole;
  if (rounding === 'up') return away;
  if (rounding === 'floor') return numerator < 0n ? away : whole;
  const twice = (rest < 0n ? -rest : rest) * 2n;
  if (twice !== denominator) return twice > denominator ? away : whole;
  if (rounding === 'half-up') return away;
  return whole % 2n === 0n ? whole : away;
}

/** `money × numerator / denominator` in minor units, rounded as named. */
export const scaleMoney = (m: Money, numerator: bigint, denominator: bigint, rounding: Rounding): Money =>
  money(divideRounded(m.amount * numerator, denominator, rounding), m.currency);

/** Decimal text of the amount in major units with the currency's own number of decimals: 123456 INR → "1234.56". */
export function decimalText(m: Money): string {
  const exponent = exponentOf(m.currency);
  const digits = (m.amount < 0n ? -m.amount : m.amount).toString().padStart(exponent + 1, '0');
  const cut = digits.length - exponent;
  const text = exponent === 0 ? digits : `${digits.slice(0, cut)}.${digits.slice(cut)}`;
  return m.amount < 0n ? `-${text}` : text;
}

/**
 * Minor units of an amount as a person types it in major units: '1,23,456.50', '₹ 250', '१२.५'. undefined when it is none, or has more
 * decimals than the currency.
 */
export function typedAmount(typed: string, currency: Currency): bigint | undefined {
  const plain = plainInput(typed).replace(/^(?:₹|Rs\.?|[$€£]|[A-Z]{3})/u, '').replaceAll(/(?<=\d),(?=\d)/g, '');
  const match = /^(\d{1,15})(?:\.(\d{1,4}))?$/.exec(plain);
  if (!match) return undefined;
  const exponent = exponentOf(currency);
  const decimals = match[2] ?? '';
  if (decimals.length > exponent) return undefined;
  return BigInt(`${match[1]}${decimals.padEnd(exponent, '0')}`);
}

const formats = new Map<string, Intl.NumberFormat>();

/**
 * The amount as people of the locale read it: ₹1,23,456.50, with a true minus sign. Exact for every amount. Inside a sentence a
 * whole amount goes without its zeros: ₹18,450.
 */
export function formatMoney(m: Money, locale: string, place: 'table' | 'sentence' = 'table'): string {
  const key = `${locale} ${m.currency} ${place}`;
  let format = formats.get(key);
  if (!format) {
    format = new Intl.NumberFormat(`${locale}-u-nu-latn`, {
      style: 'currency', currency: m.currency, minimumFractionDigits: exponentOf(m.currency),
      trailingZeroDisplay: place === 'sentence' ? 'stripIfInteger' : 'auto',
    });
    formats.set(key, format);
  }
  return format.format(decimalText(m) as Intl.StringNumericLiteral).replace('-', '−');
}
