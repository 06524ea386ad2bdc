import { addDays, divideRounded, type CivilDate } from '#kernel';
import type { Every, TierLimits } from './contract.ts';

/** What a holder has sent, as it stands in its row. */
export interface Usage { day: CivilDate; daySpent: bigint; dayCount: number; month: CivilDate; monthSpent: bigint }

export const monthOf = (day: CivilDate): CivilDate => `${day.slice(0, 8)}01` as CivilDate;

/** The row on a day: what an earlier day or month counted is over. A clock that runs back counts on in the later day. */
export function usageOn(usage: Usage, today: CivilDate): Usage {
  const sameDay = usage.day >= today;
  const sameMonth = usage.month >= monthOf(today);
  return {
    day: sameDay ? usage.day : today, daySpent: sameDay ? usage.daySpent : 0n, dayCount: sameDay ? usage.dayCount : 0,
    month: sameMonth ? usage.month : monthOf(today), monthSpent: sameMonth ? usage.monthSpent : 0n,
  };
}

export interface LimitRefusal { readonly limit: 'transfer' | 'day' | 'month' | 'count'; readonly left: bigint }

/** Which limit an amount would break, the first in the order named; undefined when it may be sent. */
export function limitBroken(limits: TierLimits, usage: Usage, amount: bigint): LimitRefusal | undefined {
  const left = (most: bigint, used: bigint): bigint => (most > used ? most - used : 0n);
  if (amount > limits.perTransfer) return { limit: 'transfer', left: limits.perTransfer };
  if (usage.dayCount >= limits.countPerDay) return { limit: 'count', left: 0n };
  if (usage.daySpent + amount > limits.perDay) return { limit: 'day', left: left(limits.perDay, usage.daySpent) };
  if (usage.monthSpent + amount > limits.perMonth) return { limit: 'month', left: left(limits.perMonth, usage.monthSpent) };
  return undefined;
}

/** Counts an amount, or takes it back (`sign` −1n) when it was not sent after all. */
export function count(usage: Usage, amount: bigint, sign: 1n | -1n): void {
  usage.daySpent += sign * amount;
  usage.dayCount += Number(sign);
  usage.monthSpent += sign * amount;
}

const daysIn = (year: number, month: number): number => new Date(Date.UTC(year, month, 0)).getUTCDate();

/** The day after `last` on which a schedule is due: the same day of each month, or the month's last where it has none. */
export function nextDue(first: CivilDate, last: CivilDate, every: Every): CivilDate | undefined {
  if (every === 'once') return undefined;
  if (every === 'week') return addDays(last, 7);
  const [, , wanted] = first.split('-').map((part) => Number.parseInt(part, 10)) as [number, number, number];
  const [year, month] = last.split('-').map((part) => Number.parseInt(part, 10)) as [number, number];
  const [nextYear, nextMonth] = month === 12 ? [year + 1, 1] : [year, month + 1];
  const day = Math.min(wanted, daysIn(nextYear, nextMonth));
  return `${String(nextYear).padStart(4, '0')}-${String(nextMonth).padStart(2, '0')}-${String(day).padStart(2, '0')}` as CivilDate;
}

const MICRO = 1_000_000n;
const YEAR_DAYS = 365n;
const isLeap = (year: number): boolean => daysIn(year, 2) === 29;

/**
 * Interest of one day in millionths of a minor unit: the balance at its end by the yearly rate in millionths, over the real days of its
 * year (actual/actual). What is less than nothing earns nothing.
 */
export function dailyInterest(balance: bigint, ratePpm: number, day: CivilDate): bigint {
  if (balance <= 0n || ratePpm <= 0) return 0n;
  const days = isLeap(Number.parseInt(day.slice(0, 4), 10)) ? YEAR_DAYS + 1n : YEAR_DAYS;
  return divideRounded(balance * BigInt(ratePpm), days, 'half-even');
}

/** What of an owed interest can be paid in whole minor units, and what stays owed: together exactly what was owed. */
export const payable = (owedMicro: bigint): { pay: bigint; stays: bigint } => ({ pay: owedMicro / MICRO, stays: owedMicro % MICRO });

/** True on the last day of a month, when interest is paid and fees are taken. */
export const isMonthEnd = (day: CivilDate): boolean => addDays(day, 1).endsWith('-01');

