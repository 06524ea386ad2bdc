import { common, refuse, spineTransact, type Claim, type Claimed, type Claimer, type Worker, type Writer } from '#kernel';
import { tenantKeys, type TenantKeys } from '#spine/vault';
import { ANSWER_KEPT_MS, IN_FLIGHT_RETRY_SECONDS } from './contract.ts';
import { dropExpired, readAnswers, tryLocks, writeAnswers, type AnswerRow } from './store.ts';

const placeOf = (scope: Buffer): { table: string; column: string; row: string } =>
  ({ table: 'idempotency.answer', column: 'answer', row: scope.toString('hex') });
/** The body's hash under the tenant's key: a plain hash of an identifier could be found by trying them all. */
const keyedHash = (keys: TenantKeys, bodyHash: Buffer): Buffer => keys.mac('idempotency.body', bodyHash);
const FRESH: Claimed = { kind: 'fresh' };
const IN_FLIGHT: Claimed = { kind: 'refused', refused: refuse(common.inFlight, { retryAfterSeconds: IN_FLIGHT_RETRY_SECONDS }) };

/** Claims keys: sorted try-locks first, then a look for answers in a later statement. Nobody waits: a twin at work is told so. */
export const claimer: Claimer = {
  async claim(tx, claims) {
    const hex = claims.map((c) => c.scope.toString('hex'));
    const firsts = new Map<string, number>();
    hex.forEach((h, i) => { if (!firsts.has(h)) firsts.set(h, i); });
    const sorted = [...firsts.keys()].toSorted();
    const scopes = sorted.map((h) => (claims[firsts.get(h) as number] as Claim).scope);
    const locks = await tryLocks(tx.sql, scopes);
    const locked = new Set(sorted.filter((_, i) => locks[i]?.locked));
    const kept = new Map<string, AnswerRow>();
    if (locked.size) {
      for (const row of await readAnswers(tx.sql, scopes.filter((s) => locked.has(s.toString('hex'))), tx.now)) kept.set(row.scope.toString('hex'), row);
    }
    return claims.map((claim, i): Claimed => {
      const h = hex[i] as string;
      const row = kept.get(h);
      if (row) {
        return row.body_hash.equals(keyedHash(tenantKeys(tx), claim.bodyHash)) ? { kind: 'replay', json: tenantKeys(tx).open(placeOf(claim.scope), row.answer) }
          : { kind: 'refused', refused: refuse(common.keyReused) };
      }
      // The same key twice in one batch: the first one works, the second is its twin.
      return locked.has(h) && firsts.get(h) === i ? FRESH : IN_FLIGHT;
    });
  },
};

/** Keeps the answers of this section, sealed, in the commit of what they answer. */
export const answerWriter: Writer = {
  name: 'spine/idempotency', rank: 10,
  write(tx, pending) {
    if (!pending.answers.length) return undefined;
    const keys = tenantKeys(tx);
    const rows = pending.answers.map((a) => ({ scope: a.scope, bodyHash: keyedHash(keys, a.bodyHash), answer: keys.seal(placeOf(a.scope), a.json) }));
    return () => writeAnswers(tx.sql, tx.tenant.id, rows, tx.now, new Date(tx.now.getTime() + ANSWER_KEPT_MS));
  },
};

const SWEEP_MS = 60_000;
const SWEEP_ROWS_MAX = 5000;

/** Drops answers past their time. Expiry is judged when an answer is read, so a late sweep changes nothing. */
export const sweeper: Worker = {
  name: 'idempotency.sweeper', role: 'worker',
  async run(w) {
    while (!w.signal.aborted) {
      await spineTransact(w.cell, (tx) => dropExpired(tx.sql, tx.now, SWEEP_ROWS_MAX));
      await w.clock.sleep(SWEEP_MS, w.signal);
    }
  },
};
