import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { done, problem, provide, refuse, systemClock, type Outcome, type Saga, type StepInput, type StepValue, type Tx } from '#kernel';
import { add, house, leave, operatorOf, probe, type House, type MadeOperator } from '#test';
import { z } from 'zod';
import { TRIES_BEFORE_ALERT } from './contract.ts';
import { begin, beginAll, external, saga, SagaProbe, SAGA_POINTS, together } from './index.ts';
import { backoffMs, states } from './rules.ts';

const soldOut = problem('test-sold-out', { status: 409, title: 'It is sold out.', doc: 'Choose another.' });
type Cell = ReturnType<House['cell']>;

/** What the steps of this file do beside leaving a trace; replaced by tests. */
let faults: Record<string, () => Outcome<StepValue> | undefined> = {};
const step = (name: string) => async (tx: Tx, input: StepInput): Promise<Outcome<StepValue>> => {
  const n = await add(tx, `${input.key} ${name.replace(/^un-/, '')}`, name.startsWith('un-') ? -1 : 1);
  await leave(tx, { subscriber: 'saga', event: name, key: input.key, n });
  return faults[name]?.() ?? done({ n: Number(n) });
};
/** The outside: what it took, by key, and how it answers. */
const outside = new Map<string, string>();
let sends = 0, inquiries = 0;
let answers: () => 'taken' | 'refused' | 'lost' | 'unheard' = () => 'taken';
const pay = (name: string) => external<{ ref: string }, 'taken' | 'refused'>({
  doc: 'Pays at the outside of the tests.',
  request: async (_, input) => ({ ref: input.key }),
  send: async (_, { key }) => {
    sends += 1;
    const how = answers();
    if (how !== 'lost') outside.set(key, how === 'refused' ? 'refused' : 'taken');
    if (how === 'lost' || how === 'unheard') throw new Error('no answer');
    return how;
  },
  inquire: async (_, { key }) => {
    inquiries += 1;
    return (outside.get(key) ?? 'not-found') as 'taken' | 'refused' | 'not-found';
  },
  outcome: async (tx, input, result) => {
    await leave(tx, { subscriber: 'saga', event: `${name} ${result}`, key: input.key, n: 0 });
    return result === 'taken' ? done({ paid: true }) : refuse(soldOut);
  },
  sendBudgetMs: 2000, visibilityMs: 1000, deadlineMs: 60_000,
});
const of = (name: string, pivot?: true) => ({ name, doc: 'A step of a test.', do: step(name), undo: step(`un-${name}`), ...(pivot ? { pivot } : {}) });
const spec = { version: 1, doc: 'A saga of the tests.', owner: 'the desk of the tests', input: { n: z.int() }, deadlineMs: 3_600_000 };
const plain = saga('test.plain', { ...spec, steps: [of('a'), of('b'), { name: 'look', doc: 'Changes nothing.', do: step('look') }, of('c')] });
const paying = saga('test.paying', { ...spec, steps: [of('a'), { name: 'pay', doc: 'Pays.', do: pay('pay'), undo: pay('un-pay') }, of('c')] });
const pivoted = saga('test.pivoted', { ...spec, steps: [of('a', true), of('b')] });
const many = saga('test.many', {
  ...spec, steps: ['a', 'b'].map((name) => ({ name, doc: 'A step of many.', do: together(async (tx, items) => {
    await tx.sql`insert into probe.effect (tenant, subscriber, event, key, n)
      select ${tx.tenant.id}, 'many', ${name}, k, 1 from unnest(${items.map((i) => i.input.key)}::text[]) k`;
    return items.map((i) => (i.input.input.n === 13 && name === 'b' ? refuse(soldOut) : done({ n: 1 })));
  }), undo: step(`un-${name}`) })),
});

let h: House;
let operator: MadeOperator;
beforeAll(async () => {
  h = await house({ add: [probe({ sagas: [plain, paying, pivoted, many] })], limits: false });
  operator = await operatorOf(h);
});
afterAll(() => h.stop());
beforeEach(async () => {
  faults = {};
  answers = () => 'taken';
  [sends, inquiries] = [0, 0];
  await su('delete from jobs.job');
  await su('delete from saga.saga');
});

const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const start = (what: Saga, key: string, slug = 'india'): Promise<string> => h.perform(slug, (tx) => begin(tx, what, key, { n: 1 }));
const row = async (key: string): Promise<{ id: string; state: string; error: string | null; problem: string | null; tries: number; next_at: Date | null }> =>
  (await su<never>('select id, state, error, problem, tries, next_at from saga.saga where key = $1', [key]))[0] as never;
