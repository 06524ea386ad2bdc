import { lookup as systemLookup } from 'node:dns/promises';
import { isIP, type LookupFunction } from 'node:net';
import { LRUCache } from 'lru-cache';
import { Pool, type Dispatcher } from 'undici';
import type { Clock } from '#kernel';
import { CONNECTIONS_MAX, EXCERPT_CHARS_MAX, ORIGINS_MAX, PER_ENDPOINT_MAX, RESPONSE_BYTES_MAX, TIMEOUT_MS, type Reach } from '../contract.ts';
import { isPublic } from '../rules.ts';

/** What became of one request. `error` is a class of errors, never a text that quotes values. */
export interface Sent { readonly status: number | null; readonly error: string | null; readonly excerpt: string; readonly ms: number;
  readonly retryAfter: string | undefined }
/** Where requests go, worked out once. A literal address is connected to without a look-up, so it is judged here. */
export interface Target { readonly origin: string; readonly path: string; readonly blocked: boolean }
export interface Sender {
  target(url: string): Target;
  /** Gives what became of it to `end`, once; to an endpoint named as slow over connections of its own. Throws for a header that cannot be sent. */
  send(to: Target, headers: Readonly<Record<string, string>>, body: Buffer, end: (sent: Sent) => void, slow?: string): void;
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
class UnderWay implements Dispatcher.DispatchHandler {
  readonly startedMs: number;
  readonly #clock: Clock;
  readonly #end: (sent: Sent) => void;
  /** When it had a connection: what comes before is not the receiver's time. */
  #beganMs: number | undefined;
  #controller: Dispatcher.DispatchController | undefined;
  #over = false;
  #status: number | null = null;
  #retryAfter: string | undefined;
  #bytes = 0;
  #chunks: Buffer[] = [];

  constructor(clock: Clock, end: (sent: Sent) => void) {
    this.#clock = clock;
    this.startedMs = clock.monotonicMs();
    this.#end = end;
  }

  #finish(error: string | null): void {
    if (this.#over) return;
    this.#over = true;
    const excerpt = this.#chunks.length === 0 ? '' : Buffer.concat(this.#chunks).toString('utf8').slice(0, EXCERPT_CHARS_MAX);
    this.#chunks = [];
    this.#end({ status: error === null ? this.#status : null, error, excerpt, ms: Math.round(this.#clock.monotonicMs() - (this.#beganMs ?? this.startedMs)),
      retryAfter: this.#retryAfter });
  }

  give(error: string): void {
    this.#finish(error);
    this.#controller?.abort(new Fault(error));
  }
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    this.#beganMs = this.#clock.monotonicMs();
    // Its time was over while it waited for a connection.
    if (this.#over) controller.abort(new Fault('timeout'));
  }
  onResponseStart(_: Dispatcher.DispatchController, status: number, headers: Record<string, string | string[] | undefined>): void {
    this.#status = status;
    this.#retryAfter = headerOf(headers, 'retry-after');
  }
  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    if (this.#bytes < EXCERPT_CHARS_MAX) this.#chunks.push(chunk.subarray(0, EXCERPT_CHARS_MAX));
    this.#bytes += chunk.length;
    if (this.#bytes <= RESPONSE_BYTES_MAX) return;
    // The status came long ago; what follows is nothing that we asked for.
    this.#finish(null);
    controller.abort(new Fault('answer_too_large'));
  }
  onResponseEnd(): void {
    this.#finish(null);
  }
  onResponseError(_: Dispatcher.DispatchController, error: Error): void {
    this.#finish(kindOf(error));
  }
}

/** Requests to receivers: a pool for each origin, addresses checked at each connection, redirects never followed, a time for the whole of it. */
export function createSender(reach: Reach, clock: Clock): Sender {
  const lookup = guardedLookup(reach);
  const timeoutMs = reach.timeoutMs ?? TIMEOUT_MS;
  const pools = new LRUCache<string, Pool>({ max: ORIGINS_MAX, dispose: (pool) => void pool.close().catch(() => undefined) });
  const under = new Set<UnderWay>();
  const poolOf = (origin: string, slow: string | undefined): Pool => {
    const name = slow === undefined ? origin : `${origin} ${slow}`;
    let pool = pools.get(name);
    if (!pool) {
      pool = new Pool(origin, { connections: slow === undefined ? CONNECTIONS_MAX : PER_ENDPOINT_MAX, pipelining: 1,
        headersTimeout: timeoutMs, bodyTimeout: timeoutMs, keepAliveTimeout: 30_000,
        maxHeaderSize: 16_384, connect: { lookup, timeout: CONNECT_MS_MAX } });
      pools.set(name, pool);
    }
    return pool;
  };
  const stopLooking = clock.every(LOOK_EVERY_MS, () => {
    const before = clock.monotonicMs() - timeoutMs;
    for (const request of under) if (request.startedMs <= before) request.give('timeout');
  });
  return {
    target(url) {
      const { origin, hostname, pathname, search } = new URL(url);
      const host = hostname.replace(/^\[|\]$/g, '');
      return { origin, path: `${pathname}${search}`, blocked: isIP(host) !== 0 && !isPublic(host, reach.loopback) };
    },
    send(to, headers, body, end, slow) {
      const request = new UnderWay(clock, (sent) => {
        under.delete(request);
        end(sent);
      });
      under.add(request);
      if (to.blocked) return request.give('blocked_address');
      try {
        poolOf(to.origin, slow).dispatch({ path: to.path, method: 'POST', headers, body }, request);
      } catch (error) {
        under.delete(request);
        throw error;
      }
    },
    async stop() {
      stopLooking();
      for (const request of under) request.give('stopped');
      await Promise.all([...pools.values()].map((pool) => pool.destroy()));
    },
  };
}
