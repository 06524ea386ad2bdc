import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { parseCamt053 } from 'camt-parser';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { addDays, civilDate, idOf, money, systemClock, uuid, uuidOf, type CivilDate, type TenantRef } from '#kernel';
import { balanceAt, dayStartUs, post } from '#spine/ledger';
import { has, house, somebody, wallets, type Answer, type House, type Wallet, type Wallets } from '#test';
import type { Entry, StatementView } from './contract.ts';
import { camtFile, csvFile, mt940File, type For } from './service/files.ts';

/** Comes without types. */
const { Parser } = createRequire(import.meta.url)('mt940js') as { Parser: new () => { parse(text: string): { openingBalance: number; closingBalance: number;
  currency: string; number: { sequence: string }; transactions: { amount: number; isReversal: boolean }[] }[] } };
const DAY_MS = 86_400_000;
let h: House, w: Wallets, asha: Wallet, ravi: Wallet;
let first: CivilDate, later: CivilDate;
const NOTE = '=HYPERLINK("x") & <चाय>';
beforeAll(async () => {
  h = await house({ limits: false });
  w = wallets(h);
  const [person, other] = [somebody(), somebody()];
  [asha, ravi] = [await w.wallet(100_000, person), await w.wallet(0, other)];
  first = await h.perform('india', async (tx) => tx.today);
  expect((await w.send(asha, ravi, 25_050, NOTE)).status).toBe(200);
  await h.clockOffset('india', 40 * DAY_MS);
  later = await h.perform('india', async (tx) => tx.today);
  // Every business day is over already, or a worker that finds time for one would pay interest between two looks.
  await h.sql('IN', 'superuser')(`insert into wallet.eod_run (tenant, day, state, reached, total, done, started_at, batch_at, finished_at)
    values ($1, $2, 'done', $1, 0, 0, $3, $3, $3)`, [h.tenant().id, later, systemClock.now()]);
  asha = { ...asha, who: await h.signIn(person) };
  ravi = { ...ravi, who: await h.signIn(other) };
  expect((await w.send(asha, ravi, 1_001, 'later')).status).toBe(200);
  expect((await w.send(ravi, asha, 7)).status).toBe(200);
});
afterAll(() => h.stop());

const statement = (who: Wallet, from: string, to: string): Promise<Answer> => w.get(who.who,
  `/wallet/accounts/${who.account}/statements?from=${from}&to=${to}`);
interface Wire { opening: { amount: string }; closing: { amount: string }; totalIn: { amount: string }; totalOut: { amount: string };
  entries: { change: { amount: string }; balance: { amount: string }; kind: string; note: string | null }[] }
const sumsOf = (a: Answer): string[] => {
  const s = a.json<Wire>();
  return [s.opening.amount, s.totalIn.amount, s.totalOut.amount, s.closing.amount];
};
const ledgerAt = async (who: Wallet, day: CivilDate): Promise<string> => h.perform('india', async (tx) => {
  const [row] = await tx.sql<{ ledger: string }>`select ledger from wallet.account where id = ${uuidOf(who.account)}`;
  return String((await balanceAt(tx, uuid((row as { ledger: string }).ledger), dayStartUs(tx.tenant.zone, addDays(day, 1)) - 1n))?.posted);
});

