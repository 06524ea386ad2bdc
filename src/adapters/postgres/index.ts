export { keepPostgres } from './keep.ts';
export { launchPostgres, type LaunchOptions, type PostgresServer } from './launch.ts';
export { PostgresRefused, type RefusedCode } from './refused.ts';
export { canReach, giveToServer, serverIdentity } from './process.ts';
