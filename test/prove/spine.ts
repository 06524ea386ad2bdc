/**
 * Relays, workers, sagas and webhooks under SIGKILL: at each named point a process dies, the next one goes on, and every event, job and step has its
 * effect once. A webhook arrives at least once, with one id, and twice only when it was under way in a process that was killed.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { systemClock } from '#kernel';
import { DELIVER_POINTS, PER_ENDPOINT_MAX } from '#platform/webhooks';
import { RELAY_POINTS } from '#spine/events';
import { SAGA_POINTS } from '#spine/saga';
import { say, type Ground } from './frame.ts';
import { proveTenants } from './tenants.ts';

export const SPINE_POINTS = [...RELAY_POINTS.map((p) => `relay ${p}`), ...SAGA_POINTS.map((p) => `saga ${p}`), ...DELIVER_POINTS.map((p) => `hook ${p}`), 'job-effect-made', 'heap-effect-made'];
const REST_MS = 60_000;

interface One { readonly ended: Promise<string>; stop(): Promise<string>; kill(): void }

/** A receiver that remembers each id and what it carried, as often as it came. */
async function receive(): Promise<{ url: string; came: readonly { id: string; n: number }[]; stop(): Promise<void> }> {
  const came: { id: string; n: number }[] = [];
  const server = createServer((req, res) => void text(req).then((body) => {
    came.push({ id: String(req.headers['webhook-id']), n: (JSON.parse(body) as { data: { n: number } }).data.n });
    res.end();
  }));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`, came, stop: async () => {
    server.closeAllConnections();
    await new Promise((done) => { server.close(done); });
  } };
}

async function start(g: Ground, killAt: string, base: number, to: string): Promise<One> {
  const hook = fileURLToPath(new URL('../../bin/tsx-hook.mjs', import.meta.url));
  const what = { folder: g.folder, cell: g.cells[0], killAt, hook: to, tenantId: (proveTenants[0] as (typeof proveTenants)[number]).id };
  const child = spawn(process.execPath, ['--import', hook, fileURLToPath(new URL('./spine.serve.ts', import.meta.url)), JSON.stringify(what), String(base)],
    { stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = new Promise<string>((done) => { child.once('exit', (code, signal) => done(signal ?? String(code))); });
  await Promise.race([new Promise<void>((done) => { createInterface({ input: child.stdout }).once('line', () => done()); }), ended]);
  return { ended, stop: () => { child.stdin?.end(); return ended; }, kill: () => void child.kill('SIGKILL') };
}

/** What is wrong with what a receiver got, and how many events came more than once. */
function hooksWrong(made: readonly number[], came: readonly { id: string; n: number }[], rows: readonly { status: string; n: string }[]): { wrong: string[]; twice: number } {
  const wrong: string[] = [];
  const byN = Map.groupBy(came, (c) => c.n);
  const missing = made.filter((n) => !byN.has(n));
  if (missing.length) wrong.push(`${missing.length} events reached no receiver, the first is ${missing[0]}`);
  if (rows.length !== 1 || rows[0]?.status !== 'done' || Number(rows[0].n) !== made.length) wrong.push(`${made.length} deliveries should be done: ${JSON.stringify(rows)}`);
  for (const [n, all] of byN) if (new Set(all.map((c) => c.id)).size !== 1) wrong.push(`event ${n} came under ${new Set(all.map((c) => c.id)).size} ids`);
  const twice = [...byN.values()].filter((all) => all.length > 1).length;
  // Only what is under way when a process dies may come again.
  const most = (SPINE_POINTS.length + 1) * PER_ENDPOINT_MAX;
  if (twice > most) wrong.push(`${twice} events came more than once, ${most} could have been under way`);
  return { wrong, twice };
}

/** Runs it; what is wrong is added, what was killed is counted. Resolves to figures. */
export async function proveSpine(g: Ground, wrong: string[], counted: (name: string) => void): Promise<Record<string, number>> {
  const client = new pg.Client(g.server.connection('exchequer_in'));
  await client.connect();
  const rows = async <R extends pg.QueryResultRow>(text: string): Promise<R[]> => (await client.query<R>(text)).rows;
  const receiver = await receive();
  let base = 0;
  for (const point of SPINE_POINTS) {
    const one = await start(g, point, base += 1000, receiver.url);
    const how = await Promise.race([one.ended, systemClock.sleep(20_000).then(() => 'alive')]);
    if (how === 'SIGKILL') counted(point);
    else {
      wrong.push(`nothing died at ${point}: ${how}`);
      one.kill();
      await one.ended;
    }
  }
  // Two processes bring everything to its end; one of them is killed on the way.
  const [first, second] = [await start(g, 'none', base += 1000, receiver.url), await start(g, 'none', base += 1000, receiver.url)];
  await systemClock.sleep(400);
  first.kill();
  const until = systemClock.monotonicMs() + REST_MS;
  const open = async (): Promise<number> => Number((await rows<{ n: string }>(`select (select count(*) from jobs.job where name like 'pro%')
    + (select count(*) from webhooks.delivery where status = 'waiting') + (select count(*) from saga.saga where name = 'prove.saga' and ended_at is null)
    + (select count(*) from events.cursor where subscriber in ('proof', 'webhooks') and pos < (select max(pos) from events.log)) as n`))[0]?.n);
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
  const hooks = hooksWrong(made, receiver.came, await rows<{ status: string; n: string }>('select status, count(*) as n from webhooks.delivery group by status'));
  wrong.push(...hooks.wrong);
  await client.end();
  await receiver.stop();
  say(`spine: ${made.length} commits, each with an event, two jobs and a saga; killed at ${SPINE_POINTS.length} points`);
  return { spine_commits: made.length, spine_effects: effects.length, spine_points: SPINE_POINTS.length, hooks_twice: hooks.twice };
}
