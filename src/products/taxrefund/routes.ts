import { z } from 'zod';
import { common, route, stream } from '#kernel';
import { FEED_BODY_BYTES_MAX, noReturn, zFeedAnswer, zNothing, zYear, zYears, zYearStatus } from './contract.ts';
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

export const changes = stream('GET /tax-refunds/changes', {
  scope: 'person', topics: (actor, tenant) => (actor.kind === 'person' ? [`taxrefund ${tenant.id} ${actor.id}`] : []),
});

export const routes = [view, list, feed];
