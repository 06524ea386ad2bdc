/**
 * The server of the status bench. Three routes show the same year: the product's own (audited, group commit), the same verb with
 * one transaction a view, and the same verb without audit. All three authenticate, check the session in the database, take the
 * cache and encode alike: they differ in what they are compared for, and in nothing else.
 */
import { createServer } from 'node:http';
import pg from 'pg';
import { defineModule, perform, provide, route, systemClock, type Item, type SectionTx } from '#kernel';
import { createCache, type FencedCache } from '#spine/cache';
import { demoFeed, ingest, NEWS_MS, noReturn, StatusCache, STATUS_FRESH_MS, STATUS_KEPT_MS, viewYears, yearWire, zYear, zYearStatus, type KeptYear } from '#products/taxrefund';
import { seededRandom } from '#kernel';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, countOfFacts, settle, signInAll, startBench, type Bench } from './program.ts';

const PEOPLE = 2000;
const YEARS = 7;
const TENANTS = 32;
const ROWS = Number(process.env.BENCH_ROWS ?? 1_000_000);
/** Of 2,000 × 7 keys drawn evenly, a least-recently-used cache of this size answers four in five. */
const CACHED = Math.round(PEOPLE * YEARS * 0.8);

const spec = { scope: 'person' as const, wire: yearWire, input: zYear, output: zYearStatus, problems: [noReturn], example: { input: { params: { year: '2026' } } } };
const silent = (tx: SectionTx): SectionTx => Object.assign(Object.create(Object.getPrototypeOf(tx) as object) as SectionTx, tx, { audit: () => undefined });
const variants = defineModule({
  name: 'products/bench', doc: 'The same view, for comparison.', needs: [],
  routes: [
    route('GET /bench-single/:year', { ...spec, summary: 'One transaction a view.', verb: async (tx, input) => {
      const [outcome] = await viewYears(tx.section, [{ ...tx, actor: tx.actor, trace: tx.trace, input, atMs: 0 } as Item<typeof input>]);
      return outcome as NonNullable<typeof outcome>;
    } }),
    route('GET /bench-unaudited/:year', { ...spec, summary: 'Without audit.', plural: (tx, items) => viewYears(silent(tx), items) }),
  ],
});

interface Session { tenant: string; token: string }

async function makePeople(b: Bench, slug: string, count: number, seed: string): Promise<Session[]> {
  const tenant = b.program.directory.bySlug(slug);
  const cell = b.program.cells.get('IN');
  if (!tenant || !cell) throw new Error('no tenant');
  const lines: { no: number; text: string }[] = [];
  const people: { identifier: string; dateOfBirth: string; phone: string }[] = [];
  // Told of long after it happened: news of today would be sent to each of them, minutes of texts that the rounds would be measured beside.
  const template = demoFeed(tenant).people(new Date(systemClock.now().getTime() - 2 * NEWS_MS)).find((p) => p.key === 'asha');
  if (!template) throw new Error('no template');
  const random = seededRandom(seed);
  for (let i = 0; i < count; i++) {
    const letters = Array.from({ length: 4 }, (_, k) => String.fromCharCode(65 + (Math.floor(i / 26 ** k) % 26))).join('');
    const person = {
      ...template.taxpayer, identifier: `${letters.slice(0, 3)}P${letters.slice(3)}0000${String.fromCharCode(65 + random.int(26))}`, phone: `+91 ${String(Number(slug.slice(1)) * 10_000 + i).padStart(10, '0')}`,
    };
    people.push(person);
    lines.push({ no: lines.length, text: JSON.stringify(person) });
    for (let y = 0; y < YEARS; y++) {
      for (const e of template.events.filter((x) => x.year === 2026)) {
        lines.push({ no: lines.length, text: JSON.stringify({ ...e, identifier: person.identifier, year: 2026 - y, sourceEventId: `${e.sourceEventId}-${i}-${y}` }) });
      }
    }
  }
  for (let at = 0; at < lines.length; at += 500) await perform(cell, tenant, asSystem, (tx) => ingest(tx.section, tx, 'bench', lines.slice(at, at + 500)));
  return (await signInAll(b, slug, people)).map((token) => ({ tenant: slug, token }));
}

