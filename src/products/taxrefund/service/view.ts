import { civilDateIn, done, idOf, refuse, token, type Item, type Outcome, type SectionTx, type Tx, type CivilDate, type Uuid, uuid } from '#kernel';
import type { FencedCache } from '#spine/cache';
import { subjectKeys, type Sealer } from '#spine/vault';
import { noReturn, type KeptReturn, type KeptYear, type Status, type Years, type YearStatus } from '../contract.ts';
import { expectedRefund } from '../rules/expected.ts';
import { arithmeticOf, payableOf } from '../rules/answer.ts';
import { lawOf, yearLabel } from '../rules/years.ts';
import type { CountryPack, Projection } from '../rules/types.ts';
import { refundsOf, yearsOf, type RefundRow } from '../store.ts';
import { projectionOf } from './encode.ts';
import { accountPlace } from './ingest.ts';
import { packOf } from './packs.ts';

export const StatusCache = token<FencedCache<KeptYear>>('taxrefund.status-cache');
export const cacheKey = (tenant: string, person: string, year: number): string => `${tenant}${person}${year}`;

/** The account as a person may see it: the last digits, behind dots. */
const masked = (tail: string): string => `•••• ${tail}`;

/** What a return shows, once for every reader and day. */
function shownOf(pack: CountryPack, row: RefundRow, p: Projection): KeptReturn['shown'] {
  const statusRow = pack.statuses[p.code];
  const arithmetic = arithmeticOf(pack, p.amounts);
  const speaksOf = statusRow?.speaksOf ?? null;
  const amount = speaksOf === null ? null : speaksOf === 'payable' ? payableOf(pack, p.amounts) : p.amounts[speaksOf];
  return {
    refund: idOf('tret', row.id), year: row.year, returnNo: row.return_no, currency: pack.currency, code: p.code, phase: p.phase, plain: p.plain, since: p.since, amounts: p.amounts,
    deadline: p.deadline, owner: p.owner, reasonCode: p.reasonCode, demandYear: p.demandYear, noticeNo: p.noticeNo, blockers: p.blockers as Status['blockers'],
    timeline: p.timeline as Status['timeline'], conflict: p.conflicts.length > 0 || p.contradictions.length > 0, unmapped: p.unmappedCodes.length > 0, freshness: p.freshness,
    trackingNo: p.trackingNo, formType: p.formType, revisedReturnOf: p.revisedReturnOf, version: row.version,
    arithmetic: { rows: arithmetic.rows.map((r) => ({ ...r })), unexplained: arithmetic.unexplained },
    answer: { amount: amount !== null && amount > 0n ? amount : null, date: civilDateIn(pack.zone, p.since), deadline: p.deadline?.date ?? null },
    law: statusRow ? lawOf(pack, statusRow, row.year) : null, final: p.finalFrom !== null,
  };
}

function keep(pack: CountryPack, row: RefundRow): KeptReturn {
  const projection = projectionOf(row.projection);
  return { id: uuid(row.id), version: row.version, projection, account: row.account, shown: shownOf(pack, row, projection) };
}

function toStatus(pack: CountryPack, r: KeptReturn, today: CivilDate, sealer: Sealer | undefined): Status {
  return {
    ...r.shown, expected: expectedRefund(pack, r.projection, today), account: r.account !== null && sealer ? masked(sealer.open(accountPlace(r.id), r.account)) : null,
  };
}

/** The answer about one year from what the cache or the database holds. */
export function toYearStatus(pack: CountryPack, kept: KeptYear, now: Date, sealer: Sealer | undefined, staleSeconds: number | null): YearStatus {
  const today = civilDateIn(pack.zone, now);
  const returns = kept.returns.map((r) => toStatus(pack, r, today, sealer));
  const asOf = returns.flatMap((r) => Object.values(r.freshness)).reduce((a, b) => (a > b ? a : b), new Date(0));
  return { year: kept.year, label: yearLabel(pack, kept.year), returns, asOf, staleSeconds };
}

