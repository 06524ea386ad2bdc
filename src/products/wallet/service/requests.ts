import { z } from 'zod';
import { done, idOf, money, refuse, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { tenantKeys } from '#spine/vault';
import {
  accountClosed, ACCOUNTS_PER_PERSON_MAX, amountWrong, CLOSED_SHOWN_MAX, currencyDiffers, RequestChanged, REQUEST_LIFE_MS,
  requestOver, REQUESTS_OPEN_MAX, requestsUsed, sameAccount, unknownAccount,
  unknownPayee, unknownRequest, zAsk, zOfRequest, type Paid, type RequestLinkView, type RequestView,
} from '../contract.ts';
import { accountsByHandle, accountsById, accountsOfPerson, type AccountRow } from '../store/accounts.ts';
import { decideRequest, insertRequest, lockRequest, openRequests, readRequest, requestsOf, type RequestRow } from '../store/payments.ts';
import { mineKept, personOf, siteOf } from './accounts.ts';
import { pay } from './transfer.ts';

const notePlace = (id: string): { table: string; column: string; row: string } => ({ table: 'wallet.request', column: 'note', row: id });
const SHOWN_MAX = 100;

const nameOf = (a: AccountRow | undefined): string => (a ? (a.handle === null ? idOf('wal', a.id) : `@${a.handle}`) : '');

function viewOf(tx: Tx, r: RequestRow, accounts: ReadonlyMap<string, AccountRow>, person: Uuid): RequestView {
  const asked = accounts.get(r.payee)?.person === person;
  return {
    request: idOf('wreq', r.id), mine: asked, with: nameOf(accounts.get(asked ? r.payer : r.payee)), amount: money(r.amount, r.currency),
    note: r.note === null ? null : tenantKeys(tx.section).open(notePlace(r.id), r.note),
    state: r.state === 'open' && r.expires_at <= tx.now ? 'expired' : r.state, createdAt: r.created_at, expiresAt: r.expires_at,
    payment: r.payment === null ? null : idOf('wpay', r.payment),
  };
}

const accountsFor = async (tx: Tx, rows: readonly RequestRow[]): Promise<Map<string, AccountRow>> =>
  new Map((await accountsById(tx.sql, tx.tenant.id, [...new Set(rows.flatMap((r) => [r.payer, r.payee]))])).map((a) => [a.id, a]));

/** Asks somebody for money. Nothing moves before they accept. */
export async function ask(tx: Tx, input: z.output<typeof zAsk>): Promise<Outcome<RequestView>> {
  const { into, from, amount, note } = input.body;
  const payee = await mineKept(tx, into);
  if (!payee) return refuse(unknownAccount);
  if (payee.state === 'closed') return refuse(accountClosed);
  const [payer] = await accountsByHandle(tx.sql, tx.tenant.id, [from.slice(1)]);
  if (!payer || payer.state === 'closed') return refuse(unknownPayee);
  if (payer.person === payee.person) return refuse(sameAccount);
  if (amount.amount <= 0n) return refuse(amountWrong, { field: 'amount' });
  if (payee.currency !== amount.currency || payer.currency !== amount.currency) return refuse(currencyDiffers, { from: payer.currency, to: payee.currency });
  if (await openRequests(tx.sql, tx.tenant.id, payee.id, tx.now) >= REQUESTS_OPEN_MAX) return refuse(requestsUsed);
  const id = tx.uuid();
  const row: RequestRow = {
    id, payee: payee.id, payer: payer.id, amount: amount.amount, currency: payee.currency, state: 'open', payment: null, created_at: tx.now,
    note: note === undefined ? null : tenantKeys(tx.section).seal(notePlace(id), note), expires_at: new Date(tx.now.getTime() + REQUEST_LIFE_MS),
  };
  await insertRequest(tx.sql, tx.tenant.id, row);
  tell(tx, row, payee, payer, 'open');
  return done(viewOf(tx, row, new Map([[payee.id, payee], [payer.id, payer]]), payee.person));
}

function tell(tx: Tx, row: RequestRow, payee: AccountRow, payer: AccountRow, state: string): void {
  tx.emit(RequestChanged, row.id, { request: row.id, payer: payer.person, payee: payee.person, state });
  tx.audit({ action: 'wallet.request', result: 'done', subject: personOf(tx), resource: idOf('wreq', row.id), detail: { state } });
}

/** Requests to the caller and by the caller, newest first. */
export async function listRequests(tx: Tx): Promise<Outcome<{ requests: RequestView[] }>> {
  const person = personOf(tx);
  const own = await accountsOfPerson(tx.sql, tx.tenant.id, person, ACCOUNTS_PER_PERSON_MAX + CLOSED_SHOWN_MAX);
  if (!own.length) return done({ requests: [] });
  const rows = await requestsOf(tx.sql, tx.tenant.id, own.map((a) => a.id), SHOWN_MAX);
  const accounts = await accountsFor(tx, rows);
  return done({ requests: rows.map((r) => viewOf(tx, r, accounts, person)) });
}

/** One request that the caller has a part in, and the web origin that its code leads to. */
export async function showRequest(tx: Tx, input: z.output<typeof zOfRequest>): Promise<Outcome<RequestLinkView>> {
  const row = await readRequest(tx.sql, tx.tenant.id, uuidOf(input.params.request));
  const accounts = row && await accountsFor(tx, [row]);
  const person = personOf(tx);
  if (!row || !accounts || ![row.payee, row.payer].some((id) => accounts.get(id)?.person === person)) return refuse(unknownRequest);
  return done({ request: viewOf(tx, row, accounts, person), site: siteOf(tx) });
}

type Found = { readonly row: RequestRow; readonly payee: AccountRow; readonly payer: AccountRow };

/** The request, locked, if the caller has a part in it. */
async function find(tx: Tx, request: `wreq_${string}`): Promise<Found | undefined> {
  const row = await lockRequest(tx.sql, tx.tenant.id, uuidOf(request));
  if (!row) return undefined;
  const accounts = await accountsFor(tx, [row]);
  const payee = accounts.get(row.payee) as AccountRow, payer = accounts.get(row.payer) as AccountRow;
  return [payee.person, payer.person].includes(personOf(tx)) ? { row, payee, payer } : undefined;
}

const stateNow = (tx: Tx, row: RequestRow): string => (row.state === 'open' && row.expires_at <= tx.now ? 'expired' : row.state);

/** Pays what was asked for. A request is paid once, however often and from wherever it is accepted. */
export async function accept(tx: Tx, input: z.output<typeof zOfRequest>): Promise<Outcome<Paid>> {
  const found = await find(tx, input.params.request);
  if (!found || found.payer.person !== personOf(tx)) return refuse(unknownRequest);
  const { row, payee, payer } = found;
  if (stateNow(tx, row) !== 'open') return refuse(requestOver, { state: stateNow(tx, row) });
  const [paid] = await pay(tx.section, [{
    by: tx, person: payer.person, from: payer.id, to: { account: payee.id, called: payee.handle }, amount: row.amount, currency: row.currency, cause: 'request',
    note: row.note === null ? undefined : tenantKeys(tx.section).open(notePlace(row.id), row.note),
  }]);
  if (!paid?.ok) return paid as Outcome<Paid>;
  const { id, ...answer } = paid.value;
  tx.write(() => decideRequest(tx.sql, tx.tenant.id, row.id, 'accepted', id, tx.now));
  tell(tx, row, payee, payer, 'accepted');
  return done(answer);
}

/** Says no to a request, or takes one's own back. */
export async function decline(tx: Tx, input: z.output<typeof zOfRequest>): Promise<Outcome<RequestView>> {
  const found = await find(tx, input.params.request);
  if (!found) return refuse(unknownRequest);
  const { row, payee, payer } = found;
  if (stateNow(tx, row) !== 'open') return refuse(requestOver, { state: stateNow(tx, row) });
  const state = payee.person === personOf(tx) ? 'cancelled' : 'declined';
  await decideRequest(tx.sql, tx.tenant.id, row.id, state, null, tx.now);
  tell(tx, row, payee, payer, state);
  return done(viewOf(tx, { ...row, state }, new Map([[payee.id, payee], [payer.id, payer]]), personOf(tx)));
}
