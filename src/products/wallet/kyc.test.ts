import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { newTrace, systemRandom, type Authenticator } from '#kernel';
import { house, importSanctions, machineByHeader, probe, somebody, wallets, type Answer, type House, type SignedIn, type Wallets } from '#test';
import { beginsAs, likeness, nameScore, plainName, soundKeys } from './rules.ts';

const operatorByHeader: Authenticator = {
  name: 'kyc.operator',
  authenticate: (_, { headers }) => (typeof headers['x-operator'] === 'string'
    ? { actor: { kind: 'operator', id: headers['x-operator'] as never, permissions: ['wallet:kyc'] }, bySecret: 'header' } : undefined),
};
let h: House, w: Wallets;
beforeAll(async () => {
  h = await house({ add: [probe({ authenticators: [machineByHeader, operatorByHeader] })], limits: false });
  w = wallets(h);
});
afterAll(() => h.stop());

const [one, two, three] = ['1', '2', '3'].map((n) => n.repeat(32)) as [string, string, string];
const office = (operator: string, path: string, json?: unknown): Promise<Answer> =>
  h.request({ path: `/api/wallet/office${path}`, headers: { 'x-operator': operator }, ...(json === undefined ? {} : { json }) });
const png = (text: string): Buffer => Buffer.concat([Buffer.from('89504e470d0a1a0a', 'hex'), Buffer.from(text)]);
const upload = (who: SignedIn, bytes: Buffer, more: Record<string, unknown> = {}): Promise<Answer> =>
  w.post(who, '/wallet/kyc/documents', { kind: 'identity', type: 'image/png', data: bytes.toString('base64'), ...more });
type Case = `wkyc_${string}`;
interface Kyc { tier: number; case: { case: Case; state: string; reason: string | null; documents: { document: string; kind: string }[] } | null }
const kycOf = async (who: SignedIn): Promise<Kyc> => (await w.get(who, '/wallet/kyc')).json<Kyc>();
const type = (a: Answer): string => a.json<{ type: string }>().type.replace('/problems/', '');
const files = (folder: string): string[] => readdirSync(folder, { recursive: true, withFileTypes: true }).filter((f) => f.isFile())
  .map((f) => join(f.parentPath, f.name));
/** A case with one document, of a person with a name of their own. */
async function sent(name = 'Kamala Devi'): Promise<{ who: SignedIn; id: Case; document: string; bytes: Buffer }> {
  const who = await h.signIn({ ...somebody(), name });
  await w.post(who, '/wallet/accounts', { currency: 'INR' });
  const bytes = png(`paper of ${systemRandom.bytes(8).toString('hex')}`);
  const made = (await upload(who, bytes)).json<Kyc>();
  return { who, id: made.case?.case as Case, document: made.case?.documents[0]?.document as string, bytes };
}
const decide = (operator: string, id: string, verdict: string, reason?: string): Promise<Answer> =>
  office(operator, `/kyc/${id}/decision`, { verdict, ...(reason ? { reason } : {}) });

