import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { systemClock, type Tx } from '#kernel';
import { ensureMachine, signatureHeaders, type MachineKey } from '#spine/identity';
import { asSuperuser, house, somebody, type House, type Person, type SignedIn } from '#test';
import { eventsCheck } from './service/verify.ts';
import { ingest, type RawLine } from './service/ingest.ts';
import { quarantineList, quarantineReplay, quarantineShow } from './service/feed.ts';
import { StatusCache, cacheKey, viewYears, yearWire } from './service/view.ts';
import { zYearStatus, type YearStatus } from './contract.ts';

let h: House;
let key: MachineKey;
beforeAll(async () => {
  h = await house({ limits: false });
  key = await h.perform('india', (tx) => ensureMachine(tx, 'authority', ['taxrefund:feed']));
});
afterAll(() => h.stop());

const asFeed = { kind: 'system', name: 'test' } as const;
const line = (no: number, value: unknown): RawLine => ({ no, text: typeof value === 'string' ? value : JSON.stringify(value) });
const taxpayer = (p: Person): Record<string, unknown> => ({
  kind: 'taxpayer',
  identifier: p.identifier,
  dateOfBirth: p.dateOfBirth,
  phone: p.phone,
  name: p.name,
  language: 'en',
});
let serial = 0;
const event = (p: Person, code: string, over: Record<string, unknown> = {}): Record<string, unknown> => ({
  kind: 'event',
  identifier: p.identifier,
  year: 2026,
  returnNo: 1,
  source: 'cpc',
  sourceEventId: `t-${(serial += 1)}`,
  sourceVersion: 1,
  occurredAt: '2026-08-01T10:00:00Z',
  code,
  facts: {},
  ...over,
});
const take = (lines: readonly unknown[], tenant = 'india'): ReturnType<typeof ingest> =>
  h.perform(tenant, (tx) => ingest(tx.section, tx, 'test', lines.map((l, i) => line(i + 1, l))), asFeed);
const feed = (lines: readonly unknown[], signing = key, tenant = 'india') => {
  const ndjson = lines.map((l) => (typeof l === 'string' ? l : JSON.stringify(l))).join('\n');
  return h.request({
    tenant,
    path: '/api/tax-refunds/feed',
    ndjson,
    headers: signatureHeaders(signing, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime()),
  });
};
const view = (who: SignedIn, year = '2026', tenant = 'india') => h.request({ tenant, path: `/api/tax-refunds/${year}`, bearer: who.bearer });
const filed = { source: 'efiling', occurredAt: '2026-07-01T10:00:00Z', facts: { claimed: '1800000', formType: 'ITR-1' } };

async function filer(): Promise<{ person: Person; who: SignedIn }> {
  const person = somebody();
  const who = await h.signIn(person);
  await take([
    taxpayer(person),
    event(person, 'IN_FILED_UNVERIFIED', filed),
    event(person, 'IN_VERIFIED', { source: 'efiling', occurredAt: '2026-07-02T10:00:00Z' }),
  ]);
  return { person, who };
}

