import type { SqlTag, Uuid } from '#kernel';
import type { OperatorState } from './contract.ts';

export interface OperatorRow { id: Uuid; name: string; role: string; state: OperatorState; password: string | null; totp: string | null; totp_step: bigint }

export const lockByName = async (sql: SqlTag, index: Buffer): Promise<OperatorRow | undefined> => (await sql<OperatorRow>`
  select id, name, role, state, password, totp, totp_step from operators.operator where name_index = ${index} for update`)[0];

export const lockOperator = async (sql: SqlTag, id: Uuid): Promise<OperatorRow | undefined> => (await sql<OperatorRow>`
  select id, name, role, state, password, totp, totp_step from operators.operator where id = ${id} for update`)[0];

export const readOperator = async (sql: SqlTag, id: Uuid): Promise<OperatorRow | undefined> => (await sql<OperatorRow>`
  select id, name, role, state, password, totp, totp_step from operators.operator where id = ${id}`)[0];

export interface ListedRow { id: Uuid; name: string; role: string; state: OperatorState; last_at: Date | null; sessions: number }
export const listOperators = (sql: SqlTag, tenant: Uuid, now: Date, seenSince: Date, limit: number): Promise<ListedRow[]> => sql<ListedRow>`
  select o.id, o.name, o.role, o.state,
    (select s.started_at from operators.session s where s.tenant = ${tenant} and s.operator = o.id order by s.started_at desc limit 1) as last_at,
    (select count(*)::int from operators.session s where s.tenant = ${tenant} and s.operator = o.id and s.ended_at is null and s.expires_at > ${now}
      and s.seen_at > ${seenSince}) as sessions
  from operators.operator o where o.tenant = ${tenant} order by o.id limit ${limit}`;

/** Locks the active operators of some roles, in the order of their ids; resolves to those that are so once they are locked. */
export const lockActive = (sql: SqlTag, tenant: Uuid, roles: readonly string[]): Promise<{ id: Uuid }[]> => sql<{ id: Uuid }>`
  select id from operators.operator where tenant = ${tenant} and state = 'active' and role = any(${roles}::text[])
  order by operators.operator.id for update`;

export const hasPasskey = async (sql: SqlTag, tenant: Uuid, operator: Uuid): Promise<boolean> => (await sql`
  select 1 from operators.passkey where tenant = ${tenant} and operator = ${operator} limit 1`).length > 0;

/** No row where the name is taken. */
export const insertOperator = (sql: SqlTag, tenant: Uuid, o: { id: Uuid; name: string; index: Buffer; role: string }, now: Date): Promise<unknown[]> => sql`
  insert into operators.operator (tenant, id, name, name_index, role, state, created_at)
  values (${tenant}, ${o.id}, ${o.name}, ${o.index}, ${o.role}, 'invited', ${now}) on conflict (tenant, name_index) do nothing returning id`;

export const writeOperator = (sql: SqlTag, o: OperatorRow): Promise<unknown[]> => sql`
  update operators.operator set role = ${o.role}, state = ${o.state}, password = ${o.password}, totp = ${o.totp}, totp_step = ${o.totp_step}
  where id = ${o.id}`;

export interface EnrolmentRow { id: Uuid; operator: Uuid; secret_mac: Buffer; totp: string; expires_at: Date; ended_at: Date | null }

export const insertEnrolment = (sql: SqlTag, tenant: Uuid, e: EnrolmentRow, now: Date): Promise<unknown[]> => sql`
  insert into operators.enrolment (tenant, id, operator, secret_mac, totp, created_at, expires_at)
  values (${tenant}, ${e.id}, ${e.operator}, ${e.secret_mac}, ${e.totp}, ${now}, ${e.expires_at})`;

export const lockEnrolment = async (sql: SqlTag, id: Uuid): Promise<EnrolmentRow | undefined> => (await sql<EnrolmentRow>`
  select id, operator, secret_mac, totp, expires_at, ended_at
  from operators.enrolment where id = ${id} for update`)[0];

