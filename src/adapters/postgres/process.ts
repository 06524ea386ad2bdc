import { execFileSync, spawn } from 'node:child_process';
import { chownSync, linkSync, lstatSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { systemRandom } from '#kernel';
import { errno, ifThere, PostgresRefused } from './refused.ts';

/** The user and group a server process runs as; empty = as this process. */
export interface Identity { readonly uid?: number; readonly gid?: number }

/** PostgreSQL refuses root. 65534 ("nobody") exists as a number everywhere, so no user has to be created. */
const UNPRIVILEGED = 65534;

/** Memory that a backend gives back to the system after each statement costs it a fault a page in the next one; so much it keeps. */
const KEPT_BYTES = String(4 * 1024 * 1024);
/** What the server reads from its environment: nothing of ours, so PGDATA or a locale of the host cannot change it. */
export const SERVER_ENV = { LC_ALL: 'C', TZ: 'UTC', PATH: '/usr/bin:/bin', MALLOC_TRIM_THRESHOLD_: KEPT_BYTES, MALLOC_MMAP_THRESHOLD_: KEPT_BYTES };

/** Root runs the server as the owner of an existing data folder, or as `nobody`; everyone else as themselves. */
export function serverIdentity(dataDir: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const owner = ifThere(() => statSync(dataDir));
  return owner && owner.uid !== 0 ? { uid: owner.uid, gid: owner.gid } : { uid: UNPRIVILEGED, gid: UNPRIVILEGED };
}

/** True when `identity` may pass through every folder down to and including `folder` (which must exist). */
export function canReach(folder: string, identity: Identity): boolean {
  const { uid, gid } = identity;
  if (uid === undefined) return true;
  for (let at = folder; ; at = dirname(at)) {
    const stat = statSync(at);
    const bit = stat.uid === uid ? 0o100 : stat.gid === gid ? 0o010 : 0o001;
    if ((stat.mode & bit) === 0) return false;
    if (dirname(at) === at) return true;
  }
}

/** Gives a file, or a folder with all that is in it, to the server's user. */
export function giveTo(path: string, { uid, gid }: Identity): void {
  if (uid === undefined || gid === undefined) return;
  if (lstatSync(path).isDirectory()) for (const name of readdirSync(path)) giveTo(join(path, name), { uid, gid });
  chownSync(path, uid, gid);
}

/** Gives a folder that the server has to enter or read to its user. */
export const giveToServer = (path: string): void => giveTo(path, serverIdentity(path));

/** Runs a program to its end; resolves with its exit code (-1 when it could not start) and what it said. */
export function run(program: string, args: readonly string[], identity: Identity): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    // cwd '/': the folder we stand in may be closed to the server's user.
    const child = spawn(program, args, { ...identity, cwd: '/', env: SERVER_ENV, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => { said += text; });
    child.once('error', (error) => resolve({ code: -1, said: error.message }));
    child.once('close', (code) => resolve({ code: code ?? -1, said }));
  });
}

const ps = (pid: number, column: string): string | undefined => {
  try {
    return execFileSync('ps', ['-o', `${column}=`, '-p', String(pid)], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim() || undefined;
  } catch {
    return undefined;
  }
};

/** When the process began, in the system's own words; undefined once it is gone (a zombie is gone). With the pid it names one process for ever. */
export function processStart(pid: number): string | undefined {
  if (process.platform !== 'linux') return ps(pid, 'lstart');
  const stat = ifThere(() => readFileSync(`/proc/${pid}/stat`, 'utf8'));
  const [state, ...rest] = stat?.slice(stat.lastIndexOf(')') + 2).split(' ') ?? [];
  return state === undefined || state === 'Z' || state === 'X' ? undefined : rest[18];
}

/** True when the process is a PostgreSQL server started by this launcher on `dataDir`. */
export function servesFolder(pid: number, dataDir: string): boolean {
  if (processStart(pid) === undefined) return false;
  if (process.platform !== 'linux') return ps(pid, 'command')?.endsWith(` -D ${dataDir}`) ?? false;
  return ifThere(() => readFileSync(`/proc/${pid}/cmdline`, 'utf8'))?.includes(`\0-D\0${dataDir}\0`) ?? false;
}

const unique = (): string => `${process.pid}-${systemRandom.bytes(4).toString('hex')}`;

/**
 * Takes the lock file that says which process owns a data folder; returns its release. The owner is named by pid and
 * start time, so a lock left by a killed process is taken over. PostgreSQL's own lock stays the last word on safety:
 * this one only tells an orphan, which we end, from a server that another launcher still needs.
 */
export function takeLock(path: string, dataDir: string): () => void {
  const mine = `${process.pid} ${processStart(process.pid)} ${unique()}`;
  for (;;) {
    const draft = `${path}.${unique()}`;
    writeFileSync(draft, mine, { mode: 0o600 });
    try {
      linkSync(draft, path); // appears with its content or not at all
      return () => { if (ifThere(() => readFileSync(path, 'utf8')) === mine) rmSync(path, { force: true }); };
    } catch (error) {
      if (errno(error) !== 'EEXIST') throw error;
    } finally {
      rmSync(draft, { force: true });
    }
    const held = ifThere(() => readFileSync(path, 'utf8'));
    if (held === undefined) continue;
    const [pid, started] = held.split(' ');
    if (processStart(Number(pid)) === started) {
      throw new PostgresRefused('in-use', `${dataDir} is in use: process ${pid} runs a PostgreSQL server on it. ` +
        'Stop that process, or name another data folder.');
    }
    moveAside(path, held);
  }
}

/** Removes a dead owner's lock. Renaming gives it to one taker only; one that moved a live lock by accident puts it back. */
function moveAside(path: string, held: string): void {
  const aside = `${path}.${unique()}`;
  ifThere(() => renameSync(path, aside));
  const moved = ifThere(() => readFileSync(aside, 'utf8'));
  if (moved !== undefined && moved !== held) linkSync(aside, path);
  rmSync(aside, { force: true });
}
