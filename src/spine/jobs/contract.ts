import { z } from 'zod';
import { event, problem, token, zInstant, type Signal } from '#kernel';

/** How long a worker may hold a job before another takes it. */
export const LEASE_MS = 10_000;
/** Jobs that a process runs at once, one by one. */
export const CLAIM_MAX = 32;
/** Of those, places that only urgent jobs take: slow ones of a crowd must not hold all. */
export const URGENT_PLACES = 13;
/** Jobs that are claimed at once for handlers that take many. */
export const BATCH_MAX = 1000;
/** Jobs that one look for those finds, and how long it counts. */
export const LOOK_MAX = 4000;
export const LOOK_KEPT_MS = 100;
export const POLL_MS = 500;
/** Wait before try n: 2ⁿ s with jitter, at most this. */
export const BACKOFF_MS_MAX = 600_000;

/** Of the wait that a breaker asks for: so much more at most. */
export const PUT_BACK_SPREAD = 0.2;

/** A claimed job. */
export interface Job {
  readonly id: bigint;
  readonly tenant: string;
  readonly name: string;
  readonly data: Record<string, unknown>;
  readonly attempts: number;
  readonly attempts_max: number;
  /** Of the attempts, those that ended with their process. */
  readonly lost: number;
  readonly trace: string;
  readonly created_at: Date;
  readonly call_key: string | null;
  readonly sent_at: Date | null;
  readonly key: string | null;
  readonly urgent: boolean;
  /** The claim that holds it: each has a name of its own, so that a process cannot finish what it lost and took again. */
  readonly worker: string;
}

/** Wakes who waits for jobs in this process: those that run by themselves, and those that are taken together. */
export type JobSignal = Signal;
export const JobSignal = token<JobSignal>('jobs.signal');
export const HeapSignal = token<JobSignal>('jobs.heap-signal');

/** Named points at which the kill proofs stop a process; nothing is provided in production. */
export interface CallProbe { at(point: 'tx1-committed' | 'attempt-committed' | 'request-sent' | 'answer-received' | 'tx2-committed',
  job: string): Promise<void> }
export const CallProbe = token<CallProbe | undefined>('jobs.probe');

/** Schedules are looked at this often. */
export const SCHEDULE_EVERY_MS = 1000;
/** Times of one schedule that are made up for in one look, where each counts. */
export const MISSED_MAX = 31;

/** Of each kind of job one alert, however many died: its key is the job's name. */
export const JobDead = event('jobs.dead', {
  version: 1, alert: true, doc: 'The last try of a job failed: it stands among the dead letters until a person retries it or lets it go.',
  data: { job: z.string(), name: z.string(), attempts: z.int(), error: z.string() },
});

export const DEAD_PAGE_MAX = 100;
export const jobUnknown = problem('job-unknown', {
  status: 404, title: 'There is no such dead letter.', doc: 'It may have been retried or dropped. Another tenant’s answers the same.',
});

export const zJobs = z.strictObject({});
export const zJobsOut = z.strictObject({
  queues: z.array(z.strictObject({ name: z.string(), doc: z.string().nullable(), waiting: z.int(), running: z.int(), later: z.int(), dead: z.int(),
    oldestAt: zInstant.nullable() })),
  schedules: z.array(z.strictObject({ name: z.string(), doc: z.string().nullable(), cron: z.string(), zone: z.string(), nextAt: zInstant,
    lastAt: zInstant.nullable() })),
});
const zCursor = z.string().regex(/^\d{1,18}$/);
export const zDeadQuery = z.strictObject({ query: z.strictObject({ cursor: zCursor }).partial() }).partial();
export const zDeadOut = z.strictObject({
  jobs: z.array(z.strictObject({ job: zCursor, name: z.string(), key: z.string().nullable(), data: z.string(), attempts: z.int(), error: z.string().nullable(),
    trace: z.string(), createdAt: zInstant, deadAt: zInstant })),
  next: z.string().nullable(),
});
export const zOfDead = z.strictObject({ params: z.strictObject({ job: zCursor }) });
export const zDeadDecided = z.strictObject({ job: zCursor });
