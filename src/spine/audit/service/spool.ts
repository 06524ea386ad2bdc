import { hash } from 'node:crypto';
import { mkdir, open, readdir, readFile, rm, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import {
  errorFields, isFull, isUnavailable, perform, provide, systemRandom, token, uuid, uuidv7, type CellContext, type Clock, type DegradedContext, type FactDraft,
  type Origin, type Provided, type TenantRef, type Worker, type WorkerContext,
} from '#kernel';
import { tenantKeys } from '#spine/vault';
import { SpoolFolder } from '../port.ts';
import { noteSpool } from '../store.ts';
import { latencyUs } from './write.ts';

export const SPOOL_BYTES_MAX = 64 * 1024 * 1024;
const REPLAY_MS = 1000;

interface Entry { tenant: string; by: Origin; fact: FactDraft; at: string }

/** Facts on the local disk. `append` resolves to true only after the fact is fsynced; false means that it could not be kept. */
export interface Spool {
  append(context: Pick<DegradedContext, 'tenant' | 'actor' | 'trace' | 'atMs' | 'now' | 'use'> & { address?: string; agent?: string },
    fact: FactDraft): Promise<boolean>;
  /** Closes the present file, if it holds anything, and lists the files that wait to be replayed. */
  rotate(): Promise<string[]>;
}
export const Spool = token<Spool>('audit.spool');

const placeOf = (file: string): { table: string; column: string; row: string } => ({ table: 'audit.spool', column: 'line', row: file });

interface Line { readonly text: string; done(kept: boolean): void }
interface Writing {
  readonly file: string; readonly handle: FileHandle; link: string; bytes: number; kept: number; waiting: Line[]; broken: boolean;
  flushing: Promise<void> | undefined;
}

/** Writes what waits, as long as any does. The first failure is the file's last: each line follows from the one before, so none may come behind a gap. */
async function flushLines(w: Writing): Promise<void> {
  while (w.waiting.length) {
    const batch = w.waiting.splice(0);
    const text = Buffer.from(batch.map((line) => line.text).join(''));
    try {
      await w.handle.appendFile(text);
      await w.handle.sync();
      w.kept += text.length;
      for (const line of batch) line.done(true);
    } catch {
      // A disk that is full or gone: these views are not shown, and the callers answer 503.
      w.broken = true;
      batch.push(...w.waiting.splice(0));
      // Whole lines among what was half written would be facts of views that nobody saw; where even this fails, they are.
      await w.handle.truncate(w.kept).catch(() => undefined);
      for (const line of batch) line.done(false);
    }
  }
  w.flushing = undefined;
}

export function createSpool(folder: string, clock: Clock): Spool {
  let writing: Promise<Writing> | undefined;
  /** Files that may still grow: none of them is replayed. */
  const growing = new Set<string>();
  const begin = async (now: Date): Promise<Writing> => {
    const file = uuidv7(now, systemRandom);
    growing.add(file);
    try {
      await mkdir(folder, { recursive: true, mode: 0o700 });
      const handle = await open(join(folder, `${file}.spool`), 'ax', 0o600);
      return { file, handle, link: '0'.repeat(64), bytes: 0, kept: 0, waiting: [], flushing: undefined, broken: false };
    } catch (error) {
      growing.delete(file);
      throw error;
    }
  };
  const close = async (w: Writing): Promise<void> => {
    await w.flushing;
    await w.handle.close();
    growing.delete(w.file);
  };
  /** The file that is written; behind a broken one another is begun. */
  const present = async (now: Date): Promise<Writing | undefined> => {
    const mine = (writing ??= begin(now));
    try {
      const w = await mine;
      if (!w.broken) return w;
      if (writing === mine) {
        writing = undefined;
        await close(w);
      }
      return await (writing ??= begin(now));
    } catch {
      if (writing === mine) writing = undefined;
      return undefined;
    }
  };
  return {
    async append(context, fact) {
      const w = await present(context.now);
      if (!w || w.broken) return false;
      const by: Origin = { actor: context.actor, trace: context.trace, ...(context.address === undefined ? {} : { address: context.address }),
        ...(context.agent === undefined ? {} : { agent: context.agent }) };
      // Whoever replays it reads another clock.
      const latency = latencyUs(context, clock.monotonicMs());
      const entry: Entry = { tenant: context.tenant.id, by, fact: latency === null ? fact : { latencyUs: latency, ...fact }, at: context.now.toISOString() };
      const sealed = tenantKeys(context).seal(placeOf(w.file), JSON.stringify(entry));
      const link = hash('sha256', w.link + sealed);
      const text = `${context.tenant.id} ${sealed} ${link}\n`;
      if (w.bytes + text.length > SPOOL_BYTES_MAX) return false;
      w.link = link;
      w.bytes += text.length;
      return new Promise((done) => {
        w.waiting.push({ text, done });
        w.flushing ??= flushLines(w);
      });
    },
    async rotate() {
      const current = writing;
      writing = undefined;
      const last = await current?.catch(() => undefined);
      if (last) await close(last);
      return (await readdir(folder).catch(() => [])).filter((f) => f.endsWith('.spool') && !growing.has(f.replace('.spool', ''))).toSorted()
        .map((f) => join(folder, f));
    },
  };
}
export const spoolState: Provided = provide(Spool, (cell) => createSpool(join(cell.use(SpoolFolder), cell.name), cell.clock));

/** Reads a file's entries; a line that does not follow from the one before ends the reading with an error. A torn last line was never answered. */
function readEntries(cell: CellContext, tenants: ReadonlyMap<string, TenantRef>, file: string, text: string): Entry[] {
  const lines = text.split('\n');
  let link = '0'.repeat(64);
  return lines.slice(0, -1).map((line) => {
    const [tenantId = '', sealed = '', given = ''] = line.split(' ');
    link = hash('sha256', link + sealed);
    const tenant = tenants.get(tenantId);
    if (link !== given || !tenant) throw new Error('a spool file was changed');
    return JSON.parse(tenantKeys({ use: cell.use, tenant }).open(placeOf(file), sealed)) as Entry;
  });
}

async function replayFile(w: WorkerContext, path: string): Promise<void> {
  const file = (path.split('/').at(-1) as string).replace('.spool', '');
  const text = await readFile(path, 'utf8');
  const tenants = new Map<string, TenantRef>();
  for (const line of text.split('\n').slice(0, -1)) {
    const id = line.split(' ')[0] as string;
    const tenant = tenants.has(id) ? undefined : await w.tenant(uuid(id));
    if (tenant) tenants.set(id, tenant);
  }
  for (const [tenantId, entries] of Map.groupBy(readEntries(w.cell, tenants, file, text), (e) => e.tenant)) {
    await perform(w.cell, tenants.get(tenantId) as TenantRef, { actor: { kind: 'system', name: 'audit.spool' }, trace: '0'.repeat(32) }, async (tx) => {
      if (!(await noteSpool(tx.sql, tx.tenant.id, file, entries.length, tx.now)).length) return;
      for (const e of entries) tx.section.audit(e.by, { ...e.fact, detail: { ...e.fact.detail, spooledAt: e.at } });
    });
  }
  await rm(path);
}

/** Brings spooled facts into the audit log as soon as the database answers. */
export const replayer: Worker = {
  name: 'audit.spool', role: 'web',
  async run(w) {
    const spool = w.cell.use(Spool);
    const failed = (error: unknown, more: Record<string, unknown> = {}): void => {
      if (!isUnavailable(error) || isFull(error)) w.log.error('audit.spool-not-replayed', { cell: w.cell.name, ...more, ...errorFields(error) });
    };
    while (!w.signal.aborted) {
      await w.clock.sleep(REPLAY_MS, w.signal);
      try {
        await w.cell.pools.app.ping();
        // A file that cannot be read stays, and holds up none behind it.
        for (const path of await spool.rotate()) await replayFile(w, path).catch((error: unknown) => failed(error, { file: basename(path) }));
      } catch (error) {
        failed(error);
      }
    }
  },
};
