import { call, idOf, uuid, type Tx, type Uuid } from '#kernel';
import { hasObject, removeObject } from '#platform/objects';
import { DisposeDocument, DocumentsDue, DUE_CASES_MAX, REMOVE_AGAIN_MS, REMOVE_BUDGET_MS } from '../contract.ts';
import { KEPT_DAYS_AFTER_END, KEPT_DAYS_AFTER_REFUSAL } from '../data/retention.ts';
import { beginDisposal, endCases, endDisposal, lockObject, lockSharing, settledAfter, toDispose } from '../store/disposal.ts';

const daysBefore = (now: Date, days: number): Date => new Date(now.getTime() - days * 86_400_000);
const FIRST = '0'.repeat(32) as Uuid;

/**
 * Finds settled cases whose documents need not be kept any longer. From this commit on nobody is given them; each object is removed by a call of its
 * own, so that a look that is killed, comes twice or meets a store that is away leaves nothing half done.
 */
export async function disposeDue(tx: Tx, after: Uuid = FIRST): Promise<void> {
  const page = await settledAfter(tx.sql, tx.tenant.id, {
    after, refusedBefore: daysBefore(tx.now, KEPT_DAYS_AFTER_REFUSAL), endedBefore: daysBefore(tx.now, KEPT_DAYS_AFTER_END), limit: DUE_CASES_MAX,
  });
  const last = page.at(-1);
  if (page.length === DUE_CASES_MAX && last) tx.later(DocumentsDue, { after: last.id });
  const due = page.filter((c) => c.due).map((c) => c.id);
  if (!due.length) return;
  const ended = (await endCases(tx.sql, tx.tenant.id, due, tx.now)).map((c) => c.id);
  await lockSharing(tx.sql, tx.tenant.id, ended);
  for (const { id } of await beginDisposal(tx.sql, tx.tenant.id, ended, tx.now)) tx.later(DisposeDocument, { document: id });
  for (const id of ended) tx.audit({ action: 'wallet.case-kept-long-enough', result: 'done', resource: idOf('wkyc', id) });
}

interface Gone { readonly tenant: Uuid; readonly object: string }

async function note(tx: Tx, document: Uuid, person: Uuid, kind: string): Promise<void> {
  if (!await endDisposal(tx.sql, tx.tenant.id, document, tx.now)) return;
  tx.audit({ action: 'wallet.document-disposed', result: 'done', subject: person, resource: idOf('wdoc', document), detail: { kind } });
}

/** Removes a document's object, unless another document stands for the same one, and notes it. */
export const disposeDocument = call<Gone, 'gone'>({
  job: DisposeDocument,
  async request(tx, data) {
    const document = uuid(data.document as string);
    const row = await toDispose(tx.sql, tx.tenant.id, document);
    if (!row) return undefined;
    if (!(await lockObject(tx.sql, tx.tenant.id, row.object)).stands) return { tenant: tx.tenant.id, object: row.object };
    await note(tx, document, row.person, row.kind);
    return undefined;
  },
  async send({ tenant, object }, context) {
    await removeObject({ tenant: { id: tenant }, use: context.use }, object);
    return 'gone';
  },
  inquire: async ({ tenant, object }, context) => (await hasObject({ tenant: { id: tenant }, use: context.use }, object) ? 'not-found' : 'gone'),
  async record(tx, data) {
    const document = uuid(data.document as string);
    const row = await toDispose(tx.sql, tx.tenant.id, document);
    if (row) await note(tx, document, row.person, row.kind);
  },
  // Whoever was away this long begins again: the document is given to nobody, and its object must not stay.
  async expire(tx, data) { tx.later(DisposeDocument, data); },
  sendBudgetMs: REMOVE_BUDGET_MS,
  visibilityMs: 0,
  deadlineMs: REMOVE_AGAIN_MS,
});
