import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add, connectAs, house, probe, sectionOf, type House } from '#test';
import { createBatcher, databaseTime, done, isLost, isUnavailable, OutcomeUnknown, refuse, spineStatement, spineTransact, transact, Unavailable,
  type BatchStats, type Connection, type DatabaseTime, type Entry, type Item, type Outcome, Pool, type SectionTx, type SqlTag, type Work } from './index.ts';
import { BATCH_WAITING_MAX, common, systemClock } from './index.ts';

let h: House;
beforeAll(async () => { h = await house({ add: [probe()] }); });
afterAll(() => h.stop());

const value = async (key: string, slug = 'india'): Promise<bigint | undefined> =>
  (await h.sql('IN', 'superuser')<{ n: bigint }>('select n from probe.item where tenant = $1 and key = $2', [h.tenant(slug).id, key]))[0]?.n;
/** Waits for something that will come; the test's own time limit is the only one. */
const until = async (there: () => boolean): Promise<void> => {
  while (!there()) await systemClock.sleep(1);
};
const nobody = { actor: { kind: 'nobody' }, trace: '0'.repeat(32) } as const;

describe('a connection', () => {
  const pool = (): Pool => h.cell().pools.app;

  it('pipelines: statements leave at once and answer in order', async () => {
    await pool().with(async (c) => {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => c.query(`select ${i} as i`)));
      expect(answers.map((a) => (a.rows[0] as { i: number }).i)).toEqual(Array.from({ length: 50 }, (_, i) => i));
      expect(c.sent).toBe(50);
    });
  });
  it('refuses a statement behind the COMMIT', async () => {
    await pool().with(async (c) => {
      await c.query('begin');
      const commit = c.commit();
      expect(() => c.query('select 1')).toThrow(/after the COMMIT/);
      expect((await commit).command).toBe('COMMIT');
    });
  });
  it('is given back whole after an error in the middle of a flight', async () => {
    await expect(pool().with(async (c) => {
      await c.query('begin');
      await Promise.all([c.query('select 1'), c.query('select no_such_column'), c.query('select 2')]);
    })).rejects.toMatchObject({ code: '42703' });
    for (let i = 0; i < 12; i++) await pool().with(async (c) => expect((await c.query('select 1 as one')).rows).toEqual([{ one: 1 }]));
  });
  it('that the server ends is replaced, and the loss is Unavailable', async () => {
    const lost = pool().with(async (c) => {
      const [{ pid }] = (await c.query('select pg_backend_pid() as pid')).rows as [{ pid: number }];
      await h.sql('IN', 'superuser')('select pg_terminate_backend($1)', [pid]);
      await c.query('select 1');
    });
    const error = await lost.catch((e: unknown) => e);
    expect(error).toBeInstanceOf(Error);
    await pool().with(async (c) => expect((await c.query('select 1 as one')).rows).toEqual([{ one: 1 }]));
  });
  it('reads bigint as bigint and dates as text', async () => {
    const [row] = await h.perform('india', (tx) => tx.sql`select 9007199254740993::bigint as n, '2024-02-29'::date as d`);
    expect(row).toEqual({ n: 9007199254740993n, d: '2024-02-29' });
  });
});

