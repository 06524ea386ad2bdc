import { systemClock } from './clock.ts';
import type { Uuid } from './id.ts';
import type { Log } from './log.ts';
import { errorFields } from './log.ts';
import { refuse, common, type Outcome, type Refused } from './problem.ts';
import { isUnavailable, Unavailable } from './sql.ts';
import { within, type Span, type Tracer } from './span.ts';
import { allOf, bind, transact, type AnswerDraft, type CellContext, type Origin, type SectionTx, type TenantRef, type Tx } from './tx.ts';

/**
 * Group commit. Requests that wait on one route are the next batch: one transaction, one section a tenant. No timer collects
 * them; while a batch is at work the others wait, and when none is the first goes at once.
 */

/** One request of a plural verb. `atMs` is when it arrived, by the process's monotonic clock in milliseconds; 0 for what is no request. */
export interface Item<I> extends Origin { readonly input: I; readonly atMs: number;
  /** The request's key, within its tenant, actor and route; what the request makes may be named by it. */ readonly name?: Uuid | undefined }
export type Verb<I, O> = (tx: Tx, input: I) => Promise<Outcome<O>>;
export type PluralVerb<I, O> = (tx: SectionTx, items: readonly Item<I>[]) => Promise<Outcome<O>[]>;

/** A request's claim on its idempotency key. The hash of what was asked is made where it is compared or kept. */
export interface Claim { readonly scope: Buffer; bodyHash(): Buffer }
/** Of the scope's hash, which is even: nobody can choose two scopes that share them. */
export const nameOf = (scope: Buffer): Uuid => scope.toString('hex', 0, 16) as Uuid;
/**
 * What was done under the names of these items, where a verb leaves its done answers in rows of its own that bear the name: such an answer is then
 * kept in no other place. `undefined` where nothing was; a refusal where the name stands for something else. It is asked about what the verb refused
 * or failed at, and ahead of the verb only for a while after a repeat was found: so that verb has to fail where a row with the name stands.
 */
export type Recall<I, O> = (tx: SectionTx, items: readonly Item<I>[]) => Promise<readonly (Outcome<O> | undefined)[]>;
/**
 * Reads, locks and reserves what a plural verb needs first, in one flight with all that is asked ahead of it; awaited with that. The verb then runs even
 * where nothing is left of the items, to give back what was reserved.
 */
export type Prepare<I> = (tx: SectionTx, items: readonly Item<I>[]) => Promise<unknown>;
/** What a claim found: nothing, an answer to give again, or a refusal. */
export type Claimed = { readonly kind: 'fresh' } | { readonly kind: 'replay'; readonly json: string } | { readonly kind: 'refused'; readonly refused: Refused };
export interface Claimer { claim(tx: SectionTx, claims: readonly Claim[]): Promise<Claimed[]> }
/** Says no to an item before its verb runs (a session that ended); undefined, or no place in the list, lets it pass. One statement for all. */
export interface Gate { readonly name: string; check(tx: SectionTx, items: readonly Origin[]): Promise<readonly (Refused | undefined)[]> | undefined }

export interface Entry<I> { readonly tenant: TenantRef; readonly item: Item<I>; readonly claim?: Claim; readonly span?: Span | undefined }
export interface Answer<O> { readonly outcome: Outcome<O>; readonly replayed: boolean }

export interface Work<I, O> {
  readonly name: string;
  readonly verb?: Verb<I, O> | undefined;
  readonly plural?: PluralVerb<I, O> | undefined;
  readonly gates: readonly Gate[];
  readonly claimer?: Claimer | undefined;
  readonly recall?: Recall<I, O> | undefined;
  readonly ahead?: Prepare<I> | undefined;
  /** The outcome as stored for a replay, and back. */
  readonly toJson: (outcome: Outcome<O>) => string;
  readonly fromJson: (json: string) => Outcome<O>;
  readonly log: Log;
  /** True for a route that only reads: its sections lock nothing, so they run side by side. */
  readonly reads?: boolean;
  /** False turns group commit off: each request has a transaction of its own (for the benches' comparison). */
  readonly group?: boolean;
}

export const BATCH_ITEMS_MAX = 1024;
/**
 * A batch that writes is followed by the next when it is answered: who comes until then shares that. Where as many wait as it had, the next begins when
 * it has sent its COMMIT: where both lock the same rows, it has read and checked all that it can when those are free. So does the next of one that only
 * reads, which holds nothing that another waits for.
 */
