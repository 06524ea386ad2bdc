import { addDays, civilDateIn, done, refuse, uuid, type PageState, type TenantRef } from '#kernel';
import { noReturn, type Years, type YearStatus } from '../contract.ts';
import { payableOf } from '../rules/answer.ts';
import { project } from '../rules/project.ts';
import type { CountryPack, EventFacts, RefundEvent, StatusRow } from '../rules/types.ts';
import { yearLabel } from '../rules/years.ts';
import { projectionText } from './encode.ts';
import { packOf } from './packs.ts';
import { keep, keepYear, toYearStatus } from './view.ts';

/** One answer for each state of the pages, folded from events as real ones are: for tests, screenshots and the reference. */
interface At { readonly tenant: Pick<TenantRef, 'country'>; readonly now: Date }
type Step = { readonly code: string; readonly daysAgo: number; readonly source: string; readonly facts?: EventFacts };

const NOBODY = uuid('0'.repeat(32));
const STALE_SECONDS = 1500;
const PLAIN = 1_845_000n;
/** More than any refund has been: nine digits before the decimals in either country's grouping. */
const LARGE = 98_765_432_109_87n;
const LONG_NUMBER = 'EXR-2026-0123456789-ABCDEFGHIJKLMNOPQRSTUVWXYZ-0123456789-ABCDEF';

const firstCode = (pack: CountryPack, phase: string): string => Object.values(pack.statuses).find((s) => s.phase === phase &&
  s.effect === 'status')?.code ?? '';

function yearOf(at: At, returns: readonly (readonly Step[])[], staleSeconds: number | null): YearStatus {
  const pack = packOf(at.tenant);
  const year = pack.year.current;
  const kept = returns.map((steps, i) => {
    const events = steps.map((s, serial): RefundEvent => {
      const occurredAt = new Date(at.now.getTime() - s.daysAgo * 86_400_000);
      return { source: s.source, sourceEventId: `example-${i}-${serial}`, sourceVersion: 1, occurredAt, receivedAt: occurredAt, code: s.code,
        facts: s.facts ?? {} };
    });
    const p = project(pack, events, year);
    return keep(pack, {
      id: uuid(`${i + 1}`.padStart(32, '0')), person: NOBODY, year, return_no: i + 1, version: 1, events: events.length, projection: projectionText(p),
        account: null,
    });
  }).toReversed();
  const answer = toYearStatus(pack, keepYear(pack, NOBODY, year, at.now, kept), civilDateIn(pack.zone, at.now), undefined, staleSeconds);
  return { ...answer, returns: answer.returns.map((r) => ({ ...r, account: '•••• 4821' })) };
}

/** The way of a return up to a status, with every amount that it may name. */
function wayTo(pack: CountryPack, row: StatusRow, amount: bigint): Step[] {
  const sources = pack.precedence;
  const steps: Step[] = [{ code: firstCode(pack, 'filed') || row.code, daysAgo: 60, source: sources[0] as string,
    facts: { claimed: amount, formType: pack.forms[0]?.code ?? '' } }];
  const middle = firstCode(pack, 'processing');
  if (!['filed', 'verified'].includes(row.phase) && middle) steps.push({ code: middle, daysAgo: 40, source: sources[1] as string });
  if (!['filed', 'verified', 'processing', 'needs_action', 'held', 'transferred', 'lapsed', 'superseded'].includes(row.phase)) {
    const nothing = row.phase === 'nil' || row.phase === 'demand';
    steps.push({ code: firstCode(pack, 'determined') || middle, daysAgo: 20, source: sources[1] as string,
      facts: { computed: nothing ? 0n : amount, interest: nothing ? 0n : 45_000n } });
  }
  const facts: EventFacts = {
    trackingNo: LONG_NUMBER, noticeNo: 'EXN/2026/0000245', verification: {
      verified: true, panLinked: true, bankValidated: row.phase !== 'failed', demandOpen: false },
    ...(row.phase === 'failed' ? { reasonCode: 'account_closed' } : {}), ...(row.phase === 'paid' ? { paid: amount + 45_000n } : {}),
    ...(row.phase === 'offset_applied' ? { adjusted: 420_000n, demandYear: 2021, reasonCode: 'earlier_demand' } : {}),
  };
  steps.push({ code: row.code, daysAgo: 3, source: sources.at(-1) as string, facts });
  return steps;
}

/** The refund page: one example of each phase, and what else can stand on it. */
export function refundStates(at: At): Readonly<Record<string, PageState<YearStatus>>> {
  const pack = packOf(at.tenant);
  const rows = [...new Map(Object.values(pack.statuses).filter((s) => s.effect === 'status').map((s) => [s.phase, s])).values()];
  const shown = (steps: readonly (readonly Step[])[], stale: number | null = null): PageState<YearStatus> => ({ outcome: done(yearOf(at, steps, stale)) });
  const sent = pack.statuses[firstCode(pack, 'sent')] ?? (rows[0] as StatusRow);
  const failed = pack.statuses[firstCode(pack, 'failed')] ?? sent;
  const way = wayTo(pack, sent, PLAIN);
  return {
    ...Object.fromEntries(rows.map((row) => [`phase ${row.phase}`, shown([wayTo(pack, row, PLAIN)])])),
    ready: shown([way]),
    empty: { outcome: refuse(noReturn) },
    stale: shown([way], STALE_SECONDS),
    large: shown([wayTo(pack, failed, LARGE)]),
    revised: shown([wayTo(pack, pack.statuses[firstCode(pack, 'superseded')] ?? sent, PLAIN), wayTo(pack, sent, PLAIN)]),
    unmapped: shown([[...wayTo(pack, sent, PLAIN).slice(0, 2), { code: 'NEW_CODE_OF_THE_OFFICE', daysAgo: 2, source: pack.precedence[1] as string }]]),
    conflict: shown([[...wayTo(pack, pack.statuses[firstCode(pack, 'paid')] ?? sent, PLAIN),
      { code: firstCode(pack, 'demand'), daysAgo: 1, source: pack.precedence[1] as string }]]),
  };
}

/** The list of years. */
export function listStates(at: At): Readonly<Record<string, PageState<Years>>> {
  const pack = packOf(at.tenant);
  const rows = [...new Map(Object.values(pack.statuses).filter((s) => s.effect === 'status').map((s) => [s.phase, s])).values()];
  const line = (row: StatusRow, i: number, amount: bigint | null): Years['years'][number] => ({
    year: pack.year.current - i, label: yearLabel(pack, pack.year.current - i), returns: 1 + (i % 2), code: row.code, phase: row.phase, amount,
      currency: pack.currency,
    changedAt: new Date(`${addDays(civilDateIn(pack.zone, at.now), -365 * i)}T06:30:00Z`),
  });
  const amount = (i: number): bigint | null => (i === 0 ? null : i === 1 ? LARGE
    : payableOf(pack, { claimed: PLAIN, computed: PLAIN, adjusted: null, interest: null, paid: null }));
  return {
    ready: { outcome: done({ years: rows.slice(0, 7).map((row, i) => line(row, i, amount(i))) }) },
    large: { outcome: done({ years: rows.map((row, i) => line(row, i, LARGE)) }) },
    empty: { outcome: done({ years: [] }) },
  };
}
