/** The process of the jobs bench: the program's own queue; jobs that do nothing, as those of the peers. */
import pg from 'pg';
import { z } from 'zod';
import { createGroup, createLog, handleMany, job, systemClock, type Module } from '#kernel';
import { modules } from '../../src/apps/modules.ts';
import { startWorkers } from '../../src/apps/runtime.ts';
import { probe } from '../house/probe.ts';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, perform, startBench } from './program.ts';

const BenchChore = job('bench.chore', { doc: 'Does nothing, in heaps.', data: { n: z.int() }, many: true });
let ran = 0;
const add: Module = probe({ handlers: [handleMany(BenchChore, async (_, items) => { ran += items.length; })] });
const bench = await startBench({ tenants: benchTenants(1), add: [add], roles: [], tcp: true });
const [cell, tenant] = [bench.program.cells.get('IN'), bench.program.directory.bySlug('t0')];
if (!cell || !tenant) throw new Error('no cell');
const log = createLog({ level: 'error' });
const superuser = new pg.Client(bench.server.connection('postgres'));
await superuser.connect();
for (const name of ['graphile', 'pgboss']) await superuser.query(`create database ${name}`);
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
const left = async (): Promise<boolean> => (await owner.query('select 1 from jobs.job limit 1')).rows.length > 0;
const enqueue = createGroup<number, void>(cell, 'bench.enqueue', log, async (tx, items) => items.map((i) => tx.later(i, BenchChore, { n: i.input })));

async function run(q: { what: string; count: number; callers: number }): Promise<{ jobs: number; seconds: number }> {
  const began = systemClock.monotonicMs();
  const seconds = (): number => (systemClock.monotonicMs() - began) / 1000;
  if (q.what === 'fill') {
    for (let at = 0; at < q.count; at += 1000) await perform(cell as never, tenant as never, asSystem, async (tx) => {
      for (let n = at; n < Math.min(q.count, at + 1000); n++) tx.later(BenchChore, { n });
    });
    return { jobs: q.count, seconds: 0 };
  }
  if (q.what === 'enqueue') {
    let open = q.count;
    await Promise.all(Array.from({ length: q.callers }, async () => {
      while (open-- > 0) await enqueue(tenant as never, asSystem, open);
    }));
    const took = seconds();
    await owner.query('delete from jobs.job');
    return { jobs: q.count, seconds: took };
  }
  ran = 0;
  const workers = startWorkers({ cell: cell as never, modules: [...modules, add], roles: ['worker'], clock: systemClock, log, tenant: async () => tenant,
    tenants: () => [tenant as never] });
  while (ran < q.count || await left()) await systemClock.sleep(5);
  const took = seconds();
  await workers.stop();
  if (ran !== q.count) throw new Error(`${ran} of ${q.count} ran`);
  return { jobs: q.count, seconds: took };
}

const at = bench.server.connection('x') as { port: number; user: string; password?: string };
serveQuestions(async (q: Parameters<typeof run>[0]) => (q.what === 'peers'
  ? { base: `postgres://${at.user}:${at.password ?? ''}@127.0.0.1:${at.port}/`, pid: bench.server.pid } : run(q)), async () => {
  await owner.end();
  await superuser.end();
  await bench.stop();
});
