import { spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync, chownSync, cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, symlinkSync, writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { systemClock } from '#kernel';
import { launchPostgres, type LaunchOptions, type PostgresServer } from './index.ts';
import { packagedNative, readyBinaries } from './hydrate.ts';
import { processStart, run, takeLock } from './process.ts';

const asRoot = process.getuid?.() === 0;
const NOBODY = 65534;
const here = import.meta.dirname;
// Not os.tmpdir(): a runner may point it at a folder that the dropped user cannot enter.
const base = realpathSync(mkdtempSync('/tmp/exchequer-test-'));
chmodSync(base, 0o755);
const servers: PostgresServer[] = [];

const dir = (name: string): string => join(base, name, 'postgres');
const FAST = { fsync: 'off', full_page_writes: 'off', shared_buffers: '16MB' };

async function launch(name: string, more: Partial<LaunchOptions> = {}): Promise<PostgresServer> {
  const server = await launchPostgres({ dataDir: dir(name), ...more, settings: { ...FAST, ...more.settings } });
  servers.push(server);
  return server;
}

async function query(server: PostgresServer, sql: string): Promise<Record<string, unknown>[]> {
  const client = new Client(server.connection('postgres'));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(sql)).rows;
  } finally {
    await client.end();
  }
}

/** Runs a module's text in another Node process; resolves with its first line of output and the process. */
function node(code: string, uid?: number): Promise<{ line: string; child: ChildProcess; ended: Promise<number | null> }> {
  const child = spawn(process.execPath, ['--input-type=module', '-e', code], {
    ...(uid === undefined ? {} : { uid, gid: uid }), cwd: here, stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve));
  return new Promise((resolve) => {
    let said = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      said += text;
      if (said.includes('\n')) resolve({ line: said.slice(0, said.indexOf('\n')), child, ended });
    });
    void ended.then(() => resolve({ line: said, child, ended }));
  });
}

const launchCode = (dataDir: string, then: string): string => `
import { launchPostgres } from '${here}/index.ts';
import pg from 'pg';
const server = await launchPostgres({ dataDir: '${dataDir}', settings: ${JSON.stringify({ ...FAST, fsync: 'on' })} });
const client = new pg.Client(server.connection('postgres'));
client.on('error', () => {});
await client.connect();
${then}`;

async function gone(pid: number): Promise<boolean> {
  for (let i = 0; i < 500 && processStart(pid) !== undefined; i++) await systemClock.sleep(20);
  return processStart(pid) === undefined;
}

let shared: PostgresServer;
beforeAll(async () => { shared = await launch('shared'); });
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop('immediate')));
  rmSync(base, { recursive: true, force: true });
});