export const BATCHES_IN_FLIGHT_MAX = 2;
/** One that waits for longer, for rows that somebody else holds, does not keep others waiting. */
const AT_WORK_MS_MAX = 50;
/**
 * Callers of a batch that writes who are told at once while another is under way, whose statements go first: an eighth of them, which is in proportion to
 * how long the other takes, and so many at least. Of one that reads all are told.
 */
const ANSWERED_AT_ONCE = 64;
/** Requests that may wait on one plural route; one more answers 503. */
export const BATCH_WAITING_MAX = 16_384;

export interface BatchStats { batches: number; items: number; bisections: number }

/** 429 and 401 are not kept: the same request may succeed later. */
const isKept = <I, O>(work: Work<I, O>, outcome: Outcome<O>): boolean =>
  (outcome.ok ? work.recall === undefined : outcome.problem.status < 500 && ![401, 429].includes(outcome.problem.status));

/** What is answered before the verb runs: no by a gate, what a key was answered before, or that its twin is at work. All is asked in one flight. */
async function answerAhead<I, O>(work: Work<I, O>, tx: SectionTx, entries: readonly Entry<I>[], recalling: boolean): Promise<(Answer<O> | undefined)[]> {
  const results: (Answer<O> | undefined)[] = entries.map(() => undefined);
  const claiming = work.claimer ? entries.flatMap((e, i) => (e.claim ? [{ i, claim: e.claim, item: e.item }] : [])) : [];
  const gates = work.gates.flatMap((gate) => gate.check(tx, entries.map((e) => e.item)) ?? []);
  const claims = claiming.length ? work.claimer?.claim(tx, claiming.map((c) => c.claim)) : undefined;
  // Read behind the locks of the claims: of a key whose lock another has, it does not count.
  const recalls = claims && recalling ? work.recall?.(tx, claiming.map((c) => c.item)) : undefined;
  const ahead = work.ahead?.(tx, entries.map((e) => e.item));
  await allOf<unknown>([...gates, Promise.resolve(claims), Promise.resolve(recalls), Promise.resolve(ahead)]);
  for (const verdicts of gates) {
    (await verdicts).forEach((no, i) => { if (no && !results[i]) results[i] = { outcome: no, replayed: false }; });
  }
  const [found = [], recalled = []] = [await claims, await recalls];
  claiming.forEach(({ i }, k) => {
    const [f, before] = [found[k] as Claimed, recalled[k]];
    if (results[i]) return;
    if (f.kind === 'fresh' && before) results[i] = { outcome: before, replayed: before.ok };
    if (f.kind === 'replay') results[i] = { outcome: work.fromJson(f.json), replayed: true };
    if (f.kind === 'refused') results[i] = { outcome: f.refused, replayed: false };
  });
  return results;
}

/** A repeat was refused by its verb: what it was answered then is to be found before the verb runs. */
class Repeated extends Error {}

async function runSection<I, O>(work: Work<I, O>, tx: SectionTx, answers: AnswerDraft[], entries: readonly Entry<I>[],
  recalling: boolean): Promise<Answer<O>[]> {
  const results = await answerAhead(work, tx, entries, recalling);
  const open = entries.flatMap((entry, i) => (results[i] ? [] : [{ entry, i }]));
  if (open.length || work.ahead) {
    const outcomes = work.plural
      ? await work.plural(tx, open.map((o) => o.entry.item))
      : [await (work.verb as Verb<I, O>)(bind(tx, (open[0] as { entry: Entry<I> }).entry.item), (open[0] as { entry: Entry<I> }).entry.item.input)];
    if (outcomes.length !== open.length) throw new Error(`${work.name}: ${outcomes.length} outcomes for ${open.length} items`);
    const refused = recalling ? [] : open.flatMap(({ entry }, k) => (entry.claim && !outcomes[k]?.ok ? [entry.item] : []));
    if (refused.length && (await work.recall?.(tx, refused))?.some((before) => before)) throw new Repeated();
    open.forEach(({ entry, i }, k) => {
      const outcome = outcomes[k] as Outcome<O>;
      results[i] = { outcome, replayed: false };
      if (entry.claim && isKept(work, outcome)) answers.push({ scope: entry.claim.scope, bodyHash: entry.claim.bodyHash(), json: work.toJson(outcome) });
    });
  }
  return results as Answer<O>[];
}

