import type { Clock } from './clock.ts';
import type { Log } from './log.ts';
import { Unavailable } from './sql.ts';

/** After how many failures in a row a party is left alone, and for how long: twice as long each time it fails again, up to the most. */
export interface BreakerRule { readonly after: number; readonly msMin: number; readonly msMax: number }
/** `probing`: it has rested, and one request at a time finds out whether it is back. */
export type BreakerState = 'closed' | 'open' | 'probing';

/** How long a party rests after so many failures in a row. */
export const restMs = (streak: number, { after, msMin, msMax }: BreakerRule): number => Math.min(msMax, msMin * 2 ** Math.min(10, Math.max(0, streak - after)));
export const breakerState = (streak: number, resting: boolean, { after }: BreakerRule): BreakerState =>
  (resting ? 'open' : streak >= after ? 'probing' : 'closed');

/** Of a party that the whole program shares; a minute and more would be felt by everybody, so it is asked again as often. */
export const PARTY_BREAKER: BreakerRule = { after: 5, msMin: 30_000, msMax: 30_000 };
/** While another request finds out whether the party is back. */
const PROBE_WAIT_MS = 1000;

/** A breaker kept the request back: the other side has not heard of it, so nobody has to inquire. It may be made anew after `afterMs`. */
export class NotSent extends Unavailable {
  readonly afterMs: number;
  constructor(party: string, afterMs: number) {
    super(`${party}: was away a moment ago and is left alone`);
    this.name = 'NotSent';
    this.afterMs = afterMs;
  }
}

/** Stands before an outside party in one process: asks nothing of it for a while after it failed several times in a row. */
export interface Breaker {
  readonly party: string;
  state(): BreakerState;
  /**
   * Does a piece of work with the party, or throws NotSent. Work that throws has failed (it was not reached, or not in time), and so has an answer that
   * `failed` says yes to; a refusal is an answer as good as any. The work must end by a time limit of its own.
   */
  run<T>(work: () => Promise<T>, failed?: (answer: T) => boolean): Promise<T>;
}

export function createBreaker({ party, clock, log, rule = PARTY_BREAKER }: { party: string; clock: Clock; log: Log; rule?: BreakerRule }): Breaker {
  let streak = 0;
  let openUntilMs = -Infinity;
  let probing = false;
  // Moves with each opening: who asked before it was opened hears of a time that is over.
  let round = 0;
  const enter = (): number => {
    if (streak < rule.after) return round;
    const leftMs = openUntilMs - clock.monotonicMs();
    if (leftMs > 0 || probing) throw new NotSent(party, leftMs > 0 ? leftMs : PROBE_WAIT_MS);
    probing = true;
    return round;
  };
  const leave = (asked: number, failed: boolean): void => {
    if (asked !== round) return;
    probing = false;
    if (!failed) {
      if (streak >= rule.after) log.info('breaker.closed', { party, failures: streak });
      streak = 0;
      return;
    }
    streak += 1;
    if (streak < rule.after) return;
    const ms = restMs(streak, rule);
    openUntilMs = clock.monotonicMs() + ms;
    round += 1;
    log.warn('breaker.opened', { party, failures: streak, ms });
  };
  return {
    party,
    state: () => breakerState(streak, streak >= rule.after && clock.monotonicMs() < openUntilMs, rule),
    async run(work, failed = () => false) {
      const asked = enter();
      let bad = true;
      try {
        const answer = await work();
        bad = failed(answer);
        return answer;
      } finally {
        leave(asked, bad);
      }
    },
  };
}

/** For a party that nothing is kept from. */
export const noBreaker: Breaker = { party: 'none', state: () => 'closed', run: (work) => work() };

/** The breakers of a process: one a party, whatever number of cells and commands share it. */
export interface Breakers { of(party: string): Breaker; all(): readonly Breaker[] }
export function createBreakers(clock: Clock, log: Log): Breakers {
  const made = new Map<string, Breaker>();
  return {
    of(party) {
      const breaker = made.get(party) ?? createBreaker({ party, clock, log });
      made.set(party, breaker);
      return breaker;
    },
    all: () => [...made.values()],
  };
}
