import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { afterAll } from 'vitest';
import { fileHeads } from '#adapters/heads';
import { fileKek } from '#adapters/kms';
import { memoryBank } from '#adapters/bank';
import { memoryMessages } from '#adapters/sms';
import { folderObjects } from '#adapters/objects';
import { typst } from '#adapters/typst';
import {
  createLog, perform, productOf, provide, systemClock, type Actor, type Breakers, type CellContext, type Clock, type Log, type Module, type Provided, type SectionWork,
  type Tracer, type Tx, type Uuid,
} from '#kernel';
import type { Assets, Runner } from '#platform/edge';
import { Typesetter } from '#platform/edge/port';
import { ObjectStore } from '#platform/objects/port';
import { BankRail } from '#products/wallet/port';
import { HeadKeeper } from '#spine/audit/port';
import { enrol as enrolPeople, type Profile } from '#spine/identity';
import { TextMessages } from '#spine/identity/port';
import { saveTenant, type TenantRecord } from '#spine/tenancy';
import { Kek } from '#spine/vault/port';
import { modules as everyModule } from '../src/apps/modules.ts';
import type { CellConnection } from '../src/apps/migrate.ts';
import { startProgram, type Program, type ProgramOptions } from '../src/apps/program.ts';
import { openCell, startWorkers, type Cell, type PoolSizes } from '../src/apps/runtime.ts';
import { demoTenants } from '../src/apps/tenants.ts';
import { cloneCell, connectedTo, dropDatabase, rawAccess, type Raw, type RawRole } from './house/database.ts';
import { dumpTables, filesUnder, findIn } from './house/canary.ts';
import { newAddress, newBrowser, somebody, type Person } from './house/people.ts';
import { injected, makeBrowser, overHttp, type Answer, type Ask, type Browser } from './house/web.ts';

export { somebody, newAddress, newBrowser, madeUpPan, madeUpSsn, type Person } from './house/people.ts';
export type { Answer, Ask, Browser, Page } from './house/web.ts';
export { asSuperuser, cloneCell, connectedTo, connectionTo, dropDatabase, makeDatabase, templateOf, urlOf, type Raw, type RawRole } from './house/database.ts';
export { connectAs } from '../src/apps/migrate.ts';
export { startParty, type Answering, type Heard, type Party } from './house/party.ts';
export { queueOf } from './house/queue.ts';
export { races, type Races } from './house/races.ts';
export { modules as everyModule } from '../src/apps/modules.ts';
export { startSim, type Sim } from '../src/apps/sims.ts';
export { textMessagesConform } from './house/text-messages.ts';
export { mailConforms, type Delivered } from './house/mail.ts';
export { objectsConform } from './house/objects.ts';
export { kekConforms } from './house/kek.ts';
export { limitsConform, type Counting } from './house/limits.ts';
export { secondLevelConforms } from './house/second-level.ts';
export { freePort, startRedis, type RedisServer } from './house/redis.ts';
export { findIn, spellings } from './house/canary.ts';
export * from './house/probe.ts';
export * from './house/books.ts';
export * from './house/operators.ts';
export * from './house/wallets.ts';
export * from './house/codes.ts';
export { has } from './parts.ts';
export { busConforms, ownServer } from './house/bus.ts';
export { importSanctions } from '../src/apps/sanctions.ts';

/** Three offices: two of one cell, so that neighbours can be tested, and one of the other. */
const india = demoTenants.find((t) => t.slug === 'india') as TenantRecord;
export const testTenants: readonly TenantRecord[] = [
  india,
  { ...india, id: `${india.id.slice(0, -8)}0000beef` as Uuid, slug: 'other', name: 'Other Demo Office', hosts: ['other.localhost'], brand: { ...india.brand, name_en: 'Other Office' } },
  demoTenants.find((t) => t.slug === 'us') as TenantRecord,
];

