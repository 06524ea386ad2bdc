import { done, idOf, Manifests, type EventType, type Outcome, type Tx } from '#kernel';
import type { z } from 'zod';
import {
  BREAKER, DISABLE_AFTER_MS, DISABLE_FAILURES, GRACE_HOURS_DEFAULT, JITTER, KEPT_MS, LADDER_SECONDS, OfferedEvents, PAYLOAD_BYTES_MAX, REPLAY_MAX,
  TEST_TYPE, TESTS_LOOKED_MAX, TIMEOUT_MS, TOLERANCE_SECONDS, type zCatalogue, type zGuide,
} from '../contract.ts';
import { wantedOf } from '../rules.ts';
import { endpointsOf } from '../store/endpoints.ts';
import { testedOf } from '../store/guide.ts';
import { catalogued, happening } from './examples.ts';

const DAY_MS = 86_400_000;
const eventsOf = (tx: Tx): EventType[] => happening(tx.use(OfferedEvents), tx.use(Manifests), tx.tenant.products);

const rules: z.output<typeof zGuide>['rules'] = {
  ladderSeconds: [...LADDER_SECONDS], jitterPercent: Math.round(JITTER * 100), timeoutSeconds: TIMEOUT_MS / 1000, payloadKib: PAYLOAD_BYTES_MAX / 1024,
  keptDays: KEPT_MS / DAY_MS, replayMax: REPLAY_MAX, breakerAfter: BREAKER.after, disableFailures: DISABLE_FAILURES, disableDays: DISABLE_AFTER_MS / DAY_MS,
  graceHours: GRACE_HOURS_DEFAULT, toleranceSeconds: TOLERANCE_SECONDS,
};

/** How far the tenant has come, by its endpoint that has come furthest: one that answered, else one that was tested, else the newest. */
export async function guide(tx: Tx): Promise<Outcome<z.output<typeof zGuide>>> {
  const rows = await endpointsOf(tx.sql, tx.tenant.id);
  const tested = await testedOf(tx.sql, tx.tenant.id, TEST_TYPE, TESTS_LOOKED_MAX);
  const rank = (e: (typeof rows)[number]): number => (e.last_success_at ? 2 : 0) + (tested.has(e.id) ? 1 : 0);
  const furthest = rows.toSorted((a, b) => rank(b) - rank(a) || (a.id < b.id ? 1 : -1))[0];
  const events = new Map(eventsOf(tx).map((e) => [e.name, e]));
  return done({ rules, start: {
    endpoints: rows.length, endpoint: furthest ? idOf('wep', furthest.id) : null, description: furthest?.description ?? null,
    tested: furthest ? tested.has(furthest.id) : false, answeredAt: furthest?.last_success_at ?? null, filters: furthest?.events ?? [],
    wanted: furthest ? wantedOf(events, furthest.events).length : 0, offered: events.size,
  } });
}

/** Every event that may happen at the tenant, with an example of what would be sent. */
export const catalogue = async (tx: Tx): Promise<Outcome<z.output<typeof zCatalogue>>> => done({ events: eventsOf(tx).map(catalogued) });
