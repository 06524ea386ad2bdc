import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { perform, type Clock } from '#kernel';
import { ensureMachine, signatureHeaders, type MachineKey } from '#spine/identity';
import { demoFeed, LINES_PER_BATCH_MAX, type Counts } from '#products/taxrefund';
type FeedLine = ReturnType<ReturnType<typeof demoFeed>['season']> extends Iterable<infer Line> ? Line : never;
import type { Program } from './program.ts';

/** The machine whose signed feed brings the demo's people and events. */
export async function feedKey(program: Program, slug: string): Promise<MachineKey> {
  const tenant = program.directory.bySlug(slug);
  const cell = tenant && program.cells.get(tenant.cell);
  if (!tenant || !cell) throw new Error(`no tenant ${slug} here`);
  return perform(cell, tenant, { actor: { kind: 'system', name: 'demo' }, trace: '0'.repeat(32) }, (tx) =>
    ensureMachine(tx, 'authority feed', ['taxrefund:feed']),
  );
}

/** Sends lines through the real route, signed, as the authority would. */
export async function sendFeed(o: {
  base: string;
  slug: string;
  key: MachineKey;
  lines: readonly unknown[];
  clock: Clock;
}): Promise<{ counts: Counts; trace: string }> {
  const body = o.lines.map((l) => JSON.stringify(l)).join('\n');
  const path = `/t/${o.slug}/api/tax-refunds/feed` as const;
  const answer = await fetch(`${o.base}${path}`, {
    method: 'POST', body, headers: { 'content-type': 'application/x-ndjson', ...signatureHeaders(o.key, `POST ${path}`, body, o.clock.now().getTime()) },
  });
  if (!answer.ok) throw new Error(`the feed was answered ${answer.status}: ${await answer.text()}`);
  return { counts: ((await answer.json()) as { counts: Counts }).counts, trace: answer.headers.get('x-trace-id') ?? '' };
}

interface Seeded { asOf: string; filers: Record<string, number> }

/** Requests of the season under way at once: while one waits for its commit, another is read and a third is made. */
const LANES = 3;

/** Sends a season's lines; all of one person go down one lane, since their order counts. Resolves to how many there were. */
async function sendSeason(season: Iterable<FeedLine>, send: (lines: readonly FeedLine[]) => Promise<unknown>, signal: AbortSignal): Promise<number> {
  const lanes = Array.from({ length: LANES }, () => ({ batch: [] as FeedLine[], sent: Promise.resolve() as Promise<unknown> }));
  let lines = 0;
  const flush = async (lane: (typeof lanes)[number]): Promise<void> => {
    await lane.sent;
    const batch = lane.batch;
    lane.batch = [];
    lane.sent = send(batch);
    // Whoever waits for the lane next hears of a failure; until then it is nobody's.
    lane.sent.catch(() => undefined);
  };
  for (const line of season) {
    if (signal.aborted) break;
    const lane = lanes[Buffer.from(line.identifier).reduce((sum, byte) => sum + byte, 0) % LANES] as (typeof lanes)[number];
    lane.batch.push(line);
    lines += 1;
    if (lane.batch.length >= LINES_PER_BATCH_MAX) await flush(lane);
  }
  for (const lane of lanes) if (lane.batch.length && !signal.aborted) await flush(lane);
  await Promise.all(lanes.map((lane) => lane.sent));
  return lines;
}

/** Brings the demo's people, then a season of filers, through the feed. A second start sends nothing twice. */
export async function seedDemo(o: {
  program: Program; base: string; dataDir: string; clock: Clock; filers: number; seed: string; signal: AbortSignal; tell: (what: string) => void;
  /** Called once the people to try are there, long before the season is. */
  peopled: () => void;
}): Promise<void> {
  const file = join(o.dataDir, 'seeded.json');
  const known = await readFile(file, 'utf8').then((t) => JSON.parse(t) as Seeded, () => undefined);
  const state: Seeded = known ?? { asOf: o.clock.now().toISOString(), filers: {} };
  const note = (): Promise<void> => writeFile(file, JSON.stringify(state));
  for (const slug of ['india', 'us']) {
    const tenant = o.program.directory.bySlug(slug);
    if (!tenant) continue;
    const key = await feedKey(o.program, slug);
    const feed = demoFeed(tenant);
    const send = (lines: readonly unknown[]): Promise<unknown> => sendFeed({ base: o.base, slug, key, lines, clock: o.clock });
    if (!known) await send(feed.people(new Date(state.asOf)).flatMap((p) => [p.taxpayer, ...p.events]));
    if (slug === 'india') o.peopled();
    const filers = slug === 'india' ? o.filers : Math.ceil(o.filers / 10);
    if ((state.filers[slug] ?? 0) >= filers) continue;
    const lines = await sendSeason(feed.season({ filers, seed: o.seed }), send, o.signal);
    if (o.signal.aborted) return;
    state.filers[slug] = filers;
    o.tell(`${filers.toLocaleString('en')} filers of ${tenant.name}, ${lines.toLocaleString('en')} lines of their season`);
  }
  await note();
}
