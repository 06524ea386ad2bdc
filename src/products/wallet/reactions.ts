import { addDays, handle, Hints, schedule, type CivilDate, type Uuid, type Worker } from '#kernel';
import { watchEvents } from '#spine/events';
import { Booked, Closed, DAY_AGAIN_MS, DayOver, DocumentsDue, KycChanged, OrderChanged, PaymentMade, RequestChanged } from './contract.ts';
import { disposeDue } from './service/disposal.ts';
import { startEod } from './service/eod.ts';

/** In every web process: whoever's money moved is told to look again. */
export const follow: Worker = {
  name: 'wallet.follow', role: 'web',
  async run(w) {
    const hints = w.cell.use(Hints);
    const tell = (tenant: string, person: string, id: string): void => hints.publish({ topic: `wallet ${tenant} ${person}`, id, version: 0 });
    await watchEvents({
      cell: w.cell, clock: w.clock, signal: w.signal, types: [PaymentMade, Booked, Closed, OrderChanged, RequestChanged, KycChanged],
      see: (e) => {
        if (e.topic === PaymentMade.name) for (const side of ['payer', 'payee'] as const) tell(e.tenant, e.data[side], `wpay_${e.key}`);
        if (e.topic === Booked.name) tell(e.tenant, e.data.person, `wacc_${e.key}`);
        if (e.topic === Closed.name) tell(e.tenant, e.data.person, `wacc_${e.key}`);
        if (e.topic === OrderChanged.name) tell(e.tenant, e.data.person, `word_${e.key}`);
        if (e.topic === KycChanged.name) tell(e.tenant, e.data.person, `wkyc_${e.key}`);
        if (e.topic === RequestChanged.name) for (const side of ['payer', 'payee'] as const) tell(e.tenant, e.data[side], `wreq_${e.key}`);
      },
      lost: () => undefined,
    });
  },
};

/** Five past midnight where the tenant is, every day; a night in which nothing ran is made up for. */
export const everyDay = schedule('wallet.every-day', {
  doc: 'Closes the business day that has just ended.', cron: '5 0 * * *', missed: 'each', job: DayOver, data: ({ on }) => ({ day: addDays(on, -1) }),
});

/** Each night: whose documents need not be kept any longer. */
export const everyNight = schedule('wallet.documents-due', {
  doc: 'Disposes of documents that need not be kept any longer.', cron: '40 2 * * *', missed: 'last', job: DocumentsDue, data: () => ({}),
});
export const onDocumentsDue = handle(DocumentsDue, (tx, { after }) => disposeDue(tx, after as Uuid | undefined));

/** Days follow each other: where an earlier one was not closed, it comes first, and this one is looked at again. */
export const onDayOver = handle(DayOver, async (tx, { day }) => {
  const started = await startEod(tx, { body: { day: day as CivilDate } });
  if (started.ok) return;
  const { next } = started.data;
  if (typeof next === 'string' && next < day) await startEod(tx, { body: { day: next as CivilDate } });
  tx.later(DayOver, { day }, { runAt: new Date(tx.now.getTime() + DAY_AGAIN_MS) });
});
