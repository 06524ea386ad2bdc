import pg from 'pg';

/** A statement with its values; the text is constant per call site and is prepared once a connection under its name. */
export interface Statement { readonly name: string; readonly text: string; readonly values: readonly unknown[] }
export interface Answered { readonly rows: Row[]; readonly command: string }
export type Row = Record<string, unknown>;
/** A statement that waits to leave, and who waits for its answer. */
export interface Waiting { readonly statement: Statement; resolve(answer: Answered): void; reject(error: unknown): void }

/** The driver's reading of rows, by the fields that the server described. */
interface Reader { addFields(fields: unknown[]): void; parseRow(values: unknown): Row }
const { Result } = pg as unknown as { Result: new (mode: undefined, types: pg.CustomTypesConfig) => Reader };
/** What a statement answers with cannot change while it is prepared, so it is described once a connection. */
interface Described { readonly reader: Reader; known: boolean }
/** The driver's connection, as far as its own queries use it. */
interface Wire {
  readonly stream: { cork(): void; uncork(): void };
  /** What the server has said it prepared, and what it was asked to. */
  readonly parsedStatements: Record<string, string | undefined>;
  readonly submittedNamedStatements: Record<string, string | undefined>;
  parse(what: { name: string; text: string }): void;
  bind(what: { statement: string; values: readonly Value[] }): void;
  describe(what: { type: 'P'; name: string }): void;
  execute(what: object): void;
  sync(): void;
}
const descriptions = new WeakMap<Wire, Map<string, Described>>();
function descriptionsOf(wire: Wire): Map<string, Described> {
  let all = descriptions.get(wire);
  if (!all) descriptions.set(wire, (all = new Map()));
  return all;
}

type Value = string | Buffer | null;
/** A value as it travels: text, or bytes. */
function valueOf(value: unknown): Value {
  if (typeof value === 'string') return value;
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean') return value.toString();
  return JSON.stringify(value);
}

/**
 * Statements that leave in one tick, answered together: one Sync behind the last instead of one behind each. At each Sync the server sends and the
 * program wakes, which costs more than most statements do. When one fails, those behind it did not run and fail with the same error.
 * It is a query of the driver's, whose order, transaction status and loss of the connection hold for it.
 */
export class Flight extends pg.Query {
  /** The driver notes under these what the server has prepared: those of the statement whose answer comes next. */
  declare name: string;
  declare text: string;
  readonly #waiting: readonly Waiting[];
  readonly #values: readonly (readonly Value[])[];
  readonly #types: pg.CustomTypesConfig;
  readonly #ended: (error?: unknown) => void;
  readonly #inside: () => boolean;
  readonly #answers: Answered[] = [];
  #described: Described[] = [];
  #wire: Wire | undefined;
  #rows: Row[] = [];
  /** Why a row of the answer that is coming, and of each that came, could not be read. */
  #unreadable: unknown;
  #unread: Map<Answered, unknown> | undefined;

  /** Throws where a value cannot travel: before a byte has left, since half a flight would be the end of its connection. */
  constructor(waiting: readonly Waiting[], types: pg.CustomTypesConfig, inside: () => boolean, ended: (error?: unknown) => void) {
    super('');
    this.#waiting = waiting;
    this.#types = types;
    this.#inside = inside;
    this.#ended = ended;
    this.#values = waiting.map((w) => w.statement.values.map(valueOf));
    this.#next();
  }

  override submit = (connection: unknown): null => {
    const wire = (this.#wire = connection as Wire);
    const known = descriptionsOf(wire);
    wire.stream.cork();
    this.#described = this.#waiting.map(({ statement: { name, text } }, i) => {
      let described = known.get(name);
      if (!described) known.set(name, (described = { reader: new Result(undefined, this.#types), known: false }));
      if (wire.parsedStatements[name] === undefined && wire.submittedNamedStatements[name] === undefined) {
        wire.parse({ name, text });
        wire.submittedNamedStatements[name] = text;
      }
      wire.bind({ statement: name, values: this.#values[i] as Value[] });
      if (!described.known) wire.describe({ type: 'P', name: '' });
      wire.execute({});
      return described;
    });
    wire.sync();
    wire.stream.uncork();
    return null;
  };

  handleRowDescription(message: { fields: unknown[] }): void { this.#described[this.#answers.length]?.reader.addFields(message.fields); }
  handleDataRow(message: { fields: unknown }): void {
    try {
      this.#rows.push((this.#described[this.#answers.length] as Described).reader.parseRow(message.fields));
    } catch (error) {
      this.#unreadable ??= error;
    }
  }
  handleCommandComplete(message: { text: string }): void {
    (this.#described[this.#answers.length] as Described).known = true;
    const space = message.text.indexOf(' ');
    const answer = { rows: this.#rows, command: space < 0 ? message.text : message.text.slice(0, space) };
    this.#answers.push(answer);
    this.#rows = [];
    if (this.#unreadable === undefined) return this.#next();
    (this.#unread ??= new Map()).set(answer, this.#unreadable);
    this.#unreadable = undefined;
    this.#next();
  }
  handleError(error: unknown): void {
    // Those behind it were not prepared either.
    for (const { statement } of this.#waiting.slice(this.#answers.length)) {
      if (this.#wire) delete this.#wire.submittedNamedStatements[statement.name];
    }
    // Outside a transaction the server takes a flight for one: what was answered before it failed is undone.
    if (!this.#inside()) this.#answers.length = 0;
    this.#end(error);
  }
  handleReadyForQuery(): void {
    this.#end(this.#answers.length < this.#waiting.length ? new Error('the server answered fewer statements than it was sent') : undefined);
  }

  #next(): void {
    const next = this.#waiting[this.#answers.length];
    if (next) ({ name: this.name, text: this.text } = next.statement);
  }
  #end(error?: unknown): void {
    for (const [i, w] of this.#waiting.entries()) {
      const answer = this.#answers[i];
      if (!answer) w.reject(error);
      else if (this.#unread?.has(answer)) w.reject(this.#unread.get(answer));
      else w.resolve(answer);
    }
    this.#ended(error);
  }
}
