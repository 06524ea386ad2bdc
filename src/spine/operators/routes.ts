import { route } from '#kernel';
import {
  codeWrong, lastAdministrator, linkOver, nameTaken, operatorDisabled, operatorOver, operatorRefused, operatorSelf, operatorUnknown, passkeyRefused,
  passwordWeak, roleUnknown, triesUsed, zByPasskey, zByPassword, zChallenge, zChanged, zEnrolByPasskey, zEnrolByPassword, zEnrolment, zInvite, zMadeLink, zMe,
  zNothing, zOfLink, zOfOperator, zOpened, zOperators, zRole,
} from './contract.ts';
import { enrolByPasskey, enrolByPassword, readLink } from './service/enrol.ts';
import { readOperators } from './service/invite.ts';
import { disable, enable, endSessions, invite, relink, setRole } from './service/manage.ts';
import { readMe, signOut } from './service/session.ts';
import { challenge, signInByPasskey, signInByPassword } from './service/sign-in.ts';

const link = `enr_${'0'.repeat(32)}.${'A'.repeat(43)}`;

export const challengeRoute = route('GET /operators/challenge', {
  summary: 'A challenge for an operator’s passkey.', scope: 'public', input: zNothing, output: zChallenge, problems: [], verb: challenge,
    example: { input: {} },
});
export const passwordRoute = route('POST /operators/sign-in', {
  summary: 'Signs an operator in with name, password and the authenticator’s code.', scope: 'public', input: zByPassword, output: zOpened,
  problems: [operatorRefused, triesUsed], audit: 'operators.sign-in', verb: signInByPassword,
  example: { input: { body: { name: 'nobody here', password: 'not a password', code: '000000' } } },
});
export const passkeyRoute = route('POST /operators/sign-in/passkey', {
  summary: 'Signs an operator in with a passkey.', scope: 'public', input: zByPasskey, output: zOpened, problems: [operatorRefused, triesUsed],
  audit: 'operators.sign-in', verb: signInByPasskey, example: { input: { body: { credential: '{}' } } },
});
export const linkRoute = route('GET /operators/enrolment', {
  summary: 'What an enrolment link offers: whom it is for, and the key for an authenticator.', scope: 'public', input: zOfLink, output: zEnrolment,
  problems: [linkOver], verb: readLink, example: { input: { query: { link } } },
});
export const enrolPasswordRoute = route('POST /operators/enrolment/password', {
  summary: 'Enrols with a password and an authenticator; the link is used up, and what was there before is replaced.', scope: 'public', input: zEnrolByPassword,
  output: zOpened, problems: [linkOver, passwordWeak, codeWrong], audit: 'operators.enrol', verb: enrolByPassword,
  example: { input: { body: { link, password: 'not a password', code: '000000' } } },
});
export const enrolPasskeyRoute = route('POST /operators/enrolment/passkey', {
  summary: 'Enrols with a passkey; the link is used up, and what was there before is replaced.', scope: 'public', input: zEnrolByPasskey, output: zOpened,
  problems: [linkOver, passkeyRefused], audit: 'operators.enrol', verb: enrolByPasskey, example: { input: { body: { link, credential: '{}' } } },
});
export const meRoute = route('GET /operators/me', {
  summary: 'The operator who asks: name, role, permissions.', scope: 'operator', input: zNothing, output: zMe, problems: [operatorOver], verb: readMe,
  example: { input: {} },
});
export const listRoute = route('GET /operators', {
  summary: 'Who works for the tenant, and in which role.', scope: 'operators:read', input: zNothing, output: zOperators, problems: [],
  audit: 'operators.listed', verb: readOperators, example: { input: {} },
});
export const leaveRoute = route('POST /operators/sign-out', {
  summary: 'Ends the operator’s session at once.', scope: 'operator', input: zNothing, output: zNothing, problems: [operatorOver],
  audit: 'operators.sign-out', verb: signOut, example: { input: {}, output: {} },
});

const one = { params: { operator: `opr_${'0'.repeat(32)}` } } as const;
export const inviteRoute = route('POST /operators', {
  summary: 'Adds an operator; the link that enrols them stands in this answer only, works once and for a day.', scope: 'operators:manage', input: zInvite,
  output: zMadeLink, status: 201, problems: [nameTaken, roleUnknown], audit: 'operators.added', verb: invite,
  example: { input: { body: { name: 'Made Up Colleague', role: 'auditor' } } },
});
export const relinkRoute = route('POST /operators/:operator/link', {
  summary: 'A new link for an operator; what they sign in with stays until it is used.', scope: 'operators:manage', input: zOfOperator, output: zMadeLink,
  problems: [operatorUnknown, operatorSelf, operatorDisabled], audit: 'operators.link', verb: relink, example: { input: one },
});
export const roleRoute = route('POST /operators/:operator/role', {
  summary: 'Gives an operator another role, from their next request on.', scope: 'operators:manage', input: zRole, output: zChanged,
  problems: [operatorUnknown, roleUnknown, operatorSelf, lastAdministrator], audit: 'operators.role', verb: setRole,
  example: { input: { ...one, body: { role: 'auditor' } } },
});
export const disableRoute = route('POST /operators/:operator/disable', {
  summary: 'Keeps an operator out from now on: sessions and links end.', scope: 'operators:manage', input: zOfOperator, output: zChanged,
  problems: [operatorUnknown, operatorSelf, lastAdministrator], audit: 'operators.disabled', verb: disable, example: { input: one },
});
export const enableRoute = route('POST /operators/:operator/enable', {
  summary: 'Lets a disabled operator in again, with what they signed in with before.', scope: 'operators:manage', input: zOfOperator, output: zChanged,
  problems: [operatorUnknown, operatorSelf], audit: 'operators.enabled', verb: enable, example: { input: one },
});
export const endSessionsRoute = route('POST /operators/:operator/sessions/end', {
  summary: 'Ends whatever sessions an operator has open; they may sign in again.', scope: 'operators:manage', input: zOfOperator, output: zChanged,
  problems: [operatorUnknown], audit: 'operators.sessions-ended', verb: endSessions, example: { input: one },
});

export const routes = [
  challengeRoute, passwordRoute, passkeyRoute, linkRoute, enrolPasswordRoute, enrolPasskeyRoute, meRoute, listRoute, leaveRoute,
  inviteRoute, relinkRoute, roleRoute, disableRoute, enableRoute, endSessionsRoute,
];
/** The cookie that a form sets where a machine is given the token. */
export { operatorCookie } from './service/session.ts';