describe('a statement', () => {
  it('opens with what was there, closes with what the books say, and leads from one to the other', async () => {
    const [one, two, all] = [await statement(asha, first, first), await statement(asha, addDays(first, 1), later), await statement(asha, first, later)];
    expect([one, two, all].map((a) => a.status)).toEqual([200, 200, 200]);
    expect(sumsOf(one)).toEqual(['0', '100000', '25050', '74950']);
    expect(sumsOf(two)).toEqual(['74950', '7', '1001', '73956']);
    expect(sumsOf(all)).toEqual(['0', '100007', '26051', '73956']);
    expect([await ledgerAt(asha, first), await ledgerAt(asha, later)]).toEqual(['74950', '73956']);
    expect(all.json<Wire>().entries.map((e) => [e.kind, e.change.amount, e.balance.amount, e.note])).toEqual([
      ['added', '100000', '100000', null], ['sent', '-25050', '74950', NOTE], ['sent', '-1001', '73949', 'later'], ['received', '7', '73956', null],
    ]);
  });
  it('of a period in which nothing moved has the same balance twice', async () => {
    const quiet = await statement(asha, addDays(first, 2), addDays(first, 9));
    expect([...sumsOf(quiet), quiet.json<Wire>().entries.length]).toEqual(['74950', '0', '0', '74950', 0]);
  });
  it('holds every movement, however many pages the books need', async () => {
    const many = await w.wallet();
    const ledger = await h.perform('india', async (tx) => (await tx.sql<{ ledger: string }>`
      select replace(ledger::text, '-', '') as ledger from wallet.account where id = ${uuidOf(many.account)}`)[0]?.ledger);
    const bank = await h.perform('india', async (tx) => (await tx.sql<{ id: string }>`
      select replace(id::text, '-', '') as id from ledger.account where code = 'wallet.bank' and currency = 'INR'`)[0]?.id);
    for (let i = 0; i < 5; i++) {
      await h.perform('india', (tx) => post(tx.section, Array.from({ length: 100 }, () => ({
        by: tx, transfers: [{ kind: 'transfer' as const, debit: uuid(bank as string), credit: uuid(ledger as string), amount: money(3n, 'INR') }],
      }))));
    }
    const answer = await statement(many, later, later);
    expect([...sumsOf(answer), answer.json<Wire>().entries.length]).toEqual(['0', '1500', '0', '1500', 500]);
  });
  it('is nobody else’s, and of no period that is none', async () => {
    expect((await w.get(ravi.who,
      `/wallet/accounts/${asha.account}/statements?from=${first}&to=${first}`)).json()).toMatchObject({ type: '/problems/unknown-account' });
    for (const [from, to] of [[later, first], [addDays(later, 1), addDays(later, 2)], [addDays(later, -366), later]] as const) {
      expect((await statement(asha, from, to)).json(), `${from} ${to}`).toMatchObject({ type: '/problems/period-wrong', status: 422 });
    }
    expect((await statement(asha, '2026-02-30', later)).status).toBe(422);
    // A day that is not over yet ends now.
    expect((await statement(asha, addDays(later, -365), addDays(later, 30))).json()).toMatchObject({ to: later });
  });
});

describe('its page and files', () => {
  const file = (ending: string, more = ''): Promise<Answer> =>
    h.request({ path: `/wallet/accounts/${asha.account}/statement.${ending}?from=${first}&to=${later}${more}`,
    cookies: asha.who.cookies });
  it('shows the period that was asked for, the month that runs otherwise, and what was typed wrongly', async () => {
    const open = (query: string): Promise<Answer> => h.request({ path: `/wallet/accounts/${asha.account}/statement${query}`, cookies: asha.who.cookies });
    const page = await open(`?from=${first}&to=${later}`);
    expect([page.status, page.text.match(/<tr>/g)?.length]).toEqual([200, 7]);
    for (const text of ['₹739.56', '₹1,000.00', '−₹250.50', 'statement.pdf?from=']) expect(page.text, text).toContain(text);
    expect((await open('')).text).toContain('+₹0.07');
    expect((await open('?from=yesterday&to=now')).text).toContain('aria-invalid="true"');
    expect((await open(`?from=${later}&to=${first}`)).status).toBe(422);
    expect((await open(`?from=${first}&to=${later}&lang=hi`)).text).toContain('विवरण');
  });
  it('come as attachments, and each leaves a fact', async () => {
    const count = async (): Promise<number> => (await h.sql('IN',
      'superuser')("select 1 from audit.entry where action = 'wallet.statement' and result = 'done'")).length;
    const before = await count();
    for (const [ending, type, name] of [['csv', 'text/csv; charset=utf-8', 'csv'], ['xml', 'application/xml; charset=utf-8', 'camt.053.xml'],
      ['sta', 'text/plain; charset=us-ascii', 'mt940.sta'], ['pdf', 'application/pdf', 'pdf']] as const) {
      const answer = await file(ending);
      expect([answer.status, answer.headers['content-type'], answer.headers['content-disposition'], answer.headers['cache-control']], ending)
        .toEqual([200, type, `attachment; filename="statement-${first}-${later}.${name}"`, 'no-store']);
    }
    expect(await count()).toBe(before + 4);
    const stranger = await h.request({ path: `/wallet/accounts/${asha.account}/statement.csv?from=${first}&to=${later}`, cookies: ravi.who.cookies });
    expect([stranger.status, stranger.headers['content-disposition']]).toEqual([404, undefined]);
  });
  it('CSV: a mark for UTF-8, no cell that runs as a formula, headings in the language', async () => {
    const { text } = await file('csv');
    const rows = text.slice(1).trimEnd().split('\r\n');
    expect([text.codePointAt(0), rows.length]).toEqual([0xfeff, 7]);
    expect(rows[0]).toBe('"Day","Counts from","What","Note","Out","In","Balance","Currency","Reference"');
    expect(rows[3]).toMatch(/^"[\d-]{10}","[\d-]{10}","To @holder\.\d+","'=HYPERLINK\(""x""\) & <चाय>","250\.50","","749\.50","INR","[0-9a-f]{32}"$/);

       expect(rows.at(-1)).toMatch(/^"[\d-]+","","Balance at the end","","","","739\.56","INR",""$/);
    expect((await file('csv', '&lang=hi')).text).toContain('"दिन","इस दिन से गिना"');
  });
  it.runIf(has('pdftotext')).each([['en', ['Statement', 'Balance at the end', '₹739.56', 'To @holder.', '<चाय>']],
    ['hi', ['विवरण', 'शेष', '₹739.56']]] as const)('PDF in %s: set in type, its text can be taken out again', async (language, texts) => {
    const pdf = await file('pdf', `&lang=${language}`);
    expect(pdf.bytes.subarray(0, 5).toString('latin1')).toBe('%PDF-');
    const path = join(h.folder, `statement-${language}.pdf`);
    writeFileSync(path, pdf.bytes);
    expect(pdf.bytes.length).toBeLessThan(200_000);
    const text = spawnSync('pdftotext', ['-layout', path, '-'], { encoding: 'utf8' }).stdout.normalize('NFC');
    for (const one of texts) expect(text, one).toContain(one);
  });
});

