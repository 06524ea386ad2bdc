/** The process of the events bench: 16 writers with a transaction each, and the program's own relay with one subscriber that leaves a row an event. */
import pg from 'pg';
import { createLog, onMany, perform, systemClock, type Module } from '#kernel';
import { modules } from '../../src/apps/modules.ts';
import { startWorkers } from '../../src/apps/runtime.ts';
import { Tail } from '../../src/spine/events/service/tail.ts';
import { ItemChanged, probe } from '../house/probe.ts';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, startBench } from './program.ts';

const WRITERS = 16;
/** When each write of a run was committed, and when its event came, by its number within the run. In plain arrays: what is measured pays for being noted. */
const RUN_MAX = 500_000;
const committed = new Float64Array(RUN_MAX);
const handled = new Float64Array(RUN_MAX);
let first = 0;
/** Only where it is asked for: draining does not pay for it. */
let noting = false;
/** Effects that were begun; whether they stand is asked of the database. */
let begun = 0;
const add: Module = probe({ reactions: [onMany(ItemChanged, 'bench', async (tx, items) => {
  const at = systemClock.monotonicMs();
  begun += items.length;
  if (noting) for (const i of items) handled[i.input.data.n - first] = at;
  await tx.sql`insert into probe.effect (tenant, subscriber, event, key, n) select ${tx.tenant.id}, 'bench', 'x', '', n
    from unnest(${items.map((i) => i.input.data.n)}::bigint[]) n`;
})] });
const bench = await startBench({ tenants: benchTenants(1), add: [add], roles: [], tcp: true });
const [cell, tenant] = [bench.program.cells.get('IN'), bench.program.directory.bySlug('t0')];
if (!cell || !tenant) throw new Error('no cell');
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
const number = async (text: string): Promise<number> => Number((await owner.query<{ n: string }>(text)).rows[0]?.n);
const relaying = (): { stop(): Promise<void> } => startWorkers({ cell: cell as never, modules: [...modules, add], roles: ['relay'], clock: systemClock,
  log: createLog({ level: 'error' }), tenant: async () => tenant, tenants: () => [tenant as never] });
const caughtUp = async (events: number): Promise<void> => {
  while (begun < events) await systemClock.sleep(5);
  const end = await number('select coalesce(max(pos), 0) as n from events.log');
  while (await number("select coalesce(min(pos), -1) as n from events.cursor where subscriber = 'bench'") < end) await systemClock.sleep(5);
};

/** Waits for what every process does with the log, relay or not: its end is read on. */
async function readOn(): Promise<void> {
  const end = BigInt(await number('select coalesce(max(pos), 0) as n from events.log'));
  const ending = new AbortController();
  const at = (pos: bigint): void => { if (pos >= end) ending.abort(); };
  await (cell as NonNullable<typeof cell>).use(Tail).follow({ topics: [], began: at, read: (_, upTo) => at(upTo), away: () => undefined }, ending.signal);
}

let serial = 0;
let emitted = 0;
/** One business row, and an event about it where asked. */
const write = (events: boolean, n: number): Promise<void> => perform(cell as never, tenant as never, asSystem, async (tx) => {
  await tx.sql`insert into probe.effect (tenant, subscriber, event, key, n) values (${tx.tenant.id}, 'written', 'x', ${`k${n % 1000}`}, ${n})`;
  if (events) tx.emit(ItemChanged, `k${n % 1000}`, { n });
});

interface Ask { what: 'write' | 'paced' | 'backlog' | 'drain' | 'check'; events: boolean; seconds: number; perSecond: number; count: number }
async function run(q: Ask): Promise<{ events: number; seconds: number; p50Ms: number; p99Ms: number }> {
  handled.fill(Number.NaN);
  noting = q.events;
  first = serial;
  const times: number[] = [];
  let seconds = 0;
  if (q.what === 'check') {
    const effects = await number("select count(*) as n from probe.effect where subscriber = 'bench'");
    if (effects !== emitted) throw new Error(`${effects} effects of ${emitted} events`);
    return { events: effects, seconds: 0, p50Ms: 0, p99Ms: 0 };
  }
  if (q.what === 'backlog') {
    await perform(cell as never, tenant as never, asSystem, async (tx) => {
      for (let i = 0; i < q.count; i++) tx.emit(ItemChanged, `k${i % 1000}`, { n: (serial += 1) });
    });
    await readOn();
    emitted += q.count;
    return { events: q.count, seconds: 0, p50Ms: 0, p99Ms: 0 };
  }
  if (q.what === 'drain') {
    const began = systemClock.monotonicMs();
    const relay = relaying();
    await caughtUp(emitted);
    seconds = (systemClock.monotonicMs() - began) / 1000;
    await relay.stop();
  } else {
    const relay = q.events ? relaying() : undefined;
    if (relay) await systemClock.sleep(300);
    const began = systemClock.monotonicMs();
    const end = began + q.seconds * 1000;
    await Promise.all(Array.from({ length: WRITERS }, async (_, w) => {
      for (let i = 0; systemClock.monotonicMs() < end; i++) {
        if (q.what === 'paced') await systemClock.sleep(Math.max(0, began + ((i * WRITERS + w) * 1000) / q.perSecond - systemClock.monotonicMs()));
        const n = (serial += 1);
        await write(q.events, n);
        committed[n - first] = systemClock.monotonicMs();
      }
    }));
    if (q.events) await caughtUp(emitted + serial - first);
    seconds = (systemClock.monotonicMs() - began) / 1000;
    await relay?.stop();
    if (q.events) for (let n = 1; n <= serial - first; n++) times.push(Math.max(0, (handled[n] as number) - (committed[n] as number)));
  }
  const events = q.what === 'drain' ? q.count : serial - first;
  if (q.events) emitted += events;
  times.sort((a, b) => a - b);
  return { events, seconds, p50Ms: times[times.length >> 1] ?? 0, p99Ms: times[Math.floor(times.length * 0.99)] ?? 0 };
}

serveQuestions((q: Ask) => run(q), async () => {
  await owner.end();
  await bench.stop();
});
