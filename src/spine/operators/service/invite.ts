import type { z } from 'zod';
import { done, idOf, refuse, type Outcome, type Tx, type Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import { LINK_LIFE_MS, nameTaken, OPERATORS_LISTED_MAX, operatorUnknown, roleUnknown, type OperatorState, type zOperators } from '../contract.ts';
import { roles } from '../data/roles.ts';
import { nameKey } from '../rules.ts';
import { endEnrolments, endSessionsOf, insertEnrolment, insertOperator, listOperators, lockByName, writeOperator } from '../store.ts';
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

/** Makes an operator known; resolves to the text of the link that enrols them. */
export async function inviteOperator(tx: Tx, name: string, role: string): Promise<Outcome<{ operator: Uuid; link: string }>> {
  if (!Object.hasOwn(roles, role)) return refuse(roleUnknown, { known: Object.keys(roles) });
  const id = tx.uuid();
  const row = { id, name: tenantKeys(tx).seal(place('name', id), name.trim()), index: nameIndex(tx, name), role };
  if (!(await insertOperator(tx.sql, tx.tenant.id, row, tx.now)).length) return refuse(nameTaken);
  tx.audit({ action: 'operators.added', result: 'done', resource: `operator ${id}`, detail: { role } });
  return done({ operator: id, link: await newLink(tx, id) });
}

/** A new link for an operator who is there; their credentials stay until it is used. */
export async function relinkOperator(tx: Tx, name: string): Promise<Outcome<{ operator: Uuid; link: string }>> {
  const row = await lockByName(tx.sql, nameIndex(tx, name));
  if (!row) return refuse(operatorUnknown);
  return done({ operator: row.id, link: await newLink(tx, row.id) });
}

/** Gives an operator another role: it counts from their next request on. */
export async function changeRole(tx: Tx, name: string, role: string): Promise<Outcome<{ operator: Uuid }>> {
  if (!Object.hasOwn(roles, role)) return refuse(roleUnknown, { known: Object.keys(roles) });
  const row = await lockByName(tx.sql, nameIndex(tx, name));
  if (!row) return refuse(operatorUnknown);
  await writeOperator(tx.sql, { ...row, role });
  tx.audit({ action: 'operators.role', result: 'done', resource: `operator ${row.id}`, detail: { from: row.role, to: role } });
  return done({ operator: row.id });
}

/** Keeps an operator out from now on: open sessions and links end. */
export async function disableOperator(tx: Tx, name: string): Promise<Outcome<{ operator: Uuid }>> {
  const row = await lockByName(tx.sql, nameIndex(tx, name));
  if (!row) return refuse(operatorUnknown);
  await writeOperator(tx.sql, { ...row, state: 'disabled' });
  await endEnrolments(tx.sql, row.id, tx.now);
  await endSessionsOf(tx.sql, row.id, tx.now, 'disabled');
  tx.audit({ action: 'operators.disabled', result: 'done', resource: `operator ${row.id}` });
  return done({ operator: row.id });
}

export interface ListedOperator { readonly id: Uuid; readonly name: string; readonly role: string; readonly state: OperatorState }

export const operators = async (tx: Tx): Promise<ListedOperator[]> => (await listOperators(tx.sql, OPERATORS_LISTED_MAX))
  .map((row) => ({ id: row.id, name: nameOf(tx, row), role: row.role, state: row.state }));

export async function readOperators(tx: Tx): Promise<Outcome<z.output<typeof zOperators>>> {
  const found = await operators(tx);
  tx.audit({ action: 'operators.listed', result: 'done', detail: { operators: found.length } });
  return done({ operators: found.map(({ id, ...o }) => ({ operator: idOf('opr', id), ...o })) });
}
