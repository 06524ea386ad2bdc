import {
  civilDateIn, csvRow, decimalText, exponentOf, fill, formatDate, formatInstant, formatMoney, localeOf, type CivilDate, type Language, type Money, type Sheet,
  type TenantRef,
} from '#kernel';
import type { Entry, StatementView } from '../contract.ts';
import { whatText } from '../pages/names.tsx';
import { en, type Words } from '../words/en.ts';
import { hi } from '../words/hi.ts';

/** The statement as files. Pure: what a file says follows from the statement, the language and the tenant. */
export interface For { readonly language: Language; readonly tenant: TenantRef }

const wordsOf = ({ language }: For): Words => (language === 'hi' ? hi : en);
const hexOf = (account: string): string => account.slice(account.indexOf('_') + 1);
const absolute = (m: Money): Money => ({ ...m, amount: m.amount < 0n ? -m.amount : m.amount });
/** The civil day on which a movement was booked. */
const bookedOn = (f: For, e: Entry): CivilDate => civilDateIn(f.tenant.zone, e.at);

/** For a spreadsheet: a byte order mark, so that it is read as UTF-8; plain amounts, money out and money in each in a column of its own. */
export function csvFile(s: StatementView, f: For): string {
  const w = wordsOf(f).statement;
  const line = (day: string, what: string, balance: Money): string => csvRow([day, '', what, '', '', '', decimalText(balance), s.currency, '']);
  const rows = s.entries.map((e) => csvRow([
    bookedOn(f, e), e.effective, whatText(wordsOf(f), e), e.note ?? '', e.change.amount < 0n ? decimalText(absolute(e.change)) : '',
    e.change.amount > 0n ? decimalText(e.change) : '', decimalText(e.balance), s.currency, e.transfer,
  ]));
  return `\ufeff${csvRow([w.booked, w.counts, w.what, w.note, w.out, w.in, w.balance, w.currency, w.reference])}${line(s.from, w.opening, s.opening)}`
    + `${rows.join('')}${line(s.to, w.closing, s.closing)}`;
}

