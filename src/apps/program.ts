import { createSecretKey, hkdfSync, type KeyObject } from 'node:crypto';
import type { ListenOptions } from 'node:net';
import type { FastifyInstance, FastifyListenOptions } from 'fastify';
import { Registry } from 'prom-client';
import {
  ConfigFault, errorFields, Hints, provide, type Breakers, type Clock, type Hint, type Log, type Module, type Provided, type TenantRef, type Tracer,
} from '#kernel';
import { createEdge, type Assets, type Edge, type Runner } from '#platform/edge';
import { watchEvents } from '#spine/events';
import { ensureDecoy } from '#spine/identity';
import { createLimiter, createSharedLimiter, LimitsSeen, PER_MACHINE, type LimitCounters, type Limiter } from '#spine/limits';
import type { LimitStore } from '#spine/limits/port';
import { createDirectory, TenantChanged, type Directory } from '#spine/tenancy';
import { loadTenantKeys } from '#spine/vault';
import { followKeys } from './keys.ts';
import { connectAs, migrate, type CellConnection } from './migrate.ts';
import { connectionsOf, openCell, POOL_SIZES, startWorkers, type Cell, type PoolSizes } from './runtime.ts';

export interface ProgramOptions {
  readonly modules: readonly Module[];
  readonly cells: readonly CellConnection[];
  /** The cell that holds the directory; absent from `cells` in a process that has no credential for it. */
  readonly home: string;
  readonly directoryFile: string;
  readonly assets: Assets;
  readonly clock: Clock;
  readonly log: Log;
  /** Where work is traced; nowhere unless said. */
  readonly tracer?: Tracer | undefined;
  readonly roles: readonly string[];
  /** Those before the outside parties of the adapters, to be seen among the metrics. */
  readonly breakers?: Breakers | undefined;
  /** Adapters of a cell's ports. */
  readonly provided: (cell: CellConnection) => readonly Provided[];
  readonly host: string;
  readonly port: number;
  /** How many ports, from that one on, are tried while another program holds them; that one only unless said. */
  readonly portsMax?: number;
  readonly secure: boolean;
  readonly pathTenants: boolean;
  readonly trustedProxies?: number;
  readonly sizes?: PoolSizes;
  readonly checkLocks?: boolean;
  readonly group?: boolean;
  readonly limits?: boolean;
  /** Requests a minute of each machine; as PER_MACHINE unless said. */
  readonly machinePerMinute?: number | undefined;
  /** Where processes count limits together, and how many do; each by itself unless said. */
  readonly limitStore?: { readonly store: LimitStore; readonly processes: number } | undefined;
  readonly headersTimeoutMs?: number;
  /** Requests that this process works on at once. */
  readonly openMax?: number;
  /** Which of how many processes on this port this is; alone unless said. */
  readonly process?: { readonly index: number; readonly count: number };
  readonly more?: (app: FastifyInstance, runner: Runner) => void;
}

export interface Program {
  readonly edge: Edge;
  readonly cells: ReadonlyMap<string, Cell>;
  readonly directory: Directory;
  readonly port: number;
  /** Drains requests, ends workers, closes pools. */
  stop(): Promise<void>;
}

const FOLLOW_AGAIN_MS = 1000;

/** What a tenant needs in its cell before the first request: its keys in this process, and the decoy of its sign-in. */
export async function prepareTenant(cell: Cell, tenant: TenantRef): Promise<void> {
  await loadTenantKeys(cell, tenant);
  await ensureDecoy(cell, tenant);
}

/** A process whose pools could ask for more connections than the server gives would fail under load; it fails at its start instead. */
async function checkConnections(cell: Cell, sizes: PoolSizes, processes: number): Promise<void> {
  const { rows } = await cell.pools.spine.with((c) =>
    c.query("select current_setting('max_connections')::int - current_setting('superuser_reserved_connections')::int as free"),
  );
  const free = Number((rows[0] as { free: number }).free);
  const wanted = connectionsOf(sizes) * processes;
  if (wanted > free) throw new ConfigFault([`cell ${cell.name}: the pools of ${processes} processes want ${wanted} connections, and the server gives ${free}`]);
}

/** Reads the directory again when a tenant was saved, and every 30 s whatever was heard; until the returned function is called. */
function followDirectory(directory: Directory, home: Cell | undefined, o: Pick<ProgramOptions, 'clock' | 'log'>): () => Promise<void> {
  const ending = new AbortController();
  const stopLooking = directory.keepFresh();
  const again = (): void => {
    directory.refresh().catch((error: unknown) => o.log.warn('tenancy.refresh-failed', errorFields(error)));
  };
  const following = home && (async () => {
    while (!ending.signal.aborted) {
      try {
        await watchEvents({ cell: home, clock: o.clock, signal: ending.signal, types: [TenantChanged], see: again, lost: () => undefined });
      } catch (error) {
        o.log.warn('tenancy.follow-failed', errorFields(error));
        await o.clock.sleep(FOLLOW_AGAIN_MS, ending.signal);
      }
    }
  })();
  return async () => {
    stopLooking();
    ending.abort();
    await following;
  };
}

