import { chmodSync, mkdtempSync, realpathSync, renameSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { afterAll, describe, expect, it } from 'vitest';
import { systemClock } from '#kernel';
import { keepPostgres, type PostgresServer } from './index.ts';
import { processStart } from './process.ts';

// Not os.tmpdir(): a runner may point it at a folder that the server's user cannot enter.
const base = realpathSync(mkdtempSync('/tmp/exchequer-test-'));
chmodSync(base, 0o711);
const servers: PostgresServer[] = [];
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop('immediate')));
  rmSync(base, { recursive: true });
});

const settings = { fsync: 'off', full_page_writes: 'off', shared_buffers: '16MB' };
async function keep(name: string, told: string[]): Promise<PostgresServer> {
  const server = await keepPostgres({ dataDir: join(base, name, 'postgres'), settings }, (line) => told.push(line));
  servers.push(server);
  return server;
}
async function ask(server: PostgresServer, sql: string): Promise<unknown> {
  const client = new Client(server.connection('postgres'));
  client.on('error', () => undefined);
  await client.connect();
  try {
    return (await client.query<{ answer: unknown }>(sql)).rows[0]?.answer;
  } finally {
    await client.end();
  }
}
async function answers(server: PostgresServer, sql: string): Promise<unknown> {
  for (let i = 0; i < 1000; i++) {
    const answer = await ask(server, sql).catch(() => undefined);
    if (answer !== undefined) return answer;
    await systemClock.sleep(20);
  }
  throw new Error('the server did not come back');
}

describe('a server that is kept', () => {
  it('comes back with its data at its address when it is killed, and again; stopped, it stays away', async () => {
    const told: string[] = [];
    const server = await keep('killed', told);
    await ask(server, 'create table kept as select 42 as answer');
    const pids = [server.pid];
    for (let i = 0; i < 2; i++) {
      process.kill(server.pid, 'SIGKILL');
      expect(await answers(server, 'select answer from kept')).toBe(42);
      pids.push(server.pid);
    }
    expect(new Set(pids).size).toBe(3);
    expect(told.map((line) => line.replace(server.dataDir, '…'))).toEqual([1, 2].flatMap(() => [
      `PostgreSQL on … ended by itself; see ${server.dataDir}.log`, 'PostgreSQL serves … again']));
    await server.stop();
    await server.gone;
    await systemClock.sleep(1500);
    expect(pids.map((pid) => processStart(pid))).toEqual([undefined, undefined, undefined]);
    await expect(ask(server, 'select 1 as answer')).rejects.toThrow();
  });

  it('makes no new folder where its own was taken away, and serves it when it is there again', async () => {
    const told: string[] = [];
    const server = await keep('away', told);
    await ask(server, 'create table kept as select 42 as answer');
    renameSync(server.dataDir, `${server.dataDir}.away`);
    process.kill(server.pid, 'SIGKILL');
    while (told.length < 3) await systemClock.sleep(20);
    expect(told.slice(1).join('\n')).toMatch(/does not start again \(.*is not there\); the next try is in 1 s\n.*in 2 s/);
    renameSync(`${server.dataDir}.away`, server.dataDir);
    expect(await answers(server, 'select answer from kept')).toBe(42);
  });

  it('is stopped for good while it waits for its next try', async () => {
    const told: string[] = [];
    const server = await keep('waits', told);
    renameSync(server.dataDir, `${server.dataDir}.away`);
    process.kill(server.pid, 'SIGKILL');
    while (told.length < 2) await systemClock.sleep(20);
    await server.stop();
    await server.gone;
    renameSync(`${server.dataDir}.away`, server.dataDir);
    await systemClock.sleep(1500);
    await expect(ask(server, 'select 1 as answer')).rejects.toThrow();
  });
});
