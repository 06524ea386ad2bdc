import { uuid, uuidv7, systemRandom, perform, civilDate, type CellContext, type SectionTx, type TenantRef, type Uuid } from '#kernel';
import { makeSubjectKeys, subjectKeys, tenantKeys, type TenantKeys } from '#spine/vault';
import type { Enrolled, Profile } from '../contract.ts';
import { normalizeIdentifier } from '../rules.ts';
import { personById, personsByIndex, putPersons, type NewPerson } from '../store.ts';

type Using = Pick<SectionTx, 'use' | 'tenant' | 'sql' | 'now' | 'uuid' | 'afterCommit'>;

/** The decoy's place among the indexes: no keyed hash is one byte long. */
export const DECOY_INDEX = Buffer.from([0]);
const PHONE_DIGITS_SHOWN = 2;

export const profilePlace = (person: Uuid): { table: string; column: string; row: string } => ({ table: 'identity.person', column: 'profile', row: person });

export const identifierIndex = (keys: TenantKeys, identifier: string): Buffer => keys.blind('identity.identifier', identifier);
export const birthIndex = (keys: TenantKeys, identifier: string, dateOfBirth: string): Buffer => keys.blind('identity.birth', `${identifier} ${dateOfBirth}`);
export const phoneIndex = (keys: TenantKeys, phone: string): Buffer => keys.blind('identity.phone', phone.replaceAll(/[^+0-9]/g, ''));

/** The last digits of a phone, as a person sees them before the code. */
export const phoneEnding = (phone: string): string => phone.replaceAll(/[^0-9]/g, '').slice(-PHONE_DIGITS_SHOWN);

/**
 * Makes people known, or brings what is known of them up to date; resolves in the order given. One statement a table for
 * any number. Throws RangeError on an identifier that has not the country's form: callers check first.
 */
export async function enrol(tx: Using, profiles: readonly Profile[]): Promise<Enrolled[]> {
  const keys = tenantKeys(tx);
  const wanted = profiles.map((profile) => {
    const identifier = normalizeIdentifier(tx.tenant.country, profile.identifier);
    if (identifier === undefined) throw new RangeError('an identifier has not the form of its country');
    return { profile: { ...profile, identifier }, index: identifierIndex(keys, identifier), hex: '' };
  }).map((w) => ({ ...w, hex: w.index.toString('hex') }));
  const last = new Map(wanted.map((w) => [w.hex, w]));
  const known = new Map((await personsByIndex(tx.sql, [...last.values()].map((w) => w.index))).map((r) => [r.identifier_index.toString('hex'), uuid(r.id)]));
  const people = [...last.values()].map((w) => ({ ...w, id: known.get(w.hex) ?? tx.uuid() }));
  const sealers = await makeSubjectKeys(tx, people.map((p) => p.id));
  const rows = people.map((p): NewPerson => {
    const sealer = sealers.get(p.id);
    if (!sealer) throw new Error('a person has no key');
    return {
      id: p.id, identifierIndex: p.index, birthIndex: birthIndex(keys, p.profile.identifier, p.profile.dateOfBirth),
      phoneIndex: phoneIndex(keys, p.profile.phone),
      profile: sealer.seal(profilePlace(p.id), JSON.stringify(p.profile)), decoy: false,
    };
  });
  const stands = new Map((await putPersons(tx.sql, tx.tenant.id, tx.now, rows)).map((r) => [r.identifier_index.toString('hex'), uuid(r.id)]));
  return wanted.map((w) => {
    const person = stands.get(w.hex);
    // Two processes enrolled one person at once and this one's key would seal for an id that does not stand: the caller tries again.
    if (person === undefined || people.find((p) => p.hex === w.hex)?.id !== person) throw Object.assign(new Error('enrolled twice at once'), { code: '40001' });
    return { person, fresh: !known.has(w.hex) };
  });
}

/** Ids of known people by identifier, in the order given; undefined for nobody. */
export async function findPersons(tx: Using, identifiers: readonly string[]): Promise<(Uuid | undefined)[]> {
  const keys = tenantKeys(tx);
  const indexes = identifiers.map((i) => {
    const identifier = normalizeIdentifier(tx.tenant.country, i);
    return identifier === undefined ? undefined : identifierIndex(keys, identifier);
  });
  const found = new Map((await personsByIndex(tx.sql, indexes.filter((i) => i !== undefined))).map((r) => [r.identifier_index.toString('hex'), uuid(r.id)]));
  return indexes.map((i) => (i === undefined ? undefined : found.get(i.toString('hex'))));
}

/** What is known of a person; undefined when there is no such person or their key is gone. */
export async function readProfile(tx: Using, person: Uuid): Promise<Profile | undefined> {
  const row = await personById(tx.sql, person);
  const sealer = (await subjectKeys(tx, [person])).get(person);
  return row && sealer ? JSON.parse(sealer.open(profilePlace(person), row.profile)) as Profile : undefined;
}

/** Gives a tenant its decoy: the row and key that stand in for people whom the office does not know. */
export async function ensureDecoy(cell: CellContext, tenant: TenantRef): Promise<void> {
  await perform(cell, tenant, { actor: { kind: 'system', name: 'identity.decoy' }, trace: '0'.repeat(32) }, async (tx) => {
    if ((await personsByIndex(tx.sql, [DECOY_INDEX])).length) return;
    const id = uuidv7(tx.now, systemRandom);
    const sealer = (await makeSubjectKeys(tx, [id])).get(id);
    if (!sealer) throw new Error('the decoy has no key');
    const nobody: Profile = { identifier: '-', dateOfBirth: civilDate('1900-01-01'), phone: '+00 0000000000', name: '-', language: 'en' };
    await putPersons(tx.sql, tx.tenant.id, tx.now, [{
      id, identifierIndex: DECOY_INDEX, birthIndex: DECOY_INDEX, phoneIndex: DECOY_INDEX, profile: sealer.seal(profilePlace(id), JSON.stringify(nobody)),
      decoy: true,
    }]);
  });
}
