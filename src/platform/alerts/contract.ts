import { z } from 'zod';
import { problem, zId, zInstant } from '#kernel';

export const ALERTS_PAGE_MAX = 50;
/** Open ones are counted up to this many. */
export const COUNTED_MAX = 1000;

export const zAlert = z.strictObject({
  alert: zId('alr'), topic: z.string(), doc: z.string().nullable(), key: z.string(), data: z.string(), trace: z.string(), times: z.int(), raisedAt: zInstant,
  lastAt: zInstant, closedAt: zInstant.nullable(), closedBy: zId('opr').nullable(),
});
export type Alert = z.output<typeof zAlert>;
export const zAlertsQuery = z.strictObject({ query: z.strictObject({ state: z.enum(['open', 'closed']), cursor: zId('alr') }).partial() }).partial();
export const zAlerts = z.strictObject({ alerts: z.array(zAlert), open: z.int(), next: zId('alr').nullable() });
export const zOfAlert = z.strictObject({ params: z.strictObject({ alert: zId('alr') }) });

export const alertUnknown = problem('alert-unknown', {
  status: 404, title: 'There is no such open alert.', doc: 'Somebody may have closed it. Another tenant’s answers the same.',
});
