import { plainInput } from '#kernel';
import {
  CODE_DIGITS, LOCK_FIRST_MS, LOCK_MS_MAX, RESEND_AFTER_MS, SENDS_PER_CHALLENGE_MAX, TRIES_PER_CHALLENGE_MAX, WRONG_PER_DAY_MAX, REFRESH_GRACE_MS,
} from './contract.ts';

/** PAN: five letters, four digits, one letter (Income-tax Rules 1962, Rule 114). The check letter's rule is not public, so it is not checked. */
const PAN = /^[A-Z]{5}[0-9]{4}[A-Z]$/;
const SSN = /^[0-9]{9}$/;

/** The identifier as it is indexed, whatever script, case or spacing it was typed in; undefined when it has not the country's form. */
export function normalizeIdentifier(country: string, typed: string): string | undefined {
  const plain = plainInput(typed).replace(/[-\u2010-\u2015._/]/g, '').toUpperCase();
  const form = country === 'IN' ? PAN : country === 'US' ? SSN : undefined;
  return form?.test(plain) ? plain : undefined;
}

/** The code's digits, from ASCII, Devanagari or full-width typing with spaces; undefined when it is no code. */
export function normalizeCode(typed: string): string | undefined {
  const plain = plainInput(typed).replace(/-/g, '');
  return new RegExp(`^[0-9]{${CODE_DIGITS}}$`).test(plain) ? plain : undefined;
}

/** Wrong codes of one identity, as one kind of device sees them: known devices have a count of their own. */
export interface Guard { readonly wrong: number; readonly windowFrom: Date; readonly locks: number; readonly lockedUntil: Date | null }

export interface Challenge {
  readonly state: 'open' | 'used' | 'closed';
  readonly expiresAt: Date;
  readonly tries: number;
  readonly sends: number;
  readonly lastSentAt: Date;
}

const DAY_MS = 86_400_000;

/** The wait after the n-th lock: 15 min × 2ⁿ, at most 24 h. */
export const lockMs = (locks: number): number => Math.min(LOCK_MS_MAX, LOCK_FIRST_MS * 2 ** Math.min(locks, 10));

/** Milliseconds that the identity is still locked; 0 when it is not. */
export const lockedMs = (guard: Guard, now: Date): number => Math.max(0, (guard.lockedUntil?.getTime() ?? 0) - now.getTime());

export type CodeDecision =
  | { readonly kind: 'right' }
  | { readonly kind: 'over' }
  | { readonly kind: 'locked'; readonly ms: number }
  | { readonly kind: 'wrong'; readonly triesLeft: number; readonly closes: boolean };

/** Decides a try; what it decides is recorded by the caller, also when it is a refusal. */
export function decideCode(challenge: Challenge, guard: Guard, matches: boolean, now: Date): CodeDecision {
  if (challenge.state !== 'open' || challenge.expiresAt <= now || challenge.tries >= TRIES_PER_CHALLENGE_MAX) return { kind: 'over' };
  const ms = lockedMs(guard, now);
  if (ms > 0) return { kind: 'locked', ms };
  if (matches) return { kind: 'right' };
  const triesLeft = TRIES_PER_CHALLENGE_MAX - challenge.tries - 1;
  return { kind: 'wrong', triesLeft, closes: triesLeft === 0 };
}

/** The guard after a wrong code: ten in a day lock, each lock twice as long as the one before. */
export function afterWrong(guard: Guard, now: Date): Guard {
  const sameWindow = now.getTime() - guard.windowFrom.getTime() < DAY_MS;
  const wrong = sameWindow ? guard.wrong + 1 : 1;
  const windowFrom = sameWindow ? guard.windowFrom : now;
  if (wrong < WRONG_PER_DAY_MAX) return { ...guard, wrong, windowFrom };
  return { wrong: 0, windowFrom: now, locks: guard.locks + 1, lockedUntil: new Date(now.getTime() + lockMs(guard.locks)) };
}

/** A right code forgives what was counted. */
export const afterRight = (now: Date): Guard => ({ wrong: 0, windowFrom: now, locks: 0, lockedUntil: null });

export type ResendDecision = { readonly kind: 'send' } | { readonly kind: 'over' } | { readonly kind: 'wait';
  readonly ms: number } | { readonly kind: 'enough'; readonly ms: number };

export function decideResend(challenge: Challenge, now: Date): ResendDecision {
  if (challenge.state !== 'open' || challenge.expiresAt <= now) return { kind: 'over' };
  if (challenge.sends >= SENDS_PER_CHALLENGE_MAX) return { kind: 'enough', ms: challenge.expiresAt.getTime() - now.getTime() };
  const ms = challenge.lastSentAt.getTime() + RESEND_AFTER_MS - now.getTime();
  return ms > 0 ? { kind: 'wait', ms } : { kind: 'send' };
}

export interface RefreshState { readonly endedAt: Date | null; readonly expiresAt: Date; readonly rotatedAt: Date; readonly matchesCurrent: boolean;
  readonly matchesPrevious: boolean }
export type RefreshDecision = 'rotate' | 'access-only' | 'reused' | 'over';

/** A refresh token is good once. The one before it, shown again after a moment, means that somebody copied it: the family ends. */
export function decideRefresh(s: RefreshState, now: Date): RefreshDecision {
  if (s.endedAt !== null || s.expiresAt <= now) return 'over';
  if (s.matchesCurrent) return 'rotate';
  if (s.matchesPrevious && now.getTime() - s.rotatedAt.getTime() <= REFRESH_GRACE_MS) return 'access-only';
  return 'reused';
}
