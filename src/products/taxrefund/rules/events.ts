/**
 * Which lines of a feed count. An authority repeats, corrects and reorders its lines; these rules decide what a line is
 * before anything is projected.
 */
import type { CountryPack, EventRef, RefundEvent } from './types.ts';

/** Clocks of two offices may differ and some stamps carry only a day. */
export const CLOCK_TOLERANCE_MS = 36 * 3_600_000;
/** A payment may be announced ahead (a dated transaction); further ahead than this is a wrong year. */
export const ANNOUNCED_AHEAD_MAX_MS = 60 * 86_400_000;

/**
 * What ingest does with a line:
 * `new`, `newer_version` and `older_version` are stored (an older version never shows); `duplicate` is acknowledged and dropped;
 * `contradiction`, `unknown_code`, `before_filing` and `in_future` are quarantined for a person.
 */
export type Incoming = 'new' | 'newer_version' | 'older_version' | 'duplicate' | 'contradiction' | 'unknown_code' | 'before_filing' | 'in_future';

/** Content of an event as comparable text: everything that the source states, nothing that we add on receipt. */
export function contentOf(event: RefundEvent): string {
  return JSON.stringify([event.source, event.sourceEventId, event.sourceVersion, event.occurredAt.getTime(), event.code, plain(event.facts)]);
}

function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (typeof value !== 'object' || value === null) return value;
  return Object.entries(value).filter(([, inner]) => inner !== undefined).sort(([a], [b]) => compareText(a, b)).map(([key, inner]) => [key, plain(inner)]);
}

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);

export const refOf = (event: RefundEvent): EventRef =>
  ({ source: event.source, sourceEventId: event.sourceEventId, sourceVersion: event.sourceVersion, code: event.code });

/** Decides about one incoming line against the stored events of the same return. Pure; order of `existing` is irrelevant. */
export function decideIncoming(pack: CountryPack, existing: readonly RefundEvent[], incoming: RefundEvent): Incoming {
  const sameEvent = existing.filter((event) => event.source === incoming.source && event.sourceEventId === incoming.sourceEventId);
  const sameVersion = sameEvent.filter((event) => event.sourceVersion === incoming.sourceVersion);
  if (sameVersion.length > 0) {
    const content = contentOf(incoming);
    return sameVersion.some((event) => contentOf(event) === content) ? 'duplicate' : 'contradiction';
  }
  const row = pack.statuses[incoming.code];
  if (row === undefined) return 'unknown_code';
  if (incoming.occurredAt.getTime() - incoming.receivedAt.getTime() > ANNOUNCED_AHEAD_MAX_MS) return 'in_future';
  if (row.effect === 'status' && row.phase !== 'filed') {
    const filed = firstFiling(pack, existing);
    if (filed !== null && incoming.occurredAt.getTime() < filed - CLOCK_TOLERANCE_MS) return 'before_filing';
  }
  if (sameEvent.length === 0) return 'new';
  return sameEvent.some((event) => event.sourceVersion > incoming.sourceVersion) ? 'older_version' : 'newer_version';
}

function firstFiling(pack: CountryPack, events: readonly RefundEvent[]): number | null {
  let first: number | null = null;
  for (const event of events) {
    if (pack.statuses[event.code]?.phase !== 'filed') continue;
    const at = event.occurredAt.getTime();
    if (first === null || at < first) first = at;
  }
  return first;
}

/** The events that count, in the order of the story, and what was set aside. */
export interface Settled { readonly events: readonly RefundEvent[]; readonly contradictions: readonly EventRef[]; readonly versions: number }

/**
 * Keeps of each event the highest version, of one version with two contents the first received, and orders by time, then
 * source precedence, then version, then id. Total, so any order and repetition of the input gives the same list.
 */
export function settle(pack: CountryPack, events: readonly RefundEvent[]): Settled {
  const versions = new Map<string, RefundEvent[]>();
  for (const event of events) {
    const key = `${event.sourceVersion}\u0000${event.source}\u0000${event.sourceEventId}`;
    const same = versions.get(key);
    if (same === undefined) versions.set(key, [event]);
    else same.push(event);
  }
  const newest = new Map<string, RefundEvent>();
  const contradictions: RefundEvent[] = [];
  for (const same of versions.values()) {
    const [first, ...others] = same.length === 1 ? same : distinct(same);
    if (first === undefined) continue;
    contradictions.push(...others);
    const key = `${first.source}\u0000${first.sourceEventId}`;
    const known = newest.get(key);
    if (known === undefined || known.sourceVersion < first.sourceVersion) newest.set(key, first);
  }
  const order = byStory(pack);
  return {
    events: [...newest.values()].sort(order),
    contradictions: contradictions.sort((a, b) => order(a, b) || byReceipt(a, b)).map(refOf),
    versions: versions.size,
  };
}

/** One event for each content, in order of receipt. */
function distinct(events: readonly RefundEvent[]): RefundEvent[] {
  const contents = new Map<string, RefundEvent>();
  for (const event of [...events].sort(byReceipt)) {
    const content = contentOf(event);
    if (!contents.has(content)) contents.set(content, event);
  }
  return [...contents.values()];
}

const byReceipt = (a: RefundEvent, b: RefundEvent): number =>
  a.receivedAt.getTime() - b.receivedAt.getTime() || compareText(contentOf(a), contentOf(b));

const byStory = (pack: CountryPack) => (a: RefundEvent, b: RefundEvent): number =>
  a.occurredAt.getTime() - b.occurredAt.getTime()
  || pack.precedence.indexOf(a.source) - pack.precedence.indexOf(b.source)
  || a.sourceVersion - b.sourceVersion
  || compareText(a.sourceEventId, b.sourceEventId)
  || compareText(a.source, b.source);