async function load(tx: SectionTx, pack: CountryPack, wanted: readonly { person: Uuid; year: number }[]): Promise<Map<string, KeptYear>> {
  const cache = tx.use(StatusCache);
  const found = new Map<string, KeptYear>();
  const missing = new Map<string, { person: Uuid; year: number }>();
  for (const w of wanted) {
    const key = cacheKey(tx.tenant.id, w.person, w.year);
    const hit = cache.get(key);
    if (hit) found.set(key, hit);
    else missing.set(key, w);
  }
  if (!missing.size) return found;
  const fence = cache.fence([...missing.keys()]);
  const list = [...missing.values()];
  const rows = Map.groupBy(await refundsOf(tx.sql, tx.tenant.id, list.map((m) => m.person), list.map((m) => m.year)), (r) => cacheKey(tx.tenant.id, r.person, r.year));
  for (const [key, w] of missing) {
    const mine = (rows.get(key) ?? []).filter((r) => r.events > 0).toSorted((a, b) => b.return_no - a.return_no);
    const kept: KeptYear = { person: w.person, year: w.year, returns: mine.map((r) => keep(pack, r)) };
    // A year without a return is not kept: the first event of a return would have to find and drop it.
    if (kept.returns.length) cache.fill(fence, key, kept);
    found.set(key, kept);
  }
  return found;
}

/**
 * Shows people their years. Each view is audited, and its answer leaves only after the fact is durable, which is why this read
 * is a plural verb: the facts of all who wait share one commit.
 */
export async function viewYears(tx: SectionTx, items: readonly Item<{ params: { year: string } }>[]): Promise<Outcome<YearStatus>[]> {
  const pack = packOf(tx.tenant);
  const wanted = items.map((item) => {
    if (item.actor.kind !== 'person') throw new Error('a view without a person');
    return { person: item.actor.id, year: Number.parseInt(item.input.params.year, 10) };
  });
  const kept = await load(tx, pack, wanted);
  const sealers = await subjectKeys(tx, wanted.filter((w) => kept.get(cacheKey(tx.tenant.id, w.person, w.year))?.returns.some((r) => r.account !== null)).map((w) => w.person));
  return items.map((item, i) => {
    const w = wanted[i] as (typeof wanted)[number];
    const year = kept.get(cacheKey(tx.tenant.id, w.person, w.year)) as KeptYear;
    const newest = year.returns[0];
    if (!newest) {
      tx.audit(item, { action: 'taxrefund.viewed', result: 'refused', subject: w.person, problem: noReturn.code, detail: { year: w.year } });
      return refuse(noReturn);
    }
    tx.audit(item, { action: 'taxrefund.viewed', result: 'done', subject: w.person, resource: `tret_${newest.id}`, detail: { year: w.year, version: newest.version } });
    return done(toYearStatus(pack, year, tx.now, sealers.get(w.person), null));
  });
}

/** Seven years at a glance. */
export async function listYears(tx: Tx): Promise<Outcome<Years>> {
  if (tx.actor.kind !== 'person') throw new Error('a list without a person');
  const pack = packOf(tx.tenant);
  const rows = (await yearsOf(tx.sql, tx.actor.id)).filter((r) => r.projection !== '');
  const byYear = [...Map.groupBy(rows, (r) => r.year)];
  tx.audit({ action: 'taxrefund.listed', result: 'done', subject: tx.actor.id, detail: { years: byYear.length } });
  return done({
    years: byYear.map(([year, returns]) => {
      const newest = returns[0] as (typeof rows)[number];
      const projection = projectionOf(newest.projection);
      return {
        year, label: yearLabel(pack, year), returns: returns.length, code: newest.code, phase: newest.phase, amount: payableOf(pack, projection.amounts) ?? projection.amounts.claimed, currency: pack.currency,
        changedAt: newest.updated_at,
      };
    }),
  });
}
