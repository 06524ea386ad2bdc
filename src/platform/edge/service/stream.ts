import type { FastifyInstance } from 'fastify';
import { common, refuse, type Hint, type Stream } from '#kernel';
import { unknownTenant } from '#spine/tenancy';
import { authenticate, look, newTrace, offers, type EdgeOptions } from './context.ts';
import { API_HEADERS, securityHeaders, sendProblem } from './respond.ts';
import { authorize, limited, type Runner } from './run.ts';

/** Hints to open pages of one process: "look again", never data. */
export interface Hub { publish(hint: Hint): void; subscribe(topics: readonly string[], take: (hint: Hint, position: number) => void): () => void;
  after(position: number, topics: readonly string[]): { hint: Hint; position: number }[] }

export const STREAMS_PER_SESSION_MAX = 5;
export const HEARTBEAT_MS = 15_000;
/** Hints kept for a browser that comes back with Last-Event-ID. */
export const HINTS_KEPT_MAX = 4096;
export const STREAM_BUFFER_BYTES_MAX = 256 * 1024;

export function createHub(): Hub {
  const takers = new Map<string, Set<(hint: Hint, position: number) => void>>();
  const ring: { hint: Hint; position: number }[] = [];
  let position = 0;
  return {
    publish(hint) {
      position += 1;
      ring.push({ hint, position });
      if (ring.length > HINTS_KEPT_MAX) ring.shift();
      for (const take of takers.get(hint.topic) ?? []) take(hint, position);
    },
    subscribe(topics, take) {
      for (const topic of topics) {
        const set = takers.get(topic) ?? new Set();
        takers.set(topic, set.add(take));
      }
      return () => {
        for (const topic of topics) {
          const set = takers.get(topic);
          set?.delete(take);
          if (set?.size === 0) takers.delete(topic);
        }
      };
    },
    after: (from, topics) => ring.filter((r) => r.position > from && topics.includes(r.hint.topic)),
  };
}

/** Server-sent events of one stream. The page fetches its own audited route on a hint; after a gap it fetches too. */
export function mountStream(app: FastifyInstance, o: EdgeOptions, runner: Runner, s: { hub: Hub; stream: Stream; product: string | undefined;
  ending: AbortSignal }): void {
  const { hub, stream, ending } = s;
  const open = new Map<string, number>();
  app.get(stream.path, async (req, reply) => {
    const seen = look(o, req);
    if (typeof seen === 'string') return sendProblem(o, reply, refuse(seen === 'misdirected' ? common.misdirected : unknownTenant), newTrace());
    if (!offers(seen, s.product)) return sendProblem(o, reply, refuse(common.notFound), seen.trace);
    await authenticate(o, runner.authenticators(stream.scope), req, seen);
    const no = await limited(o, seen) ?? authorize(stream, seen);
    if (no) return sendProblem(o, reply, no, seen.trace);
    if (reply.raw.destroyed) {
      // Who left meanwhile is never heard to leave again, and would stay among those who listen.
      reply.hijack();
      return reply;
    }
    const owner = seen.actor.kind === 'person' ? seen.actor.session : seen.address;
    const count = open.get(owner) ?? 0;
    if (count >= STREAMS_PER_SESSION_MAX) return sendProblem(o, reply, refuse(common.tooMany, { retryAfterSeconds: 15 }), seen.trace);
    open.set(owner, count + 1);
    const topics = stream.topics(seen.actor, seen.tenant);
    reply.hijack();
    const { raw } = reply;
    raw.writeHead(200, { ...securityHeaders(o, API_HEADERS), 'content-type': 'text/event-stream; charset=utf-8', 'x-accel-buffering': 'no' });
    const write = (hint: Hint, position: number): void => {
      if (raw.writableLength > STREAM_BUFFER_BYTES_MAX) return void raw.destroy();
      raw.write(`id: ${position}\nevent: hint\ndata: ${JSON.stringify(hint)}\n\n`);
    };
    raw.write('retry: 3000\n\n');
    const from = Number.parseInt(String(req.headers['last-event-id'] ?? ''), 10);
    const stop = hub.subscribe(topics, write);
    if (Number.isSafeInteger(from)) for (const missed of hub.after(from, topics)) write(missed.hint, missed.position);
    const quiet = o.clock.every(HEARTBEAT_MS, () => void raw.write(': still here\n\n'));
    const silence = (): void => {
      stop();
      quiet();
    };
    // Silent first: a reader that is slow may take a while to have all, and a write after the end is an error.
    const end = (): void => {
      silence();
      raw.end();
    };
    ending.addEventListener('abort', end, { once: true });
    raw.on('close', () => {
      ending.removeEventListener('abort', end);
      silence();
      const left = (open.get(owner) ?? 1) - 1;
      if (left > 0) open.set(owner, left);
      else open.delete(owner);
    });
    if (ending.aborted) end();
    return reply;
  });
}
