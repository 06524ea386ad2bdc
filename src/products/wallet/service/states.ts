import { addDays, civilDateIn, done, idOf, money, refuse, uuid, type Currency, type PageState } from '#kernel';
import { insufficientFunds } from '#spine/ledger';
import type { z } from 'zod';
import {
  documentWrong, handleTaken, limitReached, moneyUnderWay, PAYEE_CLOSED, periodWrong, unknownAccount, unknownOrder, unknownRequest,
  type AccountView, type ClosingView,
  type Entry, type KycView, type LimitsView,
    type OrderView, type ReceiveView, type RequestLinkView, type RequestView,
  type ScheduleView, type StatementView, type zAccounts, type zActivityPage,
} from '../contract.ts';
import { limitsOf, offered } from './tiers.ts';

/** One example of each state that people can meet, for tests, screenshots and the reference. */

interface At { readonly tenant: { readonly country: string }; readonly now: Date }
const hex = (n: number): ReturnType<typeof uuid> => uuid(String(n).padStart(32, '0'));
const LONG_HANDLE = '@a.very.long.name.of.thirty.ch';
const LARGE = 2_000_000_000_00n;

const account = (at: At, n: number, more: Partial<AccountView> = {}, currency: Currency = 'INR'): AccountView => ({
  account: idOf('wal', hex(n)), currency, handle: '@asha', state: 'open', frozenBy: null, balance: money(1_234_550n, currency), available: money(1_134_550n,
    currency),
  held: money(100_000n, currency), openedAt: at.now, closedAt: null, closedBy: null, ...more,
});

type Accounts = z.output<typeof zAccounts>;
const accounts = (list: AccountView[], closed: AccountView[] = []): PageState<Accounts> => ({ outcome: done({ accounts: list, closed, tier: 1 }) });
const shut = (at: At, n: number, more: Partial<AccountView> = {}): AccountView => account(at, n, { state: 'closed', closedAt: at.now, closedBy: 'holder',
  balance: money(0n, 'INR'), available: money(0n, 'INR'), held: money(0n, 'INR'), ...more });
export const listStates = (at: At): Readonly<Record<string, PageState<Accounts>>> => ({
  ready: accounts([account(at, 1), account(at, 2, { handle: null, held: money(0n, 'USD'), balance: money(5_000n, 'USD') }, 'USD')]),
  empty: accounts([]),
  frozen: accounts([account(at, 1, { state: 'frozen', frozenBy: 'holder' })]),
  large: accounts([account(at, 1, { handle: LONG_HANDLE, balance: money(LARGE, 'INR') })]),
  closed: accounts([account(at, 1)], [shut(at, 2, { handle: '@asha.savings' }), shut(at, 3, { handle: null })]),
  error: { outcome: done({ accounts: [], closed: [], tier: 1 }), form: { values: { currency: '' }, errors: { currency: 'currency' } } },
});

type Activity = z.output<typeof zActivityPage>;
const entry = (at: At, n: number, kind: Entry['kind'], change: bigint, balance: bigint, more: Partial<Entry> = {}): Entry => ({
  transfer: hex(n), at: new Date(at.now.getTime() - n * 86_400_000), change: money(change, 'INR'), balance: money(balance, 'INR'), kind, with: '@ravi',
    note: null,
  trace: '0'.repeat(32), effective: civilDateIn('Asia/Kolkata', new Date(at.now.getTime() - n * 86_400_000)), reversal: false, ...more,
});
const activity = (a: AccountView, entries: Entry[], next: string | null = null): PageState<Activity> => ({ outcome: done({ account: a, entries, next }) });
export const accountStates = (at: At): Readonly<Record<string, PageState<Activity>>> => ({
  ready: activity(account(at, 1), [
    entry(at, 1, 'sent', -25_000n, 1_234_550n, { note: 'lunch' }), entry(at, 2, 'received', 9_550n, 1_259_550n), entry(at, 3, 'added', 1_250_000n, 1_250_000n,
      { with: '•••• 0001' }),
    entry(at, 4, 'interest', 12n, 12n, { with: null }),
  ], '1'),
  empty: activity(account(at, 1, { balance: money(0n, 'INR'), available: money(0n, 'INR'), held: money(0n, 'INR'), handle: null }), []),
  paid: { ...activity(account(at, 1), [entry(at, 1, 'sent', -25_000n, 1_234_550n)]), query: { paid: 'wpay' } },
  frozen: activity(account(at, 1, { state: 'frozen', frozenBy: 'operator' }), []),
  closed: { ...activity(shut(at, 1), [
    entry(at, 1, 'closing-to', -1_234_550n, 0n, { with: idOf('wal', hex(2)) }), entry(at, 2, 'interest', 37n, 1_234_550n, { with: null }),
  ]), query: { closed: '2-1' } },
  'closed by office': activity(shut(at, 1, { closedBy: 'operator' }), []),
  large: activity(account(at, 1, { handle: LONG_HANDLE, balance: money(LARGE, 'INR'), available: money(LARGE, 'INR') }),
    [entry(at, 1, 'closing-of', LARGE, LARGE, { with: LONG_HANDLE, note: 'a note as long as a note may be '.repeat(4) })]),
  unknown: { outcome: refuse(unknownAccount) },
});

