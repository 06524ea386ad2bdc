import { fill } from '#kernel';
import type { Entry } from '../contract.ts';
import type { Words } from '../words/en.ts';

/** What accounts and movements are called where people read of them: on pages and in files. */

const ENDING_CHARS = 4;
/** An account by its name; one without is known by its currency and the end of its number, which nobody reads out in full. */
export const accountName = (w: Words, name: string, currency: string): string =>
  (name.startsWith('wal_') ? fill(w.account.unnamed, { currency, ending: name.slice(-ENDING_CHARS) }) : name);

/** What a movement was. */
export const whatText = (w: Words, e: Entry): string =>
  fill(w.kinds[e.kind], { with: e.with === null ? '' : accountName(w, e.with, e.change.currency) });
