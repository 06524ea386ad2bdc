import { civilDateIn, type CivilDate } from './clock.ts';
import type { EventData, EventType, JobPriority, JobType } from './event.ts';
import { idOf, uuid, uuidv7, type Id, type Uuid } from './id.ts';
import { seededRandom, systemRandom, type Random } from './random.ts';
import { within, type Span, type Tracer } from './span.ts';
import {
  isLost, isRetryable, OutcomeUnknown, sqlOf, type Answered, type Connection, type Pool, type SqlTag, type Statement,
} from './sql.ts';

/** Who acts. Ids only: a name or number of a person never travels with a request. */
export type Actor =
  | { readonly kind: 'nobody' }
  | { readonly kind: 'person'; readonly id: Uuid; readonly session: Uuid }
  | { readonly kind: 'machine'; readonly id: Uuid; readonly permissions: readonly string[] }
  /** Without a session it is somebody at the machine's own command line. */
  | { readonly kind: 'operator'; readonly id: Uuid; readonly permissions: readonly string[]; readonly session?: Uuid }
  | { readonly kind: 'system'; readonly name: string };

/** A fresh W3C trace id: 32 hexadecimal digits. */
export const newTrace = (): string => systemRandom.hex(32);

/** What every module knows of a tenant; no personal data. */
export interface TenantRef {
  readonly id: Uuid;
  readonly slug: string;
  readonly name: string;
  readonly country: string;
  /** IANA zone in which the tenant's civil days are counted. */
  readonly zone: string;
  readonly languages: readonly string[];
  readonly cell: string;
  /** Short names of the products that it has turned on; of any other it knows nothing. The first one's page stands at `/`. */
  readonly products: readonly string[];
  /** Moves this tenant's clock in tests and demos; 0 in production. */
  readonly clockOffsetMs: number;
  /** Names and colours of its pages and mails. */ readonly brand?: Readonly<Record<string, string>>;
}

/**
 * Where a line of work came from: who, on which trace, by which device. `agent` and `address` are personal and only ever stored sealed.
 * `site` is the web origin that was asked (`https://office.example`), as the edge matched it to the tenant. `atMs` is when the request arrived, by the
 * process's monotonic clock in milliseconds; jobs, reactions and commands have none, or 0.
 */
export interface Origin { readonly actor: Actor; readonly trace: string; readonly address?: string; readonly agent?: string; readonly site?: string;
  readonly atMs?: number }

/** One audit fact before it is written. */
export interface FactDraft {
  readonly action: string;
  readonly result: 'done' | 'refused' | 'failed';
  /** The person whom the fact is about. */
  readonly subject?: Uuid;
  readonly resource?: string;
  readonly problem?: string;
  /** Microseconds from the request's arrival to the decision; from the origin's arrival to the flush unless said. */
  readonly latencyUs?: number;
  /** Ids, codes, dates and amounts; never personal data. */
  readonly detail?: Readonly<Record<string, string | number | boolean | null>>;
}

export interface EventDraft { readonly type: EventType; readonly key: string; readonly data: Readonly<Record<string, unknown>> }
export interface JobDraft {
  readonly type: JobType;
  readonly data: Readonly<Record<string, unknown>>;
  /** Not before this instant. */
  readonly runAt?: Date;
  /** A second job with the same name and dedupe text is dropped until the first one is taken. */
  readonly dedupe?: string;
  /** Jobs of one key run one at a time, in order. */
  readonly key?: string;
  /** Instead of its type's. */
  readonly priority?: JobPriority;
  /** A call's key at the other side, where it must be the same one whenever this is asked for again; drawn unless said. */
  readonly callKey?: string;
  /** A call that may have been sent before under its `callKey`: it begins by inquiring. */
  readonly asked?: true;
}
export interface AnswerDraft { readonly scope: Buffer; readonly bodyHash: Buffer; readonly json: string }

/** What a section has said so far; written by the flush, in one flight with the commit. */
export interface Pending {
  readonly facts: { by: Origin; fact: FactDraft }[];
  readonly events: { by: Origin; event: EventDraft }[];
  readonly jobs: { by: Origin; job: JobDraft }[];
  readonly answers: AnswerDraft[];
  readonly writes: Send[];
}

/** A typed name for something that a process holds for a cell: a port's adapter, a cache. Apps provide it. */
export interface Token<T> { readonly name: string; readonly type?: T }
export const token = <T>(name: string): Token<T> => ({ name });

