import { auditorRead, type CellContext, type SectionTx, type SqlTag, type TenantRef } from '#kernel';
import { factsBetween, factsOfAction } from '../store.ts';

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
    readonly problem: string | null }

/** A request leaves its facts within this time of what it did. */
const AROUND_MS = 60_000;

/** The facts of the request that bears this trace and did something at about that time. */
export async function factsOfTrace(tx: Pick<SectionTx, 'sql'>, trace: string, at: Date): Promise<TraceFact[]> {
  const rows = await factsBetween(tx.sql, trace, new Date(at.getTime() - AROUND_MS), new Date(at.getTime() + AROUND_MS));
  return rows.map(({ actor_kind: actorKind, ...r }) => ({ ...r, actorKind }));
}
