import { auditorRead, type CellContext, type SqlTag, type TenantRef } from '#kernel';
import { factsOfAction } from '../store.ts';

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
