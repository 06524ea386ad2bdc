import type { FastifyReply, FastifyRequest } from 'fastify';
import type { KeyObject } from 'node:crypto';
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Registry } from 'prom-client';
import {
  isLanguage, negotiate, newTrace, systemRandom, type Actor, type AnyRoute, type Authenticated, type Authenticator, type Breakers, type CellContext,
  type Clock, type CookieChange, type Language, type Log, type Module, type PageContext, type Scope, type Span, type Tracer,
} from '#kernel';
import type { Limiter, LimitPolicy } from '#spine/limits';
import type { Directory, TenantRecord } from '#spine/tenancy';
import { BROWSER_COOKIE_SECONDS, COOKIE_BROWSER, COOKIE_LANGUAGE, COOKIE_THEME } from '../contract.ts';
import { callerAddress, parseCookies, traceOf, type Taken } from '../rules.ts';

/** Built files of the pages: content-hashed names, kept in memory. */
export interface Assets { url(name: string): string; find(path: string): { body: Buffer; type: string; encoding?: string } | undefined }

export interface EdgeOptions {
  readonly modules: readonly Module[];
  readonly cells: ReadonlyMap<string, CellContext>;
  readonly directory: Directory;
  readonly clock: Clock;
  readonly log: Log;
  readonly limiter: Limiter;
  readonly tracer?: Tracer | undefined;
  readonly metrics: Registry;
  /** Before outside parties, shown among the metrics. */
  readonly breakers?: Breakers | undefined;
  readonly assets: Assets;
  /** Key of form tokens. */
  readonly formKey: KeyObject;
  /** True where people reach us over TLS: cookies get `Secure` and the `__Host-` prefix, answers get HSTS. */
  readonly secure: boolean;
  /** Tenants are also served under `/t/<slug>/`. */
  readonly pathTenants: boolean;
  /** Trusted proxies before us, of which each adds whom it heard to X-Forwarded-For; 0 believes none of it. */
  readonly trustedProxies: number;
  /** False turns group commit off (benches compare). */
  readonly group?: boolean;
  /** Limits per person and per address; off in benches. */
  readonly limits?: boolean;
  /** The limit of each machine; PER_MACHINE unless said. */
  readonly perMachine?: LimitPolicy;
  /** Requests that this process works on at once; OPEN_REQUESTS_MAX unless said. */
  readonly openMax?: number;
  /** Time in which a request's headers must have come; HEADERS_TIMEOUT_MS unless said. */
  readonly headersTimeoutMs?: number;
}

declare module 'fastify' {
  interface FastifyRequest { seen?: Seen }
}

/** What the edge knows of a request before its route runs. */
export interface Seen {
  readonly atMs: number;
  readonly trace: string;
  readonly tenant: TenantRecord;
  readonly cell: CellContext;
  readonly base: string;
  readonly cookies: Readonly<Record<string, string>>;
  readonly set: CookieChange[];
  readonly address: string;
  readonly agent: string;
  /** The web origin that was asked. */
  readonly site: string;
  actor: Actor;
  /** What knew the credentials. */
  by: Authenticator | undefined;
  bySecret: 'cookie' | 'header' | undefined;
  /** The request's span, where it is traced. */
  readonly span: Span | undefined;
  /** What the limits of this process said of it. */
  limits: readonly Taken[] | undefined;
}

export { newTrace };

/** Every tenant has what belongs to no product; of a product that it has not turned on there is nothing to find. */
export const offers = (seen: Pick<Seen, 'tenant'>, product: string | undefined): boolean => product === undefined || seen.tenant.products.includes(product);

/** Marks where `rewriteUrl` leaves the tenant that a path named. */
export const pathTenantOf = (raw: unknown): string | undefined => (raw as { tenantSlug?: string }).tenantSlug;

