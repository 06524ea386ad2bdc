import { z } from 'zod';
import {
  civilDateIn,
  done,
  idOf,
  provide,
  refuse,
  token,
  type Provided,
  type Item,
  type Outcome,
  type SectionTx,
  type Tx,
  type CivilDate,
  type Uuid,
  uuid,
} from '#kernel';
import { createCache, type FencedCache } from '#spine/cache';
import { subjectKeys, type Sealer } from '#spine/vault';
import {
  noReturn,
  STATUS_CACHED_MAX,
  STATUS_FRESH_MS,
  STATUS_KEPT_MS,
  zStatus,
  zYearStatus,
  type KeptReturn,
  type KeptYear,
  type Status,
  type Years,
  type YearStatus,
} from '../contract.ts';
import { expectedRefund } from '../rules/expected.ts';
import { arithmeticOf, payableOf } from '../rules/answer.ts';
import { lawOf, yearLabel } from '../rules/years.ts';
import type { CountryPack, Projection } from '../rules/types.ts';
import { refundsOf, yearsOf, type RefundRow } from '../store.ts';
import { projectionOf } from './encode.ts';
import { accountPlace } from './ingest.ts';
import { packOf } from './packs.ts';

export const StatusCache = token<FencedCache<KeptYear>>('taxrefund.status-cache');
const CACHE = { name: 'taxrefund.status', entriesMax: STATUS_CACHED_MAX, freshMs: STATUS_FRESH_MS, keptMs: STATUS_KEPT_MS };
export const statusCacheState: Provided = provide(StatusCache, (cell) => createCache<KeptYear>(CACHE, cell.clock));
export const cacheKey = (tenant: string, person: string, year: number): string => `${tenant}${person}${year}`;

/** The account as a person may see it: the last digits, behind dots. */
const masked = (tail: string): string => `•••• ${tail}`;

/** What a return shows, but for what depends on the day or the reader. */
function statusOf(pack: CountryPack, row: RefundRow, p: Projection): Omit<Status, 'account' | 'expected'> {
  const statusRow = pack.statuses[p.code];
  const arithmetic = arithmeticOf(pack, p.amounts);
  const speaksOf = statusRow?.speaksOf ?? null;
  const amount = speaksOf === null ? null : speaksOf === 'payable' ? payableOf(pack, p.amounts) : p.amounts[speaksOf];
  return {
    refund: idOf('tret', row.id),
    year: row.year,
    returnNo: row.return_no,
    currency: pack.currency,
    code: p.code,
    phase: p.phase,
    plain: p.plain,
    since: p.since,
    amounts: p.amounts,
    deadline: p.deadline,
    owner: p.owner,
    reasonCode: p.reasonCode,
    demandYear: p.demandYear,
    noticeNo: p.noticeNo,
    blockers: p.blockers as Status['blockers'],
    timeline: p.timeline as Status['timeline'],
    conflict: p.conflicts.length > 0 || p.contradictions.length > 0,
    unmapped: p.unmappedCodes.length > 0,
    freshness: p.freshness,
    trackingNo: p.trackingNo,
    formType: p.formType,
    revisedReturnOf: p.revisedReturnOf,
    version: row.version,
    arithmetic: { rows: arithmetic.rows.map((r) => ({ ...r })), unexplained: arithmetic.unexplained },
    answer: { amount: amount !== null && amount > 0n ? amount : null, date: civilDateIn(pack.zone, p.since), deadline: p.deadline?.date ?? null },
    law: statusRow ? lawOf(pack, statusRow, row.year) : null, final: p.finalFrom !== null,
  };
}

/** What is kept of a return. */
export function keep(pack: CountryPack, row: RefundRow): KeptReturn {
  const projection = projectionOf(row.projection);
  const status = { ...statusOf(pack, row, projection), expected: { none: 'not_known' } };
  return { id: uuid(row.id), version: row.version, projection, account: row.account, shown: { today: undefined, status, wire: '' } };
}

const zShown = zStatus.omit({ account: true });