/** One tenant's part of a transaction. The type of a plural verb's `tx`: it has no actor, so what it says names the item's origin. */
export interface SectionTx {
  readonly sql: SqlTag;
  readonly tenant: TenantRef;
  /** Database clock at the transaction's opening statement plus the tenant's test offset. */
  readonly now: Date;
  /** Civil date of `now` in the tenant's zone. */
  readonly today: CivilDate;
  readonly random: Random;
  id<P extends string>(prefix: P): Id<P>;
  uuid(): Uuid;
  emit<E extends EventType>(by: Origin, type: E, key: string, data: EventData<E>): void;
  audit(by: Origin, fact: FactDraft): void;
  later<J extends JobType>(by: Origin, type: J, data: Readonly<Record<string, unknown>>, options?: Omit<JobDraft, 'type' | 'data'>): void;
  /** A statement whose answer the verb does not need: it leaves with the flush, before the facts, and a failure of it fails the transaction. */
  write(send: Send): void;
  /** Has what was sent leave at once, for the server to work on while the rest is made ready. */
  leave(): void;
  /** What the process holds for this cell under a token. */
  use<T>(what: Token<T>): T;
  /** Declares that rows of a module are about to be locked. In test and development a lock out of order throws. */
  locks(module: string): void;
  /** Runs after the commit, in process, at most once: a signal, never an effect. */
  afterCommit(signal: () => void): void;
}

/** A singular verb's `tx`. */
export interface Tx extends Omit<SectionTx, 'emit' | 'audit' | 'later' | 'leave'>, Origin {
  readonly section: SectionTx;
  emit<E extends EventType>(type: E, key: string, data: EventData<E>): void;
  audit(fact: FactDraft): void;
  later<J extends JobType>(type: J, data: Readonly<Record<string, unknown>>, options?: Omit<JobDraft, 'type' | 'data'>): void;
}

/** Sends statements at once, before it first waits, and resolves with their answers. */
export type Send = () => Promise<unknown>;
/**
 * Writes one kind of pending rows at the flush; modules register theirs, lowest rank first, events last. What `write` has to
 * read first it awaits before it resolves to its `Send`: the sends of all writers and the COMMIT travel together.
 */
export interface Writer { readonly name: string; readonly rank: number; write(tx: SectionTx, pending: Pending): Send | Promise<Send> | undefined }

/** What transactions need of a cell. */
export interface CellContext {
  readonly name: string;
  readonly pools: { readonly app: Pool; readonly batch: Pool; readonly spine: Pool; readonly auditor: Pool };
  readonly writers: readonly Writer[];
  /** Lock rank of each module, in the topological order of `needs`; empty in production. */
  readonly lockRanks: ReadonlyMap<string, number>;
  /** Where the app traces work. */
  readonly tracer?: Tracer;
  use<T>(what: Token<T>): T;
}

export const RETRIES_MAX = 3;

/** A transaction under way: its connection, the tenant whose rows the next statement may see, and what was sent without waiting. */
interface Underway { readonly connection: Connection; readonly flights: Promise<unknown>[]; readonly signals: (() => void)[]; tenant: Uuid }

/** From here on the transaction sees the rows of this tenant. */
const ofTenant = (tenant: Uuid): Statement =>
  ({ name: 'tenant', text: "select set_config('app.tenant', $1, true), clock_timestamp() as now", values: [uuid(tenant)] });

/** Sends a statement of one tenant; where the last one was another's, the change of tenant goes ahead of it. */
function sendAs(u: Underway, tenant: Uuid, what: Statement): Promise<Answered> {
  if (u.tenant !== tenant) {
    const change = u.connection.query(ofTenant(tenant));
    change.catch(() => undefined);
    u.flights.push(change);
    u.tenant = tenant;
  }
  return u.connection.query(what);
}

/**
 * A section's transaction. Its getters are its class's: an object with getters of its own, or one that is another's prototype, has a hidden class
 * to itself, which the collector's quick pass never frees, nor anything that hangs on it.
 */
class Section implements SectionTx {
  readonly pending: Pending = { facts: [], events: [], jobs: [], answers: [], writes: [] };
  readonly cell: CellContext;
  readonly underway: Underway;
  readonly tenant: TenantRef;
  readonly now: Date;
  readonly seed: Buffer;
  readonly use: CellContext['use'];
  drawn: Random | undefined;
  day: CivilDate | undefined;
  rank = -1;

