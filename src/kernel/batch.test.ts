import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, probe, type House } from '#test';
import { common, createBatcher, done, refuse, systemClock, type Claimed, type Entry, type Gate, type Outcome, type Work } from './index.ts';

let h: House;
beforeAll(async () => { h = await house({ serve: ['IN'], add: [probe()] }); });
afterAll(() => h.stop());

const claim = (key: number): { scope: Buffer; bodyHash: () => Buffer } => ({ scope: Buffer.alloc(32, key), bodyHash: () => Buffer.alloc(32) });
const entry = (input: string, key?: number): Entry<string> => ({
  tenant: h.tenant(), item: { input, actor: { kind: 'nobody' }, trace: '0'.repeat(32), atMs: 0 }, ...(key === undefined ? {} : { claim: claim(key) }),
});
const work = (more: Partial<Work<string, string>>): Work<string, string> => ({
  name: 'probe', gates: [], toJson: JSON.stringify, fromJson: (json) => JSON.parse(json) as Outcome<string>, log: h.log, ...more,
});

describe('a batch that writes', () => {
  it('is followed by the next when it has sent its COMMIT, not when that is answered, and all that came meanwhile share it', async () => {
    const seen: string[] = [];
    let all: Promise<unknown>[] = [];
    const { submit } = createBatcher<string, string>(h.cell(), work({ async plural(tx, items) {
      seen.push(items.map((i) => i.input).join());
      if (items[0]?.input === 'first') {
        for (const name of ['second', 'third']) {
          all = [...all, submit(entry(name))];
          await tx.sql`select 1`;
        }
        tx.write(() => tx.sql`select pg_sleep(0.3)`);
      }
      return items.map((i) => done(i.input));
    } }), 10_000);
    await submit(entry('first'));
    seen.push('answered');
    await Promise.all(all);
    expect(seen).toEqual(['first', 'second,third', 'answered']);
  });
  it('of which fewer wait than it has is followed by the next when it is answered, and who comes until then shares that', async () => {
    const seen: string[] = [];
    let all: Promise<unknown>[] = [];
    const { submit } = createBatcher<string, string>(h.cell(), work({ async plural(tx, items) {
      seen.push(items.map((i) => i.input).join());
      if (seen.length === 1) {
        all = [submit(entry('third'))];
        tx.write(() => {
          const asleep = tx.sql`select pg_sleep(0.2)`;
          void systemClock.sleep(20).then(() => all.push(submit(entry('fourth'))));
          return asleep;
        });
      }
      return items.map((i) => done(i.input));
    } }), 10_000);
    await Promise.all(['first', 'second'].map((name) => submit(entry(name))));
    await Promise.all(all);
    expect(seen).toEqual(['first,second', 'third,fourth']);
  });
  it('is told from one that only reads, whose next begins at its COMMIT however few wait', async () => {
    const seen: string[] = [];
    let next: Promise<unknown> | undefined;
    const { submit } = createBatcher<string, string>(h.cell(), work({ reads: true, async plural(tx, items) {
      seen.push(items.map((i) => i.input).join());
      if (seen.length === 1) {
        next = submit(entry('third'));
        tx.write(() => tx.sql`select pg_sleep(0.3)`);
      }
      return items.map((i) => done(i.input));
    } }), 10_000);
    await Promise.all(['first', 'second'].map((name) => submit(entry(name)).then(() => seen.push('answered'))));
    await next;
    expect(seen).toEqual(['first,second', 'third', 'answered', 'answered']);
  });
  it('keeps others waiting only for a moment where it waits itself', async () => {
    const [entered, go] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    const { submit } = createBatcher<string, string>(h.cell(), work({ async plural(_, items) {
      if (items[0]?.input === 'stuck') {
        entered.resolve();
        await go.promise;
      }
      return items.map((i) => done(i.input));
    } }));
    let over = false;
    const stuck = submit(entry('stuck')).then(() => { over = true; });
    await entered.promise;
    expect(await submit(entry('free'))).toMatchObject({ outcome: { ok: true, value: 'free' } });
    expect(over).toBe(false);
    go.resolve();
    await stuck;
  });
});

