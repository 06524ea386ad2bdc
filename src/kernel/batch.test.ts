import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { house, probe, type House } from '#test';
import { common, createBatcher, done, refuse, type Claimed, type Entry, type Gate, type Outcome, type Work } from './index.ts';

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
      return items.map((i) => done(i.input));
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
    expect(asked).toEqual(['new']);
  });
  it('a question that fails leaves nothing unanswered on the connection', async () => {
    const broken: Gate = { name: 'broken', check: (tx) => tx.sql`select no_such_column` as never };
    const failing = createBatcher<string, string>(h.cell(), { ...verb(['fresh'], []), gates: [broken] });
    await expect(failing.submit(entry('never', 1))).rejects.toMatchObject({ code: '42703' });
    for (let i = 0; i < 12; i++) expect(await h.perform('india', async (tx) => (await tx.sql`select 1 as one`)[0])).toEqual({ one: 1 });
  });
});
