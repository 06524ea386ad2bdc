import { z } from 'zod';
import { event, job, personal, problem, token, zEmail, zId, zInstant, zText, type BreakerRule, type EventType, type Signal } from '#kernel';

/** Endpoints of one tenant, and what each may have. */
export const ENDPOINTS_MAX = 50;
/** Most deliveries a minute that an endpoint may ask to be held to. */
export const PER_MINUTE_MAX = 60_000;
export const FILTERS_MAX = 50;
export const HEADERS_MAX = 10;
export const URL_CHARS_MAX = 2048;
/** A message that is larger is not sent, and says so; of an answer no more is read, and only the excerpt is kept. */
export const PAYLOAD_BYTES_MAX = 256 * 1024;
export const RESPONSE_BYTES_MAX = 64 * 1024;
export const EXCERPT_CHARS_MAX = 500;
/** From the first byte out to the last byte in. */
export const TIMEOUT_MS = 15_000;
/** Seconds after which try 2, 3 … follows (Standard Webhooks 1.0.0); each times 0.8 to 1.2. With the first try, ten. */
export const LADDER_SECONDS = [5, 300, 1800, 7200, 18_000, 36_000, 50_400, 72_000, 86_400] as const;
export const JITTER = 0.2;
export const RETRY_AFTER_SECONDS_MAX = 86_400;
/** Failures in a row after which an endpoint rests; then one probe at a time. */
export const BREAKER: BreakerRule = { after: 5, msMin: 30_000, msMax: 600_000 };
/** An endpoint is disabled after at least so many failures and so long without a success: both. */
export const DISABLE_FAILURES = 20;
export const DISABLE_AFTER_MS = 5 * 86_400_000;
/** How long the secret before a rotation signs as well. */
export const GRACE_HOURS_DEFAULT = 24;
export const GRACE_HOURS_MAX = 168;
/** Deliveries that a process holds, that one claim takes, that are held for one endpoint, and endpoints that one claim looks at. */
export const IN_FLIGHT_MAX = 1024;
export const CLAIM_MAX = 512;
export const PER_ENDPOINT_MAX = 64;
/** Connections that the endpoints of an origin share, and how long a request waits for one before it goes over those of its own endpoint. */
export const CONNECTIONS_MAX = 128;
export const CONNECTION_WAIT_MS = 250;
/** An endpoint of which so many answers in a row took longer than this, or that has not answered yet, does not share: nobody waits for its answers. */
export const QUICK_MS = 50;
export const LATE_AFTER = 32;
export const CLAIM_ENDPOINTS_MAX = 128;
/** How long an endpoint is a worker's without another word of it. */
export const LEASE_MS = 10_000;
export const POLL_MS = 500;
/** Deliveries and attempts are kept this long, messages twice as long. */
export const KEPT_MS = 30 * 86_400_000;
export const SWEEP_BATCH_MAX = 5000;
export const SWEEP_EVERY_MS = 3_600_000;
/** Deliveries that one replay of a range makes. */
export const REPLAY_MAX = 10_000;
export const LIST_MAX = 50;
/** Origins that a process keeps connections to. */
export const ORIGINS_MAX = 500;

export type SignatureKind = 'v1' | 'v1a';
/** The secrets of an endpoint as they are sealed: the older one signs as well until its time is over. */
export interface Secrets { readonly current: string; readonly previous?: string; readonly previousUntil?: string }

/** What a process may reach, and for how long. Loopback is for a demo or a test; `resolve` gives every address of a name, the machine's own unless said. */
export interface Reach { readonly loopback: boolean; readonly resolve?: (host: string) => Promise<readonly string[]>; readonly timeoutMs?: number }
export const Reach = token<Reach>('webhooks.reach');
/** True where an endpoint has to show that it wants what we send, before it is sent anything else. */
export const ProofAsked = token<boolean>('webhooks.proof-asked');
/** A challenge is tried so often, by the ladder of deliveries; then somebody asks again. */
export const CHALLENGE_TRIES = 4;
export const CHALLENGE_TYPE = 'endpoint.verification';
export const Challenge = job('webhooks.challenge', { doc: 'Asks an endpoint to give a token back.',
  data: { endpoint: z.string(), round: z.int(), no: z.int() }, attemptsMax: 20 });
