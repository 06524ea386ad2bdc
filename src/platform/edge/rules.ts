import { hash } from 'node:crypto';
import { isIP } from 'node:net';
import ipaddr from 'ipaddr.js';
import { BodyFault, RESERVED_KEYS, type Priority } from '#kernel';
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

/** By way of text: bytes of their own, which `hash` gives too, cost three times as much to make and more to collect. */
const sha256 = (text: string): Buffer => Buffer.from(hash('sha256', text, 'hex'), 'hex');

/** Scope of an idempotency key: tenant, actor and route own their keys. 32 bytes. */
export const claimScope = (tenant: string, actor: string, routeName: string, key: string): Buffer =>
  sha256(JSON.stringify([tenant, actor, routeName, key]));
export const bodyHash = (input: unknown): Buffer =>
  sha256(JSON.stringify(input, (_, v: unknown) => (typeof v === 'bigint' ? `${v}n` : v)));

/** `[address]:port` and `address:port`, as some proxies write it. */
const WITH_PORT = /^\[([^\]]*)\](?::\d{1,5})?$|^([\d.]+):\d{1,5}$/;

/** An address in its one spelling (RFC 5952), without port and zone; IPv4 within IPv6 is IPv4. Undefined for what is no address. */
export function plainAddress(text: string): string | undefined {
  const kind = isIP(text);
  if (kind === 4) return text;
  if (kind === 6) {
    const bare = text.split('%')[0] as string;
    if (!ipaddr.IPv6.isValid(bare)) return undefined;
    const address = ipaddr.IPv6.parse(bare);
    return (address.isIPv4MappedAddress() ? address.toIPv4Address() : address).toString();
  }
  const found = WITH_PORT.exec(text);
  const bare = found?.[1] ?? found?.[2] ?? '';
  return isIP(bare) ? plainAddress(bare) : undefined;
}

/**
 * Who asks: the other end of the socket, or whom the trusted proxies before us say that they heard. Each adds one name at the end of X-Forwarded-For, so
 * that many are believed, from the end; what stands before them anybody may have written. Where a name is no address it ends with the proxy that wrote it.
 */
export function callerAddress(socket: string | undefined, forwarded: string | readonly string[] | undefined, trusted: number): string {
  let address = plainAddress(socket ?? '') ?? '';
  if (trusted === 0 || forwarded === undefined) return address;
  const names = [forwarded].flat().join(',').split(',');
  for (let hop = 0; hop < trusted; hop++) {
    const heard = plainAddress(names.pop()?.trim() ?? '');
    if (heard === undefined) return address;
    address = heard;
  }
  return address;
}

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

const wholeOf = ({ policy, verdict }: Taken): number => Math.ceil(((policy.capacity - verdict.remaining) * 60) / policy.perMinute);
const policyFields = new Map<LimitPolicy, string>();

function policyField(policy: LimitPolicy): string {
  let field = policyFields.get(policy);
  if (field === undefined) {
    field = `"${policy.name}";q=${policy.capacity};w=${Math.ceil((policy.capacity * 60) / policy.perMinute)}`;
    policyFields.set(policy, field);
  }
  return field;
}
/** Of a limit that refused, the seconds until it grants again, as Retry-After says; else the seconds until it is whole. */
const stateField = (t: Taken): string =>
  `"${t.policy.name}";r=${t.verdict.remaining};t=${t.verdict.ok ? wholeOf(t) : Math.max(1, Math.ceil(t.verdict.retryAfterMs / 1000))}`;

/**
 * The fields RateLimit-Policy and RateLimit (IETF draft-ietf-httpapi-ratelimit-headers), both structured lists: each limit's quota with its window in
 * seconds, and what is left of it. They are written by hand, since an object for each part of each answer would cost more than the limit.
 */
export function rateLimitFields(taken: readonly Taken[]): { readonly policy: string; readonly state: string } {
  const [first, second] = taken;
  if (!first) return { policy: '', state: '' };
  if (!second) return { policy: policyField(first.policy), state: stateField(first) };
  return { policy: `${policyField(first.policy)}, ${policyField(second.policy)}`, state: `${stateField(first)}, ${stateField(second)}` };
}

/** What older clients read on a refusal: the limit that refused, and the seconds until it grants again. */
export function legacyFields(taken: readonly Taken[]): Readonly<Record<string, string>> | undefined {
  const no = taken.find((t) => !t.verdict.ok);
  return no && {
    'x-ratelimit-limit': String(no.policy.capacity), 'x-ratelimit-remaining': '0',
    'x-ratelimit-reset': String(Math.max(1, Math.ceil(no.verdict.retryAfterMs / 1000))),
  };
}

/** How much of a process is open to each priority before it is turned away, and how late the loop may be. */
const SHARES: Readonly<Record<Priority, { readonly open: number; readonly lateMs: number; readonly retryAfterSeconds: number }>> = {
  vital: { open: 1, lateMs: Infinity, retryAfterSeconds: 5 },
  usual: { open: 0.8, lateMs: 500, retryAfterSeconds: 30 },
  report: { open: 0.5, lateMs: 200, retryAfterSeconds: 300 },
};

/** Seconds to wait when a request of this priority is turned away, or undefined when it may pass. */
export function shed(priority: Priority, open: number, openMax: number, lateMs: number): number | undefined {
  const share = SHARES[priority];
  return open >= openMax * share.open || lateMs > share.lateMs ? share.retryAfterSeconds : undefined;
}

/** What changes something is somebody's sign-in or money unless the route says otherwise; what reads is a list or a page. */
export const priorityOf = (route: { readonly method: string; readonly priority?: Priority }): Priority =>
  route.priority ?? (route.method === 'GET' ? 'usual' : 'vital');
