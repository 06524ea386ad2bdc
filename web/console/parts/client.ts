import { createClient, Refused, type Client } from '@exchequer/sdk';
import { en, type Words } from '../words/en.ts';
import { hi } from '../words/hi.ts';

/** Where this tenant's pages begin: '' or `/t/<tenant>`. */
export const base = document.body.dataset.base ?? '';
export const language = document.documentElement.lang === 'hi' ? 'hi' : 'en';
export const words: Words = language === 'hi' ? hi : en;
export const locale = language === 'hi' ? 'hi-IN' : 'en-IN';

/** Times are shown and typed in the tenant's own zone, wherever the operator sits. */
export const zone = document.getElementById('console')?.dataset.zone ?? 'UTC';

export const signIn = (): void => {
  const at = location.pathname.slice(base.length) + location.search;
  location.assign(`${base}/operator/sign-in?then=${encodeURIComponent(at)}`);
};

const UNATTENDED_MS = 60_000;
let touchedMs = performance.now();
for (const touch of ['pointerdown', 'pointermove', 'keydown', 'scroll']) addEventListener(touch, () => { touchedMs = performance.now(); }, { passive: true, capture: true });

/**
 * Every call goes through here: whoever is signed out is led to the sign-in, and back to the same place. What a live room asks while
 * nobody is there says so, since it must not keep the session open.
 */
const watched: typeof fetch = async (input, init) => {
  const headers = new Headers(init?.headers);
  if (performance.now() - touchedMs > UNATTENDED_MS) headers.set('exchequer-unattended', '1');
  const answer = await fetch(input, { ...init, headers });
  if (answer.status === 401) signIn();
  return answer;
};
export const client: Client = createClient({ base, fetch: watched });
export type Me = Awaited<ReturnType<Client['getOperatorsMe']>>;
export type Purpose = keyof Words['purpose']['codes'];
export { Refused };

/** Puts values into the places of a sentence. */
export const fill = (template: string, values: Readonly<Record<string, string | number>>): string =>
  template.replace(/\{(\w+)\}/g, (_, name: string) => String(values[name] ?? ''));

/** Filters and cursors of an address: text only. */
export type Search = Readonly<Record<string, string | undefined>>;
/** Those of some names that are set. */
export const pick = <K extends string>(search: Search, ...names: readonly K[]): { readonly [P in K]?: string } =>
  Object.fromEntries(names.flatMap((name) => (search[name] ? [[name, search[name]]] : []))) as { readonly [P in K]?: string };