const tenant = { name: 'Bank & <Sons>', zone: 'Asia/Kolkata' } as TenantRef;
const f: For = { language: 'en', tenant };
const entry = (n: number, change: bigint, balance: bigint, more: Partial<Entry> = {}, currency: 'INR' | 'JPY' | 'KWD' = 'INR'): Entry => ({
  transfer: n.toString(16).padStart(32, 'a'), at: new Date(Date.UTC(2026, 10, 3, 18, 45) + n * 60_000), change: money(change, currency),
    balance: money(balance, currency),
  kind: change < 0n ? 'sent' : 'received', with: '@ravi', note: null, trace: '0'.repeat(32), effective: civilDate('2026-11-04'), reversal: false, ...more,
});
const made = (entries: Entry[], opening: bigint, currency: 'INR' | 'JPY' | 'KWD' = 'INR'): StatementView => {
  const sum = (sign: bigint): bigint => entries.reduce((s, e) => (e.change.amount * sign > 0n ? s + e.change.amount * sign : s), 0n);
  return { account: idOf('wal', '1'.repeat(32)), handle: null, holder: 'Asha <Rao>', currency, from: civilDate('2026-11-01'), to: civilDate('2026-11-30'),
    opening: money(opening,
    currency),
    totalIn: money(sum(1n), currency), totalOut: money(sum(-1n), currency), closing: money(opening + sum(1n) - sum(-1n), currency), entries,
      madeAt: new Date('2026-12-01T00:00:00Z') };
};

/** Elements as [name, attributes, children or text]; throws where tags do not nest. */
type Xml = { name: string; attributes: string; children: Xml[]; text: string };
function parse(text: string): Xml {
  const root: Xml = { name: '', attributes: '', children: [], text: '' };
  const stack = [root];
  for (const [, declared, close, name, attributes, chars] of text.matchAll(/(<\?[^>]*\?>)|<(\/?)([A-Za-z]+)([^<>]*)>|([^<>]+)/g)) {
    const top = stack.at(-1) as Xml;
    if (declared !== undefined) continue;
    if (chars !== undefined) top.text += chars;
    else if (close) {
      if (top.name !== name) throw new Error(`${name} ends where ${top.name} is open`);
      stack.pop();
    } else {
      const made: Xml = { name: name as string, attributes: attributes as string, children: [], text: '' };
      top.children.push(made);
      stack.push(made);
    }
  }
  if (stack.length !== 1) throw new Error('an element is open');
  return root.children[0] as Xml;
}
const at = (x: Xml, path: string): Xml[] => path.split('/').reduce((all, name) => all.flatMap((e) => e.children.filter((c) => c.name === name)), [x]);
const textAt = (x: Xml, path: string): string[] => at(x, path).map((e) => e.text);
/** The order of elements that camt.053.001.08 asks for, of what is used here. */
const ORDER: Readonly<Record<string, string>> = {
  Document: 'BkToCstmrStmt', BkToCstmrStmt: 'GrpHdr Stmt', GrpHdr: 'MsgId CreDtTm', Stmt: 'Id CreDtTm FrToDt Acct Bal TxsSummry Ntry',
    FrToDt: 'FrDtTm ToDtTm', Acct: 'Id Ccy Ownr Svcr',
  Bal: 'Tp Amt CdtDbtInd Dt', TxsSummry: 'TtlNtries TtlCdtNtries TtlDbtNtries', TtlNtries: 'NbOfNtries Sum TtlNetNtry',
  Ntry: 'NtryRef Amt CdtDbtInd RvslInd Sts BookgDt ValDt AcctSvcrRef BkTxCd NtryDtls AddtlNtryInf', TxDtls: 'Refs Amt CdtDbtInd RmtInf',
    TtlNetNtry: 'Amt CdtDbtInd',
};
function inOrder(x: Xml): void {
  const order = ORDER[x.name]?.split(' ');
  if (order) {
    const places = x.children.map((c) => order.indexOf(c.name));
    expect(places, x.name).toEqual(places.toSorted((a, b) => a - b));
    expect(places, x.name).not.toContain(-1);
  }
  x.children.forEach(inOrder);
}

