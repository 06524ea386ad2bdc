import { createHash } from 'node:crypto';
import { civilDateIn } from '#kernel';
import { beforeAll, describe, expect, it } from 'vitest';
import { india } from '../data/in.ts';
import { unitedStates } from '../data/us.ts';
import { demoPeople, peopleOf } from './demo-people.ts';
import { decideIncoming } from './events.ts';
import { EXPECTED_PERCENT, expectedRefund } from './expected.ts';
import { type EventLine, eventOf, type FeedLine, type TaxpayerLine } from './feed.ts';
import { project } from './project.ts';
import { season } from './season.ts';
import type { CountryPack, Projection, RefundEvent } from './types.ts';

const FILERS = { IN: 20_000, US: 10_000 } as const;

interface Told { people: TaxpayerLine[]; returns: Map<string, EventLine[]>; lines: number; backwards: number; strangers: number; tails: Set<string> }

function tell(pack: CountryPack, seed: string): Told {
  const told: Told = { people: [], returns: new Map(), lines: 0, backwards: 0, strangers: 0, tails: new Set() };
  const known = new Set<string>();
  let last = '';
  for (const line of season(pack, { filers: FILERS[pack.country], seed })) {
    told.lines++;
    if (line.kind === 'taxpayer') {
      told.people.push(line);
      known.add(line.identifier);
      continue;
    }
    if (line.receivedAt < last) told.backwards++;
    last = line.receivedAt;
    if (!known.has(line.identifier)) told.strangers++;
    if (line.accountTail !== undefined) told.tails.add(line.code);
    const key = `${line.identifier} ${line.year} ${line.returnNo}`;
    const lines = told.returns.get(key);
    if (lines === undefined) told.returns.set(key, [line]);
    else lines.push(line);
  }
  return told;
}

const share = (part: number, whole: number): number => part / whole;
const near = (value: number, expected: number, tolerance: number): void => {
  expect(value).toBeGreaterThan(expected - tolerance);
  expect(value).toBeLessThan(expected + tolerance);
};

const digest = (lines: Iterable<FeedLine>): string => {
  const hash = createHash('sha256');
  for (const line of lines) hash.update(`${JSON.stringify(line)}\n`);
  return hash.digest('hex').slice(0, 16);
};

describe('determinism', () => {
  it.each([['IN', india], ['US', unitedStates]] as const)('%s: one seed, one stream, whatever is kept in memory', (_, pack) => {
    const once = digest(season(pack, { filers: 120, seed: 'a' }));
    expect(digest(season(pack, { filers: 120, seed: 'a' }))).toBe(once);
    expect(digest(season(pack, { filers: 120, seed: 'a', keptFilers: 0 }))).toBe(once);
    expect(digest(season(pack, { filers: 120, seed: 'a', keptFilers: 7 }))).toBe(once);
    expect(digest(season(pack, { filers: 120, seed: 'b' }))).not.toBe(once);
  });

  it('is lazy: the first lines of a season of a million filers cost nothing', () => {
    const stream = season(india, { filers: 1_000_000, seed: 'big' });
    expect(Array.from({ length: 50 }, () => stream.next().value)).toHaveLength(50);
    expect(() => season(india, { filers: 1e9, seed: 'too many' }).next()).toThrow(RangeError);
  });
});

