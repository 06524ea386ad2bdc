import ipaddr from 'ipaddr.js';
import type { LimitPolicy, Verdict } from './contract.ts';

/** What one key has left: of its bucket, or of the window that began at `atMs` or lies around it; `before` was used in the window before. */
export interface Bucket { tokens: number; before: number; atMs: number }

/** Sums of fractions end a little beside the whole number that is meant. A millionth of a token is nobody's request. */
const NEARLY = 1e-6;

export const freshBucket = (policy: LimitPolicy, nowMs: number): Bucket => ({ tokens: policy.capacity, before: 0, atMs: nowMs });
const perMsOf = (policy: LimitPolicy): number => policy.perMinute / 60_000;
const windowMsOf = (policy: LimitPolicy): number => (policy.capacity * 60_000) / policy.perMinute;

/**
 * Brings a bucket to an instant and says what is free. Refill is fractional: a caller that polls faster than one token's time is not starved, because
 * the part of a token that it has earned is kept. A clock that runs backwards earns nothing and loses nothing.
 */
function settle(policy: LimitPolicy, bucket: Bucket, nowMs: number): number {
  const { algorithm } = policy;
  if (algorithm === 'fixed-window' || algorithm === 'sliding-window') {
    const length = windowMsOf(policy);
    const window = Math.floor(Math.max(nowMs, bucket.atMs) / length);
    const known = Math.floor(bucket.atMs / length);
    if (window > known) {
      bucket.before = window === known + 1 ? policy.capacity - bucket.tokens : 0;
      bucket.tokens = policy.capacity;
      bucket.atMs = window * length;
    }
    if (algorithm === 'fixed-window' || bucket.before === 0) return bucket.tokens;
    return bucket.tokens - bucket.before * (1 - partOf(policy, bucket, nowMs));
  }
  if (nowMs > bucket.atMs) {
    bucket.tokens = Math.min(policy.capacity, bucket.tokens + (nowMs - bucket.atMs) * perMsOf(policy));
    bucket.atMs = nowMs;
  }
  return bucket.tokens;
}

/** How much of its window has passed, 0 to 1. */
function partOf(policy: LimitPolicy, bucket: Bucket, nowMs: number): number {
  const length = windowMsOf(policy);
  return (Math.max(nowMs, bucket.atMs) % length) / length;
}

/** Milliseconds until one token is free again. */
function waitOf(policy: LimitPolicy, bucket: Bucket, nowMs: number, free: number): number {
  const { algorithm, capacity } = policy;
  if (algorithm !== 'fixed-window' && algorithm !== 'sliding-window') return (1 - free) / perMsOf(policy);
  const length = windowMsOf(policy);
  const part = partOf(policy, bucket, nowMs);
  if (algorithm === 'fixed-window') return (1 - part) * length;
  const used = capacity - bucket.tokens;
  const spare = bucket.tokens - 1;
  // Within this window, when enough of the window before has slid out; else in the next one, when enough of this one has.
  if (spare >= 0) return (1 - spare / bucket.before - part) * length;
  return (1 - part) * length + (1 - (capacity - 1) / used) * length;
}

/** Takes up to `upTo` tokens at an instant; refused when not one is free. What is refused changes nothing. */
export function take(policy: LimitPolicy, bucket: Bucket, nowMs: number, upTo = 1): Verdict {
  const free = settle(policy, bucket, nowMs);
  const whole = Math.floor(free + NEARLY);
  if (whole < 1) return { ok: false, granted: 0, remaining: 0, retryAfterMs: Math.ceil(waitOf(policy, bucket, nowMs, free) - NEARLY), waitMs: 0 };
  const granted = whole < upTo ? whole : upTo;
  bucket.tokens -= granted;
  const waitMs = policy.algorithm === 'leaky-bucket' ? Math.max(0, Math.ceil((policy.capacity - free) / perMsOf(policy) - NEARLY)) : 0;
  return { ok: true, granted, remaining: whole - granted, retryAfterMs: 0, waitMs };
}

/** What an address counts under: one of IPv6 by the first half of it, since a single line has all of the other. */
export const addressKey = (address: string): string => (address.includes(':') && ipaddr.IPv6.isValid(address)
  ? `${ipaddr.IPv6.parse(address).parts.slice(0, 4).map((part) => part.toString(16)).join(':')}::/64` : address);

/** Seconds for `Retry-After`: whole, rounded up, at least 1. */
export const retryAfterSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));

/**
 * For how long tokens that were taken ahead may be used. Those of a window end with it, else they would count in the next one as well; a leaky
 * bucket gives none ahead, since they would leave as a burst.
 */
export function leaseMsOf(policy: LimitPolicy, nowMs: number, leaseMs: number): number {
  if (policy.algorithm !== 'fixed-window' && policy.algorithm !== 'sliding-window') return leaseMs;
  const length = windowMsOf(policy);
  return Math.min(leaseMs, length - (nowMs % length));
}

/** How many tokens to take ahead next: twice as many when the last ones were used up in time, half as many when some were lost. */
export const nextLease = (policy: LimitPolicy, last: number, lost: number): number => {
  const most = policy.algorithm === 'leaky-bucket' ? 1 : policy.lease ?? 1;
  return Math.max(1, Math.min(most, lost > 0 ? Math.floor(last / 2) : last * 2));
};

/** A process's share of a limit while it counts by itself. */
export const shareOf = (policy: LimitPolicy, processes: number): LimitPolicy =>
  ({ ...policy, capacity: Math.max(1, policy.capacity / processes), perMinute: Math.max(1, policy.capacity / processes) * policy.perMinute / policy.capacity });
