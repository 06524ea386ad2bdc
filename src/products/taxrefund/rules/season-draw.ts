/** Drawing from tables, and the drafts that a story is made of. Only whole numbers touch amounts; only + − × ÷ touch time, so every machine draws the same. */
import { type CivilDate, type Random } from '#kernel';
import { quantile } from './expected.ts';
import type { EventFacts, Quantiles } from './types.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** One event before it is given an id and a time of receipt. `lagMs` is negative for what is announced ahead. */
export interface Draft {
  readonly source: string;
  readonly code: string;
  readonly at: number;
  readonly lagMs: number;
  readonly facts: EventFacts;
  /** The line is about the bank and names the account. */
  readonly bank: boolean;
}

export interface ReturnDrafts { readonly year: number; readonly returnNo: number; readonly drafts: readonly Draft[] }

const BLOCK_BYTES = 128;
const WORDS = 2 ** 32;

/** The same source read in blocks: drawing four bytes at a time is most of the cost of a season. */
export function inBlocks(random: Random): Random {
  let block = random.bytes(BLOCK_BYTES);
  let used = 0;
  const word = (): number => {
    if (used === BLOCK_BYTES) [block, used] = [random.bytes(BLOCK_BYTES), 0];
    used += 4;
    return block.readUInt32BE(used - 4);
  };
  return {
    bytes: (n) => random.bytes(n),
    hex: (digits) => random.hex(digits),
    int(below) {
      const limit = WORDS - (WORDS % below);
      for (;;) {
        const drawn = word();
        if (drawn < limit) return drawn % below;
      }
    },
    unit: () => word() / WORDS,
  };
}

export const chance = (random: Random, perTenThousand: number): boolean => random.int(10_000) < perTenThousand;

export function oneOf<T>(random: Random, list: readonly [T, ...T[]]): T {
  return list[random.int(list.length)] ?? list[0];
}

/** Milliseconds from a table of hours. */
export const durationMs = (random: Random, hours: Quantiles): number => Math.round(quantile(hours, random.int(1001)) * HOUR_MS);

/** An instant from `fromMs` up to `toMs`, in whole seconds after `fromMs`. */
export const between = (random: Random, fromMs: number, toMs: number): number => fromMs + 1000 * random.int(Math.max(1, Math.floor((toMs - fromMs) / 1000)));

const FINE = 1_000_000n;

/** Minor units from a table of whole major units, in whole-number arithmetic, rounded down to a multiple of `step`. */
export function amountOf(random: Random, table: Quantiles, minorPerMajor: bigint, step: bigint): bigint {
  const at = BigInt(random.int(1_000_000)) * 1000n;
  let [lowAt, low] = [0n, 0n];
  for (const [permille, major] of table) {
    const [highAt, high] = [BigInt(permille) * FINE, BigInt(major) * minorPerMajor];
    if (at <= highAt && highAt > lowAt) {
      const exact = low + ((high - low) * (at - lowAt)) / (highAt - lowAt);
      const rounded = exact - (exact % step);
      return rounded > 0n ? rounded : step;
    }
    [lowAt, low] = [highAt, high];
  }
  return low;
}

/** A part of an amount, `percent` 0 to 100, rounded down to a multiple of `step`. */
export const partOf = (amount: bigint, percent: number, step: bigint): bigint => {
  const part = (amount * BigInt(percent)) / 100n;
  return part - (part % step);
};

/** The civil day of an instant at UTC+05:30 or any fixed offset; the generator needs days, not zones with daylight saving. */
export const dayAt = (at: number, offsetMs: number): CivilDate => new Date(at + offsetMs).toISOString().slice(0, 10) as CivilDate;
