/**
 * Time. Instants are `Date` values (UTC, millisecond); civil dates are `YYYY-MM-DD` strings in a named zone.
 * Only `systemClock` may read the machine's time; verbs use `tx.now` and `tx.today`.
 */

import type { SectionTx } from './tx.ts';

export type CivilDate = string & { readonly civil: 'date' };

export interface Clock {
  /** Current instant. */
  now(): Date;
  /** Milliseconds that only go forward; for measuring durations. */
  monotonicMs(): number;
  /** The same, read at most once a millisecond and once in `RECENT_READS` calls: for ages where a millisecond does not matter and a reading does. */
  recentMs(): number;
  /** Resolves after `ms`, at once when the signal is aborted. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls `tick` every `ms` until the returned function is called. The timer does not keep the process alive. */
  every(ms: number, tick: () => void): () => void;
}

const RECENT_READS = 1000;
let recent = 0;
let readsLeft = 0;
let forgetting = false;
function forget(): void {
  forgetting = false;
  readsLeft = 0;
}
/** A timer ends what is recent, so that a process that was idle reads anew; the count does in a turn that is long. */
function readRecent(): number {
  if (readsLeft <= 0) {
    recent = performance.now();
    readsLeft = RECENT_READS;
    if (!forgetting) setTimeout(forget, 1).unref();
    forgetting = true;
  }
  readsLeft -= 1;
  return recent;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  recentMs: readRecent,
  sleep: (ms, signal) => new Promise((resolve) => {
    if (signal?.aborted) return resolve();
    const timer = setTimeout(done, ms);
    signal?.addEventListener('abort', done, { once: true });
    function done(): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', done);
      resolve();
    }
  }),
  every: (ms, tick) => {
    const timer = setInterval(tick, ms);
    timer.unref();
    return () => clearInterval(timer);
  },
};

/** Wakes who waits in this process: for work that may have come, never for a result. */
export interface Signal {
  /** Wakes all who wait; once, however often it is called in one turn. */
  wake(): void;
  /** Resolves when woken, after `msMax`, or at once when `ending` is aborted; with others', now and then, for nothing. */
  wait(msMax: number, ending: AbortSignal): Promise<void>;
}

export function createSignal(clock: Clock): Signal {
  // All who wait share one: a listener for each of them, on a signal that lives as long as the process, leaves a chain that the collector follows.
  let woken = new AbortController();
  const heard = new WeakSet<AbortSignal>();
  let scheduled = false;
  // Nobody waits most of the time that there is much to wake for.
  let waited = false;
  const wakeAll = (): void => {
    scheduled = false;
    waited = false;
    const waiting = woken;
    woken = new AbortController();
    // With a reason of its own: the one that is made for an abort without one costs a stack trace.
    waiting.abort('woken');
  };
  return {
    wake() {
      if (scheduled || !waited) return;
      scheduled = true;
      queueMicrotask(wakeAll);
    },
    wait(msMax, ending) {
      if (ending.aborted) return Promise.resolve();
      if (!heard.has(ending)) {
        heard.add(ending);
        ending.addEventListener('abort', wakeAll, { once: true });
      }
      waited = true;
      return clock.sleep(msMax, woken.signal);
    },
  };
}

/** A clock for tests: stands still until moved. */
export function testClock(start: Date): Clock & { set(at: Date): void; advance(ms: number): void } {
  let at = start.getTime();
  return {
    now: () => new Date(at),
    monotonicMs: () => at,
    recentMs: () => at,
    sleep: async (ms) => { at += ms; },
    every: () => () => undefined,
    set: (to) => { at = to.getTime(); },
    advance: (ms) => { at += ms; },
  };
}

/** The calendar has no year 0, and PostgreSQL takes none. */
const CIVIL = /^(?!0000)(\d{4})-(\d{2})-(\d{2})$/;

/** True for a real calendar date written `YYYY-MM-DD` (leap days included). */
export function isCivilDate(text: string): text is CivilDate {
  const parts = CIVIL.exec(text);
  if (!parts) return false;
  const at = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(at.getTime()) && at.toISOString().slice(0, 10) === text;
}