  constructor(cell: CellContext, underway: Underway, tenant: TenantRef, now: Date, seed: Buffer) {
    this.cell = cell;
    this.underway = underway;
    this.tenant = tenant;
    this.now = now;
    this.seed = seed;
    this.use = cell.use;
  }

  get today(): CivilDate { return (this.day ??= civilDateIn(this.tenant.zone, this.now)); }
  get random(): Random { return (this.drawn ??= seededRandom(this.seed.toString('hex'))); }
  // Functions of the object, not of its class: they are handed on by themselves.
  readonly sql: SqlTag = sqlOf((what) => sendAs(this.underway, this.tenant.id, what));
  readonly id: SectionTx['id'] = (prefix) => idOf(prefix, uuidv7(this.now, systemRandom));
  readonly uuid: SectionTx['uuid'] = () => uuidv7(this.now, systemRandom);
  readonly emit: SectionTx['emit'] = (by, type, key, data) => void this.pending.events.push({ by, event: { type, key, data } });
  readonly audit: SectionTx['audit'] = (by, fact) => void this.pending.facts.push({ by, fact });
  readonly later: SectionTx['later'] = (by, type, data, options) => void this.pending.jobs.push({ by, job: { type, data, ...options } });
  readonly write: SectionTx['write'] = (send) => void this.pending.writes.push(send);
  readonly leave: SectionTx['leave'] = () => this.underway.connection.leave();
  readonly afterCommit: SectionTx['afterCommit'] = (signal) => void this.underway.signals.push(signal);
  readonly locks: SectionTx['locks'] = (module) => {
    const next = this.cell.lockRanks.get(module);
    if (next === undefined) return;
    if (next < this.rank) throw new Error(`lock order: ${module} after a module that needs it`);
    this.rank = next;
  };
}

/** Sends the section's pending rows; resolves when everything was sent, to the promise of the answers. */
async function flush(cell: CellContext, tx: SectionTx, pending: Pending): Promise<{ answered: Promise<unknown> }> {
  const sends: Send[] = [...pending.writes];
  for (const writer of cell.writers) {
    const send = writer.write(tx, pending);
    if (send) sends.push(send instanceof Promise ? await send : send);
  }
  const answered = Promise.all(sends.map((send) => send()));
  answered.catch(() => undefined);
  return { answered };
}

/** Work of one tenant inside a transaction; what it resolves to is kept when the transaction commits. */
export interface SectionWork<T> { readonly tenant: TenantRef; run(tx: SectionTx, pending: Pending): Promise<T> }

/** How sections follow each other: `side-by-side` only where none locks a row, since their statements then mix on the connection. */
export type Course = 'in-turn' | 'side-by-side';

/**
 * Runs sections of several tenants in one transaction, in the order given (callers sort by tenant id, else two batches
 * deadlock). Nothing stays when one throws. 40001 and 40P01 are tried again with fresh memory and the same seeds.
 */
export async function transact<T>(cell: CellContext, pool: Pool, sections: readonly SectionWork<T>[], course: Course = 'in-turn',
  span?: Span, committing?: () => void): Promise<T[]> {
  const seeds = sections.map(() => systemRandom.bytes(16));
  for (let attempt = 0; ; attempt++) {
    try {
      return await pool.with((connection) => attemptOnce({ cell, connection, sections, seeds, course, span, committing }));
    } catch (error) {
      if (!isRetryable(error) || attempt >= RETRIES_MAX) throw error;
    }
  }
}

/** Waits for all, and only then throws what the first that failed threw: a rollback must be the last statement of its transaction. */
export async function allOf<T>(running: readonly Promise<T>[]): Promise<T[]> {
  const ended = await Promise.allSettled(running);
  const failed = ended.find((e) => e.status === 'rejected');
  if (failed) throw failed.reason;
  return ended.map((e) => (e as PromiseFulfilledResult<T>).value);
}

interface Attempt<T> { cell: CellContext; connection: Connection; sections: readonly SectionWork<T>[]; seeds: readonly Buffer[]; course: Course;
  span: Span | undefined; committing: (() => void) | undefined }

