import { timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { done, idOf, isLanguage, refuse, uuidOf, type Outcome, type Tx, type Uuid } from '#kernel';
import { retryAfterSeconds, takeShared, type Verdict } from '#spine/limits';
import { subjectKeys, tenantKeys, type Sealer } from '#spine/vault';
import {
  CODE_DIGITS, CODE_LIFE_MS, codeOver, lockedOut, RESEND_AFTER_MS, resendTooSoon, SendCode, SENDS_PER_IDENTITY, SENDS_PER_PHONE, sendsUsed,
  STARTS_PER_ADDRESS, wrongCode, wrongDetails,
  zCode, zResend, zStart, zStarted, zTokens, type MessageBody, type Profile,
} from '../contract.ts';
import { afterRight, afterWrong, decideCode, decideResend, lockedMs, normalizeCode, normalizeIdentifier, type Guard } from '../rules.ts';
import {
  findForSignIn, insertChallenge, insertMessage, knowsDevice, lockChallenge, lockGuard, personById, putDevice, writeChallenge, writeGuard, type ChallengeRow,
  type GuardRow, type PersonRow,
} from '../store.ts';
import { birthIndex, DECOY_INDEX, identifierIndex, phoneEnding, profilePlace } from './enrol.ts';
import { openSession } from './session.ts';

type Started = z.output<typeof zStarted>;

const browserMac = (tx: Tx, browser: string): Buffer => tenantKeys(tx).mac('identity.browser', browser);
const codeMac = (tx: Tx, challenge: Uuid, code: string): Buffer => tenantKeys(tx).mac('identity.code', `${challenge} ${code}`);
const same = (a: Buffer, b: Buffer): boolean => a.length === b.length && timingSafeEqual(a, b);
const newCode = (tx: Tx): string => String(tx.random.int(10 ** CODE_DIGITS)).padStart(CODE_DIGITS, '0');
export const messagePlace = (message: Uuid): { table: string; column: string; row: string } => ({ table: 'identity.message', column: 'body', row: message });

const guardOf = (row: GuardRow): Guard => ({ wrong: row.wrong, windowFrom: row.window_from, locks: row.locks, lockedUntil: row.locked_until });
const rowOf = (key: Buffer, g: Guard): GuardRow => ({ key, wrong: g.wrong, window_from: g.windowFrom, locks: g.locks, locked_until: g.lockedUntil });

/**
 * Counts a code: by identity, which the answer may tell, and by phone, which it may not. Known and unknown people are counted by
 * the same key, so that nobody can ask which one somebody is.
 */
async function takeSends(tx: Tx, guardKey: Buffer, person: PersonRow): Promise<{ identity: Verdict; phone: boolean }> {
  const [identity] = await takeShared(tx, SENDS_PER_IDENTITY, [guardKey.toString('hex')]);
  const [phone] = await takeShared(tx, SENDS_PER_PHONE, [(person.decoy ? guardKey : person.phone_index).toString('hex')]);
  return { identity: identity as Verdict, phone: (phone as Verdict).ok };
}

interface NewCode { readonly code: string; readonly language: MessageBody['language']; readonly expiresAt: Date; readonly send: boolean }

/** Writes the message and the job that sends it after this answer has left; one that is not to be sent is dropped by that job. */
async function queueCode(tx: Tx, person: PersonRow, sealer: Sealer, c: NewCode): Promise<void> {
  const id = tx.uuid();
  const body: MessageBody = { code: c.code, language: c.language, office: tx.tenant.name };
  const sealed = sealer.seal(messagePlace(id), JSON.stringify(body));
  await insertMessage(tx.sql, tx.tenant.id, { id, person: person.id, decoy: person.decoy || !c.send, body: sealed, state: 'pending',
    expires_at: c.expiresAt }, tx.now);
  tx.later(SendCode, { message: id });
}

async function sealerOf(tx: Tx, person: PersonRow): Promise<Sealer> {
  // Never from the cache: a person who signs in often would answer faster than the decoy, or slower.
  const sealer = (await subjectKeys(tx, [person.id as Uuid], { cached: false })).get(person.id as Uuid);
  if (!sealer) throw new Error('a person without a key');
  return sealer;
}

/**
 * Starts a sign-in. Known and unknown people take the same way with the same statements: for whoever does not match, the
 * tenant's decoy does the work, and its code is sent to nobody.
 */
export async function startSignIn(tx: Tx, input: z.output<typeof zStart>): Promise<Outcome<Started>> {
  const { body } = input;
  const identifier = normalizeIdentifier(tx.tenant.country, body.identifier);
  if (identifier === undefined) return refuse(wrongDetails);
  const keys = tenantKeys(tx);
  const index = identifierIndex(keys, identifier);
  const rows = await findForSignIn(tx.sql, index);
  const decoy = rows.find((r) => r.decoy);
  if (!decoy) throw new Error('the tenant has no decoy');
  const claimed = rows.find((r) => !r.decoy) ?? decoy;
  const matches = same(birthIndex(keys, identifier, body.dateOfBirth), claimed.birth_index.equals(DECOY_INDEX) ? Buffer.alloc(32) : claimed.birth_index);
  const person = matches ? claimed : decoy;
  const browser = browserMac(tx, body.browser);
  const known = await knowsDevice(tx.sql, person.id as Uuid, browser);
  const guardKey = keys.mac('identity.guard', Buffer.concat([index, known ? browser : DECOY_INDEX]));
  const fromAddress = await takeShared(tx, STARTS_PER_ADDRESS, [keys.mac('identity.address', tx.address ?? '').toString('hex')]);
  const sends = await takeSends(tx, guardKey, person);
  const guard = await lockGuard(tx.sql, tx.tenant.id, guardKey, tx.now);
  const locked = lockedMs(guardOf(guard), tx.now);
  const subject = person.decoy ? {} : { subject: person.id as Uuid };
  if (locked > 0) {
    tx.audit({ action: 'identity.start', result: 'refused', problem: lockedOut.code, ...subject });
    return refuse(lockedOut, { retryAfterSeconds: retryAfterSeconds(locked) });
  }
  const no = [...fromAddress, sends.identity].find((v) => !v.ok);
  if (no) {
    tx.audit({ action: 'identity.start', result: 'refused', problem: sendsUsed.code, ...subject });
    return refuse(sendsUsed, { retryAfterSeconds: retryAfterSeconds(no.retryAfterMs) });
  }
  const asked = birthIndex(keys, identifier, body.dateOfBirth);
  return makeChallenge(tx, { person, asked, browser, guardKey, year: body.year, language: body.language, send: sends.phone });
}

interface NewChallenge {
  readonly person: PersonRow;
  /** What was claimed, as a keyed hash: who asks the same again sees the same invented phone. */
  readonly asked: Buffer;
  readonly browser: Buffer;
  readonly guardKey: Buffer;
  readonly year: number;
  readonly language: string;
  readonly send: boolean;
}

async function makeChallenge(tx: Tx, c: NewChallenge): Promise<Outcome<Started>> {
  const sealer = await sealerOf(tx, c.person);
  const profile = JSON.parse(sealer.open(profilePlace(c.person.id as Uuid), c.person.profile)) as Profile;
  const invented = String(tenantKeys(tx).mac('identity.ending', c.asked).readUInt16BE(0) % 100).padStart(2, '0');
  const challenge = tx.uuid();
  const code = newCode(tx);
  const row: ChallengeRow = {
    id: challenge, person: c.person.id, decoy: c.person.decoy, guard_key: c.guardKey, browser: c.browser, code_mac: codeMac(tx, challenge, code), year: c.year,
    phone_ending: c.person.decoy ? invented : phoneEnding(profile.phone), state: 'open', tries: 0, sends: 1, created_at: tx.now, last_sent_at: tx.now,
    expires_at: new Date(tx.now.getTime() + CODE_LIFE_MS),
  };
  await insertChallenge(tx.sql, tx.tenant.id, row);
  await queueCode(tx, c.person, sealer, { code, language: isLanguage(c.language) ? c.language : 'en', expiresAt: row.expires_at, send: c.send });
  tx.audit({ action: 'identity.start', result: 'done', ...(c.person.decoy ? {} : { subject: c.person.id as Uuid }) });
  return done(startedOf(row));
}

const startedOf = (row: ChallengeRow): Started => ({
  challenge: idOf('chl', row.id), expiresAt: row.expires_at, resendAt: new Date(row.last_sent_at.getTime() + RESEND_AFTER_MS), phoneEnding: row.phone_ending,
});

const challengeOf = (row: ChallengeRow): Parameters<typeof decideCode>[0] =>
  ({ state: row.state, expiresAt: row.expires_at, tries: row.tries, sends: row.sends, lastSentAt: row.last_sent_at });

/** Sends a new code for an open challenge; the old one no longer works. */
export async function resendCode(tx: Tx, input: z.output<typeof zResend>): Promise<Outcome<Started>> {
  const row = await lockChallenge(tx.sql, uuidOf(input.params.challenge));
  if (!row || !same(row.browser, browserMac(tx, input.body.browser))) return refuse(codeOver);
  const decision = decideResend(challengeOf(row), tx.now);
  if (decision.kind === 'over') return refuse(codeOver);
  if (decision.kind === 'wait') return refuse(resendTooSoon, { retryAfterSeconds: retryAfterSeconds(decision.ms) });
  if (decision.kind === 'enough') return refuse(sendsUsed, { retryAfterSeconds: retryAfterSeconds(decision.ms) });
  const person = await personById(tx.sql, row.person as Uuid);
  if (!person) throw new Error('a challenge without its person');
  const sends = await takeSends(tx, row.guard_key, person);
  if (!sends.identity.ok) return refuse(sendsUsed, { retryAfterSeconds: retryAfterSeconds(sends.identity.retryAfterMs) });
  const code = newCode(tx);
  const next = { ...row, sends: row.sends + 1, last_sent_at: tx.now, code_mac: codeMac(tx, row.id as Uuid, code),
    expires_at: new Date(tx.now.getTime() + CODE_LIFE_MS) };
  await writeChallenge(tx.sql, next);
  await queueCode(tx, person, await sealerOf(tx, person), { code, language: 'en', expiresAt: next.expires_at, send: sends.phone });
  tx.audit({ action: 'identity.resend', result: 'done', ...(row.decoy ? {} : { subject: row.person as Uuid }) });
  return done(startedOf(next));
}

/** Checks a code. What was counted stays counted, whatever the answer. */
export async function verifyCode(tx: Tx, input: z.output<typeof zCode>): Promise<Outcome<z.output<typeof zTokens>>> {
  const row = await lockChallenge(tx.sql, uuidOf(input.params.challenge));
  const subject = row && !row.decoy ? { subject: row.person as Uuid } : {};
  if (!row || !same(row.browser, browserMac(tx, input.body.browser))) {
    tx.audit({ action: 'identity.code', result: 'refused', problem: codeOver.code, ...subject });
    return refuse(codeOver);
  }
  const guard = guardOf(await lockGuard(tx.sql, tx.tenant.id, row.guard_key, tx.now));
  const code = normalizeCode(input.body.code);
  const matches = same(codeMac(tx, row.id as Uuid, code ?? ''), row.code_mac) && code !== undefined && !row.decoy;
  const decision = decideCode(challengeOf(row), guard, matches, tx.now);
  if (decision.kind === 'right') {
    await writeChallenge(tx.sql, { ...row, state: 'used', tries: row.tries + 1 });
    await writeGuard(tx.sql, rowOf(row.guard_key, afterRight(tx.now)));
    await putDevice(tx.sql, tx.tenant.id, row.person as Uuid, row.browser, tx.now);
    return done({ ...await openSession(tx, row.person as Uuid, row.browser), year: row.year });
  }
  if (decision.kind === 'wrong') {
    await writeChallenge(tx.sql, { ...row, tries: row.tries + 1, state: decision.closes ? 'closed' : row.state });
    await writeGuard(tx.sql, rowOf(row.guard_key, afterWrong(guard, tx.now)));
  }
  const problem = decision.kind === 'wrong' ? wrongCode : decision.kind === 'locked' ? lockedOut : codeOver;
  tx.audit({ action: 'identity.code', result: 'refused', problem: problem.code, ...subject });
  if (decision.kind === 'locked') return refuse(lockedOut, { retryAfterSeconds: retryAfterSeconds(decision.ms) });
  return decision.kind === 'wrong' ? refuse(wrongCode, { triesLeft: decision.triesLeft }) : refuse(codeOver);
}

