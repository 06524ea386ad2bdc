import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { LRUCache } from 'lru-cache';
import { Pool, type Dispatcher } from 'undici';
import { Bag, type Clock } from '#kernel';
import {
  CONNECTION_WAIT_MS, CONNECTIONS_MAX, EXCERPT_CHARS_MAX, ORIGINS_MAX, PER_ENDPOINT_MAX, RESPONSE_BYTES_MAX, TIMEOUT_MS, type Reach,
} from '../contract.ts';
import { isPublic } from '../rules.ts';

/** What became of one request. `error` is a class of errors, never a text that quotes values. The excerpt of a success is empty unless it was asked for. */
export interface Sent { readonly status: number | null; readonly error: string | null; readonly excerpt: string; readonly ms: number;
  readonly retryAfter: string | undefined }
/** Where requests go, worked out once. A literal address is connected to without a look-up, so it is judged here. */
export interface Target { readonly origin: string; readonly path: string; readonly blocked: boolean }
/** What is sent, for which endpoint; one that is slow shares no connections. */
export interface Sending { readonly to: Target; readonly endpoint: string; readonly slow: boolean; readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer; /** Also what a success says. */ readonly quoted?: boolean }
export interface Sender {
  target(url: string): Target;
  /** Gives what became of it to `end`, once. */
  send(what: Sending, end: (sent: Sent) => void): void;
  /** Ends what is under way. */
  stop(): Promise<void>;
}

class Fault extends Error {
  readonly kind: string;
  constructor(kind: string) {
    super(kind);
    this.kind = kind;
  }
}

const CONNECT_MS_MAX = 5000;
const LOOK_EVERY_MS = 250;

/**
 * Looks a name up for one connection and gives only what may be reached; the connection is made to just these addresses. A name of which any address
 * is not public is refused as a whole: whoever answers for it could choose between them.
 */
function guardedLookup(reach: Reach): LookupFunction {
  const resolve = reach.resolve ?? (async (host: string): Promise<string[]> => (await systemLookup(host, { all: true })).map((a) => a.address));
  return (host, options, answer) => {
    resolve(host).then((addresses) => {
      const [first] = addresses;
      if (first === undefined || !addresses.every((a) => isPublic(a, reach.loopback))) throw new Fault(first === undefined ? 'dns_error' : 'blocked_address');
      const family = (a: string): 4 | 6 => (a.includes(':') ? 6 : 4);
      if (options.all) answer(null, addresses.map((address) => ({ address, family: family(address) })));
      else answer(null, first, family(first));
    }).catch((error: unknown) => answer(error as NodeJS.ErrnoException, '', 4));
  };
}

function kindOf(error: unknown): string {
  if (error instanceof Fault) return error.kind;
  const { code = '', cause } = error as { code?: string; cause?: unknown };
  if (cause instanceof Fault) return cause.kind;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN' || code === 'ENODATA') return 'dns_error';
  if (code === 'ECONNREFUSED') return 'connection_refused';
  if (/TIMEOUT|ETIMEDOUT/.test(code)) return 'timeout';
  if (/^(?:ERR_TLS|ERR_SSL|CERT_|DEPTH_ZERO|UNABLE_TO|SELF_SIGNED|EPROTO)/.test(code)) return 'tls_error';
  if (/^(?:HPE_|UND_ERR_HEADERS_OVERFLOW)/.test(code)) return 'bad_answer';
  return 'connection_lost';
}

const headerOf = (headers: Record<string, string | string[] | undefined>, name: string): string | undefined => {
  const value = headers[name];
  return Array.isArray(value) ? value[0] : value;
};

/** One request under way; ends once, whatever comes first: the whole answer, too much of it, an error, or its time. */
class UnderWay {
  readonly what: Sending;
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #end: (sent: Sent) => void;
  /** When it had a connection: what comes before is not the receiver's time. */
  #beganMs: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  /** Where it goes, or waits for a connection. */
  #pool: Pool | undefined;
  #way: Way | undefined;
  #over = false;
  #status: number | null = null;
  #retryAfter: string | undefined;
  #quoted = false;
  #bytes = 0;
  #chunks: Buffer[] = [];

  constructor(what: Sending, clock: Clock, end: (sent: Sent) => void) {
    this.what = what;
    this.#clock = clock;
    this.startedMs = clock.monotonicMs();
    this.#end = end;
  }