export function closingStates(at: At): Readonly<Record<string, PageState<ClosingView>>> {
  const inr = (amount: bigint): ClosingView['rest'] => money(amount, 'INR');
  const savings = { account: idOf('wal', hex(2)), handle: '@asha.savings', balance: inr(5_000n) };
  const one = (more: Partial<ClosingView> = {}): PageState<ClosingView> => ({ outcome: done({
    account: account(at, 1, { held: inr(0n), available: inr(1_234_550n) }), stands: null, interest: inr(37n), rest: inr(1_234_587n), into: [savings],
    requests: 2, schedules: 1, ...more,
  }) });
  const nothing = { interest: inr(0n), rest: inr(0n), requests: 0, schedules: 0, into: [] };
  return {
    ready: one(), choice: one({ into: [savings, { ...savings, account: idOf('wal', hex(3)), handle: null }] }), empty: one(nothing),
    lost: one({ ...nothing, interest: inr(37n), rest: inr(37n) }), 'no other': one({ into: [] }), frozen: one({ stands: 'account-frozen' }),
    closed: one({ ...nothing, stands: 'account-closed', account: shut(at, 1) }),
    large: one({ account: account(at, 1, { handle: LONG_HANDLE }), rest: inr(LARGE), into: [{ ...savings, handle: LONG_HANDLE }] }),
    error: { ...one(), form: { values: {}, errors: {}, problem: moneyUnderWay } },
    unknown: { outcome: refuse(unknownAccount) },
  };
}

const STATEMENT_DAYS = 20;
const statement = (at: At, entries: Entry[], opening: bigint, closing: bigint): PageState<StatementView> => {
  const to = civilDateIn('Asia/Kolkata', at.now);
  const sum = (sign: 1n | -1n): bigint => entries.reduce((s, e) => (e.change.amount * sign > 0n ? s + e.change.amount * sign : s), 0n);
  return {
    outcome: done({
      account: idOf('wal', hex(1)), handle: '@asha', holder: 'Asha Rao', currency: 'INR', from: addDays(to, -STATEMENT_DAYS), to, opening: money(opening,
        'INR'),
      totalIn: money(sum(1n), 'INR'), totalOut: money(sum(-1n), 'INR'), closing: money(closing, 'INR'), entries, madeAt: at.now,
    }),
  };
};
export const statementStates = (at: At): Readonly<Record<string, PageState<StatementView>>> => ({
  ready: statement(at, [entry(at, 2, 'received', 9_550n, 1_259_550n), entry(at, 1, 'sent', -25_000n, 1_234_550n, { note: 'lunch' })], 1_250_000n, 1_234_550n),
  empty: statement(at, [], 0n, 0n),
  large: statement(at, [entry(at, 1, 'received', LARGE, LARGE, { with: LONG_HANDLE, note: 'a note as long as a note may be '.repeat(4) })], 0n, LARGE),
  wrong: { outcome: refuse(periodWrong), query: { from: '2026-11-21', to: '2026-11-01' } },
  unknown: { outcome: refuse(unknownAccount) },
});

export function kycStates(at: At): Readonly<Record<string, PageState<KycView>>> {
  const one = (tier: number, state: 'open' | 'approved' | 'refused' | undefined, reason: string | null = null): PageState<KycView> => ({
    outcome: done({ tier, case: state === undefined ? null : { case: idOf('wkyc', hex(1)), state, reason, openedAt: at.now, documents: [
      { document: idOf('wdoc', hex(1)), kind: 'identity', type: 'image/jpeg', bytes: 1_234_567, uploadedAt: at.now, disposedAt: null },
      { document: idOf('wdoc', hex(2)), kind: 'address', type: 'application/pdf', bytes: 88_000, uploadedAt: at.now, disposedAt: null },
    ] } }),
  });
  return {
    ready: one(1, 'open'), empty: one(1, undefined), approved: one(2, 'approved'), refused: one(1, 'refused', 'unreadable'),
    error: { ...one(1, undefined), form: { values: { kind: 'identity' }, errors: { file: 'file' } } },
    wrong: { ...one(1, 'open'), form: { values: { kind: 'identity' }, errors: {}, problem: documentWrong } },
  };
}

const values = { currency: 'INR', to: 'ravi', amount: '25,00,001', note: 'lunch', bank: 'DEMO1', firstOn: '2026-13-01', every: 'month' };
export const moveStates = (at: At): Readonly<Record<string, PageState<AccountView>>> => ({
  ready: { outcome: done(account(at, 1)) },
  empty: { outcome: refuse(unknownAccount) },
  error: { outcome: done(account(at, 1)), form: { values, errors: { to: 'to', amount: 'amount', bank: 'bank', firstOn: 'firstOn' } } },
  poor: { outcome: done(account(at, 1)), form: { values, errors: {}, problem: insufficientFunds } },
  limit: { outcome: done(account(at, 1)), form: { values, errors: {}, problem: limitReached, data: { limit: 'day', left: '100000' } } },
});