/** A batch of one belongs to its request; one of several belongs to none of them and names them all. */
function batchSpan(tracer: Tracer, route: string, entries: readonly Entry<unknown>[]): Span {
  const spans = entries.flatMap((e) => e.span ?? []);
  return tracer.start('batch', {
    kind: 'inside', attributes: { route, items: entries.length }, ...(entries.length === 1 && spans[0] ? { parent: spans[0] } : { links: spans }),
  });
}

async function attempt<I, O>(cell: CellContext, work: Work<I, O>, entries: readonly Entry<I>[], recalling: boolean,
  committing?: () => void): Promise<Answer<O>[]> {
  const sections = new Map<string, { tenant: TenantRef; at: number[] }>();
  entries.forEach((e, i) => {
    const section = sections.get(e.tenant.id);
    if (section) section.at.push(i);
    else sections.set(e.tenant.id, { tenant: e.tenant, at: [i] });
  });
  const sorted = [...sections.values()].toSorted((a, b) => (a.tenant.id < b.tenant.id ? -1 : 1));
  const span = cell.tracer && batchSpan(cell.tracer, work.name, entries);
  const answers = await within(span, () => transact(cell, work.plural && work.group !== false ? cell.pools.batch : cell.pools.app, sorted.map((s) => ({
    tenant: s.tenant,
    run: (tx, pending) => runSection(work, tx, pending.answers, s.at.map((i) => entries[i] as Entry<I>), recalling),
  })), work.reads && work.plural ? 'side-by-side' : 'in-turn', span, committing));
  const results: Answer<O>[] = new Array(entries.length);
  sorted.forEach((s, k) => s.at.forEach((i, j) => { results[i] = (answers[k] as Answer<O>[])[j] as Answer<O>; }));
  return results;
}

/** After a repeat was found names are looked up ahead of the verb for so long: repeats come together, when answers were lost. */
const RECALLING_MS = 5000;
/** What the batches of a route share. `recallUntilMs` by the process's monotonic clock. */
interface Running<I, O> { readonly cell: CellContext; readonly work: Work<I, O>; readonly stats: BatchStats; recallUntilMs: number }

const UNIQUE_VIOLATION = '23505';
/** A row with the name stands, or the verb refused what was done under it before. */
const isRepeat = (reason: unknown): boolean => reason instanceof Repeated || (reason as { code?: unknown } | undefined)?.code === UNIQUE_VIOLATION;

/** Runs entries together; when that throws, halves are tried (by tenant first) until the one that throws stands alone. */
async function runBisecting<I, O>(r: Running<I, O>, entries: readonly Entry<I>[], committing?: () => void,
  recalling = systemClock.monotonicMs() < r.recallUntilMs): Promise<PromiseSettledResult<Answer<O>>[]> {
  const { work, stats } = r;
  try {
    return (await attempt(r.cell, work, entries, recalling, committing)).map((value) => ({ status: 'fulfilled', value }));
  } catch (reason) {
    if (isUnavailable(reason)) return entries.map(() => ({ status: 'rejected', reason }));
    if (work.recall && !recalling && (isRepeat(reason) || entries.length === 1)) {
      if (isRepeat(reason)) r.recallUntilMs = systemClock.monotonicMs() + RECALLING_MS;
      return runBisecting(r, entries, committing, true);
    }
    if (entries.length === 1) return [{ status: 'rejected', reason }];
    stats.bisections += 1;
    work.log.warn('batch.bisected', { route: work.name, items: entries.length, ...errorFields(reason) });
    const tenants = [...new Set(entries.map((e) => e.tenant.id))];
    const firstHalf = tenants.length > 1 ? new Set(tenants.slice(0, tenants.length >> 1)) : undefined;
    const inFirst = (e: Entry<I>, i: number): boolean => (firstHalf ? firstHalf.has(e.tenant.id) : i < entries.length >> 1);
    const first = await runBisecting(r, entries.filter(inFirst));
    const second = await runBisecting(r, entries.filter((e, i) => !inFirst(e, i)));
    let a = 0, b = 0;
    return entries.map((e, i) => (inFirst(e, i) ? first[a++] : second[b++]) as PromiseSettledResult<Answer<O>>);
  }
}

interface Waiting<I, O> { readonly entry: Entry<I>; resolve(answer: Answer<O>): void; reject(error: unknown): void }

