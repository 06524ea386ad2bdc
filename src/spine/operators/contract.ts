import { z } from 'zod';
import { personal, problem, uncached, zId, zInstant } from '#kernel';

/** The people who work for a tenant. What they may do are the permissions of their role. */

export const LINK_LIFE_MS = 24 * 3_600_000;
export const CHALLENGE_LIFE_MS = 5 * 60_000;
export const SESSION_LIFE_MS_MAX = 8 * 3_600_000;
export const SESSION_IDLE_MS_MAX = 30 * 60_000;
/** How old the note of a session's last request may grow before it is written again. */
export const SEEN_EVERY_MS = 60_000;
export const PASSWORD_CHARS_MIN = 12;
export const PASSWORD_CHARS_MAX = 128;
/** Longest answer of a passkey, in characters. */
export const PASSKEY_JSON_MAX = 16_000;
/** Tries of one name, right or wrong, known or not. */
export const TRIES_PER_NAME = { name: 'operator-name', capacity: 10, perMinute: 0.5 };
export const TRIES_PER_ADDRESS = { name: 'operator-address', capacity: 30, perMinute: 5 };
export const OPERATORS_LISTED_MAX = 1000;

/** Sent by a screen that asks by itself while nobody touches it: such a request is answered, and does not keep the session. */
export const HEADER_UNATTENDED = 'exchequer-unattended';

export const COOKIE_OPERATOR = 'xq_operator';

/** As it is typed and shown; compared without case. */
export const zOperatorName = personal('name', z.string().regex(/^[\p{L}\p{N}][\p{L}\p{M}\p{N} ._@-]{1,63}$/u));
const zTyped = z.string().min(1).max(64);
const zPassword = z.string().min(1).max(PASSWORD_CHARS_MAX);
export const zLink = z.string().regex(/^enr_[0-9a-f]{32}\.[A-Za-z0-9_-]{43}$/);
const zCredential = z.string().min(2).max(PASSKEY_JSON_MAX);

export const zNothing = z.strictObject({});
export const zByPassword = z.strictObject({ body: z.strictObject({ name: zTyped, password: zPassword, code: z.string().min(1).max(32) }) });
export const zByPasskey = z.strictObject({ body: z.strictObject({ credential: zCredential }) });
/** A session: the token goes into the cookie. */
export const zOpened = uncached('token', z.strictObject({ token: z.string(), expiresInSeconds: z.int() }));
export const zChallenge = z.strictObject({ challenge: z.string(), rp: z.string() });

export const zOfLink = z.strictObject({ query: z.strictObject({ link: zLink }) });
export const zEnrolment = z.strictObject({
  operator: zId('opr'), name: zOperatorName, role: z.string(), challenge: z.string(), rp: z.string(), expiresAt: zInstant,
  /** The authenticator's key in base32 (RFC 4648), and as `otpauth:` for a phone. */
  secret: z.string(), otpauth: z.string(),
});
export const zEnrolByPassword = z.strictObject({ body: z.strictObject({ link: zLink, password: zPassword, code: z.string().min(1).max(32) }) });
export const zEnrolByPasskey = z.strictObject({ body: z.strictObject({ link: zLink, credential: zCredential }) });
export type Enrolment = z.output<typeof zEnrolment>;
export type Opened = z.output<typeof zOpened>;

/** Who is signed in, as the console shows it. */
export const zMe = z.strictObject({
  operator: zId('opr'), name: zOperatorName, role: z.string(), permissions: z.array(z.string()), expiresAt: zInstant,
  tenant: z.strictObject({ slug: z.string(), name: z.string(), zone: z.string(), languages: z.array(z.string()), products: z.array(z.string()) }),
});
export type Me = z.output<typeof zMe>;

export const operatorRefused = problem('operator-refused', {
  status: 422, title: 'That did not match.', doc: 'Check name, password and code, or use a passkey of this site. It is not said which of them was wrong.',
});
export const triesUsed = problem('operator-tries-used', { status: 429, title: 'Too many tries.', doc: 'Wait for the time in Retry-After, or use a passkey.' });
export const linkOver = problem('operator-link-over', {
  status: 410, title: 'This link can no longer be used.', doc: 'It was used, it is older than a day, or a newer one was made. Ask for a new link.',
});
export const passwordWeak = problem('operator-password-weak', {
  status: 422, title: 'This password is too easy to guess.', doc: 'Use at least twelve characters, not the name, and not one character again and again.',
});
export const codeWrong = problem('operator-code-wrong', {
  status: 422, title: 'That code is not the authenticator’s.', doc: 'Enter the code that the authenticator shows now; check the clock of the phone.',
});
export const passkeyRefused = problem('operator-passkey-refused', {
  status: 422, title: 'The passkey was not accepted.', doc: 'Open the page again and repeat it on the same device.',
});
export const operatorOver = problem('operator-signed-out', { status: 401, title: 'The session has ended.', doc: 'Sign in again.' });
export const nameTaken = problem('operator-name-taken', {
  status: 409, title: 'An operator of this name is there already.', doc: 'Take another name, or make a new link for the one who is there.',
});
export const roleUnknown = problem('operator-role-unknown', { status: 422, title: 'There is no such role.', doc: 'Take one of the roles that are listed.' });
export const operatorUnknown = problem('operator-unknown', { status: 404, title: 'There is no operator of this name.', doc: 'List the operators first.' });
export const operatorSelf = problem('operator-self', {
  status: 409, title: 'Nobody changes their own role, link or state.', doc: 'Ask another administrator, or use the command line.',
});
export const lastAdministrator = problem('operator-last-administrator', {
  status: 409, title: 'This is the last active operator who may manage operators.', doc: 'Make another one first; they count once they are enrolled.',
});
export const operatorDisabled = problem('operator-disabled', {
  status: 409, title: 'This operator is disabled.', doc: 'Enable them first: a link of a disabled operator does not work.',
});
export const operatorProblems = [
  operatorRefused, triesUsed, linkOver, passwordWeak, codeWrong, passkeyRefused, operatorOver, nameTaken, roleUnknown, operatorUnknown, operatorSelf,
  lastAdministrator, operatorDisabled,
];

const zState = z.enum(['invited', 'active', 'disabled']);
/** `sessions` are those that are open now; `lastSignInAt` is of any, also one that ended. */
export const zListed = z.strictObject({ operator: zId('opr'), name: zOperatorName, role: z.string(), state: zState, lastSignInAt: zInstant.nullable(),
  sessions: z.int() });
export const zOperators = z.strictObject({
  operators: z.array(zListed), roles: z.array(z.strictObject({ role: z.string(), permissions: z.array(z.string()) })),
});
export const zInvite = z.strictObject({ body: z.strictObject({ name: zOperatorName, role: z.string().max(64) }) });
export const zOfOperator = z.strictObject({ params: z.strictObject({ operator: zId('opr') }) });
export const zRole = z.strictObject({ ...zOfOperator.shape, body: z.strictObject({ role: z.string().max(64) }) });
/** The text of a link, in the one answer that holds it: it stands behind `/operator/enrol?link=`. */
export const zMadeLink = uncached('token', z.strictObject({ operator: zId('opr'), link: z.string(), expiresAt: zInstant }));
export const zChanged = z.strictObject({ operator: zId('opr') });

export type OperatorState = 'invited' | 'active' | 'disabled';
