import { done, idOf, realNow, refuse, uuidOf, type Outcome, type Tx } from '#kernel';
import { tenantKeys } from '#spine/vault';
import type { z } from 'zod';
import {
  LIST_MAX, OfferedEvents, REPLAY_MAX, TEST_TYPE, unknownDelivery, unknownEndpoint, type DeliveryView, type zDeliveries, type zDeliveriesAsk,
  type zDeliveryShown, type zMade, type zOfDelivery, type zOfEndpoint, type zReplay,
  type zStoryAsk,
} from '../contract.ts';
import { dataIn, render } from '../rules.ts';
import { attemptsOf, deliveriesOf, deliveriesOfEvents, deliveryOf, insertManual, replayOne, replayRange, type DeliveryRow } from '../store/deliveries.ts';
import { excerptPlace } from './deliver.ts';
import { endpointIn } from './endpoints.ts';
import { signal } from './wake.ts';

const viewOf = (d: DeliveryRow): DeliveryView => ({
  delivery: String(d.id), endpoint: idOf('wep', d.endpoint), event: idOf('evt', d.message), type: d.topic, status: d.status, attempts: d.attempts,
  manual: d.manual, createdAt: d.created_at, nextAt: d.status === 'waiting' ? d.next_at : null, doneAt: d.done_at, reason: d.reason,
});

/** Deliveries of an endpoint, newest first. */
export async function listDeliveries(tx: Tx, input: z.output<typeof zDeliveriesAsk>): Promise<Outcome<z.output<typeof zDeliveries>>> {
  if (!await endpointIn(tx, input)) return refuse(unknownEndpoint);
  const { cursor = null, status = null } = input.query;
  const rows = await deliveriesOf(tx.sql, tx.tenant.id, uuidOf(input.params.endpoint), cursor, status, LIST_MAX + 1);
  const shown = rows.slice(0, LIST_MAX);
  return done({ deliveries: shown.map(viewOf), cursor: rows.length > LIST_MAX ? String(shown.at(-1)?.id) : null });
}

/** Where some events were sent: for the story of a request. */
export async function deliveriesOfStory(tx: Tx, input: z.output<typeof zStoryAsk>): Promise<Outcome<z.output<typeof zDeliveries>>> {
  const rows = await deliveriesOfEvents(tx.sql, tx.tenant.id, input.query.events.split(',').map((e) => uuidOf(e as `evt_${string}`)), LIST_MAX);
  return done({ deliveries: rows.map(viewOf), cursor: null });
}

/** One delivery with what was sent and every try. */
export async function showDelivery(tx: Tx, input: z.output<typeof zOfDelivery>): Promise<Outcome<z.output<typeof zDeliveryShown>>> {
  const { delivery } = input.params;
  const row = await deliveryOf(tx.sql, tx.tenant.id, delivery);
  if (!row) return refuse(unknownDelivery);
  const keys = tenantKeys(tx);
  const attempts = (await attemptsOf(tx.sql, tx.tenant.id, delivery)).map((a) => ({
    ...a, excerpt: a.excerpt === null ? null : keys.open(excerptPlace(delivery, a.no), a.excerpt),
  }));
  tx.audit({ action: 'webhooks.delivery-seen', result: 'done', resource: `delivery ${delivery}` });
  const data = row.wanted === null ? row.data : dataIn(row.wanted, tx.use(OfferedEvents).get(row.topic), row.version, row.data);
  const body = data === undefined ? null : render({ id: row.message, topic: row.topic, at: row.at, data }).toString('utf8');
  return done({ delivery: viewOf(row), body, attempts });
}

export async function replay(tx: Tx, input: z.output<typeof zOfDelivery>): Promise<Outcome<z.output<typeof zMade>>> {
  if (!(await replayOne(tx.sql, tx.tenant.id, realNow(tx), input.params.delivery)).length) return refuse(unknownDelivery);
  tx.audit({ action: 'webhooks.replayed', result: 'done', resource: `delivery ${input.params.delivery}` });
  tx.afterCommit(() => signal.wake(tx));
  return done({ deliveries: 1 });
}

export async function replayBetween(tx: Tx, input: z.output<typeof zReplay>): Promise<Outcome<z.output<typeof zMade>>> {
  if (!await endpointIn(tx, input)) return refuse(unknownEndpoint);
  const { from, to } = input.body;
  const made = await replayRange(tx.sql, tx.tenant.id, realNow(tx), { endpoint: uuidOf(input.params.endpoint), from, to, limit: REPLAY_MAX });
  tx.audit({ action: 'webhooks.replayed', result: 'done', resource: input.params.endpoint, detail: { deliveries: made.length } });
  tx.afterCommit(() => signal.wake(tx));
  return done({ deliveries: made.length });
}

/** Sends a made-up event to one endpoint, so that a receiver can be tried before anything happens. */
export async function sendTest(tx: Tx, input: z.output<typeof zOfEndpoint>): Promise<Outcome<z.output<typeof zMade>>> {
  if (!await endpointIn(tx, input)) return refuse(unknownEndpoint);
  await insertManual(tx.sql, tx.tenant.id, realNow(tx), uuidOf(input.params.endpoint), { id: tx.uuid(), topic: TEST_TYPE, data: '{"test":true}' });
  tx.audit({ action: 'webhooks.tested', result: 'done', resource: input.params.endpoint });
  tx.afterCommit(() => signal.wake(tx));
  return done({ deliveries: 1 });
}