const POOLS: PoolSizes = { app: 6, batch: 3, spine: 4, auditor: 1 };
const SETTLE_MS_MAX = 50_000;

export interface HouseOptions {
  /** The program's modules; all of them unless said. */
  readonly modules?: readonly Module[];
  /** Modules of the test itself, behind the others. */
  readonly add?: readonly Module[];
  readonly tenants?: readonly TenantRecord[];
  /** True starts relay, sequencer and workers with the program; else `settle` runs them while it waits. */
  readonly workers?: boolean;
  /** Cells that the program holds; both unless said. The databases are made for all. */
  readonly serve?: readonly string[];
  /** Adapters over the house's own. */
  readonly provided?: (cell: CellConnection) => readonly Provided[];
  /** Requests go over real HTTP unless `inject` (the default). */
  readonly transport?: 'inject' | 'http';
  readonly clock?: Clock;
  readonly assets?: Assets;
  readonly secure?: boolean;
  readonly group?: boolean;
  /** Limits per person and address at the edge; on unless said, as in production. */
  readonly limits?: boolean;
  readonly machinePerMinute?: number;
  readonly tracer?: Tracer;
  /** Those that the adapters of the test stand behind. */
  readonly breakers?: Breakers;
  readonly trustedProxies?: number;
  readonly sizes?: PoolSizes;
  readonly headersTimeoutMs?: number;
  /** Requests that the program works on at once, and where processes count limits together. */
  readonly openMax?: number;
  readonly limitStore?: ProgramOptions['limitStore'];
  readonly more?: (app: FastifyInstance, runner: Runner) => void;
}

export interface SignedIn {
  readonly person: Uuid;
  readonly bearer: string;
  readonly refreshToken: string;
  /** Cookies of the same session, with the browser's own name. */
  readonly cookies: Record<string, string>;
  readonly browser: string;
}

export interface House {
  readonly program: Program;
  readonly folder: string;
  readonly connections: readonly CellConnection[];
  readonly messages: ReturnType<typeof memoryMessages>;
  readonly log: Log;
  /** Log lines so far, parsed. */
  lines(): Record<string, unknown>[];
  cell(name?: string): Cell;
  /** A second process's view of a cell: pools and state of its own, same database and adapters. Closed by `stop`. */
  anotherCell(name?: string, provided?: readonly Provided[]): Cell;
  tenant(slug?: string): TenantRecord;
  request(ask: Ask): Promise<Answer>;
  browser(tenant?: string, address?: string): Browser;
  /** Runs a verb of a tenant in its own transaction. */
  perform<T>(tenant: string, run: (tx: Tx) => Promise<T>, actor?: Actor): Promise<T>;
  enrol(person: Person): Promise<Uuid>;
  /** Signs an enrolled person in through the real routes with the code from the message; enrols them where need be. */
  signIn(person?: Person, options?: { browser?: string; address?: string; year?: number }): Promise<SignedIn>;
  /** The code of the newest message to a phone; runs the jobs that send it. */
  codeFor(phone: string): Promise<string>;
  sql(cell?: string, role?: RawRole): Raw;
  clockOffset(slug: string, ms: number): Promise<void>;
  /** Runs relay, sequencer and jobs until nothing that is due is left. */
  settle(): Promise<void>;
  /** Runs jobs only, until none is due. */
  runJobs(): Promise<void>;
  /** A program worker set of the test's own on a cell; `stop` of the house does not wait for it. */
  startWorkers(cell: Cell, roles: readonly string[]): { stop(): Promise<void> };
  /** Where any of these secrets stands in clear: every table of every cell, log lines, files. */
  findSecrets(secrets: Readonly<Record<string, string>>): Promise<string[]>;
  stop(): Promise<void>;
}

const NO_ASSETS: Assets = { url: (name) => `/assets/${name}`, find: () => undefined };
const open = new Set<House>();

