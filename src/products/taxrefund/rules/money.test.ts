import { civilDate, type CivilDate } from '#kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { india } from '../data/in.ts';
import { unitedStates } from '../data/us.ts';
import { words } from '../words/en.ts';
import { answerOf, arithmeticOf, payableOf } from './answer.ts';
import { maskIdentifier, normalizeIdentifier } from './identifier.ts';
import { monthsOrPart, refundInterest } from './interest.ts';
import { project } from './project.ts';
import type { Amounts, EventFacts, RefundEvent } from './types.ts';

const day = (text: string): CivilDate => civilDate(text);
const none: Amounts = { claimed: null, computed: null, adjusted: null, interest: null, paid: null };

describe('interest on refunds (244A, Rule 119A)', () => {
  it.each([
    ['five months begun', 18_000_00n, '2026-04-01', '2026-08-20', 450_00n],
    ['one day is a month', 18_000_00n, '2026-04-01', '2026-04-01', 90_00n],
    ['a month to the day', 18_000_00n, '2026-04-15', '2026-05-14', 90_00n],
    ['and a day more', 18_000_00n, '2026-04-15', '2026-05-15', 180_00n],
    ['the base is rounded down to ₹100', 18_099_99n, '2026-04-01', '2026-04-30', 90_00n],
    ['less than ₹100', 99_99n, '2026-04-01', '2027-04-01', 0n],
    ['nothing before it begins', 18_000_00n, '2026-08-20', '2026-04-01', 0n],
    ['across a year', 10_000_00n, '2025-11-30', '2026-02-01', 150_00n],
  ] as const)('%s', (_, refund, from, to, expected) => {
    expect(refundInterest(refund, null, day(from), day(to))).toBe(expected);
  });

  it('gives none below a tenth of the tax determined', () => {
    expect(refundInterest(9_999_00n, 100_000_00n, day('2026-04-01'), day('2026-06-01'))).toBe(0n);
    expect(refundInterest(10_000_00n, 100_000_00n, day('2026-04-01'), day('2026-06-01'))).toBe(150_00n);
  });

  it('counts months that only grow', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1500 }), (days) => {
      const to = new Date(Date.UTC(2026, 3, 1) + days * 86_400_000).toISOString().slice(0, 10);
      const months = monthsOrPart(day('2026-04-01'), day(to));
      expect(months).toBeGreaterThanOrEqual(Math.ceil((days + 1) / 31));
      expect(months).toBeLessThanOrEqual(Math.floor(days / 28) + 1);
    }));
  });
});

describe('the arithmetic adds up in view', () => {
  it('shows a change, interest, set-off and rounding', () => {
    const seen = arithmeticOf(india, { claimed: 31_500_00n, computed: 28_700_00n, interest: 717_00n, adjusted: 4_200_00n, paid: 25_220_00n });
    expect(seen).toEqual({
      rows: [
        { name: 'claimed', amount: 31_500_00n, sum: false }, { name: 'change', amount: -2_800_00n, sum: false },
          { name: 'computed', amount: 28_700_00n, sum: true },
        { name: 'interest', amount: 717_00n, sum: false }, { name: 'adjusted', amount: -4_200_00n, sum: false },
          { name: 'rounding', amount: 3_00n, sum: false },
        { name: 'payable', amount: 25_220_00n, sum: true },
      ],
      paid: 25_220_00n, unexplained: 0n,
    });
  });

  it('says so when a stated payment is not explained', () => {
    expect(arithmeticOf(india, { ...none, computed: 100_00n, paid: 900_00n }).unexplained).toBe(800_00n);
    expect(arithmeticOf(india, { ...none, claimed: 5n }).rows).toEqual([{ name: 'claimed', amount: 5n, sum: false },
      { name: 'computed', amount: null, sum: true }]);
  });

  it('sums to what is payable, whatever the amounts', () => {
    const amount = fc.bigInt({ min: 0n, max: 10n ** 12n });
    fc.assert(fc.property(fc.constantFrom(india, unitedStates),
      fc.record({ claimed: amount, computed: amount, adjusted: amount, interest: amount, paid: fc.option(amount) }), (pack, amounts) => {
      const { rows, unexplained } = arithmeticOf(pack, amounts);
      const of = (name: string): bigint => rows.find((row) => row.name === name)?.amount ?? 0n;
      expect(of('claimed') + of('change')).toBe(of('computed'));
      expect(of('computed') + of('interest') + of('adjusted') + of('rounding') + unexplained).toBe(of('payable'));
      expect(of('payable')).toBe(payableOf(pack, amounts));
      if (amounts.paid === null) expect(of('payable') % pack.roundTo).toBe(0n);
    }));
  });
});

describe('the answer', () => {
  function projected(code: string, facts: EventFacts) {
    const at = new Date('2026-11-12T06:00:00Z');
    const event: RefundEvent = { source: 'banker', sourceEventId: code, sourceVersion: 1, occurredAt: at, receivedAt: at, code, facts };
    return project(india, [event], 2026);
  }

  it('names the amount and the day', () => {
    expect(answerOf(india, projected('IN_PAID', { paid: 18_450_00n }), words.status.IN_PAID.sentence)).toEqual({
      code: 'IN_PAID', field: 'sentence', values: { amount: 18_450_00n, date: '2026-11-12' },
    });
  });

  it('falls back to the short form when a value is missing or zero', () => {
    expect(answerOf(india, projected('IN_PAID', {}), words.status.IN_PAID.sentence)).toEqual({ code: 'IN_PAID', field: 'short', values: {} });
    expect(answerOf(india, projected('IN_PAID', { paid: 0n }), words.status.IN_PAID.sentence).field).toBe('short');
    expect(answerOf(india, projected('IN_X', {}), words.status.UNMAPPED.sentence).field).toBe('sentence');
  });
});

describe('identifiers as people type them', () => {
  it.each(['AAAPA0000A', 'aaapa0000a', ' AAAPA 0000 A ', 'AAAPA-0000-A', 'ＡＡＡＰＡ００００Ａ', 'AAAPA००००A', 'AAAPA\u200B0000A'])('reads %s', (typed) => {
    expect(normalizeIdentifier(india, typed)).toBe('AAAPA0000A');
  });
  it.each(['', 'AAAPA0000', 'AAAXA0000A', '1AAPA0000A', 'AAAPA0000AA', 'A'.repeat(100)])('refuses %s', (typed) => {
    expect(normalizeIdentifier(india, typed)).toBeNull();
  });
  it('reads and masks a number of nine digits', () => {
    expect(normalizeIdentifier(unitedStates, '666-12-0019')).toBe('666120019');
    expect(maskIdentifier(unitedStates, '666120019')).toBe('XXXXX0019');
    expect(maskIdentifier(india, 'AAAPA0000A')).toBe('XXXXX0000X');
  });
});
