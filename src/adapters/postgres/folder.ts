import { createHash } from 'node:crypto';
import {
  appendFileSync, chmodSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { systemRandom } from '#kernel';
import type { Binaries } from './hydrate.ts';
import { canReach, giveTo, run, type Identity } from './process.ts';
import { errno, ifThere, PostgresRefused } from './refused.ts';

export const SUPERUSER = 'postgres';
const SETTINGS_FILE = 'exchequer.conf';
const SOCKET_PATH_MAX = 107;
const SOCKET_NAME = '/.s.PGSQL.65535';

const DEFAULTS: Record<string, string> = {
  max_connections: '100',
  shared_buffers: '256MB',
  max_wal_size: '4GB',
  min_wal_size: '512MB', // a busy hour after a quiet night writes over files of the log; to make one of 16 MB holds every commit up for some 60 ms
  max_locks_per_transaction: '512', // one advisory lock per idempotency key of a batch
  jit: 'off',
  // Plans are kept until a table's statistics change. In a new office's first minute a statement may have been planned on a few rows, along an index that
  // serves few rows only; statistics of the rows that came since end that.
  autovacuum_naptime: '10s',
  // A table that grows is sampled when half of it is new and not at each tenth, and by 9,000 rows and not 30,000: at that interval it cost a feed, and
  // transfers, a tenth of their processor time. Hot statements look up by keys, whatever is known of a table (test/plans.test.ts).
  autovacuum_analyze_scale_factor: '0.5',
  default_statistics_target: '30',
  idle_in_transaction_session_timeout: '60s',
  timezone: 'UTC',
  log_timezone: 'UTC',
  wal_level: 'replica',
  password_encryption: 'scram-sha-256',
  logging_collector: 'off',
  log_destination: 'stderr',
  log_line_prefix: '%m [%p] %a %u@%d ',
  // Texts of statements, their values and failed keys can hold personal data. Clients are told every error; the log is not.
  log_min_messages: 'log',
  log_min_error_statement: 'panic',
  log_error_verbosity: 'terse',
  log_parameter_max_length: '0',
  log_parameter_max_length_on_error: '0',
};

/** What PostgreSQL writes into postmaster.pid; undefined when there is none. */
export function readPidFile(dataDir: string): { pid: number; status: string | undefined } | undefined {
  const lines = ifThere(() => readFileSync(join(dataDir, 'postmaster.pid'), 'utf8'))?.split('\n');
  const pid = Number(lines?.[0]);
  return lines && Number.isInteger(pid) && pid > 0 ? { pid, status: lines[7]?.trim() } : undefined;
}

/** Checks an existing data folder or makes a new one; returns the superuser's password. The caller holds the folder's lock. */
export async function prepareFolder(dataDir: string, binaries: Binaries, identity: Identity, socketDir: string, durable: boolean): Promise<string> {
  if (!canReach(dirname(dataDir), identity)) {
    throw new PostgresRefused('unreachable', `PostgreSQL does not run as root, and user ${identity.uid} may not enter ${dirname(dataDir)}. ` +
      'Name a data folder outside closed home folders, such as /var/lib/exchequer, or run as an ordinary user.');
  }
  const passwordFile = `${dataDir}.password`;
  const names = ifThere(() => folderNames(dataDir)) ?? [];
  if (names.length === 0) {
    const password = systemRandom.bytes(24).toString('base64url');
    await createFolder(dataDir, binaries, identity, socketDir, { password, passwordFile, durable });
    return password;
  }
  const major = ifThere(() => readFileSync(join(dataDir, 'PG_VERSION'), 'utf8'))?.trim();
  if (major === undefined) throw new PostgresRefused('not-ours', `${dataDir} is neither empty nor a PostgreSQL data folder. Name another one.`);
  if (major !== binaries.major) {
    throw new PostgresRefused('other-major', `${dataDir} was written by PostgreSQL ${major}, and this is ${binaries.version}. ` +
      `Keep the folder and start the release that brought PostgreSQL ${major}, export there and import here, ` +
      `or set DATABASE_URL to a server of version ${major}.`);
  }
  const password = ifThere(() => readFileSync(passwordFile, 'utf8'));
  if (password === undefined) throw new PostgresRefused('not-ours', `${passwordFile} is missing. Restore it together with ${dataDir}.`);
  if (lstatSync(dataDir).uid !== (identity.uid ?? process.getuid?.())) giveTo(dataDir, identity);
  return password;
}

function folderNames(dataDir: string): string[] {
  try {
    return readdirSync(dataDir);
  } catch (error) {
    if (errno(error) !== 'EACCES') throw error;
    throw new PostgresRefused('not-ours', `${dataDir} belongs to another user. Start as that user or as root, or name another data folder.`);
  }
}

interface NewFolder { readonly password: string; readonly passwordFile: string; readonly durable: boolean }

/** initdb beside the final place, then one rename: a start that was killed half way leaves no half folder. */
async function createFolder(dataDir: string, { bin }: Binaries, identity: Identity, socketDir: string, made: NewFolder): Promise<void> {
  const draftPrefix = `${basename(dataDir)}.init-`;
  for (const name of readdirSync(dirname(dataDir))) {
    if (name.startsWith(draftPrefix)) rmSync(join(dirname(dataDir), name), { recursive: true, force: true });
  }
  const draft = mkdtempSync(join(dirname(dataDir), draftPrefix));
  giveTo(draft, identity);
  const pwfile = join(socketDir, 'pw');
  writeFileSync(pwfile, made.password, { mode: 0o600 });
  giveTo(pwfile, identity);
  const initdb = join(bin, 'initdb');
  const { code, said } = await run(initdb, [
    '-D', draft, '-U', SUPERUSER, `--pwfile=${pwfile}`, '--auth=scram-sha-256', '--encoding=UTF8',
    '--locale-provider=builtin', '--locale=C.UTF-8', '--data-checksums', '--no-sync', '--no-instructions',
  ], identity);
  rmSync(pwfile);
  if (code !== 0) throw new PostgresRefused('failed', `initdb failed (exit ${code}): ${said.trim()}`);
  appendFileSync(join(draft, 'postgresql.conf'), `\ninclude = '${SETTINGS_FILE}'\n`);
  writeFileSync(join(draft, SETTINGS_FILE), '');
  giveTo(join(draft, SETTINGS_FILE), identity);
  // A power cut must not take files that only initdb wrote; one pass here is cheaper than a sync per file.
  if (made.durable) await run(initdb, ['--sync-only', '-D', draft], identity);
  writeFileSync(made.passwordFile, made.password, { mode: 0o600 });
  chmodSync(draft, 0o700);
  renameSync(draft, dataDir);
}

/** Writes the settings of this start: defaults, the caller's, and those that the launcher must own. */
export function writeSettings(dataDir: string, identity: Identity, settings: Record<string, string>, port: number, socketDir: string): void {
  const own = { listen_addresses: '127.0.0.1', port: String(port), unix_socket_directories: socketDir, unix_socket_permissions: '0700' };
  const lines = Object.entries({ ...DEFAULTS, ...settings, ...own }).map(([name, value]) => {
    if (!/^[a-z_.]+$/i.test(name) || /[\n\0]/.test(value)) throw new PostgresRefused('failed', `not a PostgreSQL setting: ${name}`);
    return `${name} = '${value.replaceAll("'", "''")}'`;
  });
  const path = join(dataDir, SETTINGS_FILE);
  writeFileSync(path, `# Written at every start; edit postgresql.conf after its include line instead.\n${lines.join('\n')}\n`, { mode: 0o600 });
  giveTo(path, identity);
}

/**
 * A folder for the server's socket that no other user can enter. Its name follows from the data folder, so that
 * connection pools find the server again after a stop and a start.
 */
export function privateSocketDir(dataDir: string, identity: Identity): string {
  const short = (dir: string): boolean => dir.length + '/exq-0123456789'.length + SOCKET_NAME.length <= SOCKET_PATH_MAX;
  const parent = [tmpdir(), '/tmp'].find((dir) => short(dir) && existsSync(dir) && canReach(dir, identity)) ?? '/tmp';
  const wanted = join(parent, `exq-${createHash('sha256').update(dataDir).digest('hex').slice(0, 10)}`);
  try {
    mkdirSync(wanted, { mode: 0o700 });
  } catch (error) {
    if (errno(error) !== 'EEXIST') throw error;
    const stat = lstatSync(wanted);
    const ours = stat.isDirectory() && stat.uid === (identity.uid ?? process.getuid?.()) && (stat.mode & 0o077) === 0;
    if (ours) return wanted;
    const other = mkdtempSync(join(parent, 'exq-')); // somebody else took the name: never share a folder with them
    giveTo(other, identity);
    return other;
  }
  giveTo(wanted, identity);
  return wanted;
}
