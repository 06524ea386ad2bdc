// Peer of the saga bench: DBOS 5 on the same server. Three steps, each one insert and the checkpoint that DBOS writes behind it; started by as
// many callers as ours, each waiting for its workflow. An insert and its checkpoint are two commits here (the documented way for a step on a
// pool), which is less than ours promises and cheaper for DBOS. Its pool has as many connections as ours.
import { createInterface } from 'node:readline';
import { DBOS } from '@dbos-inc/dbos-sdk';
import pg from 'pg';

const url = process.argv[2];
const pool = new pg.Pool({ connectionString: url, max: 12 });
const step = async (name, key) => void await pool.query('insert into effect (saga, step) values ($1, $2)', [key, name]);
const flow = DBOS.registerWorkflow(async (key) => {
  for (const name of ['a', 'b', 'c']) await DBOS.runStep(() => step(name, key), { name });
}, { name: 'flow' });
DBOS.setConfig({ name: 'bench', systemDatabaseUrl: url, systemDatabasePoolSize: 12, logLevel: 'error', runAdminServer: false });
await pool.query('create table if not exists effect (id bigint generated always as identity primary key, saga text not null, step text not null)');
await DBOS.launch();
process.stdout.write('{"ready":true}\n');
let made = 0;
for await (const line of createInterface({ input: process.stdin })) {
  const { count, callers } = JSON.parse(line);
  const began = performance.now();
  let left = count;
  await Promise.all(Array.from({ length: callers }, async () => {
    while (left-- > 0) await (await DBOS.startWorkflow(flow)(`k${made++}`)).getResult();
  }));
  const seconds = (performance.now() - began) / 1000;
  const { rows } = await pool.query('select count(*)::int as n from effect');
  process.stdout.write(`${JSON.stringify({ sagas: count, seconds, effects: rows[0].n })}\n`);
}
await DBOS.shutdown();
await pool.end();
process.exit(0);
