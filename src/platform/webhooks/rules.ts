import { createHmac, createPrivateKey, createPublicKey, createSecretKey, sign as signAsymmetric, type KeyObject } from 'node:crypto';
import ipaddr from 'ipaddr.js';
import { shapeOf, type EventType } from '#kernel';
import {
  DISABLE_AFTER_MS, DISABLE_FAILURES, FIRST_PAYLOAD_VERSION, JITTER, LADDER_SECONDS, RETRY_AFTER_SECONDS_MAX,
  type SignatureKind,
} from './contract.ts';

const SECRET = /^whsec_([A-Za-z0-9+/]+={0,2})$/;
const PRIVATE = /^whsk_([A-Za-z0-9+/]+={0,2})$/;
const PKCS8_ED25519 = Buffer.from('302e020100300506032b657004220420', 'hex');
const SEED_BYTES = 32;

/** The key of `whsec_…` (24 to 64 bytes) or `whsk_…` (seed, or seed and public key), as Standard Webhooks 1.0.0 writes them. Throws RangeError. */
export function signingKey(secret: string): KeyObject {
  const plain = SECRET.exec(secret)?.[1];
  if (plain !== undefined) {
    const bytes = Buffer.from(plain, 'base64');
    if (bytes.length < 24 || bytes.length > 64) throw new RangeError('a secret has 24 to 64 bytes');
    return createSecretKey(bytes);
  }
  const bytes = Buffer.from(PRIVATE.exec(secret)?.[1] ?? '', 'base64');
  if (bytes.length !== SEED_BYTES && bytes.length !== 2 * SEED_BYTES) throw new RangeError('not a signing secret');
  return createPrivateKey({ key: Buffer.concat([PKCS8_ED25519, bytes.subarray(0, SEED_BYTES)]), format: 'der', type: 'pkcs8' });
}

/** A secret of 32 random bytes; for `v1a` with the public key that receivers verify with. */
export function newSecret(kind: SignatureKind, random: Buffer): { secret: string; publicKey: string | null } {
  if (kind === 'v1') return { secret: `whsec_${random.toString('base64')}`, publicKey: null };
  const raw = createPublicKey(signingKey(`whsk_${random.toString('base64')}`)).export({ format: 'der', type: 'spki' }).subarray(-SEED_BYTES);
  return { secret: `whsk_${Buffer.concat([random, raw]).toString('base64')}`, publicKey: `whpk_${raw.toString('base64')}` };
}

/** One signature of `{id}.{seconds}.{body}`. Bytes are signed as they are sent. */
export function signature(key: KeyObject, id: string, seconds: number, body: Buffer): string {
  const head = `${id}.${seconds}.`;
  if (key.type === 'secret') return `v1,${createHmac('sha256', key).update(head).update(body).digest('base64')}`;
  return `v1a,${signAsymmetric(null, Buffer.concat([Buffer.from(head), body]), key).toString('base64')}`;
}

/** True for an address on the public internet. Forms that hold an IPv4 address are judged by it; all that is set aside for something is refused. */
export function isPublic(address: string, loopback: boolean): boolean {
  if (!ipaddr.isValid(address)) return false;
  const range = ipaddr.process(address).range();
  return range === 'unicast' || (loopback && range === 'loopback');
}

/** Why an address cannot be an endpoint, or undefined. Names are looked up when they are connected to, each time. */
export function urlFault(text: string, loopback: boolean): string | undefined {
  if (!URL.canParse(text)) return 'not an address';
  const url = new URL(text);
  if (url.protocol !== 'https:' && !(loopback && url.protocol === 'http:')) return 'not https';
  if (url.username || url.password) return 'a user name or password stands in it';
  if (url.hash) return 'a fragment stands in it';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (ipaddr.isValid(host) && !isPublic(host, loopback)) return 'the address is not public';
  if (!loopback && (/(?:^|\.)(?:localhost|local|internal|home\.arpa)$/.test(host) || !host.includes('.'))
    && !host.includes(':')) return 'the name is not public';
  return undefined;
}

/** `*`, `wallet.*` or the name itself. */
export const filtersFor = (topic: string): string[] => ['*', `${topic.slice(0, topic.indexOf('.'))}.*`, topic];

/** The events that an endpoint with these filters gets. */
export const wantedOf = (types: ReadonlyMap<string, EventType>, filters: readonly string[]): EventType[] =>
  [...types.values()].filter((t) => filtersFor(t.name).some((f) => filters.includes(f)));