describe('a transaction', () => {
  it('takes a COMMIT that PostgreSQL answers with ROLLBACK as an error, and keeps nothing', async () => {
    const swallowed = transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
      await add(tx, 'swallowed', 1);
      // A verb that catches a failed statement leaves an aborted transaction behind.
      await tx.sql`select 1 / 0`.catch(() => undefined);
    })]);
    await expect(swallowed).rejects.toThrow(/rolled back/);
    expect(await value('swallowed')).toBeUndefined();
  });
  it('writes all sections or none', async () => {
    const sections = ['india', 'other'].map((slug) => sectionOf(h, slug, async (tx) => {
      await add(tx, 'both', 1);
      if (slug === 'other') throw new Error('the second fails');
    }));
    await expect(transact(h.cell(), h.cell().pools.app, sections)).rejects.toThrow('the second fails');
    expect([await value('both'), await value('both', 'other')]).toEqual([undefined, undefined]);
  });
  it('shows each section its own tenant only', async () => {
    const seen = await transact(h.cell(), h.cell().pools.app, ['india', 'other', 'india'].map((slug) => sectionOf(h, slug, async (tx) => {
      await add(tx, `own-${slug}`, 1);
      return (await tx.sql<{ key: string }>`select key from probe.item where key like 'own-%' order by key`).map((r) => r.key);
    })));
    expect(seen).toEqual([['own-india'], ['own-other'], ['own-india']]);
  });
  it('tries serialization failures and deadlocks again, with the same seeds and fresh memory', async () => {
    for (const code of ['40001', '40P01']) {
      const drawn: string[] = [];
      let tries = 0;
      await transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
        drawn.push(tx.random.bytes(8).toString('hex'));
        tx.audit(nobody, { action: `probe.try-${code}`, result: 'done' });
        await add(tx, `retried-${code}`, 1);
        tries += 1;
        if (tries < 3) await tx.sql`do $$ begin raise exception 'again' using errcode = '40001'; end $$`.catch((error: Error) =>
          { throw Object.assign(error, { code }); });
      })]);
      expect(tries).toBe(3);
      expect(new Set(drawn).size).toBe(1);
      expect(await value(`retried-${code}`)).toBe(1n);
      const facts = await h.sql('IN', 'superuser')('select 1 from audit.entry where action = $1', [`probe.try-${code}`]);
      expect(facts).toHaveLength(1);
    }
  });
  it('gives up after the last retry', async () => {
    let tries = 0;
    await expect(transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async () => {
      tries += 1;
      throw Object.assign(new Error('always'), { code: '40001' });
    })])).rejects.toThrow('always');
    expect(tries).toBe(4);
  });
  it('tries again when a section’s flush fails to serialize and another section was already on its way', async () => {
    let tries = 0;
    const first = sectionOf(h, 'india', async (tx) => {
      tries += 1;
      // What a writer sends at the flush is answered after the next section has opened.
      if (tries === 1) tx.audit(nobody, { action: 'probe.flush', result: 'done', detail: {}, resource: 'x' });
      else tx.audit(nobody, { action: 'probe.flushed', result: 'done' });
    });
    await h.sql('IN', 'superuser')(`create function probe.fail_once() returns trigger language plpgsql as $$ begin
      if exists (select 1 from fresh where action = 'probe.flush') then raise exception 'again' using errcode = '40001'; end if; return null; end $$;
      create trigger fail_once after insert on audit.fact referencing new table as fresh for each statement execute function probe.fail_once();`);
    try {
      await transact(h.cell(), h.cell().pools.app, [first, sectionOf(h, 'other', async (tx) => { await add(tx, 'behind', 1); })]);
    } finally {
      await h.sql('IN', 'superuser')('drop trigger fail_once on audit.fact; drop function probe.fail_once()');
    }
    expect(tries).toBe(2);
    expect(await value('behind', 'other')).toBe(1n);
  });
  it('stays committed when a signal behind the commit throws', async () => {
    let runs = 0;
    await transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
      runs += 1;
      await add(tx, 'signalled', 1);
      tx.afterCommit(() => { throw new Error('a broken signal'); });
    })]);
    expect(runs).toBe(1);
    expect(await value('signalled')).toBe(1n);
  });
  it('asserts the order of locks', async () => {
    await expect(h.perform('india', async (tx) => { tx.locks('spine/identity'); tx.locks('spine/tenancy'); })).rejects.toThrow(/lock order/);
    await h.perform('india', async (tx) => { tx.locks('spine/tenancy'); tx.locks('spine/tenancy'); tx.locks('spine/identity'); });
  });
  it('tells one more than may wait for a connection to come back later', async () => {
    const small = new Pool({ connection: connectAs(h.connections[0] as House['connections'][number], 'app'), max: 1, waitingMax: 1, onError: () => undefined });
    let release: (() => void) | undefined;
    const held = small.with(() => new Promise<void>((go) => { release = go; }));
    await until(() => release !== undefined);
    const next = small.with(async (c) => (await c.query('select 1 as one')).rows);
    await expect(small.with(async () => undefined)).rejects.toBeInstanceOf(Unavailable);
    release?.();
    await held;
    expect(await next).toEqual([{ one: 1 }]);
    await small.close();
  });
  it('tells every error of a lost connection and outlives it: held, heard on, and given back', async () => {
    const told: Error[] = [];
    const frail = new Pool({ connection: connectAs(h.connections[0] as House['connections'][number], 'app'), max: 2, waitingMax: 2,
      onError: (error) => told.push(error) });
    const kill = (pid: unknown): Promise<unknown> => h.sql('IN', 'superuser')('select pg_terminate_backend(' + String(pid) + ')');
    const pid = async (c: { query(text: string): Promise<{ rows: unknown[] }> }): Promise<unknown> =>
      ((await c.query('select pg_backend_pid() as pid')).rows as { pid: unknown }[])[0]?.pid;
    await expect(frail.with(async (c) => {
      await kill(await pid(c));
      await until(() => told.length > 0);
      await c.query('select 1');
    })).rejects.toThrow();
    const before = told.length;
    await kill(await frail.with(pid));
    await until(() => told.length > before);
    expect(await frail.with(async (c) => (await c.query('select 1 as one')).rows)).toEqual([{ one: 1 }]);
    await frail.close();
  });
  it('of one statement has the time without being told it first, whatever else the template is sent with', async () => {
    const since = (sql: SqlTag, from: Date | DatabaseTime, to: Date | DatabaseTime): Promise<{ ms: number; at: Date }[]> => sql<{ ms: number; at: Date }>`
      select (extract(epoch from ${to}::timestamptz - ${from}::timestamptz) * 1000)::float8 as ms, ${to}::timestamptz as at`;
    const noon = new Date('2026-11-29T12:00:00.000Z');
    const [both] = await spineStatement(h.cell(), (sql) => since(sql, databaseTime(), databaseTime(1500.25)));
    expect(both?.ms).toBeCloseTo(1500.25, 3);
    expect(Math.abs((both as { at: Date }).at.getTime() - systemClock.now().getTime())).toBeLessThan(5000);
    const [plain] = await spineStatement(h.cell(), (sql) => since(sql, noon, new Date(noon.getTime() + 7)));
    expect(plain).toEqual({ ms: 7, at: new Date(noon.getTime() + 7) });
    const [first] = await spineStatement(h.cell(), (sql) => since(sql, databaseTime(-60_000), noon));
    const [last] = await spineStatement(h.cell(), (sql) => since(sql, noon, databaseTime(-60_000)));
    expect(first?.at).toEqual(noon);
    expect((first?.ms as number) + (last?.ms as number)).toBeGreaterThanOrEqual(0);
    expect((first?.ms as number) + (last?.ms as number)).toBeLessThan(5000);
  });
  it('is kept when whoever has it throws an Unavailable of somebody else’s', async () => {
    const one = new Pool({ connection: connectAs(h.connections[0] as House['connections'][number], 'app'), max: 1, waitingMax: 1, onError: () => undefined });
    const pid = (): Promise<unknown> => one.with(async (c) => (await c.query('select pg_backend_pid() as pid')).rows);
    const before = await pid();
    await expect(one.with(() => Promise.reject(new Unavailable('the key service is away')))).rejects.toThrow(Unavailable);
    expect(await pid()).toEqual(before);
    await one.close();
  });
  it('of one that has stopped listening keeps the connection, which hears nothing any more', async () => {
    const one = new Pool({ connection: connectAs(h.connections[0] as House['connections'][number], 'app'), max: 1, waitingMax: 1, onError: () => undefined });
    const pid = (): Promise<unknown> => one.with(async (c) => (await c.query('select pg_backend_pid() as pid')).rows[0]);
    const say = (text: string): Promise<unknown> => h.sql('IN', 'superuser')(`select pg_notify('stopped', '${text}')`);
    const before = await pid();
    const heard: string[] = [];
    const ending = new AbortController();
    const listening = one.listen('stopped', (text) => void heard.push(text), ending.signal);
    await until(() => heard.length > 0);
    await say('first');
    await until(() => heard.length > 1);
    ending.abort();
    await listening;
    const next: string[] = [];
    const other = new AbortController();
    const again = one.listen('another', (text) => void next.push(text), other.signal);
    await until(() => next.length > 0);
    await say('second');
    await h.sql('IN', 'superuser')(`select pg_notify('another', 'third')`);
    await until(() => next.length > 1);
    other.abort();
    await again;
    expect([heard, next, await pid()]).toEqual([['', 'first'], ['', 'third'], before]);
    await one.close();
  });
  it('of the spine keeps nothing when it throws', async () => {
    const jobs = async (): Promise<unknown> => (await h.sql('IN', 'superuser')('select count(*) as n from events.cursor'))[0];
    const before = await jobs();
    await expect(spineTransact(h.cell(), async (tx) => {
      await tx.sql`insert into events.cursor (subscriber, part) values ('never', 0)`;
      throw new Error('no');
    })).rejects.toThrow('no');
    expect(await jobs()).toEqual(before);
  });
});

