import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, realpathSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import { basename, dirname, join, resolve } from 'node:path';
import { environment, systemClock } from '#kernel';
import { prepareFolder, privateSocketDir, readPidFile, SUPERUSER, writeSettings } from './folder.ts';
import { ownBinaries, packagedNative, readyBinaries, type Binaries } from './hydrate.ts';
import { processStart, SERVER_ENV, serverIdentity, servesFolder, takeLock, type Identity } from './process.ts';
import { errno, ifThere, PostgresRefused } from './refused.ts';
import { watch } from './watch.ts';

export interface PostgresServer {
  readonly dataDir: string; readonly port: number; readonly socketDir: string; readonly pid: number; readonly version: string;
  readonly superuser: string; readonly password: string;
  /** Connection settings for `pg`: host = socketDir (unix socket), port, user, password, database. */
  connection(database: string, user?: string, password?: string): { host: string; port: number; user: string; password: string; database: string };
  /** Resolves when the process is gone, however it ended. */
  readonly gone: Promise<void>;
  /** Fast shutdown; 'immediate' skips the checkpoint. Resolves when the process is gone. */
  stop(mode?: 'fast' | 'immediate'): Promise<void>;
}

export interface LaunchOptions {
  /** Absolute or relative path; made when missing. `<dataDir>.log`, `.password` and `.lock` lie beside it. */
  readonly dataDir: string;
  /** PostgreSQL settings over the defaults of folder.ts. */
  readonly settings?: Record<string, string>;
  /** Folder whose `bin` holds PostgreSQL's programs; `EXCHEQUER_POSTGRES`, else those of the npm package, when left out. */
  readonly programs?: string;
  /** TCP port on 127.0.0.1; a free one when left out. */
  readonly port?: number;
  /** Told what the launcher does, one line at a time. PostgreSQL's own messages go to `<dataDir>.log`. */
  readonly log?: (line: string) => void;
  /** Longest wait for the server to accept connections, crash recovery included. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 120_000;
const STOP_MS_MAX = 60_000;
const POLL_MS = 10;
const BUSY_POLL_MS = 200;
const PORT_TRIES_MAX = 20;
const LOG_BYTES_MAX = 16 * 1024 * 1024;

/**
 * Starts a PostgreSQL server on a data folder, made if need be, and owns it: it stops with this process, also when this
 * process is killed. Throws PostgresRefused with the way out in words.
 */
export async function launchPostgres(options: LaunchOptions): Promise<PostgresServer> {
  const wanted = resolve(options.dataDir);
  mkdirSync(dirname(wanted), { recursive: true });
  const dataDir = ifThere(() => realpathSync(wanted)) ?? join(realpathSync(dirname(wanted)), basename(wanted));
  const identity = serverIdentity(dataDir);
  const programs = options.programs ?? environment().EXCHEQUER_POSTGRES;
  const binaries = await (programs ? ownBinaries(resolve(programs), identity) : readyBinaries(packagedNative(), identity));
  const release = takeLock(`${dataDir}.lock`, dataDir);
  let socketDir: string | undefined;
  try {
    socketDir = privateSocketDir(dataDir, identity);
    await endOrphan(dataDir, options.log);
    const password = await prepareFolder(dataDir, binaries, identity, socketDir, options.settings?.['fsync'] !== 'off');
    const started = await start(options, { dataDir, socketDir, identity, binaries });
    return own(started, { dataDir, socketDir, password, release, version: binaries.version, log: options.log });
  } catch (error) {
    if (socketDir) rmSync(socketDir, { recursive: true, force: true });
    release();
    throw error;
  }
}

interface Place { readonly dataDir: string; readonly socketDir: string; readonly identity: Identity; readonly binaries: Binaries }
interface Started { readonly child: ChildProcess; readonly pid: number; readonly port: number; readonly unwatch: () => void }

/** Starts the server, on another port or a little later where that is all it takes. */
async function start(options: LaunchOptions, place: Place): Promise<Started> {
  const deadline = systemClock.monotonicMs() + (options.timeoutMs ?? TIMEOUT_MS);
  for (let portTries = 1; ;) {
    const port = options.port ?? await freePort();
    writeSettings(place.dataDir, place.identity, options.settings ?? {}, port, place.socketDir);
    const attempt = spawnServer(place);
    if (await ready(attempt.child, place.dataDir, deadline)) {
      options.log?.(`PostgreSQL ${place.binaries.version} serves ${place.dataDir} on port ${port}`);
      return { ...attempt, port };
    }
    attempt.unwatch();
    const said = attempt.said();
    const late = systemClock.monotonicMs() > deadline;
    const taken = /Address already in use/.test(said);
    if (taken && options.port !== undefined) throw new PostgresRefused('port-taken', `Port ${port} on 127.0.0.1 is taken. Free it or name another.`);
    if (taken && !late && portTries++ < PORT_TRIES_MAX) continue;
    // Backends of a killed server live on for a moment after it.
    if (!late && /is still in use|postmaster\.pid" already exists/.test(said)) {
      await systemClock.sleep(BUSY_POLL_MS);
      continue;
    }
    throw new PostgresRefused('failed', `PostgreSQL did not start on ${place.dataDir}${late ? ' in time' : ''}:\n${said.trim()}`);
  }
}

function spawnServer({ dataDir, identity, binaries }: Place): Omit<Started, 'port'> & { said: () => string } {
  const logFile = `${dataDir}.log`;
  if ((ifThere(() => statSync(logFile))?.size ?? 0) > LOG_BYTES_MAX) renameSync(logFile, `${logFile}.1`);
  const log = openSync(logFile, 'a', 0o600);
  const from = fstatSync(log).size;
  // A process group of its own: Ctrl-C in a terminal must reach the server through us, after the last request.
  const child = spawn(join(binaries.bin, 'postgres'), ['-D', dataDir], { ...identity, cwd: '/', env: SERVER_ENV, detached: true, stdio: ['ignore', log, log] });
  closeSync(log);
  child.on('error', () => undefined); // reported by the missing pid
  if (child.pid === undefined) throw new PostgresRefused('failed', `${binaries.bin}/postgres could not be started`);
  return {
    child, pid: child.pid, unwatch: watch(child.pid, dataDir, identity),
    said: () => readFileSync(logFile).subarray(from).toString('utf8'),
  };
}

/** Waits until the server accepts connections; false when it ended or the time is up (then it has been ended). */
async function ready(child: ChildProcess, dataDir: string, deadline: number): Promise<boolean> {
  while (child.exitCode === null && child.signalCode === null) {
    const file = readPidFile(dataDir);
    if (file?.pid === child.pid && (file?.status === 'ready' || file?.status === 'standby')) return true;
    if (systemClock.monotonicMs() > deadline) child.kill('SIGQUIT');
    await systemClock.sleep(POLL_MS);
  }
  return false;
}

interface Owned {
  readonly dataDir: string; readonly socketDir: string; readonly password: string; readonly version: string;
  readonly release: () => void; readonly log: LaunchOptions['log'];
}

function own({ child, pid, port, unwatch }: Started, { release, log, ...facts }: Owned): PostgresServer {
  let stopping: Promise<void> | undefined;
  const gone = new Promise<void>((resolved) => {
    const ended = (): void => {
      unwatch();
      rmSync(facts.socketDir, { recursive: true, force: true }); // a killed server leaves its socket in it
      release();
      if (!stopping) log?.(`PostgreSQL on ${facts.dataDir} ended by itself; see ${facts.dataDir}.log`);
      resolved();
    };
    if (child.exitCode !== null || child.signalCode !== null) ended();
    else child.once('exit', ended);
  });
  child.unref(); // a program that has nothing left to do may end: the watcher then stops the server
  const end = async (mode: 'fast' | 'immediate'): Promise<void> => {
    child.ref();
    child.kill(mode === 'fast' ? 'SIGINT' : 'SIGQUIT');
    const waited = new AbortController();
    await Promise.race([gone, systemClock.sleep(STOP_MS_MAX, waited.signal)]);
    waited.abort();
    child.kill('SIGQUIT'); // no effect on a server that is gone
    await gone;
  };
  return {
    ...facts, pid, port, gone, superuser: SUPERUSER,
    connection: (database, user = SUPERUSER, password = facts.password) => ({ host: facts.socketDir, port, user, password, database }),
    stop: (mode = 'fast') => {
      if (stopping && mode === 'immediate') child.kill('SIGQUIT');
      return stopping ??= end(mode);
    },
  };
}

/** Ends a server whose launcher was killed. We hold the folder's lock, so nobody needs that server any more. */
async function endOrphan(dataDir: string, log: LaunchOptions['log']): Promise<void> {
  const pid = readPidFile(dataDir)?.pid;
  if (pid === undefined || processStart(pid) === undefined) return; // PostgreSQL itself clears a dead server's file
  if (!servesFolder(pid, dataDir)) {
    // The number now belongs to another program. PostgreSQL would refuse to start if that program is our user's.
    rmSync(join(dataDir, 'postmaster.pid'), { force: true });
    return;
  }
  log?.(`Stopping PostgreSQL ${pid}, left on ${dataDir} by a process that was killed`);
  for (const signal of ['SIGINT', 'SIGQUIT'] as const) {
    try {
      process.kill(pid, signal);
    } catch (error) {
      if (errno(error) === 'EPERM') throw new PostgresRefused('in-use', `PostgreSQL ${pid} serves ${dataDir} as another user. Stop it as that user.`);
    }
    const deadline = systemClock.monotonicMs() + STOP_MS_MAX;
    while (servesFolder(pid, dataDir) && systemClock.monotonicMs() < deadline) await systemClock.sleep(POLL_MS);
    if (!servesFolder(pid, dataDir)) return;
  }
  throw new PostgresRefused('in-use', `PostgreSQL ${pid} on ${dataDir} does not stop. End it, then start again.`);
}

const freePort = (): Promise<number> => new Promise((resolved, rejected) => {
  const server = createServer().once('error', rejected);
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    server.close(() => resolved(typeof address === 'object' && address ? address.port : 0));
  });
});
