/** The program under measurement, set up as production would run it (fsync on, row-level security, audit), with made-up people. */
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { FastifyInstance } from 'fastify';
import { fileHeads } from '#adapters/heads';
import { fileKek } from '#adapters/kms';
import { launchPostgres, type PostgresServer } from '#adapters/postgres';
import { memoryBank } from '#adapters/bank';
import { memoryMessages } from '#adapters/sms';
import { createLog, perform, productOf, provide, systemClock, uuid, uuidv7, systemRandom, type Module, type Provided } from '#kernel';
import { HeadKeeper, SpoolFolder } from '#spine/audit/port';
import { BankRail } from '#products/wallet/port';
import { TextMessages } from '#spine/identity/port';
import { saveTenant, type TenantRecord } from '#spine/tenancy';
import { Kek } from '#spine/vault/port';
import { embeddedCell } from '../../src/apps/cells.ts';
import { migrate, type CellConnection } from '../../src/apps/migrate.ts';
import { modules } from '../../src/apps/modules.ts';
import { startProgram, type Program } from '../../src/apps/program.ts';
import { openCell } from '../../src/apps/runtime.ts';
import { demoTenants } from '../../src/apps/tenants.ts';
import { buildAssets } from '../../src/apps/assets.ts';

export interface Bench { readonly server: PostgresServer; readonly cell: CellConnection; readonly program: Program; readonly folder: string; readonly messages: ReturnType<typeof memoryMessages>; stop(): Promise<void> }

export const benchTenants = (count: number): TenantRecord[] => Array.from({ length: count }, (_, i) => ({
  ...(demoTenants[0] as TenantRecord), id: uuid(uuidv7(new Date(0), systemRandom)), slug: `t${i}`, hosts: [`t${i}.localhost`], cell: 'IN', synthetic: true,
}));

export interface BenchOptions { readonly tenants: readonly TenantRecord[]; readonly add?: readonly Module[]; readonly provided?: readonly Provided[]; readonly roles?: readonly string[];
  /** True reaches the server over TCP, as one on a machine of its own is reached; else by its socket. */
  readonly tcp?: boolean;
  /** Files of its log that the server has to write over, 16 MB each; WAL_FILES unless said. */
  readonly walFiles?: number;
  readonly more?: (app: FastifyInstance) => void }

/** With BENCH_STATEMENTS=1, what each statement cost the server is printed at the end; the figures of that run are no figures. */
const STATEMENTS = process.env.BENCH_STATEMENTS === '1';
async function statements(server: PostgresServer, cell: CellConnection): Promise<void> {
  const client = new pg.Client(server.connection(cell.database));
  await client.connect();
  await client.query('create extension if not exists pg_stat_statements');
  const { rows } = await client.query<Record<string, string>>(`select calls, round(total_exec_time) as ms, round(1000 * total_exec_time / greatest(rows, 1)) as us_row, rows,
    wal_bytes / greatest(rows, 1) as wal_row, left(regexp_replace(query, '\\s+', ' ', 'g'), 110) as query from pg_stat_statements order by total_exec_time desc limit 25`);
  for (const r of rows) process.stdout.write(`${r.ms} ms ${r.calls} calls ${r.rows} rows ${r.us_row} µs/row ${Math.round(Number(r.wal_row))} B/row  ${r.query}\n`);
  await client.end();
}

/**
 * A server that has run for a while writes over files of its log that a checkpoint gave back. One that has just begun makes each of them anew, 16 MB of
 * zeros on the disk while every commit waits: some 60 ms, all four seconds of a busy bench, of which no bar speaks. So that many are written through here.
 */
const WAL_FILES = 100;
async function writeThroughLog(server: PostgresServer, cell: CellConnection, files: number): Promise<void> {
  const client = new pg.Client(server.connection(cell.database));
  await client.connect();
  for (let i = 0; i < files; i++) await client.query("select pg_logical_emit_message(true, 'bench', ''), pg_switch_wal()");
  await client.query('checkpoint');
  await client.end();
}

/** The same server may have been compiled for size (the npm package's) or for speed (`EXCHEQUER_POSTGRES`): nearly a quarter of its processor time. */
async function nameServer(server: PostgresServer): Promise<void> {
  const client = new pg.Client(server.connection('postgres'));
  await client.connect();
  const { rows } = await client.query<{ setting: string }>("select setting from pg_config where name = 'CFLAGS'");
  await client.end();
  process.stdout.write(`PostgreSQL ${server.version}, compiled with ${/-O\w+/.exec(rows[0]?.setting ?? '')?.[0] ?? 'flags unknown'}\n`);
}

/** SQL that counts the facts of an action, in rows of their own and in sheets: by how often a sheet names it, since to take a million apart lasts. */
export const countOfFacts = (action: string): string => `(select count(*) from audit.fact where action = '${action}') + (select coalesce(sum(
  (length(facts) - length(replace(facts, e'\\x1f${action}\\x1f', ''))) / length(e'\\x1f${action}\\x1f')), 0) from audit.sheet)`;

