import { createSignal, provide, type Provided, type SectionTx, type Tx } from '#kernel';
import { Wakeups } from '#spine/events';
import { DeliverSignal } from '../contract.ts';

const HINT = 'webhooks';

export const signalState: Provided = provide(DeliverSignal, (cell) => {
  const signal = createSignal(cell.clock);
  cell.use(Wakeups).hear(HINT, () => signal.wake());
  return signal;
});

/** Something is due with this commit: whoever sends looks at once, in this process and, within a moment, in the others. */
export function dueWith(tx: Pick<Tx | SectionTx, 'afterCommit' | 'use'>, isSo: () => boolean = () => true): void {
  tx.afterCommit(() => {
    if (!isSo()) return;
    tx.use(DeliverSignal).wake();
    tx.use(Wakeups).tell(HINT);
  });
}
