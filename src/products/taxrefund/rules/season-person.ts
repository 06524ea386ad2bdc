/** Synthetic people whose numbers cannot belong to anyone. */
import { type CivilDate, type Random } from '#kernel';
import { inFamily, inGiven, usFamily, usGiven } from './season-names.ts';
import type { TaxpayerLine } from './feed.ts';
import type { Country } from './types.ts';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** Combinations of three letters and a last letter, without those that begin with AAA: they are kept for named demo people. */
const PAN_FREE = 26 ** 4 - 26;
/** Prime to `PAN_FREE`, so that stepping by it visits every combination once. */
const PAN_STEP = 100_003;
const SSN_PER_AREA = 99 * 9999;
/** Area 666 has never been assigned, nor any area from 900; groups 01 to 49 there are no ITIN either. Area 999 is kept for demo people. */
const SSN_900_GROUPS = 49;
const SSN_900_AREAS = 99;
const SSN_STEP = 700_001;

/** The largest number of distinct filers that the numbers suffice for. */
export const FILERS_MAX: Readonly<Record<Country, number>> = {
  IN: PAN_FREE * inFamily.length,
  US: SSN_PER_AREA + SSN_900_AREAS * SSN_900_GROUPS * 9999,
};

/** A PAN with sequence 0000, which is never issued (issued ones run from 0001): letters, P for a person, initial, 0000, letter. */
function panOf(index: number, initial: string): string {
  let rest = 26 + ((Math.floor(index / inFamily.length) * PAN_STEP) % PAN_FREE);
  const last = LETTERS[rest % 26] ?? 'A';
  rest = Math.floor(rest / 26);
  const letters = [Math.floor(rest / 676), Math.floor(rest / 26) % 26, rest % 26].map((at) => LETTERS[at] ?? 'A').join('');
  return `${letters}P${initial}0000${last}`;
}

function ssnOf(index: number): string {
  if (index < SSN_PER_AREA) {
    const at = (index * SSN_STEP) % SSN_PER_AREA;
    return `666${digits(1 + Math.floor(at / 9999), 2)}${digits(1 + (at % 9999), 4)}`;
  }
  const at = index - SSN_PER_AREA;
  const group = Math.floor(at / 9999);
  return `9${digits(Math.floor(group / SSN_900_GROUPS), 2)}${digits(1 + (group % SSN_900_GROUPS), 2)}${digits(1 + (at % 9999), 4)}`;
}

const digits = (value: number, width: number): string => String(value).padStart(width, '0');

/** A person of the season; the same `index` always gets the same identifier. Phones repeat: few numbers cannot belong to anyone. */
export function personOf(country: Country, index: number, random: Random): TaxpayerLine {
  const given = country === 'IN' ? inGiven : usGiven;
  const family = country === 'IN' ? inFamily : usFamily;
  const first = given[random.int(given.length)] ?? ['', ''];
  // The family name follows the index in India, because the PAN carries its initial.
  const last = family[country === 'IN' ? index % family.length : random.int(family.length)] ?? ['', ''];
  const latin = `${first[0]} ${last[0]}`;
  const local = `${first[1]} ${last[1]}`;
  const script = random.int(100);
  const names = country === 'US' || (script >= 88 && script < 97) ? { name: latin } : script >= 97 ? { name: local } : { name: latin, nameLocal: local };
  const identifier = country === 'IN' ? panOf(index, last[0].slice(0, 1)) : ssnOf(index);
  const phone = country === 'IN' ? `+9100000${digits(index % 90_000, 5)}` : `+1${300 + (Math.floor(index / 100) % 700)}55501${digits(index % 100, 2)}`;
  const hindi = random.int(100) < (country === 'IN' ? 45 : 3);
  return { kind: 'taxpayer', identifier, dateOfBirth: birth(random), phone, ...names, language: hindi ? 'hi' : 'en' };
}

/** A day of birth from 1941 to 2007; more leap days than in life, because programs forget them. */
function birth(random: Random): CivilDate {
  if (random.int(400) === 0) return `${1944 + 4 * random.int(16)}-02-29` as CivilDate;
  const first = Date.UTC(1941, 0, 1);
  return new Date(first + random.int(24_400) * 86_400_000).toISOString().slice(0, 10) as CivilDate;
}
