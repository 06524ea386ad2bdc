export * from './contract.ts';
export { readSettled } from './service/log.ts';
export { watchEvents } from './service/watch.ts';
