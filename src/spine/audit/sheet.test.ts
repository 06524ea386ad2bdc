import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, operatorOf, somebody, type House } from '#test';
import { systemClock, type FactDraft, type Uuid } from '#kernel';
import { BACK_FACTS_MAX, SEQUENCE_BATCH_MAX, SHEET_FACTS_MAX, SHEET_FACTS_MIN, SHEET_NUMBERS } from './contract.ts';
import { doneBefore, eachFact, factsOfTrace, keepHead, sequence, verifyChain, type FactPlace, type Violation } from './index.ts';

let h: House;
let asha: Uuid;
let ravi: Uuid;
beforeAll(async () => {
  h = await house({ limits: false, serve: ['IN'] });
  [asha, ravi] = [await h.enrol(somebody()), await h.enrol(somebody())];
});
afterAll(() => h.stop());

const su = (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => h.sql('IN', 'superuser')(text, values);
const fact = (resource: string | undefined, more: Partial<FactDraft> = {}): FactDraft =>
  ({ action: 'probe.fact', result: 'done', ...(resource === undefined ? {} : { resource }), ...more });
/** Writes facts in one transaction. */
const write = (facts: readonly FactDraft[], slug = 'india'): Promise<void> => h.perform(slug, async (tx) => { for (const f of facts) tx.audit(f); });
const chain = async (): Promise<void> => {
  while (await sequence(h.cell(), { clock: systemClock })) { /* until nothing is left */ }
};
const tamper = async (...statements: string[]): Promise<void> => {
  await su(['set session_replication_role = replica', ...statements, 'set session_replication_role = origin'].join(';'));
};
const found = async (): Promise<Violation | undefined> => {
  const answer = await verifyChain(h.cell());
  return 'violation' in answer ? answer.violation : undefined;
};
const many = (name: string, n: number): FactDraft[] => Array.from({ length: n }, (_, i) => fact(`${name}-${i + 1}`, { detail: { i } }));
const rows = (name: string): Promise<Record<string, unknown>[]> =>
  su("select e.*, exists (select 1 from audit.fact f where f.id = e.id) as own from audit.entry e where resource ~ $1 order by seq", [`^${name}-`]);

describe('facts of one transaction', () => {
  it('are rows of their own where they are few, and share one where they are many', async () => {
    await write(many('few', SHEET_FACTS_MIN - 1));
    await write(many('many', SHEET_FACTS_MIN));
    expect((await rows('few')).map((r) => r.own)).toEqual(Array.from({ length: SHEET_FACTS_MIN - 1 }, () => true));
    const shared = await rows('many');
    expect(shared.map((r) => r.own)).toEqual(Array.from({ length: SHEET_FACTS_MIN }, () => false));
    const base = shared[0]?.seq as bigint;
    expect(Number(base) % SHEET_NUMBERS).toBe(0);
    expect(shared.map((r) => r.seq)).toEqual(shared.map((_, i) => base + BigInt(i)));
  });
  it('say in a sheet what they would say in rows of their own', async () => {
    const drafts = (name: string): FactDraft[] => [
      fact(`${name}-plain`), fact(`${name}-नमस्ते 🙂 "ü" \\`, { detail: { 'नम': 'a\nb\u001fc\u0000', n: 1, yes: true, none: null } }),
      fact(`${name}-about`, { subject: asha }), fact(`${name}-refused`, { result: 'refused', problem: 'not-found', latencyUs: 12.6 }),
    ];
    await write(drafts('own'));
    await write([...drafts('shared'), ...many('filler', SHEET_FACTS_MIN)]);
    const [own, shared] = [await rows('own'), await rows('shared')];
    expect(own.map((r) => r.own)).toEqual([true, true, true, true]);
    expect(shared.map((r) => r.own)).toEqual([false, false, false, false]);
    const told = (of: Record<string, unknown>[], name: string): unknown[] => of.map(({ id, seq, at, own: alone, resource, ...r }) => {
      expect([typeof id, typeof seq, at instanceof Date, typeof alone]).toEqual(['string', 'bigint', true, 'boolean']);
      return { ...r, resource: String(resource).replace(name, '') };
    });
    expect(told(shared, 'shared')).toEqual(told(own, 'own'));
    expect(own[1]?.detail).toBe('{"नम":"a\\nb\\u001fc\\u0000","n":1,"yes":true,"none":null}');
  });
  it('whose resource would end a line or a field, or is empty, are rows of their own', async () => {
    for (const resource of ['line\nend', 'field\u001fend', '']) {
      await write([...many('odd', SHEET_FACTS_MIN), fact(resource, { action: 'probe.odd' })]);
      expect(await su('select 1 from audit.fact where action = $1 and resource = $2', ['probe.odd', resource])).toHaveLength(1);
    }
    expect((await rows('odd')).every((r) => r.own)).toBe(true);
  });
  it('are as many a sheet as a step of the sequencer takes, and the next sheet goes on', async () => {
    await write(many('crowd', SHEET_FACTS_MAX + SHEET_FACTS_MIN));
    expect(await su("select n from audit.sheet where strpos(facts, 'crowd-') > 0 order by seq")).toEqual([{ n: SHEET_FACTS_MAX }, { n: SHEET_FACTS_MIN }]);
    await chain();
    expect(await found()).toBeUndefined();
  });
  it('can be written but not changed by app, nor by the owner; another office sees none of them', async () => {
    await write(many('final', SHEET_FACTS_MIN), 'other');
    const app = h.sql('IN', 'app');
    for (const verb of ["update audit.sheet set facts = 'x'", 'delete from audit.sheet', 'truncate audit.sheet']) {
      await expect(app(verb, [], { tenant: h.tenant().id }), verb).rejects.toMatchObject({ code: '42501' });
      await expect(h.sql('IN', 'owner')(verb), verb).rejects.toThrow(/never changed/);
      await expect(su(verb), verb).rejects.toThrow(/never changed/);
    }
    const seen = async (slug: string): Promise<unknown> =>
      (await app("select count(*)::int as n from audit.entry where resource ~ '^final-'", [], { tenant: h.tenant(slug).id }))[0]?.n;
    expect([await seen('india'), await seen('other')]).toEqual([0, SHEET_FACTS_MIN]);
  });
});

describe('facts are found in sheets as in rows', () => {
  it('by person, by its index, of the person’s office alone', async () => {
    await write([...many('sought', SHEET_FACTS_MIN), fact('about-ravi-1', { subject: ravi })]);
    await write([fact('about-ravi-2', { subject: ravi }), fact('about-asha', { subject: asha })]);
    await write([...many('sought', SHEET_FACTS_MIN), fact('about-ravi-3', { subject: ravi }), fact('about-ravi-4', { subject: ravi })]);
    const app = h.sql('IN', 'app');
    const about = async (slug: string): Promise<number> =>
      (await app('select audit.sheets_about($1, 4611686018427387904)', [ravi], { tenant: h.tenant(slug).id })).length;
    expect([await about('india'), await about('other')]).toEqual([2, 0]);
    const { cookies } = await operatorOf(h, 'auditor');
    const page = async (query: Record<string, string>): Promise<{ facts: { resource: string | null; seq: string }[]; next: string | null }> => {
      const answer = await h.request({ path: `/api/audit/facts?${new URLSearchParams(query).toString()}`, cookies });
      expect(answer.status).toBe(200);
      return answer.json();
    };
    const all = await page({ subject: ravi, purpose: 'review', action: 'probe.fact' });
    expect(all.facts.map((f) => f.resource)).toEqual([4, 3, 2, 1].map((n) => `about-ravi-${n}`));
    const rest = await page({ subject: ravi, purpose: 'review', action: 'probe.fact', cursor: (all.facts[0] as { seq: string }).seq });
    expect(rest.facts.map((f) => f.resource)).toEqual([3, 2, 1].map((n) => `about-ravi-${n}`));
  });
  it('by person page by page, also where a page ends within a sheet: each once, newest first', async () => {
    const meera = await h.enrol(somebody());
    for (const [n, name] of [[3, 'row'], [130, 'sheet'], [2, 'row'], [130, 'sheet']] as const) {
      await write(many(`paged-${name}`, n).map((f) => ({ ...f, action: 'probe.paged', subject: meera })));
    }
    const { cookies } = await operatorOf(h, 'auditor');
    const found: string[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const query = new URLSearchParams({ subject: meera, purpose: 'review', ...(cursor === undefined ? {} : { cursor }) });
      const page: { facts: { seq: string; action: string }[]; next: string | null } =
        (await h.request({ path: `/api/audit/facts?${query.toString()}`, cookies })).json();
      found.push(...page.facts.filter((f) => f.action === 'probe.paged').map((f) => f.seq));
      cursor = page.next;
    }
    expect([found.length, new Set(found).size]).toEqual([265, 265]);
    expect(found).toEqual(found.toSorted((a, b) => Number(b) - Number(a)));
  });
  it('all of them, by whichever way they are walked: page by page, back in time, one action after its numbers', async () => {
    for (let i = 0; i < 30; i++) await write(many(`walked-${i}`, i % 3 ? SHEET_FACTS_MIN + i % 2 : 2));
    const own = await su("select seq, action from audit.entry where tenant = $1 order by seq", [h.tenant().id]);
    const last = own.at(-1)?.seq as bigint;
    const ours = own.filter((r) => r.action === 'probe.fact').map((r) => r.seq as bigint);
    expect(ours.length).toBeGreaterThan(Math.max(BACK_FACTS_MAX, SHEET_FACTS_MAX));
    const { cookies } = await operatorOf(h, 'auditor');
    const paged: bigint[] = [];
    for (let cursor: string | null | undefined; cursor !== null;) {
      const page: { facts: { seq: string }[]; next: string | null } =
        (await h.request({ path: `/api/audit/facts${cursor === undefined ? '' : `?cursor=${cursor}`}`, cookies })).json();
      paged.push(...page.facts.map((f) => BigInt(f.seq)).filter((seq) => seq <= last));
      cursor = page.next;
    }
    expect(paged.toReversed()).toEqual(own.map((r) => r.seq));
    const read: bigint[] = [];
    await eachFact(h.cell(), h.tenant(), 'probe.fact', async (facts) => { read.push(...facts.map((f) => f.seq)); });
    expect(read).toEqual(ours);
    const back: bigint[] = [];
    await h.perform('india', async (tx) => {
      for (let place: FactPlace | null = { at: tx.now, seq: 2n ** 62n }; place;) {
        const page: Awaited<ReturnType<typeof doneBefore>> = await doneBefore(tx, 'probe.fact', new Date(0), place);
        back.push(...page.facts.map((f) => f.seq));
        place = page.next;
      }
    });
    const done = await su("select seq from audit.entry where tenant = $1 and action = 'probe.fact' and result = 'done' order by at, seq", [h.tenant().id]);
    expect(back.toReversed()).toEqual(done.map((r) => r.seq));
  });
  it('of one action in the order of their numbers, and of one request', async () => {
    const before = (await su('select greatest((select max(seq) from audit.fact), (select max(seq) from audit.sheet)) as seq'))[0]?.seq as bigint;
    for (let i = 0; i < 3; i++) {
      await write(many(`mixed-${i}`, SHEET_FACTS_MIN).map((f) => ({ ...f, action: 'probe.mixed' })));
      await write([fact(`mixed-${i}-own`, { action: 'probe.mixed' })]);
    }
    const read: bigint[] = [];
    await eachFact(h.cell(), h.tenant(), 'probe.mixed', async (facts) => { read.push(...facts.map((f) => f.seq)); });
    expect(read).toHaveLength(3 * (SHEET_FACTS_MIN + 1));
    expect(read).toEqual(read.toSorted((a, b) => Number(a - b)));
    expect(read.every((seq) => seq > before)).toBe(true);
    const [one] = await su("select trace, at from audit.entry where resource = 'mixed-1-2'");
    const traced = await h.perform('india', (tx) => factsOfTrace(tx, one?.trace as string, one?.at as Date));
    expect(traced.filter((f) => f.resource?.startsWith('mixed-1')).length).toBeGreaterThanOrEqual(SHEET_FACTS_MIN);
  });
});

describe('the sequencer', () => {
  it('gives facts in rows and in sheets their dense places in the order of their numbers, with rollbacks and a rival', async () => {
    const rival = h.anotherCell();
    let writing = true;
    const writers = Promise.all(Array.from({ length: 6 }, async (_, w) => {
      for (let i = 0; i < 25; i++) {
        const drafts = many(`race-${w}-${i}`, (w + i) % 2 ? 3 : SHEET_FACTS_MIN + i);
        // A number that was drawn and rolled back, as far as the sequencer can tell.
        if (i % 5 === 0) await su("select nextval('audit.fact_seq_seq')");
        await write(drafts, w % 2 ? 'india' : 'other');
      }
    })).then(() => { writing = false; });
    while (writing) await Promise.all([sequence(h.cell(), { clock: systemClock }), sequence(rival, { clock: systemClock })]);
    await writers;
    await chain();
    const [all] = await su(`select (select count(*)::int from audit.entry) as facts, (select max(pos)::int from audit.leaf) as places,
      (select count(*)::int from audit.entry where audit.place(seq) is null) as without`);
    expect(all).toMatchObject({ facts: all?.places, without: 0 });
    expect(await found()).toBeUndefined();
  });
  it('places none of a sheet before the rows in front of it, however many there are behind a gap', async () => {
    await chain();
    await su("select nextval('audit.fact_seq_seq')");
    await su(`insert into audit.fact (id, tenant, at, actor_kind, action, result, trace)
      select gen_random_uuid(), $1, $3, 'nobody', 'probe.row', 'done', repeat('0', 32) from generate_series(1, $2::int)`,
    [h.tenant().id, SEQUENCE_BATCH_MAX + 100, systemClock.now()]);
    await write(many('behind-rows', SHEET_FACTS_MIN));
    await write([fact('behind-it-all')]);
    await chain();
    expect(await found()).toBeUndefined();
    // And the other way round: rows behind more in sheets than a step takes.
    await su("select nextval('audit.fact_seq_seq')");
    for (let i = 0; i < 2; i++) await write(many('crowded', SHEET_FACTS_MAX));
    await write([fact('behind-the-crowd')]);
    await chain();
    expect(await found()).toBeUndefined();
  });
});

describe('verification', () => {
  let first = 0n;
  const SHEET = "(select max(seq) from audit.sheet where facts ~ '\\x1fkept-1\\x1f')";
  const lines = (made: string): string => `update audit.sheet set facts = array_to_string(${made}, e'\\n') where seq = ${SHEET}`;
  const L = "(string_to_array(facts, e'\\n'))";
  const cases: Record<string, { statement: () => string; kind: Violation['kind']; n: number }> = {
    'a changed line': { statement: () => `update audit.sheet set facts = replace(facts, 'kept-4', 'left-4') where seq = ${SHEET}`, kind: 'changed', n: 4 },
    'a line that says the same in other letters': { statement: () => lines(`${L}[:3] || overlay(${L}[4] placing '-' from 9 for 0) || ${L}[5:]`),
      kind: 'changed', n: 4 },
    'a field more': { statement: () => lines(`${L}[:3] || (${L}[4] || e'\\x1fmore') || ${L}[5:]`), kind: 'changed', n: 4 },
    'a line that is none': { statement: () => lines(`${L}[:3] || 'x'::text || ${L}[5:]`), kind: 'missing', n: 4 },
    'a changed time, by a microsecond': { statement: () => `update audit.sheet set at = at + interval '1 microsecond' where seq = ${SHEET}`,
      kind: 'changed', n: 1 },
    'a sheet moved to another tenant': { statement: () => `update audit.sheet set tenant = gen_random_uuid() where seq = ${SHEET}`, kind: 'changed', n: 1 },
    'a line taken out': { statement: () => lines(`${L}[:4] || ${L}[6:]`), kind: 'missing', n: 5 },
    'the first line taken out': { statement: () => lines(`${L}[2:]`), kind: 'missing', n: 1 },
    'the last line taken out': { statement: () => lines(`${L}[:9]`), kind: 'missing', n: 10 },
    'a line put in': { statement: () => lines(`${L}[:3] || overlay(${L}[4] placing 'ffffffff' from 1 for 8) || ${L}[4:]`), kind: 'inserted', n: 4 },
    'a line put behind the last': { statement: () => lines(`${L} || overlay(${L}[4] placing 'ffffffff' from 1 for 8)`), kind: 'inserted', n: 11 },
    'two lines in each other’s place': { statement: () => lines(`${L}[:2] || ${L}[6] || ${L}[4:5] || ${L}[3] || ${L}[7:]`), kind: 'reordered', n: 3 },
    'a missing sheet': { statement: () => `delete from audit.sheet where seq = ${SHEET}`, kind: 'missing', n: 1 },
    'an inserted sheet': {
      statement: () => `insert into audit.sheet select ${SHEET} + 4096, tenant, at, n, subjects, facts from audit.sheet where seq = ${SHEET}`,
      kind: 'inserted', n: 11,
    },
    'another count': { statement: () => `update audit.sheet set n = n - 1 where seq = ${SHEET}`, kind: 'changed', n: 1 },
    'a person not named any more': { statement: () => `update audit.sheet set subjects = '{}' where seq = ${SHEET}`, kind: 'changed', n: 1 },
    'a person named who is not meant': { statement: () => `update audit.sheet set subjects = subjects || gen_random_uuid() where seq = ${SHEET}`,
      kind: 'changed', n: 1 },
  };
  it.each(Object.entries(cases))('names %s', async (_, { statement, kind, n }) => {
    await chain();
    // A number that was drawn and rolled back stands between the sheet and what follows.
    await write([...many('kept', 9), fact('kept-10', { subject: asha })]);
    await su("select nextval('audit.fact_seq_seq')");
    await write([fact('behind')]);
    await chain();
    await keepHead(h.cell());
    first = (await su(`select audit.place(${SHEET}) as pos`))[0]?.pos as bigint;
    expect(await found()).toBeUndefined();
    await tamper('drop table if exists audit.sound_sheet', 'create table audit.sound_sheet as table audit.sheet');
    let violation: Violation | undefined;
    try {
      await tamper(statement());
      violation = await found();
    } finally {
      await tamper('delete from audit.sheet', 'insert into audit.sheet select * from audit.sound_sheet', 'drop table audit.sound_sheet');
    }
    expect(violation).toMatchObject({ kind, pos: first + BigInt(n) - 1n });
    expect(await found()).toBeUndefined();
  });
  it('names a tail of sheets that was cut', async () => {
    await write(many('tail', SHEET_FACTS_MIN));
    await chain();
    const [at] = await su("select audit.place(max(seq)) as pos, max(seq) as seq from audit.sheet where facts ~ '\\x1ftail-1\\x1f'");
    await tamper('create table audit.sound_sheet as table audit.sheet', `delete from audit.sheet where seq = ${String(at?.seq)}`);
    const violation = await found();
    await tamper('delete from audit.sheet', 'insert into audit.sheet select * from audit.sound_sheet', 'drop table audit.sound_sheet');
    expect(violation).toMatchObject({ kind: 'tail-cut', pos: at?.pos });
    expect(await found()).toBeUndefined();
  });
});
