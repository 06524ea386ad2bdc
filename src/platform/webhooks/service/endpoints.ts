import { breakerState, done, idOf, realNow, refuse, systemRandom, uuid, uuidOf, type Outcome, type Refused, type Tx, type Uuid } from '#kernel';
import { contactsShown, setContact } from '#platform/notify';
import { tenantKeys } from '#spine/vault';
import type { z } from 'zod';
import {
  BREAKER, Challenge, EndpointChanged, EndpointDisabled, ENDPOINTS_MAX, OfferedEvents, payloadVersionRetired, ProofAsked, Reach,
  tooManyEndpoints, unknownEndpoint, unknownPayloadVersion, urlRefused, zEndpoint, type EndpointView, type Secrets, type zCreate, type zCreated,
  type zEndpoints, type zOfEndpoint, type zRotate, type zShown, type zTypes, type zUpdate,
} from '../contract.ts';
import { canMake, newSecret, payloadVersions, urlFault, versionAt, wantedOf } from '../rules.ts';
import {
  countEndpoints, countsOf, endpointsOf, insertEndpoint, lockEndpoint, removeEndpoint, setState, statsOf, writeEndpoint, writeProof, type EndpointRow,
} from '../store/endpoints.ts';
import { signal } from './wake.ts';

type View = z.output<typeof zEndpoint>;
const COUNTED_MAX = 10_000;
const DAY_MS = 86_400_000;

export const secretsPlace = (column: 'secrets' | 'headers' | 'challenge', endpoint: string): { table: string; column: string; row: string } =>
  ({ table: 'webhooks.endpoint', column, row: uuid(endpoint) });
export const sealSecrets = (tx: Tx, id: Uuid, secrets: Secrets): string => tenantKeys(tx).seal(secretsPlace('secrets', id), JSON.stringify(secrets));
export const openSecrets = (tx: Tx, row: EndpointRow): Secrets => JSON.parse(tenantKeys(tx).open(secretsPlace('secrets', row.id), row.secrets)) as Secrets;
const sealHeaders = (tx: Tx, id: Uuid, headers: Readonly<Record<string, string>>): string =>
  tenantKeys(tx).seal(secretsPlace('headers', id), JSON.stringify(headers));

export const headersOf = (tx: Tx, row: EndpointRow): Record<string, string> =>
  JSON.parse(tenantKeys(tx).open(secretsPlace('headers', row.id), row.headers)) as Record<string, string>;
export const challengeOf = (tx: Tx, row: EndpointRow): string => tenantKeys(tx).open(secretsPlace('challenge', row.id), row.challenge as string);

/** Puts a new challenge before an endpoint: until it is answered, what happens waits for it. */
export function owe(tx: Tx, row: EndpointRow): EndpointRow {
  const round = row.challenged + 1;
  tx.later(Challenge, { endpoint: row.id, round, no: 1 });
  return { ...row, state: 'unverified', challenged: round, unproven: null,
    challenge: tenantKeys(tx).seal(secretsPlace('challenge', row.id), systemRandom.bytes(24).toString('base64url')) };
}

function viewOf(tx: Tx, e: EndpointRow, counts: { waiting: number; dead: number }, contact: string | undefined): EndpointView {
  const open = e.open_until !== null && e.open_until > realNow(tx);
  return {
    endpoint: idOf('wep', e.id), url: e.url, description: e.description, events: e.events, ordered: e.ordered, version: e.version, signature: e.kind,
    headers: e.header_names, publicKey: e.public_key, state: e.state, unproven: e.unproven, disabledReason: e.disabled_reason,
    breaker: breakerState(e.streak, open, BREAKER), failures: e.failures, firstFailureAt: e.first_failure_at,
    lastSuccessAt: e.last_success_at, perMinute: e.per_minute, waiting: counts.waiting, dead: counts.dead, contact: contact ?? null,
  } satisfies View;
}

const contactOf = async (tx: Tx, id: Uuid): Promise<string | undefined> => (await contactsShown(tx, [id])).get(id);
const NO_COUNTS = { waiting: 0, dead: 0 };
const fact = (tx: Tx, action: string, id: Uuid): void => tx.audit({ action, result: 'done', resource: idOf('wep', id) });

