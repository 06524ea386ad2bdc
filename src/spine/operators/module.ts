import { defineModule } from '#kernel';
import { operatorProblems } from './contract.ts';
import { forms, pages } from './pages.tsx';
import { routes } from './routes.ts';
import { operatorAuthenticator, operatorGate } from './service/session.ts';

export default defineModule({
  name: 'spine/operators',
  doc: 'The people who work for a tenant: enrolled by a link, signed in by passkey or by password and authenticator.',
  needs: ['spine/limits', 'spine/vault'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'operators.operator': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'operators.passkey': { app: ['select', 'insert', 'update', 'delete'], auditor: ['select'] },
    'operators.enrolment': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'operators.session': { app: ['select', 'insert', 'update'], auditor: ['select'] },
    'operators.spent': { app: ['select', 'insert', 'delete'], auditor: ['select'] },
  },
  routes, pages, forms,
  problems: operatorProblems,
  authenticators: [operatorAuthenticator],
  gates: [operatorGate],
  permissions: { 'operators:read': 'See who works for the tenant, and in which role.',
    'operators:manage': 'Add operators, give them links and roles, keep them out and end their sessions.' },
  forPeople: ['operators:manage'],
  privacy: {
    'operators.operator.name': { kind: 'name', kept: 'sealed' },
    'operators.operator.name_index': { kind: 'name', kept: 'blind-index' },
    'operators.operator.password': { kind: 'password hash', kept: 'sealed' },
    'operators.operator.totp': { kind: 'authenticator secret', kept: 'sealed' },
    'operators.enrolment.totp': { kind: 'authenticator secret', kept: 'sealed' },
    'operators.passkey.credential': { kind: 'passkey', kept: 'sealed' },
    'operators.passkey.credential_index': { kind: 'passkey', kept: 'blind-index' },
  },
  islands: new URL('./islands/', import.meta.url),
});
