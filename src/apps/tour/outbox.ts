import type { Sim } from '../sims.ts';

/** A text message as the made-up provider delivered it. */
export interface Text { readonly id: string; readonly to: string; readonly text: string; readonly at: string }

/** A mail as a made-up relay took it. */
export interface Letter extends Text { readonly subject: string }

/** What made-up providers delivered, newest first. */
export async function outbox<T extends Text = Text>(sims: readonly Sim[]): Promise<T[]> {
  const all = await Promise.all(sims.map(async (sim) =>
    await (await fetch(`${sim.base}/v1/outbox`, { headers: { authorization: `Bearer ${sim.token}` } })).json() as T[]));
  return all.flat().toSorted((a, b) => (a.at < b.at ? 1 : -1));
}

const LOCK_SCREEN_MS = 5 * 60_000;

/** The newest message to one of these phones that a lock screen would still show. */
export const newestText = (texts: readonly Text[], phones: readonly string[], now: Date): Text | undefined =>
  texts.find((t) => phones.includes(t.to) && now.getTime() - Date.parse(t.at) < LOCK_SCREEN_MS);

export const codeIn = (text: string): string | undefined => /\b\d{6}\b/.exec(text)?.[0];
