import { z } from 'zod';
import { common, route, stream } from '#kernel';
import { noticeTopics } from '#platform/notify';
import { purposeMissing } from '#spine/audit';
import {
  FEED_BODY_BYTES_MAX, noLine, noReturn, zFeedAnswer, zHealth, zHealthQuery, zLookLine, zNothing, zOfLine, zQuarantineLine, zQuarantinePage, zQuarantineQuery,
  zReplayed, zYear, zYears, zYearStatus,
} from './contract.ts';
import { feedHealth, listLines, replayLine, showLine } from './service/desk.ts';
import { takeFeed } from './service/feed.ts';
import { listYears, viewYears, yearWire } from './service/view.ts';
import { degradedView } from './service/degraded.ts';

export const view = route('GET /tax-refunds/:year', {
  summary: 'The refund of one year: where it is, why, what to do, by when, and who acts.',
  scope: 'person',
  input: zYear,
  output: zYearStatus,
  problems: [noReturn],
  audit: 'taxrefund.viewed',
  plural: viewYears,
  wire: yearWire,
  degraded: degradedView,
  example: { input: { params: { year: '2026' } } },
});

export const list = route('GET /tax-refunds', {
  summary: 'The years for which returns are known, newest first.',
  scope: 'person', input: zNothing, output: zYears, problems: [], audit: 'taxrefund.listed', verb: listYears, example: { input: {} },
});

export const feed = route('POST /tax-refunds/feed', {
  summary: 'Lines of the authority’s feed: people and events of returns, at most 500. The same lines again change nothing.',
  scope: 'taxrefund:feed',
  input: z.strictObject({ body: z.instanceof(Uint8Array) }),
  output: zFeedAnswer,
  problems: [common.badRequest, common.tooLarge],
  consumes: 'ndjson',
  bodyMax: FEED_BODY_BYTES_MAX,
  verb: takeFeed,
  example: { input: { body: new Uint8Array() } },
});

export const healthRoute = route('GET /tax-refunds/feed/health', {
  summary: 'What each source of the feed sent in the last hours, how long it has been silent, and what waits in quarantine.', scope: 'taxrefund:health',
  input: zHealthQuery, output: zHealth, problems: [], verb: feedHealth, example: { input: {} },
});
const line = `qua_${'0'.repeat(32)}` as const;
export const linesRoute = route('GET /tax-refunds/quarantine', {
  summary: 'Lines that were set aside and wait, oldest first, without their text.', scope: 'taxrefund:quarantine', input: zQuarantineQuery,
  output: zQuarantinePage, problems: [], verb: listLines, example: { input: {} },
});
export const lineRoute = route('GET /tax-refunds/quarantine/:line', {
  summary: 'One line as it came, for a purpose.', scope: 'taxrefund:quarantine', input: zLookLine, output: zQuarantineLine,
  problems: [noLine, purposeMissing], audit: 'taxrefund.quarantine-looked', verb: showLine,
  example: { input: { params: { line }, query: { purpose: 'correction' } } },
});
export const replayRoute = route('POST /tax-refunds/quarantine/:line/replay', {
  summary: 'Takes a line again, after what was wrong with it has been mended.', scope: 'taxrefund:quarantine', input: zOfLine, output: zReplayed,
  idempotent: 'required', problems: [noLine], audit: 'taxrefund.quarantine-replayed', verb: replayLine, example: { input: { params: { line } } },
});

export const changes = stream('GET /tax-refunds/changes', {
  scope: 'person', topics: (actor, tenant) => (actor.kind === 'person' ? [`taxrefund ${tenant.id} ${actor.id}`, ...noticeTopics(actor, tenant)] : []),
});

export const routes = [view, list, feed, healthRoute, linesRoute, lineRoute, replayRoute];
