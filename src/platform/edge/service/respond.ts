import type { Socket } from 'node:net';
import type { FastifyReply } from 'fastify';
import type { ProblemData, Refused } from '#kernel';
import { API_VERSION_NEWEST } from '../contract.ts';
import type { EdgeOptions, Seen } from './context.ts';

// Imported, this module brings the whole of `fetch` along, 40 ms at each start.
const { STATUS_CODES } = process.getBuiltinModule('node:http');
const HSTS = 'max-age=63072000; includeSubDomains';
const PERMISSIONS = 'camera=(), geolocation=(), microphone=(), payment=(), usb=(), interest-cohort=()';

/** Headers of a page: scripts and styles only from our own files, frames from nowhere. */
export const PAGE_HEADERS: Readonly<Record<string, string>> = {
  'content-type': 'text/html; charset=utf-8',
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; "
    + "base-uri 'none'; frame-ancestors 'self'; frame-src 'self'",
  'referrer-policy': 'same-origin',
  'permissions-policy': PERMISSIONS,
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'SAMEORIGIN',
  'cross-origin-opener-policy': 'same-origin',
  'vary': 'Cookie, Accept-Language',
};

/** Headers of a machine's answer. */
export const API_HEADERS: Readonly<Record<string, string>> = {
  'exchequer-version': API_VERSION_NEWEST,
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
};

export const securityHeaders = (o: EdgeOptions, base: Readonly<Record<string, string>>): Record<string, string> =>
  ({ ...base, ...(o.secure ? { 'strict-transport-security': HSTS } : {}) });

/** RFC 9457 body of a refusal. */
export function problemBody(refused: Refused, trace: string): string {
  const { problem, data } = refused;
  const { retryAfterSeconds: _, ...members } = data as ProblemData & { retryAfterSeconds?: number };
  return JSON.stringify({ type: `/problems/${problem.code}`, title: problem.title, status: problem.status, ...members, trace });
}

/** Answers a machine with a refusal. */
export function sendProblem(o: EdgeOptions, reply: FastifyReply, refused: Refused, trace: string): FastifyReply {
  const wait = refused.data.retryAfterSeconds;
  if (typeof wait === 'number') reply.header('retry-after', String(wait));
  return reply.code(refused.problem.status).headers(securityHeaders(o, API_HEADERS)).header('content-type',
    'application/problem+json').send(problemBody(refused, trace));
}

/** The trace goes back with every answer, so that a person can name it. */
export const traceHeader = (reply: FastifyReply, seen: Pick<Seen, 'trace'>): void => void reply.header('x-trace-id', seen.trace);

/** Answers what never became a request, on the bare socket. */
export function sendBare(socket: Socket, refused: Refused, trace: string): void {
  if (socket.destroyed || !socket.writable) return;
  const body = problemBody(refused, trace);
  const headers = { ...API_HEADERS, 'content-type': 'application/problem+json', 'content-length': String(Buffer.byteLength(body)), connection: 'close' };
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join('');
  socket.end(`HTTP/1.1 ${refused.problem.status} ${STATUS_CODES[refused.problem.status]}\r\n${lines}\r\n${body}`);
}
