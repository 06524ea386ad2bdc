import { join, resolve } from 'node:path';
import { httpBank } from '#adapters/bank';
import { connectRedis, redisCache, redisLimits } from '#adapters/redis';
import {
  ConfigFault, createBreakers, createLog, environment, envFlag, envInt, envText, provide, readConfig, setting, systemClock, type Breakers, type ConfigOf,
  type Provided,
} from '#kernel';
import { OPEN_REQUESTS_MAX } from '#platform/edge';
import { BankRail } from '#products/wallet/port';
import { ProofAsked } from '#platform/webhooks';
import { LEASE_MS, PER_MACHINE } from '#spine/limits';
import { LOAD_MS_MAX } from '#spine/cache';
import { SecondLevel } from '#spine/cache/port';
import { KEY_DAYS, KeyDays } from '#spine/vault';
import { textOf, UsageFault } from './args.ts';
import { openBus, startLink } from './outside.ts';
import { buildAssets } from './assets.ts';
import { keepCopies } from './copies.ts';
import { cellsFromEnvironment, embeddedCells } from './cells.ts';
import { dataFolder } from './folder.ts';
import { migrate, type CellConnection } from './migrate.ts';
import { modules } from './modules.ts';
import { startProgram } from './program.ts';
import { configuredProviders, noticeProviders, providerConfig } from './providers.ts';
import { kekFile, openKek } from './keys.ts';
import { localAdapters, noteRunning, tenantsOf } from './reach.ts';
import { connectionsOf, POOL_SIZES } from './runtime.ts';
import { openTracer } from './tracing.ts';
import { archiveSettings, endWal, keepWal } from './wal.ts';
import { adoptSpools, isWorker, leave, ordersOf, runWorkers, sayReady, spoolOf, workersOf, type Orders } from './workers.ts';

const ROLES = ['web', 'relay', 'worker'];
/** Connections beside the pools: migrations, commands, a person with a client. */
const CONNECTIONS_SPARE = 20;
const CONNECTIONS_LEAST = 100;

/** Settings of `exchequer start`; each start names every fault at once. */
export const startConfig = {
  host: setting('EXCHEQUER_HOST', 'address to listen on; loopback unless said', envText('127.0.0.1')),
  port: setting('EXCHEQUER_PORT', 'port to listen on', envInt(8080, 0, 65_535)),
  secure: setting('EXCHEQUER_SECURE', 'yes where people reach us over TLS: cookies get Secure, answers get HSTS', envFlag),
  openMax: setting('EXCHEQUER_OPEN_MAX', 'requests under way at once in a process before it turns some away, reports first',
    envInt(OPEN_REQUESTS_MAX, 8, 100_000)),
  machinePerMinute: setting('EXCHEQUER_MACHINE_PER_MINUTE',
    `requests a minute that each machine may send, at once or evenly; ${PER_MACHINE.perMinute} unless said`, envInt(PER_MACHINE.perMinute, 1, 1_000_000)),
  keyDays: setting('EXCHEQUER_KEY_DAYS', `days that a tenant’s data key seals before the next one does; ${KEY_DAYS} unless said`, envInt(KEY_DAYS, 1, 3650)),
  webhooksProof: setting('EXCHEQUER_WEBHOOKS_PROOF', 'yes where a webhook endpoint must give a token back before it is sent anything', envFlag),
  proxies: setting('EXCHEQUER_TRUSTED_PROXIES',
    'trusted proxies before us, each of which adds whom it heard to X-Forwarded-For; 0 believes none of it', envInt(0, 0, 10)),
  ...providerConfig,
  bankUrl: setting('EXCHEQUER_BANK_URL', 'base address of the bank rail; without it orders to a bank wait', envText()),
  bankToken: setting('EXCHEQUER_BANK_TOKEN', 'secret for the bank rail', envText()),
  redisUrl: setting('EXCHEQUER_REDIS_URL',
    'address of a Redis server, where processes count limits and keep caches together; each by itself unless set', envText()),
  redisProcesses: setting('EXCHEQUER_REDIS_PROCESSES',
    'web processes on all machines that share Redis: each counts its part by itself while Redis is away; those of this start unless set', envInt(0, 0, 10_000)),
};

const listOf = (text: string | undefined): string[] | undefined => text?.split(',').map((part) => part.trim()).filter(Boolean);

type Config = ReturnType<typeof configOf>;

function configOf(): ConfigOf<typeof startConfig> {
  const env = environment();
  const config = readConfig(startConfig, env);
  if (!config.smsUrl || !config.smsToken) throw new ConfigFault(['EXCHEQUER_SMS_URL and EXCHEQUER_SMS_TOKEN: sign-in needs a provider of text messages']);
  if (env.NODE_ENV === 'production' && !config.secure)
    throw new ConfigFault(['EXCHEQUER_SECURE: production is served over TLS; set it to yes behind your proxy']);
  return config;
}

const bankOf = ({ bankUrl, bankToken }: Config, breakers: Breakers): Provided[] =>
  (bankUrl && bankToken ? [provide(BankRail, () => httpBank({ base: bankUrl, token: bankToken, breaker: breakers.of('bank') }))] : []);

function rolesOf(args: readonly string[]): string[] {
  const roles = listOf(textOf(args, '--roles')) ?? ROLES;
  const unknown = roles.find((r) => !ROLES.includes(r));
  if (unknown !== undefined) throw new UsageFault(`--roles knows ${ROLES.join(', ')}, not ${unknown}`);
  return roles;
}

