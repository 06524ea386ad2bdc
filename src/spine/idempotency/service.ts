import { allOf, common, nameOf, refuse, spineTransact, type Claim, type Claimed, type Claimer, type Worker, type Writer } from '#kernel';
import { tenantKeys, type TenantKeys } from '#spine/vault';
import { ANSWER_KEPT_MS, IN_FLIGHT_RETRY_SECONDS } from './contract.ts';
import { dropAnswers, dropExpired, readAnswers, tryLocks, writeAnswers, type AnswerRow } from './store.ts';

const placeOf = (row: string): { table: string; column: string; row: string } => ({ table: 'idempotency.answer', column: 'answer', row });
/** Characters of the body's hash before the answer, both sealed: a hash that stood open could be found by trying all bodies. */
const HASH_CHARS = 22;
const hashText = (bodyHash: Buffer): string => bodyHash.toString('base64url', 0, 16);
const FRESH: Claimed = { kind: 'fresh' };
const IN_FLIGHT: Claimed = { kind: 'refused', refused: refuse(common.inFlight, { retryAfterSeconds: IN_FLIGHT_RETRY_SECONDS }) };
const REUSED: Claimed = { kind: 'refused', refused: refuse(common.keyReused) };

/** What was answered to this claim, unless that was to another body. */
function answered(keys: TenantKeys, row: AnswerRow, claim: Claim): Claimed {
  if (row.body_hash && row.scope) {
    // From before keys were shortened: the hash stands beside the answer, keyed.
    return row.body_hash.equals(keys.mac('idempotency.body', claim.bodyHash()))
      ? { kind: 'replay', json: keys.open(placeOf(row.scope.toString('hex')), row.answer) } : REUSED;
  }
  const text = keys.open(placeOf(row.key), row.answer);
  return text.startsWith(hashText(claim.bodyHash())) ? { kind: 'replay', json: text.slice(HASH_CHARS) } : REUSED;
}

/** Claims keys: sorted try-locks first, then a look for answers in a later statement. Nobody waits: a twin at work is told so. */
export const claimer: Claimer = {
  async claim(tx, claims) {
    const keys = claims.map((c) => nameOf(c.scope));
    const firsts = new Map<string, number>();
    keys.forEach((k, i) => { if (!firsts.has(k)) firsts.set(k, i); });
    const sorted = [...firsts.keys()].toSorted();
    const asked = tryLocks(tx.sql, sorted.map((k) => (claims[firsts.get(k) as number] as Claim).scope.readBigInt64BE(0)));
    // Sent behind the locks without waiting for what they say; of a key whose lock another has, nothing that was read counts.
    const [locks, rows] = await allOf<unknown[]>([asked, readAnswers(tx.sql, sorted, tx.now)]) as [boolean[], AnswerRow[]];
    const locked = new Set(sorted.filter((_, i) => locks[i]));
    const kept = new Map(rows.filter((row) => locked.has(row.key)).map((row) => [row.key as string, row]));
    const over = [...kept.values()].filter((row) => !row.live).map((row) => row.key);
    if (over.length) await dropAnswers(tx.sql, over);
    for (const key of over) kept.delete(key);
    return claims.map((claim, i): Claimed => {
      const key = keys[i] as string;
      const row = kept.get(key);
      if (row) return answered(tenantKeys(tx), row, claim);
      // The same key twice in one batch: the first one works, the second is its twin.
      return locked.has(key) && firsts.get(key) === i ? FRESH : IN_FLIGHT;
    });
  },
};

/** Keeps the answers of this section, sealed, in the commit of what they answer. */
export const answerWriter: Writer = {
  name: 'spine/idempotency', rank: 10,
  write(tx, pending) {
    if (!pending.answers.length) return undefined;
    const sealing = tenantKeys(tx);
    // In the order of the index, so that neighbours find its pages at hand.
    const rows = pending.answers.map((a) => {
      const key = nameOf(a.scope);
      return { key, answer: sealing.seal(placeOf(key), hashText(a.bodyHash) + a.json) };
    }).toSorted((a, b) => (a.key < b.key ? -1 : 1));
    return () => writeAnswers(tx.sql, tx.tenant.id, rows, new Date(tx.now.getTime() + ANSWER_KEPT_MS));
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
