import { token } from '#kernel';

/** An event as it stands in the log. */
export interface StoredEvent {
  readonly pos: bigint;
  readonly tenant: string;
  readonly topic: string;
  readonly key: string;
  readonly id: string;
  readonly version: number;
  readonly at: Date;
  readonly trace: string;
  readonly data: Record<string, unknown> | null;
}

/** Events that one step of a subscriber takes. */
export const RELAY_BATCH_MAX = 500;
/** The log is looked at this often even when nothing signals. */
export const RELAY_POLL_MS = 500;
/** A watcher that has read rests this long. */
export const WATCH_PAUSE_MS = 10;
/** Tries of a handler before the event's key is parked. */
export const HANDLER_TRIES_MAX = 5;
/** Longest wait for the transactions that hold a gap open. */
export const GAP_WAIT_MS_MAX = 30_000;
export const NOTIFY_CHANNEL = 'exchequer_events';

/** Wakes who waits for new events in this process. */
export interface EventSignal { wake(): void; wait(msMax: number, ending: AbortSignal): Promise<void> }
export const EventSignal = token<EventSignal>('events.signal');
