import type { z } from 'zod';
import { done, refuse, uuidOf, type FactDraft, type Id, type Outcome, type Purpose, type Refused, type Tx, type Uuid } from '#kernel';
import { purposeMissing, SEARCH_FACTS_MAX, SEARCH_LOOKED_MAX, type zFact, type zFacts, type zSearch } from '../contract.ts';
import { searchAbout, searchFacts, type FoundRow } from '../store.ts';

const NEWEST = 2n ** 62n;

/** Records a look at what is a person's own, with its purpose; without one it is refused, and that is recorded too. */
export function lookedAt(tx: Tx, purpose: Purpose | undefined, fact: Pick<FactDraft, 'action' | 'subject' | 'resource'>): Refused | undefined {
  if (purpose === undefined) {
    tx.audit({ ...fact, result: 'refused', problem: purposeMissing.code });
    return refuse(purposeMissing);
  }
  tx.audit({ ...fact, result: 'done', detail: { purpose } });
  return undefined;
}

const toFact = (r: FoundRow): z.output<typeof zFact> => ({
  seq: r.seq.toString(), id: r.id, at: r.at, actorKind: r.actor_kind, actor: r.actor, session: r.session, action: r.action, result: r.result,
  subject: r.subject, resource: r.resource, problem: r.problem, trace: r.trace, latencyUs: r.latency_us,
  detail: r.detail === null ? {} : JSON.parse(r.detail) as z.output<typeof zFact>['detail'],
});
const idIn = (text: string | undefined): Uuid | null => (text === undefined ? null : uuidOf(text as Id));

/** Facts by person, actor, action, result, request and time, newest first. The search is itself a fact. */
export async function searchAudit(tx: Tx, input: z.output<typeof zSearch>): Promise<Outcome<z.output<typeof zFacts>>> {
  const q = input.query ?? {};
  const subject = idIn(q.subject);
  const action = 'audit.searched';
  if (subject !== null) {
    const no = lookedAt(tx, q.purpose, { action, subject });
    if (no) return no;
  } else tx.audit({ action, result: 'done' });
  const sought = {
    before: q.cursor === undefined ? NEWEST : BigInt(q.cursor), actor: idIn(q.actor), action: q.action ?? null, result: q.result ?? null,
    trace: q.trace ?? null, from: q.from ?? null, to: q.to ?? null,
  };
  // Where everything fits, the first ones are enough.
  const picky = [sought.actor, sought.action, sought.result, sought.trace, sought.from, sought.to].some((filter) => filter !== null);
  const looked = picky ? SEARCH_LOOKED_MAX : SEARCH_FACTS_MAX + 1;
  const rows = subject === null ? await searchFacts(tx.sql, sought, looked, SEARCH_FACTS_MAX + 1)
    : await searchAbout(tx.sql, tx.tenant.id, subject, sought, looked, SEARCH_FACTS_MAX + 1);
  const found = rows.filter((r) => r.matches);
  const facts = found.slice(0, SEARCH_FACTS_MAX).map(toFact);
  const last = rows.at(-1);
  const next = found.length > SEARCH_FACTS_MAX ? (facts.at(-1) as { seq: string }).seq : last?.matches === false ? last.seq.toString() : null;
  return done({ facts, next, lookedTo: next === null ? null : (found.length > SEARCH_FACTS_MAX ? facts.at(-1) : last)?.at ?? null });
}
