/** What the proofs share: the seed, a PostgreSQL that outlives the program, the program as a process that can be killed, the last line. */
import { spawn, type ChildProcess } from 'node:child_process';
import { appendFileSync, chmodSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { launchPostgres, type PostgresServer } from '#adapters/postgres';
import { seededRandom, systemRandom, type Random } from '#kernel';
import { embeddedCell } from '../../src/apps/cells.ts';
import type { CellConnection } from '../../src/apps/migrate.ts';

export const option = (name: string, fallback: string): string => {
  const at = process.argv.indexOf(`--${name}`);
  return at >= 0 ? (process.argv[at + 1] ?? fallback) : fallback;
};
export const seed = option('seed', systemRandom.bytes(4).toString('hex'));
export const random: Random = seededRandom(`prove ${seed}`);
export const say = (line: string): void => void process.stdout.write(`${line}\n`);

/** Prints the last line and ends; a proof that found anything ends with 1. */
export function finish(prove: string, figures: Readonly<Record<string, unknown>>, wrong: readonly string[]): never {
  for (const w of wrong.slice(0, 20)) say(`WRONG: ${w}`);
  say(JSON.stringify({ prove, figures, ok: wrong.length === 0, seed }));
  process.exit(wrong.length ? 1 : 0);
}

export interface Ground { readonly folder: string; readonly cells: CellConnection[]; server: PostgresServer; relaunch(): Promise<void>; stop(): Promise<void> }

export async function ground(names: readonly string[]): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'exq-prove-'));
  chmodSync(folder, 0o755);
  const settings = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on' };
  const server = await launchPostgres({ dataDir: join(folder, 'postgres'), settings });
  const cells: CellConnection[] = [];
  for (const name of names) cells.push(await embeddedCell(server, folder, name));
  const g: Ground = {
    folder, cells, server,
    async relaunch() {
      g.server = await launchPostgres({ dataDir: join(folder, 'postgres'), settings, port: server.port });
    },
    stop: async () => g.server.stop(),
  };
  return g;
}

export interface Running { readonly process: ChildProcess; readonly port: number; readonly ended: Promise<string> }

/** Starts the program of the proofs; resolves when its pages answer. */
export async function startServe(g: Ground, env: Readonly<Record<string, string>>): Promise<Running> {
  const hook = fileURLToPath(new URL('../../bin/tsx-hook.mjs', import.meta.url));
  const child = spawn(process.execPath, ['--import', hook, fileURLToPath(new URL('./serve.ts', import.meta.url))], {
    stdio: ['pipe', 'pipe', 'inherit'], env: { ...process.env, PROVE_FOLDER: g.folder, PROVE_CELLS: JSON.stringify(g.cells), ...env },
  });
  const ended = new Promise<string>((done) => { child.once('exit', (code, signal) => done(signal ?? String(code))); });
  const port = await new Promise<number>((done, fail) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{"port":')) done((JSON.parse(line) as { port: number }).port);
      else say(line);
    });
    void ended.then((how) => fail(new Error(`the program ended before it answered: ${how}`)));
  });
  return { process: child, port, ended };
}

/** A journal on disk of what was asked and what was answered: what the program said must hold, whatever became of the program. */
export class Journal {
  readonly #file: string;
  readonly entries = new Map<string, { what: string; status?: number; body?: string }>();
  constructor(file: string) {
    this.#file = file;
  }
  ask(id: string, what: string): void {
    appendFileSync(this.#file, `${JSON.stringify({ id, what })}\n`);
    this.entries.set(id, { what });
  }
  answer(id: string, status: number, body: string): void {
    appendFileSync(this.#file, `${JSON.stringify({ id, status })}\n`);
    Object.assign(this.entries.get(id) as object, { status, body });
  }
}
