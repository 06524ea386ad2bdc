import { addDays, civilDateIn, type CivilDate } from '#kernel';

/** Movements of one account from the start of a day on, in the order in which they count. */
export interface History {
  /** Effective balance at the end of the day before. */
  readonly start: bigint;
  readonly from: CivilDate;
  /** What counts when: the recorded instant, or the end of the effective day where one was given. */
  readonly moves: { readonly countsUs: bigint; readonly change: bigint }[];
}

const starts = new Map<string, bigint>();
const STARTS_MAX = 10_000;
const HOUR_MS = 3_600_000;
const SPAN_MS = 30 * HOUR_MS;
const STEP_MS = 60_000;

/** First instant of a civil day in an IANA zone, in µs; to the minute, as zones change their offsets. */
export function dayStartUs(zone: string, day: CivilDate): bigint {
  const name = `${zone} ${day}`;
  const known = starts.get(name);
  if (known !== undefined) return known;
  const middle = Date.parse(`${day}T00:00:00Z`);
  // The first minute of the day: civil time only goes forward from day to day.
  let before = (middle - SPAN_MS) / STEP_MS, at = (middle + SPAN_MS) / STEP_MS;
  while (at - before > 1) {
    const half = Math.floor((before + at) / 2);
    if (civilDateIn(zone, new Date(half * STEP_MS)) >= day) at = half;
    else before = half;
  }
  if (starts.size >= STARTS_MAX) starts.clear();
  const us = BigInt(at * STEP_MS) * 1000n;
  starts.set(name, us);
  return us;
}

/** Last instant of a civil day, in µs. */
export const dayEndUs = (zone: string, day: CivilDate): bigint => dayStartUs(zone, addDays(day, 1)) - 1n;

/** Civil day of an instant given in µs. */
export const dayOfUs = (zone: string, us: bigint): CivilDate => civilDateIn(zone, new Date(Number(us / 1000n)));

/**
 * Lowest and highest balance from an instant on when a movement is put in there, behind what already counts at that instant:
 * every later balance must stand, not only the last one.
 */
export function extremes(history: History, countsUs: bigint, change: bigint): { low: bigint; high: bigint } {
  const moves = history.moves.toSorted((a, b) => (a.countsUs < b.countsUs ? -1 : a.countsUs > b.countsUs ? 1 : 0));
  let balance = history.start, at = 0;
  while (at < moves.length && (moves[at] as { countsUs: bigint }).countsUs <= countsUs) balance += (moves[at++] as { change: bigint }).change;
  balance += change;
  let low = balance, high = balance;
  for (; at < moves.length; at++) {
    balance += (moves[at] as { change: bigint }).change;
    if (balance < low) low = balance;
    if (balance > high) high = balance;
  }
  return { low, high };
}
