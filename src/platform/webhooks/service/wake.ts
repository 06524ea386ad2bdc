import { toldSignal } from '#spine/events';
import { DeliverSignal } from '../contract.ts';

/** Of whoever sends: something is due with a commit. */
export const signal = toldSignal(DeliverSignal, 'webhooks');
