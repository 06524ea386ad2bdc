import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { house, probe, probeRoutes, type House } from '#test';
import { done, perform, provide, route, systemClock, type FactDraft, type Uuid } from '#kernel';
import { subjectKeys, tenantKeys, type Sealer } from '#spine/vault';
import { HeadKeeper, SpoolFolder } from './port.ts';
import { keepHead, sequence, Spool, verifyChain, type Violation } from './index.ts';
import { originPlace } from './service/write.ts';

const nothing = z.strictObject({});
const slow = { summary: 'Takes its time.', scope: 'public', input: nothing, output: nothing, problems: [], example: { input: {} } } as const;
const slowOne = route('POST /probe/slow-one', { ...slow, async verb(tx) {
  tx.audit({ action: 'probe.slow', result: 'done', resource: 'one' });
  // As a verb does that hands its origin on.
  tx.section.audit(tx, { action: 'probe.slow', result: 'done', resource: 'one, handed on' });
  await tx.sql`select pg_sleep(0.05)`;
  return done({});
} });
const slowMany = route('POST /probe/slow-many', { ...slow, async plural(tx, items) {
  for (const item of items) tx.audit(item, { action: 'probe.slow', result: 'done', resource: 'many' });
  await tx.sql`select pg_sleep(0.05)`;
  return items.map(() => done({}));
} });

let h: House;
const spool = mkdtempSync(join(tmpdir(), 'exchequer-spool-'));
beforeAll(async () => {
  h = await house({ add: [probe({ routes: [...probeRoutes, slowOne, slowMany] })], limits: false, provided: () => [provide(SpoolFolder, () => spool)] });
});
afterAll(async () => {
  await h.stop();
  rmSync(spool, { recursive: true });
});

const su = (text: string, values: unknown[] = []): Promise<Record<string, unknown>[]> => h.sql('IN', 'superuser')(text, values);
const fact = (resource: string): FactDraft => ({ action: 'probe.fact', result: 'done', resource });
const say = (resource: string, slug = 'india'): Promise<void> => h.perform(slug, async (tx) => tx.audit(fact(resource)));
const chain = async (cell = h.cell()): Promise<void> => {
  while (await sequence(cell, { clock: systemClock })) { /* until nothing is left */ }
};
/** Runs as somebody who owns the machine: triggers off, any statement. */
const tamper = async (...statements: string[]): Promise<void> => {
  await su(['set session_replication_role = replica', ...statements, 'set session_replication_role = origin'].join(';'));
};

