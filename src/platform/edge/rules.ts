import { hash } from 'node:crypto';
import { BodyFault, RESERVED_KEYS } from '#kernel';
import type { LimitPolicy, Verdict } from '#spine/limits';
import { FORM_FIELDS_MAX } from './contract.ts';

export { BodyFault, strictJson, utf8Text } from '#kernel';

/** Fields of an urlencoded form, each at most once. */
export function formFields(text: string): Record<string, string> {
  const fields = Object.create(null) as Record<string, string>;
  let count = 0;
  for (const [name, value] of new URLSearchParams(text)) {
    count += 1;
    if (count > FORM_FIELDS_MAX) throw new BodyFault('the form has too many fields');
    if (RESERVED_KEYS.has(name)) throw new BodyFault('a field has a reserved name');
    if (name in fields) throw new BodyFault('a field stands twice');
    fields[name] = value;
  }
  return fields;
}

const HOST_PREFIX = '__Host-';

/**
 * Cookies of a request header; a name that stands twice is dropped, since which one wins is anybody's guess. Over TLS only
 * those count that bear the prefix: without it a neighbouring host may have set them.
 */
export function parseCookies(header: string | undefined, secure: boolean): Record<string, string> {
  const cookies = Object.create(null) as Record<string, string>;
  const twice = new Set<string>();
  for (const part of (header ?? '').split(';')) {
    const at = part.indexOf('=');
    if (at < 1) continue;
    const named = part.slice(0, at).trim();
    if (secure && !named.startsWith(HOST_PREFIX)) continue;
    const name = secure ? named.slice(HOST_PREFIX.length) : named;
    if (name in cookies) twice.add(name);
    cookies[name] = part.slice(at + 1).trim();
  }
  for (const name of twice) delete cookies[name];
  return cookies;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** The W3C trace id of a request header, or undefined. */
export function traceOf(header: string | string[] | undefined): string | undefined {
  const match = typeof header === 'string' ? TRACEPARENT.exec(header) : null;
  return match && !/^0+$/.test(match[1] as string) ? match[1] : undefined;
}

export interface OriginFacts {
  readonly site: string | undefined;
  readonly origin: string | undefined;
  readonly host: string | undefined;
  readonly secure: boolean;
}

/**
 * May an unsafe request that rides on cookies pass? Browsers state where it comes from: `Sec-Fetch-Site`, else `Origin`.
 * Neither present means no browser of the last years, so it is refused too.
 */
export function sameOrigin(f: OriginFacts): boolean {
  if (f.site !== undefined) return f.site === 'same-origin';
  if (f.origin === undefined || f.host === undefined) return false;
  return f.origin === `${f.secure ? 'https' : 'http'}://${f.host}`;
}

const KEY = /^[\x21-\x7e]{8,128}$/;
export const isIdempotencyKey = (text: string): boolean => KEY.test(text);

/** Scope of an idempotency key: tenant, actor and route own their keys. 32 bytes. */
export const claimScope = (tenant: string, actor: string, routeName: string, key: string): Buffer =>
  Buffer.from(hash('sha256', JSON.stringify([tenant, actor, routeName, key]), 'buffer'));
export const bodyHash = (input: unknown): Buffer =>
  Buffer.from(hash('sha256', JSON.stringify(input, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)), 'buffer'));

/** `/t/<slug>/rest` → slug and `/rest`; else undefined. */
export function tenantPath(url: string): { slug: string; rest: string } | undefined {
  const match = /^\/t\/([a-z][a-z0-9-]{1,39})(\/[^]*|\?[^]*|)$/.exec(url);
  if (!match) return undefined;
  const rest = match[2] as string;
  return { slug: match[1] as string, rest: rest.startsWith('/') ? rest : `/${rest}` };
}

/** True for a path of this site, and for no address that a browser reads as another host's. */
export const sitePath = (path: string): boolean => /^\/(?![/\\])[\x21-\x7e]*$/.test(path) && !path.includes('\\');

const RETURN_CHARS_MAX = 512;
/** Where a person may be sent back to after signing in: a path of this site, never another host. */
export const safeReturn = (path: string | undefined): string | undefined =>
  (path !== undefined && path.length <= RETURN_CHARS_MAX && sitePath(path) ? path : undefined);

/** What one limit said of a request. */
export interface Taken { readonly policy: LimitPolicy; readonly verdict: Verdict }

const WINDOW_SECONDS = 60;

/**
 * The fields RateLimit-Policy and RateLimit (IETF draft-ietf-httpapi-ratelimit-headers): each limit's quota a minute, what is left of it, and
 * the seconds until it is whole again.
 */
export function rateLimitFields(taken: readonly Taken[]): { readonly policy: string; readonly state: string } {
  const whole = ({ policy, verdict }: Taken): number => Math.ceil(((policy.capacity - verdict.remaining) * WINDOW_SECONDS) / policy.perMinute);
  return {
    policy: taken.map(({ policy }) => `"${policy.name}";q=${policy.capacity};w=${WINDOW_SECONDS}`).join(', '),
    state: taken.map((t) => `"${t.policy.name}";r=${t.verdict.remaining};t=${whole(t)}`).join(', '),
  };
}
