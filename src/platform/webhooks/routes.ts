import { idOf, route } from '#kernel';
import {
  CHECK_REQUEST_BYTES_MAX, checkTooLarge, payloadVersionRetired, tooManyEndpoints, unknownDelivery, unknownEndpoint, unknownPayloadVersion, urlRefused,
  zCatalogue, zCheck, zChecked, zCreate, zCreated, zDeliveries, zDeliveriesAsk, zDeliveryShown, zEndpoint, zEndpoints, zGuide, zMade, zNothing, zOfDelivery,
  zOfEndpoint, zReplay, zRotate, zShown, zStoryAsk, zTypes, zUpdate, zVersions,
} from './contract.ts';
import { check } from './service/check.ts';
import { deliveriesOfStory, listDeliveries, replay, replayBetween, sendTest, showDelivery } from './service/deliveries.ts';
import { create, disableByHand, enable, list, remove, rotate, show, types, update } from './service/endpoints.ts';
import { catalogue, guide } from './service/guide.ts';
import { verify } from './service/proofs.ts';
import { versions } from './service/versions.ts';

const READ = 'webhooks:read';
const MANAGE = 'webhooks:manage';
const params = { endpoint: idOf('wep', '0'.repeat(32)) };
const at = '2026-11-01T00:00:00Z';

export const listRoute = route('GET /webhooks/endpoints', {
  summary: 'Endpoints of the tenant with their state and what waits for them.', scope: READ, input: zNothing, output: zEndpoints, problems: [], verb: list,
  example: { input: {} },
});
export const typesRoute = route('GET /webhooks/event-types', {
  summary: 'Events that an endpoint may ask for.', scope: READ, input: zNothing, output: zTypes, problems: [], verb: types, example: { input: {} },
});
export const createRoute = route('POST /webhooks/endpoints', {
  summary: 'Makes an endpoint; its secret is in this answer and never shown again.', scope: MANAGE, status: 201, input: zCreate, output: zCreated,
  problems: [urlRefused, tooManyEndpoints, unknownPayloadVersion, payloadVersionRetired], audit: 'webhooks.endpoint-created', verb: create,
  example: { input: { body: { url: 'https://shop.example/hooks', description: 'The shop', events: ['wallet.*'] } } },
});
export const showRoute = route('GET /webhooks/endpoints/:endpoint', {
  summary: 'One endpoint, and how its last day went.', scope: READ, input: zOfEndpoint, output: zShown, problems: [unknownEndpoint], verb: show,
  example: { input: { params } },
});
export const updateRoute = route('PUT /webhooks/endpoints/:endpoint', {
  summary: 'Changes what is named: address, events, headers, order, version.', scope: MANAGE, input: zUpdate, output: zEndpoint,
  problems: [unknownEndpoint, urlRefused, unknownPayloadVersion, payloadVersionRetired], audit: 'webhooks.endpoint-updated', verb: update,
  example: { input: { params, body: { events: ['*'] } } },
});
export const versionsRoute = route('GET /webhooks/endpoints/:endpoint/versions', {
  summary: 'What the newest version of payloads would change for an endpoint: an example of each of its events whose shape differs, in both.', scope: READ,
  input: zOfEndpoint, output: zVersions, problems: [unknownEndpoint], verb: versions, example: { input: { params } },
});
export const removeRoute = route('DELETE /webhooks/endpoints/:endpoint', {
  summary: 'Removes an endpoint and what waits for it; what was delivered stays in the log.', scope: MANAGE, input: zOfEndpoint, output: zNothing,
  problems: [unknownEndpoint], audit: 'webhooks.endpoint-removed', verb: remove, example: { input: { params } },
});
export const rotateRoute = route('POST /webhooks/endpoints/:endpoint/rotate', {
  summary: 'Gives a new secret; the one before signs as well for the hours named.', scope: MANAGE, input: zRotate, output: zCreated,
  problems: [unknownEndpoint], audit: 'webhooks.secret-rotated', verb: rotate, example: { input: { params, body: { graceHours: 24 } } },
});
export const enableRoute = route('POST /webhooks/endpoints/:endpoint/enable', {
  summary: 'Enables an endpoint; what waited for it is sent, and its history of failures stays until one succeeds.', scope: MANAGE, input: zOfEndpoint,
  output: zEndpoint, problems: [unknownEndpoint], audit: 'webhooks.endpoint-enabled', verb: enable, example: { input: { params } },
});
export const disableRoute = route('POST /webhooks/endpoints/:endpoint/disable', {
  summary: 'Disables an endpoint; what waits for it is kept.', scope: MANAGE, input: zOfEndpoint, output: zEndpoint, problems: [unknownEndpoint],
  audit: 'webhooks.endpoint-disabled', verb: disableByHand, example: { input: { params } },
});
export const verifyRoute = route('POST /webhooks/endpoints/:endpoint/verify', {
  summary: 'Asks an endpoint again to give a token back; one that has nothing to prove stays as it is.', scope: MANAGE, input: zOfEndpoint,
  output: zEndpoint, problems: [unknownEndpoint], audit: 'webhooks.endpoint-challenged', verb: verify, example: { input: { params } },
});
export const testRoute = route('POST /webhooks/endpoints/:endpoint/test', {
  summary: 'Sends a made-up event of the type webhooks.test.', scope: MANAGE, input: zOfEndpoint, output: zMade, problems: [unknownEndpoint],
  audit: 'webhooks.tested', verb: sendTest, example: { input: { params } },
});
export const replayRangeRoute = route('POST /webhooks/endpoints/:endpoint/replay', {
  summary: 'Sends again what happened between two instants and the endpoint asks for: up to 10,000 events, oldest first.', scope: MANAGE, input: zReplay,
  output: zMade, problems: [unknownEndpoint], audit: 'webhooks.replayed', verb: replayBetween, example: { input: { params, body: { from: at, to: at } } },
});
export const deliveriesRoute = route('GET /webhooks/endpoints/:endpoint/deliveries', {
  summary: 'Deliveries of an endpoint, newest first.', scope: READ, input: zDeliveriesAsk, output: zDeliveries, problems: [unknownEndpoint],
  verb: listDeliveries, example: { input: { params } },
});
export const storyRoute = route('GET /webhooks/deliveries', {
  summary: 'Where some events were sent, by the events’ ids.', scope: READ, input: zStoryAsk, output: zDeliveries, problems: [], verb: deliveriesOfStory,
  example: { input: { query: { events: `evt_${'0'.repeat(32)}` } } },
});
export const deliveryRoute = route('GET /webhooks/deliveries/:delivery', {
  summary: 'One delivery: what was sent, and each try with the beginning of its answer.', scope: READ, input: zOfDelivery, output: zDeliveryShown,
  problems: [unknownDelivery], audit: 'webhooks.delivery-seen', verb: showDelivery, example: { input: { params: { delivery: '1' } } },
});
export const replayRoute = route('POST /webhooks/deliveries/:delivery/replay', {
  summary: 'Sends one event again to the same endpoint.', scope: MANAGE, input: zOfDelivery, output: zMade, problems: [unknownDelivery],
  audit: 'webhooks.replayed', verb: replay, example: { input: { params: { delivery: '1' } } },
});