describe('a fact', () => {
  it('is in the commit of what it records: a refusal keeps it, a throw drops it', async () => {
    for (const [fault, facts] of [['none', 1], ['refuse', 1], ['throw', 0]] as const) {
      await h.request({ path: '/api/probe/one', json: { key: `fact-${fault}`, n: 1, fault } });
      expect(await su("select 1 from audit.fact where action = 'probe.added' and resource = $1", [`fact-${fault}`]), fault).toHaveLength(facts);
    }
    // The opaque 500 leaves its own fact in a transaction of its own.
    expect(await su("select 1 from audit.fact where action = 'edge.failed' and result = 'failed'")).toHaveLength(1);
  });
  it('says who, what, on which trace, and keeps address and agent sealed', async () => {
    const who = await h.signIn();
    const trace = 'abcdef'.padEnd(32, '1');
    await h.request({
      path: '/api/probe/mine', json: { key: 'who', n: 1 }, bearer: who.bearer, address: '203.0.113.77',
      headers: { traceparent: `00-${trace}-${'2'.repeat(16)}-01`, 'user-agent': 'An agent nobody else has' },
    });
    const [row] = await su("select *, replace(actor::text, '-', '') as who from audit.fact where resource = 'who'");
    expect(row).toMatchObject({ actor_kind: 'person', who: who.person, trace, result: 'done' });
    expect(row?.origin).toMatch(/^ENC:v1:/);
    expect(await h.findSecrets({ agent: 'An agent nobody else has', address: '203.0.113.77' })).toEqual([]);
  });
  it('says how long after its request came it was decided, to the microsecond; what no request asked for says nothing', async () => {
    await Promise.all(['one', 'many', 'many'].map((name) => h.request({ method: 'POST', path: `/api/probe/slow-${name}` })));
    await h.perform('india', async (tx) => tx.audit({ action: 'probe.slow', result: 'done', resource: 'nobody’s' }));
    const rows = await su("select resource, latency_us from audit.fact where action = 'probe.slow' order by resource");
    expect(rows.map((r) => r.resource)).toEqual(['many', 'many', 'nobody’s', 'one', 'one, handed on']);
    for (const { resource, latency_us: us } of rows) {
      if (resource === 'nobody’s') expect(us).toBeNull();
      else expect((us as number) >= 50_000 && (us as number) < 5_000_000, `${String(resource)} ${String(us)}`).toBe(true);
    }
    await chain();
    expect(await verifyChain(h.cell())).toHaveProperty('leaves');
  });
  it('that waited on the local disk says how long its own answer took', async () => {
    const context = { tenant: h.tenant(), actor: { kind: 'nobody' }, trace: 'd'.repeat(32), atMs: systemClock.monotonicMs() - 70, now: systemClock.now(),
      use: h.cell().use } as const;
    expect(await h.cell().use(Spool).append(context, fact('spooled'))).toBe(true);
    let replayed: Record<string, unknown>[] = [];
    for (let i = 0; i < 500 && !replayed.length; i++) {
      await systemClock.sleep(20);
      replayed = await su("select latency_us from audit.fact where resource = 'spooled'");
    }
    const [us] = replayed.map((r) => r.latency_us as number);
    expect(us !== undefined && us >= 70_000 && us < 5_000_000, String(us)).toBe(true);
  });
  it('can be written but not changed by app, and not even changed by the owner', async () => {
    await say('final');
    const app = h.sql('IN', 'app'), tenant = h.tenant().id;
    for (const verb of ["update audit.fact set detail = 'x'", 'delete from audit.fact', 'truncate audit.fact', 'select * from audit.leaf',
      "insert into audit.leaf values (1, 1, gen_random_uuid(), '', '')"]) {
      await expect(app(verb, [], { tenant }), verb).rejects.toMatchObject({ code: '42501' });
    }
    for (const table of ['audit.fact', 'audit.leaf']) {
      for (const verb of [`update ${table} set ${table === 'audit.fact' ? "detail = 'x'" : 'pos = pos'}`, `delete from ${table}`, `truncate ${table}`]) {
        await expect(h.sql('IN', 'owner')(verb), verb).rejects.toThrow(/never changed/);
        await expect(su(verb), verb).rejects.toThrow(/never changed/);
      }
    }
    for (const verb of ['update audit.leaf set pos = pos', 'delete from audit.leaf', "update audit.fact set detail = 'x'", 'delete from audit.fact']) {
      await expect(h.sql('IN', 'spine')(verb), verb).rejects.toMatchObject({ code: '42501' });
    }
  });
});

describe('the sequencer', () => {
  it('gives every committed fact one dense place, with rollbacks, concurrency and a rival', async () => {
    await chain();
    const rival = h.anotherCell();
    let writing = true;
    const writers = Promise.all(Array.from({ length: 8 }, async (_, w) => {
      for (let i = 0; i < 40; i++) {
        await h.perform(w % 2 ? 'india' : 'other', async (tx) => {
          tx.audit(fact(`seq-${w}-${i}`));
          if (i % 3 === 0) await tx.sql`select pg_sleep(${(i % 5) / 1000})`;
          if (i % 10 === 9) throw new Error('rolled back');
        }).catch(() => undefined);
      }
    })).finally(() => { writing = false; });
    await Promise.all([h.cell(), rival].map(async (cell) => {
      while (writing) await sequence(cell, { clock: systemClock });
    }));
    await writers;
    await Promise.all([chain(), chain(rival)]);
    const [counts] = await su(`select (select count(*)::int from audit.fact) as facts, (select max(pos)::int from audit.leaf) as last,
      (select sum(1 + coalesce(cardinality(seqs), 0))::int from audit.leaf) as leaves,
      (select count(distinct audit.place(seq))::int from audit.fact) as places,
      (select count(*)::int from audit.fact where resource like 'seq-%') as mine, 
      (select count(distinct id)::int from (select fact_id as id from audit.leaf union all select unnest(ids) from audit.leaf) i) as ids`);
    expect(counts?.mine).toBe(8 * 36);
    expect(counts).toMatchObject({ leaves: counts?.facts, last: counts?.facts, places: counts?.facts, ids: counts?.facts });
    expect(await verifyChain(h.cell())).toEqual({ leaves: BigInt(counts?.facts as number) });
  });
  it('keeps its newest link in a file outside the database', async () => {
    await say('headed');
    await chain();
    await keepHead(h.cell());
    const head = await h.cell().use(HeadKeeper).newest('IN');
    const [last] = await su("select pos, encode(chain_hash, 'hex') as link from audit.leaf order by pos desc limit 1");
    expect(head).toMatchObject({ cell: 'IN', pos: last?.pos, chainHash: last?.link });
  });
});

