import { addDays, civilDate, type CivilDate } from '#kernel';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { india } from '../data/in.ts';
import { unitedStates } from '../data/us.ts';
import { daysLeft, deadlineOf } from './deadline.ts';
import { expectedRefund, quantile, shareBelow } from './expected.ts';
import { project } from './project.ts';
import type { EventFacts, RefundEvent } from './types.ts';
import { dueDateOf, lawOf, regimeOf, yearLabel, yearsShown } from './years.ts';

const day = (text: string): CivilDate => civilDate(text);
function event(code: string, at: string, facts: EventFacts = {}, source = 'cpc'): RefundEvent {
  const occurredAt = new Date(at);
  return { source, sourceEventId: `${code}${at}`, sourceVersion: 1, occurredAt, receivedAt: occurredAt, code, facts };
}

describe('deadlines are civil days in the zone of the office', () => {
  const thirty = { kind: 'days_after_event', days: 30 } as const;
  it.each([
    ['India counts 31 July 19:00 UTC as 1 August', india, '2026-07-31T19:00:00Z', '2026-08-31'],
    ['and 31 July 18:29 UTC as 31 July', india, '2026-07-31T18:29:59Z', '2026-08-30'],
    ['New York counts 1 August 03:00 UTC as 31 July', unitedStates, '2026-08-01T03:00:00Z', '2026-08-30'],
    ['a leap day is a day', india, '2028-02-28T06:00:00Z', '2028-03-29'],
    ['a change of clocks moves no day', unitedStates, '2026-03-08T04:30:00Z', '2026-04-06'],
  ] as const)('%s', (_, pack, at, expected) => {
    expect(deadlineOf(pack, thirty, new Date(at), {}, null)).toEqual({ date: expected, basis: 'counted', days: 30 });
  });

  it('takes the shortest window while the notice is unread, and the printed day when it is known', () => {
    const notice = { kind: 'as_on_notice', daysMin: 21, daysMax: 30 } as const;
    const at = new Date('2026-09-01T06:00:00Z');
    expect(deadlineOf(india, notice, at, {}, null)).toEqual({ date: '2026-09-22', basis: 'shortest', days: 21 });
    expect(deadlineOf(india, notice, at, { respondBy: day('2026-10-01') }, null)).toEqual({ date: '2026-10-01', basis: 'printed', days: null });
    expect(deadlineOf(india, { kind: 'none' }, at, { respondBy: day('2026-10-01') }, null)).toBeNull();
  });

  it('knows the law’s dates of the year, and says nothing about a year that it does not hold', () => {
    const revised = { kind: 'year_date', which: 'revised' } as const;
    expect(deadlineOf(india, revised, new Date('2026-09-01T06:00:00Z'), {}, 2026)?.date).toBe('2027-03-31');
    expect(deadlineOf(india, revised, new Date('2026-09-01T06:00:00Z'), {}, 2019)).toBeNull();
  });

  it('counts what is left', () => {
    const deadline = { date: day('2026-08-31'), basis: 'counted', days: 30 } as const;
    expect([day('2026-08-30'), day('2026-08-31'), day('2026-09-01')].map((today) => daysLeft(deadline, today))).toEqual([1, 0, -1]);
  });
});

describe('years and law', () => {
  it('never confuses assessment year 2026-27 with tax year 2026-27', () => {
    expect(yearLabel(india, 2026)).toEqual({ kind: 'assessment_year', span: '2026-27' });
    expect(yearLabel(india, 2027)).toEqual({ kind: 'tax_year', span: '2026-27' });
    expect(yearLabel(india, 1999)).toEqual({ kind: 'assessment_year', span: '1999-00' });
    expect(yearLabel(unitedStates, 2025)).toEqual({ kind: 'tax_year', span: '2025' });
  });

  it('cites the act that governs the year of the return, not the act of today', () => {
    expect([2025, 2026, 2027].map((year) => regimeOf(india, year))).toEqual(['IN-1961', 'IN-1961', 'IN-2025']);
    const row = india.statuses.IN_245_INTIMATED;
    expect(row && [lawOf(india, row, 2026)?.section, lawOf(india, row, 2027)?.section]).toEqual(['245(1)', '438']);
  });

  it('holds the filing dates of AY 2026-27 by form', () => {
    expect(['ITR-1', 'ITR-3', 'ITR-6', 'ITR-9'].map((form) => dueDateOf(india, form, 2026))).toEqual(['2026-07-31', '2026-08-31', '2026-10-31', null]);
    expect(yearsShown(india)).toEqual([2026, 2025, 2024, 2023, 2022, 2021, 2020]);
  });
});

