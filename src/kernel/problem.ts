import type { z } from 'zod';

/**
 * A problem is a refusal that a route lists: the state says no, the transaction commits, and the edge answers
 * RFC 9457 `application/problem+json`. What is not listed is a bug and is thrown.
 */
export interface Problem<Code extends string = string> {
  readonly kind: 'problem';
  readonly code: Code;
  readonly status: 400 | 401 | 402 | 403 | 404 | 405 | 406 | 408 | 409 | 410 | 413 | 415 | 421 | 422 | 429 | 431 | 500 | 503;
  /** One plain sentence that does not change from case to case. */
  readonly title: string;
  /** What the caller does about it; shown in the reference. */
  readonly doc: string;
  /** Extra members of the answer; never personal data. */
  readonly data?: z.ZodType;
}

export const problem = <Code extends string>(code: Code, spec: Omit<Problem<Code>, 'kind' | 'code'>): Problem<Code> => ({ kind: 'problem', code, ...spec });

export interface Done<T> { readonly ok: true; readonly value: T }
export interface Refused { readonly ok: false; readonly problem: Problem; readonly data: ProblemData }
/** Members beside type, title and status: `detail` for people, `retryAfterSeconds` for the header, anything the problem declares. */
export type ProblemData = Readonly<Record<string, unknown>>;
export type Outcome<T> = Done<T> | Refused;

export const done = <T>(value: T): Done<T> => ({ ok: true, value });
export const refuse = (what: Problem, data: ProblemData = {}): Refused => ({ ok: false, problem: what, data });

/**
 * What this piece of work needs is not to be had for now, such as a key that is not opened yet; other work of the same batch goes on, which a database
 * that is away (Unavailable) stops. Nothing was changed. Answered as 503.
 */
export class NotYet extends Error {
  readonly afterMs: number;
  constructor(message: string, afterMs: number) {
    super(message);
    this.name = 'NotYet';
    this.afterMs = afterMs;
  }
}

/** Problems that any route may answer; a route does not list them. */
export const common = {
  malformed: problem('malformed', { status: 422, title: 'The request could not be read.', doc: 'Correct the named fields and send it again.' }),
  badRequest: problem('bad-request', { status: 400, title: 'The request is not well formed.', doc: 'Send valid JSON, UTF-8, with each key once.' }),
  notFound: problem('not-found', { status: 404, title: 'There is nothing here for you.', doc: 'Check the address. Another person’s record answers the same.' }),
  methodNotAllowed: problem('method-not-allowed', { status: 405, title: 'This address does not answer that method.',
    doc: 'See the reference for the methods of this address.' }),
  signedOut: problem('signed-out', { status: 401, title: 'You are not signed in.', doc: 'Sign in and try again.' }),
  forbidden: problem('forbidden', { status: 403, title: 'You may not do this.', doc: 'Ask for the permission that the reference names.' }),
  crossSite: problem('cross-site', { status: 403, title: 'The request came from another site.', doc: 'Send forms only from this site’s own pages.' }),
  tooLarge: problem('too-large', { status: 413, title: 'The request is too large.', doc: 'Send less at once; the reference names the limit.' }),
  tooSlow: problem('too-slow', { status: 408, title: 'The request did not come in time.', doc: 'Send the whole request at once.' }),
  headersTooLarge: problem('headers-too-large', { status: 431, title: 'The request’s headers are too large.',
    doc: 'Send fewer or shorter headers and cookies.' }),
  unsupportedMedia: problem('unsupported-media', { status: 415, title: 'The content type is not read here.',
    doc: 'Send the content type that the reference names.' }),
  tooMany: problem('too-many-requests', { status: 429, title: 'Too many requests.', doc: 'Wait for the time in Retry-After.' }),
  inFlight: problem('in-flight', { status: 409, title: 'The same request is being worked on.',
    doc: 'Wait for the time in Retry-After and send it again with the same key.' }),
  keyReused: problem('key-reused', { status: 422, title: 'This idempotency key was used for another request.', doc: 'Use a new key for a new request.' }),
  keyMissing: problem('key-missing', { status: 400, title: 'This request needs an Idempotency-Key.',
    doc: 'Send a header Idempotency-Key of 8 to 128 visible characters.' }),
  misdirected: problem('misdirected', { status: 421, title: 'This process does not serve that tenant.', doc: 'Use the address of the tenant’s own cell.' }),
  unavailable: problem('unavailable', { status: 503, title: 'The service cannot answer at the moment.',
    doc: 'Nothing was changed. Try again after the time in Retry-After.' }),
  outcomeUnknown: problem('outcome-unknown', {
    status: 503,
    title: 'It is not known whether this was done.',
    doc: 'Send it again with the same Idempotency-Key: it is done once, and answered as the first time.',
  }),
  internal: problem('internal', { status: 500, title: 'Something went wrong on our side.', doc: 'Nothing was changed. Name the trace id when you report it.' }),
} as const;