describe('a document', () => {
  it('is kept sealed outside the database, and given out as it was sent, audited', async () => {
    const { id, document, bytes } = await sent();
    const stored = files(join(h.folder, 'objects'));
    expect(stored.length).toBeGreaterThan(0);
    for (const path of stored) {
      expect(readFileSync(path, 'latin1')).toMatch(/^ENC:v1:sub:/);
      expect(statSync(path).mode & 0o077).toBe(0);
    }
    expect(await h.findSecrets({ paper: bytes.subarray(8).toString() })).toEqual([]);
    expect((await office(one, `/kyc/${id}`)).json()).toMatchObject({ state: 'open', name: 'Kamala Devi', papers: [{ document, kind: 'identity' }] });
    const file = await h.request({ path: `/wallet/office/documents/${document}`, headers: { 'x-operator': one } });
    expect([file.status, file.headers['content-type'], file.headers['content-disposition']])
      .toEqual([200, 'image/png', `attachment; filename="${document.replace('_', '-')}.png"`]);
    expect(createHash('sha256').update(file.bytes).digest('hex')).toBe(createHash('sha256').update(bytes).digest('hex'));
    const facts = await h.sql('IN', 'superuser')('select 1 from audit.entry where action = $1 and resource = $2', ['wallet.document-viewed', document]);
    expect(facts).toHaveLength(1);
  });
  it('of the same content is one document and one object, however often it is sent', async () => {
    const { who, bytes } = await sent();
    const before = files(join(h.folder, 'objects')).length;
    const answers = await Promise.all([1, 2, 3].map(() => upload(who, bytes)));
    expect(answers.map((a) => a.status)).toEqual([201, 201, 201]);
    expect([(await kycOf(who)).case?.documents.length, files(join(h.folder, 'objects')).length]).toEqual([1, before]);
    const key = 'one-key-for-the-document';
    const again = (): Promise<Answer> => h.request({ path: '/api/wallet/kyc/documents', bearer: who.bearer, idempotencyKey: key,
      json: { kind: 'address', type: 'image/png', data: png('another').toString('base64') } });
    const [first, second] = [await again(), await again()];
    expect([first.status, second.status, second.headers['idempotency-replayed'], second.text === first.text]).toEqual([201, 201, 'true', true]);
  });
  it('that is none is refused, and nothing is kept', async () => {
    const { who } = await sent();
    const before = files(join(h.folder, 'objects')).length;
    for (const [bytes, more] of [[Buffer.from('<html>'), {}], [png('x'), { type: 'application/pdf' }], [Buffer.alloc(0), {}],
      [Buffer.concat([png(''), Buffer.alloc(5 * 1024 * 1024)]), {}]] as const) {
      const answer = await upload(who, bytes, more);
      expect([answer.status, type(answer)]).toEqual([422, 'document-wrong']);
    }
    expect((await upload(who, png('x'), { type: 'text/html' })).status).toBe(422);
    expect((await upload(who, Buffer.alloc(8 * 1024 * 1024))).status).toBe(413);
    for (let i = 0; i < 9; i++) expect((await upload(who, png(String(i)))).status).toBe(201);
    expect(type(await upload(who, png('one too many')))).toBe('documents-used');
    expect((await kycOf(who)).case?.documents).toHaveLength(10);
    expect(files(join(h.folder, 'objects')).length).toBeGreaterThan(before);
  });
  it('is sent by a form with a file, without script', async () => {
    const browser = h.browser();
    const who = await h.signIn();
    Object.assign(browser.cookies, who.cookies);
    await browser.open('/wallet/kyc');
    const form = new FormData();
    for (const [name, value] of Object.entries({ ...browser.hidden('/wallet/kyc'), kind: 'address' })) form.set(name, value);
    form.set('file', new File([new Uint8Array(png('from a form'))], 'paper.png', { type: 'image/png' }));
    const request = new Request('http://form', { method: 'POST', body: form });
    const body = Buffer.from(await request.arrayBuffer());
    const ask = (cookies: Record<string, string>, sent: Buffer): Promise<Answer> => h.request({
      method: 'POST', path: '/wallet/kyc', body: sent, cookies, headers: {
      'content-type': request.headers.get('content-type') as string, 'sec-fetch-site': 'same-origin', accept: 'text/html',
      },
    });
    expect([(await ask(browser.cookies, body)).status, (await ask(browser.cookies, body)).status]).toEqual([303, 303]);
    expect((await kycOf(who)).case?.documents.map((d) => d.kind)).toEqual(['address']);
    // Another session's token, a cut body and a form without a file.
    expect((await ask((await h.signIn()).cookies, body)).status).toBe(403);
    expect((await ask(browser.cookies, body.subarray(0, body.length >> 1))).status).toBe(400);
    await browser.open('/wallet/kyc');
    const without = await browser.submit('/wallet/kyc', { kind: 'address' });
    expect([without.status, without.text.includes('aria-invalid="true"')]).toEqual([422, true]);
  });
});

