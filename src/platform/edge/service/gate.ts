import { common, refuse, type AnyRoute, type Priority, type Refused } from '#kernel';
import { LATENESS_EVERY_MS, LATENESS_LOOKS, OPEN_PER_ACTOR_MAX, OPEN_REQUESTS_MAX } from '../contract.ts';
import { priorityOf, shed } from '../rules.ts';
import type { EdgeOptions, Seen } from './context.ts';

/** How many requests are under way in this process, and who is turned away when they are too many or the loop is late. */
export interface OpenGate {
  /** A refusal, or undefined and the request counts as open until `leave`. */
  enter(route: AnyRoute, seen: Seen): Refused | undefined;
  leave(seen: Seen): void;
  readonly counts: { open: number; lateMs: number; readonly shed: Record<Priority, number>; crowded: number };
  stop(): void;
}

const NEVER: OpenGate = {
  enter: () => undefined, leave: () => undefined, stop: () => undefined,
  counts: { open: 0, lateMs: 0, shed: { vital: 0, usual: 0, report: 0 }, crowded: 0 },
};

export function createGate(o: Pick<EdgeOptions, 'limits' | 'clock' | 'openMax'>): OpenGate {
  if (o.limits === false) return NEVER;
  const openMax = o.openMax ?? OPEN_REQUESTS_MAX;
  const counts: OpenGate['counts'] = { open: 0, lateMs: 0, shed: { vital: 0, usual: 0, report: 0 }, crowded: 0 };
  const byActor = new Map<string, number>();
  let lookedMs = o.clock.monotonicMs();
  // A tick that comes late says how long everything else waits. One long step of work is no overload: the least of several looks counts.
  const late: number[] = [];
  const stop = o.clock.every(LATENESS_EVERY_MS, () => {
    const now = o.clock.monotonicMs();
    late.push(Math.max(0, now - lookedMs - LATENESS_EVERY_MS));
    if (late.length > LATENESS_LOOKS) late.shift();
    counts.lateMs = late.length < LATENESS_LOOKS ? 0 : Math.min(...late);
    lookedMs = now;
  });
  return {
    counts, stop,
    enter(route, { actor }) {
      const priority = priorityOf(route as AnyRoute & { priority?: Priority });
      const waitSeconds = shed(priority, counts.open, openMax, counts.lateMs);
      if (waitSeconds !== undefined) {
        counts.shed[priority] += 1;
        return refuse(common.unavailable, { retryAfterSeconds: waitSeconds });
      }
      if ('id' in actor) {
        const mine = byActor.get(actor.id) ?? 0;
        if (mine >= OPEN_PER_ACTOR_MAX) {
          counts.crowded += 1;
          return refuse(common.tooMany, { retryAfterSeconds: 1 });
        }
        byActor.set(actor.id, mine + 1);
      }
      counts.open += 1;
      return undefined;
    },
    leave({ actor }) {
      counts.open -= 1;
      if (!('id' in actor)) return;
      const left = (byActor.get(actor.id) ?? 1) - 1;
      if (left > 0) byActor.set(actor.id, left);
      else byActor.delete(actor.id);
    },
  };
}
