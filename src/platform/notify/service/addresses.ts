import type { z } from 'zod';
import { done, idOf, refuse, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { subjectKeys, tenantKeys, type Sealer } from '#spine/vault';
import {
  ADDRESSES_MAX, addressesUsed, CONFIRM_LIFE_MS, linkOver, pushRefused, type zAddEmail, type zAddPush, type zNothing, type zOfAddress, type zOfToken,
} from '../contract.ts';
import { Providers } from '../port.ts';
import { addressesOf, dropAddress, putAddress, setAddress } from '../store/choices.ts';
import { confirmation } from './kinds.ts';
import { makeToken, readToken } from './links.ts';
import { notify } from './notify.ts';

export interface PushValue { readonly endpoint: string; readonly keys: { readonly p256dh: string; readonly auth: string } }
type Nothing = z.output<typeof zNothing>;

export const addressPlace = (address: Uuid): { table: string; column: string; row: string } => ({ table: 'notify.address', column: 'value', row: address });

export function personOf(tx: Tx): Uuid {
  if (tx.actor.kind !== 'person') throw new Error('a route of a person was called by somebody else');
  return tx.actor.id;
}

export async function sealerOf(tx: Tx, person: Uuid): Promise<Sealer> {
  const sealer = (await subjectKeys(tx.section, [person])).get(person);
  if (!sealer) throw new Error('a person without a key');
  return sealer;
}

async function add(tx: Tx, channel: 'email' | 'push', value: string, known: string, state: 'unconfirmed' | 'confirmed'): Promise<Outcome<{ id: Uuid;
  state: string }>> {
  const person = personOf(tx);
  const there = await addressesOf(tx.sql, tx.tenant.id, person);
  if (there.filter((a) => a.channel === channel).length >= ADDRESSES_MAX) return refuse(addressesUsed);
  const id = tx.uuid();
  const sealer = await sealerOf(tx, person);
  const row = await putAddress(tx.sql, tx.tenant.id, tx.now, {
    id, person, channel, state, value: sealer.seal(addressPlace(id), value), index: tenantKeys(tx).blind(`notify.${channel}`, known),
  });
  tx.audit({ action: 'notify.address', result: 'done', subject: person, resource: idOf('adr', row.id), detail: { channel, change: 'added' } });
  return done({ id: row.id, state: row.state });
}

/** Adds a mail address and sends it a link; until that is used nothing else goes there. The answer is the same for one that is there already. */
export async function addEmail(tx: Tx, input: z.output<typeof zAddEmail>): Promise<Outcome<Nothing>> {
  const email = input.body.email.trim();
  const added = await add(tx, 'email', email, email.toLowerCase(), 'unconfirmed');
  if (!added.ok) return added;
  const person = personOf(tx);
  const token = makeToken(tx, 'confirm', [person, added.value.id], new Date(tx.now.getTime() + CONFIRM_LIFE_MS));
  // Twice in a minute is a double click, and one mail.
  const dedupe = `${added.value.id} ${Math.floor(tx.now.getTime() / 60_000)}`;
  await notify(tx, confirmation, { person, dedupe, data: { address: added.value.id }, link: `/notifications/confirm/${token}` });
  return done({});
}

/** Takes a link from a mail: the address is its owner's. Works for whoever holds the link, signed in or not, and twice. */
export async function confirmEmail(tx: Tx, input: z.output<typeof zOfToken>): Promise<Outcome<Nothing>> {
  const [person, address] = readToken(tx, 'confirm', input.params.token) ?? [];
  if (!person || !address) return refuse(linkOver);
  if (!await setAddress(tx.sql, tx.tenant.id, person as Uuid, address, ['unconfirmed', 'confirmed'], 'confirmed', tx.now)) return refuse(linkOver);
  tx.audit({ action: 'notify.address', result: 'done', subject: person as Uuid, resource: idOf('adr', address as Uuid),
    detail: { channel: 'email', change: 'confirmed' } });
  return done({});
}

/** Adds a browser that takes push messages. Only the push services that the office knows are sent to: an endpoint is what a browser says. */
export async function addPush(tx: Tx, input: z.output<typeof zAddPush>): Promise<Outcome<Nothing>> {
  const { endpoint, keys } = input.body;
  const { host, protocol, origin } = new URL(endpoint);
  const known = tx.use(Providers).pushOrigins ?? [];
  if (!known.some((o) => o === origin || (o.startsWith('*.') && protocol === 'https:' && host.endsWith(o.slice(1))))) return refuse(pushRefused);
  const added = await add(tx, 'push', JSON.stringify({ endpoint, keys } satisfies PushValue), endpoint, 'confirmed');
  return added.ok ? done({}) : added;
}

export async function removeAddress(tx: Tx, input: z.output<typeof zOfAddress>): Promise<Outcome<Nothing>> {
  const person = personOf(tx);
  if (await dropAddress(tx.sql, tx.tenant.id, person, uuidOf(input.params.address)))
    tx.audit({ action: 'notify.address', result: 'done', subject: person, resource: input.params.address, detail: { change: 'removed' } });
  return done({});
}
