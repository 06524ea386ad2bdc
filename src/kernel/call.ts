import type { JobType } from './event.ts';
import type { Tx } from './tx.ts';

/**
 * Reaching the outside world. Five points, and a crash between any two of them is survived:
 * (1) `intent` commits the pending row with its job, (2) a small transaction commits the attempt, (3) `send` runs with no
 * transaction open and carries our key, (4) its answer arrives, (5) `record` commits the result on the state it expects.
 * An attempt without a result may only `inquire`; it is sent again only when "not found" is proven after `visibilityMs`. What throws NotSent was kept
 * back by a breaker: it was no attempt, and waits.
 */
export interface Call<Request, Result> {
  readonly kind: 'call';
  readonly job: JobType;
  /** Reads what to send, in a transaction of its own, just before sending; undefined when there is nothing left to send. */
  readonly request: (tx: Tx, data: Readonly<Record<string, unknown>>) => Promise<Request | undefined>;
  /** Sends with our key; `signal` ends at the budget. Throws when the outcome is not known. */
  readonly send: (request: Request, context: CallContext) => Promise<Result>;
  /** Asks what became of the key; 'not-found' only when the other side has no trace of it. */
  readonly inquire: (request: Request, context: CallContext) => Promise<Result | 'not-found'>;
  /** Writes the result, conditional on the state it expects. */
  readonly record: (tx: Tx, data: Readonly<Record<string, unknown>>, result: Result) => Promise<void>;
  /** Ends the waiting when the deadline passes without a known result: a state with an owner, not a failure. */
  readonly expire: (tx: Tx, data: Readonly<Record<string, unknown>>) => Promise<void>;
  readonly sendBudgetMs: number;
  /** How long the other side may take to show a request that it took. */
  readonly visibilityMs: number;
  readonly deadlineMs: number;
}

export interface CallContext {
  /** Our idempotency key at the other side: stable over attempts. */
  readonly key: string;
  readonly signal: AbortSignal;
  use<T>(what: { readonly name: string; readonly type?: T }): T;
}

export const call = <Request, Result>(spec: Omit<Call<Request, Result>, 'kind'>): Call<Request, Result> => ({ kind: 'call', ...spec });
// eslint-disable-next-line @typescript-eslint/no-explicit-any
export type AnyCall = Call<any, any>;

/** What to do next with a call's job; pure, so that every order of crashes can be tested. */
export type CallStep = 'send' | 'inquire' | 'expire';
export function nextCallStep(job: { sentAt: Date | null; createdAt: Date }, now: Date, deadlineMs: number): CallStep {
  if (now.getTime() - job.createdAt.getTime() > deadlineMs) return 'expire';
  return job.sentAt === null ? 'send' : 'inquire';
}