// A file that leaves a house open fails, and so does a pool or a server that its stop left behind.
afterAll(async () => {
  const left = [...open];
  for (const house of left) await house.stop();
  if (left.length) throw new Error(`${left.length} house(s) were left open: call stop() in afterAll`);
});

interface Parts { o: HouseOptions; modules: readonly Module[]; tenants: readonly TenantRecord[]; connections: readonly CellConnection[]; folder: string; log: Log }

function providedBy(p: Parts, kek: Kek, messages: TextMessages): (cell: CellConnection) => readonly Provided[] {
  return (cell) => [
    provide(Kek, () => kek), provide(HeadKeeper, () => fileHeads(join(p.folder, 'heads'))), provide(TextMessages, () => messages), provide(BankRail, () => memoryBank()), provide(Typesetter, () => typst()),
    provide(ObjectStore, () => folderObjects(join(p.folder, 'objects'))),
    ...(p.o.provided?.(cell) ?? []),
  ];
}

async function plantTenants(p: Parts, home: CellConnection): Promise<void> {
  const cell = openCell({ connection: home, modules: p.modules, clock: systemClock, log: p.log, provided: [], sizes: { app: 1, batch: 1, spine: 1, auditor: 1 } });
  for (const tenant of p.tenants) await saveTenant(cell, tenant);
  await cell.close();
}

/** True when a cell has no due job, every subscriber has read the whole log and every fact has its leaf. */
async function isQuiet(sql: Raw, what: 'jobs' | 'all', subscribers: number): Promise<boolean> {
  const [jobs] = await sql<{ due: boolean }>("select exists (select 1 from jobs.job where dead_at is null and (lease_until is not null or run_at <= clock_timestamp())) as due");
  if (jobs?.due || what === 'jobs') return !jobs?.due;
  const [rest] = await sql<{ behind: boolean }>(`select exists (select 1 from events.cursor where pos < (select coalesce(max(pos), 0) from events.log))
    or (select count(distinct subscriber) from events.cursor) < $1
    or (select count(*) from audit.fact) + (select coalesce(sum(n), 0) from audit.sheet) > (select coalesce(max(pos), 0) from audit.leaf) as behind`, [subscribers]);
  return rest?.behind === false;
}

function driver(h: { subscribers: number; cells: () => readonly Cell[]; sql: (cell: string, role: RawRole) => Raw; run: (cell: Cell, roles: readonly string[]) => { stop(): Promise<void> } }): (what: 'jobs' | 'all') => Promise<void> {
  // One at a time: each brings workers of its own, and they share the cell's few connections.
  let turn: Promise<unknown> = Promise.resolve();
  const drive = async (what: 'jobs' | 'all'): Promise<void> => {
    const cells = h.cells();
    const running = cells.map((cell) => h.run(cell, what === 'jobs' ? ['worker'] : ['relay', 'worker']));
    const until = systemClock.monotonicMs() + SETTLE_MS_MAX;
    try {
      for (const cell of cells) {
        // Two quiet looks: an effect that was committed between the parts of the first one is seen by the second.
        for (let quiet = 0; quiet < 2;) {
          quiet = await isQuiet(h.sql(cell.name, 'superuser'), what, h.subscribers) ? quiet + 1 : 0;
          if (systemClock.monotonicMs() > until) throw new Error(`cell ${cell.name} does not come to rest`);
          await systemClock.sleep(quiet ? 2 : 5);
        }
      }
    } finally {
      await Promise.all(running.map((r) => r.stop()));
    }
  };
  return (what) => {
    const mine = turn.then(() => drive(what));
    turn = mine.catch(() => undefined);
    return mine;
  };
}

