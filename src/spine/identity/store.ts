import { inserter, type SqlTag, type Uuid } from '#kernel';

export interface PersonRow { id: string; birth_index: Buffer; phone_index: Buffer; profile: string; decoy: boolean; identifier_index: Buffer }

/** Stands in the index for the person that nobody is. */
const DECOY = Buffer.from([0]);
/** The persons with these identifiers, and the decoy: both always, so that the same rows are read for everybody. */
export const findForSignIn = (sql: SqlTag, identifierIndexes: readonly Buffer[]): Promise<PersonRow[]> => sql<PersonRow>`
  select id, identifier_index, birth_index, phone_index, profile, decoy
  from identity.person where identifier_index = any(${[...identifierIndexes, DECOY]}::bytea[])`;

export const personById = async (sql: SqlTag, id: Uuid): Promise<PersonRow | undefined> => (await sql<PersonRow>`
  select id, identifier_index, birth_index, phone_index, profile, decoy from identity.person where id = ${id}`)[0];

export const personsByIndex = (sql: SqlTag, indexes: readonly Buffer[]): Promise<{ id: string; identifier_index: Buffer }[]> =>
  sql<{ id: string; identifier_index: Buffer }>`
  select id, identifier_index from identity.person where identifier_index = any(${indexes}::bytea[])`;

export interface NewPerson { id: Uuid; identifierIndex: Buffer; birthIndex: Buffer; phoneIndex: Buffer; profile: string; decoy: boolean }

/** Adds people; of one that is known the profile is brought up to date. Returns the id that stands. */
export const putPersons = (sql: SqlTag, tenant: Uuid, at: Date, p: readonly NewPerson[]): Promise<{ id: string; identifier_index: Buffer }[]> =>
  sql<{ id: string; identifier_index: Buffer }>`
  insert into identity.person (tenant, id, identifier_index, birth_index, phone_index, profile, decoy, enrolled_at)
  select ${tenant}, i, ii, bi, pi, pr, de, ${at}
  from unnest(${p.map((x) => x.id)}::uuid[], ${p.map((x) => x.identifierIndex)}::bytea[], ${p.map((x) => x.birthIndex)}::bytea[],
    ${p.map((x) => x.phoneIndex)}::bytea[],
    ${p.map((x) => x.profile)}::text[], ${p.map((x) => x.decoy)}::boolean[]) r (i, ii, bi, pi, pr, de)
  on conflict (tenant, identifier_index) do update set birth_index = excluded.birth_index, phone_index = excluded.phone_index, profile = excluded.profile
  where not identity.person.decoy
  returning id, identifier_index`;

export interface ChallengeRow {
  id: string; person: string; decoy: boolean; guard_key: Buffer; browser: Buffer; code_mac: Buffer; year: number; phone_ending: string;
  state: 'open' | 'used' | 'closed';
  tries: number; sends: number; created_at: Date; last_sent_at: Date; expires_at: Date;
}

const putChallengeRows = inserter('identity.challenge', {
  tenant: 'uuid', id: 'uuid', person: 'uuid', decoy: 'boolean', guard_key: 'bytea', browser: 'bytea', code_mac: 'bytea', year: 'int', phone_ending: 'text',
  state: 'text', tries: 'int', sends: 'int', created_at: 'timestamptz', last_sent_at: 'timestamptz', expires_at: 'timestamptz',
}, `(tenant, id) do update set state = excluded.state, tries = excluded.tries, sends = excluded.sends, last_sent_at = excluded.last_sent_at,
  code_mac = excluded.code_mac, expires_at = excluded.expires_at`);
/** Writes challenges, new ones and those that were locked. An upsert, since an update joined to a list may be planned as a walk over the whole table. */
export const putChallenges = (sql: SqlTag, tenant: Uuid, c: readonly ChallengeRow[]): Promise<unknown[]> => putChallengeRows(sql, {
  tenant, id: c.map((x) => x.id), person: c.map((x) => x.person), decoy: c.map((x) => x.decoy), guard_key: c.map((x) => x.guard_key),
  browser: c.map((x) => x.browser), code_mac: c.map((x) => x.code_mac), year: c.map((x) => x.year), phone_ending: c.map((x) => x.phone_ending),
  state: c.map((x) => x.state), tries: c.map((x) => x.tries), sends: c.map((x) => x.sends), created_at: c.map((x) => x.created_at),
  last_sent_at: c.map((x) => x.last_sent_at), expires_at: c.map((x) => x.expires_at),
});

/** Locks challenges in the order of their ids; one that is not there is absent. */
export const lockChallenges = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<ChallengeRow[]> => sql<ChallengeRow>`
  select id, person, decoy, guard_key, browser, code_mac, year, phone_ending, state,
    tries, sends,
    created_at, last_sent_at, expires_at
  from identity.challenge where tenant = ${tenant} and id = any(${ids}::uuid[]) order by id for update`;