/** Wakes this process's deliverer. */
export type DeliverSignal = Signal;
export const DeliverSignal = token<DeliverSignal>('webhooks.signal');

/** Named points at which the kill proofs stop a process; nothing is provided in production. */
export const DELIVER_POINTS = ['claimed', 'sent', 'answered', 'written'] as const;
export interface DeliverProbe { at(point: (typeof DELIVER_POINTS)[number]): Promise<void> }
export const DeliverProbe = token<DeliverProbe | undefined>('webhooks.probe');

export const zEndpointId = zId('wep');
const zFilter = z.string().regex(/^(?:\*|[a-z][a-z0-9-]*\.(?:\*|[a-z][a-z0-9-]*))$/);
const zHeaderName = z.string().regex(/^(?!(?:host|content-|connection|transfer-|webhook-|te$|upgrade|expect|keep-alive))[a-z][a-z0-9-]{0,60}$/);
const zUrl = z.string().min(10).max(URL_CHARS_MAX);
const settings = {
  url: zUrl, description: zText(200), events: z.array(zFilter).min(1).max(FILTERS_MAX), ordered: z.boolean(),
  headers: z.record(zHeaderName, z.string().regex(/^[\x20-\x7e]{1,500}$/)).refine((h) => Object.keys(h).length <= HEADERS_MAX, 'too many headers'),
  version: z.string(), perMinute: z.int().min(1).max(PER_MINUTE_MAX).nullable(),
  /** Who is told by mail when the endpoint is disabled; null for nobody. */ contact: personal('mail address', zEmail.nullable()),
};
export const zCreate = z.strictObject({ body: z.strictObject({
  url: settings.url, description: settings.description, events: settings.events, ordered: settings.ordered.default(false),
  headers: settings.headers.default({}), version: settings.version.optional(), perMinute: settings.perMinute.default(null),
  contact: settings.contact.optional(), signature: z.enum(['v1', 'v1a']).default('v1'),
}) });
export const zOfEndpoint = z.strictObject({ params: z.strictObject({ endpoint: zEndpointId }) });
export const zUpdate = z.strictObject({ params: z.strictObject({ endpoint: zEndpointId }), body: z.strictObject(settings).partial() });
export const zRotate = z.strictObject({
  params: z.strictObject({ endpoint: zEndpointId }),
  body: z.strictObject({ graceHours: z.int().min(0).max(GRACE_HOURS_MAX).default(GRACE_HOURS_DEFAULT) }),
});
export const zReplay = z.strictObject({ params: z.strictObject({ endpoint: zEndpointId }), body: z.strictObject({ from: zInstant, to: zInstant }) });
export const zDeliveryNo = z.string().regex(/^\d{1,18}$/);
export const zOfDelivery = z.strictObject({ params: z.strictObject({ delivery: zDeliveryNo }) });
export const zDeliveriesAsk = z.strictObject({
  params: z.strictObject({ endpoint: zEndpointId }),
  query: z.strictObject({ cursor: zDeliveryNo, status: z.enum(['waiting', 'done', 'dead']) }).partial().default({}),
});
/** Events of one request, by their ids. */
export const EVENTS_ASKED_MAX = 20;
export const zStoryAsk = z.strictObject({ query: z.strictObject({
  events: z.string().regex(new RegExp(`^evt_[0-9a-f]{32}(?:,evt_[0-9a-f]{32}){0,${EVENTS_ASKED_MAX - 1}}$`)) }) });
export const zNothing = z.strictObject({});

