import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { add, everyModule, house, ItemChanged, leave, operatorOf, probe, sectionOf, type House, type MadeOperator } from '#test';
import { NotYet, on, spineTransact, systemClock, transact, Unavailable, type Module, type SqlTag, type Tx, type WorkerContext } from '#kernel';
import { RELEASE_MAX } from './contract.ts';
import { relay } from './service/relay.ts';
import { readSettled, watchEvents } from './index.ts';
import { eventsOf, lastPos, tailAfter, tailEvents } from './store.ts';

type Effect = { key: string; n: bigint; event: string; trace: string };
/** What the reactions of this file do; each test has a subscriber of its own. */
const failing = new Set<string>();
/** What needs somebody who is away. */
const away = new Set<string>();
/** What is not to be had yet: for so long, in milliseconds. */
const early = new Map<string, number>();
const reaction = (subscriber: string) => on(ItemChanged, subscriber, async (tx: Tx, e) => {
  if (failing.has(`${subscriber} ${e.key}`)) throw new Error('poison');
  const wait = early.get(`${subscriber} ${e.key}`);
  if (wait !== undefined) throw new NotYet('no key yet', wait);
  if (away.has(`${subscriber} ${e.key}`)) throw new Unavailable('the key service is away');
  tx.audit({ action: `effect.${subscriber}`, result: 'done', resource: e.key });
  await leave(tx, { subscriber, event: e.id, key: e.key, n: e.data.n, trace: tx.trace });
});
const probing = probe({ reactions: ['once', 'parking', 'tracing', 'again'].map(reaction) });
const only = (...subscribers: string[]): Module => ({ ...probing, reactions: (probing.reactions ?? []).filter((r) => subscribers.includes(r.subscriber)) });

let h: House;
beforeAll(async () => { h = await house({ add: [probing], limits: false }); });
afterAll(() => h.stop());

const su = <R extends Record<string, unknown>>(text: string, values: unknown[] = []): Promise<R[]> => h.sql('IN', 'superuser')<R>(text, values);
const effects = (subscriber: string): Promise<Effect[]> =>
  su<Effect>('select key, n, event, trace from probe.effect where subscriber = $1 order by pos', [subscriber]);
const emit = (key: string, n: number, slug = 'india', trace = '0'.repeat(32)): Promise<unknown> =>
  transact(h.cell(), h.cell().pools.app, [sectionOf(h, slug, async (tx) => tx.emit({ actor: { kind: 'nobody' }, trace }, ItemChanged, key, { n }))]);
const cursor = async (name: string): Promise<bigint | undefined> =>
  (await su<{ pos: bigint | null }>('select min(pos) as pos from events.cursor where subscriber = $1', [name]))[0]?.pos ?? undefined;
const positions = (sql: SqlTag, after: bigint): Promise<{ pos: bigint }[]> => sql<{ pos: bigint }>`select pos from events.log where pos > ${after}
  order by pos limit 100`;
const end = (): Promise<bigint> => spineTransact(h.cell(), (tx) => lastPos(tx.sql));

/** Runs one relay on a cell, as one process does, until the named subscribers have read everything. */
async function relaying<T>(cells: readonly ReturnType<House['cell']>[], subscribers: readonly string[], during: () => Promise<T>): Promise<T> {
  const stopping = new AbortController();
  const listed = [...everyModule, only(...subscribers)];
  const runs = cells.map((cell) => {
    const context: WorkerContext = { cell, clock: systemClock, log: h.log, signal: stopping.signal, modules: listed, tenants: () => [], tenant: async (id) =>
      h.program.directory.byId(id) };
    return (async () => { while (!stopping.signal.aborted) await relay.run(context).catch(() => systemClock.sleep(5)); })();
  });
  const result = await during();
  const last = await end();
  for (const name of subscribers) while ((await cursor(name) ?? -1n) < last) await systemClock.sleep(5);
  stopping.abort();
  await Promise.all(runs);
  return result;
}

