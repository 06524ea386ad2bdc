/** The program with its deliverer, and the raw sender that it is compared with, in one process of their own. */
import { createHmac } from 'node:crypto';
import pg from 'pg';
import { Pool } from 'undici';
import { provide, systemClock, systemRandom, uuidv7 } from '#kernel';
import { Reach, signature, signingKey } from '#platform/webhooks';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, perform, startBench } from './program.ts';
import { DeliverSignal } from '../../src/platform/webhooks/contract.ts';
import { create } from '../../src/platform/webhooks/service/endpoints.ts';

const ENDPOINTS = 16;
const tenants = benchTenants(4);
const bench = await startBench({ tenants, provided: [provide(Reach, () => ({ loopback: true }))], roles: ['web', 'relay', 'worker'] });
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
// Whoever only looks on must not read the whole table each time.
await owner.query('set enable_seqscan = off');
const cell = bench.program.cells.get('IN') as NonNullable<ReturnType<typeof bench.program.cells.get>>;
/** About 750 bytes, as in the design's measurement. */
const DATA = JSON.stringify({ text: 'x'.repeat(640) });

async function setup({ port, slow }: { port: number; slow: boolean }): Promise<unknown> {
  await owner.query('truncate webhooks.endpoint, webhooks.due, webhooks.delivery, webhooks.message, webhooks.attempt');
  const made: { id: string; tenant: string }[] = [];
  for (let i = 0; i < ENDPOINTS + (slow ? 1 : 0); i++) {
    const tenant = tenants[i % tenants.length] as (typeof tenants)[number];
    const path = i < ENDPOINTS ? `/hook/${i}` : '/slow';
    const outcome = await perform(cell, tenant, asSystem, (tx) => create(tx, { body: {
      url: `http://127.0.0.1:${port}${path}`, description: 'bench', events: ['probe.never'], ordered: false, headers: {}, signature: 'v1', perMinute: null } }));
    if (!outcome.ok) throw new Error(outcome.problem.code);
    made.push({ id: outcome.value.endpoint.endpoint.slice(4), tenant: tenant.id });
  }
  await rest();
  return { endpoints: made };
}

interface Target { id: string; tenant: string; url: string }
const targets = async (slow: boolean): Promise<Target[]> =>
  (await owner.query<Target>('select id, tenant, url from webhooks.endpoint order by url')).rows.filter((e) => e.url.endsWith('/slow') === slow);
/** Writes deliveries as the fan-out does, with ids as events have them. */
async function insert(to: readonly Target[], n: number): Promise<void> {
  const rows = Array.from({ length: n }, (_, i) => ({ ...to[i % to.length] as Target, message: uuidv7(systemClock.now(), systemRandom) }));
  await owner.query(`with m as (
      insert into webhooks.message (tenant, id, topic, key, version, at, data)
      select t, m, 'probe.never', 'k', 1, clock_timestamp(), $4 from unnest($1::uuid[], $2::uuid[]) r (t, m))
    insert into webhooks.delivery (tenant, endpoint, message, next_at, created_at)
    select t, e, m, clock_timestamp(), clock_timestamp() from unnest($1::uuid[], $2::uuid[], $3::uuid[]) r (t, m, e)`,
  [rows.map((x) => x.tenant), rows.map((x) => x.message), rows.map((x) => x.id), DATA]);
}
/** A backlog of endpoints that are turned off until `deliver`. */
async function fill({ count }: { count: number }): Promise<unknown> {
  await owner.query("update webhooks.endpoint set state = 'disabled'");
  await insert(await targets(false), count);
  return {};
}

