export * from './contract.ts';
export { createCache } from './service.ts';