/** Makes the function that a route's requests go through in one process. `atWorkMs` is how long a batch that writes may keep the next one waiting. */
export function createBatcher<I, O>(cell: CellContext, work: Work<I, O>, atWorkMs = AT_WORK_MS_MAX):
  { submit(entry: Entry<I>): Promise<Answer<O>>; stats: BatchStats } {
  const stats: BatchStats = { batches: 0, items: 0, bisections: 0 };
  const running: Running<I, O> = { cell, work, stats, recallUntilMs: 0 };
  const grouped = work.plural !== undefined && work.group !== false;
  let waiting: Waiting<I, O>[] = [];
  let inFlight = 0;
  // Those of them that have not sent their COMMIT.
  let working = 0;
  let scheduled = false;
  const mayLaunch = (): boolean => inFlight < BATCHES_IN_FLIGHT_MAX && working === 0;

  /** Tells callers what became of them: all at once where no other batch waits for the event loop with locks held. */
  const settle = (batch: readonly Waiting<I, O>[], results: readonly PromiseSettledResult<Answer<O>>[], from: number): void => {
    const to = inFlight === 0 || work.reads ? results.length : Math.min(from + Math.max(ANSWERED_AT_ONCE, results.length >> 3), results.length);
    for (let i = from; i < to; i++) {
      const [result, { resolve, reject }] = [results[i] as PromiseSettledResult<Answer<O>>, batch[i] as Waiting<I, O>];
      if (result.status === 'fulfilled') resolve(result.value);
      else reject(result.reason);
    }
    if (to < results.length) setImmediate(settle, batch, results, to);
  };

  const launch = (): void => {
    scheduled = false;
    while (waiting.length && mayLaunch()) {
      const batch = waiting.length <= BATCH_ITEMS_MAX ? waiting : waiting.slice(0, BATCH_ITEMS_MAX);
      waiting = waiting.slice(batch.length);
      inFlight += 1;
      working += 1;
      stats.batches += 1;
      stats.items += batch.length;
      let atWork = true;
      const worked = (): void => {
        if (atWork) working -= 1;
        atWork = false;
        if (waiting.length && !scheduled) launch();
      };
      void systemClock.sleep(atWorkMs).then(worked);
      const committing = (): void => { if (work.reads || waiting.length >= batch.length) worked(); };
      void runBisecting(running, batch.map((w) => w.entry), committing).then((results) => {
        inFlight -= 1;
        worked();
        settle(batch, results, 0);
      });
    }
  };

  const alone = async (entry: Entry<I>): Promise<Answer<O>> => {
    const [result] = await runBisecting(running, [entry]);
    if (result?.status === 'fulfilled') return result.value;
    throw result?.reason;
  };
  const submit = (entry: Entry<I>): Promise<Answer<O>> => {
    if (!grouped) return alone(entry);
    if (waiting.length >= BATCH_WAITING_MAX) return Promise.resolve({ outcome: refuse(common.unavailable, { retryAfterSeconds: 1 }), replayed: false });
    return new Promise((resolve, reject) => {
      waiting.push({ entry, resolve, reject });
      if (scheduled || !mayLaunch()) return;
      scheduled = true;
      // What else this turn of the event loop brings in shares the first batch.
      setImmediate(launch);
    });
  };
  return { submit, stats };
}

/**
 * Group commit outside requests: what waits in this process under one name shares transactions, and what throws is bisected out of them.
 * `run` gets the items of one tenant, in order, and resolves to a result for each.
 */
export function createGroup<I, O>(cell: CellContext, name: string, log: Log, run: (tx: SectionTx, items: readonly Item<I>[]) => Promise<O[]>):
  (tenant: TenantRef, by: Origin, input: I) => Promise<O> {
  const keepsNone = (): never => { throw new Error(`${name} keeps no answers`); };
  const { submit } = createBatcher<I, O>(cell, {
    name, log, gates: [], toJson: keepsNone, fromJson: keepsNone, plural: async (tx, items) => (await run(tx, items)).map((value) => ({ ok: true, value })),
  });
  return async (tenant, by, input) => {
    const { outcome } = await submit({ tenant, item: { ...by, input, atMs: 0 } });
    if (!outcome.ok) throw new Unavailable(`${name}: too many wait`);
    return outcome.value;
  };
}
