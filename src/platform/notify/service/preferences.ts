import type { z } from 'zod';
import { done, idOf, refuse, type Channel, type NoticeKind, type Outcome, type Tx, type Uuid } from '#kernel';
import { readProfile } from '#spine/identity';
import { kindUnknown, linkOver, notOffered, type Preferences, type zChoose, type zInLanguage, type zOneClick, type zUnsubscribed } from '../contract.ts';
import { Providers } from '../port.ts';
import { isWanted, isZone, maskedEmail } from '../rules.ts';
import { addressesOf, dropQuiet, preferencesOf, putPreferences, putQuiet, quietOf } from '../store/choices.ts';
import { addressPlace, personOf, sealerOf, type PushValue } from './addresses.ts';
import { confirmation, NoticeKinds } from './kinds.ts';
import { readToken } from './links.ts';

/** Kinds that a tenant's persons can be told of: its products' and what belongs to none. */
export const kindsOf = (tx: Tx): NoticeKind[] => [...tx.use(NoticeKinds).values()].filter((k) => {
  const product = k.name.slice(0, k.name.indexOf('.'));
  return k.name !== confirmation.name && (product === 'notify' || tx.tenant.products.includes(product));
});

/** What the caller chose, hour by hour and kind by kind. */
export async function preferences(tx: Tx, input: z.output<typeof zInLanguage>): Promise<Outcome<Preferences>> {
  const person = personOf(tx);
  const chosen = await preferencesOf(tx.sql, tx.tenant.id, person);
  const language = input.query?.language ?? (await readProfile(tx.section, person))?.language ?? 'en';
  const sealer = await sealerOf(tx, person);
  const addresses = (await addressesOf(tx.sql, tx.tenant.id, person)).map((a) => {
    const open = sealer.open(addressPlace(a.id), a.value);
    return { address: idOf('adr', a.id), channel: a.channel, state: a.state === 'confirmed' ? 'confirmed' as const : 'unconfirmed' as const,
      shown: a.channel === 'email' ? maskedEmail(open) : new URL((JSON.parse(open) as PushValue).endpoint).host };
  });
  const provided = tx.use(Providers);
  const here = (c: Channel): boolean => c === 'inbox' || provided[c].length > 0;
  return done({
    kinds: kindsOf(tx).map((k) => ({
      kind: k.name, label: k.texts[language].label, critical: k.lane === 'critical',
      choices: k.offered.filter(here).map((channel) => ({ channel, on: isWanted(k, channel,
        chosen.find((c) => c.kind === k.name && c.channel === channel)?.wanted) })),
    })),
    quiet: await quietOf(tx.sql, tx.tenant.id, person) ?? null, addresses, pushKey: provided.push.length ? provided.pushKey ?? null : null,
  });
}

/** Changes choices; what is not named stays. */
export async function choose(tx: Tx, input: z.output<typeof zChoose>): Promise<Outcome<Preferences>> {
  const person = personOf(tx);
  const { choices = [], quiet } = input.body;
  const kinds = new Map(kindsOf(tx).map((k) => [k.name, k]));
  for (const c of choices) {
    const kind = kinds.get(c.kind);
    if (!kind) return refuse(kindUnknown);
    if (!kind.offered.includes(c.channel) || (kind.lane === 'critical' && kind.chosen.includes(c.channel) && !c.on)) return refuse(notOffered,
      { field: `${c.kind} ${c.channel}` });
  }
  if (quiet && !isZone(quiet.zone)) return refuse(notOffered, { field: 'quiet.zone' });
  const last = new Map(choices.map((c) => [`${c.kind} ${c.channel}`, { kind: c.kind, channel: c.channel, wanted: c.on }]));
  if (last.size) await putPreferences(tx.sql, tx.tenant.id, person, tx.now, [...last.values()]);
  if (quiet) await putQuiet(tx.sql, tx.tenant.id, person, quiet);
  if (quiet === null) await dropQuiet(tx.sql, tx.tenant.id, person);
  tx.audit({ action: 'notify.chosen', result: 'done', subject: person, detail: { choices: last.size, quiet: quiet === undefined ? 'as it was' : quiet === null
    ? 'none' : 'set' } });
  return preferences(tx, {});
}

/**
 * One click in a mail program (RFC 8058): mail of this kind ends, at once and without signing in. Again it is the same.
 * @see https://www.rfc-editor.org/rfc/rfc8058
 */
export async function unsubscribe(tx: Tx, input: z.output<typeof zOneClick>): Promise<Outcome<z.output<typeof zUnsubscribed>>> {
  const [person, name] = readToken(tx, 'unsubscribe', input.params.token) ?? [];
  const kind = name === undefined ? undefined : tx.use(NoticeKinds).get(name);
  if (!person || !kind || kind.lane === 'critical') return refuse(linkOver);
  await putPreferences(tx.sql, tx.tenant.id, person as Uuid, tx.now, [{ kind: kind.name, channel: 'email', wanted: false }]);
  tx.audit({ action: 'notify.chosen', result: 'done', subject: person as Uuid, detail: { kind: kind.name, choices: 1, quiet: 'as it was' } });
  const language = (await readProfile(tx.section, person as Uuid))?.language ?? 'en';
  return done({ kind: kind.name, label: kind.texts[language].label });
}
