import { defineModule, on, provide, type EventType, type Module } from '#kernel';
import { DeliverProbe, DeliveryDead, EndpointChanged, EndpointDisabled, NOT_DELIVERED, OfferedEvents, webhookProblems } from './contract.ts';
import { routes } from './routes.ts';
import { versionsFault } from './rules.ts';
import { deliverer, reachState, sweeper } from './service/deliver.ts';
import { fanOut } from './service/fan-out.ts';
import { askState, challenge, proofState } from './service/proofs.ts';
import { disabledNotice, tellOfDisabling } from './service/notices.ts';
import { signal } from './service/wake.ts';

const manifest = defineModule({
  name: 'platform/webhooks',
  doc: 'Events of a tenant sent to its own machines: signed, in order where asked, tried for three days, never to an address that is not public.',
  needs: ['platform/notify'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'webhooks.endpoint': { app: ['select', 'insert', 'update', 'delete'], spine: ['select', 'update'], auditor: ['select'] },
    'webhooks.message': { app: ['select', 'insert'], spine: ['select', 'delete'], auditor: ['select'] },
    'webhooks.delivery': { app: ['select', 'insert', 'delete'], spine: ['select', 'update', 'delete'], auditor: ['select'] },
    'webhooks.due': { app: ['select', 'insert', 'delete'], spine: ['select', 'update', 'delete'], auditor: ['select'] },
    'webhooks.attempt': { app: ['select'], spine: ['select', 'insert', 'delete'], auditor: ['select'] },
  },
  routes,
  problems: webhookProblems,
  events: [EndpointChanged, EndpointDisabled, DeliveryDead],
  notices: [disabledNotice],
  reactions: [tellOfDisabling],
  workers: [deliverer, sweeper],
  calls: [challenge],
  state: [signal.state, reachState, proofState, askState, provide(DeliverProbe, () => undefined)],
  permissions: {
    'webhooks:read': 'See endpoints, deliveries and what receivers answered.',
    'webhooks:manage': 'Make, change and remove endpoints, rotate secrets, replay deliveries.',
  },
  privacy: { 'webhooks.attempt.excerpt': { kind: 'answer of a receiver', kept: 'sealed' } },
});

/** The module over the events of the whole program: each is a subscriber’s, with one cursor. Throws where one does not tell of its versions. */
export const webhooksOver = (events: readonly EventType[]): Module => {
  const all = [...events, ...manifest.events ?? []];
  const offered = new Map(all.filter((e) => !NOT_DELIVERED.includes(e.name)).map((e) => [e.name, e]));
  for (const e of all) {
    const fault = versionsFault(e);
    if (fault) throw new Error(fault);
  }
  return {
    ...manifest, reactions: [...manifest.reactions ?? [], ...all.map((type) => on(type, 'webhooks', (tx, e) => fanOut(tx, type, e)))],
    state: [...manifest.state ?? [], provide(OfferedEvents, () => offered)],
  };
};
