import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { civilDate, systemClock } from '#kernel';
import { ensureMachine, signatureHeaders, type MachineKey } from '#spine/identity';
import { exportQuarantine } from '../src/apps/quarantine.ts';
import { ingestFile } from '../src/apps/ingest.ts';
import { house, somebody, type Answer, type Browser, type House, type Page, type Person } from './house.ts';

/** People and bytes that do not go as planned: each ends in a listed problem or in a plain page that says what to do. */
let h: House;
let key: MachineKey;
const folder = mkdtempSync(join(tmpdir(), 'odd-lives-'));
beforeAll(async () => {
  h = await house({ limits: false });
  key = await h.perform('india', (tx) => ensureMachine(tx, 'authority', ['taxrefund:feed']));
});
afterAll(async () => {
  rmSync(folder, { recursive: true, force: true });
  await h.stop();
});

const HOUR = 3_600_000;
const YEAR = '/tax-refunds/2026';
let serial = 0;
const taxpayer = ({ identifier, dateOfBirth, phone, name, nameLocal, language }: Person): Record<string, unknown> =>
  ({ kind: 'taxpayer', identifier, dateOfBirth, phone, name, ...(nameLocal === undefined ? {} : { nameLocal }), language });
const event = (p: Person, code: string, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  kind: 'event', identifier: p.identifier, year: 2026, returnNo: 1, source: 'efiling', sourceEventId: `odd-${(serial += 1)}`, sourceVersion: 1,
  occurredAt: '2026-07-01T10:00:00Z', code, facts: {}, ...more,
});
const send = (lines: readonly unknown[], skewMs = 0): Promise<Answer> => {
  const ndjson = lines.map((l) => (typeof l === 'string' ? l : JSON.stringify(l))).join('\n');
  return h.request({ path: '/api/tax-refunds/feed', ndjson, headers: signatureHeaders(key, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime() + skewMs) });
};
const fed = async (...lines: readonly unknown[]): Promise<void> => expect((await send(lines)).json()).toMatchObject({ counts: { quarantined: 0 } });
const file = (name: string, bytes: string | Buffer): string => {
  writeFileSync(join(folder, name), bytes);
  return join(folder, name);
};
const ingest = (path: string): ReturnType<typeof ingestFile> => ingestFile({
  into: { cell: h.cell(), tenant: h.tenant(), feed: 'odd', by: { actor: { kind: 'system', name: 'test' }, trace: '0'.repeat(32) } }, file: path,
  rejects: `${path}.rejects`, progress: () => undefined,
});
const facts = async (action: string): Promise<number> =>
  (await h.sql('IN', 'superuser')<{ n: number }>('select count(*)::int as n from audit.entry where action = $1', [action]))[0]?.n ?? -1;

/** Signs in by the forms, as people do; resolves to the page that one lands on. */
async function byForms(person: Person, browser: Browser = h.browser(), from = '/sign-in'): Promise<Page> {
  await browser.open(from);
  const [birthYear = '', month = '', day = ''] = person.dateOfBirth.split('-');
  await browser.submit('/sign-in', { identifier: person.identifier, day, month, birthYear, year: '2026' });
  return browser.submit('/sign-in/code', { code: await h.codeFor(person.phone) });
}