/** Delivers the backlog, or what is written at a pace; resolves when every one is over. */
async function deliver({ count, perSecond, untimed = 0 }: { count: number; perSecond?: number; untimed?: number }): Promise<unknown> {
  const fast = await targets(false);
  const signal = cell.use(DeliverSignal);
  const ids = fast.map((e) => e.id);
  const before = Number((await owner.query("select count(*)::int as n from webhooks.delivery where endpoint = any($1::uuid[]) and status = 'done'", [ids])).rows[0].n);
  const began = performance.now();
  if (perSecond === undefined) {
    await owner.query("update webhooks.endpoint set state = 'active'");
    signal.wake();
  } else {
    // A burst each 10 ms: with few large ones the slowest hundredth would be one of them, whatever held it up.
    const each = Math.max(1, Math.round(perSecond / 100));
    for (let sent = 0; sent < count; sent += each) {
      await insert(fast, Math.min(each, count - sent));
      signal.wake();
      await new Promise((done) => { setTimeout(done, Math.max(0, began + ((sent + each) / perSecond) * 1000 - performance.now())); });
    }
  }
  for (;;) {
    const { n } = (await owner.query(`select exists (select 1 from webhooks.due where endpoint = any($1::uuid[])) as n`, [ids])).rows[0];
    if (!n) break;
    await new Promise((done) => { setTimeout(done, 20); });
  }
  const seconds = (performance.now() - began) / 1000;
  const after = await owner.query(`select count(*)::int as n, count(*) filter (where code = 200 and attempts = 1)::int as ok
    from webhooks.delivery where endpoint = any($1::uuid[]) and status = 'done'`, [ids]);
  const took = await owner.query<{ ms: number[] }>(`select coalesce(array_agg(extract(epoch from done_at - created_at)::float8 * 1000), '{}') as ms
    from (select done_at, created_at from webhooks.delivery where endpoint = any($1::uuid[]) and done_at is not null order by id desc limit $2) d`, [ids, count - untimed]);
  return { seconds, done: Number(after.rows[0].n) - before, ok: Number(after.rows[0].ok), ms: took.rows[0]?.ms ?? [] };
}

/** The slow endpoint gets what it can take at once, and has more waiting. */
async function slowOn({ waiting }: { waiting: number }): Promise<unknown> {
  const slow = await targets(true);
  const due = Number((await owner.query('select count(*)::int as n from webhooks.due where endpoint = $1', [slow[0]?.id])).rows[0].n);
  await insert(slow, Math.max(0, waiting - due));
  over = await overOf(slow[0]?.id);
  await owner.query("update webhooks.endpoint set state = 'active' where id = $1", [slow[0]?.id]);
  cell.use(DeliverSignal).wake();
  return {};
}
/** How many deliveries of it were over when it was turned on last. */
let over = 0;
const overOf = async (endpoint: string | undefined): Promise<number> =>
  Number((await owner.query('select count(*)::int as n from webhooks.delivery where endpoint = $1 and done_at is not null', [endpoint])).rows[0].n);
/** The slow endpoint gets nothing more. */
const rest = async (): Promise<unknown> => (await owner.query("update webhooks.endpoint set state = 'disabled' where url like '%/slow'")) && {};
/** Resolves when what was under way to it is over and written. */
async function rested({ released }: { released: number }): Promise<unknown> {
  const [slow] = await targets(true);
  for (let looks = 0; looks < 500; looks++) {
    if (await overOf(slow?.id) - over >= released) return {};
    await new Promise((done) => { setTimeout(done, 20); });
  }
  throw new Error('the slow endpoint never came to rest');
}

/** The floor: the same body to the same receiver, signed, over one pool, with nothing kept. */
async function raw({ port, count }: { port: number; count: number }): Promise<unknown> {
  const pool = new Pool(`http://127.0.0.1:${port}`, { connections: 128 });
  const key = signingKey(`whsec_${createHmac('sha256', 'bench').update('key').digest('base64')}`);
  const body = Buffer.from(`{"type":"probe.never","timestamp":"${new Date().toISOString()}","data":${DATA}}`);
  const began = performance.now();
  let sent = 0;
  let ok = 0;
  const one = (): Promise<void> => new Promise((done, fail) => {
    const id = `evt_${sent}`;
    const seconds = Math.floor(Date.now() / 1000);
    let status = 0;
    pool.dispatch({ path: `/hook/${sent % ENDPOINTS}`, method: 'POST', body, headers: { 'content-type': 'application/json', 'webhook-id': id,
      'webhook-timestamp': String(seconds), 'webhook-signature': signature(key, id, seconds, body) } }, {
      onRequestStart: () => undefined, onResponseStart: (_, code) => { status = code; }, onResponseData: () => undefined,
      onResponseEnd: () => {
        if (status === 200) ok += 1;
        done();
      },
      onResponseError: (_, error) => fail(error),
    });
  });
  await Promise.all(Array.from({ length: 128 }, async () => {
    while (sent < count) {
      sent += 1;
      await one();
    }
  }));
  await pool.close();
  return { seconds: (performance.now() - began) / 1000, ok };
}

serveQuestions(async (q: { what: 'setup' | 'fill' | 'deliver' | 'raw' | 'slowOn' | 'rest' | 'rested' } & Record<string, never>) => ({ setup, fill, deliver, raw, slowOn, rest, rested } as unknown as
  Record<string, (q: never) => Promise<unknown>>)[q.what]?.(q as never), async () => {
  await owner.end();
  await bench.stop();
});
