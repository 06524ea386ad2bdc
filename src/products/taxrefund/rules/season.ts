/**
 * A whole filing season as a stream of feed lines on a virtual clock: in the order of receipt, with the late, repeated, corrected and
 * contradictory lines that real feeds have, in small shares. The same pack, options and seed give the same bytes on every machine.
 */
import { type CivilDate, type Random, seededRandom } from '#kernel';
import { quantile } from './expected.ts';
import { type EventLine, type FeedLine, type TaxpayerLine, wireFacts } from './feed.ts';
import { between, chance, DAY_MS, type Draft, HOUR_MS, inBlocks, type ReturnDrafts } from './season-draw.ts';
import { indianReturn } from './season-in.ts';
import { FILERS_MAX, personOf } from './season-person.ts';
import { americanReturn } from './season-us.ts';
import type { CountryPack } from './types.ts';

export interface SeasonOptions {
  /** How many people file; at most `FILERS_MAX` of the country. */
  readonly filers: number;
  readonly seed: string;
  /** First day of the season; the pack's own when absent. */
  readonly start?: CivilDate;
  /** Filers whose lines stay in memory (about 4 kB each); the others are told again from their own seed, so memory does not grow with the season. */
  readonly keptFilers?: number;
}

/** Shares per 10,000: of events, of corrections (the correction comes first), and of filers. */
export const NOISE = { late: 100, duplicate: 100, corrected: 30, correctedFirst: 1000, contradiction: 3, unknown: 2, contradictoryFinal: 20,
  history: 300 } as const;

/** Hours of the day at which returns are filed: few at night, most in the evening. */
const HOURS = [[0, 0], [50, 8], [550, 15], [900, 21], [1000, 24]] as const;
const KEPT_FILERS = 20_000;

interface Timed { readonly at: number; readonly line: EventLine }

/** The lines of a season in order of receipt. A person's line comes directly before their first event. */
export function* season(pack: CountryPack, options: SeasonOptions): Generator<FeedLine, void, undefined> {
  const { filers } = options;
  if (!Number.isSafeInteger(filers) || filers < 0 || filers > FILERS_MAX[pack.country]) throw new RangeError(`filers: ${filers}`);
  const keptMax = options.keptFilers ?? KEPT_FILERS;
  const kept = new Map<number, readonly Timed[]>();
  const keep = (index: number, lines: readonly Timed[]): void => {
    if (kept.size >= keptMax) for (const oldest of kept.keys()) { kept.delete(oldest); break; }
    if (keptMax > 0) kept.set(index, lines);
  };
  const linesOf = (index: number): readonly Timed[] => {
    const known = kept.get(index);
    if (known !== undefined) return known;
    const lines = filerLines(pack, options, index).events;
    keep(index, lines);
    return lines;
  };
  const waiting = heap();
  let next = 0;
  while (next < filers || waiting.size() > 0) {
    if (next < filers && arrivalAt(pack, options, next) <= waiting.first()) {
      const told = filerLines(pack, options, next);
      yield told.taxpayer;
      keep(next, told.events);
      if (told.events[0] !== undefined) waiting.push(told.events[0].at, next * LINES_MAX);
      next++;
      continue;
    }
    const key = waiting.pop();
    const [index, at] = [Math.floor(key / LINES_MAX), key % LINES_MAX];
    const lines = linesOf(index);
    const line = lines[at];
    if (line !== undefined) yield line.line;
    const after = lines[at + 1];
    if (after === undefined) kept.delete(index);
    else waiting.push(after.at, key + 1);
  }
}

/** When the filer with this index appears; grows with the index. */
function arrivalAt(pack: CountryPack, options: SeasonOptions, index: number): number {
  const start = Date.parse(options.start ?? pack.season.start) - (pack.country === 'IN' ? 5.5 : -5) * HOUR_MS;
  const days = quantile(pack.season.arrival, ((index + 0.5) * 1000) / options.filers);
  const day = Math.floor(days);
  return start + day * DAY_MS + Math.floor(quantile(HOURS, (days - day) * 1000) * HOUR_MS);
}

