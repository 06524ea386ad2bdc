import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { environment, systemRandom } from '#kernel';
import { keptFolder } from './kept.ts';

/** `smtp` is the address of one that takes mail. */
export interface Sim { readonly base: string; readonly token: string; readonly smtp?: string; stop(): Promise<void> }

/** Starts a made-up outside party as its own process; it ends when its standard input closes, so also when this process is killed. */
export async function startSim(name: 'sms' | 'smtp' | 'kms' | 'bank' | 's3' | 'hook', args: readonly string[] = []): Promise<Sim> {
  const token = systemRandom.bytes(18).toString('base64url');
  const main = fileURLToPath(new URL(`../../sim/${name}/main.ts`, import.meta.url));
  const child = spawn(process.execPath, [main, '--token', token, ...args], {
    // What V8 made of its files is kept for the next one.
    env: { ...environment(), NODE_COMPILE_CACHE: join(keptFolder, 'v8') }, stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout });
  const said = await new Promise<{ listening: number; smtp?: number }>((done, fail) => {
    lines.once('line', (line) => done(JSON.parse(line) as { listening: number; smtp?: number }));
    child.once('exit', (code) => fail(new Error(`sim ${name} ended with ${code}`)));
  });
  // A program that has nothing left to do may end: the party then ends too.
  for (const handle of [child, child.stdin as Socket, child.stdout as Socket]) handle.unref();
  return {
    base: `http://127.0.0.1:${said.listening}`, token, ...(said.smtp === undefined ? {} : { smtp: `smtp://127.0.0.1:${said.smtp}` }),
    stop: () => new Promise((done) => {
      // Ctrl-C in a terminal reaches the sim as well, so it may be gone before us.
      if (child.exitCode !== null || child.signalCode !== null) return done();
      child.ref();
      child.once('exit', () => done());
      child.stdin.end();
    }),
  };
}
