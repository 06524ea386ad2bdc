import { route } from '#kernel';
import { keyNotParked, zEventsOut, zEventsQuery, zNothing, zParkedDecided, zParkedDecision, zParkedOut, zSubscribersOut } from './contract.ts';
import { decideParked, listed, parked, subscribers } from './service/desk.ts';

export const routes = [
  route('GET /events', { summary: 'The event log of this tenant, newest first: of an entity, a topic or a trace.', scope: 'events:read', input: zEventsQuery,
    output: zEventsOut, problems: [], verb: listed, example: { input: { query: { topic: 'taxrefund.changed' } } } }),
  route('GET /events/subscribers', { summary: 'Who follows the log, and how far behind each part is.', scope: 'events:read', input: zNothing,
    output: zSubscribersOut,
    problems: [], verb: subscribers, example: { input: {} } }),
  route('GET /events/parked', { summary: 'Keys whose events were set aside because a handler kept failing.', scope: 'events:read', input: zNothing,
    output: zParkedOut,
    problems: [], verb: parked, example: { input: {} } }),
  route('POST /events/parked/:subscriber/:key/:decision', { summary: 'Releases the parked events of a key, or skips the first of them.', scope: 'events:decide',
    input: zParkedDecision, output: zParkedDecided, problems: [keyNotParked], idempotent: 'required', audit: 'events.parked-decided', verb: decideParked,
    example: { input: { params: { subscriber: 'nobody', key: 'none', decision: 'release' } } } }),
];
