import cluster, { type Worker } from 'node:cluster';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Clock, Log } from '#kernel';
import { numberOf, textOf, UsageFault } from './args.ts';
import type { CellConnection } from './migrate.ts';

export const WORKERS_MAX = 64;
/** A worker that ends is started again after this long, so that one that cannot live does not take the machine. */
export const RESTART_MS = 500;

/** `--workers auto` (one per core that this process may use), a number, or 1. */
export function workersOf(args: readonly string[]): number {
  if (textOf(args, '--workers') === 'auto') return Math.min(availableParallelism(), WORKERS_MAX);
  const count = numberOf(args, '--workers', 1, WORKERS_MAX);
  if (count < 1) throw new UsageFault('--workers must be auto or a whole number from 1');
  return count;
}

/** What the first process tells a worker: which one it is, and what it opened for all of them. */
export interface Orders { readonly index: number; readonly count: number; readonly cells: readonly CellConnection[] }

/** True in a process that `runWorkers` started. */
export const isWorker = (): boolean => cluster.isWorker;
export const ordersOf = (): Promise<Orders> => new Promise((done) => process.once('message', (orders) => done(orders as Orders)));
/** Lets go of the first process: a worker that is done ends only then. */
export const leave = (): void => void cluster.worker?.disconnect();
export const sayReady = (): void => void process.send?.('ready');

/** The spool of one process: no two may write or replay the same files. */
export const spoolOf = (dataDir: string, index: number): string => (index === 0 ? join(dataDir, 'spool') : join(dataDir, 'spool', `worker-${index}`));

/** Gives what earlier workers spooled to the first one: the next start may have fewer of them. Nothing else may run on the folder. */
export async function adoptSpools(dataDir: string): Promise<void> {
  const folder = spoolOf(dataDir, 0);
  for (const worker of (await readdir(folder).catch(() => [])).filter((name) => name.startsWith('worker-'))) {
    for (const cell of await readdir(join(folder, worker))) {
      await mkdir(join(folder, cell), { recursive: true, mode: 0o700 });
      for (const file of await readdir(join(folder, worker, cell))) await rename(join(folder, worker, cell, file), join(folder, cell, file));
    }
  }
}

interface Running { readonly worker: Worker; readonly ready: Promise<boolean>; readonly ended: Promise<void> }

function launch(orders: Orders, log: Log): Running {
  const worker = cluster.fork();
  worker.send(orders);
  const ready = new Promise<boolean>((done) => {
    worker.once('message', () => done(true));
    worker.once('exit', () => done(false));
  });
  const ended = new Promise<void>((done) => worker.once('exit', (code, signal) => {
    log.info('program.worker-ended', { worker: orders.index, code, signal });
    done();
  }));
  return { worker, ready, ended };
}

/**
 * Keeps `count` processes on one port until `ending`: the first starts alone (it migrates and makes the tenants' keys), then the others; one that
 * ends is replaced. Resolves to false when the first one could not start.
 */
export async function runWorkers(o: { count: number; cells: readonly CellConnection[]; clock: Clock; log: Log; ending: AbortSignal }): Promise<boolean> {
  // What a worker is told holds secrets: over its own channel, not in its environment.
  const orders = (index: number): Orders => ({ index, count: o.count, cells: o.cells });
  const now = new Map<number, Running>();
  const stop = (): void => { for (const { worker } of now.values()) worker.process.kill('SIGTERM'); };
  o.ending.addEventListener('abort', stop, { once: true });
  const start = (index: number): Running => {
    const running = launch(orders(index), o.log);
    now.set(index, running);
    return running;
  };
  const keep = async (index: number, first: Running): Promise<void> => {
    for (let running = first; ; running = start(index)) {
      await running.ended;
      now.delete(index);
      if (!o.ending.aborted) await o.clock.sleep(RESTART_MS, o.ending);
      if (o.ending.aborted) return;
    }
  };
  const first = start(0);
  if (!await first.ready) return o.ending.aborted;
  await Promise.all(Array.from({ length: o.count }, (_, index) => keep(index, index === 0 ? first : start(index))));
  return true;
}
