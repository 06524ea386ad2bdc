import { describe, expect, it } from 'vitest';
import { india } from './data/in.ts';
import { unitedStates } from './data/us.ts';
import { lawText } from './pages/parts.tsx';
import { UNMAPPED } from './rules/types.ts';
import { words as en } from './words/en.ts';
import { words as hi } from './words/hi.ts';

type Tree = { readonly [key: string]: string | Tree };
const leaves = (tree: Tree, path = ''): Map<string, string> => new Map(Object.entries(tree).flatMap(([key, value]) =>
  (typeof value === 'string' ? [[`${path}${key}`, value] as const] : [...leaves(value, `${path}${key}.`)])));
const english = leaves(en as Tree);
const hindi = leaves(hi as Tree);
const placeholders = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '').sort();

/** Texts that are the same in both languages because they are names or numbers only. */
const SAME: ReadonlySet<string> = new Set([]);

describe('both languages', () => {
  it('have the same keys', () => {
    expect([...hindi.keys()].sort()).toEqual([...english.keys()].sort());
    expect(english.size).toBeGreaterThan(400);
  });

  it.each([...english.keys()])('%s', (key) => {
    const [one, other] = [english.get(key) ?? '', hindi.get(key) ?? ''];
    expect(one.trim()).toBe(one);
    expect(one).not.toBe('');
    expect(one).not.toMatch(/\p{Script=Devanagari}/u);
    expect(placeholders(other)).toEqual(placeholders(one));
    if (SAME.has(key)) return;
    expect(other).not.toBe(one);
    expect(other).toMatch(/\p{Script=Devanagari}/u);
    // Digits stay Latin, and a sentence of ours ends as Hindi does.
    expect(other).not.toMatch(/[०-९]/u);
    if (/[^.]\.$/.test(one)) expect(other).toMatch(/[।]$/u);
  });
});

describe('statuses', () => {
  const rows = [...Object.values(india.statuses), ...Object.values(unitedStates.statuses)];
  const fields = ['label', 'sentence', 'short', 'meaning', 'reason', 'action'] as const;

  it('have words for every code and no others', () => {
    expect(Object.keys(en.status).sort()).toEqual([...rows.map((row) => row.code), UNMAPPED].sort());
  });

  it.each(rows.map((row) => [row.code, row] as const))('%s says everything in both languages', (code, row) => {
    for (const language of [en, hi]) {
      for (const field of fields) {
        const text = language.status[code][field];
        expect(text.length, `${code}.${field}`).toBeGreaterThan(3);
        if (field !== 'sentence') expect(placeholders(text)).toEqual([]);
      }
      const used = placeholders(language.status[code].sentence);
      expect(['amount', 'date', 'deadline']).toEqual(expect.arrayContaining(used));
      if (used.includes('amount')) expect(row.speaksOf, 'the sentence speaks of an amount').not.toBeNull();
      if (used.includes('deadline')) expect(row.deadline.kind, 'the sentence speaks of a deadline').not.toBe('none');
      expect(language.actors[row.actor]).toBeTruthy();
      expect(language.phases[row.phase]).toBeTruthy();
    }
  });

  it('name their law in the reader’s language: beside numbers, letters of a section and PAN or IRC, no word of English is left in Hindi', () => {
    const laws = rows.flatMap((row) => row.law);
    expect(laws.length).toBeGreaterThan(rows.length / 2);
    for (const law of laws) expect(lawText(hi, law)).not.toMatch(/[a-z]{2,}/);
    const scheme = { regime: 'IN-1961', section: '143(1), refund banker scheme' };
    expect([lawText(en, scheme), lawText(hi, scheme)]).toEqual([
      'Income-tax Act, 1961, section 143(1), refund banker scheme', 'आयकर अधिनियम, 1961, धारा 143(1), रिफंड बैंकर योजना']);
  });

  it('ask nothing of a person where the next step is someone else’s', () => {
    for (const row of rows) {
      const asks = row.deadline.kind === 'as_on_notice' || row.deadline.kind === 'days_after_event';
      if (asks && row.code !== 'US_CP12') expect(row.actor, row.code).toBe('you');
    }
  });
});
