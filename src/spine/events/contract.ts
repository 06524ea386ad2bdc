import { z } from 'zod';
import { problem, token, zId, zInstant, type Signal } from '#kernel';

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
  readonly data: string;
}

/** Events that one step of a subscriber takes. */
export const RELAY_BATCH_MAX = 2000;
/** The same of one that is behind and takes many events by a statement: what a transaction costs beside its rows is shared by more. */
export const RELAY_MANY_MAX = 4000;
/** Positions that one step looks through for them. */
export const RELAY_SCAN_MAX = 20_000;
/** Positions of which a relay asks once which topics stand there, for all its subscribers that are behind, and of how many such stretches it remembers. */
export const STRETCH_SIZE = 5_000n;
export const STRETCHES_KEPT = 100;
/** Events of the log's end that a relay keeps at most until its last subscriber has had them, so that they need not be read by each. */
export const RECENT_MAX = 4000;
/** The log is looked at this often even when nothing signals. */
export const RELAY_POLL_MS = 500;
/** Parts of each subscriber, by hash of tenant and key: what moves on its own, in one process or another. */
export const PARTS = 4;
/** How long a process may hold a cursor without being heard of; it says so every third of it. */
export const LEASE_MS = 10_000;
export const RENEW_MS = 3_000;
/** How long after another's lease has run out it is looked at: a clock of whole milliseconds is surely past it. */
export const FREE_AFTER_MS = 5;
/** The end of the log rests this long when it has moved; what is for nobody is written down after this; parked keys are read again after this. */
export const GATHER_MS = 4;
/**
 * Where this many or more come in a millisecond it rests so often as long as a look takes, and so long at most: a look and what it sets off cost
 * much the same, whatever is found. Where fewer come it rests less, by the square, since nobody is short of the processor then.
 */
export const BUSY_PER_MS = 2;
export const GATHER_LOOKS = 10;
export const GATHER_BUSY_MS = 30;
/** What a look takes is the middle of so many: one that was held up by something else says little. */
export const LOOKS_KEPT = 31;
/** Most gaps at the end close with the next commit: so often it is looked again, so much later, before it is asked who could still fill one. */
export const GAP_LOOKS = 4;
export const GAP_LOOK_MS = 1;
export const IDLE_MS = 100;
export const PARKED_EVERY_MS = 400;
/** Tries of a handler before the event's key is parked. */
export const HANDLER_TRIES_MAX = 5;
/** What was parked while somebody was away is tried again after this, for as long as it takes. */
export const AWAY_MS = 5_000;
/** Longest wait for the transactions that hold a gap open. */
export const GAP_WAIT_MS_MAX = 30_000;
export const NOTIFY_CHANNEL = 'exchequer_events';
/** Hints to other processes are put together for this long. */
export const TELL_PAUSE_MS = 40;
/** Parked events of a key that are released in one transaction. */
export const RELEASE_MAX = 500;

/** Positions of one partition of the log; how many are made ahead; how long old ones are kept; how often that is looked at. */
export const PARTITION_SIZE = 1_000_000;
export const PARTITIONS_AHEAD = 2;
export const KEPT_MS = 400 * 86_400_000;
export const KEEP_EVERY_MS = 60_000;

/** Wakes who waits for new events in this process. */
export type EventSignal = Signal;
export const EventSignal = token<EventSignal>('events.signal');

/** Wakes those who wait in other processes, by the name of what they wait for; may be lost, and says nothing but "look". */
export interface Wakeups {
  /** Tells the other processes, together with what else is told in the same moment. */
  tell(what: string): void;
  /** Runs when another process told. */
  hear(what: string, run: () => void): void;
}
export const Wakeups = token<Wakeups>('events.wakeups');

/** Named points at which the kill proofs stop a process; nothing is provided in production. */
export const RELAY_POINTS = ['read', 'effect-made', 'moved'] as const;
export interface RelayProbe { at(point: (typeof RELAY_POINTS)[number], subscriber: string): Promise<void> }
export const RelayProbe = token<RelayProbe | undefined>('events.probe');

export const keyNotParked = problem('event-key-not-parked', {
  status: 404, title: 'No event of this key is parked there.', doc: 'It may have been released or skipped. Another tenant’s answers the same.',
});

export const EVENTS_PAGE_MAX = 100;
/** Positions that one page of the browser looks through. */
export const BROWSE_SCAN_MAX = 200_000;
const zCursor = z.string().regex(/^\d{1,18}$/);
const zKey = z.string().min(1).max(200);
export const zEventsQuery = z.strictObject({ query: z.strictObject({ key: zKey, topic: z.string().max(100), trace: z.string().regex(/^[0-9a-f]{32}$/),
  cursor: zCursor }).partial() }).partial();
export const zEventOut = z.strictObject({ pos: zCursor, event: zId('evt'), topic: z.string(), key: z.string(), version: z.int(), at: zInstant,
  trace: z.string(),
  data: z.string() });
export const zEventsOut = z.strictObject({ events: z.array(zEventOut), next: z.string().nullable(), lookedTo: zInstant.nullable() });
export const zNothing = z.strictObject({});
export const zSubscribersOut = z.strictObject({
  end: zCursor, subscribers: z.array(z.strictObject({ name: z.string(), topics: z.array(z.string()), parked: z.int(), parts: z.array(z.strictObject({
    part: z.int(), pos: zCursor, lag: z.int(), held: z.boolean(), failures: z.int(), error: z.string().nullable() })) })),
});
export const zParkedOut = z.strictObject({ keys: z.array(z.strictObject({ subscriber: z.string(), key: z.string(), events: z.int(), first: zCursor,
  topic: z.string(),
  error: z.string(), at: zInstant, released: z.boolean() })) });
export const zParkedDecision = z.strictObject({ params: z.strictObject({ subscriber: zKey, key: zKey, decision: z.enum(['release', 'skip']) }) });
export const zParkedDecided = z.strictObject({ events: z.int() });
