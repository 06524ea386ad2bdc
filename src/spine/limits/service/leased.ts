import { createHmac, type KeyObject } from 'node:crypto';
import { errorFields, type Clock, type Log } from '#kernel';
import { BUCKETS_MAX, LEASE_MAX, REFUSED_CACHED_MS, STORE_PAUSE_MS, type LimitCounter, type LimitPolicy, type Verdict } from '../contract.ts';
import type { Granted, LimitStore } from '../port.ts';
import { nextLease, shareOf } from '../rules.ts';
import { createLimiter, Generations, type Limiter } from './local.ts';

type Answer = (verdict: Verdict) => void;

export interface SharedOptions {
  readonly store: LimitStore;
  readonly clock: Clock;
  readonly log: Log;
  /** Processes that share the store: each counts its part by itself while the store is away. */
  readonly processes: number;
  /** Keys leave this process as keyed hashes: an address is somebody's. */
  readonly hideWith: KeyObject;
  readonly bucketsMax?: number;
}

/** What a process holds of one key. */
interface Held {
  readonly hidden: string;
  /** Tokens taken ahead, usable until an instant. */
  left: number;
  untilMs: number;
  /** What the shared bucket had beyond them. */
  beyond: number;
  refusedUntilMs: number;
  retryAtMs: number;
  lease: number;
  waiting: Answer[];
  asking: boolean;
}

interface OfPolicy { readonly held: Generations<Held>; readonly counter: LimitCounter; readonly share: LimitPolicy }

const REFUSED_AWAY: Verdict = { ok: false, granted: 0, remaining: 0, retryAfterMs: 1000, waitMs: 0 };

/** Gives those who asked what was granted, and keeps the rest; whoever came while it was under way takes from the rest at once. */
function settle(h: Held, asked: readonly Answer[], granted: Granted, now: number): void {
  let left = granted.granted;
  const serve = (answer: Answer): void => {
    left -= 1;
    answer({ ok: true, granted: 1, remaining: granted.remaining + left, retryAfterMs: 0, waitMs: granted.waitMs });
  };
  for (const answer of asked) {
    if (left > 0) serve(answer);
    else answer({ ok: false, granted: 0, remaining: 0, retryAfterMs: Math.max(1, granted.retryAfterMs), waitMs: 0 });
  }
  for (const answer of h.waiting.splice(0, left)) serve(answer);
  h.left = left;
  h.untilMs = now + granted.leaseMs;
  h.beyond = granted.remaining;
  if (granted.granted > 0) return;
  h.retryAtMs = now + granted.retryAfterMs;
  h.refusedUntilMs = now + Math.min(REFUSED_CACHED_MS, granted.retryAfterMs);
}

/** What can be said without the store: from tokens in hand, or because it refused a moment ago. */
function atHand(h: Held, counter: LimitCounter, now: number): Verdict | undefined {
  if (h.left > 0 && now < h.untilMs) {
    h.left -= 1;
    counter.leased += 1;
    return { ok: true, granted: 1, remaining: h.left + h.beyond, retryAfterMs: 0, waitMs: 0 };
  }
  if (now >= h.refusedUntilMs) return undefined;
  counter.refused += 1;
  return { ok: false, granted: 0, remaining: 0, retryAfterMs: Math.max(1, Math.ceil(h.retryAtMs - now)), waitMs: 0 };
}

/** Until when the store counts as away. */
interface Away { untilMs: number }

/** Asks the store for those who wait on a key, until nobody does. */
function asker(o: SharedOptions, away: Away, whenAway: (policy: LimitPolicy, key: string) => Verdict) {
  return async (policy: LimitPolicy, key: string, h: Held): Promise<void> => {
    h.asking = true;
    let asked: Answer[] = [];
    try {
      while (h.waiting.length) {
        // A leaky bucket gives each request its own place in the queue, so it is asked for one at a time.
        asked = h.waiting.splice(0, policy.algorithm === 'leaky-bucket' ? 1 : LEASE_MAX);
        const [granted] = await o.store.take([{ policy, key: h.hidden, upTo: Math.min(LEASE_MAX, asked.length - 1 + h.lease) }]);
        settle(h, asked, granted as Granted, o.clock.monotonicMs());
      }
    } catch (error) {
      if (o.clock.monotonicMs() >= away.untilMs) o.log.warn('limits.store-away', { store: o.store.name, ...errorFields(error) });
      away.untilMs = o.clock.monotonicMs() + STORE_PAUSE_MS;
      for (const answer of [...asked, ...h.waiting.splice(0)]) answer(whenAway(policy, key));
    } finally {
      h.asking = false;
    }
  };
}

/**
 * Counts in a store that all processes share. Tokens leave the shared bucket when they are leased, so that all processes together never give more
 * than the limit; those that a process does not use in time are lost. Whoever asks for a key while the store is asked about it waits for that answer.
 */
export function createSharedLimiter(o: SharedOptions): Limiter {
  const keysMax = o.bucketsMax ?? BUCKETS_MAX;
  const policies = new Map<string, OfPolicy>();
  const alone = createLimiter(o.clock, keysMax);
  const away: Away = { untilMs: -1 };
  const of = (policy: LimitPolicy): OfPolicy => {
    let known = policies.get(policy.name);
    if (!known) {
      const counter = { name: policy.name, asked: 0, refused: 0, leased: 0, away: 0, keys: 0 };
      policies.set(policy.name, (known = { held: new Generations(keysMax), counter, share: shareOf(policy, o.processes) }));
    }
    return known;
  };
  const heldOf = ({ held }: OfPolicy, key: string): Held => {
    let h = held.get(key);
    if (h === undefined) {
      const hidden = createHmac('sha256', o.hideWith).update(key).digest('base64url').slice(0, 22);
      held.set(key, (h = { hidden, left: 0, untilMs: 0, beyond: 0, refusedUntilMs: 0, retryAtMs: 0, lease: 1, waiting: [], asking: false }));
    }
    return h;
  };
  const whenAway = (policy: LimitPolicy, key: string): Verdict => {
    const { counter, share } = of(policy);
    counter.away += 1;
    if (policy.whenAway === 'closed') return REFUSED_AWAY;
    if (policy.whenAway === 'open') return { ok: true, granted: 1, remaining: policy.capacity, retryAfterMs: 0, waitMs: 0 };
    return alone.take(share, key);
  };
  const ask = asker(o, away, whenAway);
  const counted = (counter: LimitCounter, verdict: Verdict): Verdict => {
    if (!verdict.ok) counter.refused += 1;
    return verdict;
  };
  return {
    take(policy, key, now = o.clock.monotonicMs()) {
      const known = of(policy);
      const { counter } = known;
      counter.asked += 1;
      const h = heldOf(known, key);
      const verdict = atHand(h, counter, now);
      if (verdict) return verdict;
      if (now < away.untilMs) return counted(counter, whenAway(policy, key));
      return new Promise<Verdict>((done) => {
        h.waiting.push((given) => done(counted(counter, given)));
        if (h.asking) return;
        h.lease = nextLease(policy, h.lease, h.left);
        h.left = 0;
        void ask(policy, key, h);
      });
    },
    counters: () => [...policies.values()].map(({ held, counter }) => ({ ...counter, keys: held.size })),
  };
}