interface Input { readonly key: string; readonly n: number; readonly poison?: boolean | 'refuse' }
const entry = (slug: string, input: Input): Entry<Input> => ({ tenant: h.tenant(slug), item: { input, ...nobody, atMs: 0 } });

/** A batcher whose verb adds every item in one statement; `tries` counts its calls by number of items. */
function batcher(more: Partial<Work<Input, string>> = {}): { submit(e: Entry<Input>): Promise<{ outcome: Outcome<string> }>; stats: BatchStats;
  tries: number[] } {
  const tries: number[] = [];
  const plural = async (tx: SectionTx, items: readonly Item<Input>[]): Promise<Outcome<string>[]> => {
    tries.push(items.length);
    if (items.some((i) => i.input.poison === true)) throw new Error('poison');
    await tx.sql`insert into probe.item (tenant, key, n) select ${tx.tenant.id}, k, n from unnest(${items.map((i) => i.input.key)}::text[], ${items.map((i) =>
      i.input.n)}::bigint[]) r (k, n)`;
    for (const item of items) tx.audit(item, { action: 'probe.batch', result: 'done', resource: item.input.key });
    return items.map((i) => (i.input.poison === 'refuse' ? refuse(common.notFound) : done(`${tx.tenant.slug} ${i.input.key}`)));
  };
  const made = createBatcher<Input, string>(h.cell(),
    { name: 'probe', plural, gates: [], toJson: JSON.stringify, fromJson: (json) => JSON.parse(json) as Outcome<string>, log: h.log, ...more });
  return { submit: made.submit, stats: made.stats, tries };
}

