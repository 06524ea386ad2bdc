import type { z } from 'zod';
import { done, idOf, refuse, uuidOf, type CivilDate, type Outcome, type Purpose, type Refused, type Tx, type Uuid } from '#kernel';
import { lookedAt } from '#spine/audit';
import {
  ACCOUNTS_PAGE_MAX, accountUnknown, SEARCH_ROWS_MAX, STATEMENT_ROWS_MAX, transferUnknown, type AccountView, type Entry, type zAccountOut, type zAccountsOut,
  type zAccountsQuery, type zBalanceStory, type zEntryOut, type zExplainQuery, type zFindTransfer, type zFoundTransfer, type zLookAccount, type zLookTransfer,
  type zStatementOut, type zStatementQuery, type zTransferStory, type zTrialOut, type zTrialQuery,
} from '../contract.ts';
import { kindName, resultName } from '../rules/check.ts';
import { transferIdOf } from '../rules/ids.ts';
import { accountsAfter } from '../store/reads.ts';
import type { StoredTransfer } from '../store/rows.ts';
import { readTransfers } from '../store/transfers.ts';
import { accounts } from './accounts.ts';
import { explainBalance, explainTransfer } from './explain.ts';
import { statement } from './reads.ts';
import { trialBalance } from './reports.ts';

/** What operators read in the books. An account that somebody holds is a person's own: a look at it says why. */

type Out<S extends z.ZodType> = Promise<Outcome<z.output<S>>>;
const dateOf = (us: bigint): Date => new Date(Number(us / 1000n));
export const usOf = (at: Date): bigint => BigInt(at.getTime()) * 1000n;

const toAccount = ({ account, ...a }: AccountView): z.output<typeof zAccountOut> => ({ account: idOf('acc', account), ...a });
const toEntry = ({ atUs, transfer, group, other, target, ...e }: Entry): z.output<typeof zEntryOut> => ({
  ...e, transfer: idOf('trf', transfer), group: idOf('trf', group), other: idOf('acc', other), target: target && idOf('trf', target), at: dateOf(atUs),
});
export const toTransfer = (t: StoredTransfer): z.output<typeof zTransferStory>['transfer'] => ({
  transfer: idOf('trf', t.id), kind: kindName(t.kind), result: resultName(t.result), code: t.code, debit: t.debit && idOf('acc', t.debit),
  credit: t.credit && idOf('acc', t.credit), amount: t.amount, currency: t.currency, at: dateOf(t.atUs), effective: t.effective,
  group: t.group && idOf('trf', t.group), target: t.target && idOf('trf', t.target), debitBalance: t.debitBalance, creditBalance: t.creditBalance,
});

function look(tx: Tx, seen: readonly AccountView[], purpose: Purpose | undefined, resource: string): Refused | undefined {
  const action = 'ledger.looked';
  if (seen.some((a) => a.holder !== null)) return lookedAt(tx, purpose, { action, resource });
  tx.audit({ action, result: 'done', resource });
  return undefined;
}

/** One account, opened for a purpose where somebody holds it. */
async function openFor(tx: Tx, id: Uuid, purpose: Purpose | undefined): Promise<AccountView | Refused> {
  const [found] = await accounts(tx, [id]);
  if (!found) return refuse(accountUnknown);
  return look(tx, [found], purpose, `account ${id}`) ?? found;
}
const isRefused = (x: AccountView | Refused): x is Refused => 'problem' in x;

export async function listAccounts(tx: Tx, { query: q = {} }: z.output<typeof zAccountsQuery>): Out<typeof zAccountsOut> {
  const rows = await accountsAfter(tx.sql, Number.parseInt(q.cursor ?? '0', 10), q.code ?? null, q.currency ?? null, ACCOUNTS_PAGE_MAX + 1);
  const page = rows.slice(0, ACCOUNTS_PAGE_MAX);
  const found = await accounts(tx, page.map((r) => r.id));
  tx.audit({ action: 'ledger.listed', result: 'done', detail: { accounts: found.length, code: q.code ?? null } });
  return done({ accounts: found.map(toAccount), next: rows.length > page.length ? String(page.at(-1)?.no) : null });
}