const zCount = z.int().min(0);
export const zEndpoint = z.strictObject({
  endpoint: zEndpointId, url: z.string(), description: z.string(), events: z.array(z.string()), ordered: z.boolean(), version: z.string(),
  signature: z.enum(['v1', 'v1a']), headers: z.array(z.string()), publicKey: z.string().nullable(), state: z.enum(['active', 'disabled', 'unverified']),
  /** Why its challenge is not answered yet, as of the last try. */ unproven: z.string().nullable(),
  disabledReason: z.string().nullable(), breaker: z.enum(['closed', 'open', 'probing']), failures: zCount, firstFailureAt: zInstant.nullable(),
  lastSuccessAt: zInstant.nullable(), perMinute: z.int().nullable(), waiting: zCount, dead: zCount,
  /** As it may be shown; null where there is none, or where it sent mail back. */ contact: personal('mail address', z.string().nullable()),
});
export type EndpointView = z.output<typeof zEndpoint>;
export const zEndpoints = z.strictObject({ endpoints: z.array(zEndpoint) });
/** The secret is shown when it is made, and never again. */
export const zCreated = z.strictObject({ endpoint: zEndpoint, secret: z.string() });
export const zStats = z.strictObject({ attempts: zCount, succeeded: zCount, p50Ms: zCount.nullable(), p95Ms: zCount.nullable() });
export const zShown = z.strictObject({ endpoint: zEndpoint, lastDay: zStats });
export const zDelivery = z.strictObject({
  delivery: zDeliveryNo, endpoint: zEndpointId, event: z.string(), type: z.string(), status: z.enum(['waiting', 'done', 'dead']), attempts: zCount,
  manual: z.boolean(), createdAt: zInstant, nextAt: zInstant.nullable(), doneAt: zInstant.nullable(), reason: z.string().nullable(),
});
export type DeliveryView = z.output<typeof zDelivery>;
export const zDeliveries = z.strictObject({ deliveries: z.array(zDelivery), cursor: zDeliveryNo.nullable() });
export const zAttempt = z.strictObject({ no: zCount, at: zInstant, ms: zCount, status: z.int().nullable(), error: z.string().nullable(),
  excerpt: z.string().nullable() });
/** The body as the endpoint's version has it now; null where it cannot be made in that version any more. */
export const zDeliveryShown = z.strictObject({ delivery: zDelivery, body: z.string().nullable(), attempts: z.array(zAttempt) });
export const zMade = z.strictObject({ deliveries: zCount });
export const zTypes = z.strictObject({ types: z.array(z.strictObject({ name: z.string(), doc: z.string(), version: z.int() })) });

const zShape = z.strictObject({ version: z.int(), body: z.string().nullable() });
/** What an endpoint gets, what it would get in the newest version, and each of its events of which that differs. */
export const zVersions = z.strictObject({ version: z.string(), newest: z.string(), known: z.array(z.string()),
  changes: z.array(z.strictObject({ type: z.string(), since: z.string(), /** No body where it is not made any more. */ pinned: zShape, newest: zShape })) });

/** Events that developers choose from, by their names. */
export const OfferedEvents = token<ReadonlyMap<string, EventType>>('webhooks.offered');

export const unknownEndpoint = problem('unknown-endpoint', { status: 404, title: 'There is no such endpoint.', doc: 'List the endpoints of the tenant.' });
export const unknownDelivery = problem('unknown-delivery', { status: 404, title: 'There is no such delivery.', doc: 'Deliveries are kept for 30 days.' });
export const urlRefused = problem('url-refused', {
  status: 422, title: 'This address cannot be an endpoint.',
  doc: 'Use https, a public name or address, and no user name or password in it. `reason` says what is wrong.',
});
export const tooManyEndpoints = problem('too-many-endpoints', { status: 409, title: 'The tenant has as many endpoints as it may.',
  doc: 'Remove one that is not used, or choose more events on one that is.' });
export const unknownPayloadVersion = problem('unknown-payload-version', { status: 422, title: 'No payload has this version.',
  doc: 'Name one of `known`, or leave it away for the newest.' });
export const payloadVersionRetired = problem('payload-version-retired', { status: 422, title: 'Some of these events are not made in this version any more.',
  doc: '`types` says which. Name one of `known`, leave the version away for the newest, or ask for other events.' });
export const checkTooLarge = problem('webhook-check-too-large', { status: 422, title: 'That is more than a request of ours ever is.',
  doc: '`field` says what, `limit` how much it may be: characters of the headers, bytes of the body.',
  data: z.object({ field: z.enum(['headers', 'body']), limit: z.int() }) });
export const webhookProblems = [unknownEndpoint, unknownDelivery, urlRefused, tooManyEndpoints, unknownPayloadVersion, payloadVersionRetired, checkTooLarge];

