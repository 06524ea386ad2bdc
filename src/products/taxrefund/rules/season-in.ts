/** The story of one Indian return, from filing to the last word. */
import { addDays, type CivilDate, type Random } from '#kernel';
import { refundInterest } from './interest.ts';
import { amountOf, between, chance, DAY_MS, dayAt, type Draft, durationMs, HOUR_MS, oneOf, partOf } from './season-draw.ts';
import type { EventFacts, InCode, InSeason, ReasonCode } from './types.ts';

const PAISE = 100n;
/** Section 288B: refunds are rounded to ten rupees. */
const TEN_RUPEES = 10n * PAISE;
const IST_MS = 5.5 * HOUR_MS;

interface Story { readonly table: InSeason; readonly random: Random; readonly drafts: Draft[]; readonly year: number; at: number }

function tell(story: Story, source: 'efiling' | 'cpc' | 'ao' | 'banker', code: InCode, afterMs: number, facts: EventFacts = {}, respondInDays?: number): void {
  story.at += afterMs;
  const stated = respondInDays === undefined ? facts : { ...facts, respondBy: addDays(dayAt(story.at, IST_MS), respondInDays) };
  const lag = source === 'efiling' ? between(story.random, 60_000, 600_000) : source === 'banker' ? between(story.random, 6 * HOUR_MS, 30 * HOUR_MS)
    : between(story.random, 600_000, 6 * HOUR_MS);
  const bank = source === 'banker' || code === 'IN_SENT_BANKER' || code === 'IN_REISSUE_REQ';
  story.drafts.push({ source, code, at: story.at, lagMs: lag, facts: stated, bank });
}

export interface InReturn { readonly year: number; readonly filedAt: number; readonly returnNo: number; readonly index: number }

/** All events of one return in the order of the story. */
export function indianReturn(table: InSeason, random: Random, one: InReturn): Draft[] {
  const { shares } = table;
  const story: Story = { table, random, drafts: [], year: one.year, at: one.filedAt };
  const draw = random.int(10_000);
  const outcome = draw < shares.refund ? 'refund' : draw < shares.refund + shares.demand ? 'demand' : 'nil';
  const asks = outcome === 'refund' || chance(random, outcome === 'nil' ? shares.nilClaimed : shares.demandClaimed);
  const claimed = asks ? amountOf(random, table.amounts, PAISE, TEN_RUPEES) : 0n;
  const early = dayAt(one.filedAt, IST_MS) <= `${one.year}-07-31`;
  const formType = chance(random, early ? 7500 : 4000) ? oneOf(random, ['ITR-1', 'ITR-1', 'ITR-1', 'ITR-2']) : oneOf(random, ['ITR-3', 'ITR-4', 'ITR-4']);
  tell(story, 'efiling', 'IN_FILED_UNVERIFIED', 0, {
    claimed, formType, trackingNo: `EXA${one.year}${String(one.index).padStart(8, '0')}${one.returnNo}`,
      ...(one.returnNo > 1 ? { revisedReturnOf: one.returnNo - 1 } : {}),
  });
  if (chance(random, shares.unverified)) {
    tell(story, 'efiling', 'IN_LAPSED', 31 * DAY_MS, { reasonCode: 'not_verified_in_time' });
    return story.drafts;
  }
  const soon = chance(random, shares.verifiedSameDay);
  const flags = { verified: true, panLinked: !chance(random, 100), bankValidated: !chance(random, 300) };
  tell(story, 'efiling', 'IN_VERIFIED', soon ? between(random, 120_000, 5_400_000) : between(random, DAY_MS, 29 * DAY_MS), { verification: flags });
  if (!processed(story, claimed)) return story.drafts;
  if (outcome === 'demand') tell(story, source(story), 'IN_DEMAND', 0,
    { reasonCode: oneOf<ReasonCode>(random, ['tds_mismatch', 'tax_unpaid', 'arithmetic']) }, 30);
  else if (outcome === 'nil') nil(story);
  else refund(story, claimed, one.filedAt);
  return story.drafts;
}

/** An officer who holds the return speaks for it; otherwise the processing centre does. */
const source = (story: Story): 'ao' | 'cpc' => (story.drafts.some((draft) => draft.code === 'IN_TRANSFERRED_AO') ? 'ao' : 'cpc');

/** Queue, checks and detours up to the moment of the outcome; false when the return ended on the way. */
function processed(story: Story, claimed: bigint): boolean {
  const { random, table: { shares, durations } } = story;
  const total = durationMs(random, durations.processing);
  const begin = Math.min(total, between(random, HOUR_MS, 36 * HOUR_MS));
  tell(story, 'cpc', 'IN_PROCESSING', begin);
  const rest = total - begin;
  const half = Math.floor(rest / 2);
  if (chance(random, shares.defective)) {
    tell(story, 'cpc', 'IN_DEFECTIVE', half, { reasonCode: oneOf<ReasonCode>(random, ['missing_schedule', 'tax_unpaid']), noticeNo: notice(story) }, 15);
    if (chance(random, shares.defectUnanswered)) {
      tell(story, 'cpc', 'IN_LAPSED', 20 * DAY_MS, { reasonCode: 'defect_not_cured' });
      return false;
    }
    tell(story, 'cpc', 'IN_PROCESSING', between(random, 2 * DAY_MS, 14 * DAY_MS));
  } else if (chance(random, shares.proposed)) {
    tell(story, 'cpc', 'IN_PROPOSED_ADJ', half, { reasonCode: oneOf<ReasonCode>(random, ['tds_mismatch', 'arithmetic', 'credit_mismatch']),
      noticeNo: notice(story) }, 30);
    tell(story, 'cpc', 'IN_PROCESSING', between(random, 3 * DAY_MS, 31 * DAY_MS));
  } else if (chance(random, claimed > BigInt(story.table.largeRupees) * PAISE ? shares.holdLarge : shares.hold)) {
    tell(story, 'cpc', 'IN_RISK_HOLD', half, { reasonCode: 'deduction_check' });
    tell(story, 'cpc', 'IN_PROCESSING', durationMs(random, durations.hold));
  } else if (chance(random, shares.transferred)) {
    tell(story, 'cpc', 'IN_TRANSFERRED_AO', half, { reasonCode: 'credit_mismatch' });
    story.at += durationMs(random, durations.officer);
  } else story.at += half;
  story.at += rest - half;
  return true;
}