async function runSections<T>(a: Attempt<T>, u: Underway, clock: Date): Promise<T[]> {
  const traced = (section: SectionWork<T>, i: number): Promise<T> => (a.span === undefined ? run(section, i)
    : within(a.cell.tracer?.start('section', { kind: 'inside', parent: a.span, attributes: { tenant: section.tenant.slug } }), () => run(section, i)));
  const run = async (section: SectionWork<T>, i: number): Promise<T> => {
    const { tenant } = section;
    const now = tenant.clockOffsetMs ? new Date(clock.getTime() + tenant.clockOffsetMs) : clock;
    const tx = new Section(a.cell, u, tenant, now, a.seeds[i] as Buffer);
    const result = await section.run(tx, tx.pending);
    // The flush is sent but its answers are not awaited: the next section's statements, or the COMMIT, travel behind it.
    u.flights.push((await flush(a.cell, tx, tx.pending)).answered);
    return result;
  };
  if (a.course === 'side-by-side') return allOf(a.sections.map(traced));
  const results: T[] = [];
  for (const [i, section] of a.sections.entries()) results.push(await traced(section, i));
  return results;
}

async function attemptOnce<T>(a: Attempt<T>): Promise<T[]> {
  const { connection, sections } = a;
  const first = (sections[0] as SectionWork<T>).tenant.id;
  const u: Underway = { connection, flights: [], signals: [], tenant: first };
  let results: T[];
  let committing = false;
  try {
    results = await runSections(a, u, await connection.begin(ofTenant(first)));
    committing = true;
    const commit = connection.commit();
    commit.catch(() => undefined);
    a.committing?.();
    await Promise.all(u.flights);
    if ((await commit).command !== 'COMMIT') throw new Error('the transaction was rolled back');
  } catch (error) {
    await connection.settle();
    await connection.query('rollback').catch(() => undefined);
    // Statements behind a failed flight only say that the transaction is aborted; the flight itself says why, and whether to try again.
    const cause = (await Promise.allSettled(u.flights)).find((flight) => flight.status === 'rejected');
    const reason: unknown = cause ? cause.reason : error;
    throw committing && isLost(reason) ? new OutcomeUnknown(reason) : reason;
  }
  for (const signal of u.signals) {
    try {
      signal();
    } catch (error) {
      // The work is committed: to throw here would have it done again.
      process.emitWarning(error instanceof Error ? error : String(error));
    }
  }
  return results;
}

class Bound implements Tx {
  readonly section: SectionTx;
  readonly origin: Origin;
  readonly actor: Actor;
  readonly trace: string;
  declare readonly address?: string;
  declare readonly agent?: string;
  declare readonly site?: string;
  declare readonly atMs?: number;
  readonly sql: SqlTag;
  readonly tenant: TenantRef;
  readonly now: Date;
  readonly id: SectionTx['id'];
  readonly uuid: SectionTx['uuid'];
  readonly write: SectionTx['write'];
  readonly use: SectionTx['use'];
  readonly locks: SectionTx['locks'];
  readonly afterCommit: SectionTx['afterCommit'];

  constructor(section: SectionTx, by: Origin) {
    this.section = section;
    this.origin = by;
    this.actor = by.actor;
    this.trace = by.trace;
    if (by.address !== undefined) this.address = by.address;
    if (by.agent !== undefined) this.agent = by.agent;
    if (by.site !== undefined) this.site = by.site;
    if (by.atMs !== undefined) this.atMs = by.atMs;
    this.sql = section.sql;
    this.tenant = section.tenant;
    this.now = section.now;
    this.id = section.id;
    this.uuid = section.uuid;
    this.write = section.write;
    this.use = section.use;
    this.locks = section.locks;
    this.afterCommit = section.afterCommit;
  }

  get today(): CivilDate { return this.section.today; }
  get random(): Random { return this.section.random; }
  readonly emit: Tx['emit'] = (type, key, data) => this.section.emit(this.origin, type, key, data);
  readonly audit: Tx['audit'] = (fact) => this.section.audit(this.origin, fact);
  readonly later: Tx['later'] = (type, data, options) => this.section.later(this.origin, type, data, options);
}

/** Binds a section to one origin: the `tx` of a singular verb. */
export const bind = (section: SectionTx, by: Origin): Tx => new Bound(section, by);

/** One verb of one tenant in its own transaction, outside any request: jobs, reactions, commands. */
export async function perform<T>(cell: CellContext, tenant: TenantRef, by: Origin, run: (tx: Tx) => Promise<T>): Promise<T> {
  const [result] = await transact(cell, cell.pools.app, [{ tenant, run: (section) => run(bind(section, by)) }]);
  return result as T;
}