export const guideRoute = route('GET /webhooks/guide', {
  summary: 'How far the tenant has come with webhooks, and the figures that a receiver has to know.', scope: READ, input: zNothing, output: zGuide,
  problems: [], verb: guide, example: { input: {} },
});
export const catalogueRoute = route('GET /webhooks/catalogue', {
  summary: 'Every event that may happen at the tenant: when, its fields, its versions, and the exact body of each with made-up values.', scope: READ,
  input: zNothing, output: zCatalogue, problems: [], verb: catalogue, example: { input: {} },
});
export const checkRoute = route('POST /webhooks/endpoints/:endpoint/check', {
  summary: 'Says of a request that was received whether this endpoint signed it, and if not, why not. It is not kept.', scope: READ, input: zCheck,
  output: zChecked, problems: [unknownEndpoint, checkTooLarge], audit: 'webhooks.signature-checked', bodyMax: CHECK_REQUEST_BYTES_MAX, verb: check,
  example: { input: { params, body: { headers: 'webhook-id: evt_1\nwebhook-timestamp: 1795248000\nwebhook-signature: v1,…', body: '{}' } } },
});

export const routes = [listRoute, typesRoute, createRoute, showRoute, updateRoute, versionsRoute, removeRoute, rotateRoute, enableRoute, disableRoute,
  verifyRoute, testRoute,
  replayRangeRoute, deliveriesRoute, storyRoute, deliveryRoute, replayRoute, guideRoute, catalogueRoute, checkRoute];
