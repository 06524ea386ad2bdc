import { Hints, type Worker } from '#kernel';
import { watchEvents } from '#spine/events';
import { KycChanged, Moved, OrderChanged, RequestChanged } from './contract.ts';

/** In every web process: whoever's money moved is told to look again. */
export const follow: Worker = {
  name: 'wallet.follow', role: 'web',
  async run(w) {
    const hints = w.cell.use(Hints);
    const tell = (tenant: string, person: string, id: string): void => hints.publish({ topic: `wallet ${tenant} ${person}`, id, version: 0 });
    await watchEvents({
      cell: w.cell, clock: w.clock, signal: w.signal, types: [Moved, OrderChanged, RequestChanged, KycChanged],
      see: (e) => {
        if (e.topic === Moved.name) tell(e.tenant, Moved.data.shape.person.parse(e.data.person), `wal_${e.key}`);
        if (e.topic === OrderChanged.name) tell(e.tenant, OrderChanged.data.shape.person.parse(e.data.person), `word_${e.key}`);
        if (e.topic === KycChanged.name) tell(e.tenant, KycChanged.data.shape.person.parse(e.data.person), `wkyc_${e.key}`);
        if (e.topic === RequestChanged.name) for (const side of ['payer', 'payee'] as const) tell(e.tenant,
          RequestChanged.data.shape[side].parse(e.data[side]), `wreq_${e.key}`);
      },
      lost: () => undefined,
    });
  },
};