describe('what is answered ahead', () => {
  const asked: string[] = [];
  const verb = (kinds: readonly Claimed['kind'][], no: readonly string[]): Work<string, string> => work({
    plural: async (_, items) => {
      asked.push(...items.map((i) => i.input));
      return items.map((i) => (i.input === 'recalled' ? refuse(common.notFound) : done(i.input)));
    },
    gates: [{ name: 'by-name', check: async (tx, items) => {
      await tx.sql`select 1`;
      return items.map((i) => (no.includes((i as { input?: string }).input ?? '') ? refuse(common.signedOut) : undefined));
    } }],
    claimer: { claim: async (tx, claims) => {
      await tx.sql`select 1`;
      return claims.map((_, i): Claimed => (kinds[i] === 'replay' ? { kind: 'replay', json: JSON.stringify(done('before')) }
        : kinds[i] === 'refused' ? { kind: 'refused', refused: refuse(common.keyReused) } : { kind: 'fresh' }));
    } },
    recall: async (_, items) => items.map((i) => (i.input === 'recalled' ? done('as then') : undefined)),
  });
  it('a gate says no before a key is looked at, and what was recalled is no work', async () => {
    const { submit } = createBatcher<string, string>(h.cell(), verb(['replay', 'replay', 'refused', 'fresh', 'fresh'], ['no, though answered once']));
    const answers = await Promise.all(['no, though answered once', 'answered', 'reused', 'recalled', 'new'].map((name, i) => submit(entry(name, i + 1))));
    expect(answers.map(({ outcome, replayed }) => [outcome.ok ? outcome.value : outcome.problem.code, replayed])).toEqual([
      ['signed-out', false], ['before', true], ['key-reused', false], ['as then', true], ['new', false],
    ]);
    expect(asked).toEqual(['recalled', 'new', 'new']);
  });
  it('what was prepared is there when the verb runs, and the verb runs also where nothing is left to do', async () => {
    const seen: string[] = [];
    const { submit } = createBatcher<string, string>(h.cell(), { ...verb(['replay', 'fresh'], []),
      ahead: async (tx, items) => {
        for (let i = 0; i < 2; i++) await tx.sql`select 1`;
        seen.push(`prepared ${items.map((i) => i.input).join()}`);
      },
      plural: async (_, items) => { seen.push(`asked ${items.map((i) => i.input).join()}`); return items.map((i) => done(i.input)); },
    });
    expect((await Promise.all([submit(entry('first', 1)), submit(entry('second', 2))])).map((a) => a.replayed)).toEqual([true, false]);
    expect((await submit(entry('third', 1))).replayed).toBe(true);
    expect(seen).toEqual(['prepared first,second', 'asked second', 'prepared third', 'asked ']);
  });
  it('a question that fails leaves nothing unanswered on the connection', async () => {
    const broken: Gate = { name: 'broken', check: (tx) => tx.sql`select no_such_column` as never };
    const failing = createBatcher<string, string>(h.cell(), { ...verb(['fresh'], []), gates: [broken] });
    await expect(failing.submit(entry('never', 1))).rejects.toMatchObject({ code: '42703' });
    for (let i = 0; i < 12; i++) expect(await h.perform('india', async (tx) => (await tx.sql`select 1 as one`)[0])).toEqual({ one: 1 });
  });
});

describe('a repeat of what a verb keeps itself', () => {
  let looked: string[] = [];
  let ran: string[] = [];
  const names = (items: readonly { input: string }[]): string => items.map((i) => i.input.replaceAll(/ .*/g, '')).join();
  /** Leaves a row by the name of its item; `name poor` is refused, `name poison` throws. */
  const keeping = (): Work<string, string> => work({
    plural: async (tx, items) => {
      ran.push(names(items));
      if (items.some((i) => i.input.endsWith('poison'))) throw new Error('a poisoned item');
      const paid = items.filter((i) => !i.input.endsWith('poor')).map((i) => i.input.split(' ')[0] as string);
      if (paid.length) tx.write(() => tx.sql`insert into probe.item (tenant, key, n) select ${tx.tenant.id}, k, 1 from unnest(${paid}::text[]) u (k)`);
      return items.map((i) => (i.input.endsWith('poor') ? refuse(common.notFound) : done('now')));
    },
    claimer: { claim: async (tx, claims) => { await tx.sql`select 1`; return claims.map((): Claimed => ({ kind: 'fresh' })); } },
    recall: async (tx, items) => {
      looked.push(names(items));
      const asked = items.map((i) => i.input.split(' ')[0] as string);
      const rows = await tx.sql<{ key: string }>`select key from probe.item where tenant = ${tx.tenant.id} and key = any(${asked}::text[])`;
      return asked.map((key) => (rows.some((row) => row.key === key) ? done('then') : undefined));
    },
  });
  const outcomes = async (submit: (e: Entry<string>) => Promise<{ outcome: Outcome<string>; replayed: boolean }>, ...asked: string[]): Promise<unknown[]> => {
    looked = [];
    ran = [];
    const answers = await Promise.allSettled(asked.map((name, i) => submit(entry(name, i + 1))));
    return answers.map((a) => (a.status === 'rejected' ? 'failed' : a.value.outcome.ok ? `${a.value.outcome.value}${a.value.replayed ? ', again' : ''}`
      : a.value.outcome.problem.code));
  };
  it('is not looked for ahead; where its row stands all are done again, it is found, and for a while names are looked up first', async () => {
    const { submit } = createBatcher<string, string>(h.cell(), keeping());
    expect([await outcomes(submit, 'kept.a', 'kept.b'), looked, ran]).toEqual([['now', 'now'], [], ['kept.a,kept.b']]);
    expect([await outcomes(submit, 'kept.c', 'kept.a'), looked, ran]).toEqual([['now', 'then, again'], ['kept.c,kept.a'], ['kept.c,kept.a', 'kept.c']]);
    expect([await outcomes(submit, 'kept.c', 'kept.d'), looked, ran]).toEqual([['then, again', 'now'], ['kept.c,kept.d'], ['kept.d']]);
  });
  it('that would be refused by now is found, and what is refused for the first time stays so', async () => {
    const { submit } = createBatcher<string, string>(h.cell(), keeping());
    expect(await outcomes(submit, 'poor.a')).toEqual(['now']);
    expect([await outcomes(submit, 'poor.b poor', 'poor.c'), looked, ran]).toEqual([['not-found', 'now'], ['poor.b'], ['poor.b,poor.c']]);
    expect([await outcomes(submit, 'poor.a poor', 'poor.d'), looked, ran])
      .toEqual([['then, again', 'now'], ['poor.a', 'poor.a,poor.d'], ['poor.a,poor.d', 'poor.d']]);
  });
  it('that would fail by now is found as well; what fails alone is looked for once and then has failed', async () => {
    const { submit } = createBatcher<string, string>(h.cell(), keeping());
    expect(await outcomes(submit, 'fail.a')).toEqual(['now']);
    expect(await outcomes(submit, 'fail.a poison', 'fail.b', 'fail.c poison')).toEqual(['then, again', 'now', 'failed']);
  });
});