/** Takes the port itself instead of asking first whether it is free: between the two somebody else could take it. */
async function listen({ app }: Edge, o: ProgramOptions): Promise<void> {
  for (let port = o.port; ; port++) {
    try {
      // `reusePort` is Node's own option, handed on as it is: each process has a socket of its own on the port.
      const options: ListenOptions = { host: o.host, port, reusePort: (o.process?.count ?? 1) > 1 };
      await app.listen(options as FastifyListenOptions);
      return;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE' || port + 1 >= o.port + (o.portsMax ?? 1)) throw error;
    }
  }
}

const keyOf = (secret: string, purpose: string): KeyObject => createSecretKey(Buffer.from(hkdfSync('sha256', secret, 'exchequer', purpose, 32)));

function limiterOf(o: ProgramOptions, secret: string): Limiter {
  return o.limitStore ? createSharedLimiter({ ...o.limitStore, clock: o.clock, log: o.log, hideWith: keyOf(secret, 'limit keys') }) : createLimiter(o.clock);
}

/** Migrates the cells, opens them, listens and starts the workers of the named process roles. */
export async function startProgram(o: ProgramOptions): Promise<Program> {
  for (const cell of o.cells) await migrate(cell, o.modules);
  let edge: Edge | undefined;
  const secret = connectAs(o.cells[0] as CellConnection, 'app').password as string;
  const limiter = limiterOf(o, secret);
  const seen = (): LimitCounters => ({ store: o.limitStore?.store.name ?? 'process', counters: limiter.counters() });
  const cells = new Map(o.cells.map((connection) => [connection.name, openCell({
    connection, modules: o.modules, clock: o.clock, log: o.log,
    provided: [...o.provided(connection), provide(Hints, () => ({ publish: (hint: Hint) => edge?.hub.publish(hint) })), provide(LimitsSeen, () => seen)],
    ...(o.sizes ? { sizes: o.sizes } : {}), checkLocks: o.checkLocks ?? false, tracer: o.tracer,
  })]));
  for (const cell of cells.values()) await checkConnections(cell, o.sizes ?? POOL_SIZES, o.process?.count ?? 1);
  const prepared = new Set<string>();
  const directory = createDirectory({
    home: cells.get(o.home), file: o.directoryFile, clock: o.clock, log: o.log,
    async prepare(tenants) {
      for (const tenant of tenants) {
        const cell = cells.get(tenant.cell);
        if (!cell || prepared.has(tenant.id)) continue;
        await prepareTenant(cell, tenant);
        prepared.add(tenant.id);
      }
    },
  });
  await directory.refresh();
  const stopRefresh = followDirectory(directory, cells.get(o.home), o);
  const stopKeys = followKeys([...cells.values()], o);
  const metrics = new Registry();
  if (o.process && o.process.count > 1) metrics.setDefaultLabels({ process: String(o.process.index) });
  edge = createEdge({
    modules: o.modules, cells, directory, clock: o.clock, log: o.log, tracer: o.tracer, limiter, metrics, breakers: o.breakers, assets: o.assets,
    formKey: keyOf(secret, 'form tokens'), secure: o.secure, pathTenants: o.pathTenants,
    trustedProxies: o.trustedProxies ?? 0, ...(o.group === undefined ? {} : { group: o.group }), ...(o.limits === undefined ? {} : { limits: o.limits }),
    ...(o.headersTimeoutMs === undefined ? {} : { headersTimeoutMs: o.headersTimeoutMs }), ...(o.openMax === undefined ? {} : { openMax: o.openMax }),
    ...(o.machinePerMinute === undefined ? {} : { perMachine: { ...PER_MACHINE, capacity: o.machinePerMinute, perMinute: o.machinePerMinute } }),
  }, o.more);
  await listen(edge, o);
  const address = edge.app.server.address();
  const workers = [...cells.values()].map((cell) => startWorkers({
    cell, modules: o.modules, roles: o.roles, clock: o.clock, log: o.log, tenant: async (id) => directory.byId(id),
    tenants: () => directory.all(),
  }));
  const running = edge;
  return {
    edge: running, cells, directory, port: typeof address === 'object' && address ? address.port : o.port,
    async stop() {
      stopKeys();
      await stopRefresh();
      await running.drain();
      await Promise.all(workers.map((w) => w.stop()));
      await Promise.all([...cells.values()].map((c) => c.close()));
    },
  };
}
