import type { EventFacts, Projection, RefundEvent } from '../rules/types.ts';
import type { EventRow } from '../store.ts';

const AMOUNTS = ['claimed', 'computed', 'adjusted', 'interest', 'paid'] as const;

/** Facts as stored text: amounts as decimal strings, keys in one order, so that equal facts are equal text. */
export function factsText(facts: EventFacts): string {
  const plain = Object.fromEntries(Object.entries(facts).filter(([, v]) => v !== undefined).toSorted(([a], [b]) => (a < b ? -1 : 1)));
  return JSON.stringify(plain, (_, v: unknown) => (typeof v === 'bigint' ? v.toString() : v));
}

export function factsOf(text: string): EventFacts {
  const raw = JSON.parse(text) as Record<string, unknown>;
  for (const name of AMOUNTS) if (typeof raw[name] === 'string') raw[name] = BigInt(raw[name]);
  return raw as EventFacts;
}

export const eventOfRow = (r: EventRow): RefundEvent => ({
  source: r.source, sourceEventId: r.source_event_id, sourceVersion: r.source_version, occurredAt: r.occurred_at, receivedAt: r.received_at, code: r.code, facts: factsOf(r.facts),
});

/** The bytes of which an event's audit fact carries the SHA-256. */
export const canonicalEvent = (r: EventRow): string =>
  JSON.stringify([r.refund, r.source, r.source_event_id, r.source_version, r.occurred_at.getTime(), r.received_at.getTime(), r.code, r.facts]);

/** A projection as stored text, and back: instants as milliseconds under `$t`, amounts as decimal strings under `$n`. */
export const projectionText = (p: Projection): string => JSON.stringify(p, function encode(this: unknown, key: string, v: unknown) {
  const original = (this as Record<string, unknown>)[key];
  if (original instanceof Date) return { $t: original.getTime() };
  return typeof v === 'bigint' ? { $n: v.toString() } : v;
});

export const projectionOf = (text: string): Projection => JSON.parse(text, (_, v: unknown) => {
  if (typeof v === 'object' && v !== null) {
    if ('$t' in v) return new Date(v.$t as number);
    if ('$n' in v) return BigInt(v.$n as string);
  }
  return v;
}) as Projection;

