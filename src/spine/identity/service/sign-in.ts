import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { done, idOf, isLanguage, refuse, uuidOf, type Item, type Origin, type Outcome, type SectionTx, type Tx, type Uuid } from '#kernel';
import { addressKey, retryAfterSeconds, takeShared, type Verdict, type Want } from '#spine/limits';
import { subjectKeys, tenantKeys, type Sealer } from '#spine/vault';
import {
  CODE_DIGITS, CODE_LIFE_MS, codeOver, lockedOut, RESEND_AFTER_MS, resendTooSoon, SendCode, SENDS_PER_IDENTITY, SENDS_PER_PHONE, sendsUsed,
  STARTS_PER_ADDRESS, wrongDetails,
  zResend, zStart, zStarted, type MessageBody, type Profile,
} from '../contract.ts';
import { decideResend, lockedMs, normalizeIdentifier, type Challenge, type Guard } from '../rules.ts';
import {
  findForSignIn, insertMessages, knownDevices, lockChallenges, lockGuards, personById, putChallenges, type ChallengeRow, type GuardRow,
  type MessageRow, type PersonRow,
} from '../store.ts';
import { birthIndex, DECOY_INDEX, identifierIndex, phoneEnding, profilePlace } from './enrol.ts';

type Started = z.output<typeof zStarted>;

