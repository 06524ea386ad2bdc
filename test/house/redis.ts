import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '#kernel';

export interface RedisServer { readonly url: string; /** Stops it from answering, and lets it go on. */ freeze(): void; thaw(): void; stop(): Promise<void> }

export const freePort = (): Promise<number> => new Promise((done, fail) => {
  const server = createServer();
  server.once('error', fail);
  server.listen(0, '127.0.0.1', () => {
    const { port } = server.address() as { port: number };
    server.close(() => done(port));
  });
});

const answers = (port: number): Promise<boolean> => new Promise((done) => {
  const socket = connect(port, '127.0.0.1');
  socket.once('connect', () => {
    socket.destroy();
    done(true);
  });
  socket.once('error', () => done(false));
});

/** A Redis server of the test's own, which keeps nothing on disk. */
export async function startRedis(at?: number): Promise<RedisServer> {
  const port = at ?? await freePort();
  const folder = mkdtempSync(join(tmpdir(), 'exq-redis-'));
  const server = spawn('redis-server', ['--port', String(port), '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', folder], { stdio: 'ignore' });
  const ended = new Promise<void>((done) => { server.once('exit', () => done()); });
  for (let i = 0; !await answers(port); i++) {
    if (i > 400 || server.exitCode !== null) throw new Error('redis-server did not start');
    await systemClock.sleep(10);
  }
  return {
    url: `redis://127.0.0.1:${port}`,
    freeze: () => void server.kill('SIGSTOP'),
    thaw: () => void server.kill('SIGCONT'),
    async stop() {
      server.kill('SIGCONT');
      server.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
