export { launchPostgres, type LaunchOptions, type PostgresServer } from './launch.ts';
export { PostgresRefused, type RefusedCode } from './refused.ts';
export { canReach, serverIdentity } from './process.ts';
