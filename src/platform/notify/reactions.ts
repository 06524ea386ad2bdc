import { Hints, type Worker } from '#kernel';
import { watchEvents } from '#spine/events';
import { Noted } from './contract.ts';

/** In every web process: whoever has a new notice is told to look at the badge again. */
export const follow: Worker = {
  name: 'notify.follow', role: 'web',
  async run(w) {
    const hints = w.cell.use(Hints);
    await watchEvents({
      cell: w.cell, clock: w.clock, signal: w.signal, types: [Noted],
      see: (event) => {
        const { person, notice } = event.data;
        hints.publish({ topic: `notify ${event.tenant} ${person}`, id: notice, version: 0 });
      },
      lost: () => undefined,
    });
  },
};
