import { hash } from 'node:crypto';
import type { Socket } from 'node:net';
import pg from 'pg';
import { arrayText, packArray, packedType, type PackedType } from './arrays.ts';
import { systemClock } from './clock.ts';
import { Flight, type Answered, type Row, type Statement, type Waiting } from './flight.ts';
import { DISCARD_PLANS, plansAreOld } from './plans.ts';

export type { Answered, Row, Statement } from './flight.ts';
/**
 * Plain SQL with values: `` sql`select … where id = ${id}` ``. The text is constant per call site, so it is sent as a named
 * prepared statement; values are always parameters, never text.
 */
export type SqlTag = <R = Row>(strings: TemplateStringsArray, ...values: unknown[]) => Promise<R[]>;

interface Fixed { readonly name: string; readonly text: string; readonly packed: readonly (PackedType | undefined)[] }
const known = new WeakMap<TemplateStringsArray, Map<string, Fixed>>();

/**
 * An instant by the database's clock: so many milliseconds behind the beginning of the transaction that the statement is in. For a statement that
 * stands alone, and need not be told the time by another before it; work in a section has `tx.now`, with its tenant's clock.
 */
export class DatabaseTime {
  readonly afterMs: number;
  constructor(afterMs: number) {
    this.afterMs = afterMs;
  }
}
export const databaseTime = (afterMs = 0): DatabaseTime => new DatabaseTime(afterMs);

const isTime = (value: unknown): value is DatabaseTime => value instanceof DatabaseTime;
const build = (strings: TemplateStringsArray, values: readonly unknown[]): Fixed => {
  const text = strings.reduce((sum, part, i) =>
    `${sum}${isTime(values[i - 1]) ? `(transaction_timestamp() + $${i}::float8 * interval '1 millisecond')` : `$${i}`}${part}`);
  return { text, name: hash('sha256', text).slice(0, 24), packed: values.map((_, i) => packedType(strings[i + 1])) };
};

/** Builds the statement of a tagged template; one for each set of places where the time is the database's. */
export function statement(strings: TemplateStringsArray, values: unknown[]): Statement {
  const shape = values.some(isTime) ? values.map(isTime).join() : '';
  const texts = known.get(strings) ?? new Map<string, Fixed>();
  if (!texts.size) known.set(strings, texts);
  let fixed = texts.get(shape);
  if (!fixed) texts.set(shape, (fixed = build(strings, values)));
  const { name, text, packed } = fixed;
  const given = (v: unknown, i: number): unknown => {
    if (Array.isArray(v)) return packed[i] === undefined ? arrayText(v) : packArray(packed[i], v);
    return isTime(v) ? v.afterMs : v;
  };
  return { name, text, values: values.map(given) };
}

/** The template whose statements are sent so. */
export const sqlOf = (send: (what: Statement) => Promise<Answered>): SqlTag => async <R>(strings: TemplateStringsArray, ...values: unknown[]): Promise<R[]> => {
  try {
    return (await send(statement(strings, values))).rows as R[];
  } catch (error) {
    // The driver's error knows where its answer was read; who asked is what helps.
    if (error instanceof Error) Error.captureStackTrace(error);
    throw error;
  }
};

/** The database cannot be reached, or is too busy to take this; nothing was changed. Answered as 503. */
export class Unavailable extends Error {
  constructor(message: string, cause?: unknown) {
    super(message, { cause });
    this.name = 'Unavailable';
  }
}

/** The connection was lost while the COMMIT was under way: it may have been done. Answered as 503, and never as "nothing was changed". */
export class OutcomeUnknown extends Unavailable {
  constructor(cause: unknown) {
    super('the outcome of a commit is not known', cause);
    this.name = 'OutcomeUnknown';
  }
}

const LOST = new Set(['ECONNREFUSED', 'ECONNRESET', 'ENOENT', 'EPIPE', 'ETIMEDOUT', 'EHOSTUNREACH', '57P01', '57P02', '57P03', '53300', '08000', '08003',
  '08006']);

/** A full disk, of the server or of this machine: the same work will succeed when somebody has made room. */
const NO_ROOM = new Set(['53100', 'ENOSPC', 'EDQUOT']);
export const isFull = (error: unknown): boolean => error instanceof Error && NO_ROOM.has(String((error as { code?: unknown }).code));