describe('people', () => {
  it('heir of a deceased person: the sign-in page says where to register first, in both languages', async () => {
    const browser = h.browser();
    expect((await browser.open('/sign-in?lang=en')).text).toContain('register as legal heir with the office first');
    expect((await browser.open('/sign-in?lang=hi')).text).toContain('विधिक वारिस के रूप में पंजीकरण');
  });

  it('two returns in a day: the revised one answers, the original one stays below it', async () => {
    const person = somebody();
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000', formType: 'ITR-1' } }),
      event(person, 'IN_FILED_UNVERIFIED', { returnNo: 2, occurredAt: '2026-07-01T10:05:00Z', facts: { claimed: '1200000', formType: 'ITR-1', revisedReturnOf: 1 } }));
    const page = await byForms(person);
    expect(page.path).toBe(YEAR);
    const [first = '', rest = ''] = page.text.split('<details class="older">');
    expect(first).toContain('₹12,000');
    expect(first).toContain('Revised return 2');
    expect(rest).toContain('₹10,000');
  });

  it('no Indian phone: the code goes to the phone on record, wherever it is', async () => {
    const person = somebody('india', { phone: '+1 555 0100 771' });
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000' } }));
    const browser = h.browser();
    expect((await browser.open('/sign-in')).text).toContain('No access to the registered phone?');
    expect((await byForms(person, browser)).path).toBe(YEAR);
  });

  it('leap-day birth: signs in with 29 February of a leap year, and any other year’s is named as no date', async () => {
    const person = somebody('india', { dateOfBirth: civilDate('1988-02-29') });
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000' } }));
    const browser = h.browser();
    await browser.open('/sign-in');
    const wrong = await browser.submit('/sign-in', { identifier: person.identifier, day: '29', month: '2', birthYear: '1987', year: '2026' });
    expect(wrong.status).toBe(422);
    expect(wrong.text).toContain('This date does not exist');
    expect((await byForms(person, browser)).path).toBe(YEAR);
  });

  it('name in one script: is taken and signs in, whichever script it is', async () => {
    for (const name of ['मीरा नमूना', 'Meera Sample']) {
      const person = somebody('india', { name, language: name.startsWith('M') ? 'hi' : 'en' });
      await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000' } }));
      expect(await byForms(person)).toMatchObject({ status: 200, path: YEAR });
    }
  });

  it('amount 0: is shown as nought, never as an empty place', async () => {
    const person = somebody();
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '0', formType: 'ITR-1' } }),
      event(person, 'IN_REFUND_DETERMINED', { source: 'cpc', occurredAt: '2026-08-01T10:00:00Z', facts: { computed: '0', interest: '0' } }));
    const page = await byForms(person);
    expect(page.status).toBe(200);
    expect(page.text).toContain('₹0');
    expect(page.text).not.toMatch(/null|undefined|NaN|\{\w+\}/);
  });

  it('no return for this year: says so, that nothing is lost, and where to look', async () => {
    const person = somebody();
    await fed(taxpayer(person));
    const browser = h.browser();
    const page = await byForms(person, browser);
    expect(page).toMatchObject({ status: 404, path: YEAR });
    expect(page.text).toContain('No return was found for this year');
    expect(page.text).toContain('href="/tax-refunds"');
    expect((await browser.open('/tax-refunds')).text).toContain('No returns are recorded here');
  });

  it('back after sign-out: no answer is kept by the browser, and the page asks to sign in', async () => {
    const person = somebody();
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000' } }));
    const browser = h.browser();
    const page = await byForms(person, browser);
    expect(page.headers['cache-control']).toBe('no-store');
    const old = { ...browser.cookies };
    await browser.submit('/sign-out');
    const back = await h.request({ path: YEAR, headers: { accept: 'text/html' }, cookies: old });
    expect([back.status, back.headers.location]).toEqual([303, `/sign-in?then=${encodeURIComponent(YEAR)}`]);
  });

  it('two tabs, one signs out: the other one’s next click asks to sign in and leads back', async () => {
    const person = somebody();
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000' } }));
    const browser = h.browser();
    await byForms(person, browser);
    const other = h.browser();
    Object.assign(other.cookies, browser.cookies);
    expect((await other.open(YEAR)).status).toBe(200);
    await browser.submit('/sign-out');
    expect((await other.open('/tax-refunds')).path).toBe(`/sign-in?then=${encodeURIComponent('/tax-refunds')}`);
    expect((await byForms(person, other, `/sign-in?then=${encodeURIComponent('/tax-refunds')}`)).path).toBe('/tax-refunds');
  });

  it('expired session: returns to where one was', async () => {
    const person = somebody();
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { year: 2025, facts: { claimed: '1000000' } }));
    const browser = h.browser();
    await byForms(person, browser);
    await h.clockOffset('india', 3 * HOUR);
    try {
      const asked = await browser.open('/tax-refunds/2025');
      expect(asked.path).toBe(`/sign-in?then=${encodeURIComponent('/tax-refunds/2025')}`);
      expect(await byForms(person, browser, asked.path)).toMatchObject({ status: 200, path: '/tax-refunds/2025' });
    } finally {
      await h.clockOffset('india', 0);
    }
  });

  it('replayed code: opens nothing a second time, says what to do, and is audited', async () => {
    const person = somebody();
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000' } }));
    const browser = h.browser();
    await browser.open('/sign-in');
    const [birthYear = '', month = '', day = ''] = person.dateOfBirth.split('-');
    await browser.submit('/sign-in', { identifier: person.identifier, day, month, birthYear, year: '2026' });
    const form = { ...browser.hidden('/sign-in/code'), code: await h.codeFor(person.phone) };
    const named = { xq_browser: browser.cookies.xq_browser as string };
    const submit = (over: Record<string, string>): Promise<Answer> =>
      h.request({ path: '/sign-in/code', form: { ...form, ...over }, cookies: named, headers: { accept: 'text/html' } });
    expect((await submit({})).status).toBe(303);
    const before = await facts('identity.code');
    const again = await submit({ _key: 'another-key-of-this-form' });
    expect(again.status).toBe(410);
    expect(again.text).toContain('Please start again');
    expect(again.cookies).not.toHaveProperty('xq_access');
    expect(await facts('identity.code')).toBe(before + 1);
  });

  it('header injection: line breaks in what is sent back stay in the address', async () => {
    const person = somebody();
    await fed(taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '1000000' } }));
    const landed = await byForms(person, h.browser(), `/sign-in?then=${encodeURIComponent('/tax-refunds\r\nset-cookie: planted=1')}`);
    expect(landed.path).toBe(YEAR);
    expect(landed.cookies).not.toHaveProperty('planted');
  });
});

