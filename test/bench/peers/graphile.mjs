// Peer of the jobs bench: graphile-worker with the two options that its documentation names for speed: a local queue, and completion in batches.
import { createInterface } from 'node:readline';
import { Logger, makeWorkerUtils, run, runMigrations } from 'graphile-worker';
import pg from 'pg';

const pool = new pg.Pool({ connectionString: process.argv[2], max: 24 });
const logger = new Logger(() => () => undefined);
await runMigrations({ pgPool: pool, logger });
const utils = await makeWorkerUtils({ pgPool: pool, logger });
const left = async () => (await pool.query('select 1 from graphile_worker.jobs limit 1')).rows.length > 0;
process.stdout.write('{"ready":true}\n');
for await (const line of createInterface({ input: process.stdin })) {
  const { what, count, callers } = JSON.parse(line);
  let seconds = 0;
  if (what === 'enqueue') {
    const began = performance.now();
    let open = count;
    await Promise.all(Array.from({ length: callers }, async () => {
      while (open-- > 0) await utils.addJob('chore', { n: open });
    }));
    seconds = (performance.now() - began) / 1000;
    await pool.query('delete from graphile_worker._private_jobs');
  } else if (what === 'fill') {
    for (let at = 0; at < count; at += 1000) await utils.addJobs(Array.from({ length: Math.min(1000, count - at) }, (_, n) => ({ identifier: 'chore', payload: { n } })));
  } else {
    let done = 0;
    const began = performance.now();
    const runner = await run({
      pgPool: pool, logger, taskList: { chore: async () => { done += 1; } }, noHandleSignals: true,
      preset: { worker: { concurrentJobs: 24, localQueue: { size: 500 }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } },
    });
    while (done < count || await left()) await new Promise((go) => setTimeout(go, 5));
    seconds = (performance.now() - began) / 1000;
    await runner.stop();
    if (done !== count) throw new Error(`${done} of ${count}`);
  }
  process.stdout.write(`${JSON.stringify({ jobs: count, seconds })}\n`);
}
await utils.release();
await pool.end();
process.exit(0);