describe('a year', () => {
  it('shows what the events say, and leaves one fact for each view', async () => {
    const { who } = await filer();
    const before = await h.sql(
      'IN',
      'superuser',
    )<{ n: string }>(`select count(*) as n from audit.entry where action = 'taxrefund.viewed' and subject = '${who.person}'`);
    const answer = await view(who);
    expect(answer.status).toBe(200);
    expect(answer.json<{ returns: { code: string; amounts: { claimed: string } }[] }>().returns[0]).toMatchObject({
      code: 'IN_VERIFIED',
      amounts: { claimed: '1800000' },
    });
    const after = await h.sql(
      'IN',
      'superuser',
    )<{ n: string }>(`select count(*) as n from audit.entry where action = 'taxrefund.viewed' and subject = '${who.person}'`);
    expect(Number(after[0]?.n)).toBe(Number(before[0]?.n) + 1);
  });

  it('writes the wire text that its codec writes', async () => {
    const { person, who } = await filer();
    await take([
      event(person, 'IN_SENT_BANKER', { accountTail: '4821', facts: { computed: '1800000', interest: '45000', paid: '1845000', trackingNo: 'X1' } }),
    ]);
    const [outcome] = await h.perform('india', async (tx) =>
      viewYears(tx.section, [{ input: { params: { year: '2026' } }, actor: { kind: 'person', id: who.person, session: who.person }, trace: 't', atMs: 0 }]),
    );
    if (!outcome?.ok) throw new Error('no answer');
    const value: YearStatus = outcome.value;
    expect(value.returns[0]?.account).toBe('•••• 4821');
    expect(JSON.parse(yearWire(value))).toEqual(JSON.parse(JSON.stringify(z.encode(zYearStatus, value))));
  });

  it('answers the same 404 for a year without a return, whoever asks', async () => {
    const { who } = await filer();
    const none = await view(who, '2019');
    expect(none.status).toBe(404);
    expect(none.json()).toMatchObject({ type: '/problems/no-return' });
  });

  it('changes within two seconds of an event, from every cache', async () => {
    const { person, who } = await filer();
    await view(who);
    await take([event(person, 'IN_PROCESSING')]);
    let code = '';
    for (let tries = 0; tries < 40 && code !== 'IN_PROCESSING'; tries++) {
      await systemClock.sleep(50);
      code = (await view(who)).json<{ returns: { code: string }[] }>().returns[0]?.code ?? '';
    }
    expect(code).toBe('IN_PROCESSING');
  });

  it('keeps nothing readable about the person in the cache', async () => {
    const { person, who } = await filer();
    await take([event(person, 'IN_SENT_BANKER', { accountTail: '7391', facts: { paid: '1800000' } })]);
    const inCache = () => h.cell().use(StatusCache).kept(cacheKey(h.tenant().id, who.person, 2026));
    // What was read before this process heard of the event is not kept: the next look is.
    for (let tries = 0; tries < 40 && inCache() === undefined; tries++) await view(who);
    const kept = inCache();
    const text = JSON.stringify(kept, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v));
    expect(kept).toBeDefined();
    // By itself: the same four digits may stand inside an id.
    expect(text).not.toMatch(/(?<![0-9a-f])7391(?![0-9a-f])/);
    for (const secret of [person.name, person.identifier, person.phone]) expect(text).not.toContain(secret);
  });

  it('is not another person’s, another office’s, or a machine’s', async () => {
    const { who } = await filer();
    expect((await h.request({ tenant: 'other', path: '/api/tax-refunds/2026', bearer: who.bearer })).status).toBe(401);
    expect((await h.request({ path: '/api/tax-refunds/2026' })).status).toBe(401);
    const byMachine = signatureHeaders(key, 'GET /api/tax-refunds/2026', '', systemClock.now().getTime());
    expect((await h.request({ path: '/api/tax-refunds/2026', headers: byMachine })).status).toBe(403);
  });
});

