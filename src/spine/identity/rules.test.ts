import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CODE_DIGITS } from './contract.ts';
import { normalizeCode, normalizeIdentifier } from './rules.ts';

const anything = fc.oneof(fc.string({ unit: 'binary' }), fc.string({ unit: fc.constantFrom('A', 'z', '0', '9', '०', '９', ' ', '-', '\u200b', '.') }));
const pan = fc.stringMatching(/^[A-Z]{3}P[A-Z]0000[A-Z]$/);
/** As people type: lower case, other digits, spaces, hyphens and invisible characters anywhere. */
const typed = (text: fc.Arbitrary<string>): fc.Arbitrary<[string, string]> => text.chain((plain) => fc.tuple(fc.constant(plain), fc.array(
  fc.tuple(fc.constantFrom('', ' ', '-', '\u200b', '\u00a0', '.'), fc.constantFrom('as it is', 'lower', 'wide', 'Devanagari')),
  { minLength: plain.length, maxLength: plain.length }).map((how) => [...plain].map((c, i) => {
  const [before, form] = how[i] as [string, string];
  if (form === 'lower') return before + c.toLowerCase();
  if (form === 'wide') return before + String.fromCodePoint((c.codePointAt(0) as number) + 0xfee0);
  return before + (form === 'Devanagari' && /\d/.test(c) ? String.fromCodePoint(0x966 + Number(c)) : c);
}).join(''))));

describe('identifiers', () => {
  it('are of the country’s form or none, whatever was typed, and stay as they are when read again', () => {
    const forms: Record<string, RegExp> = { IN: /^[A-Z]{5}[0-9]{4}[A-Z]$/, US: /^[0-9]{9}$/ };
    fc.assert(fc.property(fc.constantFrom('IN', 'US', 'XX'), anything, (country, text) => {
      const read = normalizeIdentifier(country, text);
      if (read === undefined) return;
      expect(read).toMatch(forms[country] as RegExp);
      expect(normalizeIdentifier(country, read)).toBe(read);
    }), { numRuns: 1000 });
  });
  it('are the same however they are typed', () => {
    fc.assert(fc.property(typed(pan), ([plain, text]) => { expect(normalizeIdentifier('IN', text)).toBe(plain); }));
    fc.assert(fc.property(typed(fc.stringMatching(/^666[0-9]{6}$/)), ([plain, text]) => { expect(normalizeIdentifier('US', text)).toBe(plain); }));
  });
});

describe('codes', () => {
  it('are six digits or none, and the same however they are typed', () => {
    fc.assert(fc.property(anything, (text) => { expect(normalizeCode(text) ?? '0'.repeat(CODE_DIGITS)).toMatch(/^[0-9]{6}$/); }), { numRuns: 1000 });
    fc.assert(fc.property(typed(fc.stringMatching(/^[0-9]{6}$/)), ([plain, text]) => { expect(normalizeCode(text.replaceAll('.', ''))).toBe(plain); }));
  });
});
