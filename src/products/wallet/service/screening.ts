import { z } from 'zod';
import { done, idOf, refuse, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { readProfile } from '#spine/identity';
import {
  caseDecided, HIT_SCORE_MIN, HitFound, operatorNeeded, QUEUE_MAX, SANCTIONED_NAMES_MAX, SCREEN_CANDIDATES_MAX, unknownHit, zDecideHit, zHits, type HitView,
} from '../contract.ts';
import { nameScore, plainName, soundKeys } from '../rules.ts';
import { holdersAfter } from '../store/kyc.ts';
import {
  anySanctioned, candidates, decideHit, dropOthers, hitsIn, hitsOf, insertHits, putEntries, readHit, type EntryRow, type HitRow,
} from '../store/sanctions.ts';

export const hitView = (h: HitRow): HitView => ({
  hit: idOf('whit', h.id), person: h.person, entry: h.entry, name: h.name, birthDate: h.birth_date, score: h.score, state: h.state, foundAt: h.found_at,
});

/**
 * Compares a holder with the sanctions list, and leaves a hit for each entry that is too like; a hit that was decided before stays decided. Resolves
 * to how many stand in the way.
 */
export async function screen(tx: Tx, person: Uuid): Promise<number> {
  if (await anySanctioned(tx.sql, tx.tenant.id)) {
    const profile = await readProfile(tx.section, person);
    const name = plainName(profile?.name ?? '');
    const best = new Map<string, number>();
    if (profile && name) {
      for (const c of await candidates(tx.sql, tx.tenant.id, soundKeys(name), SCREEN_CANDIDATES_MAX)) {
        const score = nameScore(name, c.name, profile.dateOfBirth, c.birth_date);
        if (score >= HIT_SCORE_MIN && score > (best.get(c.entry) ?? 0)) best.set(c.entry, score);
      }
    }
    if (best.size) {
      const found = await insertHits(tx.sql, tx.tenant.id, person, [...best].map(([entry, score]) => ({ id: tx.uuid(), entry, score })), tx.now);
      for (const { id, score } of found) {
        tx.emit(HitFound, id, { hit: id, person, score });
        tx.audit({ action: 'wallet.hit-found', result: 'done', subject: person, resource: idOf('whit', id), detail: { score } });
      }
    }
  }
  return (await hitsOf(tx.sql, tx.tenant.id, person)).filter((h) => h.state !== 'cleared').length;
}

/** Hits that nobody has decided, the oldest first. */
export async function listHits(tx: Tx): Promise<Outcome<z.output<typeof zHits>>> {
  return done({ hits: (await hitsIn(tx.sql, tx.tenant.id, 'open', QUEUE_MAX)).map(hitView) });
}

/** Says whether a holder is whom the list means. A confirmed hit stands in the way of every approval from then on. */
export async function decide(tx: Tx, input: z.output<typeof zDecideHit>): Promise<Outcome<HitView>> {
  if (tx.actor.kind !== 'operator') return refuse(operatorNeeded);
  const id = uuidOf(input.params.hit);
  const person = await decideHit(tx.sql, tx.tenant.id, id, { state: input.body.verdict, operator: tx.actor.id, now: tx.now });
  const hit = await readHit(tx.sql, tx.tenant.id, id);
  if (!hit) return refuse(unknownHit);
  if (person === undefined) return refuse(caseDecided, { state: hit.state });
  tx.audit({ action: 'wallet.hit-decided', result: 'done', subject: person, resource: input.params.hit, detail: { verdict: input.body.verdict } });
  return done(hitView(hit));
}

/** One entry of a published list. */
export interface ListEntry { readonly id: string; readonly name: string; readonly aliases: readonly string[]; readonly birthDate: string | null }

/** Takes some entries of an import; `list` names the import. */
export async function importEntries(tx: Tx, list: Uuid, entries: readonly ListEntry[]): Promise<void> {
  const rows = new Map(entries.map((e): [string, EntryRow] => {
    const names = [...new Set([e.name, ...e.aliases].slice(0, SANCTIONED_NAMES_MAX).map(plainName))].filter(Boolean);
    return [e.id, { id: e.id, name: e.name, birth_date: e.birthDate, names: names.map((name) => ({ name, keys: soundKeys(name) })) }];
  }));
  await putEntries(tx.sql, tx.tenant.id, list, [...rows.values()]);
}

/** Ends an import: what it did not bring is gone. Resolves to how many entries went. */
export async function endImport(tx: Tx, list: Uuid, entries: number): Promise<number> {
  const gone = await dropOthers(tx.sql, tx.tenant.id, list);
  tx.audit({ action: 'wallet.sanctions-imported', result: 'done', resource: list, detail: { entries, gone } });
  return gone;
}

/** Compares some holders with the list, those behind `after`; resolves to the last one, undefined at the end. */
export async function screenHolders(tx: Tx, after: Uuid, most: number): Promise<Uuid | undefined> {
  const holders = await holdersAfter(tx.sql, tx.tenant.id, after, most);
  for (const { person } of holders) await screen(tx, person);
  return holders.at(-1)?.person;
}