describe('a feed', () => {
  it('changes nothing when it comes again', async () => {
    const person = somebody();
    const lines = [taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', filed), event(person, 'IN_VERIFIED')];
    expect((await take(lines)).counts).toEqual({ lines: 3, taxpayers: 1, accepted: 2, duplicates: 0, quarantined: 0 });
    expect((await take(lines)).counts).toEqual({ lines: 3, taxpayers: 1, accepted: 0, duplicates: 2, quarantined: 0 });
  });

  it('takes a line that stands twice in one batch once', async () => {
    const person = somebody();
    const filing = event(person, 'IN_FILED_UNVERIFIED', filed);
    expect((await take([taxpayer(person), filing, filing])).counts).toMatchObject({ accepted: 1, duplicates: 1 });
  });

  it('lands late and unordered events where they belong', async () => {
    const { person, who } = await filer();
    await take([event(person, 'IN_REFUND_DETERMINED', { occurredAt: '2026-08-10T10:00:00Z', facts: { computed: '1800000' } })]);
    await take([event(person, 'IN_PROCESSING', { occurredAt: '2026-08-05T10:00:00Z' })]);
    await h.settle();
    const shown = (await view(who)).json<{ returns: { code: string; timeline: { code: string }[] }[] }>().returns[0];
    expect(shown?.code).toBe('IN_REFUND_DETERMINED');
    expect(shown?.timeline.map((t) => t.code)).toEqual(['IN_FILED_UNVERIFIED', 'IN_VERIFIED', 'IN_PROCESSING', 'IN_REFUND_DETERMINED']);
  });

  it('sets aside each line that it cannot take, with its reason, and goes on', async () => {
    const person = somebody();
    const known = event(person, 'IN_FILED_UNVERIFIED', filed);
    const result = await take([
      taxpayer(person),
      known,
      '{"kind":"event"',
      { kind: 'event' },
      event(somebody(), 'IN_VERIFIED'),
      event(person, 'IN_NO_SUCH'),
      { ...known, code: 'IN_VERIFIED' },
      event({ ...person, identifier: '12' } as Person, 'IN_VERIFIED'),
      `{"x":"${'y'.repeat(20_000)}"}`,
      JSON.stringify(event(person, 'IN_VERIFIED', { facts: { claimed: 1 } })).replace('"claimed":1', '"claimed":9007199254740993'),
      event(person, 'IN_VERIFIED', { occurredAt: '2020-01-01T00:00:00Z' }),
      event(person, 'IN_VERIFIED'),
    ]);
    expect(result.counts).toEqual({ lines: 12, taxpayers: 1, accepted: 2, duplicates: 0, quarantined: 9 });
    expect(new Map(result.quarantined.map((q) => [q.line, q.reason]))).toEqual(
      new Map([
        [3, 'malformed'],
        [4, 'malformed'],
        [5, 'unknown_person'],
        [6, 'unknown_code'],
        [7, 'contradiction'],
        [8, 'malformed'],
        [9, 'too_long'],
        [10, 'malformed'],
        [11, 'before_filing'],
      ]),
    );
  });

  it('is taken only with a signature over its own bytes by a machine that may', async () => {
    const person = somebody();
    expect((await feed([taxpayer(person)])).status).toBe(200);
    expect((await feed([taxpayer(person)], { ...key, secret: Buffer.alloc(32).toString('base64url') })).status).toBe(401);
    expect((await feed([taxpayer(person)], key, 'other')).status).toBe(401);
    const weak = await h.perform('india', (tx) => ensureMachine(tx, 'weak', ['other:thing']));
    expect((await feed([taxpayer(person)], weak)).status).toBe(403);
    const ndjson = JSON.stringify(taxpayer(person));
    const old = signatureHeaders(key, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime() - 3_600_000);
    expect((await h.request({ path: '/api/tax-refunds/feed', ndjson, headers: old })).status).toBe(401);
    const moved = signatureHeaders(key, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime());
    expect((await h.request({ path: '/api/tax-refunds/feed', ndjson: `${ndjson}\n`, headers: moved })).status).toBe(401);
  });

  it('refuses bytes that are no text and more lines than it takes', async () => {
    const sign = (body: Buffer): Record<string, string> => ({
      'content-type': 'application/x-ndjson',
      ...signatureHeaders(key, 'POST /api/tax-refunds/feed', body, systemClock.now().getTime()),
    });
    const bytes = Buffer.from([0xff, 0xfe, 0x00]);
    expect((await h.request({ path: '/api/tax-refunds/feed', body: bytes, headers: sign(bytes) })).status).toBe(400);
    const many = Buffer.from('{}\n'.repeat(501));
    expect((await h.request({ path: '/api/tax-refunds/feed', body: many, headers: sign(many) })).status).toBe(413);
  });

  it('leaves no identifier, name, phone or account in clear anywhere', async () => {
    const person = somebody();
    await take([
      taxpayer(person),
      event(person, 'IN_FILED_UNVERIFIED', filed),
      event(person, 'IN_NO_SUCH', { accountTail: '5518' }),
      `{"broken":"${person.identifier}`,
    ]);
    await h.settle();
    expect(await h.findSecrets({ identifier: person.identifier, name: person.name, phone: person.phone })).toEqual([]);
  });

  it('takes batches that begin the same returns at once, in whatever order, each event once and each return one', async () => {
    const people = Array.from({ length: 5 }, () => somebody());
    await take(people.map((p) => taxpayer(p)));
    const batch = (i: number): unknown[] => people.map((p) => event(p, 'IN_FILED_UNVERIFIED', { ...filed, occurredAt: `2026-07-0${i + 1}T10:00:00Z` }));
    const taken = await Promise.all(Array.from({ length: 8 }, (_, i) => take(i % 2 ? batch(i) : batch(i).toReversed())));
    expect(taken.map((t) => t.counts.accepted)).toEqual(Array.from({ length: 8 }, () => 5));
    const persons = await Promise.all(people.map(async (p) => (await h.signIn(p)).person));
    expect(await h.sql('IN', 'superuser')(`select r.events, count(e.id)::int as found from taxrefund.refund r join taxrefund.event e on e.refund = r.id
      where r.person in (${persons.map((p) => `'${p}'`).join()}) group by r.id, r.events`)).toEqual(people.map(() => ({ events: 8, found: 8 })));
  });
  it('takes two batches about one return at once without losing either', async () => {
    const { person, who } = await filer();
    await Promise.all(Array.from({ length: 8 }, (_, i) => take([event(person, 'IN_PROCESSING', { occurredAt: `2026-08-0${i + 1}T10:00:00Z` })])));
    const [row] = await h.sql('IN', 'superuser')<{ events: number; found: bigint }>(
      `select r.events, (select count(*) from taxrefund.event e where e.refund = r.id) as found from taxrefund.refund r where r.person = '${who.person}'`);
    expect(row).toEqual({ events: 10, found: 10n });
  });
});

describe('quarantine', () => {
  it('shows a line only to an audited look, and takes it again when it can be taken', async () => {
    const person = somebody();
    await take([event(person, 'IN_FILED_UNVERIFIED', filed)]);
    const open = await h.perform('india', (tx: Tx) => quarantineList(tx, 1000));
    const mine = open.filter((q) => q.reason === 'unknown_person').at(-1);
    const shown = await h.perform('india', (tx) => quarantineShow(tx, mine?.id as never));
    expect(shown?.text).toContain(person.identifier);
    await take([taxpayer(person)]);
    expect(await h.perform('india', (tx) => quarantineReplay(tx, mine?.id as never))).toMatchObject({ counts: { accepted: 1 }, reason: undefined });
    expect(await h.perform('india', (tx) => quarantineReplay(tx, mine?.id as never))).toBeUndefined();
    const facts = await h.sql('IN', 'superuser')<{ action: string }>(`select action from audit.entry where resource = 'quarantine ${mine?.id}' order by seq`);
    expect(facts.map((f) => f.action)).toEqual(['taxrefund.quarantine-shown', 'taxrefund.quarantine-replayed']);
  });

  it('is not another office’s', async () => {
    await take([event(somebody(), 'IN_VERIFIED')]);
    expect(await h.perform('other', (tx) => quarantineList(tx, 1000))).toEqual([]);
  });
});

describe('the log of events', () => {
  it('is final for the program and for its owner', async () => {
    await expect(h.sql('IN', 'app')('delete from taxrefund.event')).rejects.toThrow(/permission denied/);
    await expect(h.sql('IN', 'owner')('delete from taxrefund.event')).rejects.toThrow(/never changed/);
  });

  it('is found out when one byte of it was changed, or one row removed', async () => {
    const person = somebody();
    await take([taxpayer(person), event(person, 'IN_FILED_UNVERIFIED', { ...filed, sourceEventId: 'tampered-1' })]);
    const check = () => eventsCheck.run({ cell: h.cell(), tenant: h.tenant() });
    expect(await check()).toEqual([]);
    const tamper = (statement: string): Promise<unknown> =>
      asSuperuser(h.connections[0]?.database ?? '', (client) => client.query(`set session_replication_role = replica; ${statement}`));
    await tamper("update taxrefund.event set facts = replace(facts, '1800000', '9800000') where source_event_id = 'tampered-1'");
    expect((await check())[0]).toMatch(/^changed: event/);
    await tamper("update taxrefund.event set facts = replace(facts, '9800000', '1800000') where source_event_id = 'tampered-1'");
    expect(await check()).toEqual([]);
    await tamper("delete from taxrefund.event where source_event_id = 'tampered-1'");
    expect((await check())[0]).toMatch(/^missing: event/);
  });
});
