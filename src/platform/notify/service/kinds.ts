import { Manifests, notice, provide, token, type NoticeKind, type Provided, type Token } from '#kernel';
import { en } from '../words/en.ts';
import { hi } from '../words/hi.ts';

/** Every kind that the modules of this program declare, by name. */
export const NoticeKinds: Token<ReadonlyMap<string, NoticeKind>> = token('notify.kinds');

/** An announcement of the office to many; its texts are the campaign's own. */
export const announcement = notice('notify.announcement', {
  doc: 'An announcement of the office, to many people.', lane: 'bulk', offered: ['inbox', 'push', 'text', 'email'], chosen: ['inbox', 'text', 'email'],
  lifeMs: 7 * 86_400_000, values: [], texts: { en: en.announcement, hi: hi.announcement },
});
/** The mail that proves an address to be its owner's. */
export const confirmation = notice('notify.confirm', {
  doc: 'A link that proves a mail address to be the person’s own.', lane: 'critical', offered: ['email'], chosen: ['email'], lifeMs: 24 * 3_600_000, values: [],
  texts: { en: en.confirm, hi: hi.confirm },
});
export const ownKinds = [announcement, confirmation];

export const kindsState: Provided = provide(NoticeKinds, (cell) => new Map(cell.use(Manifests).flatMap((m) => m.notices ?? []).map((k) => [k.name, k])));
