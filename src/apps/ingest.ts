import { appendFile, rm, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { isUnavailable, perform, systemClock, type Origin } from '#kernel';
import { ingest as take, LINES_PER_BATCH_MAX, setAsideFailed, type Counts, type Ingested, type QuarantineReason } from '#products/taxrefund';
import type { TenantRecord } from '#spine/tenancy';
import { plainOf, UsageFault } from './args.ts';
import { csvLines, FeedCut, ndjsonLines, type FileLine } from './lines.ts';
import { operatorOrigin, reach, tenantOf } from './reach.ts';
import type { Cell } from './runtime.ts';

interface Into { readonly cell: Cell; readonly tenant: TenantRecord; readonly by: Origin; readonly feed: string }

/** One transaction for the batch; when it throws, halves, until the line that throws stands alone and is set aside. */
async function takeBatch(into: Into, lines: readonly FileLine[]): Promise<Ingested> {
  try {
    return await perform(into.cell, into.tenant, into.by, (tx) => take(tx.section, tx, into.feed, lines));
  } catch (error) {
    if (isUnavailable(error)) throw error;
    const [only] = lines;
    if (lines.length === 1 && only) {
      await perform(into.cell, into.tenant, into.by, (tx) => setAsideFailed(tx.section, tx, into.feed, only));
      return { counts: { lines: 1, taxpayers: 0, accepted: 0, duplicates: 0, quarantined: 1 }, quarantined: [{ line: only.no, reason: 'failed' }] };
    }
    const half = lines.length >> 1;
    const a = await takeBatch(into, lines.slice(0, half));
    const b = await takeBatch(into, lines.slice(half));
    return { counts: add(a.counts, b.counts), quarantined: [...a.quarantined, ...b.quarantined] };
  }
}

const add = (a: Counts, b: Counts): Counts => ({
  lines: a.lines + b.lines,
  taxpayers: a.taxpayers + b.taxpayers,
  accepted: a.accepted + b.accepted,
  duplicates: a.duplicates + b.duplicates,
  quarantined: a.quarantined + b.quarantined,
});

export interface IngestOptions {
  readonly into: Into;
  readonly file: string;
  readonly rejects: string;
  readonly progress: (done: Counts, share: number) => void;
}

/** Takes a whole file. Lines that are set aside are in quarantine and, as text with their reason, in the reject file. */
export async function ingestFile(o: IngestOptions): Promise<Counts> {
  const size = (await stat(o.file)).size;
  await rm(o.rejects, { force: true });
  let total: Counts = { lines: 0, taxpayers: 0, accepted: 0, duplicates: 0, quarantined: 0 };
  let batch: FileLine[] = [];
  const flush = async (): Promise<void> => {
    if (!batch.length) return;
    const lines = batch;
    batch = [];
    const result = await takeBatch(o.into, lines);
    total = add(total, result.counts);
    if (result.quarantined.length) {
      const texts = new Map(lines.map((l) => [l.no, l.text]));
      await appendFile(o.rejects, result.quarantined.map((q) => rejectLine(q.line, q.reason, texts.get(q.line) ?? '')).join(''), { mode: 0o600 });
    }
    o.progress(total, size ? (lines.at(-1) as FileLine).bytes / size : 1);
  };
  try {
    for await (const line of /\.csv$/i.test(o.file) ? csvLines(o.file) : ndjsonLines(o.file)) {
      batch.push(line);
      if (batch.length >= LINES_PER_BATCH_MAX) await flush();
    }
  } catch (error) {
    if (!(error instanceof FeedCut)) throw error;
    await flush();
    throw new UsageFault(`${error.message}. ${describe(total)}. Send the whole file again: what was taken counts as known`);
  }
  await flush();
  return total;
}

const rejectLine = (no: number, reason: QuarantineReason, text: string): string => `${JSON.stringify({ line: no, reason, text: text.slice(0, 2000) })}\n`;

const describe = (c: Counts): string =>
  `${c.lines} lines: ${c.accepted} events taken, ${c.taxpayers} people, ${c.duplicates} known before, ${c.quarantined} set aside`;

/** `exchequer ingest <file.ndjson|.csv> [--tenant <slug>] [--data <dir>]` */
export async function ingest(args: readonly string[]): Promise<number> {
  const [file] = plainOf(args, ['--tenant', '--data']);
  if (!file) throw new UsageFault('exchequer ingest <file.ndjson|file.csv> [--tenant <slug>]');
  await stat(file).catch(() => { throw new UsageFault(`there is no file ${file}`); });
  return reach(args, async (reached) => {
    const { tenant, cell } = await tenantOf(reached, args);
    const rejects = `${file}.rejects.ndjson`;
    const into = { cell, tenant, by: operatorOrigin(['taxrefund:feed']), feed: basename(file) };
    const began = systemClock.monotonicMs();
    let saidMs = began;
    const counts = await ingestFile({
      into, file, rejects,
      progress: (done, share) => {
        const now = systemClock.monotonicMs();
        if (now - saidMs < 1000) return;
        saidMs = now;
        const left = share > 0 ? ((now - began) / share - (now - began)) / 1000 : 0;
        process.stdout.write(`${Math.floor(share * 100)} %, ${Math.round(done.lines / ((now - began) / 1000))} lines/s, ${Math.ceil(left)} s left\n`);
      },
    });
    process.stdout.write(`${describe(counts)}${counts.quarantined ? `, see ${rejects} and "exchequer quarantine list"` : ''}\n`);
    return 0;
  });
}