interface Asked { readonly url?: string | undefined; readonly version?: string | undefined; readonly events?: readonly string[] | undefined }
/** Why an endpoint cannot be as it is asked for; what it has and was not asked for is not judged. */
function faultOf(tx: Tx, asked: Asked, has: { readonly version: string; readonly events: readonly string[] }): Refused | undefined {
  const reason = asked.url === undefined ? undefined : urlFault(asked.url, tx.use(Reach).loopback);
  if (reason !== undefined) return refuse(urlRefused, { reason });
  const types = tx.use(OfferedEvents);
  const known = payloadVersions(types.values());
  if (asked.version !== undefined && !known.includes(asked.version)) return refuse(unknownPayloadVersion, { known });
  if (asked.version === undefined && asked.events === undefined) return undefined;
  const wanted = wantedOf(types, asked.events ?? has.events);
  const retired = (day: string): string[] => wanted.filter((t) => !canMake(t, versionAt(t, day))).map((t) => t.name);
  const over = retired(asked.version ?? has.version);
  return over.length ? refuse(payloadVersionRetired, { types: over, known: known.filter((day) => !retired(day).length) }) : undefined;
}
const newestOf = (tx: Tx): string => payloadVersions(tx.use(OfferedEvents).values()).at(-1) as string;

/** Makes an endpoint. Its secret is told in this answer only. */
export async function create(tx: Tx, { body }: z.output<typeof zCreate>): Promise<Outcome<z.output<typeof zCreated>>> {
  const version = body.version ?? newestOf(tx);
  const fault = faultOf(tx, body, { version, events: body.events });
  if (fault) return fault;
  if (await countEndpoints(tx.sql, tx.tenant.id) >= ENDPOINTS_MAX) return refuse(tooManyEndpoints);
  const id = tx.uuid();
  // Not of the transaction's own seed, which a retry would use again.
  const { secret, publicKey } = newSecret(body.signature, systemRandom.bytes(32));
  const { url, description, events, ordered, perMinute } = body;
  await insertEndpoint(tx.sql, tx.tenant.id, {
    id, url, description, events, ordered, per_minute: perMinute, version, kind: body.signature, public_key: publicKey,
    secrets: sealSecrets(tx, id, { current: secret }), headers: sealHeaders(tx, id, body.headers), header_names: Object.keys(body.headers), at: realNow(tx),
  });
  if (tx.use(ProofAsked)) await writeProof(tx.sql, tx.tenant.id, owe(tx, await lockEndpoint(tx.sql, tx.tenant.id, id) as EndpointRow));
  if (body.contact) await setContact(tx, id, body.contact);
  fact(tx, 'webhooks.endpoint-created', id);
  tx.emit(EndpointChanged, id, { endpoint: idOf('wep', id), change: 'created' });
  const row = await lockEndpoint(tx.sql, tx.tenant.id, id) as EndpointRow;
  return done({ endpoint: viewOf(tx, row, NO_COUNTS, await contactOf(tx, id)), secret });
}

/** Locks the endpoint that a route names; undefined where the tenant has none of that id. */
export const endpointIn = (tx: Tx, input: { params: z.output<typeof zOfEndpoint>['params'] }): Promise<EndpointRow | undefined> =>
  lockEndpoint(tx.sql, tx.tenant.id, uuidOf(input.params.endpoint));

export async function update(tx: Tx, input: z.output<typeof zUpdate>): Promise<Outcome<View>> {
  const row = await endpointIn(tx, input);
  if (!row) return refuse(unknownEndpoint);
  const { body } = input;
  const fault = faultOf(tx, body, row);
  if (fault) return fault;
  const id = uuid(row.id);
  const next: EndpointRow = {
    ...row, url: body.url ?? row.url, description: body.description ?? row.description, events: body.events ?? row.events,
    ordered: body.ordered ?? row.ordered, version: body.version ?? row.version,
    per_minute: body.perMinute === undefined ? row.per_minute : body.perMinute,
    ...(body.headers ? { headers: sealHeaders(tx, id, body.headers), header_names: Object.keys(body.headers) } : {}),
  };
  await writeEndpoint(tx.sql, tx.tenant.id, next);
  // Somebody else may be behind another address; one that is disabled is asked when it is enabled.
  const moved = next.url !== row.url && tx.use(ProofAsked);
  const proving = moved ? { ...owe(tx, next), state: row.state === 'disabled' ? row.state : 'unverified' as const } : next;
  if (moved) await writeProof(tx.sql, tx.tenant.id, proving);
  if (body.contact !== undefined) await setContact(tx, id, body.contact);
  fact(tx, 'webhooks.endpoint-updated', id);
  tx.emit(EndpointChanged, id, { endpoint: idOf('wep', id), change: 'updated' });
  return done(viewOf(tx, proving, NO_COUNTS, await contactOf(tx, id)));
}

/** Gives a new secret; the one before signs as well for so many hours, so that receivers can change over. */
export async function rotate(tx: Tx, input: z.output<typeof zRotate>): Promise<Outcome<z.output<typeof zCreated>>> {
  const row = await endpointIn(tx, input);
  if (!row) return refuse(unknownEndpoint);
  const id = uuid(row.id);
  const { secret, publicKey } = newSecret(row.kind, systemRandom.bytes(32));
  const until = new Date(realNow(tx).getTime() + input.body.graceHours * 3_600_000);
  const secrets: Secrets = input.body.graceHours === 0 ? { current: secret }
    : { current: secret, previous: openSecrets(tx, row).current, previousUntil: until.toISOString() };
  const next = { ...row, secrets: sealSecrets(tx, id, secrets), public_key: publicKey };
  await writeEndpoint(tx.sql, tx.tenant.id, next);
  fact(tx, 'webhooks.secret-rotated', id);
  tx.emit(EndpointChanged, id, { endpoint: idOf('wep', id), change: 'rotated' });
  return done({ endpoint: viewOf(tx, next, NO_COUNTS, await contactOf(tx, id)), secret });
}

