import { systemClock } from './clock.ts';
import type { Statement } from './flight.ts';

/**
 * Statements are planned once a connection, and a plan made while a table was empty may be one that reads all of it: by whichever index has the tenant
 * in it, since all cost the same then. The server makes such a plan anew only when somebody has made statistics, a minute or more later. So plans are
 * thrown away when they are half as old as their connection: in its first seconds often, later hardly ever, and none outlives what it was made for by long.
 */
export const DISCARD_PLANS: Statement = { name: 'discard', text: 'discard plans', values: [] };
const FIRST_MS = 1000;

interface Age { readonly bornMs: number; plannedMs: number }
const ages = new WeakMap<object, Age>();

/** True when it is time to throw the plans of a connection away; that is then taken for done. */
export function plansAreOld(client: object, nowMs: number = systemClock.monotonicMs()): boolean {
  const age = ages.get(client);
  if (!age) {
    ages.set(client, { bornMs: nowMs, plannedMs: nowMs });
    return false;
  }
  if (nowMs - age.plannedMs < Math.max(FIRST_MS, age.plannedMs - age.bornMs)) return false;
  age.plannedMs = nowMs;
  return true;
}
