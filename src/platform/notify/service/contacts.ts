import type { Tx, Uuid } from '#kernel';
import { makeSubjectKeys, subjectKeys, tenantKeys } from '#spine/vault';
import { maskedEmail } from '../rules.ts';
import { dropAddresses, mailAddressesOf, putAddress } from '../store/choices.ts';
import { addressPlace } from './addresses.ts';

/** Keeps the mail address of something that is told by mail and is nobody's account, in place of the one before; null forgets it. */
export async function setContact(tx: Tx, of: Uuid, email: string | null): Promise<void> {
  await dropAddresses(tx.sql, tx.tenant.id, of);
  if (email === null) return;
  const sealer = (await makeSubjectKeys(tx.section, [of])).get(of);
  if (!sealer) throw new Error('a contact without a key');
  const id = tx.uuid();
  await putAddress(tx.sql, tx.tenant.id, tx.now, { id, person: of, channel: 'email', state: 'confirmed', value: sealer.seal(addressPlace(id), email),
    index: tenantKeys(tx).blind('notify.email', email.toLowerCase()) });
}

/** Addresses of contacts as they may be shown; one that sent mail back is absent. */
export async function contactsShown(tx: Tx, of: readonly Uuid[]): Promise<ReadonlyMap<Uuid, string>> {
  const rows = await mailAddressesOf(tx.sql, tx.tenant.id, of);
  const sealers = rows.length ? await subjectKeys(tx.section, rows.map((r) => r.person)) : new Map<Uuid, never>();
  return new Map(rows.flatMap((r): [Uuid, string][] => {
    const open = sealers.get(r.person)?.open(addressPlace(r.id), r.value);
    return open === undefined ? [] : [[r.person, maskedEmail(open)]];
  }));
}
