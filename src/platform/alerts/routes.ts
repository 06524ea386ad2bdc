import { route } from '#kernel';
import { alertUnknown, zAlert, zAlerts, zAlertsQuery, zOfAlert } from './contract.ts';
import { close, list } from './service.ts';

export const routes = [
  route('GET /alerts', { summary: 'What needs a person of this office, newest first, and how many are open.', scope: 'alerts:read', input: zAlertsQuery,
    output: zAlerts, problems: [], verb: list, example: { input: {} } }),
  route('POST /alerts/:alert/close', { summary: 'Says that an alert is seen to.', scope: 'alerts:close', input: zOfAlert, output: zAlert,
    problems: [alertUnknown],
    idempotent: 'required', audit: 'alerts.closed', verb: close, example: { input: { params: { alert: `alr_${'0'.repeat(32)}` } } } }),
];