export async function startBench(o: BenchOptions): Promise<Bench> {
  const folder = mkdtempSync(join(tmpdir(), 'exq-bench-'));
  chmodSync(folder, 0o755);
  const server = await launchPostgres({
    dataDir: join(folder, 'postgres'),
    settings: { ...(STATEMENTS ? { shared_preload_libraries: 'pg_stat_statements' } : {}), shared_buffers: '1GB', max_wal_size: '8GB', min_wal_size: '6GB', checkpoint_timeout: '30min', fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' },
  });
  await nameServer(server);
  const embedded = await embeddedCell(server, folder, 'IN');
  const cell = o.tcp ? { ...embedded, host: '127.0.0.1' } : embedded;
  const all = [...modules, ...(o.add ?? [])];
  await writeThroughLog(server, cell, o.walFiles ?? WAL_FILES);
  await migrate(cell, all);
  const log = createLog({ level: 'error' });
  const home = openCell({ connection: cell, modules: all, clock: systemClock, log, provided: [], sizes: { app: 1, batch: 1, spine: 1, auditor: 1 } });
  const on = all.flatMap((m) => productOf(m) ?? []);
  for (const tenant of o.tenants) await saveTenant(home, { ...tenant, products: on });
  await home.close();
  const messages = memoryMessages();
  const kek = await fileKek(join(folder, 'keys', 'kek'));
  const program = await startProgram({
    modules: all, cells: [cell], home: 'IN', directoryFile: join(folder, 'directory.json'), assets: await buildAssets(all), clock: systemClock, log,
    roles: o.roles ?? ['web', 'relay', 'worker'], host: '127.0.0.1', port: 0, secure: false, pathTenants: true, limits: false, trustedProxies: 1,
    provided: () => [
      provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(join(folder, 'heads'))), provide(SpoolFolder, () => join(folder, 'spool')),
      provide(TextMessages, () => messages), provide(BankRail, () => memoryBank()), ...(o.provided ?? []),
    ], ...(o.more ? { more: o.more } : {}),
  });
  return {
    server, cell, program, folder, messages,
    async stop() {
      await program.stop();
      if (STATEMENTS) await statements(server, cell);
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Signs people in over HTTP, in the order given; resolves to their access tokens. */
export async function signInAll(b: Bench, slug: string, people: readonly { identifier: string; dateOfBirth: string; phone: string }[]): Promise<string[]> {
  const base = `http://127.0.0.1:${b.program.port}/t/${slug}/api`;
  const owner = new pg.Client(b.server.connection(b.cell.database));
  await owner.connect();
  const post = async (path: string, body: unknown): Promise<Record<string, string>> =>
    (await (await fetch(`${base}${path}`, { method: 'POST', headers: { 'content-type': 'application/json', 'x-forwarded-for': '1' }, body: JSON.stringify(body) })).json()) as Record<string, string>;
  // Other texts may go to the same number.
  const codes = (): Map<string, string> => new Map(b.messages.sent.filter((m) => /^\d{6}/.test(m.text)).map((m) => [m.to, m.text.slice(0, 6)]));
  const signIn = async (p: (typeof people)[number], i: number): Promise<string> => {
    const browser = `bench${String(i).padStart(20, '0')}`;
    const started = await post('/sign-in/challenges', { identifier: p.identifier, dateOfBirth: p.dateOfBirth, year: 2026, browser });
    if (!started.challenge) throw new Error(JSON.stringify(started));
    for (let tries = 0; tries < 500; tries++) {
      const code = codes().get(p.phone);
      if (code) {
        const done = await post(`/sign-in/challenges/${started.challenge}/code`, { code, browser });
        if (!done.accessToken) throw new Error(JSON.stringify(done));
        return done.accessToken;
      }
      await systemClock.sleep(20);
    }
    throw new Error('no code came');
  };
  const tokens: string[] = [];
  for (let at = 0; at < people.length; at += 20) {
    // Every sign-in of the bench comes from one address; its bucket is filled again so that the limit stands out of the way. The table is locked first:
    // row by row, it could meet the program's own takings in the other order.
    await owner.query('begin; lock table limits.bucket in exclusive mode; delete from limits.bucket; commit');
    tokens.push(...await Promise.all(people.slice(at, at + 20).map((p, k) => signIn(p, at + k))));
  }
  await owner.end();
  return tokens;
}

const SETTLED_WITHIN_MS = 600_000;
/**
 * Waits for what setting up left to be done: each event that made people known, and each sign-in, has readers and jobs of its own, and a round that
 * is measured beside them measures them too. Resolves to the seconds it took.
 */
export async function settle(b: Bench): Promise<number> {
  const owner = new pg.Client(b.server.connection(b.cell.database));
  await owner.connect();
  const began = performance.now();
  try {
    for (;;) {
      const { rows } = await owner.query<{ jobs: string; behind: string }>(`select (select count(*) from jobs.job where run_at < now() + interval '1 minute') as jobs,
        (select count(*) from events.cursor where pos < (select max(pos) from events.log)) as behind`);
      if (rows[0]?.jobs === '0' && rows[0].behind === '0') return (performance.now() - began) / 1000;
      if (performance.now() - began > SETTLED_WITHIN_MS) throw new Error(`${rows[0]?.jobs} jobs and ${rows[0]?.behind} cursors are behind`);
      await systemClock.sleep(500);
    }
  } finally {
    await owner.end();
  }
}

export const asSystem = { actor: { kind: 'system', name: 'bench' }, trace: '0'.repeat(32) } as const;
export { perform };