const until = async (there: () => Promise<boolean>): Promise<void> => {
  for (let i = 0; !await there(); i++) {
    if (i > 3000) throw new Error('what was waited for did not come');
    await systemClock.sleep(3);
  }
};
const effects = async (key: string): Promise<string[]> =>
  (await su<{ event: string }>("select event from probe.effect where key = $1 and subscriber in ('saga', 'many') order by pos", [key])).map((r) => r.event);
/** Lets time pass for the queues: waits and leases are over. Whoever holds a row inside a transaction keeps it. */
const skip = async (): Promise<void> => {
  await su("update saga.saga set next_at = next_at - interval '1 day' where id in (select id from saga.saga where next_at is not null for update skip locked)");
  await su("update jobs.job set run_at = run_at - interval '1 day', sent_at = sent_at - interval '1 minute' where lease_until is null");
  await systemClock.sleep(20);
};
/** Runs workers until a saga stands in one of the states. */
async function runTo(key: string, ...wanted: string[]): Promise<void> {
  const workers = h.startWorkers(h.cell(), ['worker']);
  await until(async () => {
    if (wanted.includes((await row(key)).state)) return true;
    await skip();
    return false;
  });
  await workers.stop();
}
const decide = (id: string, decision: string, more: { tenant?: string; cookies?: Record<string, string> } = {}): ReturnType<House['request']> => h.request({
  tenant: more.tenant ?? 'india', path: `/api/sagas/saga_${id.replaceAll('-', '')}/${decision}`, json: { reason: 'cause-removed' },
    idempotencyKey: `decide-${id}-${decision}-${systemClock.monotonicMs()}`,
  cookies: more.cookies ?? operator.cookies, headers: { 'sec-fetch-site': 'same-origin' },
});