export interface Message { readonly id: string; readonly topic: string; readonly at: Date; readonly data: string }

/** Days on which shapes of events changed, oldest first, behind the version that stands before all of them. */
export const payloadVersions = (types: Iterable<EventType>): string[] =>
  [FIRST_PAYLOAD_VERSION, ...new Set([...types].flatMap((t) => Object.values(t.downcast ?? {}).map((d) => d.since)).toSorted())];

/** Which version of an event's data belongs to a version of payloads. */
export function versionAt(type: EventType, day: string): number {
  let version = type.version;
  while (version > 1 && (type.downcast?.[version]?.since ?? '') > day) version -= 1;
  return version;
}

/** True where what happens from now on can be told in this version. */
export const canMake = (type: EventType, version: number): boolean =>
  Array.from({ length: type.version - version }, (_, i) => type.version - i).every((v) => type.downcast?.[v]?.make !== undefined);

/** What is wrong with how an event tells of its versions: each behind the first has a day, none before the one before, and a fit example. */
export function versionsFault(type: EventType): string | undefined {
  let before = FIRST_PAYLOAD_VERSION;
  for (let v = 2; v <= type.version; v++) {
    const began = type.downcast?.[v];
    if (!began) return `${type.name} does not say since when its version ${v} is`;
    if (!/^\d{4}-\d\d-\d\d$/.test(began.since) || began.since <= before) return `${type.name}: its version ${v} does not begin on a day behind ${before}`;
    before = began.since;
  }
  const example = type.downcast?.[type.version]?.example;
  return example && !type.data.safeParse(example).success ? `${type.name}: the example of its version ${type.version} is not of its shape` : undefined;
}

/**
 * The data of a message in the shape that a version of payloads has; undefined where that cannot be made any more. Throws for what is newer than this
 * program.
 */
export function dataIn(day: string, type: EventType | undefined, written: number, data: string): string | undefined {
  // What no module declares any more, and tests by hand, go as they were written.
  if (!type) return data;
  if (written > type.version) throw new RangeError(`${type.name} of version ${written} is newer than this program`);
  const wanted = versionAt(type, day);
  if (wanted === written) return data;
  const shape = shapeOf(type, written, wanted, JSON.parse(data) as Record<string, unknown>);
  return shape && JSON.stringify(shape);
}

/** The body, without white space: type, timestamp, data. */
export const render = (m: Message): Buffer => Buffer.from(`{"type":${JSON.stringify(m.topic)},"timestamp":"${m.at.toISOString()}","data":${m.data}}`);

/** True where an answer is the token, or JSON whose `token` is it. A receiver that sends everything back has not understood the question. */
export function tokenEchoed(answer: string, wanted: string): boolean {
  if (answer.trim() === wanted) return true;
  try {
    return (JSON.parse(answer) as { token?: unknown } | null)?.token === wanted;
  } catch {
    return false;
  }
}

/** Seconds that an answer asks to wait: a number (rounded up) or a date; undefined when it asks for none. */
export function retryAfter(header: string | undefined, now: Date): number | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (/^\d{1,9}(?:\.\d{1,9})?$/.test(text)) return Math.ceil(Number.parseFloat(text));
  if (!/^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, Math.ceil((at - now.getTime()) / 1000));
}

/** When to try again after try `no`, or undefined after the last. An answer's Retry-After may put it off, up to a day, and never bring it forward. */
export function nextTry(no: number, now: Date, unit: number, asked: number | undefined): Date | undefined {
  const base = LADDER_SECONDS[no - 1];
  if (base === undefined) return undefined;
  const spread = base * (1 - JITTER + 2 * JITTER * unit);
  return new Date(now.getTime() + Math.max(spread, Math.min(asked ?? 0, RETRY_AFTER_SECONDS_MAX)) * 1000);
}

/** Both: many failures, and days without a success. A busy endpoint is not given up for an hour's outage, a quiet one not for one bad week-end. */
export const givenUp = (e: { failures: number; firstFailureAt: Date | null }, now: Date, failuresMax = DISABLE_FAILURES, afterMs = DISABLE_AFTER_MS): boolean =>
  e.failures >= failuresMax && e.firstFailureAt !== null && now.getTime() - e.firstFailureAt.getTime() >= afterMs;
