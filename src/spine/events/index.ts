export * from './contract.ts';
export { readSettled, whenInsertersEnd } from './service/log.ts';
export { watchEvents } from './service/watch.ts';