const UNTIL_MS_MAX = 40_000;
/** Waits for what must come, and says so when it does not. */
async function until(there: () => Promise<boolean>): Promise<void> {
  const end = systemClock.monotonicMs() + UNTIL_MS_MAX;
  while (!await there()) {
    if (systemClock.monotonicMs() > end) throw new Error('it did not come');
    await systemClock.sleep(10);
  }
}

describe('the log', () => {
  it('reaches each subscriber exactly once, in order of each key, with 16 writers, delays, rollbacks and two racing relays', async () => {
    const seeds = Array.from({ length: 16 }, (_, w) => w);
    const keys = Array.from({ length: 8 }, (_, k) => `hot-${k}`);
    let committed = 0;
    const writers = (): Promise<unknown> => Promise.all(seeds.map(async (w) => {
      for (let i = 0; i < 45; i++) {
        const key = keys[(w * 7 + i * 3) % 8] as string;
        const delay = ((w * 31 + i * 17) % 7) / 2000;
        await transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
          // Something is written before the row is waited for: this transaction then has a smaller id than the one that it follows.
          if (i % 2) await tx.sql`insert into probe.item (tenant, key, n) values (${tx.tenant.id}, ${`first-${w}-${i}`}, 0)`;
          const version = await add(tx, key, 1);
          if (i % 3) tx.emit({ actor: { kind: 'nobody' }, trace: '0'.repeat(32) }, ItemChanged, key, { n: Number(version) });
          else {
            // Holds its position for a while: a reader that does not prove the gap passes it, and never sees this event.
            await tx.sql`insert into events.log (tenant, topic, key, id, version, at, trace, data)
              values (${tx.tenant.id}, ${ItemChanged.name}, ${key}, ${tx.uuid()}, 1, ${tx.now}, ${'0'.repeat(32)}, ${JSON.stringify({ n: Number(version) })})`;
            await tx.sql`select pg_sleep(${delay + 0.002})`;
          }
          if ((w + i) % 10 === 0) throw new Error('rolled back');
        })]).then(() => { committed += 1; }, () => undefined);
      }
    }));
    await relaying([h.cell(), h.anotherCell()], ['once'], writers);
    const seen = (await effects('once')).filter((e) => e.key.startsWith('hot-'));
    expect(committed).toBeGreaterThan(600);
    expect(seen).toHaveLength(committed);
    expect(new Set(seen.map((e) => e.event)).size).toBe(committed);
    const [{ gaps } = { gaps: 0n }] = await su<{ gaps: bigint }>('select max(pos) - count(*) as gaps from events.log');
    expect(gaps).toBeGreaterThan(0n);
    for (const key of keys) {
      const versions = seen.filter((e) => e.key === key).map((e) => Number(e.n));
      expect(versions, key).toEqual(Array.from({ length: versions.length }, (_, i) => i + 1));
    }
  });
  it('waits behind a gap while its transaction is open, and goes on when it ends', async () => {
    const from = await end();
    const read = (): Promise<{ pos: bigint }[]> => readSettled(h.cell(), 'events.log', from, positions);
    let release: (() => void) | undefined;
    const held = transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
      await tx.sql`insert into events.log (tenant, topic, key, id, version, at, trace, data) values (${tx.tenant.id}, 'x', 'held', gen_random_uuid(), 1, ${
        tx.now}, '', '{}')`;
      await new Promise<void>((go) => { release = go; });
    })]);
    while (!release) await systemClock.sleep(2);
    await emit('behind', 1);
    let settled = false;
    const reading = read().then((rows) => { settled = true; return rows; });
    await systemClock.sleep(60);
    expect(settled).toBe(false);
    release();
    await held;
    expect((await reading).map((r) => r.pos)).toEqual([from + 1n, from + 2n]);
  });
  it('is not held up by whoever only reads, nor by another database', async () => {
    const from = await end();
    await su("select nextval('events.position')");
    await emit('past the gap', 1);
    await h.cell().pools.app.with(async (c) => {
      await c.query('begin');
      await c.query('select count(*) from events.log');
      const rows = await readSettled(h.cell(), 'events.log', from, positions);
      await c.query('rollback');
      expect(rows.map((r) => r.pos)).toEqual([from + 2n]);
    });
  });
  it('cannot be changed by anybody who runs verbs or relays', async () => {
    for (const role of ['app', 'spine'] as const) {
      for (const verb of ["update events.log set data = '{}'", 'delete from events.log', 'truncate events.log']) {
        await expect(h.sql('IN', role)(verb, [], { tenant: h.tenant().id }), `${role}: ${verb}`).rejects.toMatchObject({ code: '42501' });
      }
    }
  });
  it('takes no data that its event type does not list', async () => {
    await expect(h.perform('india', async (tx) => tx.emit(ItemChanged, 'x', { n: 1, name: 'Asha' } as never))).rejects.toThrow();
    await expect(h.perform('india', async (tx) => tx.emit(ItemChanged, 'x', { n: 'one' } as never))).rejects.toThrow();
  });
  it('is walked in its order for some topics and parts of it, and never sorted before the first is taken', async () => {
    const texts: string[] = [];
    const caught = async (strings: TemplateStringsArray): Promise<never[]> => {
      texts.push(strings.reduce((sum, part, i) => `${sum}$${i}${part}`));
      return [];
    };
    for (const own of ['all', [0, 2]] as const) await eventsOf(caught as SqlTag, 0n, 20_000n, [ItemChanged.name], own, 4, 2000);
    for (const read of [tailAfter, tailEvents]) await read(caught as SqlTag, 0n, [ItemChanged.name], 4, 2000);
    for (const text of texts) {
      const plan = (await su<{ 'QUERY PLAN': string }>(`explain (generic_plan) ${text}`)).map((r) => r['QUERY PLAN']).join('\n');
      expect(plan).toContain('Index Scan');
      expect(plan).not.toMatch(/\bSort {2}\(/);
    }
  });
  it('takes no key with a control character: its readers part what they read by one of them', async () => {
    const before = await end();
    for (const key of ['a\u001eb', 'a\u001fb', '\u0000']) await expect(emit(key, 1)).rejects.toThrow('control character');
    expect(await end()).toBe(before);
  });
});

