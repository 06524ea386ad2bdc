import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import pg from 'pg';
import { connectAs, house, type House } from '#test';
import { statement, type Answered, type Statement } from './index.ts';
import { Flight } from './flight.ts';
import { Connection } from './sql.ts';

let h: House;
beforeAll(async () => { h = await house(); });
afterAll(() => h.stop());

const sql = (strings: TemplateStringsArray, ...values: unknown[]): Statement => statement(strings, values);
const on = <T>(use: (c: Connection) => Promise<T>): Promise<T> => h.cell().pools.app.with(use);
const values = (answers: readonly PromiseSettledResult<Answered>[]): unknown[] =>
  answers.map((a) => (a.status === 'fulfilled' ? a.value.rows.map((r) => Object.values(r)) : (a.reason as { code?: string }).code ?? String(a.reason)));
describe('statements of one tick', () => {
  it('are answered in order, each its own, with what came before prepared and described once', async () => {
    await on(async (c) => {
      for (let i = 0; i < 3; i++) {
        const answers = await Promise.all([c.query(sql`select ${i}::int as a, ${'x'}::text as b`),
          c.query(sql`select ${i + 1}::bigint as n where ${i > 0}::boolean`),
          c.query(sql`select null::text as z, ${new Date(0)}::timestamptz as at`)]);
        expect(answers.map((a) => a.rows)).toEqual([[{ a: i, b: 'x' }], i > 0 ? [{ n: BigInt(i + 1) }] : [], [{ z: null, at: new Date(0) }]]);
        expect(answers.map((a) => a.command)).toEqual(['SELECT', 'SELECT', 'SELECT']);
      }
    });
  });
  it('come back in one piece', async () => {
    const client = new pg.Client({ ...connectAs(h.connections[0] as House['connections'][number], 'app'), pipeline: true } as pg.ClientConfig);
    await client.connect();
    const c = new Connection(client as unknown as pg.PoolClient);
    const many = (): Promise<unknown> => Promise.all(Array.from({ length: 20 }, (_, i) => c.query(sql`select ${i}::int as i`)));
    await many();
    let pieces = 0;
    (client as unknown as { connection: pg.Connection }).connection.stream.on('data', () => { pieces += 1; });
    await many();
    await client.end();
    expect(pieces).toBe(1);
  });
  it('behind one that fails did not run and say why; those before it have their answers, and all can be sent again', async () => {
    await on(async (c) => {
      const failing = [0, 1];
      const send = (by: number): Promise<PromiseSettledResult<Answered>[]> => Promise.allSettled([c.query(sql`select ${1}::int as before`),
        c.query(sql`select 1 / ${by}::int as middle`), c.query(sql`select ${2}::int as behind`), c.query(sql`select set_config('probe.ran', 'yes', false)`)]);
      await c.query('begin');
      expect(values(await send(failing[0] as number))).toEqual([[[1]], '22012', '22012', '22012']);
      expect(values(await Promise.allSettled([c.query(sql`select ${3}::int as aborted`)]))).toEqual(['25P02']);
      await c.query('rollback');
      expect((await c.query("select current_setting('probe.ran', true) as ran")).rows).toEqual([{ ran: null }]);
      expect(values(await send(failing[1] as number))).toEqual([[[1]], [[1]], [[2]], [['yes']]]);
      expect(values(await Promise.allSettled([c.query(sql`select ${3}::int as aborted`)]))).toEqual([[[3]]]);
    });
  });
  it('outside a transaction are one: where the last fails, none has happened and none is said to have', async () => {
    await on(async (c) => {
      const answers = await Promise.allSettled([c.query(sql`select set_config('probe.outside', 'yes', false)`), c.query(sql`select 1 / ${0}::int as never`)]);
      expect(values(answers)).toEqual(['22012', '22012']);
      expect((await c.query("select nullif(current_setting('probe.outside', true), '') as ran")).rows).toEqual([{ ran: null }]);
    });
  });
  it('of which one cannot be parsed leave the others prepared as the server has them', async () => {
    await on(async (c) => {
      const send = (): Promise<PromiseSettledResult<Answered>[]> => Promise.allSettled([c.query(sql`select ${1}::int as well_formed`),
        c.query(sql`select no_such_column, ${1}::int`), c.query(sql`select ${2}::int as never_seen`)]);
      for (let i = 0; i < 3; i++) expect(values(await send())).toEqual(['42703', '42703', '42703']);
      expect(values(await Promise.allSettled([c.query(sql`select ${2}::int as never_seen`)]))).toEqual([[[2]]]);
    });
  });
  it('with a value that cannot travel are not sent, and the connection is whole', async () => {
    await on(async (c) => {
      const round: Record<string, unknown> = {};
      round.round = round;
      const answers = await Promise.allSettled([c.query(sql`select ${1}::int as one`), c.query(sql`select ${round}::json as no`)]);
      expect(answers.map((a) => a.status)).toEqual(['rejected', 'rejected']);
      expect((await c.query(sql`select ${1}::int as one`)).rows).toEqual([{ one: 1 }]);
    });
  });
  it('of which one answers with a row that cannot be read say so of that one alone', async () => {
    const client = new pg.Client({ ...connectAs(h.connections[0] as House['connections'][number], 'app'), pipeline: true } as pg.ClientConfig);
    await client.connect();
    const types = { getTypeParser: () => (text: string) => { if (text === 't') throw new RangeError('unreadable'); return text; } } as pg.CustomTypesConfig;
    const sent = [sql`select ${1}::int as one`, sql`select ${true}::boolean as never`, sql`select ${2}::int as two`];
    const answers = await Promise.allSettled(await new Promise<Promise<Answered>[]>((done) => {
      const waiting = sent.map(() => Promise.withResolvers<Answered>());
      const all = waiting.map((w) => w.promise);
      for (const one of all) one.catch(() => undefined);
      client.query(new Flight(sent.map((what, i) => ({ statement: what, ...waiting[i] as Pick<typeof waiting[number], 'resolve' | 'reject'> })), types,
        () => false, () => done(all)));
    }));
    await client.end();
    expect(values(answers)).toEqual([[['1']], 'RangeError: unreadable', [['2']]]);
  });
  it('are all told when the connection is lost, and settling does not wait for ever', async () => {
    const lost = await on(async (c) => {
      const [{ pid } = { pid: 0 }] = (await c.query(sql`select pg_backend_pid() as pid`)).rows;
      const sent = Promise.allSettled([c.query(sql`select pg_sleep(${20}::int)`), c.query(sql`select ${1}::int as one`)]);
      await h.sql('IN', 'superuser')('select pg_terminate_backend($1)', [pid]);
      const ended = await sent;
      await c.settle();
      return ended;
    });
    // Who caught the error gave the connection back: nobody gets it again.
    for (let i = 0; i < 12; i++) expect((await on((c) => c.query(sql`select ${1}::int as one`))).rows).toEqual([{ one: 1 }]);
    expect(lost.map((a) => a.status)).toEqual(['rejected', 'rejected']);
  });
  it('take bytes, times, truth and what is missing as the columns have them', async () => {
    const at = new Date('2026-11-28T10:20:30.456Z');
    const [row] = (await on((c) => c.query(sql`select ${Buffer.from('ff00', 'hex')}::bytea as bytes, ${at}::timestamptz as at, ${true}::boolean as yes,
      ${undefined}::text as nothing, ${9007199254740993n}::bigint as n, ${{ a: [1] }}::json as json, ${['a"b', null]}::text[] as texts`))).rows;
    expect(row).toEqual({ bytes: Buffer.from('ff00', 'hex'), at, yes: true, nothing: null, n: 9007199254740993n, json: { a: [1] }, texts: ['a"b', null] });
  });
});