describe('verification', () => {
  // Each case begins with a sound chain of its own behind what there was, and its head kept outside.
  let first = 0n;
  const at = (n: number): bigint => first + BigInt(n) - 1n;
  const found = async (): Promise<Violation | undefined> => {
    const answer = await verifyChain(h.cell());
    return 'violation' in answer ? answer.violation : undefined;
  };
  /** Ten facts that get their places one by one or in one step, a number that was drawn and rolled back (where a forged fact would go), and one more. */
  const begin = async (together: boolean): Promise<void> => {
    await chain();
    for (let i = 1; i <= 10; i++) {
      await say(`chained-${i}`);
      if (!together) await chain();
    }
    await chain();
    await su("select nextval(pg_get_serial_sequence('audit.fact', 'seq'))");
    await say('chained-11');
    await chain();
    const [began] = await su("select audit.place(max(seq)) as pos from audit.fact where resource = 'chained-1'");
    first = began?.pos as bigint;
    const rows = await su(`select pos from audit.leaf where pos >= ${at(1)}`);
    expect(rows).toHaveLength(together ? 2 : 11);
    await keepHead(h.cell());
    expect(await found()).toBeUndefined();
    await tamper('drop table if exists audit.sound_fact, audit.sound_leaf', 'create table audit.sound_fact as table audit.fact',
      'create table audit.sound_leaf as table audit.leaf');
  };
  const restore = (): Promise<void> => tamper('delete from audit.fact', 'insert into audit.fact overriding system value select * from audit.sound_fact',
    'delete from audit.leaf',
    'insert into audit.leaf select * from audit.sound_leaf', 'drop table audit.sound_fact, audit.sound_leaf');
  const seq = (n: number): string => `(select max(seq) from audit.sound_fact where resource = 'chained-${n}')`;
  const COPY = "id, tenant, at, actor_kind, actor, session, action, result, subject, resource, problem, trace, latency_us, detail, origin";

  const cases: Record<string, { statements: () => string[]; kind: Violation['kind']; n: number }> = {
    'a changed fact': { statements: () => [`update audit.fact set resource = 'another' where seq = ${seq(4)}`], kind: 'changed', n: 4 },
    'a changed time of a fact, by a microsecond': { statements: () => [`update audit.fact set at = at + interval '1 microsecond' where seq = ${seq(4)}`],
      kind: 'changed', n: 4 },
    'a fact moved to another tenant': { statements: () => [`update audit.fact set tenant = gen_random_uuid() where seq = ${seq(4)}`], kind: 'changed', n: 4 },
    'a missing fact': { statements: () => [`delete from audit.fact where seq = ${seq(5)}`], kind: 'missing', n: 5 },
    'an inserted fact': {
      statements: () => [`insert into audit.fact overriding system value select (select max(seq) - 1 from audit.fact), gen_random_uuid(), ${
        COPY.slice(4)} from audit.fact where seq = ${seq(4)}`],
      kind: 'inserted', n: 11,
    },
    'a fact inserted before the first': {
      statements: () => [`insert into audit.fact overriding system value select -5, gen_random_uuid(), ${COPY.slice(4)} from audit.fact where seq = ${
        seq(4)}`], kind: 'inserted', n: 0,
    },
    'two facts in each other’s place': {
      statements: () => [
        'alter table audit.fact alter seq set generated by default', `update audit.fact set seq = -1 where seq = ${seq(3)}`,
        `update audit.fact set seq = ${seq(3)} where seq = ${seq(6)}`, `update audit.fact set seq = ${seq(6)} where seq = -1`,
        'alter table audit.fact alter seq set generated always',
      ], kind: 'reordered', n: 3,
    },
    'the tail of facts cut': { statements: () => [`delete from audit.fact where seq >= ${seq(9)}`], kind: 'tail-cut', n: 9 },
    'the last fact missing': { statements: () => [`delete from audit.fact where seq = ${seq(11)}`], kind: 'tail-cut', n: 11 },
    'facts and leaves cut together': { statements: () => [`delete from audit.fact where seq >= ${seq(9)}`, `delete from audit.leaf where pos >= ${at(9)}`],
      kind: 'tail-cut', n: 11 },
    'a changed leaf': { statements: () => [`update audit.leaf set leaf_hash = sha256('x') where pos = ${at(4)}`], kind: 'changed', n: 4 },
    'a changed link': { statements: () => [`update audit.leaf set chain_hash = sha256('x') where pos = ${at(4)}`], kind: 'changed', n: 4 },
    'a leaf of another fact': { statements: () => [`update audit.leaf set fact_id = gen_random_uuid() where pos = ${at(4)}`], kind: 'reordered', n: 4 },
    'a missing leaf': { statements: () => [`delete from audit.leaf where pos = ${at(6)}`], kind: 'missing', n: 6 },
    'an inserted leaf': {
      statements: () => [
        `update audit.leaf set pos = -pos where pos >= ${at(7)}`, 'update audit.leaf set pos = 1 - pos where pos < 0',
        `insert into audit.leaf (pos, fact_seq, fact_id, leaf_hash, chain_hash, form)
          values (${at(7)}, (select max(seq) - 1 from audit.fact), gen_random_uuid(), sha256('a'), sha256('b'), 3)`,
      ], kind: 'inserted', n: 7,
    },
    'two leaves in each other’s place': {
      statements: () => [`update audit.leaf set pos = 0 where pos = ${at(3)}`, `update audit.leaf set pos = ${at(3)} where pos = ${at(8)}`,
        `update audit.leaf set pos = ${at(8)} where pos = 0`],
      kind: 'reordered', n: 3,
    },
    'two neighbouring leaves in each other’s place': {
      statements: () => [`update audit.leaf set pos = 0 where pos = ${at(3)}`, `update audit.leaf set pos = ${at(3)} where pos = ${at(4)}`,
        `update audit.leaf set pos = ${at(4)} where pos = 0`],
      kind: 'reordered', n: 3,
    },
    'the tail of leaves cut': { statements: () => [`delete from audit.leaf where pos >= ${at(9)}`], kind: 'tail-cut', n: 11 },
  };
  /** The same in a row that has ten: only what is done to its arrays. */
  const row = (set: string): string => `update audit.leaf set ${set} where pos = ${at(10)}`;
  const swapped = (column: string, of: string): string => `${column} = ${of}[:2] || ${of}[8] || ${of}[4:7] || ${of}[3] || ${of}[9:]`;
  const hashes = "(select array_agg(substr(leaves, 32 * i + 1, 32) order by i) from generate_series(0, 8) i)";
  const joined = (of: string): string => `(select string_agg(l, ''::bytea order by n) from unnest(${of}) with ordinality u (l, n))`;
  const together: typeof cases = {
    'a changed fact': { statements: () => [`update audit.fact set resource = 'another' where seq = ${seq(4)}`], kind: 'changed', n: 4 },
    'a missing fact': { statements: () => [`delete from audit.fact where seq = ${seq(5)}`], kind: 'missing', n: 5 },
    'the tail of facts cut': { statements: () => [`delete from audit.fact where seq >= ${seq(9)}`], kind: 'tail-cut', n: 9 },
    'a changed leaf': { statements: () => [row("leaves = overlay(leaves placing sha256('x') from 97 for 32)")], kind: 'changed', n: 4 },
    'the last leaf changed': { statements: () => [row("leaf_hash = sha256('x')")], kind: 'changed', n: 10 },
    'a changed link': { statements: () => [row("chain_hash = sha256('x')")], kind: 'changed', n: 10 },
    'a leaf of another fact': { statements: () => [row('ids[4] = gen_random_uuid()')], kind: 'reordered', n: 4 },
    'a leaf taken out': {
      statements: () => [row('seqs = seqs[:5] || seqs[7:], ids = ids[:5] || ids[7:], leaves = substr(leaves, 1, 160) || substr(leaves, 193)')],
      kind: 'missing', n: 6,
    },
    'the first leaf taken out': { statements: () => [row('seqs = seqs[2:], ids = ids[2:], leaves = substr(leaves, 33)')], kind: 'missing', n: 1 },
    // Nothing says any more which of the row's leaves it was.
    'a leaf and its fact taken out': {
      statements: () => [`delete from audit.fact where seq = ${seq(6)}`,
        row('seqs = seqs[:5] || seqs[7:], ids = ids[:5] || ids[7:], leaves = substr(leaves, 1, 160) || substr(leaves, 193)')],
      kind: 'missing', n: 1,
    },
    'a leaf put in': {
      statements: () => [
        `delete from audit.leaf where pos > ${at(10)}`,
        row(`pos = pos + 1, seqs = seqs[:6] || (select max(seq) - 1 from audit.fact) || seqs[7:],
          ids = ids[:6] || gen_random_uuid() || ids[7:], leaves = substr(leaves, 1, 192) || sha256('a') || substr(leaves, 193)`),
      ], kind: 'inserted', n: 7,
    },
    'a leaf put in where no place is free': {
      statements: () => [row(`seqs = seqs[:6] || (select max(seq) - 1 from audit.fact) || seqs[7:], ids = ids[:6] || gen_random_uuid() || ids[7:],
        leaves = substr(leaves, 1, 192) || sha256('a') || substr(leaves, 193)`)],
      kind: 'inserted', n: 1,
    },
    'two leaves in each other’s place': {
      statements: () => [row(`${swapped('seqs', 'seqs')}, ${swapped('ids', 'ids')},
        leaves = ${joined(`(select h[:2] || h[8] || h[4:7] || h[3] || h[9:] from (select ${hashes} h) x)`)}`)],
      kind: 'reordered', n: 3,
    },
    'leaves and ids taken away with the constraint': {
      statements: () => ['alter table audit.leaf drop constraint leaf_whole', row('leaves = null, ids = null')], kind: 'reordered', n: 1,
    },
    'a missing row': { statements: () => [`delete from audit.leaf where pos = ${at(10)}`], kind: 'missing', n: 1 },
  };
  it.each([
    ...Object.entries(cases).map(([name, c]) => [name, 'placed one by one', c] as const),
    ...Object.entries(together).map(([name, c]) => [name, 'placed in one step', c] as const),
  ])('names %s, of facts %s', async (_, how, { statements, kind, n }) => {
    await begin(how === 'placed in one step');
    let violation: Violation | undefined;
    try {
      await tamper(...statements());
      violation = await found();
    } finally {
      await restore();
    }
    expect(violation).toMatchObject({ kind, pos: n === 0 ? 1n : at(n) });
    expect(await found()).toBeUndefined();
  });
  it('reads on from leaves that a program of before wrote: one in a row, hashes of the columns as text', async () => {
    await chain();
    const columns = "gen_random_uuid(), gen_random_uuid(), timestamptz '1969-12-31 23:59:59.999999+00', 'nobody', null, gen_random_uuid(), 'probe.old', 'done'";
    // In one transaction under the chain's lock, which no other sequencer has meanwhile.
    const place = (number: number): string => `insert into audit.leaf (pos, fact_seq, fact_id, leaf_hash, chain_hash)
      select l.pos + 1, f.seq, f.id, f.leaf, sha256(l.chain_hash || f.leaf) from (select * from audit.leaf order by pos desc limit 1) l, (
        select seq, id, sha256(decode('00', 'hex') || convert_to(array_to_json(array[seq::text, id::text, tenant::text,
          to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"'), actor_kind, actor::text, session::text, action, result, subject::text, resource,
          problem, trace, latency_us::text, detail, origin])::text, 'UTF8')) as leaf from audit.fact where resource = 'old-${number}') f`;
    const old = (number: number): string => `insert into audit.fact (id, tenant, at, actor_kind, actor, session, action, result, subject, resource, problem,
      trace, latency_us, detail, origin) values (${columns}, null, 'old-${number}', null, 't', 3, '{"ü":"\\"नमस्ते 🙂"}', null)`;
    // Refused since there are sheets, which that program did not know.
    await expect(su(`begin; ${old(0)}; ${place(0)}; commit`)).rejects.toMatchObject({ code: '23514' });
    await su('rollback; alter table audit.leaf drop constraint leaf_form_check');
    await su(['begin', 'select pg_advisory_xact_lock(4858361)', old(1), place(1), old(2), place(2), 'commit'].join(';'));
    await h.perform('india', async (tx) => {
      for (const n of [1, 2, 3]) tx.audit({ ...fact(`new-${n} "ü" \\ नमस्ते 🙂`), detail: { n }, latencyUs: n });
    });
    await su(old(3));
    await chain();
    const rows = await su("select form, audit.place(f.seq) as pos from audit.fact f join audit.leaf on pos >= audit.place(f.seq) and "
      + "pos - coalesce(cardinality(seqs), 0) <= audit.place(f.seq) where resource ~ '^(old|new)-' order by seq");
    expect(rows.map((r) => r.form)).toEqual([1, 1, 3, 3, 3, 3]);
    expect(await found()).toBeUndefined();
    await tamper("update audit.fact set latency_us = 4 where resource = 'old-2'");
    const violation = await found();
    await tamper("update audit.fact set latency_us = 3 where resource = 'old-2'");
    expect(violation).toMatchObject({ kind: 'changed', pos: rows[1]?.pos });
  });
  it('names a chain that was cut, forged and sealed again by its kept head', async () => {
    await begin(false);
    await tamper(`delete from audit.fact where seq >= ${seq(9)}`, `delete from audit.leaf where pos >= ${at(9)}`);
    for (let i = 0; i < 5; i++) await say('forged');
    await chain();
    const violation = await found();
    await restore();
    expect(violation).toMatchObject({ kind: 'changed', pos: at(11) });
  });
});