/** The answer of a return on a day, made once a day however often it is asked for. */
function shownOn(pack: CountryPack, r: KeptReturn, today: CivilDate): KeptReturn['shown'] {
  const { shown } = r;
  if (shown.today !== today) {
    shown.status = { ...shown.status, expected: expectedRefund(pack, r.projection, today) };
    shown.wire = JSON.stringify(z.encode(zShown, shown.status));
    shown.today = today;
  }
  return shown;
}

const wires = new WeakMap<YearStatus, string>();

/** The answer about one year from what the cache or the database holds. */
export function toYearStatus(pack: CountryPack, kept: KeptYear, today: CivilDate, sealer: Sealer | undefined, staleSeconds: number | null): YearStatus {
  const label = yearLabel(pack, kept.year);
  let text = '';
  const returns = kept.returns.map((r): Status => {
    const shown = shownOn(pack, r, today);
    const account = r.account !== null && sealer ? masked(sealer.open(accountPlace(r.id), r.account)) : null;
    // The dots are written as escapes: an answer of ASCII alone need not be encoded on its way out.
    text += `${text && ','}${shown.wire.slice(0, -1)},"account":${account === null ? 'null' : `"${account.replaceAll('•', '\\u2022')}"`}}`;
    return { ...shown.status, account };
  });
  const answer = { year: kept.year, label, returns, asOf: kept.asOf, staleSeconds };
  wires.set(
    answer,
    `{"year":${kept.year},"label":${JSON.stringify(label)},"returns":[${text}],"asOf":"${kept.asOf.toISOString()}","staleSeconds":${staleSeconds}}`,
  );
  return answer;
}

/** The wire text of an answer, put together from what is kept; equal to what the codec would write, which a test holds it to. */
export const yearWire = (answer: YearStatus): string => wires.get(answer) ?? JSON.stringify(z.encode(zYearStatus, answer));

const EPOCH = new Date(0);
const newestReport = (returns: readonly KeptReturn[]): Date =>
  returns.flatMap((r) => Object.values(r.projection.freshness)).reduce((a, b) => (a > b ? a : b), EPOCH);

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
  const rows = Map.groupBy(
    await refundsOf(
      tx.sql,
      tx.tenant.id,
      list.map((m) => m.person),
      list.map((m) => m.year),
    ),
    (r) => cacheKey(tx.tenant.id, r.person, r.year),
  );
  for (const [key, w] of missing) {
    const mine = (rows.get(key) ?? []).filter((r) => r.events > 0).toSorted((a, b) => b.return_no - a.return_no);
    const returns = mine.map((r) => keep(pack, r));
    const kept: KeptYear = { person: w.person, year: w.year, asOf: newestReport(returns), returns };
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
  const sealers = await subjectKeys(
    tx,
    wanted.filter((w) => kept.get(cacheKey(tx.tenant.id, w.person, w.year))?.returns.some((r) => r.account !== null)).map((w) => w.person),
  );
  return items.map((item, i) => {
    const w = wanted[i] as (typeof wanted)[number];
    const year = kept.get(cacheKey(tx.tenant.id, w.person, w.year)) as KeptYear;
    const newest = year.returns[0];
    if (!newest) {
      tx.audit(item, { action: 'taxrefund.viewed', result: 'refused', subject: w.person, problem: noReturn.code, detail: { year: w.year } });
      return refuse(noReturn);
    }
    tx.audit(item, {
      action: 'taxrefund.viewed',
      result: 'done',
      subject: w.person,
      resource: `tret_${newest.id}`,
      detail: { year: w.year, version: newest.version },
    });
    return done(toYearStatus(pack, year, tx.today, sealers.get(w.person), null));
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
        year,
        label: yearLabel(pack, year),
        returns: returns.length,
        code: newest.code,
        phase: newest.phase,
        amount: payableOf(pack, projection.amounts) ?? projection.amounts.claimed,
        currency: pack.currency,
        changedAt: newest.updated_at,
      };
    }),
  });
}
