/**
 * The audited status view under 256 connections. Baselines, each in the same server and run: the same view with one transaction
 * a view (what a good team writes first: pooled, prepared, pipelined), the same view without audit, 32 tenants instead of one,
 * and a bare `node:http` that answers the same bytes (floor).
 */
import { child, cpuUs, finish, interleave, measure, median, medianOf, ratioOf, watchDisk, type Round } from './frame.ts';

interface Session { tenant: string; token: string }
interface Setup { port: number; barePort: number; postmaster: number; one: Session[]; many: Session[]; years: number; bytes: number; rows: number; settled: number }
interface Counts { facts: number; hits: number; misses: number; batches: Record<string, { batches: number; items: number }> }
interface Load { answered: number; ok: number; p50Ms: number; p99Ms: number; seconds: number }

const ROUNDS = Number(process.env.BENCH_ROUNDS ?? 5);
const SECONDS = Number(process.env.BENCH_SECONDS ?? 3);
const CONNECTIONS = 256;
const say = (line: string): void => void process.stdout.write(`${line}\n`);

const began = performance.now();
const server = await child('./status.serve.ts');
const load = await child('./load.ts');
const setup = await server.ask<Setup>({ what: 'setup' });
say(`${setup.rows.toLocaleString('en')} returns, ${setup.one.length} sessions of one tenant, ${setup.many.length} of 32, answer of ${setup.bytes} bytes, set up in ${((performance.now() - began) / 1000).toFixed(0)} s, ${setup.settled.toFixed(0)} of them until its events and jobs were done`);

function requests(sessions: readonly Session[], path: (s: Session, year: number) => string, headers: (s: Session) => string): string[] {
  return sessions.flatMap((s) => Array.from({ length: setup.years }, (_, y) => `GET ${path(s, 2026 - y)} HTTP/1.1\r\nhost: localhost\r\n${headers(s)}user-agent: bench\r\n\r\n`));
}
const bearer = (s: Session): string => `authorization: Bearer ${s.token}\r\n`;
const api = (route: string) => (s: Session, year: number): string => `/t/${s.tenant}/api/${route}/${year}`;

let seed = 0;
function variant(name: string, port: number, list: string[], audited: 'all' | 'none' | 'any'): () => Promise<Round> {
  return async () => {
    const before = await server.ask<Counts>({ what: 'counts' });
    const nodeBefore = cpuUs(server.pid);
    const m = await measure([server.pid], [load.pid], () => load.ask<Load>({ port, connections: CONNECTIONS, seconds: SECONDS, requests: list, seed: seed += 1 }));
    const nodeUs = cpuUs(server.pid) - nodeBefore;
    const after = await server.ask<Counts>({ what: 'counts' });
    const { answered, ok, p99Ms } = m.result;
    if (ok !== answered) throw new Error(`${name}: ${answered - ok} of ${answered} answers were not 200`);
    const facts = after.facts - before.facts;
    if (audited === 'all' && facts !== answered) throw new Error(`${name}: ${facts} facts for ${answered} answers`);
    if (audited === 'none' && facts !== 0) throw new Error(`${name}: ${facts} facts where none belong`);
    const looks = after.hits + after.misses - before.hits - before.misses;
    const batches = Object.values(after.batches).reduce((s, b) => s + b.batches, 0) - Object.values(before.batches).reduce((s, b) => s + b.batches, 0);
    return {
      perSecond: answered / m.result.seconds, cpuUsEach: m.cpuUs / answered, p99Ms, foreign: m.foreign,
      extra: { p50: m.result.p50Ms, 'node µs': nodeUs / answered, ...(looks ? { 'hit %': (100 * (after.hits - before.hits)) / looks } : {}), ...(batches ? { batch: answered / batches } : {}) },
    };
  };
}

const variants = {
  audited: variant('audited', setup.port, requests(setup.one, api('tax-refunds'), bearer), 'all'),
  single: variant('single', setup.port, requests(setup.one, api('bench-single'), bearer), 'all'),
  unaudited: variant('unaudited', setup.port, requests(setup.one, api('bench-unaudited'), bearer), 'none'),
  tenants32: variant('tenants32', setup.port, requests(setup.many, api('tax-refunds'), bearer), 'all'),
  page: variant('page', setup.port, requests(setup.one, (s, year) => `/t/${s.tenant}/tax-refunds/${year}`, (s) => `cookie: xq_access=${s.token}; xq_browser=${'b'.repeat(24)}\r\n`), 'all'),
  bare: variant('bare', setup.barePort, requests(setup.one, api('tax-refunds'), bearer), 'any'),
};
const kept = await interleave(variants, ROUNDS, say);
const of = (name: keyof typeof variants): Round[] => kept[name] as Round[];
const cpu = (r: Round): number => r.cpuUsEach;
const rate = (r: Round): number => r.perSecond;

const half = medianOf(of('audited'), rate) / 2;
const halfRequests = requests(setup.one, api('tax-refunds'), bearer);
/** As all else a median, of as many windows after one thrown away: in a window in which the machine's disk stood still for half a second a tenth of the requests came then. */
async function openWindows(): Promise<number[]> {
  const disk = watchDisk();
  const p99s: number[] = [];
  for (let w = 0; w <= ROUNDS; w++) {
    disk.slowShare();
    const open = await load.ask<Load>({ port: setup.port, connections: CONNECTIONS, seconds: SECONDS, requests: halfRequests, perSecond: half, seed: w + 1 });
    if (w > 0) p99s.push(open.p99Ms);
    say(`${w === 0 ? 'warm-up' : `window ${w}`}  open loop at ${Math.round(half)}/s: ${open.answered} answers, p50 ${open.p50Ms.toFixed(1)} ms, p99 ${open.p99Ms.toFixed(1)} ms, `
      + `slow writes to the disk beside it ${Math.round(disk.slowShare() * 100)} %`);
  }
  disk.stop();
  return p99s;
}
const opened = await openWindows();
await load.stop();
await server.stop();

finish('status', {
  cpu_us: medianOf(of('audited'), cpu), per_s: medianOf(of('audited'), rate), p99_ms_256: medianOf(of('audited'), (r) => r.p99Ms),
  ratio_cpu_single: ratioOf(of('single'), of('audited'), cpu), ratio_cpu_unaudited: ratioOf(of('audited'), of('unaudited'), cpu),
  ratio_cpu_tenants32: ratioOf(of('tenants32'), of('audited'), cpu), ratio_rate_bare: ratioOf(of('audited'), of('bare'), rate),
  p99_ms_open_half: median(opened), p99_ms_open_half_worst: Math.max(...opened), cpu_us_page: medianOf(of('page'), cpu), page_per_s: medianOf(of('page'), rate), hit_percent: medianOf(of('audited'), (r) => r.extra['hit %'] ?? 0),
  batch: medianOf(of('audited'), (r) => r.extra.batch ?? 0),
}, {
  cpu_us: { max: 110 }, ratio_cpu_single: { min: 5 }, ratio_cpu_unaudited: { max: 1.5 }, ratio_cpu_tenants32: { max: 1.6 }, ratio_rate_bare: { min: 0.2 },
  p99_ms_open_half: { max: 50 }, cpu_us_page: { max: 300 },
}, { bare_per_s: medianOf(of('bare'), rate), bare_cpu_us: medianOf(of('bare'), cpu), single_per_s: medianOf(of('single'), rate), single_cpu_us: medianOf(of('single'), cpu) });
