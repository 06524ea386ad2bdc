import { z } from 'zod';
import { event, job, personal, problem, uncached, zDate, zId, zInstant, type CivilDate, type Language, type Uuid } from '#kernel';

/**
 * Sign-in of a person in two steps. Identifier, date of birth and year only say who somebody claims to be: many people know
 * them, so they are identifiers and no factor. The one factor is the code sent to the registered phone.
 */

export const CODE_DIGITS = 6;
export const CODE_LIFE_MS = 5 * 60_000;
export const TRIES_PER_CHALLENGE_MAX = 5;
export const WRONG_PER_DAY_MAX = 10;
export const LOCK_FIRST_MS = 15 * 60_000;
export const LOCK_MS_MAX = 24 * 3_600_000;
export const RESEND_AFTER_MS = 60_000;
export const SENDS_PER_CHALLENGE_MAX = 3;
export const ACCESS_LIFE_MS = 30 * 60_000;
export const REFRESH_LIFE_MS = 2 * 3_600_000;
/** A session ends this long after its sign-in, however often it was refreshed. */
export const SESSION_LIFE_MS_MAX = 12 * 3_600_000;
/** Two tabs may refresh at once: the refresh token just replaced is still answered this long, without a new one. */
export const REFRESH_GRACE_MS = 10_000;
/** Codes for one identity, counted alike for known and unknown people; past it the answer says so. */
export const SENDS_PER_IDENTITY = { name: 'code-per-identity', capacity: 3, perMinute: 0.3 };
/** Messages to one phone, whoever shares it; past it nothing is sent and the answer stays the same, or it would tell whose phone it is. */
export const SENDS_PER_PHONE = { name: 'code-per-phone', capacity: 3, perMinute: 0.3 };
export const STARTS_PER_ADDRESS = { name: 'start-per-address', capacity: 25, perMinute: 5 };

/** A machine's name: letters, digits, blanks, dots and hyphens, so that none looks like a key's id. */
export const MACHINE_NAME = /^[\p{L}\p{N}][\p{L}\p{M}\p{N} .-]{0,79}$/u;
export const MACHINES_LISTED_MAX = 500;
export const MACHINE_PERMISSIONS_MAX = 100;

/** Codes that reached nobody are told of together, this long after the first of them: an outage of a provider is one event, not one a person. */
export const UNDELIVERED_TOLD_AFTER_MS = 2 * 60_000;

export const COOKIE_ACCESS = 'xq_access';
export const COOKIE_REFRESH = 'xq_refresh';
export const COOKIE_CHALLENGE = 'xq_challenge';

/** A person as the office knows them. */
export interface Profile {
  readonly identifier: string;
  readonly dateOfBirth: CivilDate;
  readonly phone: string;
  readonly name: string;
  readonly nameLocal?: string | undefined;
  readonly language: Language;
}
export const zProfile = z.strictObject({
  identifier: personal('national identifier', z.string().min(4).max(32)), dateOfBirth: personal('date of birth', zDate),
  phone: personal('phone', z.string().regex(/^\+[0-9 ]{6,20}$/)),
  name: personal('name', z.string().min(1).max(200)), nameLocal: personal('name', z.string().min(1).max(200)).optional(), language: z.enum(['en', 'hi']),
});

const zBrowser = z.string().regex(/^[A-Za-z0-9_-]{22,43}$/);
export const zChallengeId = zId('chl');

export const zStart = z.strictObject({
  body: z.strictObject({
    identifier: personal('national identifier', z.string().min(1).max(40)), dateOfBirth: personal('date of birth', zDate),
    year: z.int().min(1990).max(2100), browser: zBrowser, language: z.enum(['en', 'hi']).default('en'),
  }),
});
export const zStarted = z.strictObject({ challenge: zChallengeId, expiresAt: zInstant, resendAt: zInstant, phoneEnding: z.string() });

export const zCode = z.strictObject({ params: z.strictObject({ challenge: zChallengeId }),
  body: z.strictObject({ code: z.string().min(1).max(64), browser: zBrowser }) });
export const zTokens = uncached('token', z.strictObject({
  accessToken: z.string(), refreshToken: z.string(), expiresInSeconds: z.int(), refreshExpiresInSeconds: z.int(), year: z.int(),
}));
export const zResend = z.strictObject({ params: z.strictObject({ challenge: zChallengeId }), body: z.strictObject({ browser: zBrowser }) });
export const zRefresh = z.strictObject({ body: z.strictObject({ refreshToken: z.string().min(20).max(200) }) });
export const zRefreshed = z.strictObject({ accessToken: z.string(), refreshToken: z.string().nullable(), expiresInSeconds: z.int(),
  refreshExpiresInSeconds: z.int() });
export const zNothing = z.strictObject({});
export const zSession = z.strictObject({ session: zId('ses'), startedAt: zInstant, expiresAt: zInstant });