describe.each([['IN', india], ['US', unitedStates]] as const)('a season in %s', (country, pack) => {
  let told: Told;
  let current: [RefundEvent[], Projection][];
  beforeAll(() => {
    told = tell(pack, 'tests');
    current = [...told.returns].filter(([key]) => key.split(' ')[1] === String(pack.year.current)).map(([, lines]) => {
      const events = lines.map(eventOf);
      return [events, project(pack, events, pack.year.current)];
    });
  });
  const having = (code: string): number => current.filter(([events]) => events.some((event) => event.code === code)).length;

  it('tells everybody once, before their first event, in order of receipt', () => {
    expect(new Set(told.people.map((person) => person.identifier)).size).toBe(FILERS[country]);
    expect(told.backwards).toBe(0);
    expect(told.strangers).toBe(0);
  });

  it('uses numbers that cannot belong to anyone', () => {
    const [number, phone] = country === 'IN'
      ? [/^[A-Z]{3}P[A-Z]0000[A-Z]$/, /^\+9100000\d{5}$/] : [/^(666(?!00)\d{2}|9\d{2}[0-4]\d)(?!0000)\d{4}$/, /^\+1\d{3}55501\d{2}$/];
    expect(told.people.filter((person) => !pack.identifier.pattern.test(person.identifier) || !number.test(person.identifier))).toEqual([]);
    expect(told.people.filter((person) => !phone.test(person.phone))).toEqual([]);
    const reserved = new Set(demoPeople.map((person) => person.identifier));
    expect(told.people.some((person) => reserved.has(person.identifier))).toBe(false);
  });

  it('has names in one script, leap-day births, seven years and revised returns', () => {
    expect(told.people.some((person) => person.nameLocal === undefined)).toBe(true);
    expect(told.people.some((person) => person.dateOfBirth.endsWith('-02-29'))).toBe(true);
    near(share([...told.returns.keys()].filter((key) => key.split(' ')[1] === String(pack.year.current - 6)).length, FILERS[country]), 0.031, 0.006);
    const revised = current.filter(([, seen]) => seen.revisedReturnOf === 1);
    near(share(revised.length, FILERS[country]), 0.03, 0.005);
  });

  it('names the account on lines about the bank only', () => {
    expect([...told.tails].sort()).toEqual(country === 'IN'
      ? ['IN_EXPIRED', 'IN_FAILED', 'IN_PAID', 'IN_REISSUE_REQ', 'IN_SENT_BANKER'] : ['US_TC841', 'US_TC846']);
  });

  it('brings late, repeated, corrected, contradictory and unknown lines, in small shares', () => {
    let [duplicate, contradiction, unknown, corrected, late, older, refused, total] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (const [events] of current) {
      const stored: RefundEvent[] = [];
      let newest = 0;
      for (const event of events) {
        total++;
        const verdict = decideIncoming(pack, stored, event);
        if (verdict === 'duplicate') duplicate++;
        else if (verdict === 'contradiction') contradiction++;
        else if (verdict === 'unknown_code') unknown++;
        else {
          if (verdict === 'before_filing' || verdict === 'in_future') refused++;
          if (verdict === 'newer_version') corrected++;
          if (verdict === 'older_version') older++;
          if (event.occurredAt.getTime() < newest && verdict === 'new') late++;
          newest = Math.max(newest, event.occurredAt.getTime());
          stored.push(event);
        }
      }
    }
    near(share(duplicate, total), 0.0099, 0.002);
    near(share(corrected, total), 0.0027, 0.001);
    expect(Math.min(contradiction, unknown, older, late)).toBeGreaterThan(0);
    expect(share(contradiction + unknown, total)).toBeLessThan(0.002);
    // A dated payment in the United States is announced before the tracker has caught up.
    expect(share(late, total)).toBeLessThan(country === 'US' ? 0.1 : 0.05);
    expect(refused).toBe(0);
  });

  it('adds up: what was paid is what was due', () => {
    let [paid, wrong] = [0, 0];
    for (const [, { amounts, conflicts }] of current) {
      if (amounts.paid === null || amounts.computed === null || conflicts.length > 0) continue;
      paid++;
      const due = amounts.computed + (amounts.interest ?? 0n) - (amounts.adjusted ?? 0n);
      const off = amounts.paid - due;
      if ((off < 0n ? -off : off) * 2n > pack.roundTo || amounts.paid % pack.roundTo !== 0n) wrong++;
    }
    expect(paid).toBeGreaterThan(5000);
    expect(wrong).toBe(0);
  });

  it('is paid inside the promised range as often as promised', () => {
    let [inside, asked] = [0, 0];
    const [begin, end] = country === 'IN' ? ['IN_VERIFIED', 'IN_PAID'] : ['US_WMR1', 'US_TC846'];
    for (const [events, seen] of current) {
      const last = seen.timeline.findLast((item) => item.code === end && item.note === undefined);
      const first = seen.timeline.findIndex((item) => item.code === begin);
      if (last === undefined || seen.plain !== 'refunded' || first < 0) continue;
      const since = seen.timeline[first]?.occurredAt ?? last.occurredAt;
      const then = project(pack, events.filter((event) => event.occurredAt <= since && pack.statuses[event.code] !== undefined), pack.year.current);
      const expected = expectedRefund(pack, then, civilDateIn(pack.zone, since));
      if ('none' in expected) continue;
      asked++;
      const on = civilDateIn(pack.zone, last.occurredAt);
      if (on >= expected.from && on <= expected.to) inside++;
    }
    expect(asked).toBeGreaterThan(5000);
    // Ranges are whole days, so they hold a little more than promised, never less.
    expect(share(inside, asked) * 100).toBeGreaterThan(EXPECTED_PERCENT - 1);
    expect(share(inside, asked) * 100).toBeLessThan(EXPECTED_PERCENT + 7);
  });

  it('is calibrated by the public figures', () => {
    if (country === 'US') {
      near(share(current.filter(([, seen]) => (seen.amounts.claimed ?? 0n) > 0n).length, current.length), 0.66, 0.012);
      const claims = current.flatMap(([, seen]) => (seen.amounts.claimed === null || seen.amounts.claimed === 0n ? [] : [seen.amounts.claimed]));
      const mean = claims.reduce((sum, claim) => sum + claim, 0n) / BigInt(claims.length);
      expect(mean).toBeGreaterThan(2_750_00n);
      expect(mean).toBeLessThan(2_950_00n);
      near(share(having('US_TC570'), current.length), 0.026, 0.005);
      near(share(having('US_TC898'), current.length), 0.02, 0.005);
      return;
    }
    near(share(current.filter(([, seen]) => seen.code === 'IN_LAPSED').length, current.length), 0.02, 0.004);
    near(share(having('IN_REFUND_DETERMINED'), current.length), 0.4, 0.015);
    near(share(having('IN_NIL'), current.length), 0.515, 0.015);
    near(share(having('IN_DEMAND'), current.length), 0.06, 0.006);
    near(share(having('IN_245_INTIMATED'), having('IN_REFUND_DETERMINED')), 0.04, 0.008);
    near(share(having('IN_FAILED'), having('IN_SENT_BANKER')), 0.027, 0.006);
    near(share(having('IN_DEFECTIVE'), current.length), 0.007, 0.003);
    near(share(having('IN_RISK_HOLD'), current.length), 0.016, 0.004);
    near(share(current.filter(([, seen]) => seen.amounts.claimed === 0n).length, current.length), 0.545, 0.02);
  });
});

