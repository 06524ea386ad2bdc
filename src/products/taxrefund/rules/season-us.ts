/** The story of one return in the United States, as the refund tracker, the account record and the notices tell it. */
import { addDays, type Random } from '#kernel';
import { amountOf, between, chance, DAY_MS, dayAt, type Draft, durationMs, HOUR_MS, oneOf, partOf } from './season-draw.ts';
import type { EventFacts, ReasonCode, UsCode, UsSeason } from './types.ts';

const CENTS = 100n;
/** Eastern standard time; the generator needs days, not daylight saving. */
const EST_MS = -5 * HOUR_MS;

type Source = 'wmr' | 'efile' | 'masterfile' | 'notices' | 'bfs';
interface Story { readonly table: UsSeason; readonly random: Random; readonly drafts: Draft[]; at: number; readonly year: number }

function tell(story: Story, source: Source, code: UsCode, afterMs: number, facts: EventFacts = {}, respondInDays?: number): void {
  story.at += afterMs;
  const stated = respondInDays === undefined ? facts : { ...facts, respondBy: addDays(dayAt(story.at, EST_MS), respondInDays) };
  const lagMs = source === 'wmr' ? between(story.random, HOUR_MS, 12 * HOUR_MS) : between(story.random, 12 * HOUR_MS, 36 * HOUR_MS);
  story.drafts.push({ source, code, at: story.at, lagMs, facts: stated, bank: code === 'US_TC841' });
}

export interface UsReturn { readonly year: number; readonly filedAt: number; readonly returnNo: number; readonly index: number }

/** All events of one return in the order of the story. */
export function americanReturn(table: UsSeason, random: Random, one: UsReturn): Draft[] {
  const { shares, durations } = table;
  const story: Story = { table, random, drafts: [], at: one.filedAt, year: one.year };
  const refund = chance(random, shares.refund);
  const claimed = refund ? amountOf(random, table.amounts, CENTS, CENTS) : 0n;
  const earned = refund && chance(random, shares.earnedIncome);
  const release = Date.parse(`${one.year + 1}-${table.pathReleaseDay}T12:00:00Z`);
  tell(story, 'wmr', 'US_WMR1', 24 * HOUR_MS, {
    claimed, formType: one.returnNo > 1 ? '1040-X' : oneOf(random, ['1040', '1040', '1040', '1040', '1040-SR']),
    ...(one.returnNo > 1 ? { revisedReturnOf: one.returnNo - 1 } : {}), ...(earned && story.at < release ? { reasonCode: 'path_act' as const } : {}),
  });
  identity(story, claimed);
  if (chance(random, shares.review)) tell(story, 'notices', 'US_CP05', between(random, 2 * DAY_MS, 9 * DAY_MS), { reasonCode: 'wage_check' });
  story.at += durationMs(random, durations.posting);
  if (earned && story.at < release) story.at = release + between(random, 0, 5 * DAY_MS);
  const computed = posted(story, claimed, earned);
  if (computed <= 0n) return story.drafts;
  detours(story);
  pay(story, offsets(story, computed), computed);
  return story.drafts;
}

function identity(story: Story, claimed: bigint): void {
  const { random, table: { shares, durations } } = story;
  const draw = random.int(10_000);
  if (claimed === 0n || draw >= shares.identityOnline + shares.identityPhone) return;
  story.at += between(random, 3 * DAY_MS, 10 * DAY_MS);
  tell(story, 'notices', draw < shares.identityOnline ? 'US_5071C' : 'US_4883C', 0, { reasonCode: 'identity_check', verification: { verified: false } }, 30);
  tell(story, 'masterfile', 'US_TC571', durationMs(random, durations.identity), { verification: { verified: true } });
}

/** Assessment and credits, all posted at one instant; returns the refund that the account shows. */
function posted(story: Story, claimed: bigint, earned: boolean): bigint {
  const { random, table: { shares } } = story;
  const corrected = claimed > 0n && chance(random, shares.mathError);
  const computed = corrected ? partOf(claimed, 50 + random.int(70), CENTS) : claimed;
  tell(story, 'masterfile', 'US_TC150', 0, { computed });
  tell(story, 'masterfile', 'US_TC806', 0);
  if (earned) tell(story, 'masterfile', 'US_TC768', 0);
  if (chance(random, shares.otherCredit)) tell(story, 'masterfile', 'US_TC766', 0);
  if (corrected) tell(story, 'notices', 'US_CP12', 2 * DAY_MS, { computed, reasonCode: 'arithmetic' }, 60);
  return computed;
}

