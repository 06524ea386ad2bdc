import { locale } from './client.ts';

const MICRO_DIGITS = 6;
const formats = new Map<string, Intl.NumberFormat>();
const formatOf = (currency: string): Intl.NumberFormat => {
  let format = formats.get(currency);
  if (!format) formats.set(currency, (format = new Intl.NumberFormat(`${locale}-u-nu-latn`, { style: 'currency', currency, currencyDisplay: 'code' })));
  return format;
};
const exponentOf = (currency: string): number => formatOf(currency).resolvedOptions().maximumFractionDigits ?? 2;

/** Minor units as people read them: exact for every amount, with a true minus sign. */
export function amountText(minor: string, currency: string): string {
  const exponent = exponentOf(currency);
  const negative = minor.startsWith('-');
  const digits = minor.replace('-', '').padStart(exponent + 1, '0');
  const decimal = exponent ? `${digits.slice(0, -exponent)}.${digits.slice(-exponent)}` : digits;
  return formatOf(currency).format(`${negative ? '-' : ''}${decimal}` as Intl.StringNumericLiteral).replace('-', '−');
}

/** Millionths of a minor unit, exact too: as many decimals as there are to be read. */
export function microText(micro: string, currency: string): string {
  const minor = exponentOf(currency);
  const digits = micro.padStart(minor + MICRO_DIGITS + 1, '0');
  const at = digits.length - minor - MICRO_DIGITS;
  return new Intl.NumberFormat(`${locale}-u-nu-latn`, {
    style: 'currency', currency, currencyDisplay: 'code', minimumFractionDigits: minor, maximumFractionDigits: minor + MICRO_DIGITS,
  }).format(`${digits.slice(0, at)}.${digits.slice(at)}` as Intl.StringNumericLiteral);
}

/** What somebody types in major units as minor ones; undefined when it is none. */
export function minorOf(typed: string, currency: string): string | undefined {
  const match = /^(\d{1,15})(?:\.(\d{1,4}))?$/.exec(typed.replaceAll(/[,\s]/g, ''));
  const exponent = exponentOf(currency);
  if (!match || (match[2] ?? '').length > exponent) return undefined;
  return BigInt(`${match[1]}${(match[2] ?? '').padEnd(exponent, '0')}`).toString();
}
