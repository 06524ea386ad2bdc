import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Currency, Outcome, Uuid } from '#kernel';
import { JOURNAL_LEGS_MAX, PARTS_WHOLE } from '../contract.ts';
import { allocate, exchange, journal, type Leg, type Share } from './journal.ts';

const id = (n: number): Uuid => n.toString(16).padStart(32, '0') as Uuid;
const leg = (side: 'debit' | 'credit', n: number, amount: bigint, currency: Currency = 'INR'): Leg => ({ account: id(n), side, amount: { amount, currency } });
const value = <T>(o: Outcome<T>): T => {
  if (!o.ok) throw new Error(JSON.stringify(o.data));
  return o.value;
};
const refusal = (o: Outcome<unknown>): unknown => (o.ok ? 'done' : o.data);

describe('a journal', () => {
  it('of M legs is at most M − 1 transfers, and each leg comes to its amount', () => {
    fc.assert(fc.property(fc.array(fc.bigInt(1n, 10n ** 12n), { minLength: 1, maxLength: 12 }), fc.array(fc.bigInt(1n, 10n ** 12n), { minLength: 1,
      maxLength: 12 }), (d, c) => {
      const sum = (of: readonly bigint[]): bigint => of.reduce((total, n) => total + n, 0n);
      const gap = sum(d) - sum(c);
      const [debits, credits] = gap > 0n ? [d, [...c, gap]] : gap < 0n ? [[...d, -gap], c] : [d, c];
      const legs = [...debits.map((n, i) => leg('debit', i + 1, n)), ...credits.map((n, i) => leg('credit', 100 + i, n))];
      const transfers = value(journal(legs));
      expect(transfers.length).toBeLessThan(legs.length);
      for (const [side, of] of [['debit', debits], ['credit', credits]] as const) {
        of.forEach((n, i) => expect(sum(transfers.filter((t) => 'debit' in t && t[side] === id(i + (side === 'debit' ? 1 : 100)))
          .map((t) => ('amount' in t ? t.amount?.amount ?? 0n : 0n)))).toBe(n));
      }
    }));
  });
  it('balances in each currency by itself', () => {
    const legs = [leg('debit', 1, 5n), leg('credit', 2, 5n), leg('debit', 3, 7n, 'USD'), leg('credit', 4, 7n, 'USD')];
    expect(value(journal(legs, { ref: 'x', code: 4 }))).toMatchObject([{ debit: id(1), credit: id(2), ref: 'x', code: 4 }, { debit: id(3), credit: id(4),
      ref: 'x/1', code: 4 }]);
    expect(refusal(journal([leg('debit', 1, 5n), leg('credit', 2, 5n, 'USD')]))).toEqual({ field: 'legs', limit: 'debits equal to credits in INR' });
  });
  it('is refused with the field and the limit', () => {
    expect(refusal(journal(Array.from({ length: 100_000 }, (_, i) => leg(i % 2 ? 'debit' : 'credit', i, 1n))))).toEqual({ field: 'legs',
      limit: `2 to ${JOURNAL_LEGS_MAX}` });
    expect(refusal(journal([leg('debit', 1, -5n), leg('credit', 2, -5n)]))).toMatchObject({ field: 'legs.0.amount.amount' });
    expect(refusal(journal([leg('debit', 1, 5n), leg('credit', 2, 5n, 'XXX' as never)]))).toMatchObject({ field: 'legs.1.amount.currency' });
    expect(refusal(journal([leg('debit', 1, 5n), leg('credit', 1, 5n)]))).toMatchObject({ limit: 'each account on one side only' });
  });
});