it('a fact about a person is sealed under that person’s key', async () => {
  const who = await h.signIn();
  await perform(h.cell(), h.tenant(), { actor: { kind: 'nobody' }, trace: '0'.repeat(32), address: '198.51.100.9', agent: 'x' }, async (tx) =>
    tx.audit({ ...fact('about'), subject: who.person }));
  const [row] = await su("select origin from audit.fact where resource = 'about'");
  expect(row?.origin).toContain(`sub:${who.person}`);
});

it('each fact keeps the device that it came from, of however many a person or an office has', async () => {
  const person = (await h.signIn()).person;
  const said: string[][] = [];
  const say = (address: string, agent: string, subject?: Uuid): Promise<void> => {
    said.push([address, agent]);
    return perform(h.cell(), h.tenant(), { actor: { kind: 'nobody' }, trace: '0'.repeat(32), address, agent }, async (tx) =>
      tx.audit({ ...fact(`device-${said.length}`), ...(subject ? { subject } : {}) }));
  };
  // More than are kept, each twice; and two that a name made of both would take for one.
  for (let round = 0; round < 2; round++) for (let i = 0; i < 10; i++) await say(`198.51.100.${i}`, 'x', person);
  for (const subject of [person, undefined]) {
    await say('198.51.100.1', '1 x', subject);
    await say('198.51.100.1 1', 'x', subject);
  }
  const rows = await su("select origin, subject::text from audit.fact where resource ~ '^device-' order by seq");
  const opened = await h.perform('india', async (tx) => {
    const keys = await subjectKeys(tx.section, [person]);
    const of = (subject: unknown): Sealer => (subject ? keys.get(person) as Sealer : tenantKeys(tx.section));
    return rows.map((r) => JSON.parse(of(r.subject).open(originPlace(r.subject ? person : null), String(r.origin))) as string[]);
  });
  expect(opened).toEqual(said);
});