describe('a subscriber', () => {
  it('parks a poisoned event with its key, also for a second relay, and the stream goes on', async () => {
    const cells = [h.cell(), h.anotherCell()];
    failing.add('parking bad');
    await relaying(cells, ['parking'], async () => {
      for (let i = 1; i <= 3; i++) await emit('good', i);
      await emit('bad', 1);
      await emit('good', 4);
      await until(async () => (await su('select 1 from events.parked')).length > 0);
      failing.clear();
      // Later events of the key must not overtake the parked one, whichever relay takes them.
      for (let i = 2; i <= 12; i++) {
        await emit('bad', i);
        await emit('good', i + 3);
        await systemClock.sleep(3);
      }
      await emit('bad', 1, 'other');
    });
    const seen = (await effects('parking')).filter((e) => ['good', 'bad'].includes(e.key));
    expect(seen.filter((e) => e.key === 'good').map((e) => Number(e.n))).toEqual(Array.from({ length: 15 }, (_, i) => i + 1));
    // The same key of another tenant is another key.
    expect(seen.filter((e) => e.key === 'bad').map((e) => Number(e.n))).toEqual([1]);
    const parked = await su<{ key: string }>("select key from events.parked where subscriber = 'parking'");
    expect(parked.map((p) => p.key)).toEqual(Array.from({ length: 12 }, () => 'bad'));
    expect(seen.length + parked.length).toBe(28);
  });
  it('sees a key that another process parked while it was running', async () => {
    await relaying([h.cell()], ['parking'], async () => {
      await emit('before', 1);
      await until(async () => (await cursor('parking') ?? 0n) >= await end());
      await su("insert into events.parked values ('parking', 0, $1, 'elsewhere', 'poison', $2)", [h.tenant().id, systemClock.now()]);
      // Only who has the lease parks; a relay that took it over reads what is parked, and now and then again.
      await systemClock.sleep(900);
      await emit('elsewhere', 2);
    });
    expect((await effects('parking')).filter((e) => e.key === 'elsewhere')).toEqual([]);
    expect(await su("select 1 from events.parked where key = 'elsewhere'")).toHaveLength(2);
  });
  it('carries each event’s own trace into what its effect says', async () => {
    const traces = ['1', '2', '3'].map((c) => c.repeat(32));
    for (const [i, trace] of traces.entries()) await emit(`trace-${i}`, i, 'india', trace);
    await relaying([h.cell()], ['tracing'], async () => undefined);
    const seen = (await effects('tracing')).filter((e) => e.key.startsWith('trace-')).toSorted((a, b) => (a.key < b.key ? -1 : 1));
    expect(seen.map((e) => e.trace)).toEqual(traces);
    const facts = await su<{ trace: string }>("select trace from audit.entry where action = 'effect.tracing' and resource like 'trace-%' order by resource");
    expect(facts.map((f) => f.trace)).toEqual(traces);
  });
});

