/** What the phases mean to each other, in every country. */
import { UNMAPPED, type Phase, type PlainWord, type StatusRow } from './types.ts';

/** How far along a phase is. A later event with a smaller number and no permitted transition is out of sequence, not a step back. */
const PROGRESS: Readonly<Record<Phase, number>> = {
  filed: 10, verified: 20, processing: 30, needs_action: 35, held: 35, transferred: 35,
  determined: 50, nil: 50, demand: 50, rectified: 50, offset_proposed: 60, withheld: 60, offset_applied: 65,
  approved: 70, sent: 80, failed: 85, expired: 85, reissue_requested: 87, paid: 90,
  rejected: 100, lapsed: 100, superseded: 100,
};
export const phases = Object.keys(PROGRESS) as Phase[];
export const progressOf = (phase: Phase): number => PROGRESS[phase];

const PLAIN: Readonly<Record<Phase, PlainWord>> = {
  filed: 'filed', verified: 'filed',
  processing: 'processing', needs_action: 'processing', held: 'processing', transferred: 'processing', superseded: 'processing', rectified: 'processing',
  determined: 'approved', nil: 'approved', offset_proposed: 'approved', offset_applied: 'approved', withheld: 'approved', approved: 'approved',
  sent: 'approved', failed: 'approved', expired: 'approved', reissue_requested: 'approved',
  demand: 'rejected', rejected: 'rejected', lapsed: 'rejected',
  paid: 'refunded',
};

/**
 * The five words of the design documents. Lossy on purpose: a return without refund counts as approved (nothing was refused), a
 * demand as rejected (the claim was), money on its way as approved until there is evidence that it left the authority.
 */
export const plainWord = (row: Pick<StatusRow, 'phase' | 'moneyMoved'>): PlainWord => (row.moneyMoved ? 'refunded' : PLAIN[row.phase]);

const REFUSAL: ReadonlySet<Phase> = new Set(['nil', 'demand', 'rejected', 'lapsed']);

/** Strength of a statement when two cannot both hold: 3 money moved, 2 acceptance (or replacement), 1 refusal, 0 no outcome yet. */
export function evidenceOf(row: Pick<StatusRow, 'phase' | 'moneyMoved'>): number {
  if (row.moneyMoved) return 3;
  if (REFUSAL.has(row.phase)) return 1;
  return progressOf(row.phase) >= progressOf('determined') ? 2 : 0;
}

/** A row for a code that is in no pack: work goes on, nothing is promised, and any known status may follow. */
export const unmappedRow: Omit<StatusRow, 'code'> & { readonly code: typeof UNMAPPED } = {
  code: UNMAPPED, phase: 'processing', actor: 'nobody', effect: 'status', deadline: { kind: 'none' }, law: [], moneyMoved: false, final: false,
  reversibleDays: null, speaksOf: null, opens: [], next: phases,
};
