import type { ReactNode } from 'react';
import { fill, locale, words, zone } from './client.ts';

const instants = new Intl.DateTimeFormat(`${locale}-u-nu-latn`, {
  timeZone: zone, year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZoneName: 'short',
});
const days = new Intl.DateTimeFormat(`${locale}-u-nu-latn`, { timeZone: 'UTC', year: 'numeric', month: 'short', day: 'numeric' });

/** An instant in the tenant's zone, with the zone's name. */
export const whenText = (at: string | number): string => instants.format(new Date(at));
export const When = ({ at }: { at: string }): ReactNode => <time dateTime={at}>{whenText(at)}</time>;
/** A civil date. */
export const dayText = (date: string): string => days.format(new Date(`${date}T00:00:00Z`));
export const isDay = (text: string): boolean => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
/** The civil date so many days behind another. */
export const dayAfter = (date: string, n: number): string => new Date(Date.parse(`${date}T00:00:00Z`) + n * 86_400_000).toISOString().slice(0, 10);

/** The largest unit that says enough. */
export function duration(seconds: number): string {
  const w = words.feed;
  if (seconds < 120) return fill(w.seconds, { n: seconds });
  if (seconds < 7200) return fill(w.minutes, { n: Math.round(seconds / 60) });
  return seconds < 172_800 ? fill(w.hoursShort, { n: Math.round(seconds / 3600) }) : fill(w.days, { n: Math.round(seconds / 86_400) });
}

const milliseconds = new Intl.NumberFormat(`${locale}-u-nu-latn`, { maximumFractionDigits: 1 });
/** How long an answer took, from microseconds; nothing where nobody waited for one. */
export const tookText = (us: number | null): string => (us === null ? words.none : fill(words.audit.ms, { n: milliseconds.format(us / 1000) }));

const parts = new Intl.DateTimeFormat('en-GB', {
  timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23',
});
/** What clocks of the zone show at an instant, as if it were UTC. */
function shown(at: number): number {
  const part = Object.fromEntries(parts.formatToParts(at).map((p) => [p.type, p.value]));
  return Date.parse(`${part.year}-${part.month}-${part.day}T${part.hour}:${part.minute}:${part.second}Z`);
}

/** What day it is in the tenant's zone. */
export const today = (): string => new Date(shown(Date.now())).toISOString().slice(0, 10);

/** An instant as it is typed in the tenant's zone, to the minute. */
export const typedOf = (at: string): string => new Date(shown(Date.parse(at))).toISOString().slice(0, 16);

/** A time of the tenant's zone as it is typed (`2026-11-21T09:30`), as an instant. */
export function instantOf(typed: string | undefined): { readonly at?: string } {
  const wanted = Date.parse(`${typed}Z`);
  if (!typed || Number.isNaN(wanted)) return {};
  // Twice, since the zone's offset at the first guess may be the one before a change of clocks.
  const guess = wanted - (shown(wanted) - wanted);
  return { at: new Date(guess + (wanted - shown(guess))).toISOString() };
}
