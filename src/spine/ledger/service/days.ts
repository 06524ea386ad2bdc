import { addDays, type CivilDate, type SectionTx } from '#kernel';
import { dayStartUs } from '../rules/effective.ts';
import { lastSealed, type Span } from '../store/reads.ts';

type Reading = Pick<SectionTx, 'sql' | 'tenant'>;

/** The instants that a balance at the end of a day is counted between: the newest sealed period at or before it, and its own end. */
export async function daySpan(tx: Reading, day: CivilDate): Promise<Span> {
  const sealed = await lastSealed(tx.sql, day);
  const end = (d: CivilDate): bigint => dayStartUs(tx.tenant.zone, addDays(d, 1));
  return { sealed, sealedEndUs: sealed === null ? 0n : end(sealed), day, dayEndUs: end(day) };
}
