import pg from 'pg';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { done, systemClock, type Connection, type Pool, type Statement, type Uuid } from '#kernel';
import { ensureMachine, signatureHeaders, type MachineKey } from '#spine/identity';
import { demoFeed, LINES_PER_BATCH_MAX } from '#products/taxrefund';
import { beginAll, saga, together } from '#spine/saga';
import { PLAN_OPTIONS } from '../src/apps/runtime.ts';
import { post } from '#spine/ledger';
import {
  books, connectAs, house, inr, newAddress, newBrowser, operatorOf, posting, probe, somebody, type House, type MadeOperator, type Person,
} from './house.ts';
import { wallets, type Wallets } from './house/wallets.ts';

/**
 * Each statement of the hot paths is caught as it is sent and planned as the program plans it: generic, with the pool's settings, as the same
 * database role, under its tenant, on tables that a small season has filled: before anybody has made statistics of them, as in a new office's first
 * minute, and after. None may read a table that grows from end to end.
 */
const FILERS = 600;
const COPIES = 3000;
const BYTES = "'\\x' || encode(sha256(gen_random_uuid()::text::bytea), 'hex')";
/** Tables that people fill, and the key that tells their rows apart. */
const COPIED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  'identity.session': { id: 'gen_random_uuid()' }, 'identity.challenge': { id: 'gen_random_uuid()' }, 'identity.message': { id: 'gen_random_uuid()' },
  'identity.device': { browser: BYTES }, 'identity.guard': { key: BYTES }, 'limits.bucket': { key: 'gen_random_uuid()::text' },
  'idempotency.answer': { key: 'gen_random_uuid()' }, 'operators.session': { id: 'gen_random_uuid()' },
  'wallet.bank_order': { id: 'gen_random_uuid()', account: 'gen_random_uuid()', transfer: 'null' },
  'saga.saga': { id: 'gen_random_uuid()', key: 'gen_random_uuid()::text' },
  'identity.machine': { id: 'gen_random_uuid()', name: 'gen_random_uuid()::text' },
  'operators.operator': { id: 'gen_random_uuid()', name_index: BYTES },
};
/** These do not grow with what people do. */
const SMALL = new Set(['tenant', 'cursor', 'relay', 'parked', 'schedule', 'chart', 'machine', 'tenant_key']);

const steps = saga('probe.steps', {
  version: 1, doc: 'Two steps of a test.', owner: 'nobody', input: {}, deadlineMs: 3_600_000,
  steps: ['a', 'b'].map((name) => ({ name, doc: 'Nothing.', do: together(async (_, items) => items.map(() => done({}))) })),
});
const beginSteps = (keys: readonly string[]): Promise<unknown> => h.perform('india', async (tx) =>
  beginAll(tx.section, steps, keys.map((k) => ({ by: tx, key: k, input: {} }))));

let h: House;
let key: MachineKey;
let accountant: MadeOperator;
let bank: Wallets;
beforeAll(async () => {
  h = await house({ limits: false, add: [probe({ sagas: [steps] })] });
  bank = wallets(h);
  key = await h.perform('india', (tx) => ensureMachine(tx, 'authority', ['taxrefund:feed']));
  let lines: unknown[] = [];
  for (const line of demoFeed(h.tenant()).season({ filers: FILERS, seed: 'plans' })) {
    lines.push(line);
    if (lines.length < LINES_PER_BATCH_MAX) continue;
    await feed(lines);
    lines = [];
  }
  const who = somebody();
  await h.enrol(who);
  expect((await start(who, newBrowser(), 'a-key-before-it-all')).status).toBe(201);
  await h.signIn();
  accountant = await operatorOf(h, 'accountant');
  const b = await books(h);
  await bank.wallet(100);
  const opened = await b.openMany('bank', FILERS);
  for (let i = 0; i < 2; i++) {
    const drafts = opened.slice(1).map((credit) => posting({ kind: 'transfer', debit: opened[0] as Uuid, credit, amount: inr(1 + i) }));
    expect((await h.perform('india', (tx) => post(tx.section, drafts))).every((o) => o.ok)).toBe(true);
  }
  await beginSteps(['before it all']);
  await h.settle();
  // The season has filled the others; of these there is a row each, which is made many.
  const su = h.sql('IN', 'superuser');
  for (const [table, made] of Object.entries(COPIED)) {
    const columns = Object.entries(made).map(([column, value]) => `'${column}', ${value}`).join(', ');
    const copies = `insert into ${table} select (jsonb_populate_record(t, jsonb_build_object(${columns}))).* from ${table} t, generate_series(1, ${COPIES}) where t.ctid = (select min(ctid) from ${table})`;
    expect(await su(`${copies} returning 1`), table).toHaveLength(COPIES);
  }
});
afterAll(() => h.stop());

type Role = 'app' | 'spine';
const isStatement = (what: Statement | string): what is Statement => typeof what !== 'string';

