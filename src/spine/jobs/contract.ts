import { token } from '#kernel';

/** How long a worker may hold a job before another takes it. */
export const LEASE_MS = 10_000;
export const CLAIM_MAX = 32;
export const POLL_MS = 500;
/** Wait before try n: 2ⁿ s with jitter, at most this. */
export const BACKOFF_MS_MAX = 600_000;

/** A claimed job. */
export interface Job {
  readonly id: bigint;
  readonly tenant: string;
  readonly name: string;
  readonly data: Record<string, unknown>;
  readonly attempts: number;
  readonly attempts_max: number;
  readonly trace: string;
  readonly created_at: Date;
  readonly call_key: string | null;
  readonly sent_at: Date | null;
}

/** Wakes who waits for jobs in this process. */
export interface JobSignal { wake(): void; wait(msMax: number, ending: AbortSignal): Promise<void> }
export const JobSignal = token<JobSignal>('jobs.signal');

/** Named points at which the kill proofs stop a process; nothing is provided in production. */
export interface CallProbe { at(point: 'tx1-committed' | 'attempt-committed' | 'request-sent' | 'answer-received' | 'tx2-committed',
  job: string): Promise<void> }
export const CallProbe = token<CallProbe | undefined>('jobs.probe');
