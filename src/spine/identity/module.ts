import { defineModule } from '#kernel';
import { identityProblems, SignedIn, SignedOut, Undelivered } from './contract.ts';
import { devicesPage, endDeviceForm } from './pages/devices.tsx';
import { machineForms, machinePages } from './pages/machines.tsx';
import { forms, pages } from './pages/sign-in.tsx';
import { routes } from './routes.ts';
import { machineAuthenticator, machineGate, machinesState } from './service/machine.ts';
import { sendCode, tellUndelivered } from './service/message.ts';
import { personAuthenticator, sessionGate, sessionsState } from './service/session.ts';

export default defineModule({
  name: 'spine/identity',
  doc: 'Who a person is, proven by a code on their phone; sessions that end when they are told to.',
  needs: ['spine/limits', 'spine/vault'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'identity.person': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'identity.challenge': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'identity.guard': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'identity.device': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'identity.session': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'identity.message': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'identity.machine': { app: ['select', 'insert', 'update'], auditor: ['select'] },
  },
  routes, pages: [...pages, devicesPage, ...machinePages], forms: [...forms, endDeviceForm, ...machineForms],
  permissions: { 'machines:manage': 'See which programs may call for the tenant, add them with a key, and keep them out.' },
  forPeople: ['machines:manage'],
  problems: identityProblems,
  events: [SignedIn, SignedOut, Undelivered],
  handlers: [tellUndelivered],
  calls: [sendCode],
  authenticators: [personAuthenticator, machineAuthenticator],
  gates: [sessionGate, machineGate],
  state: [sessionsState, machinesState],
  privacy: {
    'identity.person.profile': { kind: 'identifier, name, date of birth, phone', kept: 'sealed' },
    'identity.person.identifier_index': { kind: 'identifier', kept: 'blind-index' },
    'identity.person.birth_index': { kind: 'identifier and date of birth', kept: 'blind-index' },
    'identity.person.phone_index': { kind: 'phone', kept: 'blind-index' },
    'identity.message.body': { kind: 'code', kept: 'sealed' },
  },
});
