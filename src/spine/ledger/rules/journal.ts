import { done, exponentOf, isCurrency, refuse, type CivilDate, type Currency, type Money, type Outcome, type Uuid } from '#kernel';
import { AMOUNT_MAX, journalInvalid, JOURNAL_LEGS_MAX, PARTS_WHOLE, SHARES_MAX, type Side, type TransferDraft } from '../contract.ts';

/** One leg of a journal: an account is debited or credited, not yet against whom. */
export interface Leg { readonly account: Uuid; readonly side: Side; readonly amount: Money }

interface Open { readonly account: Uuid; left: bigint }

/** Matches debits with credits in the order given: of D and C legs come at most D + C − 1 transfers. */
function match(debits: Open[], credits: Open[]): { debit: Uuid; credit: Uuid; amount: bigint }[] {
  const pairs: { debit: Uuid; credit: Uuid; amount: bigint }[] = [];
  for (let d = 0, c = 0; d < debits.length && c < credits.length;) {
    const from = debits[d] as Open, to = credits[c] as Open;
    const amount = from.left < to.left ? from.left : to.left;
    pairs.push({ debit: from.account, credit: to.account, amount });
    from.left -= amount;
    to.left -= amount;
    if (from.left === 0n) d += 1;
    if (to.left === 0n) c += 1;
  }
  return pairs;
}

const invalid = (field: string, limit: string): ReturnType<typeof refuse> => refuse(journalInvalid, { field, limit });

/**
 * The linked transfers of a journal of M legs, at most M − 1. Debits must equal credits in each currency, and an account stands on
 * one side only, so what a guard sees on the way is never worse than the end. Refuses `journal-invalid`.
 */
export function journal(legs: readonly Leg[], more: { readonly ref?: string; readonly code?: number; readonly effective?: CivilDate } = {}):
  Outcome<TransferDraft[]> {
  if (legs.length < 2 || legs.length > JOURNAL_LEGS_MAX) return invalid('legs', `2 to ${JOURNAL_LEGS_MAX}`);
  const sides = new Map<Currency, Record<Side, Open[]>>();
  for (const [i, { account, side, amount: { amount, currency } }] of legs.entries()) {
    if (!isCurrency(currency)) return invalid(`legs.${i}.amount.currency`, 'an ISO 4217 code that the program speaks');
    if (amount <= 0n || amount > AMOUNT_MAX) return invalid(`legs.${i}.amount.amount`, `1 to ${AMOUNT_MAX}`);
    const of = sides.get(currency) ?? { debit: [], credit: [] };
    sides.set(currency, of);
    of[side].push({ account, left: amount });
  }
  const drafts: TransferDraft[] = [];
  for (const [currency, { debit, credit }] of sides) {
    const sum = (of: readonly Open[]): bigint => of.reduce((total, leg) => total + leg.left, 0n);
    if (sum(debit) !== sum(credit)) return invalid('legs', `debits equal to credits in ${currency}`);
    const accounts = new Set(debit.map((leg) => leg.account));
    if (credit.some((leg) => accounts.has(leg.account))) return invalid('legs', 'each account on one side only');
    for (const pair of match(debit, credit)) {
      const n = drafts.length;
      drafts.push({
        kind: 'transfer', debit: pair.debit, credit: pair.credit, amount: { amount: pair.amount, currency },
        ...(more.ref === undefined ? {} : { ref: n === 0 ? more.ref : `${more.ref}/${n}` }),
        ...(more.code === undefined ? {} : { code: more.code }), ...(more.effective === undefined ? {} : { effective: more.effective }),
      });
    }
  }
  return done(drafts);
}

/** What a receiver gets: a fixed amount, millionths of what is left behind the fixed amounts, or all that nobody else gets. */
export type Share = { readonly fixed: bigint } | { readonly parts: number } | { readonly remainder: true };

/**
 * Splits an amount so that no minor unit is lost or made: fixed amounts first, then parts rounded down, then what is left goes to the
 * remainder, or where there is none one unit each to the parts in the order given. Resolves to the amounts in order; refuses `journal-invalid`.
 */