describe('a saga', () => {
  it('does its steps in order, once, and a key begins nothing twice', async () => {
    const ids = [await start(plain, 'k1'), await start(plain, 'k1'), ...await h.perform('india',
      (tx) => beginAll(tx.section, plain, ['k1', 'k1'].map((key) => ({ by: tx, key, input: { n: 1 } }))))];
    expect(new Set(ids).size).toBe(1);
    await runTo('k1', 'done');
    expect(await effects('k1')).toEqual(['a', 'b', 'look', 'c']);
    expect((await su<{ step: string; result: string }>('select step, result from saga.step where saga = $1 order by no',
      [ids[0]])).map((s) => `${s.step} ${s.result}`))
      .toEqual(['a done', 'b done', 'look done', 'c done']);
    expect((await row('k1')).next_at).toBeNull();
  });
  it('takes back in reverse what was done when a step is refused, and only then', async () => {
    faults = { c: () => refuse(soldOut) };
    await start(plain, 'k2');
    await runTo('k2', 'undone');
    expect(await effects('k2')).toEqual(['a', 'b', 'look', 'c', 'un-b', 'un-a']);
    expect(await row('k2')).toMatchObject({ state: 'undone', problem: 'test-sold-out' });
    expect(await su("select data from events.log where topic = 'saga.undone' and key = $1", [(await row('k2')).id.replaceAll('-', '')]))
      .toEqual([{ data: expect.stringContaining('test-sold-out') }]);
    // What b and a added was taken away again; the refused c kept what its verb wrote, as every refusal does.
    expect((await su<{ n: bigint }>("select n from probe.item where key like 'k2 _' order by key")).map((r) => Number(r.n))).toEqual([0, 0, 1]);
  });
  it('tries a step that throws again without taking anything back, and tells its owner after a few tries', async () => {
    faults = { b: () => { throw new TypeError('the database hiccuped'); } };
    await start(plain, 'k3');
    await runTo('k3', 'stalled');
    expect(await effects('k3')).toEqual(['a']);
    // Its next try may have begun meanwhile.
    const stalled = await row('k3');
    expect([stalled.error, stalled.tries >= TRIES_BEFORE_ALERT]).toEqual(['TypeError', true]);
    expect(stalled.next_at).not.toBeNull();
    const [told, ...again] = await su<{ data: string }>("select data from events.log where topic = 'saga.stuck' and key = $1",
      [(await row('k3')).id.replaceAll('-', '')]);
    expect(JSON.parse(told?.data ?? '{}')).toMatchObject({ owner: 'the desk of the tests', step: 'b', state: 'stalled' });
    expect(again).toEqual([]);
    expect(h.lines().find((l) => l.event === 'saga.stuck')).toMatchObject({ level: 50, tries: TRIES_BEFORE_ALERT });
    faults = {};
    await runTo('k3', 'done');
    expect(await effects('k3')).toEqual(['a', 'b', 'look', 'c']);
  });
  it('past its deadline asks a person instead of refusing', async () => {
    await start(plain, 'k4');
    await su("update saga.saga set deadline_at = created_at - interval '1 hour'");
    await runTo('k4', 'stalled');
    expect(await effects('k4')).toEqual([]);
    expect((await decide((await row('k4')).id, 'retry')).status).toBe(200);
    await runTo('k4', 'done');
  });
  it.each(SAGA_POINTS.map((p) => [p] as const))('stuck at %s is finished by another process, and its zombie changes nothing', async (point) => {
    const key = `zombie ${point}`;
    faults = point.startsWith('undo') ? { c: () => refuse(soldOut) } : {};
    let go: (() => void) | undefined;
    const cell: Cell = h.anotherCell('IN', [provide(SagaProbe,
      () => ({ at: (p) => (p === point && !go ? new Promise<void>((free) => { go = free; }) : Promise.resolve()) }))]);
    await start(plain, key);
    const zombie = h.startWorkers(cell, ['worker']);
    await until(async () => go !== undefined);
    if (point.endsWith('-made')) {
      // It holds its locks inside a transaction: the other waits for them, so it is let go while the other has the lease.
      await skip();
      const other = h.startWorkers(h.cell(), ['worker']);
      await systemClock.sleep(50);
      go?.();
      await until(async () => (await row(key)).state === (point.startsWith('undo') ? 'undone' : 'done') || (await skip(), false));
      await other.stop();
    } else {
      await runTo(key, point.startsWith('undo') ? 'undone' : 'done');
      go?.();
    }
    await zombie.stop();
    expect(await effects(key)).toEqual(point.startsWith('undo') ? ['a', 'b', 'look', 'c', 'un-b', 'un-a'] : ['a', 'b', 'look', 'c']);
  });
  it('shared by three processes is done once, in plural steps too', async () => {
    await h.perform('india', (tx) => beginAll(tx.section, many, Array.from({ length: 120 }, (_, n) => ({ by: tx, key: `m${n}`, input: { n } }))));
    const workers = [h.cell(), h.anotherCell(), h.anotherCell()].map((cell) => h.startWorkers(cell, ['worker']));
    await until(async () => (await su("select 1 from saga.saga where ended_at is null")).length === 0);
    await Promise.all(workers.map((w) => w.stop()));
    const seen = await su<{ key: string; event: string }>("select key, event from probe.effect where subscriber = 'many'");
    expect(seen).toHaveLength(240);
    expect(new Set(seen.map((s) => `${s.key} ${s.event}`)).size).toBe(240);
    expect((await row('m13')).state).toBe('undone');
    expect(await effects('m13')).toEqual(['a', 'b', 'un-a']);
  });
  it('behind its pivot waits for a person when it is refused', async () => {
    faults = { b: () => refuse(soldOut) };
    await start(pivoted, 'k5');
    await runTo('k5', 'stalled');
    const { id } = await row('k5');
    expect((await decide(id, 'undo')).status).toBe(409);
    expect((await decide(id, 'skip')).status).toBe(200);
    await runTo('k5', 'done');
    expect(await effects('k5')).toEqual(['a', 'b']);
  });
});

describe('an external step', () => {
  it('is sent once, and the saga goes on with its answer', async () => {
    await start(paying, 'e1');
    await runTo('e1', 'done');
    expect(await effects('e1')).toEqual(['a', 'pay taken', 'c']);
    expect([sends, inquiries]).toEqual([1, 0]);
  });
  it('that is refused takes back what came before it', async () => {
    answers = () => 'refused';
    await start(paying, 'e2');
    await runTo('e2', 'undone');
    expect(await effects('e2')).toEqual(['a', 'pay refused', 'un-a']);
  });
  it('without an answer is inquired about, not sent again and not taken back', async () => {
    answers = () => 'unheard';
    await start(paying, 'e3');
    await runTo('e3', 'done');
    expect(await effects('e3')).toEqual(['a', 'pay taken', 'c']);
    expect(sends).toBe(1);
    expect(inquiries).toBeGreaterThan(0);
  });
  it('not known by its deadline stalls; a person’s retry inquires first, under the same key', async () => {
    answers = () => 'unheard';
    await start(paying, 'e4');
    const workers = h.startWorkers(h.cell(), ['worker']);
    await until(async () => sends === 1);
    await su("update jobs.job set created_at = created_at - interval '1 day'");
    await until(async () => { await skip(); return (await row('e4')).state === 'stalled'; });
    await workers.stop();
    expect(await effects('e4')).toEqual(['a']);
    const { id } = await row('e4');
    expect((await decide(id, 'retry')).json()).toMatchObject({ state: 'waiting' });
    await runTo('e4', 'done');
    expect(await effects('e4')).toEqual(['a', 'pay taken', 'c']);
    expect([sends, [...outside.keys()].filter((k) => k.includes(id.replaceAll('-', '')))]).toEqual([1, [`saga-${id.replaceAll('-', '')}-pay-do`]]);
  });
  it('not known by its deadline may be undone by a person, itself included', async () => {
    answers = () => 'lost';
    await start(paying, 'e5');
    const workers = h.startWorkers(h.cell(), ['worker']);
    await until(async () => sends === 1);
    await su("update jobs.job set created_at = created_at - interval '1 day'");
    await until(async () => { await skip(); return (await row('e5')).state === 'stalled'; });
    await workers.stop();
    answers = () => 'taken';
    expect((await decide((await row('e5')).id, 'undo')).status).toBe(200);
    await runTo('e5', 'undone');
    expect(await effects('e5')).toEqual(['a', 'un-pay taken', 'un-a']);
  });
});

