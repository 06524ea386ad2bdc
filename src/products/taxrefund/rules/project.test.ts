import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { india } from '../data/in.ts';
import { decideIncoming, type Incoming } from './events.ts';
import { project } from './project.ts';
import { UNMAPPED, type EventFacts, type RefundEvent } from './types.ts';

const DAY_MS = 86_400_000;
const start = Date.parse('2026-07-01T06:00:00Z');
let serial = 0;

/** An event `day` days after 1 July 2026. */
function on(day: number, code: string, facts: EventFacts = {}, more: Partial<RefundEvent> = {}): RefundEvent {
  const occurredAt = new Date(start + day * DAY_MS);
  return {
    source: code === 'IN_PAID' || code === 'IN_FAILED' || code === 'IN_EXPIRED' ? 'banker' : 'cpc', sourceEventId: `e${serial++}`, sourceVersion: 1, occurredAt,
    receivedAt: new Date(occurredAt.getTime() + 60_000), code, facts, ...more,
  };
}

const filing = on(0, 'IN_FILED_UNVERIFIED', { claimed: 18_450_00n, formType: 'ITR-1' }, { source: 'efiling' });
const toBanker = [
  filing, on(1, 'IN_VERIFIED'), on(2, 'IN_PROCESSING'), on(10, 'IN_REFUND_DETERMINED', { computed: 18_000_00n, interest: 450_00n }),
    on(12, 'IN_SENT_BANKER', { paid: 18_450_00n }),
];

