import { route } from '#kernel';
import { jobUnknown, zDeadDecided, zDeadOut, zDeadQuery, zJobs, zJobsOut, zOfDead } from './contract.ts';
import { dead, drop, overview, retry } from './service/desk.ts';

const ofDead = { scope: 'jobs:decide', input: zOfDead, output: zDeadDecided, problems: [jobUnknown], idempotent: 'required',
  example: { input: { params: { job: '1' } } } } as const;

export const routes = [
  route('GET /jobs', { summary: 'How much of each kind of job waits, runs or is dead, and when each schedule fires next.', scope: 'jobs:read', input: zJobs,
    output: zJobsOut, problems: [], verb: overview, example: { input: {} } }),
  route('GET /jobs/dead', { summary: 'Dead letters, newest first.', scope: 'jobs:read', input: zDeadQuery, output: zDeadOut, problems: [], verb: dead,
    example: { input: {} } }),
  route('POST /jobs/dead/:job/retry', { ...ofDead, summary: 'Gives a dead letter its tries anew.', audit: 'jobs.retried', verb: retry }),
  route('POST /jobs/dead/:job/drop', { ...ofDead, summary: 'Lets a dead letter go.', audit: 'jobs.dropped', verb: drop }),
];