export function findTenant(o: EdgeOptions, req: FastifyRequest): { tenant: TenantRecord; base: string } | undefined {
  const slug = pathTenantOf(req.raw);
  if (slug !== undefined) {
    const tenant = o.directory.bySlug(slug);
    return tenant && { tenant, base: `/t/${slug}` };
  }
  const host = (req.headers.host ?? '').toLowerCase();
  const tenant = o.directory.byHost(host.replace(/:\d+$/, ''));
  return tenant && { tenant, base: '' };
}

export function look(o: EdgeOptions, req: FastifyRequest): Seen | 'unknown-tenant' | 'misdirected' {
  const found = findTenant(o, req);
  if (!found) return 'unknown-tenant';
  const cell = o.cells.get(found.tenant.cell);
  if (!cell) return 'misdirected';
  const seen: Seen = {
    atMs: o.clock.monotonicMs(), trace: traceOf(req.headers.traceparent) ?? newTrace(), tenant: found.tenant, cell, base: found.base,
    cookies: parseCookies(req.headers.cookie, o.secure), set: [],
    address: callerAddress(req.socket.remoteAddress, req.headers['x-forwarded-for'], o.trustedProxies), agent: (req.headers['user-agent'] ?? '').slice(0, 256),
    site: `${o.secure ? 'https' : 'http'}://${req.headers.host ?? ''}`, actor: { kind: 'nobody' }, by: undefined, bySecret: undefined, limits: undefined,
      span: req.seen?.span,
  };
  req.seen = o.tracer && !seen.span ? traced(o.tracer, req, seen) : seen;
  return req.seen;
}

const CALLER = /^00-[0-9a-f]{32}-([0-9a-f]{16})-[0-9a-f]{2}$/;

function traced(tracer: Tracer, req: FastifyRequest, seen: Seen): Seen {
  const parent = req.headers.traceparent;
  const route = req.routeOptions.url ?? 'none';
  const span = tracer.start(`${req.method} ${route}`, {
    kind: 'request', trace: seen.trace, caller: typeof parent === 'string' ? CALLER.exec(parent)?.[1] : undefined,
    attributes: { 'http.request.method': req.method, 'http.route': route, tenant: seen.tenant.slug },
  });
  return { ...seen, span };
}

/** True for what operators and machines ask for, and no person. */
export const staffed = (scope: Scope): boolean => scope !== 'public' && scope !== 'person';

function knownBy(seen: Seen, a: Authenticator, known: Authenticated | undefined): boolean {
  if (!known) return false;
  seen.actor = known.actor;
  seen.by = a;
  seen.bySecret = known.bySecret;
  if (known.cookies) seen.set.push(...known.cookies);
  return true;
}

/** Asks each authenticator in turn; the first that knows the credentials decides. At once where each answers at once: most requests' does. */
export function authenticate(o: EdgeOptions, authenticators: readonly Authenticator[], req: FastifyRequest, seen: Seen): Promise<void> | undefined {
  const credentials = {
    body: Buffer.isBuffer(req.body) ? req.body : undefined, cookies: seen.cookies, headers: req.headers, request: `${req.method} ${req.originalUrl}`,
    authorization: req.headers.authorization,
  };
  const context = { cell: seen.cell, tenant: seen.tenant, clock: o.clock };
  const ask = (from: number): Promise<void> | undefined => {
    for (let i = from; i < authenticators.length; i++) {
      const a = authenticators[i] as Authenticator;
      const answer = a.authenticate(context, credentials);
      if (answer instanceof Promise) return answer.then((known) => (knownBy(seen, a, known) ? undefined : ask(i + 1)));
      if (knownBy(seen, a, answer)) return undefined;
    }
    return undefined;
  };
  return ask(0);
}

/** The browser's name: read from its cookie, or made and set. */
export function browserOf(seen: Seen): string {
  const known = seen.cookies[COOKIE_BROWSER] ?? seen.set.find((c) => c.name === COOKIE_BROWSER)?.value ?? undefined;
  if (known !== undefined && /^[A-Za-z0-9_-]{22,43}$/.test(known)) return known;
  const fresh = systemRandom.bytes(18).toString('base64url');
  seen.set.push({ name: COOKIE_BROWSER, value: fresh, maxAgeSeconds: BROWSER_COOKIE_SECONDS });
  return fresh;
}

