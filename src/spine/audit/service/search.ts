import type { z } from 'zod';
import { done, refuse, uuidOf, type FactDraft, type Id, type Outcome, type Purpose, type Refused, type Tx, type Uuid } from '#kernel';
import { keyIdOf, SealBroken, subjectKeys, tenantKeys, type Sealer } from '#spine/vault';
import { purposeMissing, SEARCH_FACTS_MAX, SEARCH_LOOKED_MAX, type zFact, type zFacts, type zSearch } from '../contract.ts';
import { searchAbout, searchFacts, type FoundRow } from '../store.ts';
import { originPlace } from './write.ts';

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

type Fact = z.output<typeof zFact>;
/** Opens the address and the agent of a fact about a person, under the person's key; under the tenant's where they had none yet. */
function deviceOf(tx: Tx, r: FoundRow, subject: Uuid, sealer: Sealer | undefined): Fact['device'] {
  const nothing = { address: null, agent: null };
  if (!r.origin) return null;
  try {
    const opens = keyIdOf(r.origin).startsWith('sub:') ? sealer : tenantKeys(tx);
    if (!opens) return { state: 'erased', ...nothing };
    const [address, agent] = JSON.parse(opens.open(originPlace(subject), r.origin)) as [string | null, string | null];
    return { state: 'open', address, agent };
  } catch (error) {
    if (!(error instanceof SealBroken)) throw error;
    return { state: 'broken', ...nothing };
  }
}

/** The opener of devices: of facts about a person who was looked at with a purpose. Asks for the key itself, since an erased one may be kept opened. */
async function opener(tx: Tx, subject: Uuid | null): Promise<(r: FoundRow) => Fact['device']> {
  if (subject === null) return () => null;
  const sealer = (await subjectKeys(tx, [subject], { cached: false })).get(subject);
  return (r) => deviceOf(tx, r, subject, sealer);
}

const toFact = (r: FoundRow, device: Fact['device']): Fact => ({
  seq: r.seq.toString(), id: r.id, at: r.at, actorKind: r.actor_kind, actor: r.actor, session: r.session, action: r.action, result: r.result,
  subject: r.subject, resource: r.resource, problem: r.problem, trace: r.trace, latencyUs: r.latency_us,
  detail: r.detail === null ? {} : JSON.parse(r.detail) as Fact['detail'], device,
});
const idIn = (text: string | undefined): Uuid | null => (text === undefined ? null : uuidOf(text as Id));

/**
 * Facts by person, actor, action, resource, result, request and time, newest first. The search is itself a fact. What is about a person comes with
 * the address and the agent that it was done by.
 */
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
    trace: q.trace ?? null, resource: q.resource ?? null, from: q.from ?? null, to: q.to ?? null,
  };
  // Where everything fits, the first ones are enough.
  const picky = [sought.actor, sought.action, sought.result, sought.trace, sought.resource, sought.from, sought.to].some((filter) => filter !== null);
  const looked = picky ? SEARCH_LOOKED_MAX : SEARCH_FACTS_MAX + 1;
  const rows = subject === null ? await searchFacts(tx.sql, sought, looked, SEARCH_FACTS_MAX + 1)
    : await searchAbout(tx.sql, tx.tenant.id, subject, sought, looked, SEARCH_FACTS_MAX + 1);
  const found = rows.filter((r) => r.matches);
  const open = await opener(tx, subject);
  const facts = found.slice(0, SEARCH_FACTS_MAX).map((r) => toFact(r, open(r)));
  const last = rows.at(-1);
  const next = found.length > SEARCH_FACTS_MAX ? (facts.at(-1) as { seq: string }).seq : last?.matches === false ? last.seq.toString() : null;
  return done({ facts, next, lookedTo: next === null ? null : (found.length > SEARCH_FACTS_MAX ? facts.at(-1) : last)?.at ?? null });
}