export function allocate(total: bigint, shares: readonly Share[]): Outcome<bigint[]> {
  if (!shares.length || shares.length > SHARES_MAX) return invalid('shares', `1 to ${SHARES_MAX}`);
  let fixed = 0n, parts = 0, remainders = 0;
  for (const [i, share] of shares.entries()) {
    if ('fixed' in share) {
      if (share.fixed < 0n) return invalid(`shares.${i}.fixed`, '0 or more');
      fixed += share.fixed;
    } else if ('parts' in share) {
      if (!Number.isInteger(share.parts) || share.parts < 0) return invalid(`shares.${i}.parts`, `0 to ${PARTS_WHOLE}`);
      parts += share.parts;
    } else remainders += 1;
  }
  if (total < 0n || fixed > total) return invalid('shares', `fixed amounts of at most ${total}`);
  if (remainders > 1) return invalid('shares', 'one remainder');
  const rest = total - fixed;
  if (parts > PARTS_WHOLE || (remainders === 0 && rest > 0n && parts !== PARTS_WHOLE)) return invalid('shares', `parts of ${PARTS_WHOLE} in all`);
  const amounts = shares.map((share) => ('fixed' in share ? share.fixed : 'parts' in share ? (rest * BigInt(share.parts)) / BigInt(PARTS_WHOLE) : 0n));
  let left = total - amounts.reduce((sum, amount) => sum + amount, 0n);
  const last = shares.findIndex((share) => 'remainder' in share);
  if (last >= 0) amounts[last] = left;
  else {
    for (let i = 0; left > 0n; i++) {
      const share = shares[i] as Share;
      if (!('parts' in share) || share.parts === 0) continue;
      amounts[i] = (amounts[i] as bigint) + 1n;
      left -= 1n;
    }
  }
  return done(amounts);
}

/** A sale of one currency for another. The rate is major units bought for one major unit sold, as a fraction. */
export interface Exchange {
  readonly from: Uuid; readonly to: Uuid; readonly sell: Money; readonly buy: Currency;
  readonly rate: { readonly numerator: bigint; readonly denominator: bigint };
  /** The house's own accounts: one in each currency, and where the spread is earned, in the sold one. */
  readonly liquidity: { readonly sold: Uuid; readonly bought: Uuid; readonly spread: Uuid };
  /** Millionths of the sold amount. */
  readonly spreadParts: number;
  readonly ref?: string;
}

/**
 * The linked transfers of an exchange: what is sold goes to the liquidity account of its currency, what is bought comes from the other
 * one, and the spread is an entry of its own. Every rounding is in favour of the liquidity accounts. Refuses `journal-invalid`.
 */
export function exchange(e: Exchange): Outcome<{ readonly transfers: TransferDraft[]; readonly bought: Money; readonly spread: Money }> {
  const whole = BigInt(PARTS_WHOLE);
  if (!Number.isInteger(e.spreadParts) || e.spreadParts < 0 || e.spreadParts >= PARTS_WHOLE) return invalid('spreadParts', `0 to ${PARTS_WHOLE - 1}`);
  if (e.sell.currency === e.buy) return invalid('buy', 'another currency than is sold');
  if (e.rate.numerator <= 0n || e.rate.denominator <= 0n) return invalid('rate', 'more than 0');
  const spread = (e.sell.amount * BigInt(e.spreadParts) + whole - 1n) / whole;
  const net = e.sell.amount - spread;
  const bought = (net * e.rate.numerator * 10n ** BigInt(exponentOf(e.buy))) / (e.rate.denominator * 10n ** BigInt(exponentOf(e.sell.currency)));
  if (net <= 0n || bought <= 0n || bought > AMOUNT_MAX) return invalid('sell', `an amount that buys 1 to ${AMOUNT_MAX}`);
  const name = (part: string): { ref?: string } => (e.ref === undefined ? {} : { ref: part === '' ? e.ref : `${e.ref}/${part}` });
  const transfers: TransferDraft[] = [
    { kind: 'transfer', debit: e.from, credit: e.liquidity.sold, amount: { amount: net, currency: e.sell.currency }, ...name('') },
    { kind: 'transfer', debit: e.liquidity.bought, credit: e.to, amount: { amount: bought, currency: e.buy }, ...name('bought') },
  ];
  if (spread > 0n) transfers.push({ kind: 'transfer', debit: e.from, credit: e.liquidity.spread, amount: { amount: spread, currency: e.sell.currency },
    ...name('spread') });
  return done({ transfers, bought: { amount: bought, currency: e.buy }, spread: { amount: spread, currency: e.sell.currency } });
}