/** Ends every open link of an operator. */
export const endEnrolments = (sql: SqlTag, operator: Uuid, now: Date): Promise<unknown[]> => sql`
  update operators.enrolment set ended_at = ${now} where operator = ${operator} and ended_at is null`;

export interface PasskeyRow { id: Uuid; operator: Uuid; credential: string; counter: bigint }

export const insertPasskey = (sql: SqlTag, tenant: Uuid, p: PasskeyRow, index: Buffer, now: Date): Promise<unknown[]> => sql`
  insert into operators.passkey (tenant, id, operator, credential_index, credential, counter, created_at)
  values (${tenant}, ${p.id}, ${p.operator}, ${index}, ${p.credential}, ${p.counter}, ${now}) on conflict (tenant, credential_index) do nothing returning id`;

export const lockPasskey = async (sql: SqlTag, index: Buffer): Promise<PasskeyRow | undefined> => (await sql<PasskeyRow>`
  select id, operator, credential, counter
  from operators.passkey where credential_index = ${index} for update`)[0];

export const notePasskey = (sql: SqlTag, id: Uuid, counter: number, now: Date): Promise<unknown[]> => sql`
  update operators.passkey set counter = ${counter}, last_at = ${now} where id = ${id}`;

export const dropPasskeys = (sql: SqlTag, operator: Uuid): Promise<unknown[]> => sql`delete from operators.passkey where operator = ${operator}`;

export interface SessionRow { id: Uuid; operator: Uuid; secret_mac: Buffer; seen_at: Date; expires_at: Date; ended_at: Date | null; role: string;
  state: OperatorState }

export const insertSession = (sql: SqlTag, tenant: Uuid, s: Pick<SessionRow, 'id' | 'operator' | 'secret_mac' | 'expires_at'>, now: Date):
  Promise<unknown[]> => sql`
  insert into operators.session (tenant, id, operator, secret_mac, started_at, seen_at, expires_at)
  values (${tenant}, ${s.id}, ${s.operator}, ${s.secret_mac}, ${now}, ${now}, ${s.expires_at})`;

/** A session with its operator's role and state now. */
export const readSession = async (sql: SqlTag, id: Uuid): Promise<SessionRow | undefined> => (await sql<SessionRow>`
  select s.id, s.operator, s.secret_mac, s.seen_at, s.expires_at, s.ended_at, o.role, o.state
  from operators.session s join operators.operator o on o.tenant = s.tenant and o.id = s.operator where s.id = ${id}`)[0];

export const noteSeen = (sql: SqlTag, id: Uuid, now: Date): Promise<unknown[]> => sql`update operators.session set seen_at = ${now} where id = ${id}`;

export const endSession = (sql: SqlTag, id: Uuid, now: Date, reason: string): Promise<unknown[]> => sql`
  update operators.session set ended_at = ${now}, end_reason = ${reason} where id = ${id} and ended_at is null returning id`;

export const endSessionsOf = (sql: SqlTag, operator: Uuid, now: Date, reason: string): Promise<unknown[]> => sql`
  update operators.session set ended_at = ${now}, end_reason = ${reason} where operator = ${operator} and ended_at is null returning 1`;

/** Which of these sessions are over, or not there. */
export const endedSessions = (sql: SqlTag, tenant: Uuid, ids: readonly string[], now: Date): Promise<{ id: string }[]> => sql<{ id: string }>`
  select i as id from unnest(${ids}::uuid[]) u (i)
  where (select true from operators.session s where s.tenant = ${tenant} and s.id = u.i and s.ended_at is null and s.expires_at > ${now} limit 1) is null`;

/** Marks a challenge as answered; no row means that it was before. */
export const spend = (sql: SqlTag, tenant: Uuid, challenge: Buffer, expiresAt: Date): Promise<unknown[]> => sql`
  insert into operators.spent (tenant, challenge, expires_at) values (${tenant}, ${challenge}, ${expiresAt}) on conflict do nothing returning 1`;

/** Forgets challenges that expired: they are refused by their own date. */
export const forgetSpent = (sql: SqlTag, now: Date): Promise<unknown[]> => sql`
  delete from operators.spent where challenge in (select challenge from operators.spent where expires_at < ${now} order by expires_at limit 20)`;
