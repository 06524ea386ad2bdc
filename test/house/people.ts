import { civilDate, type CivilDate } from '#kernel';
import type { Profile } from '#spine/identity';

const LETTERS = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ';
const letter = (n: number): string => LETTERS[Math.floor(n) % 26] as string;
let made = 0;

/** The n-th PAN of a form that is never issued: its number is 0000. */
export const madeUpPan = (n: number): string => `${letter(n / 676)}${letter(n / 26)}${letter(n)}P${letter(n / 17576)}0000${letter(n * 7)}`;
/** The n-th Social Security number of the area 666, which is never issued. */
export const madeUpSsn = (n: number): string => `666${String(10 + (n % 90)).padStart(2, '0')}${String(1 + Math.floor(n / 90)).padStart(4, '0')}`;

export interface Person extends Profile { readonly tenant: string; readonly dateOfBirth: CivilDate }

/** A made-up person of a tenant, another one at each call. */
export function somebody(tenant = 'india', more: Partial<Profile> = {}): Person {
  made += 1;
  return {
    tenant, identifier: tenant === 'us' ? madeUpSsn(made) : madeUpPan(made), dateOfBirth: civilDate(`19${50 + (made % 50)}-0${1 + (made % 9)}-1${made % 10}`),
    phone: tenant === 'us' ? `+1 555 01${String(made).padStart(5, '0')}` : `+91 00000 ${String(10_000 + made)}`, name: `Made Up ${made}`, language: 'en', ...more,
  };
}

/** A browser's name as the edge makes them. */
let browsers = 0;
export const newBrowser = (): string => `test-browser-${String(browsers++).padStart(12, '0')}`;
/** An address that no other caller of this file has, so that limits by address do not mix. */
let addresses = 0;
export function newAddress(): string {
  addresses += 1;
  return `10.${(addresses >> 16) & 255}.${(addresses >> 8) & 255}.${addresses & 255}`;
}