/** Everything that the feed will ever say about one filer; pure, so it can be told again at any time. */
function filerLines(pack: CountryPack, options: SeasonOptions, index: number): { readonly taxpayer: TaxpayerLine; readonly events: readonly Timed[] } {
  const random = inBlocks(seededRandom(`${options.seed}:${pack.country}:${index}`));
  const taxpayer = personOf(pack.country, index, random);
  const accountTail = String(random.int(10_000)).padStart(4, '0');
  const filedAt = arrivalAt(pack, options, index);
  const year = pack.year.current;
  const history = chance(random, NOISE.history);
  const returns = [...(history ? pastReturns(pack, random, index, filedAt) : []), ...returnsOf(pack, random, { year, filedAt, index })];
  const events: Timed[] = [];
  for (const one of returns) {
    // The history of a newcomer is delivered with the first filing; the rest arrives when it happens.
    events.push(...withNoise(pack, random, one, { identifier: taxpayer.identifier, accountTail, index, notBefore: filedAt }));
  }
  events.sort((a, b) => a.at - b.at);
  if (events.length > LINES_MAX) throw new RangeError(`a filer with ${events.length} lines`);
  return { taxpayer, events };
}

/** No filer has more lines: seven years, a revision in each, and noise. */
const LINES_MAX = 512;

interface Filing { readonly year: number; readonly filedAt: number; readonly index: number }

function pastReturns(pack: CountryPack, random: Random, index: number, filedAt: number): ReturnDrafts[] {
  const past: ReturnDrafts[] = [];
  for (let back = pack.year.history - 1; back >= 1; back--) {
    past.push(...returnsOf(pack, random, { year: pack.year.current - back, filedAt: filedAt - back * 365 * DAY_MS - random.int(10) * DAY_MS, index }));
  }
  return past;
}

/** The original return and, for some, a revised one that replaces it. */
function returnsOf(pack: CountryPack, random: Random, filing: Filing): ReturnDrafts[] {
  const table = pack.season;
  const story = (one: Filing & { readonly returnNo: number }): Draft[] =>
    (table.country === 'IN' ? indianReturn(table, random, one) : americanReturn(table, random, one));
  const original = story({ ...filing, returnNo: 1 });
  if (!chance(random, table.shares.revised)) return [{ year: filing.year, returnNo: 1, drafts: original }];
  const revisedAt = between(random, filing.filedAt + 3 * DAY_MS, filing.filedAt + 60 * DAY_MS);
  const revised = story({ ...filing, filedAt: revisedAt, returnNo: 2 });
  // In the United States an amended return (1040-X) stands beside the original; in India it replaces it.
  const replaced = pack.country === 'US' ? original : [
    ...original.filter((draft) => draft.at < revisedAt),
    { source: 'cpc', code: 'IN_SUPERSEDED', at: revisedAt + HOUR_MS, lagMs: HOUR_MS, facts: {}, bank: false },
  ];
  return [{ year: filing.year, returnNo: 1, drafts: replaced }, { year: filing.year, returnNo: 2, drafts: revised }];
}

interface Known { readonly identifier: string; readonly accountTail: string; readonly index: number; readonly notBefore: number }