/** The real program on clones of the migrated template, with made-up tenants and adapters of its own. Call `stop` in afterAll. */
export async function house(o: HouseOptions = {}): Promise<House> {
  const modules = o.add?.length ? [...(o.modules ?? everyModule), ...o.add] : o.modules ?? everyModule;
  // What a test brings along is turned on, and so is everything where a test does not say which tenants it has.
  const on = (o.tenants ? o.add ?? [] : modules).flatMap((m) => productOf(m) ?? []);
  const tenants = (o.tenants ?? testTenants).map((t) => ({ ...t, products: [...new Set([...t.products, ...on])] }));
  const folder = mkdtempSync(join(tmpdir(), 'exchequer-house-'));
  const connections = await Promise.all([...new Set(tenants.map((t) => t.cell))].toSorted().map((name) => cloneCell(name, modules)));
  const raw: string[] = [];
  const log = createLog({ to: { write: (line: string) => void raw.push(line) } });
  const parts: Parts = { o, modules, tenants, connections, folder, log };
  const home = connections[0] as CellConnection;
  await plantTenants(parts, home);
  const messages = memoryMessages();
  const adapters = providedBy(parts, await fileKek(join(folder, 'kek')), messages);
  const clock = o.clock ?? systemClock;
  const program = await startProgram({
    modules, cells: connections.filter((c) => o.serve?.includes(c.name) ?? true), home: home.name, directoryFile: join(folder, 'directory.json'), assets: o.assets ?? NO_ASSETS, clock, log,
    roles: o.workers ? ['web', 'relay', 'worker'] : ['web'], provided: adapters, host: '127.0.0.1', port: 0, secure: o.secure ?? false, pathTenants: true,
    trustedProxies: o.trustedProxies ?? 0, machinePerMinute: o.machinePerMinute, tracer: o.tracer, breakers: o.breakers, sizes: o.sizes ?? POOLS, checkLocks: true,
    ...(o.group === undefined ? {} : { group: o.group }), ...(o.limits === undefined ? {} : { limits: o.limits }), ...(o.more ? { more: o.more } : {}),
    ...(o.headersTimeoutMs === undefined ? {} : { headersTimeoutMs: o.headersTimeoutMs }), ...(o.openMax === undefined ? {} : { openMax: o.openMax }), limitStore: o.limitStore,
  });
  const access = rawAccess(connections);
  const others: Cell[] = [];
  const run = (cell: Cell, roles: readonly string[]): { stop(): Promise<void> } =>
    startWorkers({ cell, modules, roles, clock, log, tenant: async (id) => program.directory.byId(id), tenants: () => program.directory.all() });
  const drive = driver({ subscribers: new Set(modules.flatMap((m) => m.reactions ?? []).map((r) => r.subscriber)).size, cells: () => [...program.cells.values()], sql: access.sql, run });
  const tenant = (slug = 'india'): TenantRecord => {
    const found = program.directory.bySlug(slug);
    if (!found) throw new Error(`this house has no tenant ${slug}`);
    return found;
  };
  const cell = (name = home.name): Cell => program.cells.get(name) as Cell;
  const request = (ask: Ask): Promise<Answer> => (o.transport === 'http' ? overHttp(program.port, ask) : injected(program.edge.app, ask));
  const made: House = {
    program, folder, connections, messages, log, tenant, cell, request, startWorkers: run,
    lines: () => raw.map((line) => JSON.parse(line) as Record<string, unknown>),
    anotherCell(name = home.name, provided = []) {
      const connection = connections.find((c) => c.name === name) as CellConnection;
      const second = openCell({ connection, modules, clock, log, provided: [...adapters(connection), ...provided], sizes: POOLS, checkLocks: true });
      others.push(second);
      return second;
    },
    browser: (slug = 'india', address = newAddress()) => makeBrowser(request, slug, address),
    perform: (slug, verb, actor = { kind: 'system', name: 'test' }) => perform(cell(tenant(slug).cell), tenant(slug), { actor, trace: '7e57'.repeat(8) }, verb),
    async enrol(person) {
      const { tenant: slug, ...profile } = person;
      const [enrolled] = await made.perform(slug, (tx) => enrolPeople(tx, [profile as Profile]));
      return (enrolled as { person: Uuid }).person;
    },
    async codeFor(phone) {
      if (!o.workers) await drive('jobs');
      const code = messages.sent.findLast((m) => m.to === phone)?.text.match(/(?<![0-9])[0-9]{6}(?![0-9])/)?.[0];
      if (!code) throw new Error('no message with a code went to this phone');
      return code;
    },
    async signIn(person = somebody(), options = {}) {
      const id = await made.enrol(person);
      const { browser = newBrowser(), address = newAddress(), year = 2026 } = options;
      const started = await request({
        tenant: person.tenant, address, path: '/api/sign-in/challenges', json: { identifier: person.identifier, dateOfBirth: person.dateOfBirth, year, browser },
      });
      if (started.status !== 201) throw new Error(`the sign-in did not start: ${started.status} ${started.text}`);
      const verified = await request({
        tenant: person.tenant, address, path: `/api/sign-in/challenges/${started.json<{ challenge: string }>().challenge}/code`, json: { code: await made.codeFor(person.phone), browser },
      });
      if (verified.status !== 200) throw new Error(`the code was refused: ${verified.status} ${verified.text}`);
      const { accessToken, refreshToken } = verified.json<{ accessToken: string; refreshToken: string }>();
      return { person: id, bearer: accessToken, refreshToken, browser, cookies: { xq_access: accessToken, xq_refresh: refreshToken, xq_browser: browser } };
    },
    sql: (name = home.name, role = 'owner') => access.sql(name, role),
    async clockOffset(slug, ms) {
      await saveTenant(cell(home.name), { ...tenant(slug), clockOffsetMs: ms });
      await program.directory.refresh();
    },
    settle: () => drive('all'),
    runJobs: () => drive('jobs'),
    async findSecrets(secrets) {
      const found = findIn('log', Buffer.from(raw.join('')), secrets);
      for (const c of connections) for (const { table, bytes } of await dumpTables(access.sql(c.name, 'superuser'))) found.push(...findIn(`${c.name} ${table}`, bytes, secrets));
      for (const { path, bytes } of filesUnder(folder)) found.push(...findIn(path, bytes, secrets));
      const [server] = await access.sql(home.name, 'superuser')<{ folder: string }>("select current_setting('data_directory') as folder");
      found.push(...findIn('server log', readFileSync(`${server?.folder}.log`), secrets));
      for (const { path, bytes } of filesUnder(`${server?.folder}/pg_wal`)) found.push(...findIn(path, bytes, secrets));
      return found;
    },
    stop: () => close(made, { program, others, access, connections, folder }),
  };
  open.add(made);
  return made;
}

async function close(made: House, h: { program: Program; others: readonly Cell[]; access: { end(): Promise<void> }; connections: readonly CellConnection[]; folder: string }): Promise<void> {
  open.delete(made);
  const { server } = h.program.edge.app;
  await h.program.stop();
  await Promise.all(h.others.map((c) => c.close()));
  await h.access.end();
  const leaks: string[] = server.listening ? ['the server still listens'] : [];
  for (const { database } of h.connections) {
    // A connection that was just closed leaves the list a moment later.
    let left = await connectedTo(database);
    for (let i = 0; left.length && i < 100; i++) {
      await systemClock.sleep(10);
      left = await connectedTo(database);
    }
    leaks.push(...left.map((who) => `a connection to ${database} is open: ${who}`));
    await dropDatabase(database);
  }
  rmSync(h.folder, { recursive: true, force: true });
  if (leaks.length) throw new Error(`left behind:\n${leaks.join('\n')}`);
}

/** What a section's work needs of a house, for tests of `transact`. */
export const sectionOf = <T>(h: House, slug: string, run: SectionWork<T>['run']): SectionWork<T> => ({ tenant: h.tenant(slug), run });
export type { CellContext };
