export * from './contract.ts';
export { retryAfterSeconds } from './rules.ts';
export { createLimiter, takeShared, type Limiter } from './service.ts';