/** A typed payee: a handle with or without its sign, in any case; or an account's id. */
export function payeeOf(typed: string): { handle: string } | { account: `wal_${string}` } | undefined {
  const text = typed.trim().toLowerCase();
  if (/^wal_[0-9a-f]{32}$/.test(text)) return { account: text as `wal_${string}` };
  const handle = text.replace(/^@/, '');
  return /^[a-z][a-z0-9_.]{2,29}$/.test(handle) ? { handle } : undefined;
}

const MAGIC: Readonly<Record<string, string>> = { 'image/jpeg': 'ffd8ff', 'image/png': '89504e470d0a1a0a', 'application/pdf': '255044462d' };
/** Does a file begin as its type does? A browser only guesses by the name. */
export const beginsAs = (type: string, bytes: Buffer): boolean => MAGIC[type] !== undefined && bytes.toString('hex', 0, 8).startsWith(MAGIC[type]);

const TOKENS_MAX = 12;
/** A name in plain form: without accents, case, punctuation and titles, its words in order. */
export const plainName = (name: string): string => name.normalize('NFKD').replaceAll(/\p{M}/gu, '').toLowerCase().replaceAll(/[^\p{L}\p{N}]+/gu, ' ').trim()
  .split(' ').filter((word) => !/^(?:mr|mrs|ms|dr|shri|smt|sri)$/.test(word)).slice(0, TOKENS_MAX).join(' ');

const SOUNDS: readonly (readonly [RegExp, string])[] = [
  [/ph/g, 'f'], [/[cq]/g, 'k'], [/z/g, 's'], [/w/g, 'v'], [/j/g, 'y'], [/(.)\1+/g, '$1'], [/(?<=.)[aeiouyh]/g, ''],
];
/** Keys by which like-sounding names are found: the first sounds of each word, and of each word but its first letter's spelling. */
export const soundKeys = (plain: string): string[] => [...new Set(plain.split(' ').filter(Boolean).map((word) =>
  SOUNDS.reduce((text, [from, to]) => text.replaceAll(from, to), word).slice(0, 2)))];

/** Jaro–Winkler likeness of two words, 0 to 1 (Winkler 1990: common beginnings of up to four letters count a tenth each). */
export function likeness(a: string, b: string): number {
  if (a === b) return 1;
  const reach = Math.max(0, Math.floor(Math.max(a.length, b.length) / 2) - 1);
  const usedB = new Set<number>();
  const matchedA: string[] = [];
  for (let i = 0; i < a.length; i++) {
    for (let k = Math.max(0, i - reach); k <= Math.min(b.length - 1, i + reach); k++) {
      if (usedB.has(k) || a[i] !== b[k]) continue;
      usedB.add(k);
      matchedA.push(a[i] as string);
      break;
    }
  }
  const m = matchedA.length;
  if (m === 0) return 0;
  const matchedB = [...usedB].toSorted((x, y) => x - y).map((k) => b[k]);
  const swapped = matchedA.filter((c, i) => c !== matchedB[i]).length / 2;
  const jaro = (m / a.length + m / b.length + (m - swapped) / m) / 3;
  let prefix = 0;
  while (prefix < 4 && prefix < a.length && a[prefix] === b[prefix]) prefix += 1;
  return jaro + prefix * 0.1 * (1 - jaro);
}

/** A name left out or added takes this much from the likeness; another birth year takes more, the same day adds. */
const EXTRA_WORD = 0.04, OTHER_YEAR = 0.12, SAME_DAY = 0.03;

/** How like two plain names are, in thousandths, whatever the order of their words; birth dates count where both are known. */
export function nameScore(a: string, b: string, birthA?: string | null, birthB?: string | null): number {
  const [short, long] = [a.split(' '), b.split(' ')].toSorted((x, y) => x.length - y.length) as [string[], string[]];
  if (!short[0]) return 0;
  const left = [...long];
  let sum = 0;
  for (const word of short) {
    const scores = left.map((other) => likeness(word, other));
    const best = scores.indexOf(Math.max(...scores));
    sum += scores[best] as number;
    left.splice(best, 1);
  }
  // One word alone says little: the other name's further words are then not known to be somebody else's.
  const share = sum / short.length - left.length * (short.length === 1 ? 3 * EXTRA_WORD : EXTRA_WORD);
  const birth = !birthA || !birthB ? 0 : birthA === birthB ? SAME_DAY : birthA.slice(0, 4) === birthB.slice(0, 4) ? 0 : -OTHER_YEAR;
  return Math.round(Math.max(0, Math.min(1, share + birth)) * 1000);
}