/** The texts that the work sends, by the database role that sends them. */
async function caught(work: () => Promise<unknown>): Promise<Map<string, Role>> {
  const texts = new Map<string, Role>();
  const undo: (() => void)[] = [];
  const { app, batch, spine } = h.cell().pools;
  for (const [pool, role] of [[app, 'app'], [batch, 'app'], [spine, 'spine']] as [Pool, Role][]) {
    const original = pool.with.bind(pool);
    pool.with = <T>(use: (c: Connection) => Promise<T>): Promise<T> => original((c) => {
      const send = c.query.bind(c);
      c.query = (what) => {
        if (isStatement(what)) texts.set(what.text, role);
        return send(what);
      };
      return use(c);
    });
    undo.push(() => { pool.with = original; });
  }
  try {
    await work();
  } finally {
    for (const back of undo) back();
  }
  return texts;
}

interface Node { 'Node Type': string; 'Relation Name'?: string; 'Index Cond'?: string; 'Recheck Cond'?: string; Plans?: Node[] }

/** True for a condition on nothing but the tenant: it reads all that the tenant has. */
const onlyTenant = (condition: string): boolean => !condition.replace(/\(?tenant = [^)]*\)(?:\.col1)?\)?/g, '').replaceAll(/[()\s]|AND/g, '');

/** Tables that a plan reads from end to end: without an index, or along one without a place to begin and without an end. */
function wholeReads(node: Node, limited = false): string[] {
  const type = node['Node Type'];
  const table = node['Relation Name'];
  const condition = node['Index Cond'] ?? node['Recheck Cond'] ?? '';
  const whole = type === 'Seq Scan' || (/^(?:Index (?:Only )?|Bitmap Heap )Scan$/.test(type) && !limited && onlyTenant(condition));
  const below = (node.Plans ?? []).flatMap((inner) => wholeReads(inner, limited || type === 'Limit'));
  return whole && table !== undefined && !SMALL.has(table) ? [table, ...below] : below;
}

/** What each text reads from end to end. */
async function scans(texts: Map<string, Role>, at: House = h): Promise<string[]> {
  const found: string[] = [];
  // What is known to be empty is read in whatever way.
  const empty = new Set((await at.sql('IN', 'superuser')<{ name: string }>('select relname as name from pg_class where reltuples = 0')).map((t) => t.name));
  for (const role of ['app', 'spine'] as const) {
    const client = new pg.Client({ ...connectAs(at.connections.find((c) => c.name === 'IN') as (typeof h.connections)[number], role), options: PLAN_OPTIONS });
    await client.connect();
    await client.query(`begin; set local app.tenant = '${at.tenant().id}'`);
    for (const [text] of [...texts].filter(([, by]) => by === role)) {
      const { rows } = await client.query<{ 'QUERY PLAN': [{ Plan: Node }] }>(`explain (generic_plan, format json) ${text}`);
      for (const table of wholeReads((rows[0] as { 'QUERY PLAN': [{ Plan: Node }] })['QUERY PLAN'][0].Plan)) {
        if (!empty.has(table)) found.push(`${table} in: ${text.trim().replace(/\s+/g, ' ').slice(0, 300)}`);
      }
    }
    await client.query('rollback');
    await client.end();
  }
  return found;
}

const taxpayer = ({ identifier, dateOfBirth, phone, name, language }: Person): Record<string, unknown> =>
  ({ kind: 'taxpayer', identifier, dateOfBirth, phone, name, language });
let serial = 0;
const event = (p: Person, code: string): Record<string, unknown> => ({
  kind: 'event', identifier: p.identifier, year: 2026, returnNo: 1, source: 'cpc', sourceEventId: `plan-${(serial += 1)}`, sourceVersion: 1,
  occurredAt: `2026-07-0${serial % 9 + 1}T10:00:00Z`, code, facts: { claimed: '100' }, accountTail: '4821',
});
async function feed(lines: readonly unknown[]): Promise<void> {
  const ndjson = lines.map((l) => JSON.stringify(l)).join('\n');
  const answer = await h.request({ path: '/api/tax-refunds/feed', ndjson, headers: signatureHeaders(key, 'POST /api/tax-refunds/feed', ndjson, systemClock.now().getTime()) });
  expect(answer.status, answer.text).toBe(200);
}
const start = (person: Person, browser: string, idempotencyKey?: string) => h.request({
  address: newAddress(), path: '/api/sign-in/challenges', ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
  json: { identifier: person.identifier, dateOfBirth: person.dateOfBirth, year: 2026, browser },
});

