import type { z } from 'zod';
import { done, idOf, refuse, type Outcome, type Problem, type Refused, type Tx, type Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import {
  lastAdministrator, LINK_LIFE_MS, nameTaken, operatorDisabled, OPERATORS_LISTED_MAX, operatorSelf, operatorUnknown, roleUnknown, SESSION_IDLE_MS_MAX,
  type OperatorState, type zOperators,
} from '../contract.ts';
import { roles } from '../data/roles.ts';
import { nameKey } from '../rules.ts';
import {
  endEnrolments, endSessionsOf, hasPasskey, insertEnrolment, insertOperator, listOperators, lockActive, lockByName, lockOperator, writeOperator,
  type OperatorRow,
} from '../store.ts';
import { nameOf, place } from './session.ts';

const SECRET_BYTES = 32;
/** 160 bits, as RFC 4226 §4 recommends. */
const TOTP_BYTES = 20;

export const nameIndex = (tx: Pick<Tx, 'use' | 'tenant'>, name: string): Buffer => tenantKeys(tx).blind('operators.name', nameKey(name));
export const linkMac = (tx: Pick<Tx, 'use' | 'tenant'>, secret: string): Buffer => tenantKeys(tx).mac('operators.enrolment', secret);
export const totpPlace = (enrolment: Uuid): { table: string; column: string; row: string } =>
  ({ table: 'operators.enrolment', column: 'totp', row: enrolment });

/** A new link for an operator; the ones before it end. Its secret is known to whoever gets it, and to nobody else. */
async function newLink(tx: Tx, operator: Uuid): Promise<string> {
  await endEnrolments(tx.sql, operator, tx.now);
  const id = tx.uuid();
  const secret = tx.random.bytes(SECRET_BYTES).toString('base64url');
  await insertEnrolment(tx.sql, tx.tenant.id, {
    id, operator, secret_mac: linkMac(tx, secret), expires_at: new Date(tx.now.getTime() + LINK_LIFE_MS), ended_at: null,
    totp: tenantKeys(tx).seal(totpPlace(id), tx.random.bytes(TOTP_BYTES).toString('base64url')),
  }, tx.now);
  tx.audit({ action: 'operators.link', result: 'done', resource: `operator ${operator}` });
  return `${idOf('enr', id)}.${secret}`;
}

/** Whom something is done to: by name at the command line, by id in the console. */
export type Whom = string | { readonly id: Uuid };
const lockWhom = (tx: Tx, whom: Whom): Promise<OperatorRow | undefined> =>
  (typeof whom === 'string' ? lockByName(tx.sql, nameIndex(tx, whom)) : lockOperator(tx.sql, whom.id));

/** Somebody at the command line of the machine has no session, and is nobody of the list. */
const isSelf = (tx: Tx, id: Uuid): boolean => tx.actor.kind === 'operator' && tx.actor.session !== undefined && tx.actor.id === id;

/** Roles whose holders may manage operators. */
const managing = Object.entries(roles).filter(([, may]) => may.includes('operators:manage')).map(([role]) => role);

/** Locks whom it is about. All who manage are locked first, always in one order, so that two of them cannot take each other out at once. */
async function find(tx: Tx, whom: Whom): Promise<{ row: OperatorRow | undefined; last: boolean }> {
  const managers = await lockActive(tx.sql, tx.tenant.id, managing);
  const row = await lockWhom(tx, whom);
  return { row, last: managers.length === 1 && managers[0]?.id === row?.id };
}

const refused = (tx: Tx, action: string, id: Uuid, problem: Problem): Refused => {
  tx.audit({ action, result: 'refused', problem: problem.code, resource: `operator ${id}` });
  return refuse(problem);
};

export interface MadeLink { readonly operator: Uuid; readonly link: string; readonly expiresAt: Date }
const made = async (tx: Tx, operator: Uuid): Promise<Outcome<MadeLink>> =>
  done({ operator, link: await newLink(tx, operator), expiresAt: new Date(tx.now.getTime() + LINK_LIFE_MS) });

/** Makes an operator known; resolves to the text of the link that enrols them. */
export async function inviteOperator(tx: Tx, name: string, role: string): Promise<Outcome<MadeLink>> {
  if (!Object.hasOwn(roles, role)) return refuse(roleUnknown, { known: Object.keys(roles) });
  const id = tx.uuid();
  const row = { id, name: tenantKeys(tx).seal(place('name', id), name.trim()), index: nameIndex(tx, name), role };
  if (!(await insertOperator(tx.sql, tx.tenant.id, row, tx.now)).length) return refuse(nameTaken);
  tx.audit({ action: 'operators.added', result: 'done', resource: `operator ${id}`, detail: { role } });
  return made(tx, id);
}

/** A new link for an operator who is there; their credentials stay until it is used. */
export async function relinkOperator(tx: Tx, whom: Whom): Promise<Outcome<MadeLink>> {
  const row = await lockWhom(tx, whom);
  if (!row) return refuse(operatorUnknown);
  // With a link of one's own a session that somebody else got hold of would become credentials of theirs.
  if (isSelf(tx, row.id)) return refused(tx, 'operators.link', row.id, operatorSelf);
  return row.state === 'disabled' ? refuse(operatorDisabled) : made(tx, row.id);
}

/** Gives an operator another role: it counts from their next request on. */
export async function changeRole(tx: Tx, whom: Whom, role: string): Promise<Outcome<{ operator: Uuid }>> {
  if (!Object.hasOwn(roles, role)) return refuse(roleUnknown, { known: Object.keys(roles) });
  const { row, last } = await find(tx, whom);
  if (!row) return refuse(operatorUnknown);
  if (isSelf(tx, row.id)) return refused(tx, 'operators.role', row.id, operatorSelf);
  if (last && !managing.includes(role)) return refused(tx, 'operators.role', row.id, lastAdministrator);
  await writeOperator(tx.sql, { ...row, role });
  tx.audit({ action: 'operators.role', result: 'done', resource: `operator ${row.id}`, detail: { from: row.role, to: role } });
  return done({ operator: row.id });
}

/** Keeps an operator out from now on: open sessions and links end. */
export async function disableOperator(tx: Tx, whom: Whom): Promise<Outcome<{ operator: Uuid }>> {
  const { row, last } = await find(tx, whom);
  if (!row) return refuse(operatorUnknown);
  if (isSelf(tx, row.id)) return refused(tx, 'operators.disabled', row.id, operatorSelf);
  if (last) return refused(tx, 'operators.disabled', row.id, lastAdministrator);
  await writeOperator(tx.sql, { ...row, state: 'disabled' });
  await endEnrolments(tx.sql, row.id, tx.now);
  await endSessionsOf(tx.sql, row.id, tx.now, 'disabled');
  tx.audit({ action: 'operators.disabled', result: 'done', resource: `operator ${row.id}` });
  return done({ operator: row.id });
}

/** Lets a disabled operator in again, with the credentials that they had; one who had none is invited once more, and needs a link. */
export async function enableOperator(tx: Tx, whom: Whom): Promise<Outcome<{ operator: Uuid }>> {
  const row = await lockWhom(tx, whom);
  if (!row) return refuse(operatorUnknown);
  if (isSelf(tx, row.id)) return refused(tx, 'operators.enabled', row.id, operatorSelf);
  if (row.state !== 'disabled') return done({ operator: row.id });
  const enrolled = row.password !== null || await hasPasskey(tx.sql, tx.tenant.id, row.id);
  await writeOperator(tx.sql, { ...row, state: enrolled ? 'active' : 'invited' });
  tx.audit({ action: 'operators.enabled', result: 'done', resource: `operator ${row.id}`, detail: { role: row.role } });
  return done({ operator: row.id });
}

/** Ends whatever sessions an operator has open; they may sign in again. */
export async function endOperatorSessions(tx: Tx, whom: Whom): Promise<Outcome<{ operator: Uuid }>> {
  const row = await lockWhom(tx, whom);
  if (!row) return refuse(operatorUnknown);
  const ended = await endSessionsOf(tx.sql, row.id, tx.now, 'by an operator');
  tx.audit({ action: 'operators.sessions-ended', result: 'done', resource: `operator ${row.id}`, detail: { sessions: ended.length } });
  return done({ operator: row.id });
}

export interface ListedOperator { readonly id: Uuid; readonly name: string; readonly role: string; readonly state: OperatorState;
  readonly lastSignInAt: Date | null; readonly sessions: number }

export const operators = async (tx: Tx): Promise<ListedOperator[]> =>
  (await listOperators(tx.sql, tx.tenant.id, tx.now, new Date(tx.now.getTime() - SESSION_IDLE_MS_MAX), OPERATORS_LISTED_MAX))
    .map((row) => ({ id: row.id, name: nameOf(tx, row), role: row.role, state: row.state, lastSignInAt: row.last_at, sessions: row.sessions }));

export async function readOperators(tx: Tx): Promise<Outcome<z.output<typeof zOperators>>> {
  const found = await operators(tx);
  tx.audit({ action: 'operators.listed', result: 'done', detail: { operators: found.length } });
  return done({
    operators: found.map(({ id, ...o }) => ({ operator: idOf('opr', id), ...o })),
    roles: Object.entries(roles).map(([role, permissions]) => ({ role, permissions: [...permissions] })),
  });
}