/** True when an error says that now is not the time, not that a statement was wrong. */
export const isUnavailable = (error: unknown): boolean => isLost(error) || isFull(error);

/** True when the server is gone or refuses connections: what it did last is not known, and the connection is of no use any more. */
export function isLost(error: unknown): boolean {
  if (error instanceof Unavailable) return true;
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: unknown }).code;
  return (typeof code === 'string' && LOST.has(code))
    || /connection terminated|timeout exceeded when trying to connect|client has encountered a connection error/i.test(error.message);
}

/** 40001 and 40P01: the same work may succeed when it is done again from the start. */
export const isRetryable = (error: unknown): boolean => {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined;
  return code === '40001' || code === '40P01';
};

const INT8 = 20, DATE = 1082, TIMESTAMPTZ = 1184, UUID = 2950;
const parsers = new pg.TypeOverrides();
const anyInstant = pg.types.getTypeParser(TIMESTAMPTZ) as (text: string) => Date;
/** `2026-11-28 10:10:53.123456+00`, to the millisecond. The driver's own reads it by two regular expressions; whatever has another form is still its. */
export function instantOfText(text: string): Date {
  const other = text.length > 29 || text.charCodeAt(4) !== 45 || text.charCodeAt(10) !== 32 || text.charCodeAt(0) === 48 || !text.endsWith('+00');
  if (other) return anyInstant(text);
  const digit = (i: number): number => text.charCodeAt(i) - 48;
  const two = (i: number): number => digit(i) * 10 + digit(i + 1);
  let ms = 0;
  // Zeros at the end are not written.
  for (let i = 20, unit = 100; i < 23 && i < text.length - 3; i++, unit /= 10) ms += digit(i) * unit;
  return new Date(Date.UTC(two(0) * 100 + two(2), two(5) - 1, two(8), two(11), two(14), two(17), ms));
}
parsers.setTypeParser(INT8, (text) => BigInt(text));
parsers.setTypeParser(DATE, (text) => text);
parsers.setTypeParser(TIMESTAMPTZ, instantOfText);
// As the program holds them everywhere: 32 digits, no dashes.
parsers.setTypeParser(UUID, (text) => text.replaceAll('-', ''));

const BEGIN: Statement = { name: 'begin', text: 'begin', values: [] };
const CLOCK: Statement = { name: 'clock', text: 'select clock_timestamp() as now', values: [] };
const COMMIT: Statement = { name: 'commit', text: 'commit', values: [] };

/** Ends a connection on this side, as if the network had said that the other is gone. */
function cutOff(client: pg.ClientBase): void {
  (client as unknown as { connection: { stream: Socket } }).connection.stream.destroy(new Unavailable('the database does not answer'));
}

/** Does the server answer somebody new? A refusal is an answer as well: it has read what it says no to. */
async function answersAnew(connection: pg.ClientConfig): Promise<boolean> {
  const client = new pg.Client({ ...connection, connectionTimeoutMillis: CONNECT_MS_MAX, query_timeout: CONNECT_MS_MAX });
  client.on('error', () => undefined);
  try {
    await client.connect();
    await client.query('select 1');
    return true;
  } catch (error) {
    return error instanceof pg.DatabaseError;
  } finally {
    cutOff(client);
  }
}

/** One connection in use. Statements sent in one tick leave in one flight; none is forgotten when another fails. */
export class Connection {
  readonly #client: pg.PoolClient;
  #waiting: Waiting[] = [];
  #open = 0;
  #settled: (() => void) | undefined;
  #heardMs = 0;
  /** Statements sent since the connection was taken; the harness compares these. */
  sent = 0;
  /** Why the server is gone, once an answer has said so. */
  lost: Error | undefined;
  #committed = false;

  constructor(client: pg.PoolClient) {
    this.#client = client;
  }

