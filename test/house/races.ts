/** What tests of races do: one verb holds its commit back while another runs into it. */
import { systemClock, type Actor, type Tx } from '#kernel';
import type { House } from '../house.ts';

export interface Races {
  /** Runs a verb and holds its commit back until it is let go. */
  held<T>(actor: Actor, verb: (tx: Tx) => Promise<T>): Promise<{ go: () => Promise<T> }>;
  /** Resolves when somebody waits for a lock; an error after 3 s without. */
  waits(): Promise<void>;
}

export function races(h: House): Races {
  return {
    async held(actor, verb) {
      const gate = Promise.withResolvers<void>(), ran = Promise.withResolvers<void>();
      const all = h.perform('india', async (tx) => {
        const result = await verb(tx);
        ran.resolve();
        await gate.promise;
        return result;
      }, actor);
      await Promise.race([ran.promise, all]);
      return { go: () => { gate.resolve(); return all; } };
    },
    async waits() {
      const locked = (): Promise<unknown[]> =>
        h.sql('IN', 'superuser')("select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'");
      for (let i = 0; i < 300; i++) {
        if ((await locked()).length) return;
        await systemClock.sleep(10);
      }
      throw new Error('nobody waits for a lock');
    },
  };
}
