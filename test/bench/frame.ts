/**
 * What every bench shares: processor time of all processes read from the kernel, interleaved rounds with the first one thrown
 * away, medians, bars, and the one line at the end. A round in which other processes took more than 15 % of the machine is
 * marked and done again, at most three times.
 */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, fdatasync, fsyncSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { SERVER_FLAGS } from '../../tools/v8-flags.mjs';

const TICK_US = 10_000;
export const FOREIGN_SHARE_MAX = 0.15;
export const NOISY_REPEATS_MAX = 3;
export const DISK_SLOW_SHARE_MAX = 0.1;

/** Processor time of a process in µs (user and system), 0 when it is gone. */
export function cpuUs(pid: number): number {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * TICK_US;
  } catch {
    return 0;
  }
}

interface Process { readonly parent: number; readonly us: number; readonly endedUs: number }
/** All processes: what each took, and what those took that ended below it. */
function processes(): Map<number, Process> {
  const all = new Map<number, Process>();
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ').map(Number);
      const ticks = (i: number): number => (fields[i] as number) * TICK_US;
      // What a tick cuts off of a process shows in its parent's sum when it ends: fifty connections that go at once were half a second of whoever was measured.
      const us = fields[17] === 1 ? Number(readFileSync(`/proc/${name}/schedstat`, 'utf8').split(' ')[0]) / 1000 : ticks(11) + ticks(12);
      all.set(Number(name), { parent: fields[1] as number, us, endedUs: ticks(13) + ticks(14) });
    } catch {
      // It ended meanwhile: its parent has its time.
    }
  }
  return all;
}
/** Processor time of processes that have ended, as their parent saw it. */
export const endedUs = (pid: number): number => processes().get(pid)?.endedUs ?? 0;
function treeUsOnce(pid: number): number {
  const all = processes();
  const children = Map.groupBy(all.keys(), (p) => all.get(p)?.parent);
  const sum = (p: number): number => (all.get(p)?.us ?? 0) + (all.get(p)?.endedUs ?? 0) + (children.get(p) ?? []).reduce((s, c) => s + sum(c), 0);
  return sum(pid);
}
/**
 * Processor time of a process and all below it, the ended ones too. It only grows, and one that ends while all are read may be missed (its parent was
 * read before, it itself not any more): the larger of two readings has it. The kernel's own list of children is no help, it may leave out any of them then.
 */
export const treeUs = (pid: number): number => Math.max(treeUsOnce(pid), treeUsOnce(pid));

/** Busy time of the whole machine in µs. */
function machineUs(): number {
  const [, user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0] = (readFileSync('/proc/stat', 'utf8').split('\n')[0] as string).split(/\s+/).map(Number);
  return (user + nice + system + irq + softirq) * TICK_US;
}
const cores = (): number => readdirSync('/sys/devices/system/cpu').filter((f) => /^cpu\d+$/.test(f)).length;

export interface Measured { readonly cpuUs: number; readonly seconds: number; readonly foreign: number }

/** Measures the processor time that `pids` (with all below them) take while `work` runs; `excluded` belong to the bench but are not counted. */
export async function measure<T>(pids: readonly number[], excluded: readonly number[], work: () => Promise<T>): Promise<{ result: T } & Measured> {
  const began = performance.now();
  const before = pids.reduce((s, p) => s + treeUs(p), 0);
  const mineBefore = [process.pid, ...excluded].reduce((s, p) => s + cpuUs(p), 0);
  const allBefore = machineUs();
  const result = await work();
  const seconds = (performance.now() - began) / 1000;
  const used = pids.reduce((s, p) => s + treeUs(p), 0) - before;
  const mine = [process.pid, ...excluded].reduce((s, p) => s + cpuUs(p), 0) - mineBefore;
  const foreign = Math.max(0, machineUs() - allBefore - used - mine) / (seconds * 1e6 * cores());
  return { result, cpuUs: used, seconds, foreign };
}

/** A page that is written to the disk of the benches' data takes about a millisecond; now and then, for half a second, ten times that. */
const DISK_SLOW_MS = 4;
/** Writes a page to that disk again and again, and says which share of the writes was slow since it was last asked. */
export function watchDisk(): { slowShare(): number; stop(): void } {
  const folder = mkdtempSync(join(tmpdir(), 'exq-bench-disk-'));
  const file = openSync(join(folder, 'page'), 'w');
  const page = Buffer.alloc(8192, 1);
  writeSync(file, page, 0, page.length, 0);
  fsyncSync(file);
  let [all, slow, running] = [0, 0, true];
  const watch = async (): Promise<void> => {
    while (running) {
      const began = performance.now();
      writeSync(file, page, 0, page.length, 0);
      await promisify(fdatasync)(file);
      all += 1;
      if (performance.now() - began > DISK_SLOW_MS) slow += 1;
      await new Promise((done) => { setTimeout(done, 10); });
    }
    closeSync(file);
    rmSync(folder, { recursive: true });
  };
  void watch();
  return {
    slowShare() {
      const share = slow / Math.max(1, all);
      [all, slow] = [0, 0];
      return share;
    },
    stop() { running = false; },
  };
}

export const median = (values: readonly number[]): number => {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] as number) : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
};

export interface Round { readonly perSecond: number; readonly cpuUsEach: number; readonly p99Ms: number; readonly foreign: number; readonly extra: Readonly<Record<string, number>> }

