import { Hints, type Worker } from '#kernel';
import { watchEvents } from '#spine/events';
import { Changed } from './contract.ts';
import { cacheKey, StatusCache } from './service/view.ts';

/** In every web process: a changed return leaves the cache, and the person's open pages are told to look again. */
export const follow: Worker = {
  name: 'taxrefund.follow', role: 'web',
  async run(w) {
    const cache = w.cell.use(StatusCache);
    const hints = w.cell.use(Hints);
    await watchEvents({
      cell: w.cell, clock: w.clock, signal: w.signal, types: [Changed],
      see: (event) => {
        const { person, refund, year, version } = event.data;
        cache.invalidate(cacheKey(event.tenant, person, year));
        hints.publish({ topic: `taxrefund ${event.tenant} ${person}`, id: `tret_${refund}`, version });
      },
      // What was missed is not known, so nothing kept counts as fresh any more; it stays for degraded mode with its age.
      lost: () => cache.expireAll(),
    });
  },
};
