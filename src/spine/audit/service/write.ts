import { LRUCache } from 'lru-cache';
import { provide, token, type Clock, type FactDraft, type Origin, type Provided, type SectionTx, type Send, type Uuid, type Writer } from '#kernel';
import { subjectKeys, tenantKeys, type Place, type Sealer } from '#spine/vault';
import { insertFacts, type NewFacts } from '../store.ts';

const SEALED_ORIGINS_MAX = 100_000;
/** One device's address and agent, sealed once per person and kept: its seal is bound to the person, not to the fact. */
interface SealedOrigin { readonly tenant: Uuid; readonly address: string | undefined; readonly agent: string | undefined; readonly sealed: string }
const DEVICES_KEPT = 8;
/** By person, since a name made of all that is sealed would cost more to make than to find. */
const Origins = token<LRUCache<string, readonly SealedOrigin[]>>('audit.origins');
export const originState: Provided = provide(Origins, () => new LRUCache<string, readonly SealedOrigin[]>({ max: SEALED_ORIGINS_MAX }));
const Time = token<Clock>('audit.clock');
export const clockState: Provided = provide(Time, ({ clock }) => clock);

/** Where a fact's origin is sealed: bound to whom it is about, not to the fact, so that one seal serves many. */
export const originPlace = (subject: Uuid | null | undefined): Place => ({ table: 'audit.fact', column: 'origin', row: subject ?? 'nobody' });
const LATENCY_US_MAX = 2 ** 31 - 1;
/** Microseconds since a request arrived; null where nobody waits for an answer. */
export const latencyUs = (by: Pick<Origin, 'atMs'>, nowMs: number): number | null =>
  (by.atMs ? Math.min(Math.max(0, Math.round((nowMs - by.atMs) * 1000)), LATENCY_US_MAX) : null);

/** Under what an origin's seal is kept. */
const originName = (tx: SectionTx, by: Origin, subject: Uuid | undefined): string => subject ?? `${tx.tenant.id} ${by.address ?? ''} ${by.agent ?? ''}`;

/** Its seal; null where there is nothing to seal, undefined where it was not sealed yet. */
function sealOf(tx: SectionTx, by: Origin, subject: Uuid | undefined): string | null | undefined {
  if (by.address === undefined && by.agent === undefined) return null;
  return tx.use(Origins).peek(originName(tx, by, subject))?.find((s) => isOf(s, tx, by))?.sealed;
}
const isOf = (s: SealedOrigin, tx: SectionTx, by: Origin): boolean => s.agent === by.agent && s.address === by.address && s.tenant === tx.tenant.id;

/** Address and agent under the subject's key, or the tenant's where the fact is about nobody. */
function sealOrigin(tx: SectionTx, by: Origin, subject: Uuid | undefined, sealers: ReadonlyMap<Uuid, Sealer>): string {
  const { address, agent } = by;
  const sealer = (subject && sealers.get(subject)) ?? tenantKeys(tx);
  const sealed = sealer.seal(originPlace(subject), JSON.stringify([address ?? null, agent ?? null]));
  // Kept when this commits: the key that sealed it may be this transaction's own.
  tx.afterCommit(() => {
    const [kept, name] = [tx.use(Origins), originName(tx, by, subject)];
    const others = (kept.peek(name) ?? []).filter((s) => !isOf(s, tx, by));
    kept.set(name, [{ tenant: tx.tenant.id, address, agent, sealed }, ...others.slice(0, DEVICES_KEPT - 1)]);
  });
  return sealed;
}

/** What is known of the origins before any key is asked for: most facts come from a device that was seen before. */
interface Known { readonly sealed: (string | null | undefined)[]; readonly unsealed: Uuid[] }

function originsOf(tx: SectionTx, facts: readonly { by: Origin; fact: FactDraft }[]): Known {
  const sealed = facts.map(({ by, fact }) => sealOf(tx, by, fact.subject));
  return { sealed, unsealed: facts.flatMap(({ fact }, i) => (fact.subject && sealed[i] === undefined ? [fact.subject] : [])) };
}

function toRows(tx: SectionTx, facts: readonly { by: Origin; fact: FactDraft }[], nowMs: number, { sealed }: Known,
  sealers: ReadonlyMap<Uuid, Sealer>): NewFacts {
  const rows: NewFacts = { id: [], actorKind: [], actor: [], session: [], action: [], result: [], subject: [], resource: [], problem: [], trace: [],
    latencyUs: [], detail: [], origin: [] };
  facts.forEach(({ by, fact }, i) => {
    rows.id.push(tx.uuid());
    rows.actorKind.push(by.actor.kind === 'system' ? `system:${by.actor.name}` : by.actor.kind);
    rows.actor.push('id' in by.actor ? by.actor.id : null);
    rows.session.push('session' in by.actor ? by.actor.session ?? null : null);
    rows.action.push(fact.action);
    rows.result.push(fact.result);
    rows.subject.push(fact.subject ?? null);
    rows.resource.push(fact.resource ?? null);
    rows.problem.push(fact.problem ?? null);
    rows.trace.push(by.trace);
    rows.latencyUs.push(fact.latencyUs === undefined ? latencyUs(by, nowMs) : Math.min(Math.round(fact.latencyUs), LATENCY_US_MAX));
    rows.detail.push(fact.detail ? JSON.stringify(fact.detail) : null);
    const known = sealed[i];
    rows.origin.push(known === undefined ? sealOrigin(tx, by, fact.subject, sealers) : known);
  });
  return rows;
}

/** Writes the section's facts in the commit of what they record. */
export const factWriter: Writer = {
  name: 'spine/audit', rank: 50,
  write(tx, pending) {
    if (!pending.facts.length) return undefined;
    const origins = originsOf(tx, pending.facts);
    // All that a section decided is written at once: one reading of the clock is every fact's.
    const nowMs = tx.use(Time).monotonicMs();
    const send = (sealers: ReadonlyMap<Uuid, Sealer>): Send => {
      const rows = toRows(tx, pending.facts, nowMs, origins, sealers);
      return () => insertFacts(tx.sql, tx.tenant.id, tx.now, rows);
    };
    return origins.unsealed.length ? subjectKeys(tx, origins.unsealed).then(send) : send(new Map());
  },
};
