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