const ESCAPED: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&apos;' };
/** Text of an XML element: no control characters, at most so many characters as the schema allows, cut between characters. */
// eslint-disable-next-line no-control-regex -- control characters have no place in XML
const xml = (text: string, max: number): string => [...text.replaceAll(/[\u0000-\u001f\u007f]/g, ' ')].slice(0, max).join('')
  .replaceAll(/[&<>"']/g, (c) => ESCAPED[c] as string);
const side = (m: Money): string => (m.amount < 0n ? 'DBIT' : 'CRDT');
const camtAmount = (m: Money): string => `<Amt Ccy="${m.currency}">${decimalText(absolute(m))}</Amt><CdtDbtInd>${side(m)}</CdtDbtInd>`;
const camtBalance = (code: 'OPBD' | 'CLBD', m: Money, day: CivilDate): string =>
  `<Bal><Tp><CdOrPrtry><Cd>${code}</Cd></CdOrPrtry></Tp>${camtAmount(m)}<Dt><Dt>${day}</Dt></Dt></Bal>`;
/** Bank transaction codes of ISO 20022 (external code set): domain, family, sub-family. */
const BANK_CODES: Readonly<Record<Entry['kind'], readonly [string, string, string]>> = {
  sent: ['PMNT', 'ICDT', 'BOOK'], received: ['PMNT', 'RCDT', 'BOOK'], 'closing-to': ['ACMT', 'OPCL', 'ACCC'], 'closing-of': ['ACMT', 'OPCL', 'ACCT'],
  added: ['PMNT', 'RCDT', 'DMCT'], withdrawn: ['PMNT', 'ICDT', 'DMCT'],
  interest: ['ACMT', 'MCOP', 'INTR'], fee: ['ACMT', 'MDOP', 'FEES'], other: ['ACMT', 'OPCL', 'OTHR'],
};
const MSG_ID_CHARS = 35, REF_CHARS = 35, INFO_CHARS = 500, REMITTANCE_CHARS = 140, NAME_CHARS = 140;

function camtEntry(e: Entry, f: For): string {
  const [domain, family, sub] = BANK_CODES[e.kind];
  const code = `<Domn><Cd>${domain}</Cd><Fmly><Cd>${family}</Cd><SubFmlyCd>${sub}</SubFmlyCd></Fmly></Domn>`;
  const note = e.note === null ? '' : `<RmtInf><Ustrd>${xml(e.note, REMITTANCE_CHARS)}</Ustrd></RmtInf>`;
  return `<Ntry><NtryRef>${e.transfer}</NtryRef>${camtAmount(e.change)}${e.reversal ? '<RvslInd>true</RvslInd>' : ''}<Sts><Cd>BOOK</Cd></Sts>`
    + `<BookgDt><DtTm>${e.at.toISOString()}</DtTm></BookgDt><ValDt><Dt>${e.effective}</Dt></ValDt><AcctSvcrRef>${e.transfer}</AcctSvcrRef>`
    + `<BkTxCd>${code}</BkTxCd><NtryDtls><TxDtls><Refs><AcctSvcrRef>${xml(e.transfer, REF_CHARS)}</AcctSvcrRef></Refs>`
    + `${camtAmount(e.change)}${note}</TxDtls></NtryDtls><AddtlNtryInf>${xml(whatText(wordsOf(f), e), INFO_CHARS)}</AddtlNtryInf></Ntry>`;
}

/** ISO 20022 camt.053.001.08, one statement. The side is the side on which it was booked; `RvslInd` says that it takes an earlier entry back. */
export function camtFile(s: StatementView, f: For): string {
  const id = `${s.to.replaceAll('-', '')}${hexOf(s.account)}`.slice(0, MSG_ID_CHARS);
  const made = s.madeAt.toISOString();
  const net = { ...s.totalIn, amount: s.totalIn.amount - s.totalOut.amount };
  const of = (sign: 1n | -1n): number => s.entries.filter((e) => e.change.amount * sign > 0n).length;
  const total = (m: Money, n: number): string => `<NbOfNtries>${n}</NbOfNtries><Sum>${decimalText(m)}</Sum>`;
  return `<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.08"><BkToCstmrStmt>`
    + `<GrpHdr><MsgId>${id}</MsgId><CreDtTm>${made}</CreDtTm></GrpHdr><Stmt><Id>${id}</Id><CreDtTm>${made}</CreDtTm>`
    + `<FrToDt><FrDtTm>${s.from}T00:00:00</FrDtTm><ToDtTm>${s.to}T23:59:59</ToDtTm></FrToDt>`
    + `<Acct><Id><Othr><Id>${hexOf(s.account)}</Id></Othr></Id><Ccy>${s.currency}</Ccy>`
    + `${s.holder === null ? '' : `<Ownr><Nm>${xml(s.holder, NAME_CHARS)}</Nm></Ownr>`}`
    + `<Svcr><FinInstnId><Nm>${xml(f.tenant.name, NAME_CHARS)}</Nm></FinInstnId></Svcr></Acct>`
    + `${camtBalance('OPBD', s.opening, s.from)}${camtBalance('CLBD', s.closing, s.to)}`
    + `<TxsSummry><TtlNtries><NbOfNtries>${s.entries.length}</NbOfNtries><Sum>${decimalText({ ...net, amount: s.totalIn.amount + s.totalOut.amount })}</Sum>`
    + `<TtlNetNtry><Amt>${decimalText(absolute(net))}</Amt><CdtDbtInd>${side(net)}</CdtDbtInd></TtlNetNtry></TtlNtries>`
    + `<TtlCdtNtries>${total(s.totalIn, of(1n))}</TtlCdtNtries><TtlDbtNtries>${total(s.totalOut, of(-1n))}</TtlDbtNtries></TxsSummry>`
    + `${s.entries.map((e) => camtEntry(e, f)).join('')}</Stmt></BkToCstmrStmt></Document>\n`;
}

/** SWIFT's X character set; what is outside it becomes a dot. A line may not begin with a colon or a dash: that would begin a field or end the message. */
const swift = (text: string): string => text.normalize('NFKD').replaceAll(/\p{M}/gu, '').replaceAll(/[^A-Za-z0-9/?:().,'+ -]/gu, '.');
const INFO_LINE_CHARS = 65, INFO_LINES = 6, ENTRIES_PER_MESSAGE = 40;
const SWIFT_CODES: Readonly<Record<Entry['kind'], string>> = {
  sent: 'NTRF', received: 'NTRF', 'closing-to': 'NTRF', 'closing-of': 'NTRF', added: 'NTRF', withdrawn: 'NTRF', interest: 'NINT', fee: 'NCHG', other: 'NMSC',
};
/** Amounts have a decimal comma, always, and the currency's own decimals behind it. */
const swiftAmount = (m: Money): string => (exponentOf(m.currency) === 0 ? `${decimalText(absolute(m))},` : decimalText(absolute(m)).replace('.', ','));
const shortDay = (day: CivilDate): string => day.slice(2).replaceAll('-', '');
const swiftBalance = (m: Money, day: CivilDate): string => `${m.amount < 0n ? 'D' : 'C'}${shortDay(day)}${m.currency}${swiftAmount(m)}`;
const REFERENCE_CHARS = 16;

function swiftEntry(e: Entry, f: For): string {
  const out = e.change.amount < 0n;
  // RC takes a credit back, which is a debit; RD a debit.
  const mark = e.reversal ? (out ? 'RC' : 'RD') : out ? 'D' : 'C';
  const text = swift([whatText(en, e), e.note ?? ''].filter(Boolean).join(' / '));
  const lines = Array.from({ length: INFO_LINES }, (_, i) => text.slice(i * INFO_LINE_CHARS, (i + 1) * INFO_LINE_CHARS).replace(/^[:-]/, '.')).filter(Boolean);
  const reference = e.transfer.slice(-REFERENCE_CHARS).toUpperCase();
  return `:61:${shortDay(e.effective)}${bookedOn(f, e).slice(5).replace('-', '')}${mark}${swiftAmount(e.change)}${SWIFT_CODES[e.kind]}NONREF//${reference}\r\n`
    + `:86:${lines.join('\r\n')}\r\n`;
}

/** SWIFT MT940 in English, as that format knows no other letters; a long statement is several messages, each going on where the one before it ended. */
export function mt940File(s: StatementView, f: For): string {
  const number = `${shortDay(s.from).slice(0, 4)}`;
  const parts: string[] = [];
  const count = Math.max(1, Math.ceil(s.entries.length / ENTRIES_PER_MESSAGE));
  for (let i = 0; i < count; i++) {
    const some = s.entries.slice(i * ENTRIES_PER_MESSAGE, (i + 1) * ENTRIES_PER_MESSAGE);
    const before = s.entries[i * ENTRIES_PER_MESSAGE - 1];
    const last = i === count - 1;
    const end = some.at(-1);
    const opening = before ? `:60M:${swiftBalance(before.balance, bookedOn(f, before))}` : `:60F:${swiftBalance(s.opening, s.from)}`;
    const closing = last || !end ? `:62F:${swiftBalance(s.closing, s.to)}` : `:62M:${swiftBalance(end.balance, bookedOn(f, end))}`;
    parts.push(`:20:${hexOf(s.account).slice(-REFERENCE_CHARS).toUpperCase()}\r\n:25:${hexOf(s.account)}\r\n:28C:${number}/${i + 1}\r\n${opening}\r\n`
      + `${some.map((e) => swiftEntry(e, f)).join('')}${closing}\r\n-\r\n`);
  }
  return parts.join('');
}

/** What the printed statement is filled with: text only, each already as it is to be read. */
export function statementSheet(s: StatementView, f: For): Sheet {
  const all = wordsOf(f);
  const w = all.statement;
  const locale = localeOf(f.language);
  const amount = (m: Money): string => formatMoney(m, locale);
  const day = (d: CivilDate): string => formatDate(d, locale);
  return {
    template: new URL('../data/statement.typ', import.meta.url),
    data: {
      language: f.language, bank: f.tenant.name, title: w.title,
      account: s.handle === null ? hexOf(s.account) : `${s.handle} · ${hexOf(s.account)}`,
      period: fill(w.period, { from: day(s.from), to: day(s.to) }), made: fill(w.made, { at: formatInstant(s.madeAt, locale, f.tenant.zone) }),
      page: w.page, none: w.none,
      facts: [[w.holder, s.holder ?? ''], [w.account, s.handle ?? ''], [w.number, hexOf(s.account)], [w.currency, s.currency]].filter(([,
        value]) => value !== ''),
      sums: [[w.opening, amount(s.opening)], [w.in, amount(s.totalIn)], [w.out, amount(s.totalOut)], [w.closing, amount(s.closing)]],
      head: [w.booked, w.what, w.out, w.in, w.balance],
      rows: s.entries.map((e) => [
        day(bookedOn(f, e)), whatText(all, e), e.note ?? '',
        e.change.amount < 0n ? amount(absolute(e.change)) : '', e.change.amount > 0n ? amount(e.change) : '',
        amount(e.balance),
      ]),
    },
  };
}