async function owner(b: Bench, sql: string): Promise<pg.QueryResult> {
  const client = new pg.Client(b.server.connection(b.cell.database));
  await client.connect();
  try {
    return await client.query(sql);
  } finally {
    await client.end();
  }
}

const tenants = benchTenants(TENANTS + 1);
const bench = await startBench({
  tenants, add: [variants],
  provided: [provide(StatusCache, (cell) => {
    // One cache for the one tenant and one for the many: the rounds take turns, and neither may empty the other's.
    const make = (): FencedCache<KeptYear> => createCache<KeptYear>({ name: 'bench', entriesMax: CACHED, freshMs: STATUS_FRESH_MS, keptMs: STATUS_KEPT_MS }, cell.clock);
    const [ofOne, ofMany] = [make(), make()];
    const home = (tenants[0] as (typeof tenants)[number]).id;
    const of = (key: string): FencedCache<KeptYear> => (key.startsWith(home) ? ofOne : ofMany);
    return {
      get: (key) => of(key).get(key), kept: (key) => of(key).kept(key), fence: (keys) => of(keys[0] ?? '').fence(keys), fill: (fence, key, value) => of(key).fill(fence, key, value),
      invalidate: (key) => of(key).invalidate(key), expireAll: () => [ofOne, ofMany].forEach((c) => c.expireAll()),
      stats: {
        get hits() { return ofOne.stats.hits + ofMany.stats.hits; }, get misses() { return ofOne.stats.misses + ofMany.stats.misses; },
        get fenced() { return ofOne.stats.fenced + ofMany.stats.fenced; },
      },
    };
  })],
});
const one = await makePeople(bench, 't0', PEOPLE, 'one');
const many: Session[] = [];
for (let t = 1; t <= TENANTS; t++) many.push(...await makePeople(bench, `t${t}`, Math.floor(PEOPLE / TENANTS), `many ${t}`));
const have = Number((await owner(bench, 'select count(*) from taxrefund.refund')).rows[0].count);
if (have < ROWS) {
  await owner(bench, `insert into taxrefund.refund (tenant, id, person, year, return_no, version, events, code, phase, projection, account, updated_at)
    select r.tenant, gen_random_uuid(), gen_random_uuid(), 2026, 1, r.version, r.events, r.code, r.phase, r.projection, null, r.updated_at
    from (select * from taxrefund.refund limit 1) r, generate_series(1, ${ROWS - have})`);
}
const settled = await settle(bench);
await owner(bench, 'vacuum analyze');
await owner(bench, 'checkpoint');

const sample = await (await fetch(`http://127.0.0.1:${bench.program.port}/t/t0/api/tax-refunds/2026`, { headers: { authorization: `Bearer ${(one[0] as Session).token}` } })).text();
const bare = createServer((_, res) => {
  res.writeHead(200, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(sample) });
  res.end(sample);
});
await new Promise<void>((done) => { bare.listen(0, '127.0.0.1', done); });
const barePort = (bare.address() as { port: number }).port;

serveQuestions(async (q: { what: 'setup' | 'counts' }) => {
  const cell = bench.program.cells.get('IN');
  const cache = cell?.use(StatusCache).stats;
  if (q.what === 'setup') return { port: bench.program.port, barePort, postmaster: bench.server.pid, one, many, years: YEARS, bytes: Buffer.byteLength(sample), rows: Math.max(have, ROWS), settled };
  const facts = Number((await owner(bench, `select ${countOfFacts('taxrefund.viewed')} as n`)).rows[0].n);
  return { facts, hits: cache?.hits ?? 0, misses: cache?.misses ?? 0, batches: bench.program.edge.runner.stats() };
}, async () => {
  bare.close();
  await bench.stop();
});
