/** Relays, workers and sagas under SIGKILL: at each named point a process dies, the next one goes on, and every event, job and step has its effect once. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { systemClock } from '#kernel';
import { RELAY_POINTS } from '#spine/events';
import { SAGA_POINTS } from '#spine/saga';
import { say, type Ground } from './frame.ts';
import { proveTenants } from './tenants.ts';

export const SPINE_POINTS = [...RELAY_POINTS.map((p) => `relay ${p}`), ...SAGA_POINTS.map((p) => `saga ${p}`), 'job-effect-made', 'heap-effect-made'];
const REST_MS = 60_000;

interface One { readonly ended: Promise<string>; stop(): Promise<string>; kill(): void }
async function start(g: Ground, killAt: string, base: number): Promise<One> {
  const hook = fileURLToPath(new URL('../../bin/tsx-hook.mjs', import.meta.url));
  const what = { folder: g.folder, cell: g.cells[0], killAt, tenantId: (proveTenants[0] as (typeof proveTenants)[number]).id };
  const child = spawn(process.execPath, ['--import', hook, fileURLToPath(new URL('./spine.serve.ts', import.meta.url)), JSON.stringify(what), String(base)],
    { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<string>((done) => { child.once('exit', (code, signal) => done(signal ?? String(code))); });
  await Promise.race([new Promise<void>((done) => { createInterface({ input: child.stdout }).once('line', () => done()); }), ended]);
  return { ended, stop: () => { child.stdin?.end(); return ended; }, kill: () => void child.kill('SIGKILL') };
}

/** Runs it; what is wrong is added, what was killed is counted. Resolves to figures. */
export async function proveSpine(g: Ground, wrong: string[], counted: (name: string) => void): Promise<Record<string, number>> {
  const client = new pg.Client(g.server.connection('exchequer_in'));
  await client.connect();
  const rows = async <R extends pg.QueryResultRow>(text: string): Promise<R[]> => (await client.query<R>(text)).rows;
  let base = 0;
  for (const point of SPINE_POINTS) {
    const one = await start(g, point, base += 1000);
    const how = await Promise.race([one.ended, systemClock.sleep(20_000).then(() => 'alive')]);
    if (how === 'SIGKILL') counted(point);
    else {
      wrong.push(`nothing died at ${point}: ${how}`);
      one.kill();
      await one.ended;
    }
  }
  // Two processes bring everything to its end; one of them is killed on the way.
  const [first, second] = [await start(g, 'none', base += 1000), await start(g, 'none', base += 1000)];
  await systemClock.sleep(400);
  first.kill();
  const until = systemClock.monotonicMs() + REST_MS;
  const open = async (): Promise<number> => Number((await rows<{ n: string }>(`select (select count(*) from jobs.job where name like 'pro%')
    + (select count(*) from saga.saga where name = 'prove.saga' and ended_at is null)
    + (select count(*) from events.cursor where subscriber = 'proof' and pos < (select max(pos) from events.log)) as n`))[0]?.n);
  await systemClock.sleep(600);
  while (await open() && systemClock.monotonicMs() < until) await systemClock.sleep(100);
  if (await open()) wrong.push(`${await open()} events, jobs and sagas have not come to their end`);
  await second.stop();

  const made = (await rows<{ n: string }>("select n from probe.item where key like 'made %'")).map((r) => Number(r.n));
  const effects = await rows<{ subscriber: string; event: string; key: string; n: string }>('select subscriber, event, key, n from probe.effect order by pos');
  for (const subscriber of ['relay', 'job', 'heap']) {
    const of = effects.filter((e) => e.subscriber === subscriber).map((e) => Number(e.n));
    if (of.length !== made.length || new Set(of).size !== of.length) wrong.push(`${subscriber}: ${of.length} effects (${new Set(of).size} different) of ${made.length}`);
  }
  for (const n of made) {
    const steps = effects.filter((e) => e.subscriber === 'saga' && e.key === `s${n}`).map((e) => e.event).join(' ');
    if (steps !== (n % 2 ? 'a b c un-b un-a' : 'a b c')) wrong.push(`saga s${n} did: ${steps}`);
  }
  if (effects.filter((e) => e.subscriber === 'saga').some((e) => !made.includes(Number(e.key.slice(1))))) wrong.push('a saga of nobody ran');
  await client.end();
  say(`spine: ${made.length} commits, each with an event, two jobs and a saga; killed at ${SPINE_POINTS.length} points`);
  return { spine_commits: made.length, spine_effects: effects.length, spine_points: SPINE_POINTS.length };
}
