import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createLog, systemClock } from '#kernel';
import { saveTenant } from '#spine/tenancy';
import { asSuperuser, cloneCell, connectedTo, dropDatabase, everyModule, startSim, testTenants, urlOf, type Sim } from '../house.ts';
import type { CellConnection } from '../../src/apps/migrate.ts';
import { openCell } from '../../src/apps/runtime.ts';

const bin = fileURLToPath(new URL('../../bin/exchequer.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'exchequer-start-'));
let database: CellConnection;
let kms: Sim;
let sms: Sim;
beforeAll(async () => {
  [database, kms, sms] = await Promise.all([cloneCell('MAIN', everyModule), startSim('kms'), startSim('sms')]);
  const cell = openCell({
    connection: database, modules: everyModule, clock: systemClock, log: createLog({ level: 'silent' }), provided: [], sizes: { app: 1, batch: 1, spine: 1, auditor: 1 },
  });
  await saveTenant(cell, { ...(testTenants[0] as (typeof testTenants)[number]), cell: 'MAIN' });
  await cell.close();
});
afterAll(async () => {
  // A test that failed half-way must leave nothing that goes on starting processes.
  for (const { child } of running) if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
  await Promise.all(running.map((r) => r.ended));
  await Promise.all([kms?.stop(), sms?.stop()]);
  await dropDatabase(database.database);
  rmSync(folder, { recursive: true, force: true });
});

const running: { child: ChildProcess; ended: Promise<number | null> }[] = [];

interface Started { readonly lines: string[]; readonly pid: number; stop(): Promise<number | null>; ended: Promise<number | null>; said(): string; until(event: string): Promise<Record<string, unknown>> }

/** `exchequer start` as a process of its own, with nothing in its environment but what is named. */
function start(env: Record<string, string>, args: readonly string[] = []): Started {
  const child = spawn(process.execPath, [bin, 'start', '--data', folder, ...args], {
    stdio: ['ignore', 'pipe', 'pipe'], env: { PATH: process.env.PATH, EXCHEQUER_PORT: '0', EXCHEQUER_SMS_URL: sms.base, EXCHEQUER_SMS_TOKEN: sms.token, ...env },
  });
  const lines: string[] = [];
  const errors: string[] = [];
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line));
  child.stderr.setEncoding('utf8').on('data', (text: string) => errors.push(text));
  const ended = new Promise<number | null>((done) => child.once('close', done));
  running.push({ child, ended });
  return {
    lines, pid: child.pid as number, ended, said: () => errors.join(''),
    stop: () => { child.kill('SIGTERM'); return ended; },
    async until(event) {
      for (let waited = 0; waited < 60_000; waited += 50) {
        const found = lines.filter((l) => l.startsWith('{')).map((l) => JSON.parse(l) as Record<string, unknown>).find((l) => l.event === event);
        if (found) return found;
        if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}: ${errors.join('')}`);
        await systemClock.sleep(50);
      }
      throw new Error(`no ${event}: ${lines.join('\n')}${errors.join('')}`);
    },
  };
}
const production = (): Record<string, string> => ({ NODE_ENV: 'production', EXCHEQUER_SECURE: 'yes', DATABASE_URL: urlOf(database) });

describe('a start in production', () => {
  it('refuses the key file, and says which setting is missing', async () => {
    const refused = start(production());
    expect(await refused.ended).toBe(1);
    expect(refused.said()).toContain('EXCHEQUER_KEK_URL: no key service is configured');
    expect(refused.said()).not.toMatch(/^\s+at /m);
  });
  it('refuses a key service that it cannot use, before it opens a port', async () => {
    const service = { EXCHEQUER_KEK_URL: `${kms.base}/v1/transit`, EXCHEQUER_KEK_TOKEN: 'not-its-token' };
    const wrong = start({ ...production(), ...service });
    const clear = start({ ...production(), EXCHEQUER_KEK_URL: 'http://keys.example/v1/transit', EXCHEQUER_KEK_TOKEN: 'x' });
    expect(await Promise.all([wrong.ended, clear.ended])).toEqual([1, 1]);
    expect(wrong.said()).toContain('refused to encrypt: 403');
    expect(wrong.said()).not.toContain('not-its-token');
    expect(clear.said()).toContain('keys travel over https only');
  });
  it('starts with the key service, which wraps the keys of its tenants', { timeout: 120_000 }, async () => {
    const program = start({ ...production(), EXCHEQUER_KEK_URL: `${kms.base}/v1/transit`, EXCHEQUER_KEK_TOKEN: kms.token });
    const { port } = await program.until('program.started');
    const answer = await fetch(`http://127.0.0.1:${String(port)}/healthz`);
    expect(answer.status).toBe(200);
    expect(await program.stop()).toBe(0);
    const { rows } = await asSuperuser(database.database, (client) => client.query<{ wrapped: string }>('select wrapped from vault.tenant_key'));
    expect(rows).toHaveLength(2);
    for (const row of rows) expect(row.wrapped).toMatch(/^vault:v1:/);
    expect(await connectedTo(database.database)).toEqual([]);
  });
});

describe('several processes on one port', () => {
  const workers = (program: Started): Record<string, unknown>[] => program.lines.filter((l) => l.startsWith('{'))
    .map((l) => JSON.parse(l) as Record<string, unknown>).filter((l) => l.event === 'program.started');
  const until = async (program: Started, count: number): Promise<Record<string, unknown>[]> => {
    await expect.poll(() => workers(program).length, { timeout: 60_000, message: program.said() }).toBe(count);
    return workers(program);
  };
  /** Which process answers; a connection of its own each time, as from another person. */
  const answering = async (port: number): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${port}/metrics`, { headers: { connection: 'close' }, signal: AbortSignal.timeout(5000) });
    expect(answer.status).toBe(200);
    return /process="(\d+)"/.exec(await answer.text())?.[1] ?? '';
  };

  it('share the work, go on when one is killed, replace it, and stop together', { timeout: 180_000 }, async () => {
    const program = start({ ...production(), EXCHEQUER_KEK_URL: `${kms.base}/v1/transit`, EXCHEQUER_KEK_TOKEN: kms.token }, ['--workers', '2']);
    const [one, two] = (await until(program, 2)).toSorted((a, b) => Number(a.worker) - Number(b.worker));
    expect([one?.roles, two?.roles]).toEqual([['web', 'relay', 'worker'], ['web']]);
    expect(new Set([one?.port, two?.port]).size).toBe(1);
    const port = Number(one?.port);
    const seen = new Set<string>();
    // The first answer of a process has nothing to count yet.
    for (let i = 0; i < 24; i++) seen.add(await answering(port));
    seen.delete('');
    expect([...seen].toSorted()).toEqual(['0', '1']);
    // The one that also does the background work: killed outright, as by the system when memory is short.
    process.kill(Number(one?.pid), 'SIGKILL');
    await expect.poll(() => program.lines.some((l) => l.includes('program.worker-ended'))).toBe(true);
    for (let i = 0; i < 10; i++) expect(await answering(port)).toBe('1');
    const third = (await until(program, 3)).at(-1);
    expect(third).toMatchObject({ worker: 0, roles: ['web', 'relay', 'worker'], port });
    expect(third?.pid).not.toBe(one?.pid);
    expect(await program.stop()).toBe(0);
    await expect(fetch(`http://127.0.0.1:${port}/healthz`)).rejects.toThrow();
    expect(await connectedTo(database.database)).toEqual([]);
  });
});