/** Disables an endpoint, with an event and a fact; what waits for it stays until somebody enables it. */
export async function disable(tx: Tx, id: Uuid, reason: string): Promise<boolean> {
  const [changed] = await setState(tx.sql, tx.tenant.id, id, 'disabled', reason);
  if (!changed) return false;
  tx.audit({ action: 'webhooks.endpoint-disabled', result: 'done', resource: idOf('wep', id), detail: { reason, failures: changed.failures } });
  tx.emit(EndpointDisabled, id, { endpoint: idOf('wep', id), reason, failures: changed.failures });
  return true;
}

export const single = async (tx: Tx, id: Uuid): Promise<View | undefined> => {
  const row = (await endpointsOf(tx.sql, tx.tenant.id)).find((e) => uuid(e.id) === id);
  const counts = (await countsOf(tx.sql, tx.tenant.id, COUNTED_MAX)).find((c) => uuid(c.endpoint) === id);
  return row && viewOf(tx, row, counts ?? NO_COUNTS, await contactOf(tx, id));
};

export async function disableByHand(tx: Tx, input: z.output<typeof zOfEndpoint>): Promise<Outcome<View>> {
  const id = uuidOf(input.params.endpoint);
  if (!await endpointIn(tx, input)) return refuse(unknownEndpoint);
  await disable(tx, id, 'by hand');
  return done(await single(tx, id) as View);
}

export async function enable(tx: Tx, input: z.output<typeof zOfEndpoint>): Promise<Outcome<View>> {
  const id = uuidOf(input.params.endpoint);
  const row = await endpointIn(tx, input);
  if (!row) return refuse(unknownEndpoint);
  // Enabling is no answer to a challenge.
  const owes = row.challenge !== null && tx.use(ProofAsked);
  if (!(owes && row.state === 'unverified') && (await setState(tx.sql, tx.tenant.id, id, owes ? 'unverified' : 'active', null)).length) {
    await writeProof(tx.sql, tx.tenant.id, owes ? owe(tx, row) : { ...row, state: 'active', challenge: null, unproven: null });
    fact(tx, 'webhooks.endpoint-enabled', id);
    tx.emit(EndpointChanged, id, { endpoint: idOf('wep', id), change: 'enabled' });
    tx.afterCommit(() => signal.wake(tx));
  }
  return done(await single(tx, id) as View);
}

export async function remove(tx: Tx, input: z.output<typeof zOfEndpoint>): Promise<Outcome<Record<string, never>>> {
  const id = uuidOf(input.params.endpoint);
  if (!(await removeEndpoint(tx.sql, tx.tenant.id, id)).length) return refuse(unknownEndpoint);
  await setContact(tx, id, null);
  fact(tx, 'webhooks.endpoint-removed', id);
  tx.emit(EndpointChanged, id, { endpoint: idOf('wep', id), change: 'removed' });
  return done({});
}

export async function list(tx: Tx): Promise<Outcome<z.output<typeof zEndpoints>>> {
  const counts = new Map((await countsOf(tx.sql, tx.tenant.id, COUNTED_MAX)).map((c) => [c.endpoint, c]));
  const rows = await endpointsOf(tx.sql, tx.tenant.id);
  const contacts = await contactsShown(tx, rows.map((e) => uuid(e.id)));
  return done({ endpoints: rows.map((e) => viewOf(tx, e, counts.get(e.id) ?? NO_COUNTS, contacts.get(uuid(e.id)))) });
}

export async function show(tx: Tx, input: z.output<typeof zOfEndpoint>): Promise<Outcome<z.output<typeof zShown>>> {
  const id = uuidOf(input.params.endpoint);
  const endpoint = await single(tx, id);
  if (!endpoint) return refuse(unknownEndpoint);
  const { attempts, succeeded, p50, p95 } = await statsOf(tx.sql, tx.tenant.id, id, new Date(realNow(tx).getTime() - DAY_MS));
  return done({ endpoint, lastDay: { attempts, succeeded, p50Ms: p50, p95Ms: p95 } });
}

export const types = async (tx: Tx): Promise<Outcome<z.output<typeof zTypes>>> => done({
  types: [...tx.use(OfferedEvents).values()].map(({ name, doc, version }) => ({ name, doc, version })),
});