describe('the people of the tour', () => {
  const asOf = new Date('2026-11-21T06:30:00Z');
  const shown = (pack: CountryPack, key: string) => {
    const person = peopleOf(pack, asOf).find((one) => one.key === key);
    const own = (person?.events ?? []).filter((line) => line.year === pack.year.current);
    const newest = Math.max(...own.map((line) => line.returnNo));
    return project(pack, own.filter((line) => line.returnNo === newest).map(eventOf), pack.year.current);
  };

  it('stand where the tour needs them', () => {
    const asha = shown(india, 'asha');
    expect(asha).toMatchObject({ code: 'IN_SENT_BANKER', amounts: { paid: 18_450_00n } });
    expect(india.statuses.IN_SENT_BANKER?.next).toContain('failed');
    expect(shown(india, 'ravi')).toMatchObject({ code: 'IN_PAID', revisedReturnOf: 1, amounts: { paid: 25_220_00n, adjusted: 4_200_00n } });
    expect(shown(india, 'meera')).toMatchObject({ code: 'IN_FILED_UNVERIFIED', owner: 'you', deadline: { date: '2026-12-09' } });
    expect(shown(unitedStates, 'maya')).toMatchObject({ code: 'US_TC846', plain: 'refunded' });
    expect(shown(unitedStates, 'sam')).toMatchObject({ code: 'US_CP53E', owner: 'you', amounts: { paid: null } });
  });

  it('have numbers of nobody, seven years for Ravi, and lines that ingest would accept one by one', () => {
    for (const pack of [india, unitedStates]) {
      for (const person of peopleOf(pack, asOf)) {
        expect(person.taxpayer.identifier).toMatch(pack.identifier.pattern);
        const stored = new Map<string, RefundEvent[]>();
        for (const line of person.events) {
          const key = `${line.year} ${line.returnNo}`;
          const before = stored.get(key) ?? [];
          expect(decideIncoming(pack, before, eventOf(line))).toBe('new');
          stored.set(key, [...before, eventOf(line)]);
        }
        if (person.key === 'ravi') expect(new Set(person.events.map((line) => line.year)).size).toBe(7);
      }
    }
  });
});
