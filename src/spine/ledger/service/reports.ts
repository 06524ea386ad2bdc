import { addDays, type CivilDate, type Currency, type SectionTx } from '#kernel';
import { SEAL_ACCOUNTS_MAX, type AccountKind, type ReportLine } from '../contract.ts';
import { accountNumbers, effectiveBalances, sumsNow } from '../store/reads.ts';
import { daySpan } from './days.ts';

type Reading = Pick<SectionTx, 'sql' | 'tenant'>;

/** Every code of the books in one currency, and what both sides come to; they are equal unless the books are broken. */
export interface TrialBalance { readonly lines: readonly ReportLine[]; readonly totals: ReadonlyMap<Currency, { readonly debit: bigint;
  readonly credit: bigint }> }

/** Codes added up at the end of a day by effective date, or as they stand now. */
async function linesOn(tx: Reading, day: CivilDate | undefined): Promise<ReportLine[]> {
  if (day === undefined) {
    return (await sumsNow(tx.sql)).map((r) => ({ code: r.code, kind: r.kind, normal: r.normal_debit ? 'debit' : 'credit', currency: r.currency,
      balance: BigInt(r.balance), accounts: r.accounts }));
  }
  const span = await daySpan(tx, day);
  const lines = new Map<string, { line: ReportLine; balance: bigint; accounts: number }>();
  for (let after = 0; ;) {
    const rows = await accountNumbers(tx.sql, after, SEAL_ACCOUNTS_MAX);
    if (!rows.length) break;
    after = (rows.at(-1) as { no: number }).no;
    const balance = new Map((await effectiveBalances(tx.sql, rows.map((r) => r.no), span)).map((r) => [r.no, r.balance]));
    for (const r of rows) {
      const name = `${r.code} ${r.currency}`;
      const known = lines.get(name) ?? { line: { code: r.code, kind: r.kind, normal: r.normal_debit ? 'debit' : 'credit', currency: r.currency, balance: 0n,
        accounts: 0 }, balance: 0n, accounts: 0 };
      known.balance += balance.get(r.no) ?? 0n;
      known.accounts += 1;
      lines.set(name, known);
    }
  }
  return [...lines].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([, l]) => ({ ...l.line, balance: l.balance, accounts: l.accounts }));
}

/** Debits positive. */
const net = (l: ReportLine): bigint => (l.normal === 'debit' ? l.balance : -l.balance);

/** The trial balance now, or at the end of a day counted by effective dates. */
export async function trialBalance(tx: Reading, day?: CivilDate): Promise<TrialBalance> {
  const lines = await linesOn(tx, day);
  const totals = new Map<Currency, { debit: bigint; credit: bigint }>();
  for (const l of lines) {
    const total = totals.get(l.currency) ?? { debit: 0n, credit: 0n };
    totals.set(l.currency, total);
    if (net(l) > 0n) total.debit += net(l);
    else total.credit -= net(l);
  }
  return { lines, totals };
}

/** Sums in the direction of the kind: assets and expenses count debits, the others credits. */
const sumOf = (lines: readonly ReportLine[], currency: Currency, kind: AccountKind): bigint => lines
  .filter((l) => l.currency === currency && l.kind === kind).reduce((sum, l) => sum + (kind === 'asset' || kind === 'expense' ? net(l) : -net(l)), 0n);

/** What is owned and owed. `result` is income less expenses so far: assets = liabilities + equity + result. */
export interface BalanceSheet { readonly lines: readonly ReportLine[]; readonly totals: ReadonlyMap<Currency, { readonly assets: bigint;
  readonly liabilities: bigint;
  readonly equity: bigint; readonly result: bigint }> }

export async function balanceSheet(tx: Reading, day?: CivilDate): Promise<BalanceSheet> {
  const lines = await linesOn(tx, day);
  const totals = [...new Set(lines.map((l) => l.currency))].map((c) => [c, {
    assets: sumOf(lines, c, 'asset'), liabilities: sumOf(lines, c, 'liability'), equity: sumOf(lines, c, 'equity'),
    result: sumOf(lines, c, 'income') - sumOf(lines, c, 'expense'),
  }] as const);
  return { lines: lines.filter((l) => l.kind === 'asset' || l.kind === 'liability' || l.kind === 'equity'), totals: new Map(totals) };
}

/** Income and expenses from one day to another, both included, by effective dates. */
export interface IncomeStatement { readonly lines: readonly ReportLine[]; readonly totals: ReadonlyMap<Currency, { readonly income: bigint;
  readonly expenses: bigint;
  readonly result: bigint }> }

export async function incomeStatement(tx: Reading, from: CivilDate, to: CivilDate): Promise<IncomeStatement> {
  const before = new Map((await linesOn(tx, addDays(from, -1))).map((l) => [`${l.code} ${l.currency}`, l.balance]));
  const lines = (await linesOn(tx, to)).filter((l) => l.kind === 'income' || l.kind === 'expense')
    .map((l) => ({ ...l, balance: l.balance - (before.get(`${l.code} ${l.currency}`) ?? 0n) }));
  const totals = [...new Set(lines.map((l) => l.currency))].map((c) => {
    const income = sumOf(lines, c, 'income'), expenses = sumOf(lines, c, 'expense');
    return [c, { income, expenses, result: income - expenses }] as const;
  });
  return { lines, totals: new Map(totals) };
}