describe('a case', () => {
  it('is approved by two different operators, and raises what may be sent', async () => {
    const { who, id } = await sent();
    expect((await decide(one, id, 'approve')).json()).toMatchObject({ state: 'open', approvals: 1 });
    expect(type(await decide(one, id, 'approve'))).toBe('same-operator');
    expect(type(await decide(one, id, 'refuse', 'other'))).toBe('same-operator');
    const machine = await h.request({
      path: `/api/wallet/office/kyc/${id}/decision`, json: { verdict: 'approve' }, headers: { 'x-probe-machine': 'wallet:kyc' },
    });
    expect([machine.status, type(machine)]).toEqual([403, 'operator-needed']);
    expect((await kycOf(who)).tier).toBe(1);
    expect((await decide(two, id, 'approve')).json()).toMatchObject({ state: 'approved', approvals: 2, votes: [{ operator: one }, { operator: two }] });
    expect(type(await decide(three, id, 'refuse', 'other'))).toBe('case-decided');
    expect(await kycOf(who)).toMatchObject({ tier: 2, case: { state: 'approved' } });
    expect((await w.get(who, '/wallet/limits')).json()).toMatchObject({ tier: 2 });
    expect(type(await upload(who, png('more')))).toBe('known-already');
  });
  it('of two operators at the same moment is decided once each', async () => {
    const { id } = await sent();
    const answers = await Promise.all([decide(one, id, 'approve'), decide(two, id, 'approve'), decide(one, id, 'approve'), decide(two, id, 'approve')]);
    expect(answers.filter((a) => a.status === 200)).toHaveLength(2);
    expect((await office(three, `/kyc/${id}`)).json()).toMatchObject({ state: 'approved', approvals: 2 });
  });
  it('is refused by one, with a reason, and another may be opened', async () => {
    const { who, id } = await sent();
    expect(type(await decide(one, id, 'refuse'))).toBe('reason-missing');
    expect((await decide(one, id, 'refuse', 'unreadable')).json()).toMatchObject({ state: 'refused', reason: 'unreadable' });
    expect(await kycOf(who)).toMatchObject({ tier: 1, case: { state: 'refused', reason: 'unreadable' } });
    expect((await h.request({ path: '/wallet/kyc', cookies: who.cookies })).text).toContain('it could not be read');
    expect((await upload(who, png('better'))).json()).toMatchObject({ case: { state: 'open' } });
  });
  it('stands in the queue without a name, and is nobody’s who has no permission', async () => {
    const { who, id } = await sent('Rare Name Of Queue');
    const listed = await office(one, '/kyc');
    expect(listed.json<{ cases: { case: string }[] }>().cases.map((c) => c.case)).toContain(id);
    expect(listed.text).not.toContain('Rare Name');
    expect((await w.get(who, '/wallet/office/kyc')).status).toBe(403);
    expect(type(await office(one, `/kyc/wkyc_${'0'.repeat(32)}`))).toBe('unknown-case');
    expect((await h.request({ path: '/wallet/office/documents/wdoc_' + '0'.repeat(32), headers: { 'x-operator': one } })).status).toBe(404);
  });
});

