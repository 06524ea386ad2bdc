import type { z } from 'zod';
import { done, idOf, refuse, uuid, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { lookedAt } from '#spine/audit';
import {
  HEALTH_EVENTS_MAX, HEALTH_HOURS_MAX, noLine, QUARANTINE_PAGE_MAX, type zHealth, type zHealthQuery, type zLookLine, type zOfLine, type zQuarantineLine,
  type zQuarantinePage, type zQuarantineQuery, type zReplayed,
} from '../contract.ts';
import { openByReason, quarantineAfter, sourcesSince } from '../store.ts';
import { quarantineReplay, quarantineShow } from './feed.ts';

/** What operators of an office see of its feed, and do about lines that were set aside. */

type Out<S extends z.ZodType> = Promise<Outcome<z.output<S>>>;
const HOUR_MS = 3_600_000;
const FIRST = uuid('0'.repeat(32));

/** The smallest id that is made at an instant (RFC 9562 §5.7). */
const idFrom = (at: Date): Uuid => uuid(at.getTime().toString(16).padStart(12, '0').padEnd(32, '0'));

export async function feedHealth(tx: Tx, { query }: z.output<typeof zHealthQuery>): Out<typeof zHealth> {
  const hours = Math.min(Math.max(Number.parseInt(query?.hours ?? '24', 10), 1), HEALTH_HOURS_MAX);
  const [sources, quarantine] = await Promise.all([
    sourcesSince(tx.sql, tx.tenant.id, idFrom(new Date(tx.now.getTime() - hours * HOUR_MS)), HEALTH_EVENTS_MAX), openByReason(tx.sql),
  ]);
  return done({
    asOf: tx.now, hours, cut: sources.reduce((sum, s) => sum + s.events, 0) >= HEALTH_EVENTS_MAX,
    sources: sources.map((s) => ({
      source: s.source, events: s.events, lastReceivedAt: s.last_received, lastOccurredAt: s.last_occurred, delaySeconds: s.delay_s,
      silentSeconds: Math.max(0, Math.floor((tx.now.getTime() - s.last_received.getTime()) / 1000)),
    })),
    quarantine: quarantine.map((q) => ({ reason: q.reason, open: q.open, oldestAt: q.oldest })),
  });
}

export async function listLines(tx: Tx, { query: q = {} }: z.output<typeof zQuarantineQuery>): Out<typeof zQuarantinePage> {
  const rows = await quarantineAfter(tx.sql, q.cursor ? uuidOf(q.cursor) : FIRST, q.reason ?? null, QUARANTINE_PAGE_MAX + 1);
  const lines = rows.slice(0, QUARANTINE_PAGE_MAX).map((r) => ({ line: idOf('qua', r.id), at: r.at, reason: r.reason, feed: r.feed, lineNo: r.line_no }));
  return done({ lines, next: rows.length > lines.length ? lines.at(-1)?.line ?? null : null });
}

/** One line as it came: it is about a person, so the look has a purpose. */
export async function showLine(tx: Tx, { params, query }: z.output<typeof zLookLine>): Out<typeof zQuarantineLine> {
  const id = uuidOf(params.line);
  const no = lookedAt(tx, query?.purpose, { action: 'taxrefund.quarantine-looked', resource: `quarantine ${id}` });
  if (no) return no;
  const found = await quarantineShow(tx, id);
  if (!found) return refuse(noLine);
  return done({
    line: idOf('qua', found.id), at: found.at, reason: found.reason, feed: found.feed, lineNo: found.lineNo, text: found.text,
    state: found.state as 'open' | 'replayed' | 'dismissed',
  });
}

export async function replayLine(tx: Tx, { params }: z.output<typeof zOfLine>): Out<typeof zReplayed> {
  const result = await quarantineReplay(tx, uuidOf(params.line));
  return result ? done({ taken: result.reason === undefined, reason: result.reason ?? null }) : refuse(noLine);
}
