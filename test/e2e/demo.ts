import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, chmodSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Demo { readonly base: string; readonly lines: readonly string[]; readonly pid: number; log(): string; stop(): Promise<number | null> }

const START_MS_MAX = 60_000;
const STOP_MS_MAX = 15_000;

/** Starts the real demo as its own process on a fresh data folder, and waits until its people are there. */
export async function startDemo(args: readonly string[] = ['--filers', '200']): Promise<Demo> {
  // Not os.tmpdir(): the server may run as another user, who cannot enter a private TMPDIR.
  const folder = mkdtempSync('/tmp/exchequer-demo-');
  chmodSync(folder, 0o755);
  const bin = fileURLToPath(new URL('../../bin/exchequer.mjs', import.meta.url));
  const child: ChildProcess = spawn(process.execPath, [bin, 'demo', '--data', join(folder, 'data'), ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const base = await new Promise<string>((done, fail) => {
    const late = setTimeout(() => fail(new Error(`the demo was not ready in time:\n${lines.join('\n')}`)), START_MS_MAX);
    for (const stream of [child.stdout, child.stderr]) {
      if (stream) createInterface({ input: stream }).on('line', (line) => {
        lines.push(line);
        const found = /ready at (http:\S+?)[;,]/.exec(line);
        if (!found) return;
        clearTimeout(late);
        done(found[1] as string);
      });
    }
    child.once('exit', (code) => fail(new Error(`the demo ended with ${code}:\n${lines.join('\n')}`)));
  });
  let stopping: Promise<number | null> | undefined;
  return {
    base, lines, pid: child.pid as number,
    log: () => readFileSync(join(folder, 'data', 'demo.log'), 'utf8'),
    stop: () => (stopping ??= new Promise((done) => {
      const force = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
      child.once('exit', (code) => {
        clearTimeout(force);
        rmSync(folder, { recursive: true, force: true });
        done(code);
      });
      child.kill('SIGTERM');
    })),
  };
}
