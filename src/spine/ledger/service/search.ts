import type { z } from 'zod';
import { done, refuse, type Outcome, type Tx } from '#kernel';
import { doneBefore, lookedAt, type DoneFact, type FactPlace } from '#spine/audit';
import { FOUND_FACTS_MAX, FOUND_TRANSFERS_MAX, SEARCH_DAYS_MAX, spanWrong, type zFoundTransfers, type zSearchTransfers } from '../contract.ts';
import { postedRows } from '../store/checks.ts';
import type { StoredTransfer } from '../store/rows.ts';
import { readTransfers } from '../store/transfers.ts';
import { toTransfer, usOf } from './desk.ts';

type Query = z.output<typeof zSearchTransfers>['query'];

const DAY_MS = 86_400_000;
/** A fact bears the time of its request, a transfer the ledger's own, which may be a little later. */
const AROUND_MS = 60_000;
const NEWEST = 2n ** 62n;

const cursorOf = ({ at, seq }: FactPlace): string => `${at.getTime()}.${seq}`;
function placeOf(cursor: string): FactPlace {
  const [at = '', seq = ''] = cursor.split('.');
  return { at: new Date(Number.parseInt(at, 10)), seq: BigInt(seq) };
}

/** The transfers of these postings that fit, by the id of each posting's first transfer. */
async function fitting(tx: Tx, facts: readonly DoneFact[], q: Query): Promise<Map<string, StoredTransfer[]>> {
  const first = facts.flatMap((f) => f.resource ?? []);
  if (!first.length) return new Map();
  const [from, to] = [usOf(q.from), usOf(q.to)];
  const rows = (await postedRows(tx.sql, first)).filter((r) => r.at_us >= from && r.at_us < to && r.amount > 0n
    && (q.least === undefined || r.amount >= q.least) && (q.most === undefined || r.amount <= q.most));
  if (!rows.length) return new Map();
  const found = await readTransfers(tx.sql, rows.map((r) => r.id));
  return Map.groupBy(found.filter((t) => q.currency === undefined || t.currency === q.currency), (t) => t.group ?? t.id);
}

/**
 * Transfers of whichever accounts that were posted in a time, newest first, of a currency and a range of amounts. Transfers have no index by time, and
 * need none: each posting has left a fact in the audit log, which has one of a few bytes a thousand rows; what is found there is read by its id.
 */
export async function searchTransfers(tx: Tx, { query: q }: z.output<typeof zSearchTransfers>): Promise<Outcome<z.output<typeof zFoundTransfers>>> {
  const length = q.to.getTime() - q.from.getTime();
  if (length <= 0 || length > SEARCH_DAYS_MAX * DAY_MS) return refuse(spanWrong, { limit: SEARCH_DAYS_MAX });
  const resource = `transfers ${q.from.toISOString()} ${q.to.toISOString()}`;
  const no = lookedAt(tx, q.purpose, { action: 'ledger.searched', resource });
  if (no) return no;
  const from = new Date(q.from.getTime() - AROUND_MS);
  let place: FactPlace | null = q.cursor === undefined ? { at: new Date(q.to.getTime() + AROUND_MS), seq: NEWEST } : placeOf(q.cursor);
  const transfers: StoredTransfer[] = [];
  for (let looked = 0; place && looked < FOUND_FACTS_MAX && transfers.length < FOUND_TRANSFERS_MAX;) {
    const page: Awaited<ReturnType<typeof doneBefore>> = await doneBefore(tx, 'ledger.posted', from, place);
    place = page.next;
    looked += page.facts.length;
    // Nothing in so many spans: the answer says how far it came.
    if (!page.facts.length) break;
    // A posting that was asked for again leaves a fact too, without the hash of its rows.
    const posted = page.facts.map((f) => (typeof f.detail.sha256 === 'string' ? f : { ...f, resource: null }));
    const found = await fitting(tx, posted, q);
    for (const [i, fact] of posted.entries()) {
      transfers.push(...found.get(fact.resource ?? '') ?? []);
      if (transfers.length < FOUND_TRANSFERS_MAX) continue;
      if (i < posted.length - 1) place = { at: fact.at, seq: fact.seq };
      break;
    }
  }
  return done({ transfers: transfers.map(toTransfer), next: place && cursorOf(place), lookedTo: place && place.at });
}
