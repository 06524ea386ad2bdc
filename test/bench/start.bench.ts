/**
 * From a clone to a page that answers: `npm ci` with a warm npm cache, then `npm start` on an empty data folder; and a second start
 * on the same folder. The clone is of the committed tree, in a folder of its own.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { finish } from './frame.ts';

const WAIT_MS_MAX = 120_000;
const root = fileURLToPath(new URL('../../', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'exq-start-'));
chmodSync(folder, 0o755);
const clone = join(folder, 'exchequer');
execFileSync('git', ['clone', '-q', root, clone]);
// The host's own npm and Node, as a stranger would use them.
const env = { ...process.env, PATH: (process.env.PATH ?? '').split(':').filter((p) => !p.includes('node_modules')).join(':') };
const seconds = (from: number): number => (performance.now() - from) / 1000;

/** Starts the demo; resolves when the page at the address that it prints answers. */
async function start(): Promise<{ child: ChildProcess; seconds: number; lines: string[] }> {
  const began = performance.now();
  const child = spawn('npm', ['start', '--', '--filers', '100'], { cwd: clone, env, stdio: ['ignore', 'pipe', 'inherit'], detached: true });
  let output = '';
  child.stdout.on('data', (part: Buffer) => { output += part.toString(); });
  while (seconds(began) * 1000 < WAIT_MS_MAX) {
    const address = /http:\/\/localhost:\d+/.exec(output)?.[0];
    if (address) {
      const answer = await fetch(`${address}/t/india/`, { signal: AbortSignal.timeout(5000) }).catch(() => undefined);
      if (answer?.ok && (await answer.text()).includes('<main')) return { child, seconds: seconds(began), lines: output.trim().split('\n') };
    }
    await new Promise((wait) => setTimeout(wait, 20));
  }
  throw new Error(`the page did not answer: ${output}`);
}

async function end(child: ChildProcess): Promise<void> {
  process.kill(-(child.pid as number), 'SIGTERM');
  await once(child, 'exit');
  await new Promise((wait) => setTimeout(wait, 1500));
}

// A cold cache is the registry's time, not ours: the first install fills it.
execFileSync('npm', ['ci', '--prefer-offline'], { cwd: clone, env, stdio: 'ignore' });
rmSync(join(clone, 'node_modules'), { recursive: true, force: true });
const began = performance.now();
execFileSync('npm', ['ci', '--prefer-offline'], { cwd: clone, env, stdio: 'ignore' });
const ciSeconds = seconds(began);
const first = await start();
await new Promise((wait) => setTimeout(wait, 4000));
await end(first.child);
const second = await start();
await end(second.child);
rmSync(folder, { recursive: true, force: true });
process.stdout.write(`npm ci ${ciSeconds.toFixed(1)} s, first page ${first.seconds.toFixed(1)} s later; second start ${second.seconds.toFixed(1)} s\n`);
finish('start', { start_s: ciSeconds + first.seconds, npm_ci_s: ciSeconds, first_page_s: first.seconds, second_start_s: second.seconds }, { start_s: { max: 60 }, second_start_s: { max: 3 } }, {});