describe('what cannot be taken back', () => {
  it('is a state with an owner; a person retries, or skips', async () => {
    for (const [key, decision] of [['s1', 'retry'], ['s2', 'skip']] as const) {
      faults = { c: () => refuse(soldOut), 'un-b': () => refuse(soldOut) };
      await start(plain, key);
      await runTo(key, 'compensation_stuck');
      const { id } = await row(key);
      const shown = await h.request({ tenant: 'india', path: `/api/sagas/saga_${id.replaceAll('-', '')}`, cookies: operator.cookies,
        headers: { 'sec-fetch-site': 'same-origin' } });
      expect(shown.json()).toMatchObject({ saga: { state: 'compensation_stuck', owner: 'the desk of the tests', step: 'b' }, may: ['retry', 'skip'] });
      faults = {};
      expect((await decide(id, decision)).status).toBe(200);
      await runTo(key, 'undone');
      const undone = (await effects(key)).filter((e) => e.startsWith('un-'));
      expect(undone).toEqual(decision === 'retry' ? ['un-b', 'un-b', 'un-a'] : ['un-b', 'un-a']);
      expect((await decide(id, 'retry')).status).toBe(409);
      expect(await su("select 1 from audit.entry where action = 'saga.decided' and resource = $1", [`saga ${id.replaceAll('-', '')}`])).toHaveLength(2);
    }
  });
  it('of another tenant is not there', async () => {
    faults = { b: () => refuse(soldOut) };
    await start(pivoted, 'x1');
    await runTo('x1', 'stalled');
    const stranger = await operatorOf(h, 'administrator', 'other');
    const { id } = await row('x1');
    expect((await decide(id, 'skip', { tenant: 'other', cookies: stranger.cookies })).status).toBe(404);
    const list = await h.request({ tenant: 'other', path: '/api/sagas', cookies: stranger.cookies, headers: { 'sec-fetch-site': 'same-origin' } });
    expect(list.json()).toEqual({ sagas: [], next: null });
  });
});

it('rows of sagas that ended long ago are forgotten with their steps; open ones never', async () => {
  const old = '01900000-0000-7000-8000-000000000001', open = '01900000-0000-7000-8000-000000000002';
  for (const [id, endedAt] of [[old, new Date(1_720_000_000_000)], [open, null]] as const) {
    await su(`insert into saga.saga (tenant, id, name, version, key, state, input, deadline_at, trace, created_at, ended_at)
      values ($1, $2, 'test.plain', 1, $3, 'stalled', '{}', $4, '', $4, $5)`,
      [h.tenant().id, id, id, new Date(1_720_000_000_000), endedAt]);
    await su("insert into saga.step (tenant, saga, no, step, move, result, at) values ($1, $2, 1, 'a', 'do', 'done', $3)", [h.tenant().id, id,
      new Date(1_720_000_000_000)]);
  }
  const workers = h.startWorkers(h.cell(), ['worker']);
  await until(async () => !(await su('select 1 from saga.saga where id = $1', [old])).length);
  await workers.stop();
  expect(await su('select saga from saga.step where saga in ($1, $2)', [old, open])).toEqual([{ saga: open }]);
});

it('every move of the diagram is one that the rules make, and waits grow to their limit', () => {
  expect(states.moves.done).toEqual([]);
  expect([1, 2, 5, 40].map((n) => backoffMs(n, 0.5))).toEqual([1000, 2000, 16_000, 600_000]);
});
