// What the made-up provider says of messages that it took: signed, late, twice, in the wrong order or not at all. See README.md beside this file.
import { createHash, createHmac } from 'node:crypto';

/** Who is told at an address, and the key that signs it there. */
export interface Listener { readonly key: string; readonly secret: string; readonly provider: string }
type State = 'sent' | 'delivered' | 'failed';
export const plans = ['plain', 'late', 'doubled', 'disordered', 'never', 'failed'] as const;
export type Plan = (typeof plans)[number];
/** A line of the book: what was said of a message, when, and what the listener answered; 0 where nobody did. */
interface Line { readonly id: string; readonly state: State; readonly plan: Plan; tries: number; status: number; at: string }
interface Due { readonly line: Line; readonly to: string; atMs: number }

const TICK_MS = 100;
const LATE_TIMES = 5;
const AGAIN_MS = 1000;
const TRIES_MAX = 8;
const BATCH_MAX = 500;
const BOOK_MAX = 10_000;
const ANSWER_MS_MAX = 5000;

export interface Options { readonly seed: string; /** How long after it was taken a message arrives, about. */ readonly delayMs: number; readonly faults: number }

/** Tells listeners in batches, and says again what they do not know yet or could not be told. */
export function createReceipts(o: Options): { listen(to: string, listener: Listener): void; taken(id: string, to: string | undefined): void; book(): readonly Line[] } {
  const listeners = new Map<string, Listener>();
  const book: Line[] = [];
  let due: Due[] = [];
  let count = 0;
  const draw = (what: string): number => createHash('sha256').update(`${o.seed}:receipt:${what}:${count}`).digest().readUInt32BE() / 2 ** 32;

  /** Tells one listener; the receipts that it did not take are due again, some time later. */
  async function tell(to: string, batch: readonly Due[]): Promise<void> {
    const { key, secret, provider } = listeners.get(to) as Listener;
    const body = JSON.stringify({ provider, receipts: batch.map(({ line }) => ({ id: line.id, state: line.state })) });
    const at = String(Math.floor(Date.now() / 1000));
    const { pathname, search } = new URL(to);
    const mac = createHmac('sha256', Buffer.from(secret, 'base64url')).update(`${at}\nPOST ${pathname}${search}\n\n${body}`).digest('hex');
    let status = 0, unknown = 0;
    try {
      const answer = await fetch(to, { method: 'POST', body, redirect: 'error', signal: AbortSignal.timeout(ANSWER_MS_MAX), headers: {
        'content-type': 'application/json', 'x-exchequer-key': key, 'x-exchequer-timestamp': at, 'x-exchequer-signature': `v1=${mac}`,
      } });
      ({ status } = answer);
      if (answer.ok) ({ unknown } = await answer.json() as { unknown: number });
    } catch { /* Nobody was there: it is said again. */ }
    for (const d of batch) {
      Object.assign(d.line, { tries: d.line.tries + 1, status, at: new Date().toISOString() });
      if ((status !== 200 || unknown > 0) && d.line.tries < TRIES_MAX) due.push({ ...d, atMs: Date.now() + AGAIN_MS * 2 ** d.line.tries });
    }
  }
  let telling = Promise.resolve();
  const tick = (): void => {
    const now = Date.now();
    const ready = due.filter((d) => d.atMs <= now);
    if (!ready.length) return;
    due = due.filter((d) => d.atMs > now);
    const byListener = Map.groupBy(ready, (d) => d.to);
    telling = telling.then(async () => {
      for (const [to, all] of byListener) for (let i = 0; i < all.length; i += BATCH_MAX) await tell(to, all.slice(i, i + BATCH_MAX));
    });
  };
  setInterval(tick, TICK_MS).unref();

  const say = (id: string, to: string, plan: Plan, state: State, afterMs: number): void => {
    const line: Line = { id, state, plan, tries: 0, status: 0, at: '' };
    book.unshift(line);
    if (book.length > BOOK_MAX) book.pop();
    due.push({ line, to, atMs: Date.now() + afterMs });
  };
  return {
    listen: (to, listener) => void listeners.set(to, listener),
    taken(id, to) {
      if (to === undefined || !listeners.has(to)) return;
      count += 1;
      const plan = draw('fault') < o.faults ? plans[1 + Math.floor(draw('which') * (plans.length - 1))] as Plan : 'plain';
      const after = o.delayMs * (0.5 + draw('delay')) * (plan === 'late' ? LATE_TIMES : 1);
      if (plan === 'never') return;
      const end = plan === 'failed' ? 'failed' : 'delivered';
      say(id, to, plan, 'sent', plan === 'disordered' ? after + 4 * TICK_MS : after / 2);
      say(id, to, plan, end, after);
      if (plan === 'doubled') say(id, to, plan, end, after + 4 * TICK_MS);
    },
    book: () => book,
  };
}