export const browserMac = (tx: SectionTx, browser: string): Buffer => tenantKeys(tx).mac('identity.browser', browser);
export const codeMac = (tx: SectionTx, challenge: Uuid, code: string): Buffer => tenantKeys(tx).mac('identity.code', `${challenge} ${code}`);
export const same = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);
const newCode = (tx: SectionTx): string => String(tx.random.int(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, '0');
export const messagePlace = (message: Uuid): { table: string; column: string; row: string } => ({ table: 'identity.message', column: 'body', row: message });

export const guardOf = (row: GuardRow): Guard => ({ wrong: row.wrong, windowFrom: row.window_from, locks: row.locks, lockedUntil: row.locked_until });

/** Locks the guards of these keys; each key once, however many items share it. */
export async function guardsOf(tx: SectionTx, keys: readonly Buffer[]): Promise<Map<string, GuardRow>> {
  const distinct = [...new Map(keys.map((k) => [k.toString('hex'), k])).values()];
  if (!distinct.length) return new Map();
  return new Map((await lockGuards(tx.sql, tx.tenant.id, distinct, tx.now)).map((g) => [g.key.toString('hex'), g]));
}

/**
 * Counts a code: by identity, which the answer may tell, and by phone, which it may not. Known and unknown people are counted by
 * the same key, so that nobody can ask which one somebody is.
 */
const sendWants = (guardKey: Buffer, person: PersonRow): [Want, Want] => [
  { policy: SENDS_PER_IDENTITY, key: guardKey.toString('hex') },
  { policy: SENDS_PER_PHONE, key: (person.decoy ? guardKey : person.phone_index).toString('hex') },
];

interface NewCode { readonly code: string; readonly language: MessageBody['language']; readonly expiresAt: Date; readonly send: boolean }

/** The message and the job that sends it after this answer has left; one that is not to be sent is dropped by that job. */
function queueCode(tx: SectionTx, by: Origin, person: PersonRow, sealer: Sealer, c: NewCode): MessageRow {
  const id = tx.uuid();
  const body: MessageBody = { code: c.code, language: c.language, office: tx.tenant.name };
  tx.later(by, SendCode, { message: id });
  return {
    id, person: person.id, decoy: person.decoy || !c.send, body: sealer.seal(messagePlace(id), JSON.stringify(body)), state: 'pending', expires_at: c.expiresAt,
  };
}

/** Never from the cache: a person who signs in often would answer faster than the decoy, or slower. */
async function sealersOf(tx: SectionTx, people: readonly PersonRow[]): Promise<(person: PersonRow) => Sealer> {
  const sealers = await subjectKeys(tx, people.map((p) => p.id as Uuid), { cached: false });
  return (person) => {
    const sealer = sealers.get(person.id as Uuid);
    if (!sealer) throw new Error('a person without a key');
    return sealer;
  };
}

interface Ask {
  readonly item: Item<z.output<typeof zStart>>;
  readonly person: PersonRow;
  /** What was claimed, as a keyed hash: who asks the same again sees the same invented phone. */
  readonly asked: Buffer;
  readonly index: Buffer;
  readonly browser: Buffer;
}

/** Who is asked for: whoever matches, and for whom nobody does, the tenant's decoy. */
async function findAsked(tx: SectionTx, items: readonly Item<z.output<typeof zStart>>[]): Promise<(Ask | undefined)[]> {
  const keys = tenantKeys(tx);
  const typed = items.map((item) => {
    const identifier = normalizeIdentifier(tx.tenant.country, item.input.body.identifier);
    return identifier === undefined ? undefined : { item, identifier, index: identifierIndex(keys, identifier) };
  });
  const indexes = typed.flatMap((t) => (t ? [t.index] : []));
  if (!indexes.length) return typed.map(() => undefined);
  const rows = await findForSignIn(tx.sql, indexes);
  const decoy = rows.find((r) => r.decoy);
  if (!decoy) throw new Error('the tenant has no decoy');
  const known = new Map(rows.filter((r) => !r.decoy).map((r) => [r.identifier_index.toString('hex'), r]));
  return typed.map((t): Ask | undefined => {
    if (!t) return undefined;
    const { body } = t.item.input;
    const claimed = known.get(t.index.toString('hex')) ?? decoy;
    const asked = birthIndex(keys, t.identifier, body.dateOfBirth);
    const matches = same(asked, claimed.birth_index.equals(DECOY_INDEX) ? Buffer.alloc(32) : claimed.birth_index);
    return { item: t.item, person: matches ? claimed : decoy, asked, index: t.index, browser: browserMac(tx, body.browser) };
  });
}

/**
 * Starts sign-ins. Known and unknown people take the same way with the same statements: for whoever does not match, the
 * tenant's decoy does the work, and its code is sent to nobody.
 */
export async function startSignIn(tx: SectionTx, items: readonly Item<z.output<typeof zStart>>[]): Promise<Outcome<Started>[]> {
  const keys = tenantKeys(tx);
  const found = await findAsked(tx, items);
  const asks = found.filter((a) => a !== undefined);
  if (!asks.length) return items.map(() => refuse(wrongDetails));
  const [devices, sealerOf] = await Promise.all([
    knownDevices(tx.sql, tx.tenant.id, asks.map((a) => ({ person: a.person.id, browser: a.browser }))), sealersOf(tx, asks.map((a) => a.person)),
  ]);
  const seen = new Set(devices.map((d) => `${d.person} ${d.browser.toString('hex')}`));
  const guardKeys = new Map(asks.map((a) => [a, keys.mac('identity.guard', Buffer.concat([
    a.index, seen.has(`${a.person.id} ${a.browser.toString('hex')}`) ? a.browser : DECOY_INDEX,
  ]))]));
  const guardKeyOf = (a: Ask): Buffer => guardKeys.get(a) as Buffer;
  // Sent in one flight, in this order: the locks are taken in the same order by everybody.
  const [verdicts, guards] = await Promise.all([
    takeShared(tx, asks.flatMap((a) => [
      { policy: STARTS_PER_ADDRESS, key: keys.mac('identity.address', addressKey(a.item.address ?? '')).toString('hex') },
      ...sendWants(guardKeyOf(a), a.person),
    ])),
    guardsOf(tx, asks.map(guardKeyOf)),
  ]);
  const challenges: ChallengeRow[] = [];
  const messages: MessageRow[] = [];
  let at = 0;
  const outcomes = found.map((ask): Outcome<Started> => {
    if (!ask) return refuse(wrongDetails);
    const [fromAddress, identity, phone] = verdicts.slice(at, (at += 3)) as [Verdict, Verdict, Verdict];
    const guardKey = guardKeyOf(ask);
    const no = refusal(tx, ask, guards.get(guardKey.toString('hex')) as GuardRow, [fromAddress, identity]);
    if (no) return no;
    const made = makeChallenge(tx, ask, { sealer: sealerOf(ask.person), guardKey, send: phone.ok });
    challenges.push(made.challenge);
    messages.push(made.message);
    return done(startedOf(made.challenge));
  });
  if (challenges.length) {
    tx.write(() => putChallenges(tx.sql, tx.tenant.id, challenges));
    tx.write(() => insertMessages(tx.sql, tx.tenant.id, messages, tx.now));
  }
  return outcomes;
}

function refusal(tx: SectionTx, ask: Ask, guard: GuardRow, counted: readonly Verdict[]): Outcome<Started> | undefined {
  const subject = ask.person.decoy ? {} : { subject: ask.person.id as Uuid };
  const locked = lockedMs(guardOf(guard), tx.now);
  const over = counted.find((v) => !v.ok);
  const problem = locked > 0 ? lockedOut : over ? sendsUsed : undefined;
  if (!problem) return undefined;
  tx.audit(ask.item, { action: 'identity.start', result: 'refused', problem: problem.code, ...subject });
  return refuse(problem, { retryAfterSeconds: retryAfterSeconds(locked > 0 ? locked : (over as Verdict).retryAfterMs) });
}

function makeChallenge(tx: SectionTx, ask: Ask, c: { sealer: Sealer; guardKey: Buffer; send: boolean }): { challenge: ChallengeRow; message: MessageRow } {
  const { person, item: { input: { body } } } = ask;
  const profile = JSON.parse(c.sealer.open(profilePlace(person.id as Uuid), person.profile)) as Profile;
  const invented = String(tenantKeys(tx).mac('identity.ending', ask.asked).readUInt16BE(0) % 100).padStart(2, '0');
  const id = tx.uuid();
  const code = newCode(tx);
  const challenge: ChallengeRow = {
    id, person: person.id, decoy: person.decoy, guard_key: c.guardKey, browser: ask.browser, code_mac: codeMac(tx, id, code), year: body.year,
    phone_ending: person.decoy ? invented : phoneEnding(profile.phone), state: 'open', tries: 0, sends: 1, created_at: tx.now, last_sent_at: tx.now,
    expires_at: new Date(tx.now.getTime() + CODE_LIFE_MS),
  };
  const message = queueCode(tx, ask.item, person, c.sealer,
    { code, language: isLanguage(body.language) ? body.language : 'en', expiresAt: challenge.expires_at, send: c.send });
  tx.audit(ask.item, { action: 'identity.start', result: 'done', ...(person.decoy ? {} : { subject: person.id as Uuid }) });
  return { challenge, message };
}

const startedOf = (row: ChallengeRow): Started => ({
  challenge: idOf('chl', row.id), expiresAt: row.expires_at, resendAt: new Date(row.last_sent_at.getTime() + RESEND_AFTER_MS), phoneEnding: row.phone_ending,
});

export const challengeOf = (row: ChallengeRow): Challenge =>
  ({ state: row.state, expiresAt: row.expires_at, tries: row.tries, sends: row.sends, lastSentAt: row.last_sent_at });

/** Sends a new code for an open challenge; the old one no longer works. */
export async function resendCode(tx: Tx, input: z.output<typeof zResend>): Promise<Outcome<Started>> {
  const [row] = await lockChallenges(tx.sql, tx.tenant.id, [uuidOf(input.params.challenge)]);
  if (!row || !same(row.browser, browserMac(tx.section, input.body.browser))) return refuse(codeOver);
  const decision = decideResend(challengeOf(row), tx.now);
  if (decision.kind === 'over') return refuse(codeOver);
  if (decision.kind === 'wait') return refuse(resendTooSoon, { retryAfterSeconds: retryAfterSeconds(decision.ms) });
  if (decision.kind === 'enough') return refuse(sendsUsed, { retryAfterSeconds: retryAfterSeconds(decision.ms) });
  const person = await personById(tx.sql, row.person as Uuid);
  if (!person) throw new Error('a challenge without its person');
  const [identity, phone] = await takeShared(tx, sendWants(row.guard_key, person)) as [Verdict, Verdict];
  if (!identity.ok) return refuse(sendsUsed, { retryAfterSeconds: retryAfterSeconds(identity.retryAfterMs) });
  const code = newCode(tx.section);
  const next = { ...row, sends: row.sends + 1, last_sent_at: tx.now, code_mac: codeMac(tx.section, row.id as Uuid, code),
    expires_at: new Date(tx.now.getTime() + CODE_LIFE_MS) };
  const sealerOf = await sealersOf(tx.section, [person]);
  const message = queueCode(tx.section, tx, person, sealerOf(person), { code, language: 'en', expiresAt: next.expires_at, send: phone.ok });
  tx.write(() => putChallenges(tx.sql, tx.tenant.id, [next]));
  tx.write(() => insertMessages(tx.sql, tx.tenant.id, [message], tx.now));
  tx.audit({ action: 'identity.resend', result: 'done', ...(row.decoy ? {} : { subject: row.person as Uuid }) });
  return done(startedOf(next));
}
