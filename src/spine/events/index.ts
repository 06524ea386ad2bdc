export * from './contract.ts';
export { readSettled, whenInsertersEnd } from './service/log.ts';
export { watchEvents } from './service/watch.ts';
export { replayFrom, takeMessages } from './store.ts';
export { memoryBus, notifyBus } from './service/wake.ts';