export interface GuardRow { key: Buffer; wrong: number; window_from: Date; locks: number; locked_until: Date | null }

/** Locks the guards of these keys, each named once, in the order of the keys, making those that are missing. */
export const lockGuards = (sql: SqlTag, tenant: Uuid, keys: readonly Buffer[], now: Date): Promise<GuardRow[]> => sql<GuardRow>`
  insert into identity.guard (tenant, key, wrong, window_from, locks) select ${tenant}, k, 0, ${now}, 0 from unnest(${keys}::bytea[]) k order by k
  on conflict (tenant, key) do update set key = excluded.key returning key, wrong, window_from, locks, locked_until`;

const writeGuardRows = inserter('identity.guard', {
  tenant: 'uuid', key: 'bytea', wrong: 'int', window_from: 'timestamptz', locks: 'int', locked_until: 'timestamptz',
}, `(tenant, key) do update set wrong = excluded.wrong, window_from = excluded.window_from, locks = excluded.locks, locked_until = excluded.locked_until`);
export const writeGuards = (sql: SqlTag, tenant: Uuid, g: readonly GuardRow[]): Promise<unknown[]> => writeGuardRows(sql, {
  tenant, key: g.map((x) => x.key), wrong: g.map((x) => x.wrong), window_from: g.map((x) => x.window_from), locks: g.map((x) => x.locks),
  locked_until: g.map((x) => x.locked_until),
});

export interface Device { readonly person: string; readonly browser: Buffer }

/** Those of these devices that have signed in before. The lateral has each looked up by its key, whatever the planner knows of the table. */
export const knownDevices = (sql: SqlTag, tenant: Uuid, d: readonly Device[]): Promise<Device[]> => sql<Device>`
  select u.p as person, u.b as browser
  from unnest(${d.map((x) => x.person)}::uuid[], ${d.map((x) => x.browser)}::bytea[]) u (p, b)
  cross join lateral (select 1 from identity.device d where d.tenant = ${tenant} and d.person = u.p and d.browser = u.b offset 0) known`;

/** Notes devices, each named once. */
export const putDevices = (sql: SqlTag, tenant: Uuid, d: readonly Device[], now: Date): Promise<unknown[]> => sql`
  insert into identity.device (tenant, person, browser, first_at, last_at)
  select ${tenant}, p, b, ${now}, ${now} from unnest(${d.map((x) => x.person)}::uuid[], ${d.map((x) => x.browser)}::bytea[]) u (p, b) order by p, b
  on conflict (tenant, person, browser) do update set last_at = excluded.last_at`;

export interface SessionRow {
  id: string; person: string; browser: Buffer; refresh_mac: Buffer; previous_mac: Buffer | null; rotated_at: Date; started_at: Date; expires_at: Date;
  ended_at: Date | null;
}

export type SessionTimes = Pick<SessionRow, 'id' | 'started_at' | 'rotated_at' | 'expires_at'>;

const insertSessionRows = inserter('identity.session', {
  tenant: 'uuid', id: 'uuid', person: 'uuid', browser: 'bytea', refresh_mac: 'bytea', rotated_at: 'timestamptz', started_at: 'timestamptz',
  expires_at: 'timestamptz',
});
export const insertSessions = (sql: SqlTag, tenant: Uuid, r: readonly SessionRow[]): Promise<unknown[]> => insertSessionRows(sql, {
  tenant, id: r.map((x) => x.id), person: r.map((x) => x.person), browser: r.map((x) => x.browser), refresh_mac: r.map((x) => x.refresh_mac),
  rotated_at: r.map((x) => x.rotated_at), started_at: r.map((x) => x.started_at), expires_at: r.map((x) => x.expires_at),
});

export const lockSession = async (sql: SqlTag, id: Uuid): Promise<SessionRow | undefined> => (await sql<SessionRow>`
  select id, person, browser, refresh_mac, previous_mac, rotated_at, started_at,
    expires_at, ended_at
  from identity.session where id = ${id} for update`)[0];

/** The sessions of a person that live, the newest first. */
export const liveSessions = (sql: SqlTag, person: Uuid, now: Date, most: number): Promise<SessionTimes[]> => sql<SessionTimes>`
  select id, started_at, rotated_at, expires_at from identity.session
  where person = ${person} and ended_at is null and expires_at > ${now} order by started_at desc, id desc limit ${most}`;