/** The version of payloads before any of their shapes changed; each later one is the day of a change. An endpoint keeps the one that it was made with. */
export const FIRST_PAYLOAD_VERSION = '2026-11-01';

export const EndpointChanged = event('webhooks.endpoint-changed', {
  version: 1, doc: 'An endpoint was made, changed, enabled or removed by somebody.', data: { endpoint: z.string(), change: z.string() },
});
export const EndpointDisabled = event('webhooks.endpoint-disabled', {
  version: 1, alert: true, doc: 'An endpoint was disabled: it answered 410, failed for days, or somebody did it.',
  data: { endpoint: z.string(), reason: z.string(), failures: z.int() },
});
export const DeliveryDead = event('webhooks.delivery-dead', {
  version: 1, alert: true, doc: 'The last try of a delivery failed, or it could not be sent at all. It can be replayed.',
  data: { endpoint: z.string(), delivery: z.string(), reason: z.string() },
});
/** These tell of deliveries; to deliver them would tell of themselves. */
export const NOT_DELIVERED: readonly string[] = ['webhooks.delivery-dead'];
export const TEST_TYPE = 'webhooks.test';
/** What stands sealed: secrets, custom headers, and excerpts of answers, which may quote anybody. */
export const zExcerpt = personal('answer of a receiver', z.string());

/** What developers of a tenant are shown and may ask, before they have built anything. */
export const TOLERANCE_SECONDS = 300;
export const CHECK_HEADERS_CHARS_MAX = 8192;
/** A body with every character escaped, and what stands around it. */
export const CHECK_REQUEST_BYTES_MAX = 1024 * 1024;
/** Newest deliveries of an endpoint among which its tests are looked for. */
export const TESTS_LOOKED_MAX = 1000;
/** What became of a signature that somebody pasted, the good one first. */
export const VERDICTS = ['valid', 'too-old', 'too-new', 'header-missing', 'timestamp-malformed', 'signature-malformed', 'other-scheme', 'old-secret',
  'secret-as-text', 'parts-missing', 'body-changed', 'signature-changed', 'other-endpoint', 'unknown-id', 'wrong-secret'] as const;
export type Verdict = (typeof VERDICTS)[number];

export const zCheck = z.strictObject({ params: z.strictObject({ endpoint: zEndpointId }), body: z.strictObject({
  /** The three headers as they came, a line each; others may stand among them. */ headers: z.string(),
  /** To the last byte. */ body: z.string(),
}) });
export const zChecked = z.strictObject({
  valid: z.boolean(), verdict: z.enum(VERDICTS), /** Which header is meant. */ header: z.string().nullable(),
  /** Which of the endpoint's secrets signed. */ secret: z.enum(['current', 'previous', 'over']).nullable(),
  signedAt: zInstant.nullable(), ageSeconds: z.int().nullable(), /** Whose signature it is, where it is another's. */ endpoint: zEndpointId.nullable(),
});

/** How far the tenant is with its furthest endpoint, and the figures that receivers have to know. */
export const zGuide = z.strictObject({
  start: z.strictObject({ endpoints: zCount, endpoint: zEndpointId.nullable(), description: z.string().nullable(), tested: z.boolean(),
    answeredAt: zInstant.nullable(), filters: z.array(z.string()), wanted: zCount, offered: zCount }),
  rules: z.strictObject({ ladderSeconds: z.array(z.int()), jitterPercent: z.int(), timeoutSeconds: z.int(), payloadKib: z.int(), keptDays: z.int(),
    replayMax: z.int(), breakerAfter: z.int(), disableFailures: z.int(), disableDays: z.int(), graceHours: z.int(), toleranceSeconds: z.int() }),
});
export const zCatalogued = z.strictObject({
  name: z.string(), doc: z.string(), fields: z.array(z.strictObject({ name: z.string(), type: z.string(), pattern: z.string().nullable() })),
  /** JSON Schema of `data`, as text. */ schema: z.string(),
  /** Newest first; the body is made up, and none where it is not made any more. */
  versions: z.array(z.strictObject({ version: z.int(), since: z.string(), body: z.string().nullable() })),
});
export const zCatalogue = z.strictObject({ events: z.array(zCatalogued) });
