/** What tests of the queue ask of it, past its door. */
import { systemClock } from '#kernel';
import type { House } from '../house.ts';
import { Chore } from './probe.ts';

export interface Queue {
  su<R extends Record<string, unknown>>(text: string, values?: unknown[]): Promise<R[]>;
  later(n: number, options?: { key?: string; dedupe?: string; runAt?: Date }, slug?: string): Promise<void>;
  /** Numbers that a subscriber's effects bear, in the order in which they came. */
  effects(subscriber: string): Promise<number[]>;
  waiting(where?: string): Promise<{ id: bigint; attempts: number; last_error: string | null }[]>;
  until(there: () => Promise<boolean>): Promise<void>;
  /** Lets time pass for the queue: waits and leases are over. */
  skip(): Promise<unknown>;
}

export function queueOf(house: () => House): Queue {
  const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => house().sql('IN', 'superuser')<R>(text, values);
  return {
    su,
    later: (n, options = {}, slug = 'india') => house().perform(slug, async (tx) => tx.later(Chore, { n }, options)),
    effects: async (subscriber) =>
      (await su<{ n: bigint }>('select n from probe.effect where subscriber = $1 order by pos', [subscriber])).map((r) => Number(r.n)),
    waiting: (where = 'true') => su(`select id, attempts, last_error from jobs.job where dead_at is null and (${where}) order by id`),
    async until(there) {
      for (let i = 0; !await there(); i++) {
        if (i > 2000) throw new Error('what was waited for did not come');
        await systemClock.sleep(3);
      }
    },
    skip: () => su(`update jobs.job set run_at = run_at - interval '1 day', lease_until = lease_until - interval '1 day',
      sent_at = sent_at - interval '1 minute'`),
  };
}
