import { errorFields, provide, systemRandom, token, type Clock, type Log, type Provided, type Random } from '#kernel';
import { ABANDON_MS } from '../contract.ts';
import { NOT_SENT, Providers, type Mail, type Provider, type PushMessage, type SendResult, type TextMessage } from '../port.ts';

/**
 * Several providers behind one channel. Points say how much of the traffic each gets: they fall by ten with trouble, at most once a minute, and
 * drift back to where they rest. A provider that nobody answers at is passed over at once, since nothing left the house.
 */
const POINTS_RESTING = 50;
const POINTS_STEP = 10;
const FALL_EVERY_MS = 60_000;
const DRIFT_EVERY_MS = 15 * 60_000;
/** Failures within a minute that move the points before the minute is over. */
const FAILURES_MAX = 3;
const KEYS_MAX = 100_000;

export interface ProviderHealth { readonly name: string; readonly points: number; readonly sent: number; readonly failed: number;
  readonly lastFailedAt: Date | null }
export interface ProviderPool<M> {
  readonly size: number;
  send(message: M & { readonly key: string }, signal: AbortSignal): Promise<SendResult & { readonly provider: string }>;
  inquire(key: string, signal: AbortSignal): Promise<(SendResult & { readonly provider: string }) | 'not-found'>;
  health(): readonly ProviderHealth[];
}

interface Held<M> { readonly provider: Provider<M>; readonly resting: number; points: number; movedMs: number; sent: number; failed: number; recent: number;
  lastFailedMs: number | null }

type Health = Pick<Held<unknown>, 'resting' | 'points' | 'movedMs' | 'failed' | 'recent' | 'lastFailedMs'>;

/** Points come back slowly, up to where they rest. */
function drift(h: Health, clock: Clock): void {
  const now = clock.monotonicMs();
  if (h.points >= h.resting || now - h.movedMs < DRIFT_EVERY_MS) return;
  h.points = Math.min(h.resting, h.points + POINTS_STEP);
  h.movedMs = now;
  h.recent = 0;
}

/** Counts a failure; true when it cost points. */
function lower(h: Health, clock: Clock): boolean {
  const now = clock.monotonicMs();
  h.failed += 1;
  h.recent += 1;
  h.lastFailedMs = clock.now().getTime();
  if (h.recent < FAILURES_MAX && now - h.movedMs < FALL_EVERY_MS) return false;
  h.points = Math.max(0, h.points - POINTS_STEP);
  h.movedMs = now;
  h.recent = 0;
  return true;
}

const neverLeft = (error: unknown): boolean => error instanceof Error && NOT_SENT.has((error as { code?: string }).code ?? '');

export function createPool<M>(providers: readonly Provider<M>[], clock: Clock, log: Log, random: Random = systemRandom): ProviderPool<M> {
  const held = providers.map((provider): Held<M> => {
    const resting = provider.points ?? POINTS_RESTING;
    return { provider, resting, points: resting, movedMs: clock.monotonicMs(), sent: 0, failed: 0, recent: 0, lastFailedMs: null };
  });
  /** Who may have taken a key, and since when it is asked in vain. */
  const asked = new Map<string, { at: Held<M>; silentMs: number | null }>();
  // Goes on from where it was: a fresh look at the oldest would pass every hole that those before it left.
  const oldest = asked.keys();

  const fell = (h: Held<M>, error: unknown): void => {
    if (lower(h, clock)) log.warn('notify.provider-trouble', { provider: h.provider.name, points: h.points, ...errorFields(error) });
  };
  /** All of them, the one drawn by its points first: one at zero is still there when nobody else is. */
  const order = (): Held<M>[] => {
    for (const h of held) drift(h, clock);
    const total = held.reduce((sum, h) => sum + h.points, 0);
    let draw = random.unit() * total;
    const first = held.find((h) => (draw -= h.points) < 0 && h.points > 0) ?? held[0];
    return first ? [first, ...held.filter((h) => h !== first).toSorted((a, b) => b.points - a.points)] : [];
  };
  const named = (h: Held<M>, result: SendResult): SendResult & { provider: string } => ({ ...result, provider: h.provider.name });

  const ask = async (h: Held<M>, key: string, signal: AbortSignal): Promise<SendResult | 'not-found'> => {
    try {
      return await h.provider.inquire?.(key, signal) ?? 'not-found';
    } catch (error) {
      fell(h, error);
      const entry = asked.get(key) ?? { at: h, silentMs: null };
      entry.silentMs ??= clock.monotonicMs();
      asked.set(key, entry);
      if (clock.monotonicMs() - entry.silentMs < ABANDON_MS) throw error;
      // It had its time. Better twice than never: both carry the same words.
      log.warn('notify.provider-abandoned', { provider: h.provider.name });
      return 'not-found';
    }
  };

  return {
    size: held.length,
    async send(message, signal) {
      for (const h of order()) {
        try {
          const result = await h.provider.send(message, signal);
          h.sent += 1;
          asked.delete(message.key);
          return named(h, result);
        } catch (error) {
          fell(h, error);
          if (neverLeft(error)) continue;
          if (asked.size >= KEYS_MAX) asked.delete(oldest.next().value as string);
          asked.set(message.key, { at: h, silentMs: null });
          throw error;
        }
      }
      throw new Error('no provider answers');
    },
    async inquire(key, signal) {
      const known = asked.get(key);
      for (const h of known ? [known.at] : held) {
        const found = await ask(h, key, signal);
        if (found !== 'not-found') return named(h, found);
      }
      asked.delete(key);
      return 'not-found';
    },
    health: () => held.map((h) => ({ name: h.provider.name, points: h.points, sent: h.sent, failed: h.failed,
      lastFailedAt: h.lastFailedMs === null ? null : new Date(h.lastFailedMs) })),
  };
}

export interface Pools { readonly text: ProviderPool<TextMessage>; readonly email: ProviderPool<Mail>; readonly push: ProviderPool<PushMessage> }
export const Pools = token<Pools>('notify.pools');
export const poolsState: Provided = provide(Pools, (cell) => {
  const p = cell.use(Providers);
  return { text: createPool(p.text, cell.clock, cell.log), email: createPool(p.email, cell.clock, cell.log), push: createPool(p.push, cell.clock, cell.log) };
});
