import { addDays, isCurrency, type CivilDate, type Money } from '#kernel';
import {
  AMOUNT_MAX, BACKDATE_DAYS_MAX, CODE_MAX, HOLD_SECONDS_MAX, KIND, REF_MAX, RESULT, TRANSFERS_MAX, type Fault, type Result, type TransferDraft,
} from '../contract.ts';
import type { StoredTransfer } from '../store/rows.ts';

export interface Wrong { readonly reason: Fault; readonly field: string; readonly limit: string; readonly transfer: number }

function wrongMoney(amount: Money): Omit<Wrong, 'transfer'> | undefined {
  if (!isCurrency(amount.currency)) return { reason: 'currency-unknown', field: 'amount.currency', limit: 'an ISO 4217 code that the program speaks' };
  if (amount.amount <= 0n) return { reason: 'amount-not-positive', field: 'amount.amount', limit: '1 or more minor units' };
  if (amount.amount > AMOUNT_MAX) return { reason: 'amount-too-large', field: 'amount.amount', limit: AMOUNT_MAX.toString() };
  return undefined;
}

/** Dates that a transfer may bear; both ends included. */
interface Days { readonly today: CivilDate; readonly earliest: CivilDate }
export const daysFrom = (today: CivilDate): Days => ({ today, earliest: addDays(today, -BACKDATE_DAYS_MAX) });

function wrongDraft(d: TransferDraft, days: Days): Omit<Wrong, 'transfer'> | undefined {
  if (d.ref !== undefined && (d.ref.length < 1 || d.ref.length > REF_MAX)) return { reason: 'ref-length', field: 'ref', limit: `1 to ${REF_MAX} characters` };
  const money = 'amount' in d && d.amount ? wrongMoney(d.amount) : undefined;
  if (money) return money;
  if ('debit' in d && d.debit === d.credit) return { reason: 'same-account', field: 'credit', limit: 'another account than debit' };
  if (d.kind === 'closing' && d.account === d.into) return { reason: 'same-account', field: 'into', limit: 'another account than account' };
  if (d.code !== undefined && !(Number.isInteger(d.code) && d.code >= 0 && d.code <= CODE_MAX)) {
    return { reason: 'code-out-of-range', field: 'code', limit: `0 to ${CODE_MAX}` };
  }
  if (d.kind === 'pending' && d.expiresInSeconds !== undefined
    && !(Number.isInteger(d.expiresInSeconds) && d.expiresInSeconds >= 1 && d.expiresInSeconds <= HOLD_SECONDS_MAX)) {
    return { reason: 'expiry-out-of-range', field: 'expiresInSeconds', limit: `1 to ${HOLD_SECONDS_MAX}` };
  }
  if (d.kind === 'transfer' && d.effective !== undefined) {
    if (d.effective > days.today) return { reason: 'effective-in-future', field: 'effective', limit: `at most ${days.today}` };
    if (d.effective < days.earliest) return { reason: 'backdate-too-far', field: 'effective', limit: `at least ${days.earliest}` };
  }
  return undefined;
}

/** What is wrong with a posting whatever the books say; undefined when nothing is. */
export function findFault(transfers: readonly TransferDraft[], days: Days): Wrong | undefined {
  if (!transfers.length || transfers.length > TRANSFERS_MAX) {
    return { reason: 'transfers-count', field: 'transfers', limit: `1 to ${TRANSFERS_MAX}`, transfer: 0 };
  }
  for (let i = 0; i < transfers.length; i++) {
    const wrong = wrongDraft(transfers[i] as TransferDraft, days);
    if (wrong) return { ...wrong, transfer: i };
  }
  return undefined;
}

type Content = Readonly<Record<string, string | null>>;

/** What a caller asked for, field by field in the order in which differences are named. */
export function contentOf(d: TransferDraft, leg: number): Content {
  const amount = 'amount' in d ? d.amount : undefined;
  return {
    kind: d.kind, debit: 'debit' in d ? d.debit : 'account' in d ? d.account : null, credit: 'credit' in d ? d.credit : 'into' in d ? d.into : null,
    target: 'target' in d ? d.target : null, amount: amount?.amount.toString() ?? null, currency: amount?.currency ?? null,
    effective: d.kind === 'transfer' ? d.effective ?? null : null,
    expiresInSeconds: d.kind === 'pending' ? d.expiresInSeconds?.toString() ?? null : null,
    code: String(d.code ?? 0), leg: String(leg),
  };
}

const NAMES = Object.fromEntries(Object.entries(KIND).map(([name, n]) => [n, name]));
export const kindName = (n: number): keyof typeof KIND => NAMES[n] as keyof typeof KIND;
const RESULTS = Object.fromEntries(Object.entries(RESULT).map(([name, n]) => [n, name]));
export const resultName = (n: number): Result => RESULTS[n] as Result;

/** What a posted row says its caller asked for, as far as the row can say it. */
function contentOfPosted(asked: Content, stored: StoredTransfer, dayOf: (us: bigint) => CivilDate, target: StoredTransfer | undefined): Content {
  // A hold over all is recorded in the direction of the balance that it found.
  const turned = asked.kind === 'closing' && stored.debit === asked.credit && stored.credit === asked.debit;
  return {
    kind: kindName(stored.kind),
    ...(asked.target === null ? { debit: turned ? stored.credit : stored.debit, credit: turned ? stored.debit : stored.credit } : {}),
    target: stored.target,
    // Without an amount these take all of their target, so to ask for that amount says the same.
    ...(asked.amount !== null ? { amount: stored.amount.toString(), currency: stored.currency }
      : asked.kind !== 'closing' && stored.amount !== target?.amount ? { amount: stored.amount.toString() } : {}),
    // A date equal to the day of recording is not stored.
    effective: asked.effective === null ? stored.effective : stored.effective ?? dayOf(stored.atUs),
    expiresInSeconds: stored.expiresAtUs === null ? null : ((stored.expiresAtUs - stored.atUs) / 1_000_000n).toString(),
    code: String(stored.code), leg: String(stored.leg ?? 0),
  };
}

/** The first field in which a stored transfer differs from what is asked now under its name; undefined when it is the same. */
export function firstDifference(asked: Content, stored: StoredTransfer, dayOf: (us: bigint) => CivilDate, target: StoredTransfer | undefined):
  string | undefined {
  const kept = stored.asked === null ? contentOfPosted(asked, stored, dayOf, target) : JSON.parse(stored.asked) as Content;
  return Object.keys(asked).find((field) => field in kept && kept[field] !== asked[field]);
}
