import type { LimitPolicy, Verdict } from './contract.ts';

export interface Bucket { tokens: number; atMs: number }

/**
 * Takes one token at an instant. Refill is fractional: a caller that polls faster than one token's time is not starved, because
 * the part of a token that it has earned is kept. A clock that runs backwards earns nothing and loses nothing.
 */
export function take(policy: LimitPolicy, bucket: Bucket, nowMs: number): Verdict {
  const perMs = policy.perMinute / 60_000;
  if (nowMs > bucket.atMs) {
    bucket.tokens = Math.min(policy.capacity, bucket.tokens + (nowMs - bucket.atMs) * perMs);
    bucket.atMs = nowMs;
  }
  if (bucket.tokens >= 1) {
    bucket.tokens -= 1;
    return { ok: true, remaining: Math.floor(bucket.tokens), retryAfterMs: 0 };
  }
  return { ok: false, remaining: 0, retryAfterMs: Math.ceil((1 - bucket.tokens) / perMs) };
}

/** Seconds for `Retry-After`: whole, rounded up, at least 1. */
export const retryAfterSeconds = (ms: number): number => Math.max(1, Math.ceil(ms / 1000));