/** Runs each variant in turn, round by round; the first round is thrown away. Resolves to the kept rounds of each. */
export async function interleave(variants: Readonly<Record<string, () => Promise<Round>>>, rounds: number, say: (line: string) => void): Promise<Record<string, Round[]>> {
  const kept: Record<string, Round[]> = Object.fromEntries(Object.keys(variants).map((n) => [n, []]));
  for (let r = 0; r <= rounds; r++) {
    for (const [name, run] of Object.entries(variants)) {
      let round = await run();
      for (let again = 0; r > 0 && round.foreign > FOREIGN_SHARE_MAX && again < NOISY_REPEATS_MAX; again++) {
        say(`${name}: noisy (${Math.round(round.foreign * 100)} % of the machine was busy with something else), again`);
        round = await run();
      }
      if (r > 0) kept[name]?.push(round);
      const extra = Object.entries(round.extra).map(([k, v]) => `, ${k} ${v < 10 ? v.toFixed(2) : Math.round(v)}`).join('');
      say(`${r === 0 ? 'warm-up' : `round ${r}`}  ${name.padEnd(12)} ${Math.round(round.perSecond).toString().padStart(7)}/s  ${round.cpuUsEach.toFixed(1).padStart(7)} µs  p99 ${round.p99Ms.toFixed(1)} ms${extra}`);
    }
  }
  return kept;
}

export const medianOf = (rounds: readonly Round[], of: (round: Round) => number): number => median(rounds.map(of));
/** Median of the ratios of two variants, round by round. */
export const ratioOf = (a: readonly Round[], b: readonly Round[], of: (round: Round) => number): number => median(a.map((r, i) => of(r) / of(b[i] as Round)));

export interface Bar { readonly min?: number; readonly max?: number }
const rounded = (n: number): number => (Math.abs(n) >= 100 ? Math.round(n) : Number(n.toPrecision(3)));

/** Prints the last line and exits 1 when a bar is missed. */
export function finish(bench: string, figures: Readonly<Record<string, number>>, bars: Readonly<Record<string, Bar>>, floor: Readonly<Record<string, number>>): never {
  const judged = Object.fromEntries(Object.entries(bars).map(([name, bar]) => {
    const value = figures[name] ?? Number.NaN;
    return [name, { ...bar, ok: value >= (bar.min ?? -Infinity) && value <= (bar.max ?? Infinity) }];
  }));
  let commit = 'unknown';
  try {
    commit = execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8' }).trim();
  } catch {
    commit = 'none';
  }
  const round = (o: Readonly<Record<string, number>>): Record<string, number> => Object.fromEntries(Object.entries(o).map(([k, v]) => [k, rounded(v)]));
  process.stdout.write(`${JSON.stringify({ bench, figures: round(figures), bars: judged, floor: round(floor), commit })}\n`);
  process.exit(Object.values(judged).every((b) => b.ok) ? 0 : 1);
}

export interface Child { readonly process: ChildProcess; readonly pid: number; ask<T>(message: unknown): Promise<T>; stop(): Promise<void> }

/** Stands in a request of the load generator where a fresh idempotency key is to be. */
export const KEY = 'KEY-KEY-KEY-KEY-KEY-KEY-';

/** With BENCH_PROFILE each process of a bench leaves a profile in that folder. */
export function profileFlags(): string[] {
  const { BENCH_PROFILE } = process.env;
  return BENCH_PROFILE ? ['--cpu-prof', '--cpu-prof-interval', '500', '--cpu-prof-dir', BENCH_PROFILE] : [];
}

/** Starts a script of this folder as its own process; it speaks JSON lines: one answer for each question, in order. */
export async function child(script: string, args: readonly string[] = []): Promise<Child> {
  const hook = fileURLToPath(new URL('../../bin/tsx-hook.mjs', import.meta.url));
  const proc = spawn(process.execPath, [...SERVER_FLAGS, ...profileFlags(), '--import', hook, fileURLToPath(new URL(script, import.meta.url)), ...args], { stdio: ['pipe', 'pipe', 'inherit'] });
  const waiting: { done: (value: never) => void; fail: (error: Error) => void }[] = [];
  createInterface({ input: proc.stdout }).on('line', (line) => {
    if (line.startsWith('{')) waiting.shift()?.done(JSON.parse(line) as never);
    else process.stdout.write(`${line}\n`);
  });
  proc.on('exit', (code) => waiting.splice(0).forEach((w) => w.fail(new Error(`${script} ended with ${code}`))));
  const answer = <T>(): Promise<T> => new Promise<T>((done, fail) => { waiting.push({ done: done as (value: never) => void, fail }); });
  await answer();
  return {
    process: proc, pid: proc.pid as number,
    ask<T>(message: unknown) {
      const promise = answer<T>();
      proc.stdin.write(`${JSON.stringify(message)}\n`);
      return promise;
    },
    stop: () => new Promise((done) => {
      proc.once('exit', () => done());
      proc.stdin.end();
    }),
  };
}

/** The other end of `child`: answers questions until standard input closes. */
export function serveQuestions(handle: (question: never) => Promise<unknown>, end: () => Promise<void>): void {
  process.stdout.write('{"ready":true}\n');
  const lines = createInterface({ input: process.stdin });
  let queue = Promise.resolve();
  lines.on('line', (line) => {
    queue = queue.then(async () => void process.stdout.write(`${JSON.stringify(await handle(JSON.parse(line) as never))}\n`));
  });
  lines.on('close', () => void queue.then(end).then(() => process.exit(0)));
}