  /** Sends a statement (or plain text of several) without waiting for earlier ones. */
  query(what: Statement): Promise<Answered>;
  query(what: Statement | string): Promise<Answered>;
  query(what: Statement | string): Promise<Answered> {
    if (this.#committed && what !== 'rollback') throw new Error('a statement after the COMMIT was sent would run outside the transaction');
    if (typeof what !== 'string') return this.#send(what);
    this.#leave();
    this.#sending();
    const answer = this.#client.query(what);
    answer.then(() => this.#answered(1), (error: unknown) => this.#answered(1, error));
    return answer;
  }

  /** Has the server plan anew; leaves with the first statement and is none that anybody sent. */
  discardPlans(): void {
    // Where the connection is lost, what is sent behind it says so.
    this.#send(DISCARD_PLANS).catch(() => undefined);
    this.sent = 0;
  }

  /** Begins a transaction with its first statement, which answers the time as `now`, in one flight. */
  async begin(first: Statement = CLOCK): Promise<Date> {
    return (await Promise.all([this.#send(BEGIN), this.#send(first)]))[1].rows[0]?.now as Date;
  }

  /** Ends the transaction; nothing may be sent behind it. */
  commit(): Promise<Answered> {
    const answer = this.#send(COMMIT);
    this.#committed = true;
    return answer;
  }

  /** Resolves when every statement sent has been answered. */
  async settle(): Promise<void> {
    while (this.#open) await new Promise<void>((done) => { this.#settled = done; });
  }

  /** How long nothing has been heard while something is waited for. */
  silentMs(): number {
    return this.#open ? systemClock.monotonicMs() - this.#heardMs : 0;
  }

  /** Gives up what is waited for: every statement rejects, and the connection is closed. */
  abandon(): void {
    cutOff(this.#client);
  }

  #sending(): void {
    if (this.#open === 0) this.#heardMs = systemClock.monotonicMs();
    this.sent += 1;
    this.#open += 1;
  }

  #send(statement: Statement): Promise<Answered> {
    this.#sending();
    return new Promise((resolve, reject) => {
      if (this.#waiting.push({ statement, resolve, reject }) === 1) process.nextTick(() => this.#leave());
    });
  }

  /** Has what was sent leave now, while more is made ready behind it. */
  leave(): void { this.#leave(); }

  #leave(): void {
    const waiting = this.#waiting;
    if (!waiting.length) return;
    this.#waiting = [];
    try {
      this.#client.query(new Flight(waiting, parsers, () => this.#client.getTransactionStatus() !== 'I', (error) => this.#answered(waiting.length, error)));
    } catch (error) {
      for (const w of waiting) w.reject(error);
      this.#answered(waiting.length, error);
    }
  }

  #answered(count: number, error?: unknown): void {
    if (error !== undefined && isLost(error)) this.lost = error as Error;
    this.#open -= count;
    this.#heardMs = systemClock.monotonicMs();
    if (this.#open === 0) this.#settled?.();
  }
}

export interface PoolOptions {
  connection: pg.PoolConfig;
  max: number;
  /** Requests that may wait for a connection; one more answers 503. */
  waitingMax: number;
  /** Startup parameters such as `-c plan_cache_mode=force_generic_plan`. */
  options?: string;
  onError: (error: Error) => void;
  /** After so long without an answer the server is asked by a new connection whether it is there; SILENT_MS_MAX unless said. */
  silentMs?: number;
}

const CONNECT_MS_MAX = 2000;
const SILENT_MS_MAX = 5000;
const LOOKS = 5;

/** Longest statement, and longest pause inside a transaction. */
export const STATEMENT_MS_MAX = 30_000;

/** A pool of pipelined connections of one database role. */
export class Pool {
  readonly #pool: pg.Pool;
  readonly #waitingMax: number;
  readonly #connection: pg.PoolConfig;
  readonly #silentMs: number;
  readonly #busy = new Set<Connection>();
  readonly #listening = new Set<pg.PoolClient>();
  readonly #stopLooking: () => void;
  #asking = false;
  #answeredMs = 0;

  constructor(o: PoolOptions) {
    this.#waitingMax = o.waitingMax;
    this.#connection = o.connection;
    this.#silentMs = o.silentMs ?? SILENT_MS_MAX;
    this.#stopLooking = systemClock.every(this.#silentMs / LOOKS, () => void this.#look());
    this.#pool = new pg.Pool({
      ...o.connection, max: o.max, connectionTimeoutMillis: CONNECT_MS_MAX, idleTimeoutMillis: 30_000, types: parsers,
      // An idle or endless transaction would hold a gap of the event log open for everybody.
      statement_timeout: STATEMENT_MS_MAX, idle_in_transaction_session_timeout: STATEMENT_MS_MAX,
      ...(o.options === undefined ? {} : { options: o.options }), pipeline: true,
    } as pg.PoolConfig);
    // For as long as the client lives: between two holders, and after it was given back broken, an error has no other listener,
    // and one without a listener ends the process.
    this.#pool.on('connect', (client) => client.on('error', o.onError));
    this.#pool.on('error', () => undefined); // The same error again, of an idle client: told above.
  }

  /** Runs `use` with a connection. The connection is given back only when every statement was answered; a broken one is closed. */
  async with<T>(use: (connection: Connection) => Promise<T>): Promise<T> {
    if (this.#pool.waitingCount >= this.#waitingMax) throw new Unavailable('too many requests wait for the database');
    let client: pg.PoolClient;
    try {
      client = await this.#pool.connect();
    } catch (error) {
      throw new Unavailable('no database connection', error);
    }
    const connection = new Connection(client);
    this.#busy.add(connection);
    let broken: Error | undefined;
    const onError = (error: Error): void => { broken = error; };
    client.on('error', onError);
    try {
      if (plansAreOld(client)) connection.discardPlans();
      return await use(connection);
    } finally {
      await connection.settle();
      this.#busy.delete(connection);
      client.off('error', onError);
      broken ??= connection.lost;
      // Whoever takes it next would run inside a stranger's transaction: a connection that is not idle is closed.
      if (!broken && client.getTransactionStatus() !== 'I') broken = new Error('given back inside a transaction');
      client.release(broken);
    }
  }

  /** How many connections are in use and idle, and how many wait for one. */
  counts(): { readonly used: number; readonly idle: number; readonly waiting: number } {
    const { totalCount, idleCount, waitingCount } = this.#pool;
    return { used: totalCount - idleCount, idle: idleCount, waiting: waitingCount };
  }

  /** Resolves when the server answers, with how far its clock is ahead of this machine's, in ms; throws Unavailable when it cannot be reached. */
  async ping(): Promise<number> {
    return this.with(async (connection) => {
      const sent = systemClock.now().getTime();
      const { rows } = await connection.query('select clock_timestamp() as at');
      const heard = systemClock.now().getTime();
      return (rows[0] as { at: Date }).at.getTime() - (sent + heard) / 2;
    });
  }

  /** Holds a connection that hears a channel until `ending`; throws when the connection is lost. What was said meanwhile is not heard. */
  async listen(channel: string, heard: (payload: string) => void, ending: AbortSignal): Promise<void> {
    const client = await this.#pool.connect();
    const ended = Promise.withResolvers<void>();
    let lost: Error | undefined;
    const hear = (said: pg.Notification): void => { if (!ending.aborted) heard(said.payload ?? ''); };
    const onError = (error: Error): void => ended.reject(lost = error);
    client.on('notification', hear).on('error', onError);
    this.#listening.add(client);
    try {
      ending.addEventListener('abort', () => ended.resolve(), { once: true });
      // The end may have come while the connection was made: no event tells of it any more.
      if (ending.aborted) ended.resolve();
      client.query(`listen ${client.escapeIdentifier(channel)}`).then(() => heard(''), ended.reject);
      await ended.promise;
    } finally {
      // The next holder must not hear what it did not ask for. Behind this answer nothing is said any more, and what the server knows of the
      // connection (its plans, its catalog) is kept.
      if (!lost) await client.query('unlisten *').catch((error: Error) => { lost = error; });
      this.#listening.delete(client);
      client.off('notification', hear).off('error', onError);
      client.release(lost);
    }
  }

  /**
   * A server that is frozen, or stands behind a network that swallows what is sent, answers nothing and ends nothing: whoever waits would wait for as long as
   * the operating system believes in the connection, a quarter of an hour. Where somebody new is not answered either, all who wait are told that it is gone.
   */
  async #look(): Promise<void> {
    const silent = (): Connection[] => [...this.#busy].filter((connection) => connection.silentMs() > this.#silentMs);
    // Where it answered, whoever waits has a slow statement: that is asked again after as long.
    if (this.#asking || systemClock.monotonicMs() - this.#answeredMs < this.#silentMs || !silent().length) return;
    this.#asking = true;
    try {
      if (await answersAnew(this.#connection)) {
        this.#answeredMs = systemClock.monotonicMs();
        return;
      }
      for (const connection of silent()) connection.abandon();
      for (const client of this.#listening) cutOff(client);
    } finally {
      this.#asking = false;
    }
  }

  close(): Promise<void> {
    return this.#pool.end().finally(this.#stopLooking);
  }
}
