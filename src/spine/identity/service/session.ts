import { timingSafeEqual, type KeyObject } from 'node:crypto';
import { jwtVerify, SignJWT } from 'jose';
import { LRUCache } from 'lru-cache';
import { z } from 'zod';
import {
  done, idOf, perform, provide, refuse, token, uuid, uuidOf, type Actor, type Authenticated, type Authenticator, type CellContext, type Gate, type Origin,
  type Outcome,
  type Provided, type Refused, type SectionTx, type TenantRef, type Tx, type Uuid,
} from '#kernel';
import { tenantKeys } from '#spine/vault';
import {
  ACCESS_LIFE_MS, COOKIE_ACCESS, COOKIE_REFRESH, REFRESH_LIFE_MS, SESSION_LIFE_MS_MAX, SESSIONS_SHOWN_MAX, SignedIn, SignedOut, sessionOver, unknownSession,
    zRefresh,
  zRefreshed, type SessionEnd, type zOfSession, type zSessions,
} from '../contract.ts';
import { decideRefresh } from '../rules.ts';
import { endedSessions, endSession, liveSessions, lockSession, rotateSession, type SessionRow } from '../store.ts';

const TOKEN_BYTES = 32;
const VERIFIED_MAX = 100_000;
const ISSUER = 'exchequer';

interface Verified { readonly token: string; readonly tenant: Uuid; readonly actor: Actor & { kind: 'person' }; readonly expiresMs: number }
interface Sessions {
  /** Access tokens whose signature was checked, by that signature, so that a request costs no public-key or HMAC work twice. */
  readonly tokens: LRUCache<string, Verified>;
  /** When the database last said that a session lives, by this process's clock; and those it said are over. */
  readonly live: LRUCache<string, number>;
  readonly over: LRUCache<string, true>;
}
export const Sessions = token<Sessions>('identity.sessions');
export const sessionsState: Provided = provide(Sessions, () => ({
  tokens: new LRUCache<string, Verified>({ max: VERIFIED_MAX }), live: new LRUCache<string, number>({ max: VERIFIED_MAX }), over: new LRUCache<string,
  true>({ max: VERIFIED_MAX }),
}));

type Using = { use: CellContext['use']; tenant: TenantRef };
const signingKey = (tx: Using): KeyObject => tenantKeys(tx).key('identity.access-token');
const refreshMac = (tx: Using, secret: string): Buffer => tenantKeys(tx).mac('identity.refresh', secret);
const seconds = (ms: number): number => Math.floor(ms / 1000);

/** A JWT of this tenant: subject and session, no word about the person. */
const accessToken = (tx: Using & { now: Date }, person: Uuid, session: Uuid, expires: Date): Promise<string> => new SignJWT({ sid: session })
  .setProtectedHeader({ alg: 'HS256', typ: 'at+jwt', kid: '1' }).setIssuer(ISSUER).setAudience(tx.tenant.id).setSubject(person)
  .setIssuedAt(seconds(tx.now.getTime())).setExpirationTime(seconds(expires.getTime())).sign(signingKey(tx));

const earlier = (a: Date, b: Date): Date => (a < b ? a : b);
const after = (at: Date, ms: number): Date => new Date(at.getTime() + ms);

interface Tokens { accessToken: string; refreshToken: string; expiresInSeconds: number; refreshExpiresInSeconds: number }

const NONCE_BYTES = TOKEN_BYTES / 2;
const issuedMac = (tx: Using, session: Uuid, nonce: Buffer): Buffer =>
  tenantKeys(tx).mac('identity.refresh-issued', `${session} ${nonce.toString('hex')}`).subarray(0, TOKEN_BYTES - NONCE_BYTES);