export async function showAccount(tx: Tx, { params, query }: z.output<typeof zLookAccount>): Out<typeof zAccountOut> {
  const found = await openFor(tx, uuidOf(params.account), query?.purpose);
  return isRefused(found) ? found : done(toAccount(found));
}

/** Entries of an account, newest first, of a side, a time and a range of amounts; looks through SEARCH_ROWS_MAX rows a page. */
export async function searchEntries(tx: Tx, { params, query: q = {} }: z.output<typeof zStatementQuery>): Out<typeof zStatementOut> {
  const account = uuidOf(params.account);
  const found = await openFor(tx, account, q.purpose);
  if (isRefused(found)) return found;
  const fits = (e: Entry): boolean => {
    const size = e.change < 0n ? -e.change : e.change;
    return (q.side === undefined || e.side === q.side) && (q.least === undefined || size >= q.least) && (q.most === undefined || size <= q.most);
  };
  const entries: Entry[] = [];
  let next = q.cursor ?? (q.to === undefined ? undefined : String(usOf(q.to)));
  for (let looked = 0; looked < SEARCH_ROWS_MAX && entries.length < STATEMENT_ROWS_MAX; looked += STATEMENT_ROWS_MAX) {
    const page = await statement(tx, { account, ...(next === undefined ? {} : { cursor: next }), ...(q.from === undefined ? {} : { fromUs: usOf(q.from) }) });
    entries.push(...(page?.entries ?? []).filter(fits));
    next = page?.next ?? undefined;
    if (next === undefined) break;
  }
  const shown = entries.slice(0, STATEMENT_ROWS_MAX);
  return done({
    account: toAccount(found), entries: shown.map(toEntry), next: entries.length > shown.length ? String((shown.at(-1) as Entry).atUs) : next ?? null,
  });
}

export async function explainAccount(tx: Tx, { params, query }: z.output<typeof zExplainQuery>): Out<typeof zBalanceStory> {
  const account = uuidOf(params.account);
  const found = await openFor(tx, account, query?.purpose);
  if (isRefused(found)) return found;
  const story = await explainBalance(tx, account, query?.at && usOf(query.at));
  if (!story) return refuse(accountUnknown);
  return done({ account: toAccount(found), posted: story.balance.posted, before: story.before, entries: story.entries.map(toEntry) });
}

/** The transfer of an id or of a caller's own name, if there is one; what it is about is another question. */
export async function findTransfer(tx: Tx, { query: q = {} }: z.output<typeof zFindTransfer>): Out<typeof zFoundTransfer> {
  const id = q.id ? uuidOf(q.id) : q.ref === undefined ? undefined : transferIdOf(tx.tenant.id, q.ref);
  const [found] = id ? await readTransfers(tx.sql, [id]) : [];
  return done({ transfer: found ? idOf('trf', found.id) : null });
}

export async function explainOne(tx: Tx, { params, query }: z.output<typeof zLookTransfer>): Out<typeof zTransferStory> {
  const id = uuidOf(params.transfer);
  const story = await explainTransfer(tx, id);
  if (!story) return refuse(transferUnknown);
  const { transfer: t } = story;
  const no = look(tx, await accounts(tx, [t.debit, t.credit].flatMap((a) => a ?? [])), query?.purpose, `transfer ${id}`);
  if (no) return no;
  const facts = story.facts.map(({ id: fact, at, action, result, actorKind, actor, subject, resource, problem, latencyUs }) =>
    ({ id: fact, at, action, result, actorKind, actor, subject, resource, problem, latencyUs }));
  return done({ transfer: toTransfer(t), related: story.related.map(toTransfer), trace: story.trace, facts });
}

export async function readTrial(tx: Tx, { query }: z.output<typeof zTrialQuery>): Out<typeof zTrialOut> {
  const day: CivilDate | undefined = query?.day;
  const { lines, totals } = await trialBalance(tx, day);
  tx.audit({ action: 'ledger.trial-balance', result: 'done', detail: { day: day ?? null } });
  return done({
    asOf: tx.now, day: day ?? null, lines: lines.map((l) => ({ ...l, balance: l.balance.toString() })),
    totals: [...totals].map(([currency, t]) => ({ currency, debit: t.debit.toString(), credit: t.credit.toString() })),
  });
}