describe('a batch', () => {
  it('holds several tenants as sections of one transaction and answers in the order asked', async () => {
    const b = batcher();
    const asked = Array.from({ length: 40 }, (_, i) => entry(i % 3 ? 'india' : 'other', { key: `mixed-${i}`, n: i }));
    const answers = await Promise.all(asked.map((e) => b.submit(e)));
    expect(answers.map((a) => a.outcome)).toEqual(asked.map((e) => done(`${e.tenant.slug} ${e.item.input.key}`)));
    expect(b.stats).toMatchObject({ batches: 1, items: 40 });
    const [{ n } = { n: 0 }] = await h.sql('IN', 'superuser')<{ n: number }>(
      "select count(distinct xmin::text)::int as n from probe.item where key like 'mixed-%'");
    expect(n).toBe(1);
  });
  it('that met a full disk is not taken apart: nothing stands, the connection is kept, and all may come again', async () => {
    const full = "do $$ begin raise exception using errcode = 'disk_full', message = 'could not extend file: No space left on device'; end $$";
    let room = false;
    const pids = new Set<number>();
    const b = batcher({ plural: async (tx, items) => {
      pids.add((await tx.sql<{ pid: number }>`select pg_backend_pid() as pid`)[0]?.pid ?? 0);
      await tx.sql`insert into probe.item (tenant, key, n) select ${tx.tenant.id}, k, 1 from unnest(${items.map((i) => i.input.key)}::text[]) k`;
      // As rows are written: with the COMMIT behind them, unanswered.
      if (!room) tx.write(() => tx.sql([full] as unknown as TemplateStringsArray));
      return items.map((i) => done(i.input.key));
    } });
    const submit = (): Promise<PromiseSettledResult<unknown>[]> => Promise.allSettled(Array.from({ length: 8 }, (_, i) =>
      b.submit(entry('india', { key: `full-${i}`, n: 1 }))));
    const errors = (await submit()).map((a) => (a.status === 'rejected' ? a.reason as unknown : undefined));
    expect(errors.map((e) => [isUnavailable(e), isLost(e), e instanceof OutcomeUnknown])).toEqual(errors.map(() => [true, false, false]));
    expect(b.stats).toMatchObject({ batches: 1, bisections: 0 });
    expect(await value('full-0')).toBeUndefined();
    room = true;
    expect((await submit()).map((a) => a.status)).toEqual(errors.map(() => 'fulfilled'));
    expect(await value('full-0')).toBe(1n);
    expect(pids.size).toBe(1);
  });
  it('with one poisoned item among 64 fails that one alone, in log₂ N + 1 failing tries', async () => {
    const b = batcher();
    const asked = Array.from({ length: 64 }, (_, i) => entry('india', { key: `poison-${i}`, n: i, poison: i === 37 }));
    const answers = await Promise.allSettled(asked.map((e) => b.submit(e)));
    expect(answers.flatMap((a, i) => (a.status === 'rejected' ? [i] : []))).toEqual([37]);
    expect(b.stats.bisections).toBe(6);
    expect(b.tries.length).toBeLessThanOrEqual(2 * 6 + 1);
    expect(await h.sql('IN', 'superuser')("select 1 from probe.item where key like 'poison-%'")).toHaveLength(63);
    expect(await h.sql('IN', 'superuser')("select 1 from audit.entry where resource like 'poison-%'")).toHaveLength(63);
  });
  it('with a poisoned item in one tenant’s section lets the other tenants pass at the first cut', async () => {
    const b = batcher();
    const answers = await Promise.allSettled([
      ...Array.from({ length: 8 }, (_, i) => b.submit(entry('other', { key: `cut-${i}`, n: i }))),
      b.submit(entry('india', { key: 'cut-x', n: 1, poison: true })),
    ]);
    expect(answers.map((a) => a.status)).toEqual([...Array.from({ length: 8 }, () => 'fulfilled'), 'rejected']);
    expect(b.stats.bisections).toBe(1);
  });
  it('keeps a refused item’s facts beside the others’ rows', async () => {
    const b = batcher();
    const [yes, no] = await Promise.all([b.submit(entry('india', { key: 'kept-1', n: 1 })),
      b.submit(entry('india', { key: 'kept-2', n: 1, poison: 'refuse' }))]);
    expect([yes?.outcome.ok, no?.outcome.ok]).toEqual([true, false]);
    expect(await h.sql('IN', 'superuser')("select 1 from audit.entry where resource like 'kept-%'")).toHaveLength(2);
  });
  it('issues the same number of statements for 1 item and for 256', async () => {
    const counted: number[] = [];
    const { batch } = h.cell().pools;
    const original = batch.with.bind(batch);
    batch.with = <T>(use: (c: Connection) => Promise<T>): Promise<T> => original(async (c) => {
      const result = await use(c);
      counted.push(c.sent);
      return result;
    });
    try {
      for (const size of [1, 256, 1, 256]) {
        const b = batcher();
        await Promise.all(Array.from({ length: size }, (_, i) => b.submit(entry('india', { key: `count-${size}-${counted.length}-${i}`, n: i }))));
        expect(b.stats.batches).toBe(1);
      }
    } finally {
      batch.with = original;
    }
    expect(counted).toHaveLength(4);
    expect(Math.max(...counted) - Math.min(...counted)).toBeLessThanOrEqual(1);
  });
  it('answers 503 to one more than may wait', async () => {
    let release = (): void => undefined;
    const gate = new Promise<void>((go) => { release = go; });
    let entered = 0;
    const b = batcher({ plural: async (_, items) => { entered += 1; await gate; return items.map(() => done('x')); } });
    const first = [0, 1].map((i) => b.submit(entry('india', { key: `w-${i}`, n: 0 })));
    await until(() => entered === 1);
    const second = b.submit(entry('india', { key: 'w-2', n: 0 }));
    await until(() => entered === 2);
    const crowd = Array.from({ length: BATCH_WAITING_MAX }, () => b.submit(entry('india', { key: 'w', n: 0 })));
    expect(await b.submit(entry('india', { key: 'one too many', n: 0 }))).toMatchObject(
      { outcome: { ok: false, problem: { code: 'unavailable', status: 503 } } });
    release();
    const answers = await Promise.all([...first, second, ...crowd]);
    expect(answers.every((a) => a.outcome.ok)).toBe(true);
    expect(b.stats.items).toBe(BATCH_WAITING_MAX + 3);
  });
  it('notices a verb that answers for another number of items', async () => {
    const b = batcher({ plural: async () => [] });
    await expect(b.submit(entry('india', { key: 'none', n: 0 }))).rejects.toThrow(/0 outcomes for 1 items/);
  });
});