/** A form's token is bound to the session, or to the browser of somebody who is not signed in. */
export function formToken(o: EdgeOptions, seen: Seen): string {
  const session = 'session' in seen.actor ? seen.actor.session : undefined;
  const owner = session === undefined ? `browser ${browserOf(seen)}` : `session ${session}`;
  return createHmac('sha256', o.formKey).update(`${seen.tenant.id} ${owner}`).digest('base64url');
}
export function formTokenFits(o: EdgeOptions, seen: Seen, given: string): boolean {
  const expected = Buffer.from(formToken(o, seen));
  const actual = Buffer.from(given);
  return expected.length === actual.length && timingSafeEqual(expected, actual);
}

export function languageOf(seen: Seen, req: FastifyRequest): Language {
  const offered = seen.tenant.languages.filter(isLanguage);
  const asked = (req.query as Record<string, string | undefined>).lang;
  if (asked !== undefined && isLanguage(asked) && offered.includes(asked)) {
    seen.set.push({ name: COOKIE_LANGUAGE, value: asked, maxAgeSeconds: BROWSER_COOKIE_SECONDS });
    return asked;
  }
  const kept = seen.cookies[COOKIE_LANGUAGE];
  if (kept !== undefined && isLanguage(kept) && offered.includes(kept)) return kept;
  return negotiate(req.headers['accept-language'], offered);
}

const isTheme = (text: string | undefined): text is PageContext['theme'] => text === 'light' || text === 'dark' || text === 'auto';

/** The tenant's own time: a page then means the same day as the verb behind it. */
const tenantNow = (o: EdgeOptions, { clockOffsetMs }: TenantRecord): Date =>
  (clockOffsetMs ? new Date(o.clock.now().getTime() + clockOffsetMs) : o.clock.now());

export function pageContext(o: EdgeOptions, req: FastifyRequest, seen: Seen): PageContext {
  const query = req.query as Record<string, string>;
  if (isTheme(query.theme)) seen.set.push({ name: COOKIE_THEME, value: query.theme, maxAgeSeconds: BROWSER_COOKIE_SECONDS });
  const theme = isTheme(query.theme) ? query.theme : seen.cookies[COOKIE_THEME];
  return {
    tenant: seen.tenant, brand: seen.tenant.brand, language: languageOf(seen, req), theme: isTheme(theme) ? theme : 'auto',
    signedIn: seen.actor.kind === 'person', path: req.url, base: seen.base, asset: (name) => o.assets.url(name),
    token: formToken(o, seen), key: systemRandom.bytes(16).toString('base64url'), now: tenantNow(o, seen.tenant), synthetic: seen.tenant.synthetic,
      trace: seen.trace,
    params: req.params as Record<string, string>, query,
  };
}

/** Name of a route in limits, metrics and keys. */
export const routeName = (route: Pick<AnyRoute, 'method' | 'path'>): string => `${route.method} ${route.path}`;

/** Sets what the request collected; the prefix `__Host-` binds a cookie to this host and to TLS. */
export function setCookies(o: EdgeOptions, seen: Seen, reply: FastifyReply, more: readonly CookieChange[] = []): void {
  const last = new Map([...seen.set, ...more].map((c) => [c.name, c]));
  const lines = [...last.values()].map((c) => [
    `${o.secure ? '__Host-' : ''}${c.name}=${c.value ?? ''}`, 'Path=/', 'SameSite=Lax', ...(c.httpOnly === false ? [] : ['HttpOnly']),
    ...(o.secure ? ['Secure'] : []),
    ...(c.value === null ? ['Max-Age=0'] : c.maxAgeSeconds === undefined ? [] : [`Max-Age=${c.maxAgeSeconds}`]),
  ].join('; '));
  if (lines.length) reply.header('set-cookie', lines);
}
