import { errorFields, spineStatement, spineTransact, type Worker } from '#kernel';
import { KEEP_EVERY_MS, KEPT_MS, PARTITION_SIZE, PARTITIONS_AHEAD } from '../contract.ts';
import { dropPartitions, makePartitions } from '../store.ts';

const LOCK_NOT_AVAILABLE = '55P03';
const isBusy = (error: unknown): boolean => error instanceof Error && (error as { code?: unknown }).code === LOCK_NOT_AVAILABLE;

/** Makes partitions of the log ahead of need, and drops those that are old and read by everybody. A log that is busy is left alone until the next time. */
export const keeper: Worker = {
  name: 'events.keeper', role: 'relay',
  async run(w) {
    while (!w.signal.aborted) {
      try {
        await spineStatement(w.cell, (sql) => makePartitions(sql, PARTITION_SIZE, PARTITIONS_AHEAD));
        const dropped = await spineTransact(w.cell, (tx) => dropPartitions(tx.sql, new Date(tx.now.getTime() - KEPT_MS)));
        if (dropped) w.log.info('events.partitions-dropped', { cell: w.cell.name, dropped });
      } catch (error) {
        if (!isBusy(error)) throw error;
        w.log.info('events.log-busy', errorFields(error));
      }
      await w.clock.sleep(KEEP_EVERY_MS, w.signal);
    }
  },
};