describe('what was parked', () => {
  const desk = async (path: string, decision?: string, tenant = 'india', who?: MadeOperator): ReturnType<House['request']> => h.request({
    tenant, path: `/api/events${path}${decision ? `/${decision}` : ''}`, cookies: (who ?? await operatorOf(h, 'administrator', tenant)).cookies,
    headers: { 'sec-fetch-site': 'same-origin' }, ...(decision ? { method: 'POST', idempotencyKey: `parked-${path}-${decision}-${tenant}` } : {}),
  });
  it('is released in its order, or without its first event, by an operator of its tenant only', async () => {
    for (const decision of ['release', 'skip'] as const) {
      const key = `${decision} me`;
      failing.add(`again ${key}`);
      await relaying([h.cell()], ['again'], async () => {
        for (let i = 1; i <= 3; i++) await emit(key, i);
        await until(async () => (await su('select 1 from events.parked where key = $1', [key])).length >= 3);
      });
      failing.clear();
      const path = `/parked/again/${encodeURIComponent(key)}`;
      expect((await desk('/parked')).json<{ keys: unknown[] }>().keys).toContainEqual(expect.objectContaining({ subscriber: 'again', key, events: 3,
        released: false }));
      expect((await desk(path, decision, 'other')).status).toBe(404);
      expect((await desk(path, decision)).status).toBe(200);
      await relaying([h.cell()], ['again'], async () => {
        await until(async () => (await su('select 1 from events.parked where key = $1', [key])).length === 0);
        await emit(key, 4);
      });
      const seen = (await effects('again')).filter((e) => e.key === key).map((e) => Number(e.n));
      expect(seen, decision).toEqual(decision === 'release' ? [1, 2, 3, 4] : [2, 3, 4]);
    }
  });
  it('that fails again stays parked', async () => {
    failing.add('again stubborn');
    await relaying([h.cell()], ['again'], async () => {
      await emit('stubborn', 1);
      await until(async () => (await su("select 1 from events.parked where key = 'stubborn'")).length > 0);
      expect((await desk('/parked/again/stubborn', 'release')).status).toBe(200);
      await until(async () => h.lines().some((l) => l.event === 'events.parked' && l.pos === undefined));
    });
    failing.clear();
    await until(async () => (await su("select 1 from events.parked where key = 'stubborn' and released_at is null")).length === 1);
  });
  it('for want of something that is not to be had yet comes back by itself, as often as it takes, in its order and past nobody else', async () => {
    early.set('again early', 250);
    await relaying([h.cell()], ['again'], async () => {
      await emit('early', 1);
      await emit('punctual', 1);
      await until(async () => (await effects('again')).some((e) => e.key === 'punctual'));
      await until(async () => (await su("select 1 from events.parked where key = 'early' and error = 'NotYet'")).length === 1);
      await emit('early', 2);
      // Longer than one wait: it was tried again, and waits on.
      await systemClock.sleep(900);
      expect(await su("select 1 from events.parked where key = 'early'")).toHaveLength(2);
      early.clear();
      await until(async () => (await su("select 1 from events.parked where key = 'early'")).length === 0);
    });
    expect((await effects('again')).filter((e) => e.key === 'early').map((e) => Number(e.n))).toEqual([1, 2]);
    expect(h.lines().filter((l) => l.event === 'events.parked' && l.error === 'NotYet')).toEqual([]);
  });
  it('for want of something comes back whole, also more of it than is released in one transaction', async () => {
    early.set('again crowd', 250);
    await relaying([h.cell()], ['again'], async () => {
      await emit('crowd', 1);
      await until(async () => (await su("select 1 from events.parked where key = 'crowd'")).length === 1);
      await transact(h.cell(), h.cell().pools.app, [sectionOf(h, 'india', async (tx) => {
        for (let n = 2; n <= RELEASE_MAX + 20; n++) tx.emit({ actor: { kind: 'nobody' }, trace: '0'.repeat(32) }, ItemChanged, 'crowd', { n });
      })]);
      await until(async () => (await su("select 1 from events.parked where key = 'crowd'")).length === RELEASE_MAX + 20);
      early.clear();
      await until(async () => (await su("select 1 from events.parked where key = 'crowd'")).length === 0);
    });
    expect((await effects('again')).filter((e) => e.key === 'crowd').map((e) => Number(e.n)))
      .toEqual(Array.from({ length: RELEASE_MAX + 20 }, (_, i) => i + 1));
  });
  it('while somebody was away comes back by itself too, after the usual tries', async () => {
    away.add('again kept waiting');
    await relaying([h.cell()], ['again'], async () => {
      await emit('kept waiting', 1);
      await until(async () => (await su("select 1 from events.parked where key = 'kept waiting' and error = 'Unavailable'")).length === 1);
      expect((await su<{ failures: number }>("select max(failures) as failures from events.cursor where subscriber = 'again'"))[0]?.failures).toBe(0);
      away.clear();
      await until(async () => (await su("select 1 from events.parked where key = 'kept waiting'")).length === 0);
    });
    expect((await effects('again')).filter((e) => e.key === 'kept waiting')).toHaveLength(1);
  });
  it('shows the log of an entity, newest first, and each subscriber’s lag', async () => {
    await emit('seen', 1);
    await emit('seen', 2);
    expect((await desk('?key=seen')).json<{ events: { data: string }[] }>().events.map((e) => e.data)).toEqual(['{"n":2}', '{"n":1}']);
    expect((await desk('?key=seen', undefined, 'other')).json<{ events: unknown[] }>().events).toEqual([]);
    const { subscribers } = (await desk('/subscribers')).json<{ subscribers: { name: string; topics: string[]; parts: { lag: number }[] }[] }>();
    expect(subscribers.find((s) => s.name === 'again')).toMatchObject({ topics: ['probe.item-changed'],
      parts: [{ part: 0 }, { part: 1 }, { part: 2 }, { part: 3 }] });
  });
});