describe('the expected date', () => {
  const filed = event('IN_FILED_UNVERIFIED', '2026-07-01T06:00:00Z', { claimed: 18_000_00n }, 'efiling');
  const verified = event('IN_VERIFIED', '2026-07-01T07:00:00Z');
  const sent = event('IN_SENT_BANKER', '2026-07-20T06:00:00Z', { computed: 18_000_00n, paid: 18_000_00n });
  const at = (events: RefundEvent[], today: string) => expectedRefund(india, project(india, events, 2026), day(today));

  it('is a range with its basis', () => {
    expect(at([filed, verified], '2026-07-01')).toEqual({ from: '2026-07-07', to: '2026-08-11', percent: 80, basis: 'cohort' });
    expect(at([filed, verified, sent], '2026-07-21')).toMatchObject({ from: '2026-07-21', basis: 'cohort' });
  });

  it('never lies in the past and takes the wait into account', () => {
    // 35 days waited = 850 of 1000 cases; the middle 80 % of the other 150 lie between the points 865 and 985.
    expect(at([filed, verified], '2026-08-05')).toMatchObject({ from: '2026-08-07', to: '2026-11-16' });
    expect(at([filed, verified], '2026-12-01')).toEqual({ none: 'longer_than_usual' });
  });

  it.each([
    ['waits_for_you', [filed]],
    ['held', [filed, verified, event('IN_RISK_HOLD', '2026-07-05T06:00:00Z')]],
    ['waits_for_you', [filed, verified, event('IN_DEFECTIVE', '2026-07-05T06:00:00Z')]],
    ['offset_pending', [filed, verified, event('IN_REFUND_DETERMINED', '2026-07-05T06:00:00Z'), event('IN_245_INTIMATED', '2026-07-06T06:00:00Z')]],
    ['no_refund', [filed, verified, event('IN_NIL', '2026-07-05T06:00:00Z')]],
    ['no_refund', [event('IN_FILED_UNVERIFIED', '2026-07-01T06:00:00Z', { claimed: 0n }, 'efiling'), verified]],
    ['no_refund', [filed, verified, event('IN_ADJ_FULL', '2026-07-05T06:00:00Z', { computed: 500n, adjusted: 500n })]],
    ['not_known', [event('IN_FILED_UNVERIFIED', '2026-07-01T06:00:00Z', {}, 'efiling'), verified]],
    ['paid', [filed, verified, event('IN_PAID', '2026-07-05T06:00:00Z', { paid: 1n }, 'banker')]],
    ['return_replaced', [filed, event('IN_SUPERSEDED', '2026-07-05T06:00:00Z')]],
  ] as const)('says %s instead of guessing', (none, events) => {
    expect(at([...events], '2026-07-08')).toEqual({ none });
  });

  it('does not read cycle codes: two transcripts that differ in nothing else give one answer', () => {
    const received = event('US_WMR1', '2026-02-20T12:00:00Z', { claimed: 2_852_00n }, 'wmr');
    const answers = ['20260805', '20261204', undefined].map((cycle) => {
      const posted = event('US_TC150', '2026-03-02T12:00:00Z',
        { computed: 2_852_00n, ...(cycle === undefined ? {} : { noticeNo: cycle, trackingNo: cycle }) }, 'masterfile');
      return expectedRefund(unitedStates, project(unitedStates, [received, posted]), day('2026-03-03'));
    });
    expect(answers[0]).toHaveProperty('basis', 'cohort');
    expect(answers[1]).toEqual(answers[0]);
    expect(answers[2]).toEqual(answers[0]);
  });

  it('has quantiles that rise and invert', () => {
    fc.assert(fc.property(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: 1000 }), (a, b) => {
      const table = india.expected.verified;
      if ('none' in table) throw new Error('no table');
      expect(quantile(table.days, Math.min(a, b))).toBeLessThanOrEqual(quantile(table.days, Math.max(a, b)));
      expect(Math.abs(shareBelow(table.days, quantile(table.days, a)) - a)).toBeLessThanOrEqual(1);
    }));
    expect(addDays(day('2026-07-01'), 30)).toBe('2026-07-31');
  });
});