export const SESSIONS_SHOWN_MAX = 50;
export const zSessions = z.strictObject({
  sessions: z.array(z.strictObject({ session: zId('ses'), startedAt: zInstant, renewedAt: zInstant, endsAt: zInstant, current: z.boolean() })),
});
export const zOfSession = z.strictObject({ params: z.strictObject({ session: zId('ses') }) });

/** A program that may call, without its key. */
export const zMachine = z.strictObject({ machine: zId('mac'), name: z.string(), permissions: z.array(z.string()), createdAt: zInstant,
  disabledAt: zInstant.nullable() });
/** With what a machine of this tenant may be given: the permissions of every module that the tenant has. */
export const zMachines = z.strictObject({ machines: z.array(zMachine), permissions: z.array(z.strictObject({ permission: z.string(), doc: z.string() })) });
export const zAddMachine = z.strictObject({
  body: z.strictObject({ name: z.string().max(200), permissions: z.array(z.string().max(100)).max(MACHINE_PERMISSIONS_MAX) }),
});
/** The key's secret in base64url, in the first answer alone: null in that to a repeat. */
export const zMadeMachine = uncached('token', z.strictObject({ machine: zId('mac'), name: z.string(), secret: z.string().nullable() }));
export const zOfMachine = z.strictObject({ params: z.strictObject({ machine: zId('mac') }) });
export const zChangedMachine = z.strictObject({ machine: zId('mac') });

export const wrongDetails = problem('wrong-identifier',
  { status: 422, title: 'This is not an identifier of this office.', doc: 'Check the form of the identifier; nothing was looked up.' });
export const wrongCode = problem('wrong-code', { status: 422, title: 'That code is not right.',
  doc: 'Try again; `triesLeft` says how often. After that, start again.' });
export const codeOver = problem('code-over', { status: 410, title: 'This code can no longer be used.',
  doc: 'It was used, it expired, it was tried too often or it belongs to another browser. Start again.' });
export const lockedOut = problem('locked-out', { status: 429, title: 'Too many wrong codes.',
  doc: 'Wait for the time in Retry-After. A device that signed in before is not affected by other people’s tries.' });
export const resendTooSoon = problem('resend-too-soon', { status: 429, title: 'A code was sent a moment ago.', doc: 'Wait for the time in Retry-After.' });
export const sendsUsed = problem('sends-used', { status: 429, title: 'Enough codes were sent for now.',
  doc: 'Wait for the time in Retry-After, then start again.' });
export const sessionOver = problem('session-over', { status: 401, title: 'The session has ended.', doc: 'Sign in again.' });
export const unknownSession = problem('unknown-session', { status: 404, title: 'There is no such session.', doc: 'It may belong to somebody else.' });
export const machineKnown = problem('machine-known', { status: 409, title: 'There is a machine of this name already.',
  doc: 'A key is shown once. Where it is lost, add a machine of another name and disable this one; a disabled one keeps its name.' });
export const machineUnknown = problem('machine-unknown', { status: 404, title: 'There is no machine of this name or id.', doc: 'List them.' });
export const machineNameWrong = problem('machine-name-wrong', { status: 422, title: 'A machine cannot have this name.',
  doc: 'At most 80 letters, digits, blanks, dots and hyphens, the first a letter or a digit.' });
export const permissionUnknown = problem('permission-unknown', { status: 422, title: 'There is no such permission.',
  doc: 'Name at least one, and none but those in `known`.' });
export const identityProblems = [
  wrongDetails, wrongCode, codeOver, lockedOut, resendTooSoon, sendsUsed, sessionOver, unknownSession, machineKnown, machineUnknown, machineNameWrong,
  permissionUnknown,
];

export const SignedIn = event('identity.signed-in', { version: 1, doc: 'A person signed in.', data: { person: z.string(), session: z.string() } });
export const SignedOut = event('identity.signed-out',
  { version: 1, doc: 'A session ended: signed out, replaced or revoked.', data: { person: z.string(), session: z.string(), reason: z.string() } });

const undelivered = { why: z.enum(['refused', 'late']), since: z.iso.datetime() };
export const Undelivered = event('identity.codes-undelivered', {
  version: 1, alert: true,
  doc: 'Sign-in codes reached nobody since an instant: a provider refused them for good, or none took them in time. Somebody has to look.', data: undelivered,
});

export const TellUndelivered = job('identity.tell-undelivered', { doc: 'Tells of codes that reached nobody, once for all of some minutes.',
  data: undelivered });
export const SendCode = job('identity.send-code', { doc: 'Sends one text message with a code.', data: { message: z.string() }, attemptsMax: 50,
  priority: 'urgent' });

export type SessionEnd = 'signed-out' | 'signed-out-elsewhere' | 'refresh-reused' | 'expired';
/** What a sign-in message carries, sealed until it is sent. */
export interface MessageBody { readonly code: string; readonly language: Language; readonly office: string }
export interface Enrolled { readonly person: Uuid; readonly fresh: boolean }
