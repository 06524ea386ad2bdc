/** The process of the ingest bench: a table of returns as large as a country's, and a file that the real command's code takes. */
import { createWriteStream, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { demoFeed } from '#products/taxrefund';
import { ingestFile } from '../../src/apps/ingest.ts';
import { serveQuestions } from './frame.ts';
import { asSystem, benchTenants, startBench } from './program.ts';

const ROWS = Number(process.env.BENCH_ROWS ?? 1_000_000);
const EVENTS = Number(process.env.BENCH_EVENTS ?? 200_000);
const PARTS = 5;

const bench = await startBench({ tenants: benchTenants(1), roles: ['web', 'relay', 'worker'] });
const tenant = bench.program.directory.bySlug('t0');
const cell = bench.program.cells.get('IN');
if (!tenant || !cell) throw new Error('no tenant');
const folder = mkdtempSync(join(tmpdir(), 'exq-lines-'));
const into = { cell, tenant, by: asSystem, feed: 'bench' };

/** A season cut into one file of people and equal files of events. */
async function writeFiles(): Promise<{ people: string; parts: string[]; events: number }> {
  const feed = demoFeed({ country: 'IN' });
  const people = createWriteStream(join(folder, 'people.ndjson'));
  const parts = Array.from({ length: PARTS + 1 }, (_, i) => createWriteStream(join(folder, `events-${i}.ndjson`)));
  let events = 0;
  const perPart = EVENTS / PARTS;
  for (const line of feed.season({ filers: Math.ceil(EVENTS / 4.6), seed: 'bench' })) {
    const out = line.kind === 'taxpayer' ? people : parts[Math.min(PARTS, Math.floor(events / perPart))];
    if (line.kind === 'event') events += 1;
    if (out && !out.write(`${JSON.stringify(line)}\n`)) await once(out, 'drain');
    if (events >= EVENTS + perPart) break;
  }
  await Promise.all([people, ...parts].map((s) => new Promise((done) => { s.end(done); })));
  return { people: join(folder, 'people.ndjson'), parts: parts.map((_, i) => join(folder, `events-${i}.ndjson`)), events };
}

const files = await writeFiles();
await ingestFile({ into, file: files.people, rejects: `${files.people}.rejects`, progress: () => undefined });
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
await ingestFile({ into, file: files.parts[0] as string, rejects: join(folder, 'r0'), progress: () => undefined });
const have = Number((await owner.query('select count(*) from taxrefund.refund')).rows[0].count);
if (have < ROWS) {
  await owner.query(`insert into taxrefund.refund (tenant, id, person, year, return_no, version, events, code, phase, projection, account, updated_at)
    select r.tenant, gen_random_uuid(), gen_random_uuid(), 2026, 1, r.version, r.events, r.code, r.phase, r.projection, null, r.updated_at
    from (select * from taxrefund.refund where events > 0 limit 1) r, generate_series(1, ${ROWS - have})`);
}
await owner.query('vacuum analyze');
await owner.query('checkpoint');

let at = 0;
serveQuestions(async (q: { what: 'setup' | 'part' }) => {
  if (q.what === 'setup') return { parts: files.parts.length - 1, rows: Math.max(have, ROWS), postmaster: bench.server.pid };
  at += 1;
  const memory: number[] = [];
  const began = performance.now();
  const counts = await ingestFile({ into, file: files.parts[at] as string, rejects: join(folder, `r${at}`), progress: () => void memory.push(process.memoryUsage.rss()) });
  const seconds = (performance.now() - began) / 1000;
  const facts = Number((await owner.query("select count(*) from audit.fact where action = 'taxrefund.event-appended'")).rows[0].count);
  const events = Number((await owner.query('select count(*) from taxrefund.event')).rows[0].count);
  if (facts !== events) throw new Error(`${facts} facts for ${events} events`);
  return { counts, seconds, rssMb: Math.max(...memory) / 1e6, rssFirstMb: (memory[0] ?? 0) / 1e6 };
}, async () => {
  await owner.end();
  await bench.stop();
  rmSync(folder, { recursive: true, force: true });
});
