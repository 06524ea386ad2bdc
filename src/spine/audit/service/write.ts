import { LRUCache } from 'lru-cache';
import { allOf, provide, token, type Clock, type FactDraft, type Origin, type Provided, type SectionTx, type Send, type Uuid, type Writer } from '#kernel';
import { subjectKeys, tenantKeys, type Place, type Sealer } from '#spine/vault';
import { SHEET_FACTS_MAX, SHEET_FACTS_MIN } from '../contract.ts';
import { insertFacts, insertSheet, type NewFact } from '../store.ts';

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
  sealers: ReadonlyMap<Uuid, Sealer>): NewFact[] {
  return facts.map(({ by, fact }, i): NewFact => {
    const known = sealed[i];
    return [
      tx.uuid(), by.actor.kind === 'system' ? `system:${by.actor.name}` : by.actor.kind, 'id' in by.actor ? by.actor.id : null,
      'session' in by.actor ? by.actor.session ?? null : null, fact.action, fact.result, fact.subject ?? null, fact.resource ?? null, fact.problem ?? null,
      by.trace, fact.latencyUs === undefined ? latencyUs(by, nowMs) : Math.min(Math.round(fact.latencyUs), LATENCY_US_MAX),
      fact.detail ? JSON.stringify(fact.detail) : null, known === undefined ? sealOrigin(tx, by, fact.subject, sealers) : known,
    ];
  });
}

// eslint-disable-next-line no-control-regex -- they end lines and fields
const CONTROL_CHARACTER = /[\x00-\x1f]/;
/** A resource may be what somebody named, a file; the other fields are ids, codes, JSON and seals. */
const fitsLine = ([, , , , , , , resource]: NewFact): boolean => resource === null || (resource !== '' && !CONTROL_CHARACTER.test(resource));

/** Few facts are rows of their own; many share one. */
async function insert(tx: SectionTx, rows: readonly NewFact[]): Promise<void> {
  if (rows.length < SHEET_FACTS_MIN || !rows.every(fitsLine)) {
    await insertFacts(tx.sql, tx.tenant.id, tx.now, rows);
    return;
  }
  const sheets = Array.from({ length: Math.ceil(rows.length / SHEET_FACTS_MAX) }, (_, i) => rows.slice(i * SHEET_FACTS_MAX, (i + 1) * SHEET_FACTS_MAX));
  await allOf(sheets.map((s) => insertSheet(tx.sql, tx.tenant.id, tx.now, s)));
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
      return () => insert(tx, rows);
    };
    return origins.unsealed.length ? subjectKeys(tx, origins.unsealed).then(send) : send(new Map());
  },
};