describe('the story of a return', () => {
  it('follows a refund to the bank', () => {
    const seen = project(india, [...toBanker, on(14, 'IN_PAID', { paid: 18_450_00n, trackingNo: 'EXR1' })], 2026);
    expect(seen).toMatchObject({ code: 'IN_PAID', phase: 'paid', plain: 'refunded', owner: 'nobody', trackingNo: 'EXR1', formType: 'ITR-1', version: 6,
      finalFrom: '2026-08-15' });
    expect(seen.amounts).toEqual({ claimed: 18_450_00n, computed: 18_000_00n, adjusted: null, interest: 450_00n, paid: 18_450_00n });
    expect(seen.timeline.map((item) => item.code)).toEqual(['IN_FILED_UNVERIFIED', 'IN_VERIFIED', 'IN_PROCESSING', 'IN_REFUND_DETERMINED',
      'IN_SENT_BANKER', 'IN_PAID']);
    expect(seen.timeline.every((item) => item.note === undefined)).toBe(true);
  });

  it('does not step back when an approval is stamped after the payment', () => {
    const seen = project(india, [...toBanker, on(14, 'IN_PAID', { paid: 18_450_00n }), on(15, 'IN_SENT_BANKER', { paid: 1n }), on(16, 'IN_PROCESSING')]);
    expect(seen.code).toBe('IN_PAID');
    expect(seen.amounts.paid).toBe(18_450_00n);
    expect(seen.timeline.slice(-2).map((item) => item.note)).toEqual(['out_of_sequence', 'out_of_sequence']);
  });

  it('lets a bank return a payment for 30 days and not on the 31st', () => {
    const paid = on(14, 'IN_PAID', { paid: 18_450_00n });
    const returned = project(india, [...toBanker, paid, on(44, 'IN_FAILED', { reasonCode: 'account_closed' })]);
    expect(returned).toMatchObject({ code: 'IN_FAILED', reasonCode: 'account_closed', owner: 'you', conflicts: [], finalFrom: null });
    expect(returned.amounts.paid).toBeNull();
    expect(returned.blockers).toContainEqual({ kind: 'bank_validated', state: 'open' });
    const late = project(india, [...toBanker, paid, on(45, 'IN_FAILED', { reasonCode: 'account_closed' })]);
    expect(late.code).toBe('IN_PAID');
    expect(late.amounts.paid).toBe(18_450_00n);
    expect(late.conflicts).toHaveLength(1);
    expect(late.timeline.at(-1)).toMatchObject({ code: 'IN_FAILED', note: 'conflict' });
  });

  it('pays again after a failure and a reissue', () => {
    const seen = project(india, [...toBanker, on(18, 'IN_FAILED', { reasonCode: 'ifsc_wrong' }), on(20, 'IN_REISSUE_REQ'),
      on(24, 'IN_SENT_BANKER', { paid: 18_450_00n }), on(26, 'IN_PAID')]);
    expect(seen).toMatchObject({ code: 'IN_PAID', reasonCode: null, conflicts: [] });
  });

  it.each([
    ['money after a nil result', ['IN_NIL', 'IN_PAID'], 'IN_PAID'],
    ['a nil result after money', ['IN_PAID', 'IN_NIL'], 'IN_PAID'],
    ['a demand after money', ['IN_PAID', 'IN_DEMAND'], 'IN_PAID'],
    ['acceptance after refusal', ['IN_LAPSED', 'IN_REFUND_DETERMINED'], 'IN_REFUND_DETERMINED'],
    ['refusal after full set-off', ['IN_ADJ_FULL', 'IN_LAPSED'], 'IN_ADJ_FULL'],
    ['two refusals: the later word', ['IN_NIL', 'IN_DEMAND'], 'IN_DEMAND'],
  ])('keeps both of two contradictory finals: %s', (_, [first, second], shown) => {
    const seen = project(india, [filing, on(5, first ?? ''), on(9, second ?? '')]);
    expect(seen.code).toBe(shown);
    expect(seen.conflicts).toHaveLength(1);
    expect(seen.conflicts[0]?.kept.code).toBe(shown);
    expect(seen.timeline.map((item) => item.code)).toEqual(['IN_FILED_UNVERIFIED', first, second]);
  });

  it('reads an unknown code as processing and goes on when a known one follows', () => {
    const strange = on(3, 'IN_SOMETHING_NEW');
    const seen = project(india, [filing, strange]);
    expect(seen).toMatchObject({ code: UNMAPPED, phase: 'processing', plain: 'processing', unmappedCodes: ['IN_SOMETHING_NEW'] });
    expect(project(india, [filing, strange, on(4, 'IN_VERIFIED')]).code).toBe('IN_VERIFIED');
    expect(project(india, [...toBanker, on(14, 'IN_SOMETHING_NEW')]).code).toBe('IN_SENT_BANKER');
    expect(project(india, [strange]).code).toBe(UNMAPPED);
  });

  it('takes the deadline from the notice, else counts, else asks the law of the year', () => {
    expect(project(india, [filing]).deadline).toEqual({ date: '2026-07-31', basis: 'counted', days: 30 });
    const proposed = [filing, on(1, 'IN_VERIFIED'), on(10, 'IN_REFUND_DETERMINED')];
    expect(project(india, [...proposed, on(11, 'IN_245_INTIMATED')]).deadline).toEqual({ date: '2026-08-02', basis: 'shortest', days: 21 });
    expect(project(india, [...proposed, on(11, 'IN_245_INTIMATED', { respondBy: '2026-08-11' as never })]).deadline).toEqual({ date: '2026-08-11',
      basis: 'printed', days: null });
    expect(project(india, [filing, on(9, 'IN_RISK_HOLD')], 2026).deadline).toEqual({ date: '2027-03-31', basis: 'law', days: null });
    expect(project(india, [filing, on(9, 'IN_RISK_HOLD')]).deadline).toBeNull();
  });

  it('says unknown, not ok, for checks that no source has stated', () => {
    expect(project(india, [filing]).blockers).toEqual([
      { kind: 'verification', state: 'open' }, { kind: 'pan_link', state: 'unknown' }, { kind: 'bank_validated', state: 'unknown' },
      { kind: 'demand', state: 'unknown' }, { kind: 'response', state: 'ok' },
    ]);
    const flagged = on(1, 'IN_VERIFIED', { verification: { panLinked: true, bankValidated: false, demandOpen: false } });
    expect(project(india, [filing, flagged]).blockers.map((one) => one.state)).toEqual(['ok', 'ok', 'open', 'ok', 'ok']);
  });

  it('takes the stronger source as the later one of two at one instant, whatever their ids', () => {
    const weak = on(3, 'IN_PROCESSING', {}, { sourceEventId: 'z' });
    const strong = on(3, 'IN_TRANSFERRED_AO', {}, { source: 'ao', sourceEventId: 'a' });
    expect(project(india, [filing, on(1, 'IN_VERIFIED'), strong, weak]).code).toBe('IN_TRANSFERRED_AO');
  });

  it('refuses an empty list', () => {
    expect(() => project(india, [])).toThrow(RangeError);
  });
});

describe('versions', () => {
  it('shows the higher version whatever arrives first', () => {
    const first = on(12, 'IN_REFUND_DETERMINED', { computed: 10_00n }, { sourceEventId: 'det' });
    const second = { ...first, sourceVersion: 2, facts: { computed: 20_00n } };
    for (const list of [[filing, first, second], [second, first, filing]]) {
      const seen = project(india, list);
      expect(seen.amounts.computed).toBe(20_00n);
      expect(seen.timeline).toHaveLength(2);
      expect(seen.version).toBe(3);
    }
  });

  it('reports one version with two contents and keeps the first received', () => {
    const first = on(12, 'IN_REFUND_DETERMINED', { computed: 10_00n }, { sourceEventId: 'det2' });
    const other = { ...first, receivedAt: new Date(first.receivedAt.getTime() + 1), facts: { computed: 99_00n } };
    const seen = project(india, [other, filing, first]);
    expect(seen.amounts.computed).toBe(10_00n);
    expect(seen.contradictions).toEqual([{ source: 'cpc', sourceEventId: 'det2', sourceVersion: 1, code: 'IN_REFUND_DETERMINED' }]);
  });
});

