import { fork, type ChildProcess } from 'node:child_process';
import { mkdir, readdir, rename } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { environment, errorFields, type Clock, type Log } from '#kernel';
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
  if (count > 1 && process.platform !== 'linux') throw new UsageFault('--workers: only Linux shares a port between processes');
  return count;
}

/** What the first process tells a worker: which one it is, what it opened for all of them, and the port when there is one already. */
export interface Orders { readonly index: number; readonly count: number; readonly cells: readonly CellConnection[]; readonly port: number | undefined }

const MARK = 'EXCHEQUER_WORKER';
/** True in a process that `runWorkers` started. */
export const isWorker = (): boolean => environment()[MARK] === 'yes' && process.send !== undefined;
export const ordersOf = (): Promise<Orders> => new Promise((done) => process.once('message', (orders) => done(orders as Orders)));
/** Tells the first process that this one answers on a port. */
export const sayReady = (port: number): void => void process.send?.({ port });
/** Lets go of the first process: a worker that is done ends only then. */
export const leave = (): void => { if (process.connected) process.disconnect(); };

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

interface Running { readonly child: ChildProcess; /** Its port, or undefined when it ended before it had one. */ readonly ready: Promise<number | undefined>;
  readonly ended: Promise<void> }

function launch(orders: Orders, log: Log): Running {
  const child = fork(process.argv[1] as string, process.argv.slice(2), { env: { ...environment(), [MARK]: 'yes' } });
  child.on('error', (error) => log.warn('program.worker-not-told', { worker: orders.index, ...errorFields(error) }));
  child.send(orders);
  const ready = new Promise<number | undefined>((done) => {
    child.once('message', (said) => done((said as { port: number }).port));
    child.once('exit', () => done(undefined));
  });
  const ended = new Promise<void>((done) => child.once('exit', (code, signal) => {
    log.info('program.worker-ended', { worker: orders.index, code, signal });
    done();
  }));
  return { child, ready, ended };
}

/**
 * Keeps `count` processes on one port until `ending`; the kernel shares out the connections (SO_REUSEPORT), so one that is killed takes none but
 * its own with it. The first starts alone, since it migrates and makes the tenants' keys, and names the port; one that ends is replaced.
 * Resolves to false when the first one could not start.
 */
export async function runWorkers(o: { count: number; cells: readonly CellConnection[]; clock: Clock; log: Log; ending: AbortSignal }): Promise<boolean> {
  const now = new Map<number, Running>();
  let port: number | undefined;
  // What a worker is told holds secrets: over its own channel, not in its environment.
  const start = (index: number): Running => {
    const running = launch({ index, count: o.count, cells: o.cells, port }, o.log);
    now.set(index, running);
    return running;
  };
  o.ending.addEventListener('abort', () => { for (const { child } of now.values()) child.kill('SIGTERM'); }, { once: true });
  const keep = async (index: number, first: Running): Promise<void> => {
    for (let running = first; ; running = start(index)) {
      await running.ended;
      now.delete(index);
      if (!o.ending.aborted) await o.clock.sleep(RESTART_MS, o.ending);
      if (o.ending.aborted) return;
    }
  };
  const first = start(0);
  port = await first.ready;
  if (o.ending.aborted) await first.ended;
  if (port === undefined || o.ending.aborted) return o.ending.aborted;
  await Promise.all(Array.from({ length: o.count }, (_, index) => keep(index, index === 0 ? first : start(index))));
  return true;
}
