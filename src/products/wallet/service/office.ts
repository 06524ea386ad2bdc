import { z } from 'zod';
import { done, idOf, refuse, uuidOf, type Outcome, type Refused, type Tx } from '#kernel';
import {
  accountClosed, accountFrozen, caseDecided, closingWaits, currencyDiffers, daysOpen, moneyUnderWay, operatorNeeded, payeeCannot, QUEUE_MAX, restNeedsAccount,
  sameAccount, sameOperator, unknownAccount, unknownClosing, zAskClosing, zDecideClosing, zOfAccount, zOfficeClosings, type ClosingView, type OfficeAccount,
  type OfficeClosing,
} from '../contract.ts';
import { accountsById, type AccountRow } from '../store/accounts.ts';
import { askedOf, askedOpen, decideAsked, insertAsked, lockAsked, type OfficeRow } from '../store/office.ts';
import { closeFor, closingOf } from './closing.ts';

/** The office closes an account: one operator asks with a reason, another one decides. The rules are those of its holder's own closing. */

const viewOf = (o: OfficeRow): OfficeClosing => ({
  closing: idOf('wclo', o.id), account: idOf('wal', o.account), person: o.person, into: o.into && idOf('wal', o.into), letGo: o.let_go, reason: o.reason,
  state: o.state, askedBy: o.asked_by, askedAt: o.asked_at, decidedBy: o.decided_by, decidedAt: o.decided_at,
});

/** What closing an account would come to, and what was asked of it; the look is a fact about its holder. */
export async function showOffice(tx: Tx, input: z.output<typeof zOfAccount>): Promise<Outcome<OfficeAccount>> {
  const [row] = await accountsById(tx.sql, tx.tenant.id, [uuidOf(input.params.account)]);
  if (!row) return refuse(unknownAccount);
  const closings = (await askedOf(tx.sql, tx.tenant.id, row.id, QUEUE_MAX)).map(viewOf);
  tx.audit({ action: 'wallet.account-viewed', result: 'done', subject: row.person, resource: input.params.account });
  return done({ ...await closingOf(tx, row), person: row.person, closings });
}

const STANDS = { 'account-closed': accountClosed, 'account-frozen': accountFrozen, 'money-under-way': moneyUnderWay, 'days-open': daysOpen } as const;

/** What stands against a closing already when it is asked for; the decision looks again, under the locks. */
function against(row: AccountRow, c: ClosingView, into: AccountRow | undefined, body: z.output<typeof zAskClosing>['body']): Refused | undefined {
  if (c.stands) return refuse(STANDS[c.stands], c.stands === 'account-frozen' ? { by: row.frozen_by } : {});
  if (body.into !== undefined) {
    if (!into || into.person !== row.person) return refuse(unknownAccount, { field: 'into' });
    if (into.id === row.id) return refuse(sameAccount);
    if (into.currency !== row.currency) return refuse(currencyDiffers, { from: row.currency, to: into.currency });
    return into.state === 'open' ? undefined : refuse(payeeCannot);
  }
  const rest = c.rest.amount - (body.letGo ? c.interest.amount : 0n);
  return rest > 0n ? refuse(restNeedsAccount, { rest: c.rest.amount.toString(), interest: c.interest.amount.toString() }) : undefined;
}

/** Asks for the closing of an account. Nothing is changed before another operator agrees. */
export async function askClosing(tx: Tx, input: z.output<typeof zAskClosing>): Promise<Outcome<OfficeClosing>> {
  if (tx.actor.kind !== 'operator') return refuse(operatorNeeded);
  const { reason, into: named, letGo = false } = input.body;
  const ids = [uuidOf(input.params.account), ...(named === undefined ? [] : [uuidOf(named)])];
  const rows = new Map((await accountsById(tx.sql, tx.tenant.id, ids)).map((a) => [a.id as string, a]));
  const row = rows.get(ids[0] as string);
  if (!row) return refuse(unknownAccount);
  const wrong = against(row, await closingOf(tx, row), ids[1] && rows.get(ids[1]), input.body);
  if (wrong) return no(tx, row, 'wallet.closing-asked', wrong);
  const asked = { id: tx.uuid(), account: row.id, person: row.person, into: ids[1] ?? null, let_go: letGo, reason, asked_by: tx.actor.id, asked_at: tx.now };
  if (!(await insertAsked(tx.sql, tx.tenant.id, asked)).length) return no(tx, row, 'wallet.closing-asked', refuse(closingWaits));
  tx.audit({ action: 'wallet.closing-asked', result: 'done', subject: row.person, resource: idOf('wal', row.id), detail: {
    closing: idOf('wclo', asked.id), reason } });
  return done(viewOf({ ...asked, state: 'open', decided_by: null, decided_at: null }));
}

/** What waits for a second operator. */
export const listClosings = async (tx: Tx): Promise<Outcome<z.output<typeof zOfficeClosings>>> =>
  done({ closings: (await askedOpen(tx.sql, tx.tenant.id, QUEUE_MAX)).map(viewOf) });

/**
 * Decides a closing. Another operator than who asked approves, and the account is closed in the same commit; what the closing itself refuses leaves it
 * waiting. Anybody with the right refuses it, whoever asked as well.
 */
export async function decideClosing(tx: Tx, input: z.output<typeof zDecideClosing>): Promise<Outcome<OfficeClosing>> {
  if (tx.actor.kind !== 'operator') return refuse(operatorNeeded);
  const operator = tx.actor.id;
  const approve = input.body.verdict === 'approve';
  const asked = await lockAsked(tx.sql, tx.tenant.id, uuidOf(input.params.closing));
  if (!asked) return refuse(unknownClosing);
  if (asked.state !== 'open') return refuse(caseDecided, { state: asked.state });
  if (approve && asked.asked_by === operator) return refuse(sameOperator);
  if (approve) {
    const closed = await closeFor(tx, { person: asked.person, id: asked.account, into: asked.into ?? undefined, letGo: asked.let_go,
      office: { id: asked.id, reason: asked.reason, askedBy: asked.asked_by } });
    if (!closed.ok) return closed;
  }
  const state = approve ? 'done' : 'refused';
  await decideAsked(tx.sql, tx.tenant.id, asked.id, state, operator, tx.now);
  tx.audit({ action: 'wallet.closing-decided', result: 'done', subject: asked.person, resource: idOf('wal', asked.account), detail: {
    closing: idOf('wclo', asked.id), state, reason: asked.reason, asked_by: asked.asked_by } });
  return done(viewOf({ ...asked, state, decided_by: operator, decided_at: tx.now }));
}

function no(tx: Tx, row: AccountRow, action: string, refused: Refused): Refused {
  tx.audit({ action, result: 'refused', subject: row.person, resource: idOf('wal', row.id), problem: refused.problem.code });
  return refused;
}
