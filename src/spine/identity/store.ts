import type { SqlTag, Uuid } from '#kernel';

export interface PersonRow { id: string; birth_index: Buffer; phone_index: Buffer; profile: string; decoy: boolean; identifier_index: Buffer }

/** The person with this identifier, and the decoy: both always, so that the same rows are read for everybody. */
export const findForSignIn = (sql: SqlTag, identifierIndex: Buffer): Promise<PersonRow[]> => sql<PersonRow>`
  select replace(id::text, '-', '') as id, identifier_index, birth_index, phone_index, profile, decoy
  from identity.person where identifier_index = any(array[${identifierIndex}, decode('00', 'hex')])`;

export const personById = async (sql: SqlTag, id: Uuid): Promise<PersonRow | undefined> => (await sql<PersonRow>`
  select replace(id::text, '-', '') as id, identifier_index, birth_index, phone_index, profile, decoy from identity.person where id = ${id}`)[0];

export const personsByIndex = (sql: SqlTag, indexes: readonly Buffer[]): Promise<{ id: string; identifier_index: Buffer }[]> =>
  sql<{ id: string; identifier_index: Buffer }>`
  select replace(id::text, '-', '') as id, identifier_index from identity.person where identifier_index = any(${indexes}::bytea[])`;

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
  returning replace(id::text, '-', '') as id, identifier_index`;

export interface ChallengeRow {
  id: string; person: string; decoy: boolean; guard_key: Buffer; browser: Buffer; code_mac: Buffer; year: number; phone_ending: string;
  state: 'open' | 'used' | 'closed';
  tries: number; sends: number; created_at: Date; last_sent_at: Date; expires_at: Date;
}

export const insertChallenge = (sql: SqlTag, tenant: Uuid, c: ChallengeRow): Promise<unknown[]> => sql`
  insert into identity.challenge (tenant, id, person, decoy, guard_key, browser, code_mac, year, phone_ending, state, tries, sends, created_at,
    last_sent_at, expires_at)
  values (${tenant}, ${c.id}, ${c.person}, ${c.decoy}, ${c.guard_key}, ${c.browser}, ${c.code_mac}, ${c.year}, ${c.phone_ending}, ${c.state},
    ${c.tries}, ${c.sends},
    ${c.created_at}, ${c.last_sent_at}, ${c.expires_at})`;

export const lockChallenge = async (sql: SqlTag, id: Uuid): Promise<ChallengeRow | undefined> => (await sql<ChallengeRow>`
  select replace(id::text, '-', '') as id, replace(person::text, '-', '') as person, decoy, guard_key, browser, code_mac, year, phone_ending, state,
    tries, sends,
    created_at, last_sent_at, expires_at
  from identity.challenge where id = ${id} for update`)[0];

export const writeChallenge = (sql: SqlTag, c: Pick<ChallengeRow,
  'id' | 'state' | 'tries' | 'sends' | 'last_sent_at' | 'code_mac' | 'expires_at'>): Promise<unknown[]> => sql`
  update identity.challenge set state = ${c.state}, tries = ${c.tries}, sends = ${c.sends}, last_sent_at = ${c.last_sent_at}, code_mac = ${c.code_mac},
    expires_at = ${c.expires_at}
  where id = ${c.id}`;

export interface GuardRow { key: Buffer; wrong: number; window_from: Date; locks: number; locked_until: Date | null }

/** Locks the guard of a key, making it when it is missing. */
export const lockGuard = async (sql: SqlTag, tenant: Uuid, key: Buffer, now: Date): Promise<GuardRow> => (await sql<GuardRow>`
  insert into identity.guard (tenant, key, wrong, window_from, locks) values (${tenant}, ${key}, 0, ${now}, 0)
  on conflict (tenant, key) do update set key = excluded.key returning key, wrong, window_from, locks, locked_until`)[0] as GuardRow;

export const writeGuard = (sql: SqlTag, g: GuardRow): Promise<unknown[]> => sql`
  update identity.guard set wrong = ${g.wrong}, window_from = ${g.window_from}, locks = ${g.locks}, locked_until = ${g.locked_until} where key = ${g.key}`;

export const knowsDevice = async (sql: SqlTag, person: Uuid, browser: Buffer): Promise<boolean> =>
  (await sql`select 1 as one from identity.device where person = ${person} and browser = ${browser}`).length > 0;

export const putDevice = (sql: SqlTag, tenant: Uuid, person: Uuid, browser: Buffer, now: Date): Promise<unknown[]> => sql`
  insert into identity.device (tenant, person, browser, first_at, last_at) values (${tenant}, ${person}, ${browser}, ${now}, ${now})
  on conflict (tenant, person, browser) do update set last_at = excluded.last_at`;

export interface SessionRow {
  id: string; person: string; browser: Buffer; refresh_mac: Buffer; previous_mac: Buffer | null; rotated_at: Date; started_at: Date; expires_at: Date;
  ended_at: Date | null;
}

export const insertSession = (sql: SqlTag, tenant: Uuid, s: SessionRow): Promise<unknown[]> => sql`
  insert into identity.session (tenant, id, person, browser, refresh_mac, rotated_at, started_at, expires_at)
  values (${tenant}, ${s.id}, ${s.person}, ${s.browser}, ${s.refresh_mac}, ${s.rotated_at}, ${s.started_at}, ${s.expires_at})`;

export const lockSession = async (sql: SqlTag, id: Uuid): Promise<SessionRow | undefined> => (await sql<SessionRow>`
  select replace(id::text, '-', '') as id, replace(person::text, '-', '') as person, browser, refresh_mac, previous_mac, rotated_at, started_at,
    expires_at, ended_at
  from identity.session where id = ${id} for update`)[0];

export const rotateSession = (sql: SqlTag, id: string, mac: Buffer, previous: Buffer, now: Date, expiresAt: Date): Promise<unknown[]> => sql`
  update identity.session set refresh_mac = ${mac}, previous_mac = ${previous}, rotated_at = ${now}, expires_at = ${expiresAt} where id = ${id}`;

export const endSession = (sql: SqlTag, id: string, now: Date, reason: string): Promise<{ person: string }[]> => sql<{ person: string }>`
  update identity.session set ended_at = ${now}, end_reason = ${reason} where id = ${id} and ended_at is null returning replace(person::text, '-',
    '') as person`;

/** Which of these sessions are not alive, or not there; one statement for a whole batch, and as a rule no row. */
export const endedSessions = (sql: SqlTag, tenant: Uuid, ids: readonly string[], now: Date): Promise<{ id: string }[]> => sql<{ id: string }>`
  select replace(i::text, '-', '') as id from unnest(${ids}::uuid[]) u (i)
  where not exists (select 1 from identity.session s where s.tenant = ${tenant} and s.id = u.i and s.ended_at is null and s.expires_at > ${now})`;

export interface MessageRow { id: string; person: string; decoy: boolean; body: string | null; state: string; expires_at: Date }

export const insertMessage = (sql: SqlTag, tenant: Uuid, m: MessageRow, now: Date): Promise<unknown[]> => sql`
  insert into identity.message (tenant, id, person, decoy, body, state, created_at, expires_at)
  values (${tenant}, ${m.id}, ${m.person}, ${m.decoy}, ${m.body}, ${m.state}, ${now}, ${m.expires_at})`;

export const readMessage = async (sql: SqlTag, id: string): Promise<MessageRow | undefined> => (await sql<MessageRow>`
  select replace(id::text, '-', '') as id, replace(person::text, '-', '') as person, decoy, body, state, expires_at from identity.message where id = ${id}`)[0];

/** Ends a message that is still pending and empties it. */
export const finishMessage = (sql: SqlTag, id: string, state: string, providerId: string | null, now: Date): Promise<unknown[]> => sql`
  update identity.message set state = ${state}, provider_id = ${providerId}, body = null, done_at = ${now} where id = ${id} and state = 'pending' returning id`;

export interface MachineRow { id: string; name: string; secret: string; permissions: string[]; disabled_at: Date | null }

export const machineById = async (sql: SqlTag, id: Uuid): Promise<MachineRow | undefined> => (await sql<MachineRow>`
  select replace(id::text, '-', '') as id, name, secret, permissions, disabled_at from identity.machine where id = ${id}`)[0];

export const machineByName = async (sql: SqlTag, name: string): Promise<MachineRow | undefined> => (await sql<MachineRow>`
  select replace(id::text, '-', '') as id, name, secret, permissions, disabled_at from identity.machine where name = ${name}`)[0];

export const insertMachine = (sql: SqlTag, tenant: Uuid, m: MachineRow, now: Date): Promise<unknown[]> => sql`
  insert into identity.machine (tenant, id, name, secret, permissions, created_at) values (${tenant}, ${m.id}, ${m.name}, ${m.secret},
    ${m.permissions}, ${now})`;
