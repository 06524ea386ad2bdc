import { createHmac, createSecretKey, timingSafeEqual, type KeyObject } from 'node:crypto';
import { done, idOf, isUuid, realNow, refuse, uuid, uuidOf, type Outcome, type Tx } from '#kernel';
import type { z } from 'zod';
import {
  CHECK_HEADERS_CHARS_MAX, checkTooLarge, LIST_MAX, OfferedEvents, PAYLOAD_BYTES_MAX, TOLERANCE_SECONDS, unknownEndpoint, type SignatureKind, type Verdict,
  type zCheck, type zChecked,
} from '../contract.ts';
import { dataIn, render, signature, signingKey } from '../rules.ts';
import { deliveriesOfEvents, deliveryOf } from '../store/deliveries.ts';
import { endpointsOf, type EndpointRow } from '../store/endpoints.ts';
import { openSecrets } from './endpoints.ts';

/** Says of a request that somebody received whether an endpoint signed it, and if not, what went wrong on the way. No secret leaves, nothing is kept. */

type Checked = z.output<typeof zChecked>;
const NAMES = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
type Name = (typeof NAMES)[number];
/** `webhook-id: x`, also as it stands in a command line, in JSON or in a log. */
const LINE = /^[\s>"'{,-]*(?:H\s+["'])?(webhook-(?:id|timestamp|signature))["']?\s*:\s*\[?["']?([^"'\\\r\n}\]]*)/i;
const FORMS: Readonly<Record<SignatureKind, RegExp>> = { v1: /^v1,[A-Za-z0-9+/]{43}=$/, v1a: /^v1a,[A-Za-z0-9+/]{86}==$/ };

interface Pasted { readonly id: string; readonly seconds: number; readonly signatures: readonly string[] }
type Fault = Pick<Checked, 'verdict' | 'header'>;
const fault = (verdict: Verdict, header: Name): Fault => ({ verdict, header });

/** The three headers out of what was pasted, or the first of them that is wrong. */
export function readHeaders(text: string, kind: SignatureKind): Pasted | Fault {
  const found = new Map<string, string>();
  // JSON on one line is taken apart at its commas; no header of ours has one beside a quote.
  for (const line of text.split(/\r?\n|,\s*(?=["'])/)) {
    const [, name, value] = LINE.exec(line) ?? [];
    if (name !== undefined && value?.trim()) found.set(name.toLowerCase(), value.trim());
  }
  const missing = NAMES.find((name) => !found.has(name));
  if (missing) return fault('header-missing', missing);
  const [id, timestamp, signed] = NAMES.map((name) => found.get(name) as string) as [string, string, string];
  // Eleven digits are seconds; thirteen would be milliseconds, which no receiver takes.
  if (!/^\d{1,11}$/.test(timestamp)) return fault('timestamp-malformed', 'webhook-timestamp');
  const signatures = signed.split(/\s+/);
  const wellFormed = (k: SignatureKind): boolean => signatures.some((one) => FORMS[k].test(one));
  if (wellFormed(kind)) return { id, seconds: Number.parseInt(timestamp, 10), signatures };
  return fault(wellFormed(kind === 'v1' ? 'v1a' : 'v1') ? 'other-scheme' : 'signature-malformed', 'webhook-signature');
}

/** Whether one of them is this, in constant time. */
function among(signatures: readonly string[], expected: string): boolean {
  const mine = Buffer.from(expected);
  return signatures.map((one) => Buffer.from(one)).filter((one) => one.length === mine.length && timingSafeEqual(one, mine)).length > 0;
}
/** Both schemes give one signature for one content. */
const signed = (key: KeyObject, p: Pasted, body: Buffer): boolean => among(p.signatures, signature(key, p.id, p.seconds, body));

interface Keys { readonly current: KeyObject; readonly previous: KeyObject | undefined; readonly over: KeyObject | undefined; readonly text: string }
function keysOf(tx: Tx, row: EndpointRow): Keys {
  const { current, previous, previousUntil } = openSecrets(tx, row);
  const before = previous === undefined ? undefined : signingKey(previous);
  const live = previousUntil !== undefined && new Date(previousUntil) > realNow(tx);
  return { current: signingKey(current), previous: live ? before : undefined, over: live ? undefined : before, text: current };
}
const signerOf = (k: Keys, p: Pasted, body: Buffer): 'current' | 'previous' | undefined =>
  (signed(k.current, p, body) ? 'current' : k.previous && signed(k.previous, p, body) ? 'previous' : undefined);

/** What a body may have been before somebody read it and wrote it again. */
function rewritten(body: string): string[] {
  const trimmed = body.trim();
  const texts = [trimmed, `${trimmed}\n`, body.replaceAll('\r\n', '\n')];
  try {
    texts.push(JSON.stringify(JSON.parse(body)));
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return [...new Set(texts)].filter((text) => text !== body);
}

/** Mistakes of whoever made the signature: a secret that was not decoded, or less than the whole content. */
function mistakeOf(k: Keys, p: Pasted, body: Buffer): Verdict | undefined {
  if (k.current.type !== 'secret') return undefined;
  const asText = [k.text, k.text.slice(k.text.indexOf('_') + 1)].map((text) => createSecretKey(Buffer.from(text)));
  if (asText.some((key) => signed(key, p, body))) return 'secret-as-text';
  const parts = [[body], [`${p.seconds}.`, body]].map((content) => content.reduce((mac, part) => mac.update(part), createHmac('sha256', k.current)));
  return parts.some((mac) => among(p.signatures, `v1,${mac.digest('base64')}`)) ? 'parts-missing' : undefined;
}

/** The bodies under an id that this endpoint was sent; undefined where it was sent none of that id. */
async function sentUnder(tx: Tx, row: EndpointRow, id: string): Promise<Buffer | null | undefined> {
  const event = id.replace(/^evt_/, '');
  if (!isUuid(event)) return undefined;
  const [delivery] = (await deliveriesOfEvents(tx.sql, tx.tenant.id, [event], LIST_MAX)).filter((d) => uuid(d.endpoint) === uuid(row.id));
  const d = delivery && await deliveryOf(tx.sql, tx.tenant.id, String(delivery.id));
  if (!d) return undefined;
  const data = dataIn(row.version, tx.use(OfferedEvents).get(d.topic), d.version, d.data);
  return data === undefined ? null : render({ id: d.message, topic: d.topic, at: d.at, data });
}

async function why(tx: Tx, rows: readonly EndpointRow[], row: EndpointRow, k: Keys, p: Pasted, text: string): Promise<Partial<Checked> & { verdict: Verdict }> {
  const body = Buffer.from(text);
  if (k.over && signed(k.over, p, body)) return { verdict: 'old-secret', secret: 'over' };
  if (rewritten(text).some((one) => signerOf(k, p, Buffer.from(one)))) return { verdict: 'body-changed' };
  const mistake = mistakeOf(k, p, body);
  if (mistake) return { verdict: mistake };
  const sent = await sentUnder(tx, row, p.id);
  if (sent && signerOf(k, p, sent)) return { verdict: 'body-changed' };
  const other = rows.find((e) => e.id !== row.id && e.kind === row.kind && signerOf(keysOf(tx, e), p, body));
  if (other) return { verdict: 'other-endpoint', endpoint: idOf('wep', other.id) };
  if (sent === undefined) return { verdict: 'unknown-id', header: 'webhook-id' };
  return sent?.equals(body) ? { verdict: 'signature-changed', header: 'webhook-signature' } : { verdict: 'wrong-secret' };
}

export async function check(tx: Tx, { params, body: { headers, body: text } }: z.output<typeof zCheck>): Promise<Outcome<Checked>> {
  if (headers.length > CHECK_HEADERS_CHARS_MAX) return refuse(checkTooLarge, { field: 'headers', limit: CHECK_HEADERS_CHARS_MAX });
  if (Buffer.byteLength(text) > PAYLOAD_BYTES_MAX) return refuse(checkTooLarge, { field: 'body', limit: PAYLOAD_BYTES_MAX });
  const rows = await endpointsOf(tx.sql, tx.tenant.id);
  const row = rows.find((e) => uuid(e.id) === uuidOf(params.endpoint));
  if (!row) return refuse(unknownEndpoint);
  const checked = await judged(tx, rows, row, headers, text);
  tx.audit({ action: 'webhooks.signature-checked', result: 'done', resource: params.endpoint, detail: { verdict: checked.verdict } });
  return done(checked);
}

async function judged(tx: Tx, rows: readonly EndpointRow[], row: EndpointRow, headers: string, text: string): Promise<Checked> {
  const nothing = { valid: false, header: null, secret: null, signedAt: null, ageSeconds: null, endpoint: null };
  const p = readHeaders(headers, row.kind);
  if ('verdict' in p) return { ...nothing, ...p };
  const ageSeconds = Math.floor(realNow(tx).getTime() / 1000) - p.seconds;
  const said = { ...nothing, signedAt: new Date(p.seconds * 1000), ageSeconds };
  const k = keysOf(tx, row);
  const secret = signerOf(k, p, Buffer.from(text));
  if (!secret) return { ...said, ...await why(tx, rows, row, k, p, text) };
  const verdict = ageSeconds > TOLERANCE_SECONDS ? 'too-old' : ageSeconds < -TOLERANCE_SECONDS ? 'too-new' : 'valid';
  return { ...said, valid: verdict === 'valid', verdict, secret };
}