const notice = (story: Story): string => `EXN/${story.year}/${String(story.random.int(10_000_000)).padStart(7, '0')}`;

function nil(story: Story): void {
  const { shares } = story.table;
  tell(story, source(story), 'IN_NIL', 0, { computed: 0n });
  if (!chance(story.random, shares.nilRectified)) return;
  const computed = amountOf(story.random, story.table.amounts, PAISE, TEN_RUPEES);
  tell(story, 'cpc', 'IN_RECTIFIED', between(story.random, 30 * DAY_MS, 60 * DAY_MS), { computed });
  tell(story, 'cpc', 'IN_REFUND_DETERMINED', HOUR_MS, { computed });
  pay(story, computed);
}

function refund(story: Story, claimed: bigint, filedAt: number): void {
  const { random, table: { shares } } = story;
  const reduced = story.drafts.some((draft) => draft.code === 'IN_PROPOSED_ADJ') || chance(random, shares.reduced);
  const part = reduced ? partOf(claimed, 60 + random.int(40), TEN_RUPEES) : claimed;
  const computed = part > 0n ? part : TEN_RUPEES;
  const filedOn = dayAt(filedAt, IST_MS);
  const from = filedOn <= `${story.year}-08-31` ? `${story.year}-04-01` as CivilDate : filedOn;
  const interest = chance(random, shares.noInterest) ? 0n : refundInterest(computed, null, from, dayAt(story.at, IST_MS));
  tell(story, source(story), 'IN_REFUND_DETERMINED', 0, { computed, interest });
  let due = toTen(computed + interest);
  const debt = random.int(10_000);
  if (debt < shares.setOffFull + shares.setOffPartial) {
    const days = oneOf(random, [21, 30]);
    const demandYear = story.year - 1 - random.int(5);
    tell(story, 'cpc', 'IN_245_INTIMATED', between(random, DAY_MS, 3 * DAY_MS), { demandYear, reasonCode: 'earlier_demand', noticeNo: notice(story) }, days);
    const answered = chance(random, 4000) ? between(random, 2 * DAY_MS, days * DAY_MS) : (days + 1) * DAY_MS;
    const full = debt < shares.setOffFull || due <= TEN_RUPEES;
    const adjusted = full ? computed + interest : partOf(due, 20 + random.int(60), TEN_RUPEES) || TEN_RUPEES;
    tell(story, 'cpc', full ? 'IN_ADJ_FULL' : 'IN_ADJ_PARTIAL', answered, { adjusted, demandYear, reasonCode: 'earlier_demand' });
    if (full) return;
    due = toTen(computed + interest - adjusted);
  } else if (chance(random, shares.withheld)) {
    tell(story, 'ao', 'IN_WITHHELD', 2 * DAY_MS, { reasonCode: 'assessment_pending' });
    story.at += between(random, 60 * DAY_MS, 180 * DAY_MS);
  }
  pay(story, due);
}

const toTen = (amount: bigint): bigint => {
  const rest = amount % TEN_RUPEES;
  return rest * 2n >= TEN_RUPEES ? amount + TEN_RUPEES - rest : amount - rest;
};

const BANK_REASONS = ['not_validated', 'not_validated', 'account_closed', 'ifsc_wrong', 'name_mismatch',
  'pan_inoperative'] as const satisfies readonly ReasonCode[];

function pay(story: Story, paid: bigint): void {
  const { random, table: { shares, durations } } = story;
  for (let attempt = 1; attempt <= 3; attempt++) {
    const trackingNo = `EXR${story.year}${String(random.int(1_000_000_000)).padStart(9, '0')}`;
    tell(story, 'cpc', 'IN_SENT_BANKER', durationMs(random, attempt === 1 ? durations.toBanker : durations.resend), { paid, trackingNo });
    if (attempt === 1 && chance(random, shares.expired)) {
      tell(story, 'banker', 'IN_EXPIRED', 90 * DAY_MS);
      return;
    }
    const fails = chance(random, attempt === 1 ? shares.bankFailure : shares.failureAgain);
    const returns = !fails && attempt === 1 && chance(random, shares.returnedAfterPaid);
    if (!fails) tell(story, 'banker', 'IN_PAID', durationMs(random, durations.credit), { paid, trackingNo });
    if (!fails && !returns) return;
    tell(story, 'banker', 'IN_FAILED', returns ? between(random, 5 * DAY_MS, 25 * DAY_MS) : durationMs(random, durations.failure), {
      reasonCode: oneOf(random, BANK_REASONS), verification: { bankValidated: false },
    });
    if (!chance(random, shares.reissued)) return;
    tell(story, 'efiling', 'IN_REISSUE_REQ', durationMs(random, durations.reissue), { verification: { bankValidated: true, panLinked: true } });
  }
}
