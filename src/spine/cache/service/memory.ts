import type { Clock } from '#kernel';
import { LOAD_MS_MAX } from '../contract.ts';
import type { SecondLevel } from '../port.ts';

interface Kept { text: string | undefined; beganMs: number; untilMs: number; generation: number; loadingUntilMs: number }

/** A second level in this process's memory: for tests, and for caches of one process that share values. */
export function memorySecondLevel(clock: Clock): SecondLevel {
  const kept = new Map<string, Kept>();
  const of = (key: string): Kept => {
    let entry = kept.get(key);
    if (!entry) kept.set(key, (entry = { text: undefined, beganMs: 0, untilMs: 0, generation: 0, loadingUntilMs: 0 }));
    if (entry.text !== undefined && clock.monotonicMs() >= entry.untilMs) entry.text = undefined;
    return entry;
  };
  return {
    name: 'memory', about: async () => 'this process', close: async () => kept.clear(),
    async read(key) {
      const entry = of(key);
      const now = clock.monotonicMs();
      const yours = entry.text === undefined && now >= entry.loadingUntilMs;
      if (yours) entry.loadingUntilMs = now + LOAD_MS_MAX;
      return { text: entry.text, ageMs: entry.text === undefined ? 0 : now - entry.beganMs, fence: `${entry.generation} ${now}`, yours };
    },
    async fill(key, fence, text, keepMs) {
      const entry = of(key);
      const [generation, began] = fence.split(' ').map(Number) as [number, number];
      if (generation !== entry.generation || clock.monotonicMs() - began > LOAD_MS_MAX) return false;
      entry.loadingUntilMs = 0;
      if (text === undefined) return true;
      entry.text = text;
      entry.beganMs = began;
      entry.untilMs = began + keepMs;
      return true;
    },
    async invalidate(key) {
      const entry = of(key);
      entry.generation += 1;
      entry.text = undefined;
      entry.loadingUntilMs = 0;
    },
  };
}