  /** The pool that it has waited for since before an instant, if it has. */
  waitsFor(beforeMs: number): Pool | undefined {
    return this.#beganMs === undefined && this.startedMs <= beforeMs ? this.#pool : undefined;
  }
  /** Goes over a pool from here on; a way that it waited for before is given up. */
  over(pool: Pool): void {
    const { to, headers, body } = this.what;
    this.#pool = pool;
    this.#way = new Way(this);
    pool.dispatch({ path: to.path, method: 'POST', headers, body }, this.#way);
  }
  finish(error: string | null): void {
    if (this.#over) return;
    this.#over = true;
    const excerpt = this.#chunks.length === 0 ? '' : Buffer.concat(this.#chunks).toString('utf8').slice(0, EXCERPT_CHARS_MAX);
    this.#chunks = [];
    this.#end({ status: error === null ? this.#status : null, error, excerpt, ms: Math.round(this.#clock.monotonicMs() - (this.#beganMs ?? this.startedMs)),
      retryAfter: this.#retryAfter });
  }
  give(error: string): void {
    this.finish(error);
    this.#controller?.abort(new Fault(error));
  }
  /** False where nobody waits for this any more: its time was over, or it went another way. */
  begin(way: Way, controller: Dispatcher.DispatchController): boolean {
    if (this.#over || way !== this.#way) return false;
    this.#controller = controller;
    this.#beganMs = this.#clock.monotonicMs();
    return true;
  }
  fail(way: Way, error: Error): void {
    if (way === this.#way) this.finish(kindOf(error));
  }
  answer(status: number, retryAfter: string | undefined): void {
    this.#status = status;
    this.#quoted = this.what.quoted === true || status < 200 || status > 299;
    this.#retryAfter = retryAfter;
  }
  data(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#quoted && this.#bytes < EXCERPT_CHARS_MAX) this.#chunks.push(chunk.subarray(0, EXCERPT_CHARS_MAX));
    this.#bytes += chunk.length;
    if (this.#bytes <= RESPONSE_BYTES_MAX) return;
    // The status came long ago; what follows is nothing that we asked for.
    this.finish(null);
    controller.abort(new Fault('answer_too_large'));
  }
}

/** A request's way over one pool, as undici calls it. */
class Way implements Dispatcher.DispatchHandler {
  readonly #request: UnderWay;
  constructor(request: UnderWay) {
    this.#request = request;
  }
  onRequestStart(controller: Dispatcher.DispatchController): void {
    if (!this.#request.begin(this, controller)) controller.abort(new Fault('timeout'));
  }
  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
    this.#request.answer(status, headerOf(headers, 'retry-after'));
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#request.data(controller, chunk);
  }
  onResponseEnd(): void {
    this.#request.finish(null);
  }
  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#request.fail(this, error);
  }
}

/** Requests to receivers: a pool for each origin, addresses checked at each connection, redirects never followed, a time for the whole of it. */
export function createSender(reach: Reach, clock: Clock): Sender {
  const lookup = guardedLookup(reach);
  const timeoutMs = reach.timeoutMs ?? TIMEOUT_MS;
  const pools = new LRUCache<string, Pool>({ max: ORIGINS_MAX, dispose: (pool) => void pool.close().catch(() => undefined) });
  const under = new Bag<UnderWay>();
  const poolOf = (name: string, origin: string, connections: number): Pool => {
    let pool = pools.get(name);
    if (!pool) {
      pool = new Pool(origin, { connections, pipelining: 1, headersTimeout: timeoutMs, bodyTimeout: timeoutMs, keepAliveTimeout: 30_000,
        maxHeaderSize: 16_384, connect: { lookup, timeout: CONNECT_MS_MAX } });
      pools.set(name, pool);
    }
    return pool;
  };
  const ownOf = ({ to, endpoint }: Sending): Pool => poolOf(`${to.origin} ${endpoint}`, to.origin, PER_ENDPOINT_MAX);
  /** What waits for a connection while all of them wait for answers goes over those of its own endpoint. One that is still being made is waited for. */
  const letAround = (request: UnderWay, beforeMs: number): void => {
    const pool = request.waitsFor(beforeMs);
    const own = pool && ownOf(request.what);
    if (own && pool !== own && pool.stats.running >= CONNECTIONS_MAX) request.over(own);
  };
  const stopLooking = clock.every(LOOK_EVERY_MS, () => {
    const now = clock.monotonicMs();
    for (const request of under.members()) {
      if (request.startedMs <= now - timeoutMs) request.give('timeout');
      else letAround(request, now - CONNECTION_WAIT_MS);
    }
  });
  return {
    target(url) {
      const { origin, hostname, pathname, search } = new URL(url);
      const host = hostname.replace(/^\[|\]$/g, '');
      return { origin, path: `${pathname}${search}`, blocked: isIP(host) !== 0 && !isPublic(host, reach.loopback) };
    },
    send(what, end) {
      const request = new UnderWay(what, clock, (sent) => {
        under.remove(place);
        end(sent);
      });
      const place = under.add(request);
      const { to } = what;
      if (to.blocked) request.give('blocked_address');
      else request.over(what.slow ? ownOf(what) : poolOf(to.origin, to.origin, CONNECTIONS_MAX));
    },
    async stop() {
      stopLooking();
      for (const request of under.members()) request.give('stopped');
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}
