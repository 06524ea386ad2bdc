import { z } from 'zod';
import { addDays, daysBetween, done, idOf, money, refuse, type Outcome, type Tx } from '#kernel';
import { readProfile } from '#spine/identity';
import { balanceAt, dayStartUs, STATEMENT_ROWS_MAX, type Balance } from '#spine/ledger';
import {
  periodWrong, STATEMENT_DAYS_MAX, STATEMENT_ENTRIES_MAX, statementTooLong, unknownAccount, zStatementAsk, type Entry, type StatementView,
} from '../contract.ts';
import { mine } from './accounts.ts';
import { entriesOf } from './activity.ts';

/**
 * A statement of civil days of the tenant's zone, both counted in, in the order of recording. What it says closes the period is asked of
 * the books once more: a statement that does not agree with them is never given out.
 */
export async function makeStatement(tx: Tx, input: z.output<typeof zStatementAsk>): Promise<Outcome<StatementView>> {
  const row = await mine(tx, input.params.account);
  if (!row) return refuse(unknownAccount);
  const { from } = input.query;
  const to = input.query.to > tx.today ? tx.today : input.query.to;
  const days = daysBetween(from, to) + 1;
  if (days < 1 || days > STATEMENT_DAYS_MAX) return refuse(periodWrong, { latest: tx.today, daysMax: STATEMENT_DAYS_MAX });
  const fromUs = dayStartUs(tx.tenant.zone, from);
  const beforeUs = dayStartUs(tx.tenant.zone, addDays(to, 1));
  const entries: Entry[] = [];
  let closingUs = beforeUs - 1n;
  for (let cursor: string | undefined; ;) {
    // The first page ends where the period does; each further one where the one before it ended.
    const page = await entriesOf(tx.section, row, { limit: STATEMENT_ROWS_MAX, fromUs, beforeUs, ...(cursor === undefined ? {} : { cursor }) });
    if (cursor === undefined && page.newestUs !== null) closingUs = page.newestUs;
    entries.push(...page.entries);
    if (entries.length > STATEMENT_ENTRIES_MAX) return refuse(statementTooLong, { most: STATEMENT_ENTRIES_MAX });
    if (page.next === null) break;
    cursor = page.next;
  }
  entries.reverse();
  const at = async (us: bigint): Promise<bigint> => (await balanceAt(tx, row.ledger, us) as Balance).posted;
  const opening = await at(fromUs - 1n);
  const closing = entries.length ? await at(closingUs) : opening;
  const sum = (sign: 1n | -1n): bigint => entries.reduce((s, e) => (e.change.amount * sign > 0n ? s + e.change.amount * sign : s), 0n);
  const [totalIn, totalOut] = [sum(1n), sum(-1n)];
  if (opening + totalIn - totalOut !== closing) throw new Error('a statement does not agree with the books');
  tx.audit({ action: 'wallet.statement', result: 'done', subject: row.person, resource: idOf('wal', row.id), detail: { from, to, entries: entries.length } });
  const inCurrency = (amount: bigint): StatementView['opening'] => money(amount, row.currency);
  return done({
    account: idOf('wal', row.id), handle: row.handle === null ? null : `@${row.handle}`,
    holder: (await readProfile(tx.section, row.person))?.name ?? null, currency: row.currency, from, to, opening: inCurrency(opening),
    totalIn: inCurrency(totalIn), totalOut: inCurrency(totalOut), closing: inCurrency(closing), entries, madeAt: tx.now,
  });
}