describe('decideIncoming', () => {
  const base = on(10, 'IN_REFUND_DETERMINED', { computed: 5n }, { sourceEventId: 'x', sourceVersion: 2 });
  const existing = [filing, base];
  const cases: [Incoming, RefundEvent][] = [
    ['new', on(11, 'IN_SENT_BANKER')],
    ['duplicate', base],
    ['duplicate', { ...base, receivedAt: new Date(base.receivedAt.getTime() + DAY_MS) }],
    ['newer_version', { ...base, sourceVersion: 3 }],
    ['older_version', { ...base, sourceVersion: 1 }],
    ['contradiction', { ...base, facts: { computed: 6n } }],
    ['contradiction', { ...base, code: 'IN_NIL' }],
    ['contradiction', { ...base, occurredAt: new Date(base.occurredAt.getTime() + 1) }],
    ['new', { ...base, source: 'ao' }],
    ['unknown_code', on(11, 'IN_UNHEARD_OF')],
    ['before_filing', on(-5, 'IN_VERIFIED')],
    ['new', on(-1, 'IN_VERIFIED')],
    ['in_future', on(11, 'IN_PAID', {}, { receivedAt: new Date(start - 60 * DAY_MS) })],
  ];
  it.each(cases)('%s', (expected, incoming) => {
    expect(decideIncoming(india, existing, incoming)).toBe(expected);
    expect(decideIncoming(india, existing.toReversed(), incoming)).toBe(expected);
  });
});

const amount = fc.bigInt({ min: 0n, max: 10n ** 9n });
const anyEvent: fc.Arbitrary<RefundEvent> = fc.record({
  source: fc.constantFrom('efiling', 'cpc', 'ao', 'banker', 'elsewhere'),
  sourceEventId: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'),
  sourceVersion: fc.integer({ min: 1, max: 3 }),
  occurredAt: fc.integer({ min: 0, max: 20 }).map((day) => new Date(start + day * DAY_MS)),
  receivedAt: fc.integer({ min: 0, max: 20 }).map((day) => new Date(start + day * DAY_MS)),
  code: fc.constantFrom(...Object.keys(india.statuses), 'IN_UNHEARD_OF'),
  facts: fc.record({ claimed: amount, computed: amount, paid: amount, formType: fc.constantFrom('ITR-1', 'ITR-2') }, { requiredKeys: [] }),
});

describe('properties', () => {
  it('is the same for every order and repetition of the feed', () => {
    fc.assert(fc.property(
      fc.array(anyEvent, { minLength: 1, maxLength: 25 }).chain((events) => fc.tuple(
        fc.constant(events),
        fc.shuffledSubarray(events, { minLength: events.length, maxLength: events.length }),
        fc.array(fc.nat(events.length - 1), { maxLength: 10 }),
      )),
      ([events, shuffled, repeats]) => {
        const again = [...shuffled, ...repeats.flatMap((index) => events[index] ?? [])];
        expect(project(india, again, 2026)).toEqual(project(india, events, 2026));
      },
    ), { numRuns: 400 });
  });

  it('never forgets money: once a bank credit is stated, only a failure, a correction or a replacement may be shown', () => {
    fc.assert(fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 20 }), (events) => {
      const paid = on(10, 'IN_PAID', {}, { sourceEventId: 'paid' });
      const seen = project(india, [...events, paid].map((event, index) => ({ ...event, sourceEventId: `u${index}` })));
      const after = seen.timeline.slice(seen.timeline.findIndex((item) => item.code === 'IN_PAID') + 1);
      const undone = after.some((item) => ['failed', 'rectified', 'superseded', 'expired'].includes(item.phase));
      if (!undone) expect(seen.plain).toBe('refunded');
    }), { numRuns: 400 });
  });

  it('loses no event: every distinct event of the newest version is in the timeline once', () => {
    fc.assert(fc.property(fc.array(anyEvent, { minLength: 1, maxLength: 25 }), (events) => {
      const seen = project(india, events);
      const distinct = new Set(events.map((event) => `${event.source} ${event.sourceEventId}`));
      expect(seen.timeline.map((item) => `${item.source} ${item.sourceEventId}`).sort()).toEqual([...distinct].sort());
    }), { numRuns: 200 });
  });
});
