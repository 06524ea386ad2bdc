import type { CellContext } from '#kernel';
import { toldSignal } from '#spine/events';
import { HeapSignal, JobSignal } from '../contract.ts';

/** Of whoever runs jobs one by one, and of whoever takes many together: neither looks for what the other does. */
export const [single, heap] = [toldSignal(JobSignal, 'jobs'), toldSignal(HeapSignal, 'heaps')];

/** Wakes both in this process, where a job may be of either kind. */
export function wakeHere(at: Pick<CellContext, 'use'>): void {
  at.use(JobSignal).wake();
  at.use(HeapSignal).wake();
}