describe('camt.053', () => {
  const entries = [entry(1, 50_000n, 60_000n, { note: 'a & b <c>' }), entry(2, -20_000n, 40_000n, { reversal: true }), entry(3, 5n, 40_005n,
    { kind: 'interest' })];
  it('has the elements in their order, text that cannot break out, and sums that agree', () => {
    const x = parse(camtFile(made(entries, 10_000n), f));
    inOrder(x);
    expect(x.attributes).toContain('urn:iso:std:iso:20022:tech:xsd:camt.053.001.08');
    const [stmt] = at(x, 'BkToCstmrStmt/Stmt') as [Xml];
    expect(at(stmt, 'Bal').map((b) => [textAt(b, 'Tp/CdOrPrtry/Cd')[0], textAt(b, 'Amt')[0], textAt(b, 'CdtDbtInd')[0], textAt(b, 'Dt/Dt')[0]]))
      .toEqual([['OPBD', '100.00', 'CRDT', '2026-11-01'], ['CLBD', '400.05', 'CRDT', '2026-11-30']]);
    expect(at(stmt, 'Ntry').map((n) => [textAt(n, 'Amt')[0], textAt(n, 'CdtDbtInd')[0], textAt(n, 'RvslInd')[0], textAt(n, 'ValDt/Dt')[0]]))
      .toEqual([['500.00', 'CRDT', undefined, '2026-11-04'], ['200.00', 'DBIT', 'true', '2026-11-04'], ['0.05', 'CRDT', undefined, '2026-11-04']]);
    expect([textAt(stmt, 'TxsSummry/TtlNtries/NbOfNtries'), textAt(stmt, 'TxsSummry/TtlNtries/Sum'), textAt(stmt, 'TxsSummry/TtlNtries/TtlNetNtry/Amt'),
      textAt(stmt, 'TxsSummry/TtlDbtNtries/Sum')]).toEqual([['3'], ['700.05'], ['300.05'], ['200.00']]);
    expect(textAt(stmt, 'Ntry/NtryDtls/TxDtls/RmtInf/Ustrd')).toEqual(['a &amp; b &lt;c&gt;']);
    expect(textAt(stmt, 'Acct/Ownr/Nm')).toEqual(['Asha &lt;Rao&gt;']);
    expect(textAt(stmt, 'Acct/Svcr/FinInstnId/Nm')).toEqual(['Bank &amp; &lt;Sons&gt;']);
    expect(textAt(stmt, 'Acct/Id/Othr/Id')[0]).toHaveLength(32);
  });
  it('writes amounts with the decimals of their currency', () => {
    const amounts = (c: 'JPY' | 'KWD'): string[] => textAt(parse(camtFile(made([entry(1, 1_500n, 1_500n, {}, c)], 0n, c), f)), 'BkToCstmrStmt/Stmt/Ntry/Amt');
    expect([amounts('JPY'), amounts('KWD')]).toEqual([['1500'], ['1.500']]);
  });
});

