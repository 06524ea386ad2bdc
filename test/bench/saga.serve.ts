/** The process of the saga bench: the program's own runner over three local steps, each an insert and the step's record in one commit. */
import pg from 'pg';
import { createGroup, createLog, done, systemClock, uuidv7, systemRandom, type Outcome, type Saga, type SectionTx, type StepInput, type StepValue, type Tx,
  type Uuid } from '#kernel';
import { beginAll, saga, together } from '#spine/saga';
import { probe } from '../house/probe.ts';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, startBench } from './program.ts';

const alone = (name: string) => async (tx: Tx, input: StepInput): Promise<Outcome<StepValue>> => {
  await tx.sql`insert into probe.effect (tenant, subscriber, event, key, n) values (${tx.tenant.id}, 'saga', ${name}, ${input.key}, 1)`;
  return done({});
};
const many = (name: string) => together(async (tx: SectionTx, items) => {
  await tx.sql`insert into probe.effect (tenant, subscriber, event, key, n)
    select ${tx.tenant.id}, 'saga', ${name}, k, 1 from unnest(${items.map((i) => i.input.key)}::text[]) k`;
  return items.map(() => done({}));
});
const of = (name: string, act: typeof alone | typeof many): Saga => saga(name, {
  version: 1, doc: 'Three local steps.', owner: 'bench', input: {}, deadlineMs: 3_600_000, steps: ['a', 'b',
    'c'].map((step) => ({ name: step, doc: 'An insert.', do: act(step) })),
});
const sagas = { plural: of('bench.plural', many), singular: of('bench.singular', alone) };

const bench = await startBench({ tenants: benchTenants(1), add: [probe({ sagas: Object.values(sagas) })], roles: ['worker'], tcp: true });
const cell = bench.program.cells.get('IN');
const tenant = bench.program.directory.bySlug('t0');
if (!cell || !tenant) throw new Error('no cell');
const superuser = new pg.Client(bench.server.connection('postgres'));
await superuser.connect();
await superuser.query('create database peer');
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
const open = async (): Promise<boolean> => (await owner.query('select 1 from saga.saga where ended_at is null limit 1')).rows.length > 0;

type Kind = keyof typeof sagas;
const begins = Object.fromEntries(Object.entries(sagas).map(([kind, what]) => [kind, createGroup<string,
  Uuid>(cell, `begin ${kind}`, createLog({ level: 'error' }), (tx, items) =>
  beginAll(tx, what, items.map((i) => ({ by: i, key: i.input, input: {} }))))]));

/** Callers that each begin a saga after the other; over when all have ended. */
async function run(q: { kind: Kind; count: number; callers: number }): Promise<{ sagas: number; seconds: number; effects: number }> {
  const before = Number((await owner.query<{ n: string }>('select count(*) as n from probe.effect')).rows[0]?.n);
  const began = systemClock.monotonicMs();
  let left = q.count;
  await Promise.all(Array.from({ length: q.callers }, async () => {
    while (left-- > 0) await begins[q.kind]?.(tenant as never, asSystem, uuidv7(systemClock.now(), systemRandom));
  }));
  while (await open()) await systemClock.sleep(20);
  const seconds = (systemClock.monotonicMs() - began) / 1000;
  return { sagas: q.count, seconds, effects: Number((await owner.query<{ n: string }>('select count(*) as n from probe.effect')).rows[0]?.n) - before };
}

const peer = bench.server.connection('peer') as { host: string; port: number; user: string; password?: string };
serveQuestions(async (q: { what: string } & Parameters<typeof run>[0]) => (q.what === 'peer'
  ? { url: `postgres://${peer.user}:${peer.password ?? ''}@127.0.0.1:${peer.port}/peer`, pid: bench.server.pid } : run(q)), async () => {
  await owner.end();
  await superuser.end();
  await bench.stop();
});
