/** The lines of an authority's feed as plain data: amounts are decimal strings of minor units, instants are ISO strings. */
import type { CivilDate } from '#kernel';
import type { AmountName, EventFacts, RefundEvent } from './types.ts';

export type WireFacts = Omit<EventFacts, AmountName> & Partial<Readonly<Record<AmountName, string>>>;

export interface TaxpayerLine {
  readonly kind: 'taxpayer';
  readonly identifier: string;
  readonly dateOfBirth: CivilDate;
  readonly phone: string;
  readonly name: string;
  /** The name in the other script, where the records hold one. */
  readonly nameLocal?: string;
  readonly language: 'en' | 'hi';
}

export interface EventLine extends Omit<RefundEvent, 'occurredAt' | 'receivedAt' | 'facts'> {
  readonly kind: 'event';
  readonly identifier: string;
  readonly year: number;
  /** 1 = the original return, 2 = the first revised one. */
  readonly returnNo: number;
  /** Last four digits of the account, on lines about the bank only. */
  readonly accountTail?: string;
  readonly occurredAt: string;
  readonly receivedAt: string;
  readonly facts: WireFacts;
}

export type FeedLine = TaxpayerLine | EventLine;

const AMOUNTS = ['claimed', 'computed', 'adjusted', 'interest', 'paid'] as const;

/** The facts for the wire: the same keys, amounts as text. */
export function wireFacts(facts: EventFacts): WireFacts {
  const { claimed: _1, computed: _2, adjusted: _3, interest: _4, paid: _5, ...rest } = facts;
  const amounts: Partial<Record<AmountName, string>> = {};
  for (const name of AMOUNTS) {
    const amount = facts[name];
    if (amount !== undefined) amounts[name] = amount.toString();
  }
  return { ...amounts, ...rest };
}

/** The event of a line. The line must be well formed (a codec has checked it). */
export function eventOf(line: EventLine): RefundEvent {
  const { claimed: _1, computed: _2, adjusted: _3, interest: _4, paid: _5, ...rest } = line.facts;
  const amounts: Partial<Record<AmountName, bigint>> = {};
  for (const name of AMOUNTS) {
    const text = line.facts[name];
    if (text !== undefined) amounts[name] = BigInt(text);
  }
  return {
    source: line.source, sourceEventId: line.sourceEventId, sourceVersion: line.sourceVersion, occurredAt: new Date(line.occurredAt),
    receivedAt: new Date(line.receivedAt), code: line.code, facts: { ...amounts, ...rest },
  };
}
