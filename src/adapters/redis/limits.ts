import { hash } from 'node:crypto';
import type { Granted, LimitStore, Want } from '#spine/limits/port';
import { runScript, type RedisConnection } from './connect.ts';

/**
 * One bucket: KEYS[1]; ARGV: algorithm, capacity, tokens a millisecond, tokens wanted, and in tests the instant. Equal, case by case, to `take` of
 * spine/limits. Numbers are kept as they are, since written out Redis would cut the part of a token that a caller has earned. What is refused writes nothing.
 */
const TEXT = `
local kind, capacity, rate, want, now = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4]), tonumber(ARGV[5])
if not now then
  local time = redis.call('TIME')
  now = time[1] * 1000 + time[2] / 1000
end
local tokens, before, at = capacity, 0, now
local kept = redis.call('GET', KEYS[1])
if kept then tokens, before, at = struct.unpack('>ddd', kept) end
local length, part, free, lease = capacity / rate, 0, 0, -1
if kind == 'fixed-window' or kind == 'sliding-window' then
  local later = math.max(now, at)
  local window, known = math.floor(later / length), math.floor(at / length)
  if window > known then
    before = window == known + 1 and capacity - tokens or 0
    tokens = capacity
    at = window * length
  end
  part = (later % length) / length
  free = kind == 'fixed-window' and tokens or tokens - before * (1 - part)
  lease = length - now % length
else
  if now > at then
    tokens = math.min(capacity, tokens + (now - at) * rate)
    at = now
  end
  free = tokens
end
local whole = math.floor(free + 1e-6)
if whole < 1 then
  local wait
  if kind == 'fixed-window' then wait = (1 - part) * length
  elseif kind == 'sliding-window' then
    local spare, used = tokens - 1, capacity - tokens
    if spare >= 0 then wait = (1 - spare / before - part) * length
    else wait = (1 - part) * length + (1 - (capacity - 1) / used) * length end
  else wait = (1 - free) / rate end
  return {0, 0, math.ceil(wait - 1e-6), 0, math.floor(lease)}
end
local granted = math.min(whole, want)
tokens = tokens - granted
local kept_for = lease < 0 and (capacity - tokens) / rate or lease + length
redis.call('SET', KEYS[1], struct.pack('>ddd', tokens, before, at), 'PX', math.ceil(kept_for) + 1)
local hold = kind == 'leaky-bucket' and math.ceil((capacity - free) / rate - 1e-6) or 0
return {granted, whole - granted, 0, hold, math.floor(lease)}
`;
const SCRIPT = { text: TEXT, sha: hash('sha1', TEXT) };

export interface RedisLimitOptions {
  /** Tokens taken ahead may be used for this long. */
  readonly leaseMs: number;
  /** For tests: the instant in milliseconds; the server's own clock unless given. */
  readonly now?: () => number;
}

/** Buckets in Redis, each decided by one script on the server's clock. */
export function redisLimits(connection: RedisConnection, o: RedisLimitOptions): LimitStore {
  const one = async ({ policy, key, upTo = 1 }: Want): Promise<Granted> => {
    const values = [policy.algorithm ?? 'token-bucket', policy.capacity, policy.perMinute / 60_000, upTo];
    if (o.now) values.push(o.now());
    const [granted, remaining, retryAfterMs, waitMs, endsMs] = await runScript(connection.redis, SCRIPT, [`xq:limit:${policy.name}:${key}`], values) as
      [number, number, number, number, number];
    return { ok: granted > 0, granted, remaining, retryAfterMs, waitMs, leaseMs: endsMs < 0 ? o.leaseMs : Math.min(o.leaseMs, endsMs) };
  };
  return {
    name: 'redis', about: connection.about, close: connection.close,
    take: async (wants) => (wants.length === 1 ? [await one(wants[0] as Want)] : Promise.all(wants.map(one))),
  };
}