/** Turns a story into lines, and lets some arrive late, twice, corrected or in contradiction. */
function withNoise(pack: CountryPack, random: Random, told: ReturnDrafts, known: Known): Timed[] {
  const lines: Timed[] = [];
  const drafts = [...told.drafts];
  const last = drafts.at(-1);
  if (chance(random, NOISE.contradictoryFinal) && last?.code === 'IN_PAID') {
    drafts.push({ source: 'cpc', code: 'IN_NIL', at: last.at + DAY_MS, lagMs: HOUR_MS, facts: { computed: 0n }, bank: false });
  }
  drafts.forEach((draft, serial) => {
    const noise = noiseOf(random);
    const lag = draft.lagMs + (noise === 'late' ? between(random, DAY_MS, 10 * DAY_MS) : 0);
    const at = Math.max(draft.at + lag, known.notBefore);
    const line = lineOf(told, known, draft, serial, at);
    const again = (also: EventLine, afterMs: number): void => {
      lines.push({ at: at + afterMs, line: { ...also, receivedAt: new Date(at + afterMs).toISOString() } });
    };
    if (noise === 'corrected') {
      const corrected = { ...line, sourceVersion: 2, occurredAt: new Date(draft.at + 60_000).toISOString() };
      const swapped = chance(random, NOISE.correctedFirst);
      again(swapped ? corrected : line, 0);
      again(swapped ? line : corrected, between(random, HOUR_MS, 5 * DAY_MS));
      return;
    }
    lines.push({ at, line });
    if (noise === 'duplicate') again(line, between(random, 60_000, 2 * DAY_MS));
    if (noise === 'contradiction') again({ ...line, facts: { ...line.facts, noticeNo: 'EXN/CONTRADICTION' } }, between(random, 60_000, DAY_MS));
    if (noise === 'unknown') {
      const strange = { ...draft, code: `${pack.country}_X${900 + random.int(100)}`, facts: {}, bank: false, at: draft.at + 1000 };
      again(lineOf(told, known, strange, drafts.length + serial, at), HOUR_MS);
    }
  });
  return lines;
}

const KINDS = ['late', 'duplicate', 'corrected', 'contradiction', 'unknown'] as const;

function noiseOf(random: Random): typeof KINDS[number] | null {
  let draw = random.int(10_000);
  for (const kind of KINDS) {
    draw -= NOISE[kind];
    if (draw < 0) return kind;
  }
  return null;
}

function lineOf(told: ReturnDrafts, known: Known, draft: Draft, serial: number, at: number): EventLine {
  return {
    kind: 'event', identifier: known.identifier, year: told.year, returnNo: told.returnNo, ...(draft.bank ? { accountTail: known.accountTail } : {}),
    source: draft.source, sourceEventId: `${draft.source}-${known.index}-${told.year}-${told.returnNo}-${serial}`, sourceVersion: 1,
    occurredAt: new Date(draft.at).toISOString(), receivedAt: new Date(at).toISOString(), code: draft.code, facts: wireFacts(draft.facts),
  };
}

/** A binary heap of (time, key) in two flat arrays: sixteen bytes for each filer with lines to come. */
function heap(): { size(): number; first(): number; push(at: number, key: number): void; pop(): number } {
  const ats: number[] = [];
  const keys: number[] = [];
  const before = (a: number, b: number): boolean => {
    const [x, y] = [ats[a] ?? Infinity, ats[b] ?? Infinity];
    return x < y || (x === y && (keys[a] ?? Infinity) < (keys[b] ?? Infinity));
  };
  const swap = (a: number, b: number): void => {
    [ats[a], ats[b]] = [ats[b] ?? 0, ats[a] ?? 0];
    [keys[a], keys[b]] = [keys[b] ?? 0, keys[a] ?? 0];
  };
  return {
    size: () => ats.length,
    first: () => ats[0] ?? Infinity,
    push(at, key) {
      ats.push(at);
      keys.push(key);
      for (let child = ats.length - 1; child > 0;) {
        const parent = (child - 1) >> 1;
        if (!before(child, parent)) break;
        swap(child, parent);
        child = parent;
      }
    },
    pop() {
      const top = keys[0] ?? 0;
      swap(0, ats.length - 1);
      ats.pop();
      keys.pop();
      for (let parent = 0;;) {
        const [left, right] = [2 * parent + 1, 2 * parent + 2];
        let least = left < ats.length && before(left, parent) ? left : parent;
        if (right < ats.length && before(right, least)) least = right;
        if (least === parent) break;
        swap(least, parent);
        parent = least;
      }
      return top;
    },
  };
}
