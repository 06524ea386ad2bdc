import type { Sim } from '../sims.ts';

/** A text message as the made-up provider delivered it. */
export interface Text { readonly id: string; readonly to: string; readonly text: string; readonly at: string }

/** What reached phones, newest first. */
export async function outbox(sms: Sim): Promise<Text[]> {
  const answer = await fetch(`${sms.base}/v1/outbox`, { headers: { authorization: `Bearer ${sms.token}` } });
  return await answer.json() as Text[];
}

const LOCK_SCREEN_MS = 5 * 60_000;

/** The newest message to one of these phones that a lock screen would still show. */
export const newestText = (texts: readonly Text[], phones: readonly string[], now: Date): Text | undefined =>
  texts.find((t) => phones.includes(t.to) && now.getTime() - Date.parse(t.at) < LOCK_SCREEN_MS);

export const codeIn = (text: string): string | undefined => /\b\d{6}\b/.exec(text)?.[0];