describe('the sanctions list', () => {
  const imported = (rows: string[]): Promise<{ entries: number; gone: number }> => {
    const file = join(h.folder, 'list.csv');
    writeFileSync(file, `\ufeffid,schema,name,aliases,birth_date\n${rows.join('\n')}\n`);
    return importSanctions(h.cell(), h.tenant(), { actor: { kind: 'system', name: 'test' }, trace: newTrace() }, file);
  };
  interface Hit { hit: string; person: string; score: number; entry: string }
  const open = async (): Promise<Hit[]> => (await office(one, '/hits')).json<{ hits: Hit[] }>().hits;
  it('flags new accounts and holders that are there, and blocks their approval until somebody decided', async () => {
    const before = await sent('Zoltan Qadirov');
    const rows = ['Q1,Person,"Qadirov, Zoltán Imre",Z. Kadirov;Zoltan Kadyrov,', 'Q2,Person,Somebody Else,,', 'Q3,Person,Mr Absolutely Different,,1980'];
    expect(await imported(rows)).toEqual({ entries: 3, gone: 0 });
    const after = await sent('Zoltan Qadirow');
    const hits = await open();
    expect(hits.map((x) => `${x.person} ${x.entry}`).toSorted()).toEqual([`${before.who.person} Q1`, `${after.who.person} Q1`].toSorted());
    await h.settle();
    const alerts = await h.sql('IN', 'superuser')<{ key: string }>("select key from alerts.alert where topic = 'wallet.hit-found' and closed_at is null");
    expect(alerts.map((a) => `whit_${a.key}`).toSorted()).toEqual(hits.map((x) => x.hit).toSorted());
    for (const { id } of [before, after]) expect((await decide(one, id, 'approve')).json()).toMatchObject({ type: '/problems/sanctions-open', hits: 1 });
    const [of, other] = [hits.find((x) => x.person === before.who.person), hits.find((x) => x.person === after.who.person)] as [Hit, Hit];
    expect((await office(one, `/hits/${of.hit}/decision`, { verdict: 'cleared' })).status).toBe(200);
    expect(type(await office(two, `/hits/${of.hit}/decision`, { verdict: 'confirmed' }))).toBe('case-decided');
    expect((await office(one, `/hits/${other.hit}/decision`, { verdict: 'confirmed' })).status).toBe(200);
    expect((await decide(one, before.id, 'approve')).status).toBe(200);
    expect((await decide(two, before.id, 'approve')).json()).toMatchObject({ state: 'approved' });
    expect(type(await decide(one, after.id, 'approve'))).toBe('sanctions-open');
    expect((await decide(one, after.id, 'refuse', 'other')).json()).toMatchObject({ state: 'refused' });
  });
  it('takes the place of the one before; what was decided stays decided', async () => {
    expect(await imported(['Q1,Person,Zoltan Qadirov,,', 'Q4,Person,New One,,'])).toEqual({ entries: 2, gone: 2 });
    expect(await open()).toEqual([]);
    expect((await h.sql('IN', 'superuser')('select 1 from wallet.sanctioned_name')).length).toBe(2);
    await expect(imported([])).rejects.toThrow('holds no entries');
    await expect(imported(['Q9,Person,Too,Few'])).rejects.toThrow('is no CSV as it should be');
    expect((await h.sql('IN', 'superuser')('select 1 from wallet.sanctioned')).length).toBe(2);
  });
});

describe('the likeness of names', () => {
  it('is Jaro–Winkler’s', () => {
    for (const [a, b, score] of [['martha', 'marhta', 0.9611], ['dixon', 'dicksonx', 0.8133], ['dwayne', 'duane', 0.84], ['abc', 'xyz', 0], ['', 'a', 0],
      ['same', 'same', 1]] as const) {
      expect(likeness(a, b), `${a} ${b}`).toBeCloseTo(score, 4);
      expect(likeness(b, a), `${b} ${a}`).toBeCloseTo(score, 4);
    }
  });
  const like = (a: string, b: string, x?: string, y?: string): boolean => nameScore(plainName(a), plainName(b), x, y) >= 900;
  it('sees through order, accents, titles, spelling and a middle name', () => {
    for (const [a, b] of [['Zoltan Kadirov', 'KADIROV, Zoltán'], ['Mohammed Al Rashid', 'Muhammad al-Rashid'], ['Dr. Anna Maria Lopez', 'Anna Lopez'],
      ['José Pérez', 'Jose Peres']] as const) {
      expect(like(a, b), `${a} ${b}`).toBe(true);
      expect(soundKeys(plainName(a)).some((k) => soundKeys(plainName(b)).includes(k)), `${a} ${b}`).toBe(true);
    }
  });
  it('keeps others apart, and birth dates weigh', () => {
    for (const [a, b] of [['Asha Rao', 'Ravi Kumar'], ['Anna Lopez', 'Anna Ivanova'], ['Anna', 'Anna Maria Lopez Garcia'], ['', 'Anna'],
      ['John Smith', 'Jane Smythe']] as const) expect(like(a, b), `${a} ${b}`).toBe(false);
    const dated = (birth?: string): boolean => like('Anna Lopez', 'Ana Lopes', '1980-01-01', birth);
    expect([dated(), dated('1950-05-05'), dated('1980')]).toEqual([true, false, true]);
  });
  it('knows files by how they begin', () => {
    expect([beginsAs('image/png', png('x')), beginsAs('image/jpeg', png('x')), beginsAs('image/jpeg', Buffer.from('ffd8ffe0', 'hex')),
      beginsAs('application/pdf', Buffer.from('%PDF-1.7')), beginsAs('text/html', Buffer.from('<'))]).toEqual([true, false, true, true, false]);
  });
});
