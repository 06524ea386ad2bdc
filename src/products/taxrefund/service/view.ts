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
import { CacheBook, createCache, type FencedCache } from '#spine/cache';
import { subjectKeys, type Sealer } from '#spine/vault';
import {
  noReturn,
  STATUS_CACHED_MAX,
  STATUS_FRESH_MS,
  STATUS_KEPT_MS,
  STATUS_TEXT,
  zYearStatus,
  type KeptReturn,
  type KeptYear,
  type ReturnStatus,
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
export const statusCacheState: Provided = provide(StatusCache, (cell) => createCache<KeptYear>(CACHE, cell.clock, cell.use(CacheBook)));
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

/** What is kept of a year. */
export function keepYear(pack: CountryPack, person: Uuid, year: number, asOf: Date, returns: readonly KeptReturn[]): KeptYear {
  const label = yearLabel(pack, year);
  const wire = { head: `{"year":${year},"label":${JSON.stringify(label)},"returns":[`, tail: `],"asOf":"${asOf.toISOString()}","staleSeconds":` };
  return { person, year, label, asOf, returns, wire };
}

const amountText = (amount: bigint | null): string | null => (amount === null ? null : amount.toString());

/** A status as the codec would write it, which a test holds it to. Field by field: the codec looks at each value again and costs five times as much. */
function statusText(s: Omit<Status, 'account'>): string {
  const { claimed, computed, adjusted, interest, paid } = s.amounts;
  return JSON.stringify({
    ...s, amounts: {
      claimed: amountText(claimed), computed: amountText(computed), adjusted: amountText(adjusted), interest: amountText(interest), paid: amountText(paid),
    },
    arithmetic: { rows: s.arithmetic.rows.map((r) => ({ ...r, amount: amountText(r.amount) })), unexplained: amountText(s.arithmetic.unexplained) },
    answer: { ...s.answer, amount: amountText(s.answer.amount) },
  });
}

/** The answer of a return on a day, made once a day however often it is asked for. */
function shownOn(pack: CountryPack, r: KeptReturn, today: CivilDate): KeptReturn['shown'] {
  const { shown } = r;
  if (shown.today !== today) {
    shown.status = { ...shown.status, expected: expectedRefund(pack, r.projection, today) };
    shown.wire = statusText(shown.status);
    shown.today = today;
  }
  return shown;
}

/**
 * The answer about one year from what the cache or the database holds. A machine is given its wire text, put together from what is
 * kept; a page reads its returns: each is made when it is first asked for, so that neither costs the other's work.
 */
class YearAnswer implements YearStatus {
  readonly year: number;
  readonly label: YearStatus['label'];
  readonly asOf: Date;
  readonly staleSeconds: number | null;
  readonly #kept: KeptYear;
  readonly #shown: readonly { readonly kept: KeptReturn['shown']; readonly account: string | null }[];
  #returns: ReturnStatus[] | undefined;

  constructor(pack: CountryPack, kept: KeptYear, today: CivilDate, sealer: Sealer | undefined, staleSeconds: number | null) {
    this.year = kept.year;
    this.label = kept.label;
    this.#kept = kept;
    this.asOf = kept.asOf;
    this.staleSeconds = staleSeconds;
    this.#shown = kept.returns.map((r) => ({
      kept: shownOn(pack, r, today), account: r.account !== null && sealer ? masked(sealer.open(accountPlace(r.id), r.account)) : null,
    }));
  }

  get returns(): ReturnStatus[] {
    return (this.#returns ??= this.#shown.map(({ kept, account }) => ({ ...kept.status, account, [STATUS_TEXT]: kept.wire })));
  }

  /** Equal to what the codec would write, which a test holds it to. */
  get wire(): string {
    // The dots are written as escapes: an answer of ASCII alone need not be encoded on its way out.
    const returns = this.#shown.map(({ kept, account }) =>
      `${kept.wire.slice(0, -1)},"account":${account === null ? 'null' : `"${account.replaceAll('•', '\\u2022')}"`}}`).join(',');
    return `${this.#kept.wire.head}${returns}${this.#kept.wire.tail}${this.staleSeconds}}`;
  }
}

export const toYearStatus = (...from: ConstructorParameters<typeof YearAnswer>): YearStatus => new YearAnswer(...from);

/** The wire text of an answer. */
export const yearWire = (answer: YearStatus): string =>
  (answer instanceof YearAnswer ? answer.wire : JSON.stringify(z.encode(zYearStatus, answer)));

const EPOCH = new Date(0);
const newestReport = (returns: readonly KeptReturn[]): Date =>
  returns.flatMap((r) => Object.values(r.projection.freshness)).reduce((a, b) => (a > b ? a : b), EPOCH);

interface Wanted { readonly person: Uuid; readonly year: number; readonly key: string; kept: KeptYear | undefined }

/** Gives each of the wanted years what is kept of it, or what one statement reads for all that are not kept. */
async function load(tx: SectionTx, pack: CountryPack, wanted: readonly Wanted[]): Promise<void> {
  const cache = tx.use(StatusCache);
  const missing = new Map<string, Wanted[]>();
  for (const w of wanted) {
    w.kept = cache.get(w.key);
    if (w.kept) continue;
    const twins = missing.get(w.key);
    if (twins) twins.push(w);
    else missing.set(w.key, [w]);
  }
  if (!missing.size) return;
  const fence = cache.fence([...missing.keys()]);
  const list = [...missing.values()].map((twins) => twins[0] as Wanted);
  const found = await refundsOf(tx.sql, tx.tenant.id, list.map((m) => m.person), list.map((m) => m.year));
  const rows = Map.groupBy(found, (r) => cacheKey(tx.tenant.id, r.person, r.year));
  for (const [key, twins] of missing) {
    const { person, year } = twins[0] as Wanted;
    const mine = (rows.get(key) ?? []).filter((r) => r.events > 0).toSorted((a, b) => b.return_no - a.return_no);
    const returns = mine.map((r) => keep(pack, r));
    const kept = keepYear(pack, person, year, newestReport(returns), returns);
    // A year without a return is not kept: the first event of a return would have to find and drop it.
    if (kept.returns.length) cache.fill(fence, key, kept);
    for (const w of twins) w.kept = kept;
  }
}

/**
 * Shows people their years. Each view is audited, and its answer leaves only after the fact is durable, which is why this read
 * is a plural verb: the facts of all who wait share one commit.
 */
export async function viewYears(tx: SectionTx, items: readonly Item<{ params: { year: string } }>[]): Promise<Outcome<YearStatus>[]> {
  const pack = packOf(tx.tenant);
  const wanted = items.map(({ actor, input }): Wanted => {
    if (actor.kind !== 'person') throw new Error('a view without a person');
    const year = Number.parseInt(input.params.year, 10);
    return { person: actor.id, year, key: cacheKey(tx.tenant.id, actor.id, year), kept: undefined };
  });
  await load(tx, pack, wanted);
  const sealers = await subjectKeys(tx, wanted.filter((w) => w.kept?.returns.some((r) => r.account !== null)).map((w) => w.person));
  return items.map((item, i) => {
    const { person, year, kept } = wanted[i] as Wanted;
    const newest = kept?.returns[0];
    if (!kept || !newest) {
      tx.audit(item, { action: 'taxrefund.viewed', result: 'refused', subject: person, problem: noReturn.code, detail: { year } });
      return refuse(noReturn);
    }
    tx.audit(item, {
      action: 'taxrefund.viewed', result: 'done', subject: person, resource: `tret_${newest.id}`, detail: { year, version: newest.version },
    });
    return done(toYearStatus(pack, kept, tx.today, sealers.get(person), null));
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