/** Checks and brands a civil date. Throws RangeError. */
export function civilDate(text: string): CivilDate {
  if (!isCivilDate(text)) throw new RangeError(`not a date: ${text}`);
  return text;
}

const formats = new Map<string, Intl.DateTimeFormat>();

/** One format object a locale, zone and shape: making one costs more than a thousand uses of it. */
function formatOf(locale: string, options: Intl.DateTimeFormatOptions): Intl.DateTimeFormat {
  const name = `${locale} ${options.timeZone} ${options.dateStyle ?? ''}${options.hour ?? ''}`;
  let format = formats.get(name);
  if (!format) formats.set(name, (format = new Intl.DateTimeFormat(locale, options)));
  return format;
}

/** The instant of a count of microseconds since 1970, cut to the millisecond. */
export const instantOfUs = (us: bigint): Date => new Date(Number(us / 1000n));

/** Texts of instants, each by all that it is made of: many ask for the same second. All go when there are too many. */
const written = new Map<string, string>();
const WRITTEN_MAX = 2000;
function writtenOnce(name: string, at: Date, write: () => string): string {
  // No zone has ever been off by part of a second.
  const key = `${name} ${Math.floor(at.getTime() / 1000)}`;
  let text = written.get(key);
  if (text === undefined) {
    if (written.size >= WRITTEN_MAX) written.clear();
    written.set(key, (text = write()));
  }
  return text;
}

/** The civil date of an instant in an IANA zone. */
export const civilDateIn = (zone: string, at: Date): CivilDate => writtenOnce(zone, at, () =>
  formatOf('en-CA', { timeZone: zone, year: 'numeric', month: '2-digit', day: '2-digit' }).format(at)) as CivilDate;

/** The civil date `days` later (earlier when negative). */
export function addDays(date: CivilDate, days: number): CivilDate {
  const at = new Date(`${date}T00:00:00Z`);
  at.setUTCDate(at.getUTCDate() + days);
  return at.toISOString().slice(0, 10) as CivilDate;
}

/** The database's own clock, whatever clock the tenant was moved to: what processes agree on by themselves runs on it. */
export const realNow = (tx: Pick<SectionTx, 'now' | 'tenant'>): Date => new Date(tx.now.getTime() - tx.tenant.clockOffsetMs);

/**
 * The database's clock as a process has it between two looks. Who shares work by leases must mean the same instant as all others, whatever its own
 * clock says. It is never behind, and ahead by what the last look took at most.
 */
export class DatabaseClock {
  readonly #clock: Pick<Clock, 'monotonicMs'>;
  #at = Number.NaN;
  #askedMs = 0;
  constructor(clock: Pick<Clock, 'monotonicMs'>) { this.#clock = clock; }

  /** Takes what a look answered that was begun at `askedMs`. The database tells whole milliseconds that have begun, so the next one is never behind. */
  set(at: Date, askedMs: number): void { [this.#at, this.#askedMs] = [at.getTime() + 1, askedMs]; }
  now(): Date { return new Date(Math.ceil(this.#at + this.#clock.monotonicMs() - this.#askedMs)); }
}

/** Whole days from `a` to `b`; negative when `b` is earlier. */
export const daysBetween = (a: CivilDate, b: CivilDate): number =>
  Math.round((Date.parse(`${b}T00:00:00Z`) - Date.parse(`${a}T00:00:00Z`)) / 86_400_000);

/** The date written out as the locale does: 21 November 2026. */
export const formatDate = (date: CivilDate, locale: string): string =>
  formatOf(`${locale}-u-nu-latn`, { dateStyle: 'long', timeZone: 'UTC' }).format(new Date(`${date}T00:00:00Z`));

/** Date, time and zone as the locale writes them: 21 November 2026, 14:05 IST. */
export const formatInstant = (at: Date, locale: string, zone: string): string => writtenOnce(`${locale} ${zone}`, at, () =>
  formatOf(`${locale}-u-nu-latn`, {
    day: 'numeric', month: 'long', year: 'numeric', hour: '2-digit', minute: '2-digit', hourCycle: 'h23', timeZone: zone, timeZoneName: 'short',
  }).format(at));
