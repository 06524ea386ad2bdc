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
  source: r.source,
  sourceEventId: r.source_event_id,
  sourceVersion: r.source_version,
  occurredAt: r.occurred_at,
  receivedAt: r.received_at,
  code: r.code,
  facts: factsOf(r.facts),
});

/** The bytes of which an event's audit fact carries the SHA-256. */
export const canonicalEvent = (r: EventRow): string =>
  JSON.stringify([r.refund, r.source, r.source_event_id, r.source_version, r.occurred_at.getTime(), r.received_at.getTime(), r.code, r.facts]);

type Stored<T> = T extends Date
  ? number
  : T extends bigint
    ? string
    : T extends readonly (infer E)[]
      ? Stored<E>[]
      : T extends object
        ? { [K in keyof T]: Stored<T[K]> }
        : T;

const text = (amount: bigint | null): string | null => (amount === null ? null : amount.toString());

/** A projection as stored text: instants as milliseconds, amounts as decimal strings. Field by field, since a replacer would visit each value. */
export function projectionText(p: Projection): string {
  const { claimed, computed, adjusted, interest, paid } = p.amounts;
  const stored: Stored<Projection> = {
    ...p, since: p.since.getTime(), lastEventAt: p.lastEventAt.getTime(),
    amounts: { claimed: text(claimed), computed: text(computed), adjusted: text(adjusted), interest: text(interest), paid: text(paid) },
    timeline: p.timeline.map((t) => ({ ...t, occurredAt: t.occurredAt.getTime() })),
    freshness: Object.fromEntries(Object.entries(p.freshness).map(([source, at]) => [source, at.getTime()])),
  } as Stored<Projection>;
  return JSON.stringify(stored);
}

const amount = (stored: string | null): bigint | null => (stored === null ? null : BigInt(stored));

/** The projection of a stored text. Field by field: a reviver would visit each value and cost ten times as much. */
export function projectionOf(json: string): Projection {
  const p = JSON.parse(json) as Stored<Projection>;
  const { claimed, computed, adjusted, interest, paid } = p.amounts;
  return {
    ...p, since: new Date(p.since), lastEventAt: new Date(p.lastEventAt),
    amounts: { claimed: amount(claimed), computed: amount(computed), adjusted: amount(adjusted), interest: amount(interest), paid: amount(paid) },
    timeline: p.timeline.map((t) => ({ ...t, occurredAt: new Date(t.occurredAt) })),
    freshness: Object.fromEntries(Object.entries(p.freshness).map(([source, at]) => [source, new Date(at as number)])),
  } as Projection;
}
