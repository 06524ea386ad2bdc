import { civilDate, route } from '#kernel';
import {
  codeOver, lockedOut, machineKnown, machineNameWrong, machineUnknown, permissionUnknown, resendTooSoon, sendsUsed, sessionOver, unknownSession,
  wrongCode, wrongDetails, zAddMachine, zChangedMachine, zCode, zMachine, zMachines, zMadeMachine, zNothing, zOfMachine, zOfSession, zRefresh, zRefreshed,
  zResend, zSession, zSessions, zStart, zStarted, zTokens,
} from './contract.ts';
import { verifyCode } from './service/code.ts';
import { readMachine, readMachines, registerMachine, shutMachine } from './service/machine.ts';
import { endOneSession, listSessions, readSession, refresh, signOut } from './service/session.ts';
import { resendCode, startSignIn } from './service/sign-in.ts';

const challenge = `chl_${'0'.repeat(32)}` as const;
const browser = 'A'.repeat(24);

export const start = route('POST /sign-in/challenges', {
  summary: 'Starts a sign-in: a code goes to the registered phone, if the details match. The answer does not tell whether they do.',
  scope: 'public', input: zStart, output: zStarted, status: 201, idempotent: 'optional', problems: [wrongDetails, lockedOut, sendsUsed],
  audit: 'identity.start', plural: startSignIn,
  example: { input: { body: { identifier: 'ABCPK0000L', dateOfBirth: civilDate('1986-03-27'), year: 2026, browser, language: 'en' } } },
});

export const verify = route('POST /sign-in/challenges/:challenge/code', {
  summary: 'Ends a sign-in with the code: tokens for a session.',
  scope: 'public', input: zCode, output: zTokens, problems: [wrongCode, codeOver, lockedOut], audit: 'identity.code', plural: verifyCode,
  example: { input: { params: { challenge }, body: { code: '000000', browser } } },
});

export const resend = route('POST /sign-in/challenges/:challenge/resend', {
  summary: 'Sends a new code; the one before it stops working.',
  scope: 'public', input: zResend, output: zStarted, idempotent: 'optional', problems: [codeOver, resendTooSoon, sendsUsed], audit: 'identity.resend',
  verb: resendCode,
  example: { input: { params: { challenge }, body: { browser } } },
});

export const renew = route('POST /sign-in/refresh', {
  summary: 'A fresh access token for a refresh token, which is replaced. A replaced one shown again ends the session.',
  scope: 'public', input: zRefresh, output: zRefreshed, problems: [sessionOver], verb: refresh,
  example: { input: { body: { refreshToken: `ses_${'0'.repeat(32)}.${'A'.repeat(43)}` } } },
});

export const leave = route('POST /sign-out', {
  summary: 'Ends the session at once, on every device process.', scope: 'person', input: zNothing, output: zNothing, problems: [sessionOver],
  audit: 'identity.session-end',
  verb: signOut, example: { input: {}, output: {} },
});

export const session = route('GET /session', {
  summary: 'The caller’s own session.', scope: 'person', input: zNothing, output: zSession, problems: [sessionOver], verb: readSession, example: { input: {} },
});

export const sessions = route('GET /sessions', {
  summary: 'Where the caller is signed in: sessions that live, the newest first.', scope: 'person', input: zNothing, output: zSessions, problems: [sessionOver],
  verb: listSessions, example: { input: {} },
});

export const endOne = route('POST /sessions/:session/end', {
  summary: 'Ends one of the caller’s sessions at once, such as one on a lost phone.', scope: 'person', input: zOfSession, output: zNothing,
  problems: [unknownSession], audit: 'identity.session-end', verb: endOneSession, example: { input: { params: { session: `ses_${'0'.repeat(32)}` } } },
});

const one = { params: { machine: `mac_${'0'.repeat(32)}` } } as const;
export const machinesRoute = route('GET /machines', {
  summary: 'The programs that may call for the tenant, without their keys, and what another one may be given.', scope: 'machines:manage', input: zNothing,
  output: zMachines, problems: [], audit: 'identity.machines-listed', verb: readMachines, example: { input: {} },
});
export const machineRoute = route('GET /machines/:machine', {
  summary: 'One program that may call for the tenant, without its key.', scope: 'machines:manage', input: zOfMachine, output: zMachine,
  problems: [machineUnknown], audit: 'identity.machine-read', verb: readMachine, example: { input: one },
});
export const addMachineRoute = route('POST /machines', {
  summary: 'Makes a program known; its key stands in this answer only, and not in that to a repeat.', scope: 'machines:manage', input: zAddMachine,
  output: zMadeMachine, status: 201, idempotent: 'optional', kept: (made) => ({ ...made, secret: null }),
  problems: [machineKnown, machineNameWrong, permissionUnknown], audit: 'identity.machine-added', verb: registerMachine,
  example: { input: { body: { name: 'Made Up Authority', permissions: ['audit:read'] } } },
});
export const disableMachineRoute = route('POST /machines/:machine/disable', {
  summary: 'Keeps a program out from its next request on, for good.', scope: 'machines:manage', input: zOfMachine, output: zChangedMachine,
  idempotent: 'optional', problems: [machineUnknown], audit: 'identity.machine-disabled', verb: shutMachine, example: { input: one },
});

export const routes = [start, verify, resend, renew, leave, session, sessions, endOne, machinesRoute, machineRoute, addMachineRoute, disableMachineRoute];
/** The cookies that a form sets where a machine is given tokens. */
export { sessionCookies } from './service/session.ts';
