import { defineModule } from '#kernel';
import { purposeMissing } from './contract.ts';
import { routes } from './routes.ts';
import { sequencer } from './service/sequence.ts';
import { replayer, spoolState } from './service/spool.ts';
import { clockState, factWriter, originState } from './service/write.ts';

export default defineModule({
  name: 'spine/audit',
  doc: 'Who did what to whom: facts in the commit of what they record, chained so that a change shows.',
  needs: ['spine/events', 'spine/vault'],
  migrations: new URL('./migrations/', import.meta.url),
  tables: {
    'audit.fact': { app: ['select', 'insert'], spine: ['select'], auditor: ['select'] },
    'audit.sheet': { app: ['select', 'insert'], spine: ['select'], auditor: ['select'] },
    'audit.entry': { view: true, tenant: false, app: ['select'], spine: ['select'], auditor: ['select'] },
    'audit.spool': { app: ['select', 'insert'], auditor: ['select'] },
    'audit.leaf': { tenant: false, spine: ['select', 'insert'], auditor: ['select'] },
  },
  sequences: { 'audit.fact_seq_seq': ['app'] },
  functions: { 'audit.sheets_about(uuid, bigint)': ['app'] },
  routes,
  problems: [purposeMissing],
  permissions: { 'audit:read': 'Search the audit log; what is about a person only for a purpose.' },
  writers: [factWriter],
  workers: [sequencer, replayer],
  state: [originState, clockState, spoolState],
  privacy: { 'audit.fact.origin': { kind: 'address and agent', kept: 'sealed' }, 'audit.sheet.facts': { kind: 'address and agent', kept: 'sealed' } },
});