describe('a watcher', () => {
  it('sees what is emitted from now on, once, and only its types', async () => {
    const seen: string[] = [];
    let lost = 0;
    const stopping = new AbortController();
    const watching = watchEvents({ cell: h.cell(), clock: systemClock, signal: stopping.signal, types: [ItemChanged], see: (e) =>
      seen.push(`${e.key} ${String(e.data.n)}`), lost: () => { lost += 1; } });
    // What was kept before the log was followed may have missed an event that was on its way.
    while (lost === 0) await systemClock.sleep(2);
    for (let i = 0; i < 5; i++) await emit('watched', i);
    while (seen.length < 5) await systemClock.sleep(2);
    stopping.abort();
    await watching;
    expect(seen).toEqual(Array.from({ length: 5 }, (_, i) => `watched ${i}`));
    expect(lost).toBe(1);
  });
  it('says that it lost the log when it is followed again after a failure', async () => {
    const cell = h.anotherCell();
    let lost = 0;
    const stopping = new AbortController();
    const watch = (): Promise<void> => watchEvents({ cell, clock: systemClock, signal: stopping.signal, types: [ItemChanged], see: () =>
      { throw new Error('broken'); }, lost: () => { lost += 1; } });
    // Asked at once: it may break before the emitting has ended here.
    const first = expect(watch()).rejects.toThrow('broken');
    while (lost === 0) await systemClock.sleep(2);
    await emit('breaks', 1);
    await first;
    expect(lost).toBe(2);
    const second = watch();
    while (lost < 3) await systemClock.sleep(2);
    stopping.abort();
    await second;
  });
});
