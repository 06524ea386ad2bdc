export * from './contract.ts';
export { retryAfterSeconds } from './rules.ts';
export { createLimiter, takeShared, type Limiter, type Want } from './service.ts';