/** The secret part of a refresh token: unpredictable, and provably ours, so that an invented one cannot end somebody's session. */
function newSecret(tx: Tx, session: Uuid): string {
  const nonce = tx.random.bytes(NONCE_BYTES);
  return Buffer.concat([nonce, issuedMac(tx, session, nonce)]).toString('base64url');
}
function issuedByUs(tx: Tx, session: Uuid, secret: string): boolean {
  const bytes = Buffer.from(secret, 'base64url');
  return bytes.length === TOKEN_BYTES && timingSafeEqual(issuedMac(tx, session, bytes.subarray(0, NONCE_BYTES)), bytes.subarray(NONCE_BYTES));
}

/** A session for a person who gave the right code: its row, which the caller writes, and its tokens. */
export function openSession(tx: Tx, person: Uuid, browser: Buffer): { row: SessionRow; tokens: Promise<Tokens> } {
  const session = tx.uuid();
  const secret = newSecret(tx, session);
  const expires = after(tx.now, REFRESH_LIFE_MS);
  const row: SessionRow = {
    id: session, person, browser, refresh_mac: refreshMac(tx, secret), previous_mac: null, rotated_at: tx.now, started_at: tx.now, expires_at: expires,
    ended_at: null,
  };
  tx.emit(SignedIn, person, { person, session });
  tx.audit({ action: 'identity.code', result: 'done', subject: person, resource: `session ${session}` });
  const tokens = accessToken(tx, person, session, after(tx.now, ACCESS_LIFE_MS)).then((access): Tokens => ({
    accessToken: access, refreshToken: `${idOf('ses', session)}.${secret}`, expiresInSeconds: seconds(ACCESS_LIFE_MS),
    refreshExpiresInSeconds: seconds(REFRESH_LIFE_MS),
  }));
  return { row, tokens };
}

/** Ends a session at once, for every process: the gate reads this row. */
async function end(tx: Tx, session: Uuid, reason: SessionEnd): Promise<void> {
  const [ended] = await endSession(tx.sql, session, tx.now, reason);
  tx.use(Sessions).over.set(session, true);
  if (!ended) return;
  tx.emit(SignedOut, ended.person, { person: uuid(ended.person), session, reason });
  tx.audit({ action: 'identity.session-end', result: 'done', subject: uuid(ended.person), resource: `session ${session}`, detail: { reason } });
}