/** Resolves when this process is told to end; a worker also when the first process is gone. */
const signalled = (): Promise<void> => new Promise((done) => {
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => done());
  if (isWorker()) process.once('disconnect', () => done());
});

/** Serves until a signal: one process, alone or as one of several on the same port. Background work is done by the first of them. */
async function serve(args: readonly string[], config: Config, { index, count, cells: all, port }: Orders): Promise<void> {
  const dataDir = dataFolder(textOf(args, '--data'));
  const wanted = listOf(textOf(args, '--cells'));
  const cells = wanted ? all.filter((c) => wanted.includes(c.name)) : all;
  const missing = wanted?.find((name) => !cells.some((c) => c.name === name));
  if (missing !== undefined) throw new UsageFault(`no database is named for cell ${missing}`);
  const stop = signalled();
  const roles = index === 0 ? rolesOf(args) : ['web'];
  const bus = await openBus();
  const log = createLog();
  const breakers = createBreakers(systemClock, log);
  const provided = [
    ...(await localAdapters(dataDir, breakers, spoolOf(dataDir, index))), ...noticeProviders(await configuredProviders(config)),
    ...bankOf(config, breakers), ...bus.provided, provide(ProofAsked, () => config.webhooksProof), provide(KeyDays, () => config.keyDays),
  ];
  const tracing = await openTracer(log);
  const redis = config.redisUrl ? await connectRedis(config.redisUrl, log) : undefined;
  const program = await startProgram({
    modules, cells, home: (all[0] as CellConnection).name, directoryFile: join(dataDir, 'directory.json'), assets: await buildAssets(modules),
    clock: systemClock, log, breakers, tracer: tracing?.tracer, roles,
    provided: () => (redis ? [...provided, provide(SecondLevel, () => redisCache(redis, LOAD_MS_MAX))] : provided), host: config.host as string,
      port: port ?? config.port,
    secure: config.secure, pathTenants: false, trustedProxies: config.proxies, openMax: config.openMax,
    machinePerMinute: config.machinePerMinute, process: { index, count },
    limitStore: redis && { store: redisLimits(redis, { leaseMs: LEASE_MS }), processes: config.redisProcesses || count },
  });
  log.info('program.started', { port: program.port, cells: cells.map((c) => c.name), roles, ...(count > 1 ? { worker: index, pid: process.pid } : {}) });
  const archive = textOf(args, '--archive');
  const copies = archive !== undefined && index === 0
    ? keepCopies({ folder: resolve(archive), kek: await openKek(kekFile(dataDir)), tenants: () => tenantsOf(program), clock: systemClock, log }) : undefined;
  const link = roles.includes('relay') ? await startLink(program, log) : undefined;
  if (count > 1) sayReady(program.port);
  await stop;
  await link?.stop();
  await copies?.stop();
  await program.stop();
  await redis?.close();
  await bus.close();
  await tracing?.stop();
}

/** `exchequer start [--roles web,relay,worker] [--cells IN,US] [--workers auto|<n>] [--archive <backup dir>] [--data <dir>]` */
export async function start(args: readonly string[]): Promise<number> {
  const config = configOf();
  rolesOf(args);
  if (isWorker()) {
    try {
      await serve(args, config, await ordersOf());
    } finally {
      leave();
    }
    return 0;
  }
  const count = workersOf(args);
  const dataDir = dataFolder(textOf(args, '--data'));
  const names = listOf(textOf(args, '--cells')) ?? ['IN', 'US'];
  const outside = cellsFromEnvironment(environment());
  const archive = textOf(args, '--archive');
  if (archive !== undefined && outside) throw new UsageFault('--archive keeps the log of the embedded server; an outside server has its own ways');
  if (archive === undefined && !outside) await endWal(dataDir);
  const connections = names.length * count * connectionsOf(POOL_SIZES) + CONNECTIONS_SPARE;
  const settings = {
    ...(archive === undefined ? {} : await archiveSettings(dataDir)), max_connections: String(Math.max(CONNECTIONS_LEAST, connections)),
  };
  const embedded = outside ? undefined : await embeddedCells(dataDir, names, settings);
  const cells = outside ?? embedded?.cells ?? [];
  const wal = archive === undefined ? undefined
    : keepWal({ dataDir, backup: resolve(archive), kek: await openKek(kekFile(dataDir)), clock: systemClock, log: createLog() });
  try {
    if (embedded) await noteRunning(dataDir, cells);
    await adoptSpools(dataDir);
    if (count === 1) await serve(args, config, { index: 0, count, cells, port: undefined });
    else {
      const ending = new AbortController();
      void signalled().then(() => ending.abort());
      if (!await runWorkers({ count, cells, clock: systemClock, log: createLog(), ending: ending.signal })) return 1;
    }
  } finally {
    await embedded?.server.stop();
    // The server hands its last segment over when it stops.
    await wal?.stop();
  }
  return 0;
}

/** `exchequer migrate`: brings every named cell to this release and leaves. */
export async function migrateAll(args: readonly string[]): Promise<number> {
  const dataDir = dataFolder(textOf(args, '--data'));
  const outside = cellsFromEnvironment(environment());
  const embedded = outside ? undefined : await embeddedCells(dataDir, ['IN', 'US']);
  for (const cell of outside ?? embedded?.cells ?? []) {
    const { applied, granted } = await migrate(cell, modules);
    process.stdout.write(`${cell.name}  ${applied} steps, rights ${granted ? 'set' : 'as they were'}\n`);
  }
  await embedded?.server.stop();
  return 0;
}
