/** The process of the ingest bench: a table of returns as large as a country's, and a file that the real command's code takes. */
import { spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import pg from 'pg';
import { demoFeed } from '#products/taxrefund';
import { ingestFile } from '../../src/apps/ingest.ts';
import { cpuUs, endedUs, profileFlags, serveQuestions } from './frame.ts';
import { asSystem, benchTenants, countOfFacts, startBench } from './program.ts';

const ROWS = Number(process.env.BENCH_ROWS ?? 1_000_000);
const EVENTS = Number(process.env.BENCH_EVENTS ?? 200_000);
/** The command runs this often, each time on so many; the first part warms up the database and is shorter. */
const PARTS = 3;
const FIRST = Math.ceil(EVENTS / 3);

const bin = fileURLToPath(new URL('../../bin/exchequer.mjs', import.meta.url));
const bench = await startBench({ tenants: benchTenants(1), roles: ['web', 'relay', 'worker'] });
const tenant = bench.program.directory.bySlug('t0');
const cell = bench.program.cells.get('IN');
if (!tenant || !cell) throw new Error('no tenant');
const folder = mkdtempSync(join(tmpdir(), 'exq-lines-'));
const into = { cell, tenant, by: asSystem, feed: 'bench' };

/** A season cut into one file of people and files of events. */
async function writeFiles(): Promise<{ people: string; parts: string[]; events: number }> {
  const feed = demoFeed({ country: 'IN' });
  const people = createWriteStream(join(folder, 'people.ndjson'));
  const parts = Array.from({ length: PARTS + 1 }, (_, i) => createWriteStream(join(folder, `events-${i}.ndjson`)));
  let events = 0;
  const all = FIRST + PARTS * EVENTS;
  for (const line of feed.season({ filers: Math.ceil(all / 4.6), seed: 'bench' })) {
    const out = line.kind === 'taxpayer' ? people : parts[events < FIRST ? 0 : 1 + Math.floor((events - FIRST) / EVENTS)];
    if (line.kind === 'event') events += 1;
    if (out && !out.write(`${JSON.stringify(line)}\n`)) await once(out, 'drain');
    if (events >= all) break;
  }
  await Promise.all([people, ...parts].map((s) => new Promise((done) => { s.end(done); })));
  return { people: join(folder, 'people.ndjson'), parts: parts.map((_, i) => join(folder, `events-${i}.ndjson`)), events };
}

const files = await writeFiles();
await ingestFile({ into, file: files.people, rejects: `${files.people}.rejects`, progress: () => undefined });
await ingestFile({ into, file: files.parts[0] as string, rejects: join(folder, 'r0'), progress: () => undefined });
const owner = new pg.Client(bench.server.connection(bench.cell.database));
await owner.connect();
const have = Number((await owner.query('select count(*) from taxrefund.refund')).rows[0].count);
if (have < ROWS) {
  await owner.query(`insert into taxrefund.refund (tenant, id, person, year, return_no, version, events, code, phase, projection, account, updated_at)
    select r.tenant, gen_random_uuid(), gen_random_uuid(), 2026, 1, r.version, r.events, r.code, r.phase, r.projection, null, r.updated_at
    from (select * from taxrefund.refund where events > 0 limit 1) r, generate_series(1, ${ROWS - have})`);
}
await owner.query('vacuum analyze');
await owner.query('checkpoint');

const rssMb = (pid: number | undefined): number => {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1000;
  } catch {
    return 0;
  }
};

/** The real command on one file, as an operator would run it beside the serving program. */
async function command(file: string): Promise<{ seconds: number; output: string; rss: number[]; commandUs: number; programUs: number }> {
  const { database, user, password, port } = bench.cell;
  const began = performance.now();
  const [program, ended] = [cpuUs(process.pid), endedUs(process.pid)];
  const run = spawn(process.execPath, [...profileFlags(), bin, 'ingest', file, '--tenant', 't0', '--data', bench.folder], {
    env: { ...process.env, EXCHEQUER_CELLS: `IN=postgres://${user}:${password}@127.0.0.1:${port}/${database}` }, stdio: ['ignore', 'pipe', 'inherit'],
  });
  let output = '';
  run.stdout.on('data', (part: Buffer) => { output += part.toString(); });
  const rss: number[] = [];
  const sampling = setInterval(() => { rss.push(rssMb(run.pid)); }, 250);
  const [code] = await once(run, 'exit') as [number];
  clearInterval(sampling);
  if (code !== 0) throw new Error(`ingest ended with ${code}: ${output}`);
  return { seconds: (performance.now() - began) / 1000, output: output.trim().split('\n').at(-1) ?? '', rss: rss.filter((r) => r > 0),
    commandUs: endedUs(process.pid) - ended, programUs: cpuUs(process.pid) - program };
}

let at = 0;
serveQuestions(async (q: { what: 'setup' | 'part' }) => {
  if (q.what === 'setup') return { parts: files.parts.length - 1, rows: Math.max(have, ROWS), events: EVENTS };
  at += 1;
  const ran = await command(files.parts[at] as string);
  const facts = Number((await owner.query(`select ${countOfFacts('taxrefund.event-appended')} as n`)).rows[0].n);
  const events = Number((await owner.query('select count(*) from taxrefund.event')).rows[0].count);
  if (facts !== events) throw new Error(`${facts} facts for ${events} events`);
  return ran;
}, async () => {
  await owner.end();
  await bench.stop();
  rmSync(folder, { recursive: true, force: true });
});