describe('an allocation', () => {
  it('gives what is left over from the top', () => {
    expect(value(allocate(15n, [{ parts: 800_000 }, { parts: 80_000 }, { parts: 120_000 }]))).toEqual([13n, 1n, 1n]);
    expect(value(allocate(100n, [{ fixed: 33n }, { parts: 500_000 }, { remainder: true }]))).toEqual([33n, 33n, 34n]);
    expect(value(allocate(1n, [{ parts: 0 }, { parts: 500_000 }, { parts: 500_000 }]))).toEqual([0n, 1n, 0n]);
  });
  it('never loses or makes a minor unit', () => {
    const parts = fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 20 });
    fc.assert(fc.property(fc.bigInt(0n, 2n ** 63n - 1n), parts, fc.bigInt(0n, 10n ** 6n), fc.boolean(), (total, weights, fixed, remainder) => {
      const whole = weights.reduce((sum, n) => sum + n, 0);
      const shares: Share[] = weights.map((n) => ({ parts: Math.floor((n * PARTS_WHOLE) / whole) }));
      const missing = PARTS_WHOLE - shares.reduce((sum, s) => sum + ('parts' in s ? s.parts : 0), 0);
      if (remainder) shares.push({ remainder: true });
      else shares.push({ parts: missing });
      const amounts = value(allocate(total, [{ fixed: fixed < total ? fixed : total }, ...shares]));
      expect(amounts.reduce((sum, n) => sum + n, 0n)).toBe(total);
      expect(amounts.every((n) => n >= 0n)).toBe(true);
    }));
  });
  it('is refused where it cannot come out even', () => {
    expect(refusal(allocate(10n, [{ fixed: 11n }]))).toMatchObject({ field: 'shares' });
    expect(refusal(allocate(10n, [{ parts: 999_999 }]))).toMatchObject({ limit: 'parts of 1000000 in all' });
    expect(refusal(allocate(10n, [{ parts: 0.5 }, { remainder: true }]))).toMatchObject({ field: 'shares.0.parts' });
    expect(refusal(allocate(10n, [{ remainder: true }, { remainder: true }]))).toMatchObject({ limit: 'one remainder' });
  });
});

describe('an exchange', () => {
  const base = { from: id(1), to: id(2), liquidity: { sold: id(3), bought: id(4), spread: id(5) }, spreadParts: 10_000 };
  it('rounds in favour of the liquidity accounts and shows the spread as an entry', () => {
    // 100.01 INR at 83.17 INR a dollar: 1.01 spread (rounded up), 99.00 × 1/83.17 = 1.190… dollars (rounded down).
    const made = value(exchange({ ...base, sell: { amount: 10_001n, currency: 'INR' }, buy: 'USD', rate: { numerator: 100n, denominator: 8317n } }));
    expect(made.spread).toEqual({ amount: 101n, currency: 'INR' });
    expect(made.bought).toEqual({ amount: 119n, currency: 'USD' });
    expect(made.transfers).toMatchObject([
      { debit: id(1), credit: id(3), amount: { amount: 9900n, currency: 'INR' } }, { debit: id(4), credit: id(2), amount: { amount: 119n, currency: 'USD' } },
      { debit: id(1), credit: id(5), amount: { amount: 101n, currency: 'INR' } },
    ]);
  });
  it('knows currencies without and with three decimals', () => {
    const yen = exchange({ ...base, spreadParts: 0, sell: { amount: 1000n, currency: 'KWD' }, buy: 'JPY', rate: { numerator: 500n, denominator: 1n } });
    expect(value(yen)).toMatchObject({ bought: { amount: 500n, currency: 'JPY' }, transfers: { length: 2 } });
  });
  it('is refused where nothing would be bought', () => {
    expect(refusal(exchange({ ...base, sell: { amount: 1n, currency: 'INR' }, buy: 'USD', rate: { numerator: 1n, denominator: 83n } }))).toMatchObject({
      field: 'sell' });
    expect(refusal(exchange({ ...base, sell: { amount: 100n, currency: 'INR' }, buy: 'INR', rate: { numerator: 1n, denominator: 1n } }))).toMatchObject({
      field: 'buy' });
  });
});
