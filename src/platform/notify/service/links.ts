import { timingSafeEqual } from 'node:crypto';
import type { SectionTx, Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';

/** Links in messages: what they are for stands in them, with an end and a keyed hash. They hold ids and codes, nothing of a person. */
type Purpose = 'unsubscribe' | 'confirm' | 'opened';
const SEPARATOR = '.';

const macOf = (tx: Pick<SectionTx, 'use' | 'tenant'>, purpose: Purpose, said: string): Buffer => tenantKeys(tx).mac(`notify.${purpose}`, said);

export function makeToken(tx: Pick<SectionTx, 'use' | 'tenant'>, purpose: Purpose, parts: readonly string[], until: Date): string {
  const said = Buffer.from([...parts, Math.floor(until.getTime() / 1000).toString(36)].join(' ')).toString('base64url');
  return `${said}${SEPARATOR}${macOf(tx, purpose, said).toString('base64url')}`;
}

/** What a link says, when we made it for this purpose and its time is not over. */
export function readToken(tx: Pick<SectionTx, 'use' | 'tenant' | 'now'>, purpose: Purpose, token: string): string[] | undefined {
  const [said = '', ...rest] = token.split(SEPARATOR);
  // As text: several texts of base64 mean the same bytes, and only ours is the link.
  const expected = Buffer.from(macOf(tx, purpose, said).toString('base64url'));
  const given = Buffer.from(rest.join(SEPARATOR));
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) return undefined;
  const parts = Buffer.from(said, 'base64url').toString('utf8').split(' ');
  const until = Number.parseInt(parts.pop() ?? '', 36) * 1000;
  return until > tx.now.getTime() ? parts : undefined;
}

export const unsubscribeParts = (person: Uuid, kind: string): readonly string[] => [person, kind];
