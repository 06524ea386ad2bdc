import { timingSafeEqual } from 'node:crypto';
import {
  common, done, idOf, perform, refuse, uuidOf, type Authenticated, type Authenticator, type CookieChange, type Gate, type Origin, type Outcome, type Refused,
  type SectionTx, type Tx, type Uuid,
} from '#kernel';
import { tenantKeys } from '#spine/vault';
import {
  COOKIE_OPERATOR, HEADER_UNATTENDED, operatorOver, SEEN_EVERY_MS, SESSION_IDLE_MS_MAX, SESSION_LIFE_MS_MAX, type Me, type Opened,
} from '../contract.ts';
import { roles } from '../data/roles.ts';
import { endedSessions, endSession, insertSession, noteSeen, readOperator, readSession, type OperatorRow } from '../store.ts';

const SECRET_BYTES = 32;
const secretMac = (tx: Pick<SectionTx, 'use' | 'tenant'>, secret: string): Buffer => tenantKeys(tx).mac('operators.session', secret);

export const place = (column: 'name' | 'password' | 'totp', id: Uuid): { table: string; column: string; row: string } =>
  ({ table: 'operators.operator', column, row: id });
export const nameOf = (tx: Pick<SectionTx, 'use' | 'tenant'>, row: Pick<OperatorRow, 'id' | 'name'>): string =>
  tenantKeys(tx).open(place('name', row.id), row.name);

/** What a role may do; nothing where the role is no longer there. */
export const permissionsOf = (role: string): readonly string[] => roles[role] ?? [];

/** Opens a session for an operator who has proven who they are. */
export function openSession(tx: Tx, operator: Uuid, method: 'password' | 'passkey'): Opened {
  const id = tx.uuid();
  const secret = tx.random.bytes(SECRET_BYTES).toString('base64url');
  const expires = new Date(tx.now.getTime() + SESSION_LIFE_MS_MAX);
  tx.write(() => insertSession(tx.sql, tx.tenant.id, { id, operator, secret_mac: secretMac(tx, secret), expires_at: expires }, tx.now));
  tx.audit({ action: 'operators.sign-in', result: 'done', resource: `operator ${operator}`, detail: { method, session: id } });
  return { token: `${idOf('osn', id)}.${secret}`, expiresInSeconds: Math.floor(SESSION_LIFE_MS_MAX / 1000) };
}

/** The cookie of a session; without one, the cookie is taken away. */
export const operatorCookie = (opened?: Opened): CookieChange =>
  (opened ? { name: COOKIE_OPERATOR, value: opened.token, maxAgeSeconds: opened.expiresInSeconds } : { name: COOKIE_OPERATOR, value: null });

const TOKEN = /^(osn_[0-9a-f]{32})\.([A-Za-z0-9_-]{43})$/;

/** Knows operators by the cookie of their session, and reads role and state anew for each request: what changed counts at once. */
export const operatorAuthenticator: Authenticator = {
  name: 'operators.session', cookies: [COOKIE_OPERATOR], of: 'operator',
  async authenticate({ cell, tenant }, { cookies, headers }): Promise<Authenticated | undefined> {
    const match = TOKEN.exec(cookies[COOKIE_OPERATOR] ?? '');
    if (!match) return undefined;
    const session = uuidOf(match[1] as `osn_${string}`);
    const actor = await perform(cell, tenant, { actor: { kind: 'system', name: 'operators.session' }, trace: '0'.repeat(32) }, async (tx) => {
      const row = await readSession(tx.sql, session);
      if (!row || row.ended_at !== null || row.expires_at <= tx.now || row.state !== 'active') return undefined;
      const idleMs = tx.now.getTime() - row.seen_at.getTime();
      if (idleMs > SESSION_IDLE_MS_MAX || !timingSafeEqual(row.secret_mac, secretMac(tx, match[2] as string))) return undefined;
      if (idleMs > SEEN_EVERY_MS && headers[HEADER_UNATTENDED] === undefined) await noteSeen(tx.sql, session, tx.now);
      return { kind: 'operator' as const, id: row.operator, session, permissions: permissionsOf(row.role) };
    });
    return actor ? { actor, bySecret: 'cookie' } : { actor: { kind: 'nobody' }, cookies: [operatorCookie()] };
  },
};

/** Lets an operator's request pass only while the session's row lives, in the transaction of the request itself. */
export const operatorGate: Gate = {
  name: 'operators.session',
  check(tx: SectionTx, items: readonly Origin[]) {
    if (!items.some((i) => i.actor.kind === 'operator')) return undefined;
    const sessionOf = (i: Origin): Uuid | undefined => (i.actor.kind === 'operator' ? i.actor.session : undefined);
    const sessions = [...new Set(items.flatMap((i) => sessionOf(i) ?? []))];
    if (!sessions.length) return undefined;
    return endedSessions(tx.sql, tx.tenant.id, sessions, tx.now).then((rows) => {
      const ended = new Set<string | undefined>(rows.map((r) => r.id));
      return ended.size ? items.map((i): Refused | undefined => (ended.has(sessionOf(i)) ? refuse(operatorOver) : undefined)) : [];
    });
  },
};

/** Ends the caller's session; doing it twice changes nothing. */
export async function signOut(tx: Tx): Promise<Outcome<Record<string, never>>> {
  if (tx.actor.kind === 'operator' && tx.actor.session !== undefined && (await endSession(tx.sql, tx.actor.session, tx.now, 'signed-out')).length) {
    tx.audit({ action: 'operators.sign-out', result: 'done', resource: `operator ${tx.actor.id}` });
  }
  return done({});
}

/** Who the caller is and what they may do. */
export async function readMe(tx: Tx): Promise<Outcome<Me>> {
  const { actor } = tx;
  if (actor.kind !== 'operator' || actor.session === undefined) return refuse(common.forbidden);
  const [row, session] = await Promise.all([readOperator(tx.sql, actor.id), readSession(tx.sql, actor.session)]);
  if (!row || !session) return refuse(operatorOver);
  const { slug, name, zone, languages, products } = tx.tenant;
  return done({
    operator: idOf('opr', row.id), name: nameOf(tx, row), role: row.role, permissions: [...actor.permissions], expiresAt: session.expires_at,
    tenant: { slug, name, zone, languages: [...languages], products: [...products] },
  });
}
