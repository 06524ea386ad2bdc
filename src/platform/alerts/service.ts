import type { z } from 'zod';
import { done, idOf, Manifests, refuse, uuidOf, type EventType, type Happened, type Item, type Outcome, type SectionTx, type Tx } from '#kernel';
import { ALERTS_PAGE_MAX, alertUnknown, COUNTED_MAX, type Alert, type zAlerts, type zAlertsQuery, type zOfAlert } from './contract.ts';
import { alertsOf, closeAlert, countOpen, raise, type AlertRow, type NewAlerts } from './store.ts';

/** Raises what happened of one type: of each entity one alert, however often. */
export async function raiseAll(tx: SectionTx, type: EventType, items: readonly Item<Happened>[]): Promise<void> {
  const a: NewAlerts = { ids: [], topics: [], keys: [], data: [], traces: [], times: [], at: [] };
  for (const [key, same] of Map.groupBy(items, (i) => i.input.key)) {
    const last = same.at(-1) as Item<Happened>;
    a.ids.push(tx.uuid());
    a.topics.push(type.name);
    a.keys.push(key);
    a.data.push(JSON.stringify(last.input.data));
    a.traces.push(last.trace);
    a.times.push(same.length);
    a.at.push(last.input.at);
  }
  await raise(tx.sql, tx.tenant.id, a);
}

function viewOf(tx: Tx, r: AlertRow): Alert {
  const doc = tx.use(Manifests).flatMap((m) => m.events ?? []).find((e) => e.name === r.topic)?.doc ?? null;
  return { alert: idOf('alr', r.id), topic: r.topic, doc, key: r.key, data: r.data, trace: r.trace, times: r.times, raisedAt: r.raised_at, lastAt: r.last_at,
    closedAt: r.closed_at, closedBy: r.closed_by === null ? null : idOf('opr', r.closed_by) };
}

/** Alerts of the office, the newest first. */
export async function list(tx: Tx, { query: q = {} }: z.output<typeof zAlertsQuery>): Promise<Outcome<z.output<typeof zAlerts>>> {
  const rows = await alertsOf(tx.sql, tx.tenant.id, q.state === undefined ? null : q.state === 'open', q.cursor ? uuidOf(q.cursor) : null, ALERTS_PAGE_MAX + 1);
  const page = rows.slice(0, ALERTS_PAGE_MAX);
  return done({ alerts: page.map((r) => viewOf(tx, r)), open: await countOpen(tx.sql, tx.tenant.id, COUNTED_MAX),
    next: rows.length > page.length ? idOf('alr', (page.at(-1) as AlertRow).id) : null });
}

/** Somebody has seen to it. */
export async function close(tx: Tx, { params }: z.output<typeof zOfAlert>): Promise<Outcome<Alert>> {
  const [row] = await closeAlert(tx.sql, tx.tenant.id, uuidOf(params.alert), tx.now, tx.actor.kind === 'operator' ? tx.actor.id : null);
  if (!row) return refuse(alertUnknown);
  tx.audit({ action: 'alerts.closed', result: 'done', resource: params.alert, detail: { topic: row.topic, key: row.key, times: row.times } });
  return done(viewOf(tx, row));
}