describe('no statement reads a table that grows from end to end', () => {
  const works: Record<string, { work: () => Promise<unknown>; least: number }> = {
    'of a view, fresh and from the cache': {
      least: 3,
      work: async () => {
        const person = somebody();
        await h.enrol(person);
        const who = await h.signIn(person);
        await feed([event(person, 'IN_FILED_UNVERIFIED')]);
        for (let i = 0; i < 2; i++) expect((await h.request({ path: '/api/tax-refunds/2026', bearer: who.bearer })).status).toBe(200);
        expect((await h.request({ path: '/api/tax-refunds', bearer: who.bearer })).status).toBe(200);
      },
    },
    'of a sign-in, its code, a wrong one and a new one': {
      least: 12,
      work: async () => {
        const person = somebody();
        await h.enrol(person);
        const browser = newBrowser();
        const challenge = (await start(person, browser)).json<{ challenge: string }>().challenge;
        await h.request({ path: `/api/sign-in/challenges/${challenge}/resend`, json: { browser } });
        await h.request({ path: `/api/sign-in/challenges/${challenge}/code`, json: { code: '000000', browser } });
        expect((await h.request({ path: `/api/sign-in/challenges/${challenge}/code`, json: { code: await h.codeFor(person.phone), browser } })).status).toBe(200);
      },
    },
    'of the feed': {
      least: 8,
      work: async () => {
        const person = somebody();
        await feed([taxpayer(person), event(person, 'IN_FILED_UNVERIFIED'), event(person, 'IN_PROCESSING'), event(somebody(), 'IN_PROCESSING')]);
        await feed([event(person, 'IN_REFUND_DETERMINED')]);
      },
    },
    'of a session: looked at, renewed, ended': {
      least: 3,
      work: async () => {
        const who = await h.signIn();
        expect((await h.request({ path: '/api/session', bearer: who.bearer })).status).toBe(200);
        expect((await h.request({ path: '/api/sign-in/refresh', json: { refreshToken: who.refreshToken } })).status).toBe(200);
        expect((await h.request({ method: 'POST', path: '/api/sign-out', bearer: who.bearer })).status).toBe(200);
      },
    },
    'of an idempotent request and its replay': {
      least: 4,
      work: async () => {
        const person = somebody();
        await h.enrol(person);
        const browser = newBrowser();
        const again = `a-key-of-this-test-${serial += 1}`;
        for (let i = 0; i < 2; i++) expect((await start(person, browser, again)).status).toBe(201);
      },
    },
    'of a payment and what follows it': {
      least: 20,
      work: async () => {
        const [payer, payee] = [await bank.wallet(50_000), await bank.wallet()];
        expect((await bank.send(payer, payee, 100)).status).toBe(200);
        expect((await bank.get(payer.who, `/wallet/accounts/${payer.account}/activity`)).status).toBe(200);
        await h.settle();
      },
    },
    'of a search of transfers by time and amount': {
      least: 4,
      work: async () => {
        const query = new URLSearchParams({ purpose: 'review', least: '2', most: '2',
          from: new Date(systemClock.now().getTime() - 86_400_000).toISOString(), to: new Date(systemClock.now().getTime() + 1000).toISOString() });
        const found = await h.request({ path: `/api/ledger/transfers/search?${query}`, cookies: accountant.cookies });
        expect(found.json<{ transfers: unknown[] }>().transfers.length).toBeGreaterThan(40);
      },
    },
    'of sagas': {
      least: 6,
      work: async () => {
        await beginSteps([1, 2].map(() => `saga-${serial += 1}`));
        await h.settle();
      },
    },
    'of relay, sequencer and jobs': { least: 6, work: async () => { await h.signIn(); await h.settle(); } },
  };
  const every = (at?: () => House): void => it.each(Object.entries(works))('%s', async (_, { work, least }) => {
    const texts = await caught(work);
    expect(texts.size).toBeGreaterThanOrEqual(least);
    expect(await scans(texts, at?.())).toEqual([]);
  });
  describe('while nobody has made statistics', () => every());
  describe('when it was planned on a few rows, as a plan of a new office was that is kept', () => {
    let few: House;
    beforeAll(async () => {
      few = await house({ limits: false, add: [probe({ sagas: [steps] })] });
      for (let i = 0; i < 5; i++) {
        const person = somebody();
        await few.enrol(person);
        await few.signIn(person);
      }
      const newBank = wallets(few);
      const [payer, payee] = [await newBank.wallet(50_000), await newBank.wallet()];
      expect((await newBank.send(payer, payee, 100)).status).toBe(200);
      await few.settle();
    });
    afterAll(() => few.stop());
    every(() => few);
  });
  describe('when there are statistics', () => {
    beforeAll(async () => void await h.sql('IN', 'superuser')('analyze'));
    every();
  });

  it('and one that would is found', async () => {
    for (const text of ['select count(*) from audit.fact where detail like $1', 'select * from identity.session', 'select * from taxrefund.refund order by id',
      'select 1 from identity.person where profile = $1']) expect(await scans(new Map([[text, 'app']])), text).toHaveLength(1);
    expect(await scans(new Map([['select pos from audit.leaf order by pos desc limit 1', 'spine']]))).toEqual([]);
  });
});
