/** Words of the rooms for limits and caches. */
export const en = {
  store: 'Counted in', stores: { process: 'each process by itself', redis: 'Redis, all processes together' }, own: 'In the process that answered, since it began', noCounters: 'Nothing was counted yet. The counters begin with the first request.',
  name: 'Limit', asked: 'Asked', refused: 'Refused', leased: 'From tokens taken ahead', away: 'While the store was away', keys: 'Keys held', shared: 'In the database, of this office', noShared: 'No bucket yet. They appear with the first sign-in.', buckets: 'Buckets', emptyBuckets: 'Empty ones',
  names: { address: 'an address', person: 'a person', operator: 'an operator' },
  second: 'Second level', seconds: { none: 'none', redis: 'Redis' }, caches: 'In the process that answered, since it began', noCaches: 'No cache is held yet. They appear when somebody looks at what they keep.', cache: 'Cache', entries: 'Entries', most: 'At most', hits: 'Hits', hitRate: 'Hit rate', misses: 'Misses', loads: 'Loads', failed: 'Loads that failed',
  fenced: 'Fills refused', stale: 'Served stale', early: 'Fetched early', negative: 'Known to be nothing', fromSecond: 'From the second level', secondAway: 'Second level away', percent: '{n} %',
};
export type LimitWords = { readonly [K in keyof typeof en]: (typeof en)[K] extends string ? string : { readonly [P in keyof (typeof en)[K]]: string } };
