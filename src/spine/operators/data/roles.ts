/** Permission roles: what an operator of each may see and do. Every permission stands in a manifest; a test compares them. 2026-11. */
export const roles: Readonly<Record<string, readonly string[]>> = {
  administrator: [
    'alerts:close', 'alerts:read', 'audit:read', 'cache:read', 'events:decide', 'events:read', 'jobs:decide', 'jobs:read', 'ledger:read',
    'limits:read', 'machines:manage', 'notify:read', 'notify:send', 'notify:templates', 'operators:manage', 'operators:read', 'saga:decide', 'saga:read',
    'taxrefund:health', 'taxrefund:quarantine', 'wallet:close', 'wallet:eod', 'wallet:freeze', 'wallet:kyc', 'webhooks:manage', 'webhooks:read',
  ],
  auditor: ['alerts:read', 'audit:read', 'events:read', 'jobs:read', 'ledger:read', 'notify:read', 'operators:read', 'saga:read', 'taxrefund:health'],
  accountant: ['ledger:read', 'wallet:eod'],
  compliance: ['wallet:close', 'wallet:freeze', 'wallet:kyc'],
  developer: ['alerts:close', 'alerts:read', 'webhooks:manage', 'webhooks:read'],
  feed: ['taxrefund:health', 'taxrefund:quarantine'],
};