const request = (at: At, n: number, state: RequestView['state'], mine: boolean, more: Partial<RequestView> = {}): RequestView => ({
  request: idOf('wreq', hex(n)), mine, with: '@ravi', amount: money(40_000n, 'INR'), note: 'tickets', state, createdAt: at.now,
  expiresAt: new Date(at.now.getTime() + 14 * 86_400_000), payment: null, ...more,
});
const requests = (list: RequestView[]): PageState<{ requests: RequestView[] }> => ({ outcome: done({ requests: list }) });
export const requestStates = (at: At): Readonly<Record<string, PageState<{ requests: RequestView[] }>>> => ({
  ready: requests([request(at, 1, 'open', false), request(at, 2, 'open', true), ...(['accepted', 'declined', 'cancelled', 'expired'] as const).map((s, i) =>
    request(at, 3 + i, s, i % 2 === 0))]),
  empty: requests([]),
  large: requests([request(at, 1, 'open', false, { with: LONG_HANDLE, amount: money(LARGE, 'INR') })]),
  error: { outcome: done({ requests: [] }), form: { values: {}, errors: {}, problem: handleTaken } },
});

const SITE = 'https://bank.example';
export const oneRequestStates = (at: At): Readonly<Record<string, PageState<RequestLinkView>>> => {
  const one = (r: RequestView): PageState<RequestLinkView> => ({ outcome: done({ request: r, site: SITE }) });
  return {
    ready: one(request(at, 1, 'open', false)), code: one(request(at, 1, 'open', true, { with: LONG_HANDLE, amount: money(LARGE, 'INR') })),
    paid: one(request(at, 1, 'accepted', true)), empty: { outcome: refuse(unknownRequest) },
  };
};
export const receiveStates = (at: At): Readonly<Record<string, PageState<ReceiveView>>> => {
  const one = (more: Partial<AccountView>, query?: Record<string, string>): PageState<ReceiveView> =>
    ({ outcome: done({ account: account(at, 1, more), site: SITE }), ...(query ? { query } : {}) });
  return {
    ready: one({}), amount: one({ handle: LONG_HANDLE }, { amount: '1,250.50' }), error: one({}, { amount: 'many' }), empty: one({ handle: null }),
    frozen: one({ state: 'frozen', frozenBy: 'holder' }), closed: one({ state: 'closed', closedAt: at.now }), unknown: { outcome: refuse(unknownAccount) },
  };
};
export const payLinkStates = (at: At): Readonly<Record<string, PageState<Accounts>>> => {
  const query = { to: '@ravi', amount: '250.50', currency: 'INR' };
  return {
    ready: { ...accounts([account(at, 1), account(at, 2, {}, 'USD')]), query },
    choice: { ...accounts([account(at, 1), account(at, 2, { handle: null })]), query },
    empty: { ...accounts([]), query },
  };
};

export function scheduleStates(at: At): Readonly<Record<string, PageState<{ schedules: ScheduleView[] }>>> {
  const one = (n: number, state: ScheduleView['state'], more: Partial<ScheduleView> = {}): ScheduleView => ({
    schedule: idOf('wsch', hex(n)), from: idOf('wal', hex(1)), to: '@ravi', amount: money(500_000n, 'INR'), every: 'month',
    nextOn: addDays(civilDateIn('Asia/Kolkata', at.now), 9), state, runs: 2, lastProblem: null, ...more,
  });
  return {
    ready: { outcome: done({ schedules: [one(1, 'active'), one(2, 'active', { lastProblem: 'insufficient-funds' }), one(3, 'done', { every: 'once' }),
      one(4, 'stopped'), one(5, 'stopped', { to: idOf('wal', hex(7)), lastProblem: PAYEE_CLOSED })] }) },
    empty: { outcome: done({ schedules: [] }) },
  };
}

export const limitStates = (): Readonly<Record<string, PageState<LimitsView>>> => {
  const limits = offered().flatMap((currency) => {
    const l = limitsOf(currency, 1);
    return l ? [{ currency, perTransfer: l.perTransfer, perDay: l.perDay, perMonth: l.perMonth, countPerDay: l.countPerDay, spentToday: 25_000n,
      spentThisMonth: 75_000n, countToday: 1 }] : [];
  });
  return { ready: { outcome: done({ tier: 1, limits }) }, empty: { outcome: done({ tier: 0, limits: [] }) } };
};

export const orderStates = (at: At): Readonly<Record<string, PageState<OrderView>>> => {
  const one = (state: OrderView['state'], direction: OrderView['direction'], reason: string | null = null): PageState<OrderView> => ({
    outcome: done({ order: idOf('word', hex(1)), account: idOf('wal', hex(1)), direction, amount: money(1_200_000n, 'INR'), ending: '0001', state, reason,
      createdAt: at.now, doneAt: state === 'pending' ? null : at.now }),
  });
  return {
    ready: one('done', 'in'), pending: one('pending', 'out'), refused: one('refused', 'out', 'account-closed'), unknown: one('unknown', 'out', 'no answer'),
    empty: { outcome: refuse(unknownOrder) },
  };
};