describe('bytes', () => {
  const head = 'kind,identifier,year,returnNo,source,sourceEventId,sourceVersion,occurredAt,code,claimed';
  const row = (p: Person, over = ''): string =>
    `event,${p.identifier},2026,1,efiling,odd-${(serial += 1)}${over},1,2026-07-01T10:00:00Z,IN_FILED_UNVERIFIED,1000000`;
  const known = async (): Promise<Person> => {
    const person = somebody();
    await fed(taxpayer(person));
    return person;
  };

  it('clock skew: a feed within five minutes is taken, one beyond is nobody’s, and a report from the future is set aside', async () => {
    const person = await known();
    for (const minutes of [-4, 4]) expect((await send([event(person, 'IN_FILED_UNVERIFIED')], minutes * 60_000)).status).toBe(200);
    for (const minutes of [-6, 6]) expect((await send([event(person, 'IN_FILED_UNVERIFIED')], minutes * 60_000)).status).toBe(401);
    const future = event(person, 'IN_FILED_UNVERIFIED', { occurredAt: new Date(systemClock.now().getTime() + 90 * 24 * HOUR).toISOString() });
    expect((await send([future])).json()).toMatchObject({ quarantined: [{ line: 1, reason: 'in_future' }] });
  });

  it('truncated gzip: what came before the cut is taken, the cut is said, and the whole file again changes nothing twice', async () => {
    const person = await known();
    const lines = Array.from({ length: 3000 }, (_, i) => JSON.stringify(event(person, 'IN_PROCESSING', { source: 'cpc', returnNo: 1 + (i % 99), occurredAt: '2026-08-01T10:00:00Z' })));
    const whole = gzipSync(lines.join('\n'));
    const cut = file('cut.ndjson', whole.subarray(0, whole.length - 2000));
    await expect(ingest(cut)).rejects.toThrow(/ends too early\. [1-9]\d* lines: [1-9]\d* events taken.*Send the whole file again/);
    const counts = await ingest(file('whole.ndjson', whole));
    expect(counts).toMatchObject({ lines: 3000, quarantined: 0 });
    expect(counts.duplicates).toBeGreaterThan(0);
    expect(counts.accepted + counts.duplicates).toBe(3000);
  });

  it('a gzipped body: is not unpacked at the door', async () => {
    const body = gzipSync(JSON.stringify(event(somebody(), 'IN_PROCESSING')));
    const answer = await h.request({
      path: '/api/tax-refunds/feed', body,
      headers: { 'content-type': 'application/x-ndjson', 'content-encoding': 'gzip', ...signatureHeaders(key, 'POST /api/tax-refunds/feed', body, systemClock.now().getTime()) },
    });
    expect([answer.status, answer.json().type]).toEqual([415, '/problems/unsupported-media']);
  });

  it('NDJSON without a last newline: its last line counts', async () => {
    const person = await known();
    const lines = [event(person, 'IN_FILED_UNVERIFIED'), event(person, 'IN_VERIFIED', { occurredAt: '2026-07-02T10:00:00Z' })].map((l) => JSON.stringify(l)).join('\n');
    expect(await ingest(file('no-newline.ndjson', lines))).toMatchObject({ lines: 2, accepted: 2 });
  });

  it.each([
    ['BOM', (text: string) => Buffer.from(`\ufeff${text}`)], ['CRLF', (text: string) => Buffer.from(text.replaceAll('\n', '\r\n'))],
    ['UTF-16', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le')], ['UTF-16, big end first', (text: string) => Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['UTF-16 in gzip', (text: string) => gzipSync(Buffer.from(`\ufeff${text}`, 'utf16le'))],
  ])('CSV with %s: every row counts', async (name, encode) => {
    const person = await known();
    expect(await ingest(file(`${name}.csv`, encode(`${head}\n${row(person)}\n${row(person, 'b')}\n`)))).toMatchObject({ lines: 2, accepted: 2, quarantined: 0 });
  });

  it('2⁵³ + 1 as a number: is set aside, and as text it is kept exactly', async () => {
    const person = await known();
    const filed = (claimed: string): string => JSON.stringify(event(person, 'IN_FILED_UNVERIFIED', { facts: { claimed: '?' } })).replace('"?"', claimed);
    expect((await send([filed('9007199254740993')])).json()).toMatchObject({ quarantined: [{ reason: 'malformed' }] });
    await fed(filed('"9007199254740993"'));
    expect((await byForms(person)).text).toContain('₹9,00,71,99,25,47,409.93');
  });

  it('prototype names and a key twice: the line is set aside, nothing is polluted', async () => {
    const person = await known();
    const line = JSON.stringify(event(person, 'IN_FILED_UNVERIFIED'));
    const bad = ['"__proto__":{"admin":true}', '"constructor":{"prototype":{"admin":true}}', '"facts":{"__proto__":{"claimed":"1"}}', '"code":"IN_PAID"']
      .map((more) => line.replace(/\}$/, `,${more}}`));
    const answer = (await send(bad)).json<{ quarantined: { reason: string }[] }>();
    expect(answer.quarantined.map((q) => q.reason)).toEqual(bad.map(() => 'malformed'));
    expect(Object.keys(Object.prototype)).toEqual([]);
    expect(({} as { admin?: boolean }).admin).toBeUndefined();
    const csv = await ingest(file('prototype.csv', `${head},__proto__\n${row(person)},x\n`));
    expect(csv).toMatchObject({ lines: 1, quarantined: 1 });
  });

  it('10 MB body: is refused before it is read, and nothing is changed', async () => {
    const before = await facts('taxrefund.quarantined');
    const body = Buffer.alloc(10_000_000, 0x20);
    const answer = await h.request({ path: '/api/tax-refunds/feed', body, headers: { 'content-type': 'application/x-ndjson', ...signatureHeaders(key, 'POST /api/tax-refunds/feed', body, systemClock.now().getTime()) } });
    expect([answer.status, answer.json().type]).toEqual([413, '/problems/too-large']);
    expect(await facts('taxrefund.quarantined')).toBe(before);
  });

  it('formula cells on export: leave quarantine as text for a spreadsheet, each audited, and the reject file has none', async () => {
    const formula = '=HYPERLINK("http://127.0.0.1/"&A1)';
    const path = file('formula.ndjson', [formula, '@SUM(1+1)', '+1', '-1|cmd', '\tx', 'plain, "text"'].join('\n'));
    await ingest(path);
    // One JSON object a line: no spreadsheet reads a cell of it by itself.
    for (const line of readFileSync(`${path}.rejects`, 'utf8').trim().split('\n')) expect(JSON.parse(line)).toMatchObject({ reason: 'malformed' });
    const before = await facts('taxrefund.quarantine-shown');
    const out = join(folder, 'export.csv');
    const by = { actor: { kind: 'operator', id: h.tenant().id, permissions: [] }, trace: '0'.repeat(32) } as const;
    const count = await exportQuarantine(h.cell(), h.tenant(), by, out);
    expect(await facts('taxrefund.quarantine-shown')).toBe(before + count);
    const text = readFileSync(out, 'utf8');
    expect(text).toContain(`"'=HYPERLINK(""http://127.0.0.1/""&A1)"`);
    expect(text).toContain('"plain, ""text"""');
    expect(text.slice(1).match(/(?:^|,|\r\n)"[=+\-@\t]/g)).toBeNull();
    expect(statSync(out).mode & 0o077).toBe(0);
    await expect(exportQuarantine(h.cell(), h.tenant(), by, out)).rejects.toThrow('EEXIST');
  });
});
