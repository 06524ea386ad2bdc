/** Identifiers as people type them. A valid form proves nothing about a person: these are identifiers, never authenticators. */
import type { CountryPack } from './types.ts';

const DEVANAGARI_ZERO = 0x0966;

/**
 * The canonical form of a typed identifier, or null when it cannot be one. Forgives full-width and Devanagari digits, spaces,
 * hyphens, invisible format characters and lower case, so that a pasted number works.
 */
export function normalizeIdentifier(pack: CountryPack, typed: string): string | null {
  if (typed.length > 64) return null;
  const canonical = typed.normalize('NFKC')
    .replace(/[०-९]/gu, (digit) => String((digit.codePointAt(0) ?? 0) - DEVANAGARI_ZERO))
    .replace(/[\p{Cf}\p{Z}\s\p{Pd}._/]/gu, '')
    .toUpperCase();
  return pack.identifier.pattern.test(canonical) ? canonical : null;
}

/** The masked form for a person who knows the number: only the positions that the pack shows. */
export function maskIdentifier(pack: CountryPack, canonical: string): string {
  const [from, to] = pack.identifier.shown;
  return [...canonical].map((char, index) => (index >= from && index < to ? char : 'X')).join('');
}
