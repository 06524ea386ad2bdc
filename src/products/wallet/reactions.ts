import { Hints, type Worker } from '#kernel';
import { watchEvents } from '#spine/events';
import { Booked, KycChanged, OrderChanged, PaymentMade, RequestChanged } from './contract.ts';

/** In every web process: whoever's money moved is told to look again. */
export const follow: Worker = {
  name: 'wallet.follow', role: 'web',
  async run(w) {
    const hints = w.cell.use(Hints);
    const tell = (tenant: string, person: string, id: string): void => hints.publish({ topic: `wallet ${tenant} ${person}`, id, version: 0 });
    await watchEvents({
      cell: w.cell, clock: w.clock, signal: w.signal, types: [PaymentMade, Booked, OrderChanged, RequestChanged, KycChanged],
      see: (e) => {
        if (e.topic === PaymentMade.name) for (const side of ['payer', 'payee'] as const) tell(e.tenant, PaymentMade.data.shape[side].parse(e.data[side]),
          `wpay_${e.key}`);
        if (e.topic === Booked.name) tell(e.tenant, Booked.data.shape.person.parse(e.data.person), `wacc_${e.key}`);
        if (e.topic === OrderChanged.name) tell(e.tenant, OrderChanged.data.shape.person.parse(e.data.person), `word_${e.key}`);
        if (e.topic === KycChanged.name) tell(e.tenant, KycChanged.data.shape.person.parse(e.data.person), `wkyc_${e.key}`);
        if (e.topic === RequestChanged.name) for (const side of ['payer', 'payee'] as const) tell(e.tenant,
          RequestChanged.data.shape[side].parse(e.data[side]), `wreq_${e.key}`);
      },
      lost: () => undefined,
    });
  },
};