describe('MT940', () => {
  const LINE = /^:61:(\d{6})(\d{4})(RC|RD|C|D)(\d{1,12},\d{0,3})(N[A-Z]{3})NONREF\/\/([A-F0-9]{16})$/;
  const read = (text: string): string[][] => text.split('-\r\n').filter(Boolean).map((m) => m.split('\r\n').filter(Boolean));
  it('has its fields in order, marks by side and reversal, and a comma in each amount', () => {
    const [message] = read(mt940File(made([entry(1, 50_000n, 60_000n, { note: ':-चाय über & so on' }), entry(2, -20_000n, 40_000n, { reversal: true }),
      entry(3, -5n, 39_995n, { kind: 'fee' })], 10_000n), f)) as [string[]];
    expect(message.map((l) => /^:(\w+):/.exec(l)?.[1])).toEqual(['20', '25', '28C', '60F', '61', '86', '61', '86', '61', '86', '62F']);
    expect(message[3]).toBe(':60F:C261101INR100,00');
    expect(message.at(-1)).toBe(':62F:C261130INR399,95');
    expect(message.filter((l) => l.startsWith(':61:')).map((l) => LINE.exec(l)?.slice(1, 6))).toEqual([
      ['261104', '1104', 'C', '500,00', 'NTRF'], ['261104', '1104', 'RC', '200,00', 'NTRF'], ['261104', '1104', 'D', '0,05', 'NCHG'],
    ]);
    for (const line of message) {
      expect(line).toMatch(/^[\x20-\x7e]*$/);
      expect(line.length).toBeLessThanOrEqual(69);
    }
    expect(message[5]).toContain('uber . so on');
  });
  it('goes on in further messages where there is much, from the balance where the last one ended', () => {
    const many = Array.from({ length: 95 }, (_, i) => entry(i, 10n, BigInt(i + 1) * 10n, { note: 'x'.repeat(140) }));
    const messages = read(mt940File(made(many, 0n), f));
    expect(messages.map((m) => m.find((l) => l.startsWith(':28C:')))).toEqual([':28C:2611/1', ':28C:2611/2', ':28C:2611/3']);
    expect(messages.map((m) => [m[3], m.at(-1)])).toEqual([[':60F:C261101INR0,00', ':62M:C261104INR4,00'], [':60M:C261104INR4,00', ':62M:C261104INR8,00'],
      [':60M:C261104INR8,00', ':62F:C261130INR9,50']]);
    expect(mt940File(made([], 7n), f)).toMatch(/:60F:C261101INR0,07\r\n:62F:C261130INR0,07\r\n-\r\n$/);
    expect(mt940File(made([entry(1, 1_500n, 1_500n, {}, 'JPY')], 0n, 'JPY'), f)).toContain('C1500,N');
  });
});

describe('a statement read by programs of others', () => {
  const entries = [entry(1, 50_000n, 60_000n, { note: 'a & b <c>' }), entry(2, -20_000n, 40_000n, { reversal: true }), entry(3, 5n, 40_005n,
    { kind: 'interest' })];
  it('as camt.053 opens, moves and closes as ours', async () => {
    const { statements: [read] } = await parseCamt053(camtFile(made(entries, 10_000n), f));
    expect(read?.balances.map((b) => [b.type, b.creditDebitIndicator, b.amount.value, b.amount.currency, b.date])).toEqual([
      ['OPBD', 'CRDT', '100.00', 'INR', '2026-11-01'], ['CLBD', 'CRDT', '400.05', 'INR', '2026-11-30']]);
    expect(read?.transactions.map((t) => [t.creditDebitIndicator, t.amount.value, t.reversalIndicator, t.status, t.valueDate, t.reference])).toEqual(
      [['CRDT', '500.00', false, 'BOOK'], ['DBIT', '200.00', true, 'BOOK'], ['CRDT', '0.05', false, 'BOOK']].map((t, i) =>
        [...t, '2026-11-04', entries[i]?.transfer]));
    expect([read?.account.owner.name, read?.transactionSummary?.totalCreditEntries, read?.transactionSummary?.totalDebitEntries]).toEqual(
      ['Asha <Rao>', { numberOfEntries: '2', sum: '500.05' }, { numberOfEntries: '1', sum: '200.00' }]);
  });
  it('as MT940 the same, in as many messages as it takes', () => {
    const [read] = new Parser().parse(mt940File(made(entries, 10_000n), f));
    expect([read?.openingBalance, read?.closingBalance, read?.currency, read?.transactions.map((t) => [t.amount, t.isReversal])]).toEqual(
      [100, 400.05, 'INR', [[500, false], [-200, true], [0.05, false]]]);
    const many = Array.from({ length: 95 }, (_, i) => entry(i, 10n, BigInt(i + 1) * 10n, { note: 'x'.repeat(140) }));
    expect(new Parser().parse(mt940File(made(many, 0n), f)).map((s) => [s.number.sequence, s.openingBalance, s.transactions.length, s.closingBalance])).toEqual(
      [['1', 0, 40, 4], ['2', 4, 40, 8], ['3', 8, 15, 9.5]]);
  });
});

it('CSV keeps out and in apart, so that no amount needs a sign', () => {
  const rows = csvFile(made([entry(1, -5n, 5n)], 10n), { ...f, language: 'hi' }).split('\r\n');
  expect(rows[2]).toContain('"\'@ravi को","","0.05","","0.05","INR"');
});
