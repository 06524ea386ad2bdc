import { fill, language, Refused, words } from '../../parts/client.ts';
import { en, type WebhookWords } from '../../words/webhooks/en.ts';
import { hi } from '../../words/webhooks/hi.ts';

export const w: WebhookWords = language === 'hi' ? hi : en;

/** The state of an endpoint in words: disabled, or what its breaker does. */
export const stateOf = (e: { readonly state: 'active' | 'disabled' | 'unverified'; readonly breaker: 'closed' | 'open' | 'probing' }): string =>
  (e.state !== 'active' ? w.states[e.state] : `${w.states.active}, ${w.breakers[e.breaker]}`);
export const reasonText = (reason: string | null): string =>
  (reason === null ? words.none : (w.errors as Record<string, string>)[reason] ?? (w.reasons as Record<string, string>)[reason] ?? reason);
export const refusal = (error: unknown): string | undefined =>
  (error === null || error === undefined ? undefined : error instanceof Refused ? fill(w.failed, { title: error.problem.title }) : words.states.away);
/** What was typed into a field. */
export function typed(form: FormData, name: string): string {
  const value = form.get(name);
  return typeof value === 'string' ? value.trim() : '';
}
