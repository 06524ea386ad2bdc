import {
  errorFields, Manifests, Pool, provide, type CellContext, type Clock, type Log, type Module, type Provided, type TenantRef, type Token, type Tracer,
  type WorkerContext,
} from '#kernel';
import { Providers } from '#platform/notify/port';
import { TextMessages } from '#spine/identity/port';
import { connectAs, type CellConnection } from './migrate.ts';

/**
 * Every statement of the program reads by an index. Planning each call anew costs more than running it, and a plan made while a table was
 * empty would stay sequential for ever; so plans are generic, and may not be sequential where an index serves.
 */
export const PLAN_OPTIONS = '-c plan_cache_mode=force_generic_plan -c enable_seqscan=off -c enable_hashjoin=off -c enable_mergejoin=off';

export interface PoolSizes { readonly app: number; readonly batch: number; readonly spine: number; readonly auditor: number }
export const POOL_SIZES: PoolSizes = { app: 12, batch: 6, spine: 4, auditor: 2 };
/** Connections that one process may open to one cell. */
export const connectionsOf = (sizes: PoolSizes): number => sizes.app + sizes.batch + sizes.spine + sizes.auditor;
export const WAITING_MAX = 2048;

export interface Cell extends CellContext { readonly connection: CellConnection; close(): Promise<void> }

export interface CellOptions {
  readonly connection: CellConnection;
  readonly modules: readonly Module[];
  readonly clock: Clock;
  readonly log: Log;
  /** Adapters behind ports, and whatever else the app decides. */
  readonly provided: readonly Provided[];
  readonly sizes?: PoolSizes;
  readonly tracer?: Tracer | undefined;
  /** In test and development a lock out of order throws. */
  readonly checkLocks?: boolean;
}

/** Opens a cell: its pools and what its modules hold in this process. */
export function openCell(o: CellOptions): Cell {
  const sizes = o.sizes ?? POOL_SIZES;
  const pool = (role: 'app' | 'spine' | 'auditor', max: number, options?: string): Pool => new Pool({
    connection: connectAs(o.connection, role), max, waitingMax: WAITING_MAX, ...(options ? { options } : {}),
    onError: (error) => o.log.warn('database.connection-lost', { cell: o.connection.name, role, ...errorFields(error) }),
  });
  const pools = { app: pool('app', sizes.app, PLAN_OPTIONS), batch: pool('app', sizes.batch, PLAN_OPTIONS), spine: pool('spine', sizes.spine, PLAN_OPTIONS),
    auditor: pool('auditor', sizes.auditor) };
  const held = new Map<string, unknown>();
  const own = [
    provide(Manifests, () => o.modules),
    // Where nothing more was said, notices go where sign-in codes go.
    provide(Providers, (cell) => ({ text: [cell.use(TextMessages)], email: [], push: [] })),
  ];
  const makers = new Map([...own, ...o.modules.flatMap((m) => m.state ?? []), ...o.provided].map((p) => [p.token.name, p]));
  const use = <T>(what: Token<T>): T => {
    if (!held.has(what.name)) {
      const maker = makers.get(what.name);
      if (!maker) throw new Error(`nothing is provided for ${what.name}`);
      held.set(what.name, maker.make({ name: o.connection.name, clock: o.clock, log: o.log, pools, use }));
    }
    return held.get(what.name) as T;
  };
  return {
    name: o.connection.name, connection: o.connection, pools, use,
    writers: o.modules.flatMap((m) => m.writers ?? []).toSorted((a, b) => a.rank - b.rank),
    lockRanks: o.checkLocks ? new Map(o.modules.map((m, i) => [m.name, m.locksLast ? o.modules.length : i])) : new Map(),
    ...(o.tracer ? { tracer: o.tracer } : {}),
    close: async () => void await Promise.all(Object.values(pools).map((p) => p.close())),
  };
}

/** Runs the modules' workers of the process roles on a cell until `stop`; a worker that throws is logged and started again. */
export function startWorkers(o: {
  cell: CellContext; modules: readonly Module[]; roles: readonly string[]; clock: Clock; log: Log; tenant: (id: string) => Promise<TenantRef | undefined>;
  tenants: () => readonly TenantRef[];
}): { stop(): Promise<void> } {
  const ending = new AbortController();
  const context: WorkerContext = { cell: o.cell, clock: o.clock, log: o.log, signal: ending.signal, modules: o.modules, tenant: o.tenant,
    tenants: () => o.tenants().filter((t) => t.cell === o.cell.name) };
  const running = o.modules.flatMap((m) => m.workers ?? []).filter((w) => w.role === 'any' || o.roles.includes(w.role)).map(async (worker) => {
    while (!ending.signal.aborted) {
      try {
        await worker.run(context);
      } catch (error) {
        o.log.warn('worker.threw', { worker: worker.name, cell: o.cell.name, ...errorFields(error) });
        await o.clock.sleep(1000, ending.signal);
      }
    }
  });
  return {
    async stop() {
      ending.abort();
      await Promise.all(running);
    },
  };
}
