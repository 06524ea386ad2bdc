export * from './contract.ts';
export { addressKey, retryAfterSeconds } from './rules.ts';
export { createLimiter, type Limiter } from './service/local.ts';
export { createSharedLimiter, type SharedOptions } from './service/leased.ts';
export { takeShared } from './service/database.ts';
