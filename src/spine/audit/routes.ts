import { route } from '#kernel';
import { purposeMissing, zFacts, zSearch } from './contract.ts';
import { searchAudit } from './service/search.ts';

export const search = route('GET /audit/facts', {
  summary: 'Facts of the audit log, newest first: by person (for a purpose, with address and agent), actor, action, resource, result, request and time.',
  scope: 'audit:read', input: zSearch, output: zFacts, problems: [purposeMissing], priority: 'report', audit: 'audit.searched', verb: searchAudit,
  example: { input: { query: { action: 'operators.sign-in' } } },
});

export const routes = [search];