/** A fresh access token for a refresh token, which is then replaced. A replaced one shown again ends the family. */
export async function refresh(tx: Tx, input: z.output<typeof zRefresh>): Promise<Outcome<z.output<typeof zRefreshed>>> {
  const match = /^(ses_[0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/.exec(input.body.refreshToken);
  if (!match) return refuse(sessionOver);
  const session = uuidOf(match[1] as `ses_${string}`);
  if (!issuedByUs(tx, session, match[2] as string)) return refuse(sessionOver);
  const row = await lockSession(tx.sql, session);
  if (!row) return refuse(sessionOver);
  const mac = refreshMac(tx, match[2] as string);
  const decision = decideRefresh({
    endedAt: row.ended_at, expiresAt: row.expires_at, rotatedAt: row.rotated_at, matchesCurrent: timingSafeEqual(mac, row.refresh_mac),
    matchesPrevious: row.previous_mac !== null && timingSafeEqual(mac, row.previous_mac),
  }, tx.now);
  if (decision === 'reused') await end(tx, session, 'refresh-reused');
  if (decision === 'over' || decision === 'reused') return refuse(sessionOver);
  const expires = decision === 'rotate' ? earlier(after(tx.now, REFRESH_LIFE_MS), after(row.started_at, SESSION_LIFE_MS_MAX)) : row.expires_at;
  let refreshToken: string | null = null;
  if (decision === 'rotate') {
    const secret = newSecret(tx, session);
    await rotateSession(tx.sql, session, refreshMac(tx, secret), row.refresh_mac, tx.now, expires);
    refreshToken = `${idOf('ses', session)}.${secret}`;
  }
  const accessUntil = earlier(after(tx.now, ACCESS_LIFE_MS), expires);
  return done({
    accessToken: await accessToken(tx, uuid(row.person), session, accessUntil), refreshToken,
    expiresInSeconds: seconds(accessUntil.getTime() - tx.now.getTime()), refreshExpiresInSeconds: seconds(expires.getTime() - tx.now.getTime()),
  });
}

/** Signs the caller out; doing it twice changes nothing. */
export async function signOut(tx: Tx): Promise<Outcome<Record<string, never>>> {
  if (tx.actor.kind === 'person') await end(tx, tx.actor.session, 'signed-out');
  return done({});
}

/** The caller's session. */
export async function readSession(tx: Tx): Promise<Outcome<{ session: `ses_${string}`; startedAt: Date; expiresAt: Date }>> {
  if (tx.actor.kind !== 'person') return refuse(sessionOver);
  const row = await lockSession(tx.sql, tx.actor.session);
  if (!row || row.ended_at) return refuse(sessionOver);
  return done({ session: idOf('ses', row.id), startedAt: row.started_at, expiresAt: row.expires_at });
}

/** Where the caller is signed in. */
export async function listSessions(tx: Tx): Promise<Outcome<z.output<typeof zSessions>>> {
  if (tx.actor.kind !== 'person') return refuse(sessionOver);
  const { id: person, session: mine } = tx.actor;
  const rows = await liveSessions(tx.sql, person, tx.now, SESSIONS_SHOWN_MAX);
  return done({
    sessions: rows.map((r) => ({ session: idOf('ses', r.id), startedAt: r.started_at, renewedAt: r.rotated_at, endsAt: r.expires_at, current: r.id === mine })),
  });
}

/** Ends a session of the caller's, here or on another device; doing it twice changes nothing. */
export async function endOneSession(tx: Tx, input: z.output<typeof zOfSession>): Promise<Outcome<Record<string, never>>> {
  const session = uuidOf(input.params.session);
  const row = await lockSession(tx.sql, session);
  if (!row || tx.actor.kind !== 'person' || row.person !== tx.actor.id) return refuse(unknownSession);
  await end(tx, session, session === tx.actor.session ? 'signed-out' : 'signed-out-elsewhere');
  return done({});
}

const NONE: readonly undefined[] = [];
/** How exact it is known when a session was last seen alive: noting it with each request costs more than asking. */
const VOUCHED_EVERY_MS = 10_000;

/** Lets a person's request pass only while the session's row lives: signing out anywhere ends it here at once. */
export const sessionGate: Gate = {
  name: 'identity.session',
  check(tx: SectionTx, items: readonly Origin[]) {
    const sessions = [...new Set(items.flatMap((i) => (i.actor.kind === 'person' ? [i.actor.session] : [])))];
    if (!sessions.length) return undefined;
    return endedSessions(tx.sql, tx.tenant.id, sessions, tx.now).then((rows) => {
      const known = tx.use(Sessions);
      const ended = new Set(rows.map((r) => r.id));
      const nowMs = tx.now.getTime();
      for (const session of sessions) {
        if (ended.has(session)) known.over.set(session, true);
        else if (Math.abs(nowMs - (known.live.peek(session) ?? 0)) > VOUCHED_EVERY_MS) known.live.set(session, nowMs);
      }
      if (!ended.size) return NONE;
      return items.map((i): Refused | undefined => (i.actor.kind === 'person' && ended.has(i.actor.session) ? refuse(sessionOver) : undefined));
    });
  },
};

/** Longest time since the database vouched for a session that degraded mode accepts. */
export const VOUCHED_MS_MAX = 15 * 60_000;

/** True when this process saw the session alive in the database within 15 minutes and has not heard of its end. */
export function vouchedFor(context: { use: CellContext['use']; now: Date }, session: Uuid): boolean {
  const known = context.use(Sessions);
  const at = known.live.get(session);
  return at !== undefined && !known.over.has(session) && context.now.getTime() - at <= VOUCHED_MS_MAX;
}

interface Asked { readonly cell: CellContext; readonly tenant: TenantRef; readonly nowMs: number }
/** What is kept of a token is found by its signature: to hash all of it would cost more than to compare it. */
const signatureOf = (token: string): string => token.slice(token.lastIndexOf('.') + 1);
function checked(sessions: Sessions, text: string): Verified | undefined {
  // Not moved by its use: the first that came is the first to run out.
  const kept = sessions.tokens.peek(signatureOf(text));
  return kept?.token === text ? kept : undefined;
}
const ifLive = (kept: Verified, { tenant, nowMs }: Asked): Verified['actor'] | undefined =>
  (kept.tenant === tenant.id && kept.expiresMs > nowMs ? kept.actor : undefined);

async function verify(context: Asked, text: string): Promise<Verified['actor'] | undefined> {
  const using = { use: context.cell.use, tenant: context.tenant };
  const known = using.use(Sessions);
  const kept = checked(known, text);
  if (kept) return ifLive(kept, context);
  try {
    const { payload } = await jwtVerify(text, signingKey(using), {
      algorithms: ['HS256'], issuer: ISSUER, audience: context.tenant.id, typ: 'at+jwt', currentDate: new Date(context.nowMs),
      requiredClaims: ['sub', 'sid', 'exp'],
    });
    const actor = { kind: 'person', id: uuid(String(payload.sub)), session: uuid(String(payload.sid)) } as const;
    known.tokens.set(signatureOf(text), { token: text, tenant: context.tenant.id, actor, expiresMs: (payload.exp as number) * 1000 });
    return actor;
  } catch {
    // Whatever is wrong with it, a token that does not verify is nobody's.
    return undefined;
  }
}

async function byCookies(asked: Asked, cookies: Readonly<Record<string, string>>): Promise<Authenticated | undefined> {
  const access = cookies[COOKIE_ACCESS];
  const actor = access ? await verify(asked, access) : undefined;
  if (actor) return { actor, bySecret: 'cookie' };
  const refreshToken = cookies[COOKIE_REFRESH];
  if (!refreshToken) return undefined;
  const outcome = await perform(asked.cell, asked.tenant, { actor: { kind: 'system', name: 'identity.refresh' }, trace: '0'.repeat(32) }, (tx) =>
    refresh(tx, { body: { refreshToken } }));
  const forget = [{ name: COOKIE_ACCESS, value: null }, { name: COOKIE_REFRESH, value: null }];
  if (!outcome.ok) return { actor: { kind: 'nobody' }, cookies: forget };
  const renewed = await verify(asked, outcome.value.accessToken);
  return renewed && { actor: renewed, bySecret: 'cookie', cookies: sessionCookies(outcome.value) };
}

/** Knows people by a bearer token or by the session cookies, and renews an access cookie that ran out while its refresh token lives. */
export const personAuthenticator: Authenticator = {
  name: 'identity.person', cookies: [COOKIE_ACCESS, COOKIE_REFRESH],
  authenticate({ cell, tenant, clock }, credentials): Promise<Authenticated | undefined> | Authenticated | undefined {
    const asked = { cell, tenant, nowMs: clock.now().getTime() + tenant.clockOffsetMs };
    const bearer = credentials.authorization?.startsWith('Bearer ') ? credentials.authorization.slice(7) : undefined;
    if (bearer === undefined) return byCookies(asked, credentials.cookies);
    // Most tokens were checked before, and are known at once.
    const kept = checked(cell.use(Sessions), bearer);
    if (!kept) return verify(asked, bearer).then((actor) => actor && { actor, bySecret: 'header' as const });
    const actor = ifLive(kept, asked);
    return actor && { actor, bySecret: 'header' };
  },
};

/** The cookies of a session. */
export const sessionCookies = (t: { accessToken: string; refreshToken: string | null; expiresInSeconds: number;
  refreshExpiresInSeconds: number }): NonNullable<Authenticated['cookies']> => [
  { name: COOKIE_ACCESS, value: t.accessToken, maxAgeSeconds: t.expiresInSeconds },
  ...(t.refreshToken === null ? [] : [{ name: COOKIE_REFRESH, value: t.refreshToken, maxAgeSeconds: t.refreshExpiresInSeconds }]),
];