function detours(story: Story): void {
  const { random, table: { durations } } = story;
  const draw = random.int(10_000);
  const { hold, freeze, examination, taxRaised, taxLowered } = story.table.shares;
  if (draw < hold) {
    tell(story, 'masterfile', 'US_TC570', 0, { reasonCode: oneOf<ReasonCode>(random, ['wage_check', 'credit_mismatch', 'other']) });
    tell(story, 'masterfile', 'US_TC971', between(random, 0, 5 * DAY_MS));
    tell(story, 'masterfile', chance(random, 9000) ? 'US_TC571' : 'US_TC572', durationMs(random, durations.hold));
  } else if (draw < hold + freeze) {
    tell(story, 'masterfile', 'US_TC810', 0, { reasonCode: 'credit_mismatch' });
    tell(story, 'masterfile', 'US_TC811', durationMs(random, durations.hold));
  } else if (draw < hold + freeze + examination) {
    tell(story, 'masterfile', 'US_TC424', 0);
    tell(story, 'masterfile', 'US_TC420', between(random, DAY_MS, 10 * DAY_MS));
    tell(story, 'masterfile', 'US_TC571', durationMs(random, durations.hold));
  } else if (draw < hold + freeze + examination + taxRaised) tell(story, 'masterfile', 'US_TC290', between(random, 2 * DAY_MS, 9 * DAY_MS));
  else if (draw < hold + freeze + examination + taxRaised + taxLowered) tell(story, 'masterfile', 'US_TC291', between(random, 2 * DAY_MS, 9 * DAY_MS));
}

/** Debts that are taken first; returns what was kept. */
function offsets(story: Story, computed: bigint): bigint {
  const { random, table: { shares } } = story;
  const draw = random.int(10_000);
  const adjusted = chance(random, 5000) ? computed : partOf(computed, 20 + random.int(60), CENTS);
  if (adjusted <= 0n) return 0n;
  if (draw < shares.treasuryOffset) {
    tell(story, 'bfs', 'US_TC898', DAY_MS, { adjusted, reasonCode: oneOf<ReasonCode>(random, ['child_support', 'student_loan', 'state_debt']) });
    if (!chance(random, shares.offsetReversed)) return adjusted;
    tell(story, 'bfs', 'US_TC899', between(random, 20 * DAY_MS, 60 * DAY_MS), { adjusted: 0n });
    return 0n;
  }
  if (draw >= shares.treasuryOffset + shares.taxOffset) return 0n;
  tell(story, 'masterfile', 'US_TC826', DAY_MS, { adjusted, demandYear: story.year - 1 - random.int(4), reasonCode: 'earlier_demand' });
  tell(story, 'notices', 'US_CP49', DAY_MS, { adjusted });
  return adjusted;
}

function pay(story: Story, kept: bigint, computed: bigint): void {
  const { random, table: { shares, durations } } = story;
  const paid = computed - kept;
  if (paid <= 0n) return;
  const paper = chance(random, shares.paperCheck);
  tell(story, 'wmr', 'US_WMR2', durationMs(random, durations.approve));
  dated(story, paid);
  if (!chance(random, paper ? shares.checkReturned : shares.depositReturned)) return;
  if (paper) tell(story, 'masterfile', 'US_TC740', durationMs(random, durations.returned), { reasonCode: 'check_undelivered' });
  else tell(story, 'masterfile', 'US_TC841', durationMs(random, durations.returned),
    { reasonCode: oneOf<ReasonCode>(random, ['account_closed', 'routing_wrong', 'name_mismatch']) });
  tell(story, 'notices', 'US_CP53E', between(random, 3 * DAY_MS, 12 * DAY_MS), { reasonCode: 'no_bank_details', verification: { bankValidated: false } }, 30);
  // Without new details a check goes out about six weeks later.
  story.at += chance(random, 8000) ? durationMs(random, durations.reply) : 42 * DAY_MS;
  dated(story, paid);
}

/** A payment is posted some days before the date that it carries; the tracker repeats it on that day. */
function dated(story: Story, paid: bigint): void {
  const { random, table: { durations } } = story;
  const ahead = durationMs(random, durations.dated);
  const trackingNo = `EXT${story.year}${String(random.int(1_000_000_000)).padStart(9, '0')}`;
  story.at += ahead;
  story.drafts.push({ source: 'masterfile', code: 'US_TC846', at: story.at, lagMs: between(random, HOUR_MS, 12 * HOUR_MS) - ahead,
    facts: { paid, trackingNo }, bank: true });
  tell(story, 'wmr', 'US_WMR3', between(random, HOUR_MS, 20 * HOUR_MS), { paid });
}
