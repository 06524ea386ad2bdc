import { isCivilDate } from '#kernel';
import { describe, expect, it } from 'vitest';
import { phases } from './rules/phases.ts';
import type { CountryPack, Phase } from './rules/types.ts';
import { words } from './words/en.ts';
import { india } from './data/in.ts';
import { unitedStates } from './data/us.ts';

const packs: [string, CountryPack][] = [['IN', india], ['US', unitedStates]];

describe.each(packs)('pack %s', (country, pack) => {
  const rows = Object.values(pack.statuses);

  it('keys every row by its own code', () => {
    for (const [code, row] of Object.entries(pack.statuses)) {
      expect(row.code).toBe(code);
      expect(code.startsWith(`${country}_`)).toBe(true);
    }
  });

  it('cites every law regime of the country in every row, with a section and how it was checked', () => {
    for (const row of rows) {
      expect(row.law.map((ref) => ref.regime).sort(), row.code).toEqual(pack.regimes.map((one) => one.regime).sort());
      for (const ref of row.law) expect(ref.section.length).toBeGreaterThan(0);
    }
  });

  it('reaches every phase of its machine from the first one', () => {
    const own = new Set(rows.filter((row) => row.effect === 'status').map((row) => row.phase));
    const first: Phase = own.has('filed') ? 'filed' : 'processing';
    const reached = new Set<Phase>([first]);
    for (let grown = true; grown;) {
      const before = reached.size;
      for (const row of rows) if (reached.has(row.phase)) for (const next of row.next) reached.add(next);
      grown = reached.size > before;
    }
    for (const phase of own) expect(reached.has(phase), phase).toBe(true);
  });

  it('says when the money comes, or why not, in every phase', () => {
    for (const phase of phases) {
      const rule = pack.expected[phase];
      if ('none' in rule) {
        expect(words.expected[rule.none]).toBeTruthy();
        continue;
      }
      const points = rule.days;
      expect(points[0]?.[0]).toBe(0);
      expect(points.at(-1)?.[0]).toBe(1000);
      for (let i = 1; i < points.length; i++) {
        expect(points[i]?.[0]).toBeGreaterThan(points[i - 1]?.[0] ?? 1001);
        expect(points[i]?.[1]).toBeGreaterThanOrEqual(points[i - 1]?.[1] ?? Infinity);
      }
    }
  });

  it('promises no date where the answer depends on a person or on a check', () => {
    for (const phase of ['needs_action', 'held', 'transferred', 'withheld', 'failed', 'expired', 'nil', 'demand', 'superseded', 'lapsed'] as const) {
      expect('none' in pack.expected[phase], phase).toBe(true);
    }
  });

  it('has civil dates, words for forms and sources, and an example that its own pattern accepts', () => {
    expect(isCivilDate(pack.reviewedOn)).toBe(true);
    for (const dates of Object.values(pack.year.dates)) for (const date of Object.values(dates)) expect(isCivilDate(date)).toBe(true);
    for (const form of pack.forms) expect(words.forms).toHaveProperty([form.code]);
    for (const source of pack.precedence) expect(words.sources).toHaveProperty([source]);
    expect(pack.identifier.example).toMatch(pack.identifier.pattern);
  });
});

describe('India', () => {
  it('has exactly the 22 statuses', () => {
    expect(Object.keys(india.statuses)).toHaveLength(22);
  });

  it('keeps the 1961 Act for AY 2026-27 and the 2025 Act from the year after', () => {
    const [old, now] = india.regimes;
    expect(old).toMatchObject({ regime: 'IN-1961', lastYear: 2026 });
    expect(now).toMatchObject({ regime: 'IN-2025', firstYear: 2027, from: '2026-04-01' });
    expect(india.statuses.IN_245_INTIMATED?.law.map((ref) => ref.section)).toEqual(['245(1)', '438']);
  });

  it('uses an identifier that cannot be issued: sequence 0000', () => {
    expect(india.identifier.example).toMatch(/^.{5}0000.$/);
  });
});

describe('United States', () => {
  it('has the tracker stages, the transaction codes and the notices', () => {
    const codes = Object.keys(unitedStates.statuses);
    for (const tc of ['150', '806', '766', '768', '570', '571', '572', '971', '810', '811', '420', '424', '290', '291', '826', '898', '899', '846', '841',
      '740']) {
      expect(codes).toContain(`US_TC${tc}`);
    }
    for (const other of ['WMR1', 'WMR2', 'WMR3', 'CP05', 'CP12', 'CP49', '5071C', '4883C', 'CP53E']) expect(codes).toContain(`US_${other}`);
    expect(codes).toHaveLength(29);
  });
});
