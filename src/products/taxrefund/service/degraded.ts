import { civilDateIn, done, type DegradedContext, type Outcome } from '#kernel';
import { Spool } from '#spine/audit';
import { vouchedFor } from '#spine/identity';
import { heldSubjectKey } from '#spine/vault';
import type { YearStatus } from '../contract.ts';
import { packOf } from './packs.ts';
import { cacheKey, StatusCache, toYearStatus } from './view.ts';

/**
 * A view while the database cannot be reached: a copy at most an hour old, only to a session that this process saw alive in
 * the last quarter of an hour, and only after the view's fact is on the local disk. Anything less answers 503.
 */
export async function degradedView(context: DegradedContext, input: { params: { year: string } }): Promise<Outcome<YearStatus> | undefined> {
  const { actor } = context;
  if (actor.kind !== 'person' || !vouchedFor(context, actor.session)) return undefined;
  const year = Number.parseInt(input.params.year, 10);
  const kept = context.use(StatusCache).kept(cacheKey(context.tenant.id, actor.id, year));
  const newest = kept?.value.returns[0];
  if (!kept || !newest) return undefined;
  const staleSeconds = Math.round(kept.ageMs / 1000);
  const written = await context.use(Spool).append(context, {
    action: 'taxrefund.viewed',
    result: 'done',
    subject: actor.id,
    resource: `tret_${newest.id}`,
    detail: { year, version: newest.version, degraded: true, staleSeconds },
  });
  if (!written) return undefined;
  return done(toYearStatus(packOf(context.tenant), kept.value, civilDateIn(context.tenant.zone, context.now), heldSubjectKey(context, actor.id), staleSeconds));
}
