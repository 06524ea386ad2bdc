import { auditorRead, type CellContext, type SectionTx, type SqlTag, type TenantRef } from '#kernel';
import { BACK_FACTS_MAX, BACK_LOOKS_MAX } from '../contract.ts';
import { factsBack, factsBetween, factsOfAction } from '../store.ts';

const PAGE = 2000;

export interface ReadFact { readonly seq: bigint; readonly id: string; readonly resource: string | null; readonly detail: Readonly<Record<string, unknown>> }

/** Hands the facts of one action of a tenant, page by page and in order, to a reader that works in the same snapshot as the `auditor` role. */
export async function eachFact(cell: CellContext, tenant: TenantRef, action: string, take: (facts: readonly ReadFact[], sql: SqlTag) =>
  Promise<void>): Promise<void> {
  await auditorRead(cell, tenant.id, async (tx) => {
    for (let after = 0n; ;) {
      const rows = await factsOfAction(tx.sql, action, after, PAGE);
      if (!rows.length) return;
      await take(rows.map((r) => ({ seq: r.seq, id: r.id, resource: r.resource, detail: r.detail === null ? {} : JSON.parse(r.detail) as Record<string,
        unknown> })), tx.sql);
      after = (rows.at(-1) as { seq: bigint }).seq;
    }
  });
}

/** A fact of a request, as an operator follows a number to it. */
export interface TraceFact { readonly seq: bigint; readonly id: string; readonly at: Date; readonly action: string; readonly result: string;
  readonly actorKind: string; readonly actor: string | null; readonly subject: string | null; readonly resource: string | null;
    readonly problem: string | null; readonly latencyUs: number | null }

/** A request leaves its facts within this time of what it did. */
const AROUND_MS = 60_000;

/** The facts of the request that bears this trace and did something at about that time. */
export async function factsOfTrace(tx: Pick<SectionTx, 'sql'>, trace: string, at: Date): Promise<TraceFact[]> {
  const rows = await factsBetween(tx.sql, trace, new Date(at.getTime() - AROUND_MS), new Date(at.getTime() + AROUND_MS));
  return rows.map(({ actor_kind: actorKind, latency_us: latency, ...r }) => ({ ...r, actorKind, latencyUs: latency }));
}

/** A place among facts, newest first. */
export interface FactPlace { readonly at: Date; readonly seq: bigint }
export interface DoneFact extends Omit<ReadFact, 'id'> { readonly at: Date }

const FIRST_SPAN_MS = 1000;
const SPAN_GROWS = 4;

/**
 * Facts of one action that were done from an instant on, newest first, before a place. Facts are found by their time, which costs as much as there
 * was in it: so it looks at a second first, at ever longer spans where there is little, and gives up after some looks. `next` is where to go on, and
 * null where nothing is left; the facts may be none while there is more.
 */
export async function doneBefore(tx: Pick<SectionTx, 'sql'>, action: string, from: Date, before: FactPlace):
  Promise<{ facts: DoneFact[]; next: FactPlace | null }> {
  let place = before;
  let spanMs = FIRST_SPAN_MS;
  const more = (): boolean => place.at > from || place.seq > 0n;
  for (let looks = 0; looks < BACK_LOOKS_MAX && more(); looks++, spanMs *= SPAN_GROWS) {
    const start = new Date(Math.max(from.getTime(), place.at.getTime() - spanMs));
    const rows = await factsBack(tx.sql, action, start, place, BACK_FACTS_MAX);
    const last = rows.at(-1);
    // The start belongs to what was looked at; what comes next lies before it.
    place = rows.length === BACK_FACTS_MAX && last ? { at: last.at, seq: last.seq } : { at: start, seq: 0n };
    if (!rows.length) continue;
    const facts = rows.map((r) => ({ seq: r.seq, at: r.at, resource: r.resource,
      detail: r.detail === null ? {} : JSON.parse(r.detail) as Record<string, unknown> }));
    return { facts, next: more() ? place : null };
  }
  return { facts: [], next: more() ? place : null };
}