describe('a fresh start', () => {
  it('serves PostgreSQL 18 with checksums, C.UTF-8 and UTC', async () => {
    expect(shared.version).toMatch(/^18\./);
    const rows = await query(shared, `select current_setting('data_checksums') sums, current_setting('timezone') zone, current_setting('fsync') fsync,
      current_setting('max_locks_per_transaction') locks, datlocprovider::text provider, datlocale locale from pg_database where datname = 'postgres'`);
    expect(rows).toEqual([{ sums: 'on', zone: 'UTC', fsync: 'off', locks: '512', provider: 'b', locale: 'C.UTF-8' }]);
  });

  it('keeps what a statement needed for the next one, instead of fetching it page by page', async () => {
    const client = new Client(shared.connection('postgres'));
    await client.connect();
    const [backend] = (await client.query<{ pid: number }>('select pg_backend_pid() as pid')).rows;
    const faults = (): number => Number(readFileSync(`/proc/${backend?.pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[7]);
    const run = async (): Promise<number> => {
      const before = faults();
      await client.query("select length(string_agg(repeat('x', 1000), '')) from generate_series(1, 1000)");
      return faults() - before;
    };
    const each: number[] = [];
    for (let i = 0; i < 9; i++) each.push(await run());
    await client.end();
    // A million bytes, twice and more, are some six hundred pages.
    expect(each.toSorted((a, b) => a - b)[4]).toBeLessThan(100);
  });

  it('asks for the password on the socket and on TCP', async () => {
    for (const host of [shared.socketDir, '127.0.0.1']) {
      const wrong = new Client({ ...shared.connection('postgres', 'postgres', 'wrong'), host });
      await expect(wrong.connect()).rejects.toThrow('password authentication failed');
      const right = new Client({ ...shared.connection('postgres'), host });
      await right.connect();
      await right.end();
    }
  });

  it('keeps password and socket from other users', () => {
    expect(statSync(`${shared.dataDir}.password`).mode & 0o777).toBe(0o600);
    expect(statSync(shared.socketDir).mode & 0o777).toBe(0o700);
    expect(statSync(shared.dataDir).mode & 0o777).toBe(0o700);
    expect(join(shared.socketDir, `.s.PGSQL.${shared.port}`).length).toBeLessThanOrEqual(107);
  });

  it('writes no statement text to the log', async () => {
    await expect(query(shared, "select 'canary-7731'::int")).rejects.toThrow('canary-7731');
    const log = readFileSync(`${shared.dataDir}.log`, 'utf8');
    expect(log).toContain('ready to accept connections');
    expect(log).not.toContain('canary-7731');
  });

  it('refuses a setting that would break out of its line', async () => {
    await expect(launch('bad-setting', { settings: { "jit = on\nport": '1' } })).rejects.toMatchObject({ code: 'failed' });
  });
});

describe('several launchers', () => {
  it('serve different folders side by side', async () => {
    const [a, b] = await Promise.all([launch('left'), launch('right')]);
    expect(a.port).not.toBe(b.port);
    expect(await query(a, 'select 1 one')).toEqual([{ one: 1 }]);
    expect(await query(b, 'select 1 one')).toEqual([{ one: 1 }]);
    await Promise.all([a.stop(), b.stop()]);
  });

  it('refuse one folder twice, in this process and from another', async () => {
    await expect(launch('shared')).rejects.toMatchObject({ code: 'in-use', message: expect.stringContaining(`process ${process.pid}`) as string });
    const other = await node(`
      import { launchPostgres } from '${here}/index.ts';
      await launchPostgres({ dataDir: '${shared.dataDir}' }).catch((error) => console.log(error.code));`);
    expect(other.line).toBe('in-use');
    expect(await query(shared, 'select 1 one')).toEqual([{ one: 1 }]);
  });

  it('let one of many win a new folder', async () => {
    const tries = await Promise.allSettled([1, 2, 3].map(() => launch('raced')));
    expect(tries.map((each) => each.status).toSorted()).toEqual(['fulfilled', 'rejected', 'rejected']);
    await servers.at(-1)?.stop('immediate');
  });

  it('take over the lock of a process that is gone', () => {
    const path = join(base, 'stale.lock');
    writeFileSync(path, '999999999 1 x');
    const release = takeLock(path, 'folder');
    expect(() => takeLock(path, 'folder')).toThrow('in use');
    release();
    expect(existsSync(path)).toBe(false);
  });
});

describe('stop', () => {
  it('and start again on the same port keep data and the address', async () => {
    const first = await launch('again');
    await query(first, 'create table kept as select 42 answer');
    await Promise.all([first.stop(), first.stop()]);
    expect(processStart(first.pid)).toBeUndefined();
    expect(existsSync(first.socketDir)).toBe(false);
    const second = await launch('again', { port: first.port });
    expect(second.connection('postgres')).toEqual(first.connection('postgres'));
    expect(await query(second, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await second.stop('immediate');
    expect(readdirSync(join(base, 'again')).toSorted()).toEqual(['postgres', 'postgres.log', 'postgres.password']);
  });

  it('is not needed for a server that ended by itself; the folder is free again', async () => {
    const lines: string[] = [];
    const first = await launch('crashed', { log: (line) => lines.push(line) });
    process.kill(first.pid, 'SIGKILL');
    await expect.poll(() => lines.join()).toContain('ended by itself');
    await first.stop();
    const second = await launch('crashed');
    expect(await query(second, 'select 1 one')).toEqual([{ one: 1 }]);
    await second.stop();
  });
});

describe('the launcher killed', () => {
  it('takes the server with it, and the next start recovers what was committed', async () => {
    const { line, child, ended } = await node(launchCode(dir('killed'), `
      await client.query('create table kept as select 42 answer');
      console.log(server.pid);
      setInterval(() => {}, 1000);`));
    child.kill('SIGKILL');
    await ended;
    expect(await gone(Number(line))).toBe(true);
    const next = await launch('killed');
    expect(await query(next, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await next.stop();
  });

  it('together with its server and followed at once by a new start, loses nothing', async () => {
    const { line, child, ended } = await node(launchCode(dir('both'), `
      await client.query('create table kept as select 42 answer');
      client.query('select pg_sleep(30)').catch(() => {});
      console.log(server.pid);`));
    process.kill(Number(line), 'SIGKILL');
    child.kill('SIGKILL');
    await ended;
    const next = await launch('both');
    expect(await query(next, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await next.stop();
  });

  it('leaves an orphan that the next start ends itself', async () => {
    const { line, child, ended } = await node(launchCode(dir('orphan'), `
      await client.query('create table kept as select 42 answer');
      console.log(server.pid);`));
    child.kill('SIGKILL');
    await ended;
    const lines: string[] = [];
    const next = await launch('orphan', { log: (text) => lines.push(text) });
    expect(processStart(Number(line))).toBeUndefined();
    expect(await query(next, 'select answer from kept')).toEqual([{ answer: 42 }]);
    await next.stop();
  });

  it('is not needed: a program with nothing left to do ends, and the server with it', async () => {
    const { line, ended } = await node(launchCode(dir('idle'), 'await client.end(); console.log(server.pid);'));
    expect(await ended).toBe(0);
    expect(await gone(Number(line))).toBe(true);
    await (await launch('idle')).stop();
  });
});

describe('refusals', () => {
  it('name the way out for a folder of another major', async () => {
    mkdirSync(dir('old'), { recursive: true });
    writeFileSync(join(dir('old'), 'PG_VERSION'), '16\n');
    await expect(launch('old')).rejects.toMatchObject({ code: 'other-major', message: expect.stringMatching(/PostgreSQL 16.*DATABASE_URL/s) as string });
    expect(readdirSync(join(base, 'old'))).toEqual(['postgres']);
  });

  it('leave a folder alone that is not a data folder', async () => {
    mkdirSync(dir('photos'), { recursive: true });
    writeFileSync(join(dir('photos'), 'holiday.jpg'), '');
    await expect(launch('photos')).rejects.toMatchObject({ code: 'not-ours' });
  });

  it('say that the wanted port is taken', async () => {
    const blocker = createServer();
    await new Promise<void>((done) => { blocker.listen(0, '127.0.0.1', done); });
    const address = blocker.address();
    const port = typeof address === 'object' && address ? address.port : 0;
    await expect(launch('port', { port })).rejects.toMatchObject({ code: 'port-taken' });
    await new Promise((done) => { blocker.close(done); });
  });

  it.runIf(asRoot)('say that the server cannot enter a closed folder', async () => {
    mkdirSync(join(base, 'closed'), { mode: 0o700 });
    await expect(launch('closed')).rejects.toMatchObject({ code: 'unreachable', message: expect.stringContaining('/var/lib/exchequer') as string });
  });
});

describe("programs of the machine's own", () => {
  function programs(name: string, say?: string): string {
    const folder = join(base, name);
    mkdirSync(folder, { recursive: true, mode: 0o755 });
    if (say === undefined) {
      symlinkSync(join(packagedNative(), 'bin'), join(folder, 'bin'));
      return folder;
    }
    mkdirSync(join(folder, 'bin'));
    for (const program of ['postgres', 'initdb']) {
      writeFileSync(join(folder, 'bin', program), `#!/bin/sh\necho '${program} (PostgreSQL) ${say}'\n`, { mode: 0o755 });
    }
    return folder;
  }

  it('are started, by option and by the environment', async () => {
    const folder = programs('own');
    const server = await launch('own-server', { programs: folder });
    expect(readFileSync(`/proc/${server.pid}/cmdline`, 'utf8').split('\0')[0]).toBe(join(folder, 'bin', 'postgres'));
    await server.stop();
    vi.stubEnv('EXCHEQUER_POSTGRES', folder);
    const again = await launch('own-server').finally(() => vi.unstubAllEnvs());
    expect(readFileSync(`/proc/${again.pid}/cmdline`, 'utf8').split('\0')[0]).toBe(join(folder, 'bin', 'postgres'));
  });

  it('are refused in words where they are not there or too old', async () => {
    await expect(launch('own-none', { programs: join(base, 'nowhere') })).rejects.toMatchObject({
      code: 'no-binaries', message: expect.stringMatching(/nowhere\/bin holds no "postgres".*EXCHEQUER_POSTGRES/) as string,
    });
    await expect(launch('own-old', { programs: programs('old', '16.4') })).rejects.toMatchObject({
      code: 'no-binaries', message: expect.stringContaining('PostgreSQL 16.4; 17 or newer') as string,
    });
    expect(existsSync(dir('own-old'))).toBe(false);
  });
});

describe('programs from npm without install scripts', () => {
  /** The package as npm unpacks it when scripts are blocked: no symbolic links. */
  function unpacked(name: string): string {
    const native = join(base, name, 'native');
    cpSync(packagedNative(), native, { recursive: true, filter: (path) => !/\.(a|tsample|sample)$/.test(path), verbatimSymlinks: true });
    const links = JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) as { target: string }[];
    for (const { target } of links) rmSync(join(base, name, target), { force: true });
    writeFileSync(join(base, name, 'package.json'), '{"version":"18.0.0-test"}');
    return native;
  }
  const nobody = asRoot ? { uid: NOBODY, gid: NOBODY } : {};

  it('do not run as unpacked, and run after two processes made the links at once', async () => {
    const native = unpacked('blocked');
    expect((await run(join(native, 'bin', 'initdb'), ['--version'], nobody)).code).not.toBe(0);
    const code = `import { readyBinaries } from '${here}/hydrate.ts'; console.log((await readyBinaries('${native}', ${JSON.stringify(nobody)}, [])).version);`;
    expect((await Promise.all([node(code), node(code)])).map((each) => each.line)).toEqual([shared.version, shared.version]);
    expect((await run(join(native, 'bin', 'initdb'), ['--version'], nobody)).code).toBe(0);
    expect(readdirSync(join(native, 'lib')).filter((file) => /\.\d+-[0-9a-f]{8}$/.test(file))).toEqual([]);
  });

  it.runIf(asRoot)('are copied once when the server may not read them', async () => {
    const native = unpacked('home');
    chmodSync(join(base, 'home'), 0o700);
    const caches = [join(base, 'home', 'closed-cache'), join(base, 'cache')];
    const { bin } = await readyBinaries(native, nobody, caches.slice(1));
    expect(bin.startsWith(join(base, 'cache'))).toBe(true);
    const made = statSync(bin).ctimeMs;
    expect((await readyBinaries(native, nobody, caches.slice(1))).bin).toBe(bin);
    expect(statSync(bin).ctimeMs).toBe(made);
    expect(readdirSync(join(base, 'cache', 'exchequer-0'))).toHaveLength(1);
  });

  it.runIf(asRoot)('are copied when their folder may not be written', async () => {
    unpacked('readonly');
    const cache = join(base, 'user-cache');
    mkdirSync(cache);
    chownSync(cache, NOBODY, NOBODY);
    const { line } = await node(`
      import { readyBinaries } from '${here}/hydrate.ts';
      console.log((await readyBinaries('${join(base, 'readonly', 'native')}', {}, ['${cache}'])).bin);`, NOBODY);
    expect(line.startsWith(cache)).toBe(true);
  });
});

it.runIf(asRoot)('an ordinary user runs a server without any of root’s detours', async () => {
  mkdirSync(join(base, 'user'));
  chownSync(join(base, 'user'), NOBODY, NOBODY);
  const { line, ended } = await node(launchCode(dir('user'), `
    const { rows } = await client.query('select 42 answer');
    await client.end();
    await server.stop();
    console.log(rows[0].answer, process.getuid());`), NOBODY);
  expect(line).toBe(`42 ${NOBODY}`);
  expect(await ended).toBe(0);
});