export const rotateSession = (sql: SqlTag, id: string, mac: Buffer, previous: Buffer, now: Date, expiresAt: Date): Promise<unknown[]> => sql`
  update identity.session set refresh_mac = ${mac}, previous_mac = ${previous}, rotated_at = ${now}, expires_at = ${expiresAt} where id = ${id}`;

export const endSession = (sql: SqlTag, id: string, now: Date, reason: string): Promise<{ person: string }[]> => sql<{ person: string }>`
  update identity.session set ended_at = ${now}, end_reason = ${reason} where id = ${id} and ended_at is null returning person`;

/** Which of these sessions are not alive, or not there; one statement for a whole batch, and as a rule no row. */
export const endedSessions = (sql: SqlTag, tenant: Uuid, ids: readonly string[], now: Date): Promise<{ id: string }[]> => sql<{ id: string }>`
  select i as id from unnest(${ids}::uuid[]) u (i)
  where (select true from identity.session s where s.tenant = ${tenant} and s.id = u.i and s.ended_at is null and s.expires_at > ${now} limit 1) is null`;

export interface MessageRow { id: string; person: string; decoy: boolean; body: string | null; state: string; expires_at: Date }

const insertMessageRows = inserter('identity.message', {
  tenant: 'uuid', id: 'uuid', person: 'uuid', decoy: 'boolean', body: 'text', state: 'text', created_at: 'timestamptz', expires_at: 'timestamptz',
});
export const insertMessages = (sql: SqlTag, tenant: Uuid, m: readonly MessageRow[], now: Date): Promise<unknown[]> => insertMessageRows(sql, {
  tenant, id: m.map((x) => x.id), person: m.map((x) => x.person), decoy: m.map((x) => x.decoy), body: m.map((x) => x.body), state: m.map((x) => x.state),
  created_at: now, expires_at: m.map((x) => x.expires_at),
});

/** A message with the sealed profile of whom it goes to. */
export const readMessage = async (sql: SqlTag, tenant: Uuid, id: string): Promise<(MessageRow & { profile: string }) | undefined> =>
  (await sql<MessageRow & { profile: string }>`
  select m.id, m.person, m.decoy, m.body, m.state, m.expires_at, p.profile
  from identity.message m join identity.person p on p.tenant = m.tenant and p.id = m.person where m.tenant = ${tenant} and m.id = ${id}`)[0];

/** Ends a message that is still pending and empties it. */
export const finishMessage = (sql: SqlTag, id: string, state: string, providerId: string | null, now: Date): Promise<{ decoy: boolean }[]> =>
  sql<{ decoy: boolean }>`
  update identity.message set state = ${state}, provider_id = ${providerId}, body = null, done_at = ${now} where id = ${id} and state = 'pending'
  returning decoy`;

export interface MachineRow { id: string; name: string; secret: string; permissions: string[]; created_at: Date; disabled_at: Date | null }

export const machineById = async (sql: SqlTag, id: Uuid): Promise<MachineRow | undefined> => (await sql<MachineRow>`
  select id, name, secret, permissions, created_at, disabled_at from identity.machine where id = ${id}`)[0];

export const machineByName = async (sql: SqlTag, name: string): Promise<MachineRow | undefined> => (await sql<MachineRow>`
  select id, name, secret, permissions, created_at, disabled_at from identity.machine where name = ${name}`)[0];

/** No row where the name is taken. */
export const insertMachine = (sql: SqlTag, tenant: Uuid, m: MachineRow): Promise<{ id: string }[]> => sql<{ id: string }>`
  insert into identity.machine (tenant, id, name, secret, permissions, created_at) values (${tenant}, ${m.id}, ${m.name}, ${m.secret},
    ${m.permissions}, ${m.created_at}) on conflict (tenant, name) do nothing returning id`;

export type ListedMachineRow = Omit<MachineRow, 'secret'>;
export const listMachines = (sql: SqlTag, tenant: Uuid, most: number): Promise<ListedMachineRow[]> => sql<ListedMachineRow>`
  select id, name, permissions, created_at, disabled_at from identity.machine where tenant = ${tenant} order by id limit ${most}`;

/** One that is disabled already keeps the time at which it was. */
export const noteDisabled = (sql: SqlTag, tenant: Uuid, id: string, now: Date): Promise<unknown[]> => sql`
  update identity.machine set disabled_at = ${now} where tenant = ${tenant} and id = ${id} and disabled_at is null`;

/** Which of these machines are disabled; one statement for a whole batch, and as a rule no row. */
export const disabledMachines = (sql: SqlTag, tenant: Uuid, ids: readonly string[]): Promise<{ id: string }[]> => sql<{ id: string }>`
  select i as id from unnest(${ids}::uuid[]) u (i)
  where (select true from identity.machine m where m.tenant = ${tenant} and m.id = u.i and m.disabled_at is not null limit 1)`;
